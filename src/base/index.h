/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "base/ensure.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An intrusive hash index: the node sits inside the element, and chains hold nodes of any hash. A
 * zeroed struct is an empty index that owns nothing. Several nodes may have the same hash: who
 * looks something up compares what the hash was made of. Not safe to share between threads. */
struct index_node {
    struct index_node *next;
    uint64_t hash;
};

struct index {
    struct index_node **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t count;
};

/* False: no memory, and the node is not in it. */
bool index_add(struct index *index, struct index_node *node, uint64_t hash);

/* The node is in it. An index that becomes empty gives its memory back. */
void index_remove(struct index *index, struct index_node *node);

/* Forgets all nodes. */
void index_free(struct index *index);

/* The same, but a small index keeps its memory, for who fills it again and again. */
void index_clear(struct index *index);

static inline struct index_node *index_with_hash(struct index_node *node, uint64_t hash) {
    while (node && node->hash != hash)
        node = node->next;
    return node;
}

/* The first node of this hash, and the one after `node` of the same; NULL = none. */
static inline struct index_node *index_first(const struct index *index, uint64_t hash) {
    if (!index->count) return NULL;
    return index_with_hash(index->buckets[hash & (index->bucket_count - 1)], hash);
}

static inline struct index_node *index_next(const struct index_node *node) {
    return index_with_hash(node->next, node->hash);
}

/* struct index_node *n; INDEX_FOREACH(n, &index) { ... } in no order. The body changes nothing. */
#define INDEX_FOREACH(node, index)                                                                 \
    for (size_t at_ = 0; at_ < (index)->bucket_count; at_++)                                       \
        for ((node) = (index)->buckets[at_]; (node); (node) = (node)->next)

/* The same for the nodes of one hash. */
#define INDEX_FOREACH_HASH(node, index, hash)                                                      \
    for ((node) = index_first(index, hash); (node); (node) = index_next(node))
