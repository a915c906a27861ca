/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A tree: items of a fixed size in an order, found by key, by rank, or from one another. Sorted
 * sets (by score and member), lists of packs (by position alone) and streams (by ID) use it.
 *
 * It is a B+tree (Bayer, McCreight, "Organization and maintenance of large ordered indices", Acta
 * Informatica 1, 1972; Comer, "The ubiquitous B-tree", Computing Surveys 11, 1979) whose inner
 * nodes count what is below each child (Knuth, The Art of Computer Programming, volume 3, 6.2.3).
 *
 * - Leaves hold the items. A leaf is as large as its items need, in steps of a malloc's size
 *   classes, up to TREE_LEAF_BYTES: so splitting in the middle leaves no memory unused, and a short
 *   tree is small. A million items of 12 bytes inserted at random take 13.5 bytes each, and 14.9
 *   once they all have moved.
 * - Inner nodes hold for each child: its weight, its pointer, and the key of the first item below
 *   it (the first child's lies further up). Keys are copies of the first `key_size` bytes of items.
 * - No links to parents or between leaves: a cursor knows its whole path.
 *
 * A weight is what an item counts for in ranks: 1, or what the kind says, for example the number of
 * elements in a list's pack.
 *
 * Items lie at multiples of their size from an address that is a multiple of 8: an item of 12 bytes
 * with a double in it is a struct aligned to 4.
 *
 * The tree never looks at items except through weight() and compare(), and does not know what they
 * own. It belongs to whoever holds the lock of its owner.
 */
#pragma once

#include "base/ensure.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_LEAF_BYTES 2048u
#define TREE_FANOUT     36u
#define TREE_HEIGHT_MAX 16u

struct tree_kind {
    uint32_t item_size; /* 4 to 64, a multiple of 4 */
    uint32_t key_size;  /* the first bytes of an item, all that compare() looks at */
    uint64_t (*weight)(
        const void *item); /* at least 1; should not miss the cache. NULL: always 1 */
};

/* Of both kinds of node. */
struct tree_node {
    uint16_t count;    /* items, or children */
    uint16_t capacity; /* the same that have room */
    uint32_t spare;
};

struct tree_leaf {
    struct tree_node node;
    char items[] __attribute__((aligned(8)));
};

struct tree_inner {
    struct tree_node node;
    uint64_t weight[TREE_FANOUT];
    struct tree_node *child[TREE_FANOUT];
    char keys[]; /* keys[0] has no meaning */
};

struct tree {
    const struct tree_kind *kind;
    struct tree_node *root; /* NULL: empty */
    uint64_t count;         /* items */
    uint64_t weight;        /* of all items */
    size_t memory;          /* bytes of nodes */
    unsigned height;        /* levels of inner nodes */
};

/* A place in a tree: at an item, or at the end. Void after any change of the tree that is not made
 * through it. */
struct tree_cursor {
    struct tree *tree;
    struct tree_leaf *leaf; /* NULL: the tree is empty */
    unsigned index;         /* leaf->count: between this leaf and the next, or at the end */
    struct tree_step {
        struct tree_inner *inner;
        unsigned index;
    } path[TREE_HEIGHT_MAX]; /* path[0] is the parent of the leaf, path[height - 1] the root */
};

/* Allocates nothing. `kind` outlives the tree. */
static inline void tree_init(struct tree *tree, const struct tree_kind *kind) {
    *tree = (struct tree){.kind = kind};
}

/* Makes `to`, which is empty and of the same kind, hold the same items byte for byte. False: no
 * memory; it is empty still. */
bool tree_copy(const struct tree *from, struct tree *to);

/* Told of each item that goes, which it may take apart; NULL: nobody is. It does not touch the
 * tree. */
typedef void tree_release(void *context, void *item);

/* Removes everything. */
void tree_clear(struct tree *tree, tree_release *release, void *context);

/* Bytes of nodes. */
static inline size_t tree_memory(const struct tree *tree) {
    return tree->memory;
}

/* ---- walking: each moves the cursor and returns the item there, NULL = there is none ---- */

void *tree_first(struct tree *tree, struct tree_cursor *cursor);
void *tree_last(struct tree *tree, struct tree_cursor *cursor);

/* Past the last item; for appending. */
void tree_end(struct tree *tree, struct tree_cursor *cursor);

/* Of the inline functions below: where they leave the leaf. */
void *tree_next_leaf(struct tree_cursor *cursor);
void *tree_next_slow(struct tree_cursor *cursor);
void *tree_prev_leaf(struct tree_cursor *cursor);

static inline void *tree_item_at(const struct tree_cursor *cursor, unsigned index) {
    return cursor->leaf->items + (size_t)index * cursor->tree->kind->item_size;
}

/* The item at the cursor; NULL at the end. It may be changed in place but for its key and its
 * weight. */
static inline void *tree_item(struct tree_cursor *cursor) {
    if (LIKELY(cursor->leaf && cursor->index < cursor->leaf->node.count))
        return tree_item_at(cursor, cursor->index);
    return tree_next_leaf(cursor);
}

/* From the last item to the end. */
static inline void *tree_next(struct tree_cursor *cursor) {
    if (LIKELY(cursor->leaf && cursor->index + 1 < cursor->leaf->node.count))
        return tree_item_at(cursor, ++cursor->index);
    return tree_next_slow(cursor);
}

/* From the end to the last item. At the first item the cursor stays, and NULL is returned. */
static inline void *tree_prev(struct tree_cursor *cursor) {
    if (LIKELY(cursor->index > 0)) return tree_item_at(cursor, --cursor->index);
    return tree_prev_leaf(cursor);
}

/* ---- ranks: the weight of all items before ---- */

/* The item that covers `rank`; *offset (may be NULL) is how far into its weight that is. At the
 * end, NULL, if rank >= tree->weight. */
void *tree_at(struct tree *tree, uint64_t rank, struct tree_cursor *cursor, uint64_t *offset);

/* tree->weight at the end. */
uint64_t tree_rank(const struct tree_cursor *cursor);

/* ---- changing ---- */

/* Puts a copy of the item in front of the one at the cursor; the cursor is at the new one then. It
 * is on the caller that this keeps the order. False: no memory, nothing has changed, the cursor
 * neither. */
bool tree_insert_at(struct tree_cursor *cursor, const void *item);

/* Adds items behind the last one, which they follow in order; leaves are filled to the brim. False:
 * no memory, nothing has changed. */
bool tree_append(struct tree *tree, const void *items, size_t count);

/* Removes the item at the cursor, which is not at the end; the cursor is at the one that followed.
 */
void tree_remove_at(struct tree_cursor *cursor);

/* Removes up to `count` items from the cursor on; the cursor is at what followed them. Returns how
 * many there were. Much faster than one by one. */
uint64_t tree_remove_run(struct tree_cursor *cursor, uint64_t count, tree_release *release,
                         void *context);

/* Overwrites the item at the cursor with one of the same weight that has the same neighbours: the
 * way to change a key in place. */
void tree_replace_at(struct tree_cursor *cursor, const void *item);

/* The weight of the item at the cursor has changed in place by `delta`. */
void tree_reweigh(struct tree_cursor *cursor, int64_t delta);

/* For tests: aborts on any broken invariant but the order. */
void tree_check(const struct tree *tree);

/* ---- finding; always inlined, so that compare() is too: give it a function of its own ---- */

/* How the probe stands to the item with this key: negative if before it, 0 if it is the item, else
 * positive. It must be monotone over the items of the tree, but need not tell all of them apart: a
 * probe may be a score alone. */
typedef int tree_compare(const void *context, const void *probe, const void *key);

/* The first of the keys [low, high) that the probe is not behind (`after`: that it is before).
 * *equal is set at each key found so to whether it is the probe; so in the end it tells of the last
 * one, which is the one searched.
 *
 * With branches, which are guessed, so that memory is read ahead of the comparisons: in a million
 * scores, a search without them took 15% longer, and prefetching leaves gained hardly anything. For
 * the same reason compare() is better written as `if (a < b) return -1;` than as a difference. */
static inline __attribute__((always_inline)) unsigned
tree_search(const char *keys, size_t stride, unsigned low, unsigned high, tree_compare *compare,
            const void *context, const void *probe, bool after, bool *equal) {
    while (low < high) {
        unsigned middle = (low + high) / 2;
        int order = compare(context, probe, keys + middle * stride);
        if (after ? order < 0 : order <= 0) {
            high = middle;
            *equal = order == 0;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static inline __attribute__((always_inline)) bool
tree_find_bound(struct tree *tree, tree_compare *compare, const void *context, const void *probe,
                bool after, struct tree_cursor *cursor) {
    bool equal = false;
    struct tree_node *node = tree->root;
    cursor->tree = tree;
    cursor->leaf = (struct tree_leaf *)node;
    cursor->index = 0;
    if (UNLIKELY(!node)) return false;
    for (unsigned level = tree->height; level-- > 0;) {
        struct tree_inner *inner = (struct tree_inner *)node;
        unsigned index = tree_search(inner->keys, tree->kind->key_size, 1, inner->node.count,
                                     compare, context, probe, after, &equal) -
                         1;
        cursor->path[level] = (struct tree_step){inner, index};
        node = inner->child[index];
    }
    cursor->leaf = (struct tree_leaf *)node;
    cursor->index = tree_search(cursor->leaf->items, tree->kind->item_size, 0, node->count, compare,
                                context, probe, after, &equal);
    return equal;
}

/* To the first item that the probe is not behind: the item itself, or where it would be inserted.
 * True: it is the item itself (the first such, if the probe stands for several). */
static inline __attribute__((always_inline)) bool tree_find(struct tree *tree,
                                                            tree_compare *compare,
                                                            const void *context, const void *probe,
                                                            struct tree_cursor *cursor) {
    return tree_find_bound(tree, compare, context, probe, false, cursor);
}

/* To the first item that the probe is before. */
static inline __attribute__((always_inline)) void
tree_find_after(struct tree *tree, tree_compare *compare, const void *context, const void *probe,
                struct tree_cursor *cursor) {
    tree_find_bound(tree, compare, context, probe, true, cursor);
}
