/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A table: a hash index over the blocks of an arena. The keyspace uses it, and large hashes and
 * sets.
 *
 * Extendible hashing (Fagin et al., "Extendible hashing - a fast access method for dynamic files",
 * 1979) over segments; within a segment, buckets of one cache line with tags compared twelve at
 * once and overflow counts, as in F14 (Bronson, Shi, "Open-sourcing F14 for faster, more
 * memory-efficient hash tables", 2019).
 *
 * The 64 bits of a hash: the top 8 are left to the owner (the keyspace's partition); then up to 18
 * choose the segment; bits 32 to 39 are the tag; the low 32 choose the bucket, by their rank rather
 * than their remainder, so that a bucket is a range of hashes whatever the number of buckets.
 *
 * A segment grows by steps up to 127 buckets and then splits in two; it shrinks and merges in
 * table_shrink(). No step touches more than two segments. A cursor (table_scan) is a position in
 * hash space, so it survives all of that.
 *
 * Each bucket also keeps `due`: a time in coarse units, no later than that of any of its blocks
 * that has a deadline. The owner sets and reads it; rebuilding keeps it a lower bound.
 *
 * A table belongs to whoever holds the lock of its owner; others may ask for hints.
 */
#pragma once

#include "base/ensure.h"
#include "ds/arena.h"
#include <stdbool.h>
#include <stdint.h>

#define TABLE_SLOTS        12u
#define TABLE_OWNER_BITS   8u
#define TABLE_MAX_DEPTH    18u
#define TABLE_MAX_BUCKETS  127u
#define TABLE_CURSOR_BITS  55u /* what table_scan's cursor needs of a u64 */
#define TABLE_OVERFLOW_MAX 255u

struct table_bucket {
    uint8_t tag[TABLE_SLOTS]; /* 0 = the slot is empty */
    uint8_t overflow; /* blocks that belong to this bucket or before and lie behind; 255 sticks */
    uint8_t spare;
    uint16_t due; /* 0 = no deadline */
    arena_ref ref[TABLE_SLOTS];
} __attribute__((aligned(64)));

struct table_segment {
    uint32_t count;
    uint8_t depth;
    uint8_t buckets; /* 3, 7, 15, 31, 63, 79, 95, 111 or 127; not all of these if TABLE_WIDE */
    struct table_bucket bucket[] __attribute__((aligned(64)));
};

/* The hash of a block's key: what the block was inserted under. */
typedef uint64_t table_hash_of(const void *block);

/* TABLE_WIDE: fewer, larger steps from 63 buckets on. What is inserted costs half as much
 * rebuilding, and a block takes half a byte more on average, 1.5 at worst. */
enum table_growth { TABLE_TIGHT, TABLE_WIDE };

struct table {
    uintptr_t *directory; /* 2^depth segments; the low 6 bits are (buckets + 1) / 4 */
    uint8_t depth;
    uint8_t growth;
    struct arena *arena;
    table_hash_of *hash_of;
    uint64_t count;
    uint64_t memory; /* bytes of segments and directory */
};

/* Where a block is (found) or is not. Void after any change of the table that is not made through
 * it. */
struct table_slot {
    struct table_segment *segment;
    struct table_bucket *bucket;
    unsigned index;
    uint64_t hash;
};

/* Allocates nothing yet. */
void table_init(struct table *table, struct arena *arena, table_hash_of *hash_of,
                enum table_growth growth);

/* Makes `to`, which is empty, find the same references; its arena has them. False: no memory; it is
 * empty still. */
bool table_copy(const struct table *from, struct table *to);

/* Frees the index, not the blocks. */
void table_clear(struct table *table);

/* ---- finding; inline, as the hottest path there is ---- */

static inline uint8_t table_tag(uint64_t hash) {
    uint8_t tag = (uint8_t)(hash >> 32);
    return tag ? tag : 1;
}

static inline unsigned table_directory_index(uint64_t hash, unsigned depth) {
    return (unsigned)((hash << TABLE_OWNER_BITS) >> 1 >> (63 - depth));
}

static inline unsigned table_home(uint64_t hash, unsigned buckets) {
    return (unsigned)(((hash & UINT32_MAX) * buckets) >> 32);
}

static inline struct table_segment *table_segment_of(uintptr_t tagged) {
    return (struct table_segment *)(tagged & ~(uintptr_t)63);
}

static inline unsigned table_buckets_of(uintptr_t tagged) {
    return (unsigned)(tagged & 63) * 4 - 1;
}

#if defined(__SSE2__)
#include <emmintrin.h>
static inline __attribute__((always_inline)) unsigned table_match(const struct table_bucket *bucket,
                                                                  uint8_t tag) {
    __m128i tags = _mm_load_si128((const __m128i *)(const void *)bucket);
    __m128i hit = _mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag));
    return (unsigned)_mm_movemask_epi8(hit) & ((1u << TABLE_SLOTS) - 1);
}
#else
static inline __attribute__((always_inline)) unsigned table_match(const struct table_bucket *bucket,
                                                                  uint8_t tag) {
    unsigned hit = 0;
    for (unsigned i = 0; i < TABLE_SLOTS; i++)
        hit |= (unsigned)(bucket->tag[i] == tag) << i;
    return hit;
}
#endif

