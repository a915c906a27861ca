/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants, checked by arena_check:
 *   1. The blocks of a small chunk, live and free, tile [0, used) without gaps.
 *   2. Every free block of at least 3 units is in exactly one bin, the bin of its size.
 *   3. chunk.live is the sum of its live blocks; small_live the sum over chunks.
 *   4. No chunk but the open one has live == 0.
 *   5. For readers without the lock (arena_at_racy), at every moment: `chunks` has at least
 *      `capacity` elements for who loads the capacity first, and is freed when no reader can have
 *      found it any more.
 */
#include "ds/arena.h"
#include "base/ensure.h"
#include "sys/chunk.h"
#include "sys/memory.h"
#include "sys/readers.h"
#include <string.h>

#define FREE_MARK 0xffu
#define MIN_UNITS (ARENA_BLOCK_MIN / ARENA_UNIT)

_Static_assert(ARENA_CHUNK_UNITS *ARENA_UNIT == CHUNK_SIZE, "a chunk is what sys/chunk.h gives");

/* A free block. */
struct hole {
    uint32_t head; /* units << 8 | FREE_MARK */
    uint32_t next; /* reference plus 1, 0 = end */
    uint32_t previous;
} __attribute__((packed, aligned(ARENA_UNIT)));

static uint32_t units_of(size_t size) {
    return size <= ARENA_BLOCK_MIN ? MIN_UNITS : (uint32_t)((size + ARENA_UNIT - 1) / ARENA_UNIT);
}

static bool is_large(size_t size) {
    return size > ARENA_SMALL_MAX;
}

static struct arena_chunk *chunk_for(const struct arena *a, arena_ref ref) {
    return &a->chunks[ref >> ARENA_OFFSET_BITS];
}

static arena_ref make_ref(uint32_t chunk, uint32_t unit) {
    return chunk << ARENA_OFFSET_BITS | unit;
}

static uint32_t unit_in_chunk(arena_ref ref) {
    return ref & (ARENA_CHUNK_UNITS - 1);
}

static bool is_hole(const void *block) {
    return *(const uint8_t *)block == FREE_MARK;
}

static uint32_t hole_units(const void *block) {
    return ((const struct hole *)block)->head >> 8;
}

/* ---- bins ---- */

static unsigned bin_of(uint32_t units) {
    if (units <= ARENA_EXACT_BINS) return units;
    unsigned log = 31u - (unsigned)__builtin_clz(units);
    unsigned bin = ARENA_EXACT_BINS + 1 + (log - 7) * 8 + ((units >> (log - 3)) & 7u);
    return MIN(bin, ARENA_BINS - 1);
}

static void bin_insert(struct arena *a, arena_ref ref, uint32_t units) {
    unsigned bin = bin_of(units);
    struct hole *hole = arena_at(a, ref);
    hole->head = units << 8 | FREE_MARK;
    hole->previous = 0;
    hole->next = a->bins[bin];
    if (hole->next) ((struct hole *)arena_at(a, hole->next - 1))->previous = ref + 1;
    a->bins[bin] = ref + 1;
    a->filled[bin / 64] |= 1ull << (bin % 64);
}

static void bin_remove(struct arena *a, arena_ref ref) {
    struct hole *hole = arena_at(a, ref);
    if (hole->next) ((struct hole *)arena_at(a, hole->next - 1))->previous = hole->previous;
    if (hole->previous) {
        ((struct hole *)arena_at(a, hole->previous - 1))->next = hole->next;
        return;
    }
    unsigned bin = bin_of(hole->head >> 8);
    a->bins[bin] = hole->next;
    if (!hole->next) a->filled[bin / 64] &= ~(1ull << (bin % 64));
}

/* The first filled bin at or above `bin`, ARENA_BINS when there is none. */
static unsigned bin_next(const struct arena *a, unsigned bin) {
    for (unsigned word = bin / 64; word < ARRAY_LEN(a->filled); word++) {
        uint64_t bits = a->filled[word];
        if (word == bin / 64) bits &= ~0ull << (bin % 64);
        if (bits) return word * 64 + (unsigned)__builtin_ctzll(bits);
    }
    return ARENA_BINS;
}

/* Makes [ref, ref + units) free, joined with a hole right behind it. What is too small for a hole
 * cannot occur: callers never leave less than MIN_UNITS. */
