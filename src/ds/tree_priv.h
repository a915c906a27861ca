/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What tree.c (leaves, items) and tree_shape.c (nodes, their weights, splitting and merging) share.
 *
 * Invariants, checked by tree_check:
 *   1. All leaves are at the same depth, and no node is empty. A root that is an inner node has two
 *      children at least.
 *   2. inner->weight[i] is the sum of the weights of the items below inner->child[i].
 *   3. For i > 0, the key at i is that of the first item below child[i], byte for byte: an item's
 *      owner may keep in it what dies with the item.
 *   4. A leaf has the capacity that leaf_bytes() gives for it; an inner node has TREE_FANOUT.
 *
 * Nodes below a quarter are merged with a neighbour if the two fill three quarters at most, so of
 * two neighbours one is at least a quarter full, and neither splitting nor merging is soon undone.
 */
#pragma once

#include "ds/tree.h"
#include "sys/memory.h"
#include <string.h>

/* ---- leaves ---- */

static inline size_t tree_item_size(const struct tree *tree) {
    return tree->kind->item_size;
}

static inline unsigned tree_leaf_max(const struct tree *tree) {
    return (unsigned)((TREE_LEAF_BYTES - sizeof(struct tree_leaf)) / tree_item_size(tree));
}

/* The sum over items [from, to). */
uint64_t tree_leaf_weight(const struct tree *tree, const struct tree_leaf *leaf, unsigned from,
                          unsigned to);

/* A leaf with room for this many items or a few more, linked nowhere. NULL: no memory. */
struct tree_leaf *tree_leaf_create(struct tree *tree, unsigned items);

void tree_leaf_free(struct tree *tree, struct tree_leaf *leaf);

/* Gives the cursor's leaf room for this many items in all; it may move, and cursor and parent
 * follow. False: no memory. */
bool tree_leaf_resize(struct tree_cursor *cursor, unsigned items);

/* Gives back what the cursor's leaf has too much. */
void tree_leaf_trim(struct tree_cursor *cursor);

/* ---- the nodes above ---- */

/* To the first (last) leaf below path[level]. */
struct tree_leaf *tree_descend_first(struct tree_cursor *cursor, unsigned level);
struct tree_leaf *tree_descend_last(struct tree_cursor *cursor, unsigned level);

/* The weight of all above the cursor's leaf changes. */
void tree_add_weight(struct tree_cursor *cursor, uint64_t delta);

/* `key` is now the first below the cursor's node at `level` - 1 (0: the leaf). */
void tree_set_first_key(struct tree_cursor *cursor, unsigned level, const void *key);

/* The cursor's leaf is full and as large as leaves get: makes two of it, and moves the cursor to
 * where `key`, an item's, now goes, where there is room. False: no memory, nothing has changed. */
bool tree_split(struct tree_cursor *cursor, const void *key);

/* The cursor's leaf has lost items. Removes it if it is empty, or merges it with a neighbour if
 * that is called for, and so on upwards. The cursor's place stays the same. */
void tree_shrink(struct tree_cursor *cursor);
