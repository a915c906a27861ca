/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The large form of a list. Invariants:
 *   1. No node is empty; `count` is the number of elements in its pack.
 *   2. A list that is no quicklist has one node at most, which is not plain.
 *   3. A plain node has one element, which was too long for a node with others when it came.
 */
#pragma once

#include "value/list.h"

/* Elements next to one another: an item of the tree. */
struct list_node {
    char *data; /* a pack, in memory of a `struct buffer` */
    uint32_t count;
    uint32_t capacity : 31;
    uint32_t plain : 1;
};

struct list {
    struct tree tree;
    int32_t fill;   /* list-max-listpack-size as it was when this became a quicklist */
    bool quicklist; /* its encoding */
};

/* May a node of these elements be, by list-max-listpack-size? */
bool list_exceeds(int64_t fill, size_t size, uint64_t count);

/* The same, once the list has become half as long as it may be. */
bool list_exceeds_half(int64_t fill, size_t size, uint64_t count);

static inline struct bytes node_pack(const struct list_node *node) {
    return pack_at(node->data);
}

/* The node that has the element at `index`, which is there; *offset is its place among the node's.
 */
struct list_node *list_node_at(struct list *list, uint64_t index, struct tree_cursor *cursor,
                               uint64_t *offset);

struct list *list_large_create(void);

/* With a single node of a copy of this pack, unless that is empty. */
struct list *list_large_from_pack(struct bytes pack);
void list_large_free(void *object);

/* Adds a node of a copy of this pack at the end. */
bool list_large_append(struct list *list, struct bytes pack, bool plain);
void list_large_make_quicklist(struct list *list);

void *list_large_copy(const void *object);

/* As the functions on `struct list_edit` of these names. */
bool list_large_push(struct list *list, enum list_end end, struct bytes text);
void list_large_remove(struct list *list, uint64_t start, uint64_t count);
bool list_large_remove_at(struct list *list, struct list_cursor *cursor, bool backwards);
bool list_large_insert(struct list *list, uint64_t index, bool after, struct bytes text);
bool list_large_replace(struct list *list, uint64_t index, struct bytes text);

/* ---- list_steps.c: while there is a list_keeper ---- */

/* An element has come; so many are about to go, or the one at the cursor is; one is about to
 * change. */
void list_tell_came(const struct list *list, uint64_t index);
void list_tell_going(const struct list *list, uint64_t index, uint64_t count);
void list_tell_going_at(const struct list *list, const struct list_cursor *cursor);
void list_tell_changing(const struct list *list, uint64_t index);