static void make_hole(struct arena *a, arena_ref ref, uint32_t units) {
    const struct arena_chunk *chunk = chunk_for(a, ref);
    uint32_t end = unit_in_chunk(ref) + units;
    if (end < chunk->used) {
        arena_ref behind = ref + units;
        const void *block = arena_at(a, behind);
        if (is_hole(block)) {
            units += hole_units(block);
            bin_remove(a, behind);
        }
    }
    bin_insert(a, ref, units);
}

/* ---- chunks ---- */

/* For the two sums that arena_held_racy reads. */
static void set_relaxed(uint64_t *sum, uint64_t value) {
    __atomic_store_n(sum, value, __ATOMIC_RELAXED);
}

static void set_chunks(struct arena *a, struct arena_chunk *chunks) {
    __atomic_store_n(&a->chunks, chunks, __ATOMIC_SEQ_CST);
}

static void set_capacity(struct arena *a, uint32_t capacity) {
    __atomic_store_n(&a->capacity, capacity, __ATOMIC_SEQ_CST);
}

static void free_chunks(struct arena *a) {
    set_capacity(a, 0);
    readers_wait();
    memory_free(a->chunks);
    set_chunks(a, NULL);
}

static bool grow_chunks(struct arena *a) {
    if (a->count < a->capacity) return true;
    uint32_t capacity = a->capacity ? a->capacity + MAX(a->capacity / 2, 4u) : 4;
    struct arena_chunk *old = a->chunks, *chunks = memory_alloc(capacity * sizeof *chunks);
    if (!chunks) return false;
    memset(chunks, 0, capacity * sizeof *chunks);
    if (old) memcpy(chunks, old, a->count * sizeof *chunks);
    set_chunks(a, chunks);
    set_capacity(a, capacity);
    readers_wait();
    memory_free(old);
    return true;
}

/* An index for a new chunk; ARENA_NONE when there is no memory or all are taken. */
static uint32_t take_index(struct arena *a) {
    if (a->unused) {
        while (a->chunks[a->lowest_unused].base)
            a->lowest_unused++;
        a->unused--;
        return a->lowest_unused++;
    }
    if (a->count == ARENA_MAX_CHUNKS || !grow_chunks(a)) return ARENA_NONE;
    return a->count++;
}

static void drop_index(struct arena *a, uint32_t index) {
    a->chunks[index] = (struct arena_chunk){0};
    a->lowest_unused = a->unused++ ? MIN(a->lowest_unused, index) : index;
    while (a->count && !a->chunks[a->count - 1].base) {
        a->count--;
        a->unused--;
    }
    if (!a->count) free_chunks(a);
}

static void remove_holes(struct arena *a, uint32_t index, arena_size_of *size_of) {
    const struct arena_chunk *chunk = &a->chunks[index];
    for (uint32_t unit = 0; unit < chunk->used;) {
        const void *block = chunk->base + (size_t)unit * ARENA_UNIT;
        if (is_hole(block)) {
            bin_remove(a, make_ref(index, unit));
            unit += hole_units(block);
        } else {
            unit += units_of(size_of(block));
        }
    }
}

static void release_chunk(struct arena *a, uint32_t index) {
    if (a->open == index + 1) a->open = 0;
    chunk_free(a->chunks[index].base);
    set_relaxed(&a->small_held, a->small_held - ARENA_CHUNK_UNITS);
    drop_index(a, index);
}

/* A chunk without live blocks holds holes only, so no sizes need to be known. */
static void release_empty(struct arena *a, uint32_t index) {
    remove_holes(a, index, NULL);
    release_chunk(a, index);
}

/* What is left at the end of the open chunk becomes a hole. */
static void close_open(struct arena *a) {
    if (!a->open) return;
    uint32_t index = a->open - 1;
    struct arena_chunk *chunk = &a->chunks[index];
    uint32_t rest = ARENA_CHUNK_UNITS - chunk->used;
    a->open = 0;
    if (rest >= MIN_UNITS) {
        arena_ref ref = make_ref(index, chunk->used);
        chunk->used = ARENA_CHUNK_UNITS;
        bin_insert(a, ref, rest);
    }
    if (!chunk->live) release_empty(a, index);
}

