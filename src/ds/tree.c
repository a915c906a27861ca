/* SPDX-License-Identifier: BSD-3-Clause */
#include "ds/tree_priv.h"

/* ---- leaves ---- */

/* The smallest size of leaf for this many items: a power of two, or above a half of the largest a
 * multiple of an eighth of it, all of which are size classes of jemalloc. Splitting a full leaf
 * gives two halves, so most leaves are in the upper half, and have 6% of themselves unused. */
static size_t leaf_bytes(const struct tree *tree, unsigned items) {
    size_t needed = sizeof(struct tree_leaf) + items * tree_item_size(tree);
    if (needed > TREE_LEAF_BYTES / 2) return ALIGN_UP(needed, TREE_LEAF_BYTES / 8);
    size_t bytes = 64;
    while (bytes < needed)
        bytes *= 2;
    return bytes;
}

static void leaf_set_capacity(const struct tree *tree, struct tree_leaf *leaf, size_t bytes) {
    leaf->node.capacity = (uint16_t)((bytes - sizeof *leaf) / tree_item_size(tree));
}

static size_t leaf_held(const struct tree *tree, const struct tree_leaf *leaf) {
    return leaf_bytes(tree, leaf->node.capacity);
}

struct tree_leaf *tree_leaf_create(struct tree *tree, unsigned items) {
    size_t bytes = leaf_bytes(tree, items);
    struct tree_leaf *leaf = memory_alloc(bytes);
    if (!leaf) return NULL;
    leaf->node = (struct tree_node){0};
    leaf_set_capacity(tree, leaf, bytes);
    tree->memory += bytes;
    return leaf;
}

void tree_leaf_free(struct tree *tree, struct tree_leaf *leaf) {
    tree->memory -= leaf_held(tree, leaf);
    memory_free(leaf);
}

bool tree_leaf_resize(struct tree_cursor *cursor, unsigned items) {
    struct tree *tree = cursor->tree;
    size_t old = leaf_held(tree, cursor->leaf), new = leaf_bytes(tree, items);
    struct tree_leaf *leaf = memory_realloc(cursor->leaf, new);
    if (!leaf) return false;
    leaf_set_capacity(tree, leaf, new);
    tree->memory += new - old;
    cursor->leaf = leaf;
    if (tree->height)
        cursor->path[0].inner->child[cursor->path[0].index] = &leaf->node;
    else
        tree->root = &leaf->node;
    return true;
}

/* Leaves room for the eighth of a leaf, lest the next insertion wants it back. */
void tree_leaf_trim(struct tree_cursor *cursor) {
    const struct tree *tree = cursor->tree;
    unsigned max = tree_leaf_max(tree), wanted = cursor->leaf->node.count + max / 8;
    if (wanted <= max && leaf_bytes(tree, wanted) < leaf_held(tree, cursor->leaf))
        tree_leaf_resize(cursor, wanted);
}

uint64_t tree_leaf_weight(const struct tree *tree, const struct tree_leaf *leaf, unsigned from,
                          unsigned to) {
    if (!tree->kind->weight) return to - from;
    uint64_t sum = 0;
    for (unsigned i = from; i < to; i++)
        sum += tree->kind->weight(leaf->items + i * tree_item_size(tree));
    return sum;
}

/* ---- walking ---- */

static void cursor_at_root(struct tree *tree, struct tree_cursor *cursor) {
    cursor->tree = tree;
    cursor->leaf = (struct tree_leaf *)tree->root;
    cursor->index = 0;
}

void *tree_first(struct tree *tree, struct tree_cursor *cursor) {
    cursor_at_root(tree, cursor);
    if (!tree->root) return NULL;
    if (tree->height) {
        cursor->path[tree->height - 1] = (struct tree_step){(struct tree_inner *)tree->root, 0};
        tree_descend_first(cursor, tree->height - 1);
    }
    return tree_item_at(cursor, 0);
}