/* Calls match(context, block) for candidates until it says yes. True: *slot is where it is. Always
 * inlined, so that `match` is too. */
static inline __attribute__((always_inline)) bool
table_find(const struct table *table, uint64_t hash, bool (*match)(const void *, const void *),
           const void *context, struct table_slot *slot) {
    if (UNLIKELY(!table->directory)) return false;
    uintptr_t tagged = table->directory[table_directory_index(hash, table->depth)];
    struct table_segment *segment = table_segment_of(tagged);
    unsigned buckets = table_buckets_of(tagged), at = table_home(hash, buckets);
    for (unsigned probes = 0; probes < buckets; probes++) {
        struct table_bucket *bucket = &segment->bucket[at];
        for (unsigned hits = table_match(bucket, table_tag(hash)); hits; hits &= hits - 1) {
            unsigned index = (unsigned)__builtin_ctz(hits);
            if (LIKELY(match(context, arena_at(table->arena, bucket->ref[index])))) {
                *slot = (struct table_slot){segment, bucket, index, hash};
                return true;
            }
        }
        if (LIKELY(!bucket->overflow)) return false;
        if (++at == buckets) at = 0;
    }
    return false;
}

/* The directory's entry of this hash, 0 if the table is empty; without the lock, too. */
static inline __attribute__((always_inline)) uintptr_t table_tagged(const struct table *table,
                                                                    uint64_t hash) {
    unsigned depth = __atomic_load_n(&table->depth, __ATOMIC_SEQ_CST);
    const uintptr_t *directory = __atomic_load_n(&table->directory, __ATOMIC_SEQ_CST);
    if (UNLIKELY(!directory)) return 0;
    return __atomic_load_n(&directory[table_directory_index(hash, depth)], __ATOMIC_SEQ_CST);
}

/* Where a block of this hash lies, or would; NULL: the table is empty. Without the lock, for hints
 * between readers_enter() and readers_leave(), it is an address that can be looked at. */
static inline __attribute__((always_inline)) const struct table_bucket *
table_home_bucket(const struct table *table, uint64_t hash) {
    uintptr_t tagged = table_tagged(table, hash);
    if (UNLIKELY(!tagged)) return NULL;
    return &table_segment_of(tagged)->bucket[table_home(hash, table_buckets_of(tagged))];
}

/* Hints: the bucket of this hash, then the first block in it that may be the one, or, if none may,
 * what table_insert() looks at. Always inlined: GCC takes a function that only prefetches for one
 * without effect and drops the call. */
static inline __attribute__((always_inline)) void table_prefetch_bucket(const struct table *table,
                                                                        uint64_t hash) {
    const struct table_bucket *bucket = table_home_bucket(table, hash);
    if (bucket) __builtin_prefetch(bucket);
}

/* The same for table_insert(), which looks at the head of the segment, too. */
static inline __attribute__((always_inline)) void table_prefetch_insert(const struct table *table,
                                                                        uint64_t hash) {
    if (!table->directory) return;
    uintptr_t tagged = table->directory[table_directory_index(hash, table->depth)];
    const struct table_segment *segment = table_segment_of(tagged);
    __builtin_prefetch(segment, 1);
    __builtin_prefetch(&segment->bucket[table_home(hash, table_buckets_of(tagged))], 1);
}