static bool open_chunk(struct arena *a) {
    void *base = chunk_alloc();
    if (!base) return false;
    close_open(a);
    uint32_t index = take_index(a);
    if (index == ARENA_NONE) {
        chunk_free(base);
        return false;
    }
    a->chunks[index] = (struct arena_chunk){.base = base};
    a->open = index + 1;
    set_relaxed(&a->small_held, a->small_held + ARENA_CHUNK_UNITS);
    return true;
}

/* ---- blocks ---- */

static void count_live(struct arena *a, arena_ref ref, int64_t units) {
    struct arena_chunk *chunk = chunk_for(a, ref);
    chunk->live = (uint16_t)(chunk->live + units);
    a->small_live += (uint64_t)units;
}

/* Takes `units` from a hole that has exactly that or enough to leave a hole behind. */
static arena_ref take_hole(struct arena *a, arena_ref ref, uint32_t units) {
    uint32_t have = hole_units(arena_at(a, ref));
    bin_remove(a, ref);
    if (have > units) bin_insert(a, ref + units, have - units);
    return ref;
}

/* In a bin of many sizes: how many holes are looked at for one that fits. */
#define BIN_TRIES 4

/* A hole of this bin that fits exactly or leaves a hole behind. */
static arena_ref find_in_bin(const struct arena *a, unsigned bin, uint32_t units) {
    arena_ref at = a->bins[bin];
    for (unsigned tries = 0; at && tries < BIN_TRIES; tries++) {
        const struct hole *hole = arena_at(a, at - 1);
        uint32_t have = hole->head >> 8;
        if (have == units || have >= units + MIN_UNITS) return at - 1;
        at = hole->next;
    }
    return ARENA_NONE;
}

static arena_ref find_hole(const struct arena *a, uint32_t units) {
    unsigned bin = bin_of(units);
    if (units <= ARENA_EXACT_BINS) {
        if (a->bins[bin]) return a->bins[bin] - 1;
        bin = bin_of(units + MIN_UNITS);
    }
    for (bin = bin_next(a, bin); bin < ARENA_BINS; bin = bin_next(a, bin + 1)) {
        arena_ref ref = find_in_bin(a, bin, units);
        if (ref != ARENA_NONE) return ref;
    }
    return ARENA_NONE;
}

static arena_ref extend_open(struct arena *a, uint32_t units) {
    if (!a->open) return ARENA_NONE;
    struct arena_chunk *chunk = &a->chunks[a->open - 1];
    if (chunk->used + units > ARENA_CHUNK_UNITS) return ARENA_NONE;
    arena_ref ref = make_ref(a->open - 1, chunk->used);
    chunk->used += units;
    return ref;
}

static arena_ref alloc_large(struct arena *a, size_t size) {
    void *base = memory_alloc(size);
    if (!base) return ARENA_NONE;
    uint32_t index = take_index(a);
    if (index == ARENA_NONE) {
        memory_free(base);
        return ARENA_NONE;
    }
    size_t usable = memory_usable(base);
    set_relaxed(&a->large_bytes, a->large_bytes + usable);
    a->chunks[index] = (struct arena_chunk){.base = base, .large = 1};
    return make_ref(index, 0);
}

arena_ref arena_alloc(struct arena *a, size_t size) {
    if (is_large(size)) return alloc_large(a, size);
    uint32_t units = units_of(size);
    arena_ref ref = find_hole(a, units);
    if (ref != ARENA_NONE) {
        ref = take_hole(a, ref, units);
    } else {
        ref = extend_open(a, units);
        if (ref == ARENA_NONE) {
            if (!open_chunk(a)) return ARENA_NONE;
            ref = extend_open(a, units);
        }
    }
    count_live(a, ref, units);
    return ref;
}

static void free_large(struct arena *a, arena_ref ref) {
    struct arena_chunk *chunk = chunk_for(a, ref);
    set_relaxed(&a->large_bytes, a->large_bytes - memory_usable(chunk->base));
    memory_free(chunk->base);
    drop_index(a, ref >> ARENA_OFFSET_BITS);
}

void arena_free(struct arena *a, arena_ref ref, size_t size) {
    if (is_large(size)) {
        free_large(a, ref);
        return;
    }
    uint32_t units = units_of(size);
    uint32_t index = ref >> ARENA_OFFSET_BITS;
    count_live(a, ref, -(int64_t)units);
    make_hole(a, ref, units);
    if (a->chunks[index].live == 0 && a->open != index + 1) release_empty(a, index);
}

