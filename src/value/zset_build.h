/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A sorted set that a command puts together from others: elements come in any order, a member may
 * come several times, and when all are there they are put in order.
 */
#pragma once

#include "value/zset.h"

enum zset_aggregate { ZSET_SUM, ZSET_MIN, ZSET_MAX };

/* What two scores of one member give. Infinities of both signs sum up to 0; an `other` that is no
 * number is neither less nor more. */
double zset_aggregate(enum zset_aggregate how, double one, double other);

struct zset_built {
    double score;
    uint32_t hash; /* of the name, its low half */
    uint32_t size; /* of the name */
    uint64_t name; /* where it begins in `names` */
};

/* A zeroed struct is an empty builder. */
struct zset_builder {
    struct buffer names;
    struct zset_built *items;
    uint64_t count, capacity;
    uint32_t *slots; /* 2^bits indices of items, plus 1; 0 = empty; only made when it is needed */
    unsigned bits;
    size_t longest; /* name */
    bool ordered;   /* they have come in order so far */
};

void zset_builder_free(struct zset_builder *builder);

/* Adds an element whose member is not there. False: no memory. */
bool zset_builder_add(struct zset_builder *builder, struct bytes member, double score);

/* Adds an element, or gives a member that is there what its score and this one give. False: no
 * memory. Not to be mixed with zset_builder_add. */
bool zset_builder_merge(struct zset_builder *builder, struct bytes member, double score,
                        enum zset_aggregate how);

/* No more elements: puts them in order. */
void zset_builder_sort(struct zset_builder *builder);

static inline struct bytes zset_builder_name(const struct zset_builder *builder,
                                             const struct zset_built *item) {
    return item->size ? bytes_make(builder->names.data + item->name, item->size) : BYTES("");
}

static inline struct bytes zset_builder_member(const struct zset_builder *builder, uint64_t i) {
    return zset_builder_name(builder, &builder->items[i]);
}

/* Makes a value of the elements, in order: a small one in `pack`,
 * or an object that is the caller's. False: no memory. */
bool zset_builder_value(const struct zset_builder *builder, struct buffer *pack,
                        struct value *value);