void tree_end(struct tree *tree, struct tree_cursor *cursor) {
    cursor_at_root(tree, cursor);
    if (!tree->root) return;
    if (tree->height) {
        cursor->path[tree->height - 1] =
            (struct tree_step){(struct tree_inner *)tree->root, tree->root->count - 1u};
        tree_descend_last(cursor, tree->height - 1);
    }
    cursor->index = cursor->leaf->node.count;
}

void *tree_last(struct tree *tree, struct tree_cursor *cursor) {
    tree_end(tree, cursor);
    return tree_prev(cursor);
}

void *tree_next_leaf(struct tree_cursor *cursor) {
    if (!cursor->leaf) return NULL;
    for (unsigned level = 0; level < cursor->tree->height; level++) {
        struct tree_step *step = &cursor->path[level];
        if (step->index + 1 == step->inner->node.count) continue;
        step->index++;
        tree_descend_first(cursor, level);
        cursor->index = 0;
        return tree_item_at(cursor, 0);
    }
    cursor->index = cursor->leaf->node.count;
    return NULL;
}

void *tree_next_slow(struct tree_cursor *cursor) {
    if (!tree_item(cursor)) return NULL;
    if (++cursor->index < cursor->leaf->node.count) return tree_item_at(cursor, cursor->index);
    return tree_next_leaf(cursor);
}

void *tree_prev_leaf(struct tree_cursor *cursor) {
    if (!cursor->leaf) return NULL;
    for (unsigned level = 0; level < cursor->tree->height; level++) {
        struct tree_step *step = &cursor->path[level];
        if (step->index == 0) continue;
        step->index--;
        tree_descend_last(cursor, level);
        cursor->index = cursor->leaf->node.count - 1u;
        return tree_item_at(cursor, cursor->index);
    }
    return NULL;
}

/* ---- ranks ---- */

void *tree_at(struct tree *tree, uint64_t rank, struct tree_cursor *cursor, uint64_t *offset) {
    if (rank >= tree->weight) {
        tree_end(tree, cursor);
        return NULL;
    }
    cursor->tree = tree;
    struct tree_node *node = tree->root;
    for (unsigned level = tree->height; level-- > 0;) {
        struct tree_inner *inner = (struct tree_inner *)node;
        unsigned index = 0;
        while (rank >= inner->weight[index])
            rank -= inner->weight[index++];
        cursor->path[level] = (struct tree_step){inner, index};
        node = inner->child[index];
    }
    cursor->leaf = (struct tree_leaf *)node;
    cursor->index = 0;
    if (tree->kind->weight) {
        for (uint64_t weight;
             rank >= (weight = tree->kind->weight(tree_item_at(cursor, cursor->index)));
             cursor->index++)
            rank -= weight;
    } else {
        cursor->index = (unsigned)rank;
        rank = 0;
    }
    if (offset) *offset = rank;
    return tree_item_at(cursor, cursor->index);
}

uint64_t tree_rank(const struct tree_cursor *cursor) {
    if (!cursor->leaf) return 0;
    uint64_t rank = tree_leaf_weight(cursor->tree, cursor->leaf, 0, cursor->index);
    for (unsigned level = 0; level < cursor->tree->height; level++) {
        const struct tree_step *step = &cursor->path[level];
        for (unsigned i = 0; i < step->index; i++)
            rank += step->inner->weight[i];
    }
    return rank;
}

void tree_reweigh(struct tree_cursor *cursor, int64_t delta) {
    ensure(tree_item(cursor));
    tree_add_weight(cursor, (uint64_t)delta);
}

/* ---- changing ---- */

/* Makes sure that there is room for an item in the cursor's leaf. */
static bool make_room(struct tree_cursor *cursor, const void *item) {
    struct tree *tree = cursor->tree;
    if (UNLIKELY(!cursor->leaf)) {
        struct tree_leaf *leaf = tree_leaf_create(tree, 1);
        if (!leaf) return false;
        cursor_at_root(tree, cursor);
        cursor->leaf = leaf;
        tree->root = &leaf->node;
        return true;
    }
    const struct tree_node *node = &cursor->leaf->node;
    if (LIKELY(node->count < node->capacity)) return true;
    if (node->count < tree_leaf_max(tree)) return tree_leaf_resize(cursor, node->count + 1u);
    return tree_split(cursor, item);
}