/* The second by itself; without the lock, too. */
static inline __attribute__((always_inline)) void
table_prefetch_block_in(const struct table *table, const struct table_bucket *bucket,
                        uint64_t hash) {
    unsigned hits = table_match(bucket, table_tag(hash));
    if (!hits) {
        __builtin_prefetch(table_segment_of(table_tagged(table, hash)));
        bool full = !table_match(bucket, 0);
        if (full) __builtin_prefetch(bucket + 1);
        return;
    }
    const char *block = arena_at_racy(table->arena, bucket->ref[__builtin_ctz(hits)]);
    __builtin_prefetch(block);
    __builtin_prefetch(block + 64);
}

static inline __attribute__((always_inline)) void table_prefetch_block(const struct table *table,
                                                                       uint64_t hash) {
    const struct table_bucket *bucket = table_home_bucket(table, hash);
    if (bucket) table_prefetch_block_in(table, bucket, hash);
}

/* The same for all blocks in a bucket. */
static inline __attribute__((always_inline)) void
table_prefetch_blocks(const struct table *table, const struct table_bucket *bucket) {
    for (unsigned i = 0; i < TABLE_SLOTS; i++)
        if (bucket->tag[i]) __builtin_prefetch(arena_at(table->arena, bucket->ref[i]));
}

static inline arena_ref table_ref(const struct table_slot *slot) {
    return slot->bucket->ref[slot->index];
}

static inline void *table_block(const struct table *table, const struct table_slot *slot) {
    return arena_at(table->arena, table_ref(slot));
}

/* ---- changing ---- */

/* Puts in a block that is not there yet. False = no memory; may grow or split one segment. */
bool table_insert(struct table *table, uint64_t hash, arena_ref ref, struct table_slot *slot);

static inline void table_replace(struct table_slot *slot, arena_ref ref) {
    slot->bucket->ref[slot->index] = ref;
}

/* A hint: so many blocks are going to be inserted. Then a table that is empty need not grow step by
 * step. Without memory nothing happens. */
void table_reserve(struct table *table, uint64_t count);

/* While very much is inserted, as at a start: segments grow in few large steps, so that each block
 * is hashed anew half as often; table_shrink() gives back what is too much. Of all tables; while
 * nobody else changes one. */
void table_grow_widely(bool widely);

/* Never allocates; the segment stays as large as it is until table_shrink(). */
void table_remove(struct table *table, struct table_slot *slot);

/* A block moved within the arena: `hash` is its key's. */
void table_moved(struct table *table, uint64_t hash, arena_ref from, arena_ref to);

/* Rebuilds the segment of this directory index smaller, or merges it with its buddy, if that saves
 * at least a step. True: something was done. */
bool table_shrink(struct table *table, unsigned directory_index);

/* ---- walking ---- */

static inline unsigned table_directory_size(const struct table *table) {
    return table->directory ? 1u << table->depth : 0;
}

/* The segment at this directory index; *next is the index of the one after it. */
struct table_segment *table_segment_at(const struct table *table, unsigned index, unsigned *next);

/* Visits all blocks; `visit` changes nothing, and false from it ends the walk. */
typedef bool table_visitor(void *context, const void *block);
void table_each(const struct table *table, table_visitor *visit, void *context);

/* Visits the blocks of the bucket at the cursor (0 = start) and returns the next cursor, 0 at the
 * end. A block that stays from the first call to the last is visited at least once, however the
 * table changes between calls. `visit` must not change the table. */
uint64_t table_scan(const struct table *table, uint64_t cursor,
                    void (*visit)(void *context, void *block), void *context);

/* The same for a visitor that does not mind blocks of later buckets, too, which come again: faster,
 * since no hash is computed. */
uint64_t table_scan_freely(const struct table *table, uint64_t cursor,
                           void (*visit)(void *context, void *block), void *context);

/* A hint: the bucket at this cursor is going to be visited. */
void table_prefetch_scan(const struct table *table, uint64_t cursor);

/* For tests: aborts on any broken invariant. */
void table_check(const struct table *table);
