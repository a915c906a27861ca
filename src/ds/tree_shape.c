/* SPDX-License-Identifier: BSD-3-Clause */
#include "ds/tree_priv.h"

static size_t inner_bytes(const struct tree *tree) {
    return sizeof(struct tree_inner) + TREE_FANOUT * (size_t)tree->kind->key_size;
}

static struct tree_inner *inner_create(struct tree *tree) {
    struct tree_inner *inner = memory_alloc(inner_bytes(tree));
    if (!inner) return NULL;
    inner->node = (struct tree_node){.capacity = TREE_FANOUT};
    tree->memory += inner_bytes(tree);
    return inner;
}

static void inner_free(struct tree *tree, struct tree_inner *inner) {
    tree->memory -= inner_bytes(tree);
    memory_free(inner);
}

static char *inner_key(const struct tree *tree, struct tree_inner *inner, unsigned index) {
    return inner->keys + index * (size_t)tree->kind->key_size;
}

static uint64_t inner_weight(const struct tree_inner *inner) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < inner->node.count; i++)
        sum += inner->weight[i];
    return sum;
}

/* Moves the children from `from` on by `by` places, which there is room for, with their keys. */
static void inner_shift(const struct tree *tree, struct tree_inner *inner, unsigned from, int by) {
    unsigned count = inner->node.count - from, to = from + (unsigned)by;
    memmove(inner->weight + to, inner->weight + from, count * sizeof *inner->weight);
    memmove(inner->child + to, inner->child + from, count * sizeof *inner->child);
    memmove(inner_key(tree, inner, to), inner_key(tree, inner, from),
            count * (size_t)tree->kind->key_size);
    inner->node.count = (uint16_t)((int)inner->node.count + by);
}

/* Appends the children of `from`, from its index-th on, which stay there too. */
static void inner_copy(const struct tree *tree, struct tree_inner *inner, struct tree_inner *from,
                       unsigned index) {
    unsigned at = inner->node.count, count = from->node.count - index;
    memcpy(inner->weight + at, from->weight + index, count * sizeof *inner->weight);
    memcpy(inner->child + at, from->child + index, count * sizeof *inner->child);
    memcpy(inner_key(tree, inner, at), inner_key(tree, from, index),
           count * (size_t)tree->kind->key_size);
    inner->node.count = (uint16_t)(at + count);
}

/* ---- copying ---- */

static void free_below(struct tree *tree, struct tree_node *node, unsigned level) {
    if (level == 0) {
        tree_leaf_free(tree, (struct tree_leaf *)node);
        return;
    }
    struct tree_inner *inner = (struct tree_inner *)node;
    for (unsigned i = 0; i < node->count; i++)
        free_below(tree, inner->child[i], level - 1);
    inner_free(tree, inner);
}

static struct tree_node *copy_leaf(struct tree *tree, const struct tree_leaf *leaf) {
    struct tree_leaf *copy = tree_leaf_create(tree, leaf->node.count);
    if (!copy) return NULL;
    memcpy(copy->items, leaf->items, leaf->node.count * tree_item_size(tree));
    copy->node.count = leaf->node.count;
    return &copy->node;
}

static struct tree_node *copy_below(struct tree *tree, struct tree_node *node, unsigned level) {
    if (level == 0) return copy_leaf(tree, (struct tree_leaf *)node);
    struct tree_inner *copy = inner_create(tree);
    if (!copy) return NULL;
    inner_copy(tree, copy, (struct tree_inner *)node, 0);
    for (unsigned i = 0; i < node->count; i++) {
        copy->child[i] = copy_below(tree, copy->child[i], level - 1);
        if (copy->child[i]) continue;
        copy->node.count = (uint16_t)i;
        free_below(tree, &copy->node, level);
        return NULL;
    }
    return &copy->node;
}

bool tree_copy(const struct tree *from, struct tree *to) {
    if (!from->root) return true;
    to->root = copy_below(to, from->root, from->height);
    if (!to->root) return false;
    to->height = from->height;
    to->count = from->count;
    to->weight = from->weight;
    return true;
}

/* ---- along a cursor's path ---- */