static bool resize_large(struct arena *a, arena_ref ref, size_t size) {
    struct arena_chunk *chunk = chunk_for(a, ref);
    size_t usable = memory_usable(chunk->base);
    if (size <= usable && size >= usable / 2) return true;
    size_t wanted = size > usable ? size + size / 8 : size; /* appends cost amortised O(1) */
    void *base = memory_realloc(chunk->base, wanted);
    if (!base) return false;
    chunk->base = base;
    set_relaxed(&a->large_bytes, a->large_bytes + memory_usable(base) - usable);
    return true;
}

static bool grow_in_place(struct arena *a, arena_ref ref, uint32_t old, uint32_t units) {
    struct arena_chunk *chunk = chunk_for(a, ref);
    uint32_t more = units - old, end = unit_in_chunk(ref) + old;
    if (end == chunk->used) {
        bool open = a->open == (ref >> ARENA_OFFSET_BITS) + 1;
        if (!open || end + more > ARENA_CHUNK_UNITS) return false;
        chunk->used += more;
    } else {
        arena_ref behind = ref + old;
        const void *block = arena_at(a, behind);
        if (!is_hole(block)) return false;
        uint32_t have = hole_units(block);
        if (have != more && have < more + MIN_UNITS) return false;
        take_hole(a, behind, more);
    }
    count_live(a, ref, more);
    return true;
}

bool arena_resize(struct arena *a, arena_ref ref, size_t old_size, size_t size) {
    if (is_large(old_size) != is_large(size)) return false;
    if (is_large(size)) return resize_large(a, ref, size);
    uint32_t old = units_of(old_size), units = units_of(size);
    if (units == old) return true;
    if (units > old) return grow_in_place(a, ref, old, units);
    if (old - units < MIN_UNITS) return false;
    count_live(a, ref, (int64_t)units - old);
    make_hole(a, ref + units, old - units);
    return true;
}

size_t arena_cost(size_t size) {
    return is_large(size) ? ALIGN_UP(size, (size_t)16) : (size_t)units_of(size) * ARENA_UNIT;
}

size_t arena_held(const struct arena *a) {
    return a->small_held * ARENA_UNIT + a->large_bytes + a->capacity * sizeof *a->chunks;
}

size_t arena_held_racy(const struct arena *a) {
    return __atomic_load_n(&a->small_held, __ATOMIC_RELAXED) * ARENA_UNIT +
           __atomic_load_n(&a->large_bytes, __ATOMIC_RELAXED);
}

size_t arena_live(const struct arena *a) {
    return a->small_live * ARENA_UNIT + a->large_bytes;
}

/* ---- compaction ---- */

/* So many steps without a chunk won, and the blocks are taken not to fit any closer. */
#define FRUITLESS_STEPS 24u

/* Free units, without the end of the open chunk, which nobody has passed over yet. */
static uint64_t free_units(const struct arena *a) {
    uint64_t units = a->small_held - a->small_live;
    return a->open ? units - (ARENA_CHUNK_UNITS - a->chunks[a->open - 1].used) : units;
}

static uint32_t free_permille(const struct arena *a) {
    return a->small_held ? (uint32_t)(free_units(a) * 1000 / a->small_held) : 0;
}

bool arena_is_sparse(struct arena *a, unsigned percent) {
    uint32_t share = free_permille(a);
    a->settled = MIN(a->settled, share);
    return free_units(a) > ARENA_CHUNK_UNITS && share > percent * 10 &&
           share > a->settled + a->settled / 8 + 10;
}

static void note_step(struct arena *a, uint64_t held_before) {
    a->won += (int64_t)(held_before - a->small_held);
    a->fruitless++;
    if (a->won <= 0 && a->fruitless < FRUITLESS_STEPS) return;
    if (a->won <= 0) a->settled = free_permille(a);
    a->won = 0;
    a->fruitless = 0;
}

/* The small chunk, other than the open one, with the fewest live units. */
static uint32_t sparsest(const struct arena *a) {
    uint32_t best = ARENA_NONE, least = ARENA_CHUNK_UNITS * 15 / 16;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct arena_chunk *chunk = &a->chunks[i];
        if (!chunk->base || chunk->large || a->open == i + 1 || chunk->live >= least) continue;
        least = chunk->live;
        best = i;
    }
    return best;
}

