/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/index.h"
#include <stdlib.h>
#include <string.h>

#define SMALLEST 8u
#define KEPT     64u /* buckets that are quick to clear */

static void push(struct index *index, struct index_node *node) {
    struct index_node **bucket = &index->buckets[node->hash & (index->bucket_count - 1)];
    node->next = *bucket;
    *bucket = node;
}

static bool resize(struct index *index, size_t bucket_count) {
    struct index grown = {.bucket_count = bucket_count, .count = index->count};
    grown.buckets = calloc(bucket_count, sizeof(struct index_node *));
    if (!grown.buckets) return false;
    for (size_t i = 0; i < index->bucket_count; i++) {
        for (struct index_node *node = index->buckets[i], *next; node; node = next) {
            next = node->next;
            push(&grown, node);
        }
    }
    free(index->buckets);
    *index = grown;
    return true;
}

bool index_add(struct index *index, struct index_node *node, uint64_t hash) {
    /* Without memory to grow, chains get longer: that is slower, and correct. */
    if (index->count >= index->bucket_count &&
        !resize(index, index->bucket_count ? index->bucket_count * 2 : SMALLEST) &&
        !index->bucket_count)
        return false;
    node->hash = hash;
    push(index, node);
    index->count++;
    return true;
}

void index_remove(struct index *index, struct index_node *node) {
    struct index_node **at = &index->buckets[node->hash & (index->bucket_count - 1)];
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    index->count--;
    if (index->count == 0)
        index_free(index);
    else if (index->bucket_count > SMALLEST && index->count < index->bucket_count / 8)
        resize(index, index->bucket_count / 2);
}

void index_free(struct index *index) {
    free(index->buckets);
    *index = (struct index){0};
}

void index_clear(struct index *index) {
    if (!index->count) return;
    if (index->bucket_count > KEPT) {
        index_free(index);
        return;
    }
    memset(index->buckets, 0, index->bucket_count * sizeof *index->buckets);
    index->count = 0;
}