struct tree_leaf *tree_descend_first(struct tree_cursor *cursor, unsigned level) {
    struct tree_node *node = cursor->path[level].inner->child[cursor->path[level].index];
    while (level-- > 0) {
        cursor->path[level] = (struct tree_step){(struct tree_inner *)node, 0};
        node = cursor->path[level].inner->child[0];
    }
    return cursor->leaf = (struct tree_leaf *)node;
}

struct tree_leaf *tree_descend_last(struct tree_cursor *cursor, unsigned level) {
    struct tree_node *node = cursor->path[level].inner->child[cursor->path[level].index];
    while (level-- > 0) {
        cursor->path[level] = (struct tree_step){(struct tree_inner *)node, node->count - 1u};
        node = cursor->path[level].inner->child[node->count - 1];
    }
    return cursor->leaf = (struct tree_leaf *)node;
}

void tree_add_weight(struct tree_cursor *cursor, uint64_t delta) {
    cursor->tree->weight += delta;
    for (unsigned level = 0; level < cursor->tree->height; level++)
        cursor->path[level].inner->weight[cursor->path[level].index] += delta;
}

/* It is kept in the lowest node above that does not have it as its very first. */
void tree_set_first_key(struct tree_cursor *cursor, unsigned level, const void *key) {
    const struct tree *tree = cursor->tree;
    for (; level < tree->height; level++) {
        const struct tree_step *step = &cursor->path[level];
        if (step->index == 0) continue;
        memcpy(inner_key(tree, step->inner, step->index), key, tree->kind->key_size);
        return;
    }
}

/* ---- splitting ---- */

/* The nodes that a split will take, so that it cannot fail halfway. */
struct spares {
    unsigned count;
    struct tree_inner *inner[TREE_HEIGHT_MAX];
};

/* One for each full inner node from the leaf upwards, and one for a new root if all are full. */
static unsigned spares_needed(const struct tree_cursor *cursor) {
    unsigned height = cursor->tree->height, full = 0;
    while (full < height && cursor->path[full].inner->node.count == TREE_FANOUT)
        full++;
    return full + (full == height);
}

static void spares_free(struct tree *tree, struct spares *spares) {
    while (spares->count)
        inner_free(tree, spares->inner[--spares->count]);
}

static bool spares_take(const struct tree_cursor *cursor, struct spares *spares) {
    spares->count = 0;
    unsigned needed = spares_needed(cursor);
    if (cursor->tree->height + 1 > TREE_HEIGHT_MAX) return false;
    while (spares->count < needed) {
        struct tree_inner *inner = inner_create(cursor->tree);
        if (!inner) {
            spares_free(cursor->tree, spares);
            return false;
        }
        spares->inner[spares->count++] = inner;
    }
    return true;
}

static bool is_first_leaf(const struct tree_cursor *cursor) {
    for (unsigned level = 0; level < cursor->tree->height; level++)
        if (cursor->path[level].index) return false;
    return true;
}

static bool is_last_leaf(const struct tree_cursor *cursor) {
    for (unsigned level = 0; level < cursor->tree->height; level++)
        if (cursor->path[level].index + 1 < cursor->path[level].inner->node.count) return false;
    return true;
}

/* A node that has come to be right of the cursor's at some level, and is not linked yet. */
struct sprout {
    struct tree_node *node;
    const void *key;
    uint64_t weight; /* was the left one's */
    bool follow;     /* the cursor goes to it */
};

static void grow_root(struct tree_cursor *cursor, struct tree_inner *root,
                      const struct sprout *right) {
    struct tree *tree = cursor->tree;
    root->node.count = 2;
    root->child[0] = tree->root;
    root->child[1] = right->node;
    root->weight[0] = tree->weight - right->weight;
    root->weight[1] = right->weight;
    memcpy(inner_key(tree, root, 1), right->key, tree->kind->key_size);
    tree->root = &root->node;
    cursor->path[tree->height++] = (struct tree_step){root, right->follow};
}

static void inner_insert(const struct tree *tree, struct tree_inner *inner, unsigned index,
                         const struct sprout *child) {
    inner_shift(tree, inner, index, 1);
    inner->child[index] = child->node;
    inner->weight[index] = child->weight;
    memcpy(inner_key(tree, inner, index), child->key, tree->kind->key_size);
}