bool arena_compact(struct arena *a, arena_size_of *size_of,
                   void (*moved)(void *context, arena_ref from, arena_ref to), void *context) {
    uint32_t index = sparsest(a);
    if (index == ARENA_NONE) return false;
    uint64_t held = a->small_held;
    remove_holes(a, index, size_of);
    for (uint32_t unit = 0; unit < a->chunks[index].used;) {
        const void *block = a->chunks[index].base + (size_t)unit * ARENA_UNIT;
        if (is_hole(block)) {
            unit += hole_units(block);
            continue;
        }
        size_t size = size_of(block);
        uint32_t units = units_of(size);
        arena_ref from = make_ref(index, unit), to = arena_alloc(a, size);
        if (to == ARENA_NONE) {
            /* Blocks already moved away are holes by now; those that were must be found again. */
            for (uint32_t u = unit; u < a->chunks[index].used;) {
                const void *rest = a->chunks[index].base + (size_t)u * ARENA_UNIT;
                uint32_t n = is_hole(rest) ? hole_units(rest) : units_of(size_of(rest));
                if (is_hole(rest)) bin_insert(a, make_ref(index, u), n);
                u += n;
            }
            if (unit) bin_insert(a, make_ref(index, 0), unit);
            return false;
        }
        memcpy(arena_at(a, to), block, size);
        count_live(a, from, -(int64_t)units);
        moved(context, from, to);
        unit += units;
    }
    release_chunk(a, index);
    note_step(a, held);
    return true;
}

static bool copy_chunk(const struct arena_chunk *from, struct arena_chunk *to) {
    *to = *from;
    if (!from->base) return true;
    size_t bytes = from->large ? memory_usable(from->base) : (size_t)from->used * ARENA_UNIT;
    to->base = from->large ? memory_alloc(bytes) : chunk_alloc();
    if (to->base) memcpy(to->base, from->base, bytes);
    return to->base != NULL;
}

bool arena_copy(const struct arena *from, struct arena *to) {
    struct arena_chunk *chunks = memory_alloc(MAX(from->count, 1u) * sizeof *chunks);
    if (!chunks) return false;
    *to = *from;
    to->chunks = chunks;
    to->capacity = MAX(from->count, 1u);
    for (uint32_t i = 0; i < from->count; i++) {
        if (copy_chunk(&from->chunks[i], &chunks[i])) continue;
        to->count = i;
        arena_clear(to);
        return false;
    }
    return true;
}

void arena_clear(struct arena *a) {
    for (uint32_t i = 0; i < a->count; i++) {
        if (!a->chunks[i].base) continue;
        if (a->chunks[i].large)
            memory_free(a->chunks[i].base);
        else
            chunk_free(a->chunks[i].base);
    }
    free_chunks(a);
    set_relaxed(&a->small_held, 0);
    set_relaxed(&a->large_bytes, 0);
    a->count = a->open = a->unused = a->lowest_unused = 0;
    a->small_live = 0;
    a->won = a->fruitless = a->settled = 0;
    memset(a->filled, 0, sizeof a->filled);
    memset(a->bins, 0, sizeof a->bins);
}

void arena_check(const struct arena *a, arena_size_of *size_of) {
    uint64_t live_sum = 0, holes = 0, binned = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct arena_chunk *chunk = &a->chunks[i];
        if (!chunk->base || chunk->large) continue;
        uint32_t unit = 0, live = 0;
        while (unit < chunk->used) {
            const void *block = chunk->base + (size_t)unit * ARENA_UNIT;
            uint32_t units = is_hole(block) ? hole_units(block) : units_of(size_of(block));
            holes += is_hole(block);
            live += is_hole(block) ? 0 : units;
            unit += units;
        }
        ensure(unit == chunk->used && live == chunk->live);
        ensure(live > 0 || a->open == i + 1);
        live_sum += live;
    }
    ensure(live_sum == a->small_live);
    for (unsigned bin = 0; bin < ARENA_BINS; bin++) {
        ensure(!a->bins[bin] == !(a->filled[bin / 64] >> (bin % 64) & 1));
        for (arena_ref at = a->bins[bin]; at;) {
            const struct hole *hole = arena_at(a, at - 1);
            ensure(is_hole(hole) && bin_of(hole->head >> 8) == bin);
            binned++;
            at = hole->next;
        }
    }
    ensure(binned == holes);
}