/* There is room. */
static void put(struct tree_cursor *cursor, const void *items, unsigned count) {
    struct tree *tree = cursor->tree;
    struct tree_leaf *leaf = cursor->leaf;
    unsigned index = cursor->index;
    size_t size = tree_item_size(tree);
    char *at = leaf->items + index * size;
    memmove(at + count * size, at, (leaf->node.count - index) * size);
    memcpy(at, items, count * size);
    leaf->node.count = (uint16_t)(leaf->node.count + count);
    tree->count += count;
    tree_add_weight(cursor, tree_leaf_weight(tree, leaf, index, index + count));
    if (index == 0) tree_set_first_key(cursor, 0, items);
}

bool tree_insert_at(struct tree_cursor *cursor, const void *item) {
    if (!make_room(cursor, item)) return false;
    put(cursor, item, 1);
    return true;
}

/* As many of the items as go into the last leaf, which is a new one if that is full; 0 = no
 * memory. */
static unsigned append_some(struct tree_cursor *cursor, const char *items, size_t count) {
    tree_end(cursor->tree, cursor);
    if (!make_room(cursor, items)) return 0;
    const struct tree_node *node = &cursor->leaf->node;
    unsigned some = (unsigned)MIN(count, (size_t)tree_leaf_max(cursor->tree) - node->count);
    if (node->count + some > node->capacity &&
        !tree_leaf_resize(cursor, cursor->leaf->node.count + some))
        some = 1;
    put(cursor, items, some);
    return some;
}

bool tree_append(struct tree *tree, const void *items, size_t count) {
    struct tree_cursor cursor = {.tree = tree};
    uint64_t old_weight = tree->weight;
    for (const char *rest = items; count;) {
        unsigned some = append_some(&cursor, rest, count);
        if (!some) {
            tree_at(tree, old_weight, &cursor, NULL);
            tree_remove_run(&cursor, UINT64_MAX, NULL, NULL);
            return false;
        }
        rest += some * tree_item_size(tree);
        count -= some;
    }
    return true;
}

/* From the cursor's leaf. */
static void remove_items(struct tree_cursor *cursor, unsigned count) {
    struct tree *tree = cursor->tree;
    struct tree_leaf *leaf = cursor->leaf;
    size_t size = tree_item_size(tree);
    unsigned from = cursor->index, to = from + count;
    tree->count -= count;
    tree_add_weight(cursor, -tree_leaf_weight(tree, leaf, from, to));
    memmove(leaf->items + from * size, leaf->items + to * size, (leaf->node.count - to) * size);
    leaf->node.count = (uint16_t)(leaf->node.count - count);
    if (from == 0 && leaf->node.count) tree_set_first_key(cursor, 0, leaf->items);
    tree_shrink(cursor);
}

void tree_remove_at(struct tree_cursor *cursor) {
    ensure(tree_item(cursor));
    remove_items(cursor, 1);
}

uint64_t tree_remove_run(struct tree_cursor *cursor, uint64_t count, tree_release *release,
                         void *context) {
    uint64_t removed = 0;
    while (removed < count && tree_item(cursor)) {
        unsigned here = cursor->leaf->node.count - cursor->index;
        here = (unsigned)MIN((uint64_t)here, count - removed);
        for (unsigned i = 0; release && i < here; i++)
            release(context, tree_item_at(cursor, cursor->index + i));
        remove_items(cursor, here);
        removed += here;
    }
    return removed;
}

void tree_replace_at(struct tree_cursor *cursor, const void *item) {
    void *at = tree_item(cursor);
    ensure(at);
    memcpy(at, item, tree_item_size(cursor->tree));
    if (cursor->index == 0) tree_set_first_key(cursor, 0, item);
}

/* A leaf at a time, from the end. */
void tree_clear(struct tree *tree, tree_release *release, void *context) {
    struct tree_cursor cursor;
    while (tree_last(tree, &cursor)) {
        cursor.index = 0;
        tree_remove_run(&cursor, cursor.leaf->node.count, release, context);
    }
}
