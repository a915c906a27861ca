/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An arena: memory for many small blocks, tighter than a malloc, that can be compacted.
 *
 * Blocks are multiples of 2 bytes inside 16 KiB chunks, named by a 32-bit reference (chunk and
 * offset). A block must tell its own size from its contents (`arena_size_of`), and the low byte of
 * its first word must not be 0xff, which marks free blocks; so there is no header. Free blocks are
 * kept in lists segregated by size (Masmano et al., "TLSF: a New Dynamic Memory Allocator for
 * Real-Time Systems", 2004): exact sizes up to 256 bytes, eight per doubling above.
 *
 * Nothing else than the owner's one reference may point to a block, so compaction can move it:
 * arena_compact() empties the sparsest chunk into the others and gives it back to the kernel.
 *
 * Blocks above ARENA_SMALL_MAX have a chunk of their own, of their own size, from malloc.
 *
 * An arena belongs to whoever holds the lock of its owner. A zero-initialised arena is empty.
 */
#pragma once

#include "base/ensure.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARENA_UNIT        2u
#define ARENA_CHUNK_UNITS 8192u
#define ARENA_OFFSET_BITS 13u
#define ARENA_MAX_CHUNKS  (1u << (32 - ARENA_OFFSET_BITS))
#define ARENA_SMALL_MAX   4096u
#define ARENA_BLOCK_MIN   12u /* a free block holds its size and two links */
#define ARENA_EXACT_BINS  128u
#define ARENA_BINS        (ARENA_EXACT_BINS + 1 + 4 * 8)
#define ARENA_NONE        UINT32_MAX

typedef uint32_t arena_ref;

struct arena_chunk {
    char *base;    /* NULL: the index is unused */
    uint32_t used; /* small: units laid out as blocks so far; large: nothing */
    uint16_t live; /* small: units in live blocks */
    uint16_t large;
};

struct arena {
    struct arena_chunk *chunks;
    uint32_t count, capacity;
    uint32_t open;          /* the chunk that grows at its end, plus 1; 0 = none */
    uint32_t unused;        /* how many of `chunks` are unused indices */
    uint32_t lowest_unused; /* none is below this one */
    uint64_t small_live;    /* units in live blocks of small chunks */
    uint64_t small_held;    /* units of small chunks */
    uint64_t large_bytes;   /* usable bytes of large blocks */
    int64_t won;            /* units given back by the steps of compaction since they last paid */
    uint32_t fruitless;     /* how many steps these were */
    uint32_t settled; /* the share of free units that compaction could not win back, in 1/1000 */
    uint64_t filled[(ARENA_BINS + 63) / 64]; /* a bit per bin that is not empty */
    arena_ref bins[ARENA_BINS];              /* first free block plus 1; 0 = empty */
};

/* Bytes of a live block, from its contents (before rounding). */
typedef size_t arena_size_of(const void *block);

static inline void *arena_at(const struct arena *arena, arena_ref ref) {
    return arena->chunks[ref >> ARENA_OFFSET_BITS].base +
           (size_t)(ref & (ARENA_CHUNK_UNITS - 1)) * ARENA_UNIT;
}

/* The same without the lock, between readers_enter() and readers_leave(), of any reference: an
 * address for a hint. */
static inline __attribute__((always_inline)) const char *arena_at_racy(const struct arena *arena,
                                                                       arena_ref ref) {
    uint32_t capacity = __atomic_load_n(&arena->capacity, __ATOMIC_SEQ_CST);
    const struct arena_chunk *chunks = __atomic_load_n(&arena->chunks, __ATOMIC_SEQ_CST);
    uint32_t index = ref >> ARENA_OFFSET_BITS;
    uintptr_t base = LIKELY(index < capacity) ? (uintptr_t)chunks[index].base : 0;
    return (const char *)(base + (size_t)(ref & (ARENA_CHUNK_UNITS - 1)) * ARENA_UNIT);
}

/* ARENA_NONE when there is no memory. The caller lays out the block before any other call. */
arena_ref arena_alloc(struct arena *arena, size_t size);

/* `size` is what the block was allocated or last resized with. */
void arena_free(struct arena *arena, arena_ref ref, size_t size);

/* Makes the block `size` bytes instead of `old` if it can stay where it is (a large block may move
 * in memory; its reference stays). Content is kept up to the smaller size. */
bool arena_resize(struct arena *arena, arena_ref ref, size_t old, size_t size);

/* What a block of this size costs in memory. */
size_t arena_cost(size_t size);

/* Bytes that the arena takes from the system, and bytes in live blocks. */
size_t arena_held(const struct arena *arena);
size_t arena_live(const struct arena *arena);

/* Held by blocks, for who does not hold the lock: an estimate. */
size_t arena_held_racy(const struct arena *arena);

/* True when compaction is likely to give a chunk back, and free space is above `percent` of what is
 * held. Blocks of awkward sizes (2100 bytes: seven to a chunk, a tenth left over) cannot be packed
 * closer: once compaction has found that out, it takes a larger share than it left to say yes. */
bool arena_is_sparse(struct arena *arena, unsigned percent);

/* Empties the sparsest chunk: `moved` is told of each block that has a new place (its content has
 * been copied already) and puts the new reference where the old one stood. Takes time for one chunk
 * (tens of microseconds). False: nothing to gain, or no memory for the move. */
bool arena_compact(struct arena *arena, arena_size_of *size_of,
                   void (*moved)(void *context, arena_ref from, arena_ref to), void *context);

/* Makes `to`, which is empty, hold the same blocks under the same references. False: no memory; it
 * is empty still. */
bool arena_copy(const struct arena *from, struct arena *to);

/* Frees all memory; the arena is empty afterwards. */
void arena_clear(struct arena *arena);

/* For tests: walks all chunks, aborts on any broken invariant. */
void arena_check(const struct arena *arena, arena_size_of *size_of);