/* Makes two of the full inner node at `level`, with `child` put in, and of it the right one. At the
 * end of the tree the left one stays full. */
static void inner_split(struct tree_cursor *cursor, unsigned level, struct tree_inner *right,
                        struct sprout *child, bool appending) {
    const struct tree *tree = cursor->tree;
    struct tree_step *step = &cursor->path[level];
    struct tree_inner *left = step->inner;
    unsigned kept = appending ? TREE_FANOUT : TREE_FANOUT / 2, at = step->index + 1;
    inner_copy(tree, right, left, kept);
    left->node.count = (uint16_t)kept;
    bool goes_right = at > kept || appending;
    inner_insert(tree, goes_right ? right : left, at - (goes_right ? kept : 0), child);
    step->inner = goes_right ? right : left;
    step->index += child->follow - (goes_right ? kept : 0);
    *child =
        (struct sprout){&right->node, inner_key(tree, right, 0), inner_weight(right), goes_right};
}

/* Links what has split off the cursor's leaf, splitting above it as far as needed. */
static void link_right(struct tree_cursor *cursor, struct sprout right, struct spares *spares,
                       bool appending) {
    const struct tree *tree = cursor->tree;
    for (unsigned level = 0; level < tree->height; level++) {
        struct tree_step *step = &cursor->path[level];
        step->inner->weight[step->index] -= right.weight;
        if (step->inner->node.count < TREE_FANOUT) {
            inner_insert(tree, step->inner, step->index + 1, &right);
            step->index += right.follow;
            return;
        }
        inner_split(cursor, level, spares->inner[--spares->count], &right, appending);
    }
    grow_root(cursor, spares->inner[--spares->count], &right);
}

bool tree_split(struct tree_cursor *cursor, const void *key) {
    struct tree *tree = cursor->tree;
    struct tree_leaf *leaf = cursor->leaf;
    unsigned count = leaf->node.count;
    bool appending = cursor->index == count && is_last_leaf(cursor);
    bool prepending = cursor->index == 0 && is_first_leaf(cursor);
    unsigned kept = appending ? count : prepending ? 0 : count / 2, moved = count - kept;
    struct spares spares;
    struct tree_leaf *right = tree_leaf_create(tree, moved + 1 - prepending);
    if (!right) return false;
    if (!spares_take(cursor, &spares)) {
        tree_leaf_free(tree, right);
        return false;
    }
    memcpy(right->items, leaf->items + kept * tree_item_size(tree), moved * tree_item_size(tree));
    right->node.count = (uint16_t)moved;
    leaf->node.count = (uint16_t)kept;
    tree_leaf_resize(cursor, kept + 1 - appending);
    bool follow = cursor->index > kept || appending;
    uint64_t weight = tree_leaf_weight(tree, right, 0, moved);
    link_right(cursor, (struct sprout){&right->node, moved ? right->items : key, weight, follow},
               &spares, appending);
    if (follow) {
        cursor->leaf = right;
        cursor->index -= kept;
    }
    return true;
}

/* ---- shrinking ---- */

/* Whose node is gone, or merged. */
static void unlink_child(struct tree *tree, struct tree_inner *inner, unsigned index) {
    inner_shift(tree, inner, index + 1, -1);
}

/* The root has a single child: that becomes the root. */
static void collapse_root(struct tree *tree) {
    while (tree->height && tree->root->count == 1) {
        struct tree_inner *root = (struct tree_inner *)tree->root;
        tree->root = root->child[0];
        tree->height--;
        inner_free(tree, root);
    }
}

/* The leaf is empty: removes it and all above it that becomes empty. The cursor goes to the start
 * of the next leaf, or in the absence of one to the end of the one before. */
