/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A large hash. What stands behind the name in a block of its members:
 *
 *     u8  head    0 to 250: the value's size        251: a u32 size follows
 *                 252: deadline, a u8 size follow   253: deadline, a u32 size follow
 *     ...         value
 *
 * Fields with a deadline are found by what the buckets know of them (ds/due.h). A pass looks at all
 * buckets, some at a time, and begins when something is due or when the bounds grow old.
 *
 * Invariants:
 *   1. with_deadline is the number of fields that have one.
 *   2. No bucket will be reached (due_reached) before `earliest`, or a pass is under way and none
 *      of the segments that it has passed has one that will be before pass_earliest.
 *   3. The bucket of each field with a deadline has been told (due_note).
 */
#pragma once

#include "value/hash.h"
#include "value/members.h"

struct hash_large {
    struct members members;
    uint64_t with_deadline;
    int64_t earliest;
    int64_t pass_began_ms;
    int64_t pass_earliest;
    uint32_t pass_at; /* the next segment's place among 2^TABLE_MAX_DEPTH */
    bool passing;
    bool blind; /* the pass does not trust the bounds */
};

/* NULL: no memory. */
struct hash_large *hash_large_create(int64_t now_ms);
void hash_large_free(void *hash);
void *hash_large_copy(const void *hash);

struct hash_field {
    struct bytes value;
    int64_t deadline;
};

/* What the block's field has. */
struct hash_field hash_large_field(const void *block);

static inline bool hash_has_expired(int64_t deadline, int64_t now_ms) {
    return UNLIKELY(deadline != HASH_STAYS) && now_ms > deadline;
}

/* The block of a field, which may have expired; NULL: there is none. */
static inline void *hash_large_find(const struct hash_large *hash, struct bytes field) {
    struct table_slot slot;
    return members_find(&hash->members, field, members_hash(field), &slot);
}

/* *revived is set if the field had expired. */
enum hash_outcome hash_large_set(struct hash_large *hash, struct bytes field, struct bytes value,
                                 int64_t deadline, int64_t now_ms, bool *revived);

/* Removes the field if it has or has not `expired`. */
enum hash_outcome hash_large_remove(struct hash_large *hash, struct bytes field, bool expired,
                                    int64_t now_ms);

/* As value_ops says. */
bool hash_large_restore(void *hash, struct bytes field, const void *block, int64_t now_ms);
int64_t hash_large_deadline(const struct hash_large *hash);
unsigned hash_large_expire(struct hash_large *hash, int64_t now_ms, unsigned most,
                           value_visitor *visit, void *context);
