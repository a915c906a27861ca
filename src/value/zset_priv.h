/* SPDX-License-Identifier: BSD-3-Clause */
/* The two forms of a sorted set, for the files that make it up. */
#pragma once

#include "value/limits.h"
#include "value/members.h"
#include "value/zset.h"

/* ---- small: a pack ---- */

/* The score at a place. */
double zset_pack_score(struct bytes pack, size_t at);

static inline uint64_t zset_pack_count(struct bytes pack) {
    return pack_count(pack) / 2;
}

/* The member's place, or PACK_NONE. */
static inline size_t zset_pack_find(struct bytes pack, struct bytes member) {
    return pack_find(pack, pack_first(pack), member, 1);
}

/* How many elements are before the one at `at`. */
uint64_t zset_pack_rank(struct bytes pack, size_t at);

/* Puts in a member that is not there. `whole`: as a "listpack" has scores. False: no memory, or too
 * large for a pack. */
bool zset_pack_insert(struct buffer *pack, struct bytes member, double score, bool whole);

/* At the end, which is where it belongs. */
bool zset_pack_append(struct buffer *pack, struct bytes member, double score, bool whole);

static inline void zset_pack_delete(struct buffer *pack, size_t at, uint64_t elements) {
    pack_delete(pack, at, elements * 2);
}

/* Is a member too long, or are there too many elements, for a "listpack". */
static inline bool zset_is_long(size_t member) {
    return member > (uint64_t)value_limits.zset_max_listpack_value;
}

static inline bool zset_is_many(uint64_t elements) {
    return elements > (uint64_t)value_limits.zset_max_listpack_entries;
}

/* What large sets take up at least, about: below, a "skiplist" that does not have too many elements
 * for a "listpack" is a pack as well. */
#define ZSET_COSTLY_BYTES 4096u

/* What an element adds to a pack, at most. */
static inline size_t zset_pack_growth(struct bytes member) {
    return pack_element_size(member) + NUMBER_DOUBLE_MAX + 2;
}

/* ---- large ---- */

/* Invariants: the tree has one place for each member, with the score that its block has, in
 * order. */
struct zset {
    struct members members; /* the rest of a block is the score, 8 bytes */
    struct tree tree;       /* of places */
};

struct zset_place {
    double score;
    arena_ref ref; /* of the member's block */
} __attribute__((packed, aligned(4)));

struct zset *zset_large_create(void);
void zset_large_free(void *object);
void *zset_large_copy(const void *object);

/* A set of the pack's elements; NULL: no memory. */
struct zset *zset_large_from_pack(struct bytes pack);

static inline double zset_block_score(const void *block) {
    double score;
    memcpy(&score, members_rest(block), sizeof score);
    return score;
}

/* The block of a place. */
static inline const void *zset_block(const struct zset *set, const struct zset_place *place) {
    return arena_at(&set->members.arena, place->ref);
}

/* Behind the last element, which it follows, and not there yet. False: no memory. */
bool zset_large_append(struct zset *set, struct bytes member, double score);

/* Puts in a member that is not there. False: no memory. */
bool zset_large_insert(struct zset *set, struct bytes member, uint64_t hash, double score);

/* Gives the member at the slot another score. False: no memory. */
bool zset_large_update(struct zset *set, struct table_slot *slot, double score);

/* These may move blocks. */
void zset_large_remove(struct zset *set, struct table_slot *slot);
void zset_large_remove_ranks(struct zset *set, uint64_t first, uint64_t end);

/* A new set of the elements before rank `first` and from `end` on. NULL: no memory. */
struct zset *zset_large_without(const struct zset *set, uint64_t first, uint64_t end);

/* As value_ops says. */
bool zset_large_restore(void *object, struct bytes member, const void *block, int64_t now_ms);

/* The rank of the member at the slot. */
uint64_t zset_large_rank(const struct zset *set, const struct table_slot *slot);