static void remove_leaf(struct tree_cursor *cursor) {
    struct tree *tree = cursor->tree;
    unsigned level = 0;
    tree_leaf_free(tree, cursor->leaf);
    for (; level < tree->height && cursor->path[level].inner->node.count == 1; level++)
        inner_free(tree, cursor->path[level].inner);
    if (level == tree->height) {
        *tree = (struct tree){.kind = tree->kind, .memory = tree->memory};
        cursor->leaf = NULL;
        cursor->index = 0;
        return;
    }
    struct tree_step *step = &cursor->path[level];
    unlink_child(tree, step->inner, step->index);
    if (step->index < step->inner->node.count) {
        if (step->index == 0) tree_set_first_key(cursor, level + 1, step->inner->keys);
        tree_descend_first(cursor, level);
        cursor->index = 0;
    } else {
        step->index--;
        tree_descend_last(cursor, level);
        cursor->index = cursor->leaf->node.count;
    }
}

static bool fits_together(const struct tree_node *one, const struct tree_node *other,
                          unsigned max) {
    return one->count + other->count <= max * 3 / 4;
}

/* Appends the leaf right of the cursor's to it. False: no memory. */
static bool absorb_leaf(struct tree_cursor *cursor, struct tree_leaf *right) {
    struct tree *tree = cursor->tree;
    unsigned count = cursor->leaf->node.count, total = count + right->node.count;
    if (total > cursor->leaf->node.capacity && !tree_leaf_resize(cursor, total)) return false;
    memcpy(cursor->leaf->items + count * tree_item_size(tree), right->items,
           right->node.count * tree_item_size(tree));
    cursor->leaf->node.count = (uint16_t)total;
    tree_leaf_free(tree, right);
    return true;
}

/* Moves the cursor to the node left of its own at `level` (0: the leaf), keeping its place by
 * counting on beyond that one's end, for the two will be one. */
static void step_left(struct tree_cursor *cursor, unsigned level) {
    struct tree_step *parent = &cursor->path[level];
    struct tree_node *left = parent->inner->child[--parent->index];
    if (level == 0) {
        cursor->leaf = (struct tree_leaf *)left;
        cursor->index += left->count;
    } else {
        cursor->path[level - 1].inner = (struct tree_inner *)left;
        cursor->path[level - 1].index += left->count;
    }
}

static void step_right_again(struct tree_cursor *cursor) {
    struct tree_step *parent = &cursor->path[0];
    cursor->index -= cursor->leaf->node.count;
    cursor->leaf = (struct tree_leaf *)parent->inner->child[++parent->index];
}

/* Merges the cursor's node at `level` (0: the leaf) with the one to its right or left if they fit.
 * False: they do not, or there is no memory. */
static bool merge(struct tree_cursor *cursor, unsigned level) {
    struct tree *tree = cursor->tree;
    struct tree_step *parent = &cursor->path[level];
    struct tree_inner *above = parent->inner;
    unsigned max = level ? TREE_FANOUT : tree_leaf_max(tree), index = parent->index;
    const struct tree_node *node = above->child[index];
    bool from_left = false;
    if (index + 1u == above->node.count || !fits_together(node, above->child[index + 1], max)) {
        if (index == 0 || !fits_together(above->child[index - 1], node, max)) return false;
        from_left = true;
        index--;
        step_left(cursor, level);
    }
    struct tree_node *right = above->child[index + 1];
    if (level) {
        struct tree_inner *inner = (struct tree_inner *)right;
        memcpy(inner->keys, inner_key(tree, above, index + 1), tree->kind->key_size);
        inner_copy(tree, cursor->path[level - 1].inner, inner, 0);
        inner_free(tree, inner);
    } else if (!absorb_leaf(cursor, (struct tree_leaf *)right)) {
        if (from_left) step_right_again(cursor);
        return false;
    }
    above->weight[index] += above->weight[index + 1];
    unlink_child(tree, above, index + 1);
    return true;
}

void tree_shrink(struct tree_cursor *cursor) {
    struct tree *tree = cursor->tree;
    unsigned count = cursor->leaf->node.count;
    if (count == 0) {
        remove_leaf(cursor);
    } else if (count >= tree_leaf_max(tree) / 4 || !tree->height || !merge(cursor, 0)) {
        tree_leaf_trim(cursor);
        return;
    }
    for (unsigned level = 1; level < tree->height; level++)
        if (cursor->path[level - 1].inner->node.count < TREE_FANOUT / 4) merge(cursor, level);
    if (tree->root) collapse_root(tree);
}
