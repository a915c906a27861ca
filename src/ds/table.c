/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants, checked by table_check:
 *   1. A segment of depth d fills 2^(depth - d) adjacent directory entries, aligned to that.
 *   2. A block lies in its home bucket, or behind it (wrapping) with every bucket from its home up
 *      to there having counted it in `overflow` (unless that stuck at 255).
 *   3. segment.count is the number of its filled slots, at most fill_limit(buckets).
 *
 * For readers without the lock (table_home_bucket), at every moment:
 *   4. The directory has at least 2^depth entries for who loads the depth first: it grows before
 *      the depth, and shrinks when nobody can have loaded the depth of before.
 *   5. Segments and directories are free when no reader can have found them any more.
 */
#include "ds/table.h"
#include "sys/memory.h"
#include "sys/readers.h"
#include <string.h>

#define FILL_PERCENT 92u /* of the slots, before a segment grows */
#define WIDE_FROM    63u /* buckets, from which one step leads to the most */

/* Each step of growth hashes all blocks of a segment anew, and reads them for that. From one split
 * to the next, the tight sizes do so six times for each block that is inserted, the wide ones three
 * times. */
static const uint8_t tight[] = {3, 7, 15, 31, 63, 79, 95, 111, 127};
static const uint8_t wide[] = {3, 7, 15, 31, 63, 95, 127};

static bool grow_widely;

static unsigned fill_limit(unsigned buckets) {
    return buckets * TABLE_SLOTS * FILL_PERCENT / 100;
}

/* The smallest size of so many buckets or more. */
static unsigned size_from(const struct table *table, unsigned buckets) {
    const uint8_t *size = table->growth == TABLE_WIDE ? wide : tight;
    while (*size < buckets)
        size++;
    return *size;
}

/* The smallest size that holds `count` blocks and a tenth more. */
static unsigned size_for(const struct table *table, unsigned count) {
    unsigned buckets = size_from(table, 0);
    while (buckets < TABLE_MAX_BUCKETS && fill_limit(buckets) < count + count / 10 + 1)
        buckets = size_from(table, buckets + 1);
    return buckets;
}

static size_t segment_bytes(unsigned buckets) {
    return (buckets + 1) * sizeof(struct table_bucket);
}

static uintptr_t tag_segment(const struct table_segment *segment) {
    return (uintptr_t)segment | (segment->buckets + 1u) / 4;
}

static struct table_segment *segment_create(struct table *table, unsigned buckets, unsigned depth) {
    struct table_segment *segment = memory_alloc_aligned(64, segment_bytes(buckets));
    if (!segment) return NULL;
    memset(segment, 0, segment_bytes(buckets));
    segment->depth = (uint8_t)depth;
    segment->buckets = (uint8_t)buckets;
    table->memory += segment_bytes(buckets);
    return segment;
}

/* Nobody finds it any more. */
static void segment_free(struct table *table, struct table_segment *segment) {
    table->memory -= segment_bytes(segment->buckets);
    memory_free(segment);
}

/* Changed under the owner's lock, read by anybody. */
static void set_count(struct table *table, uint64_t count) {
    __atomic_store_n(&table->count, count, __ATOMIC_RELAXED);
}

static void set_directory(struct table *table, uintptr_t *directory) {
    __atomic_store_n(&table->directory, directory, __ATOMIC_SEQ_CST);
}

static void set_depth(struct table *table, unsigned depth) {
    __atomic_store_n(&table->depth, (uint8_t)depth, __ATOMIC_SEQ_CST);
}

void table_init(struct table *table, struct arena *arena, table_hash_of *hash_of,
                enum table_growth growth) {
    set_directory(table, NULL);
    set_depth(table, 0);
    table->arena = arena;
    table->hash_of = hash_of;
    table->growth = growth;
    table->memory = 0;
    set_count(table, 0);
}

struct table_segment *table_segment_at(const struct table *table, unsigned index, unsigned *next) {
    struct table_segment *segment = table_segment_of(table->directory[index]);
    unsigned span = 1u << (table->depth - segment->depth);
    *next = (index & ~(span - 1)) + span;
    return segment;
}

/* ---- segments ---- */

/* Points all the directory entries of the segment, which covers `index`, to it. */
static void install(struct table *table, unsigned index, const struct table_segment *segment) {
    unsigned span = 1u << (table->depth - segment->depth);
    unsigned first = index & ~(span - 1);
    for (unsigned i = 0; i < span; i++)
        __atomic_store_n(&table->directory[first + i], tag_segment(segment), __ATOMIC_SEQ_CST);
}

/* Frees the segments at directory indices before `end`, and the directory. */
static void free_until(struct table *table, unsigned end) {
    struct table old = *table;
    table_init(table, old.arena, old.hash_of, old.growth);
    readers_wait();
    for (unsigned i = 0, next; i < end; i = next)
        segment_free(&old, table_segment_at(&old, i, &next));
    memory_free(old.directory);
}

void table_clear(struct table *table) {
    free_until(table, table_directory_size(table));
}

bool table_copy(const struct table *from, struct table *to) {
    unsigned size = table_directory_size(from);
    if (!size) return true;
    to->directory = memory_alloc(size * sizeof *to->directory);
    if (!to->directory) return false;
    to->depth = from->depth;
    to->memory = size * sizeof *to->directory;
    for (unsigned i = 0, next; i < size; i = next) {
        const struct table_segment *segment = table_segment_at(from, i, &next);
        struct table_segment *copy = segment_create(to, segment->buckets, segment->depth);
        if (!copy) {
            free_until(to, i);
            return false;
        }
        memcpy(copy, segment, segment_bytes(segment->buckets));
        install(to, i, copy);
    }
    set_count(to, from->count);
    return true;
}

/* There is room: the caller has looked. */
static void segment_put(struct table_segment *segment, uint64_t hash, arena_ref ref, uint16_t due,
                        struct table_slot *slot) {
    unsigned at = table_home(hash, segment->buckets);
    struct table_bucket *bucket;
    unsigned empty;
    for (;;) {
        bucket = &segment->bucket[at];
        empty = table_match(bucket, 0);
        if (empty) break;
        if (bucket->overflow < TABLE_OVERFLOW_MAX) bucket->overflow++;
        if (++at == segment->buckets) at = 0;
    }
    unsigned index = (unsigned)__builtin_ctz(empty);
    bucket->tag[index] = table_tag(hash);
    bucket->ref[index] = ref;
    if (due && (!bucket->due || (int16_t)(due - bucket->due) < 0)) bucket->due = due;
    segment->count++;
    if (slot) *slot = (struct table_slot){segment, bucket, index, hash};
}

/* Moves all blocks of `from` into `low` or `high`, by the hash bit that the deeper of them adds.
 * False: one of them is too small. */
static bool redistribute(const struct table *table, const struct table_segment *from,
                         struct table_segment *low, struct table_segment *high) {
    unsigned bit_at = 64 - TABLE_OWNER_BITS - low->depth;
    for (unsigned b = 0; b < from->buckets; b++) {
        if (b + 1u < from->buckets) table_prefetch_blocks(table, &from->bucket[b + 1]);
        const struct table_bucket *bucket = &from->bucket[b];
        for (unsigned i = 0; i < TABLE_SLOTS; i++) {
            if (!bucket->tag[i]) continue;
            uint64_t hash = table->hash_of(arena_at(table->arena, bucket->ref[i]));
            struct table_segment *to = high && (hash >> bit_at & 1) ? high : low;
            if (UNLIKELY(to->count == to->buckets * TABLE_SLOTS)) return false;
            segment_put(to, hash, bucket->ref[i], bucket->due, NULL);
        }
    }
    return true;
}

static bool resize(struct table *table, unsigned index, unsigned buckets) {
    struct table_segment *old = table_segment_of(table->directory[index]);
    struct table_segment *new = segment_create(table, buckets, old->depth);
    if (!new) return false;
    ensure(redistribute(table, old, new, NULL));
    install(table, index, new);
    readers_wait();
    segment_free(table, old);
    return true;
}

static bool double_directory(struct table *table) {
    unsigned size = table_directory_size(table);
    uintptr_t *directory = memory_alloc(2 * size * sizeof *directory);
    if (!directory) return false;
    for (unsigned i = 0; i < size; i++)
        directory[2 * i] = directory[2 * i + 1] = table->directory[i];
    uintptr_t *old = table->directory;
    set_directory(table, directory);
    set_depth(table, table->depth + 1u);
    readers_wait();
    memory_free(old);
    table->memory += size * sizeof *directory;
    return true;
}

/* The hash bit may put nearly all blocks on one side: then each side gets the size that its own
 * count wants. */
static unsigned count_high(const struct table *table, const struct table_segment *segment) {
    unsigned bit_at = 64 - TABLE_OWNER_BITS - (segment->depth + 1u), high = 0;
    for (unsigned b = 0; b < segment->buckets; b++) {
        const struct table_bucket *bucket = &segment->bucket[b];
        if (b + 1u < segment->buckets) table_prefetch_blocks(table, &segment->bucket[b + 1]);
        for (unsigned i = 0; i < TABLE_SLOTS; i++)
            if (bucket->tag[i])
                high += table->hash_of(arena_at(table->arena, bucket->ref[i])) >> bit_at & 1;
    }
    return high;
}

struct halves {
    struct table_segment *low, *high;
};

static void free_halves(struct table *table, struct halves halves) {
    if (halves.low) segment_free(table, halves.low);
    if (halves.high) segment_free(table, halves.high);
}

/* For half of a full segment, which would soon grow to the most when tables grow widely. */
static unsigned size_for_half(const struct table *table, unsigned count) {
    return grow_widely && count >= WIDE_FROM * TABLE_SLOTS / 2 ? TABLE_MAX_BUCKETS
                                                               : size_for(table, count);
}

/* Two segments with the blocks of `old`; without them: no memory, or too small. */
static struct halves make_halves(struct table *table, const struct table_segment *old,
                                 unsigned low_count, unsigned high_count) {
    unsigned depth = old->depth + 1u;
    struct halves halves = {segment_create(table, size_for_half(table, low_count), depth),
                            segment_create(table, size_for_half(table, high_count), depth)};
    bool made = halves.low && halves.high && redistribute(table, old, halves.low, halves.high);
    bool fits = made && halves.low->count <= fill_limit(halves.low->buckets) &&
                halves.high->count <= fill_limit(halves.high->buckets);
    if (fits) return halves;
    free_halves(table, halves);
    return (struct halves){0};
}

static bool split(struct table *table, unsigned index) {
    struct table_segment *old = table_segment_of(table->directory[index]);
    if (old->depth == TABLE_MAX_DEPTH) return false;
    if (old->depth == table->depth) {
        if (!double_directory(table)) return false;
        index *= 2;
    }
    struct halves halves = make_halves(table, old, old->count / 2, old->count / 2);
    if (UNLIKELY(!halves.low)) {
        unsigned high_count = count_high(table, old);
        halves = make_halves(table, old, old->count - high_count, high_count);
    }
    if (!halves.low) return false;
    unsigned span = 1u << (table->depth - old->depth), first = index & ~(span - 1);
    install(table, first, halves.low);
    install(table, first + span / 2, halves.high);
    readers_wait();
    segment_free(table, old);
    return true;
}

/* Of 2^depth segments of so many buckets. */
static bool create_directory(struct table *table, unsigned depth, unsigned buckets) {
    unsigned size = 1u << depth;
    uintptr_t *directory = memory_alloc(size * sizeof *directory);
    if (!directory) return false;
    for (unsigned i = 0; i < size; i++) {
        const struct table_segment *segment = segment_create(table, buckets, depth);
        if (!segment) {
            while (i--)
                segment_free(table, table_segment_of(directory[i]));
            memory_free(directory);
            return false;
        }
        directory[i] = tag_segment(segment);
    }
    table->memory += size * sizeof *directory;
    set_directory(table, directory);
    set_depth(table, depth);
    return true;
}

void table_grow_widely(bool widely) {
    grow_widely = widely;
}

static unsigned next_size(const struct table *table, unsigned buckets) {
    if (grow_widely && buckets >= WIDE_FROM) return TABLE_MAX_BUCKETS;
    return size_from(table, buckets + 1);
}

/* Room for one more block in the segment of this hash. A table that cannot grow any more (no
 * memory) still takes blocks while there are empty slots. */
static struct table_segment *make_room(struct table *table, uint64_t hash) {
    if (!table->directory && !create_directory(table, 0, size_from(table, 0))) return NULL;
    for (;;) {
        unsigned index = table_directory_index(hash, table->depth);
        struct table_segment *segment = table_segment_of(table->directory[index]);
        if (segment->count < fill_limit(segment->buckets)) return segment;
        bool grown = segment->buckets < TABLE_MAX_BUCKETS
                         ? resize(table, index, next_size(table, segment->buckets))
                         : split(table, index);
        if (!grown) return segment->count < segment->buckets * TABLE_SLOTS ? segment : NULL;
    }
}

bool table_insert(struct table *table, uint64_t hash, arena_ref ref, struct table_slot *slot) {
    struct table_segment *segment = make_room(table, hash);
    if (!segment) return false;
    segment_put(segment, hash, ref, 0, slot);
    set_count(table, table->count + 1);
    return true;
}

/* A tenth of room is left, so that few segments have to grow: their counts differ. */
void table_reserve(struct table *table, uint64_t count) {
    unsigned depth = 0;
    while (depth < TABLE_MAX_DEPTH &&
           (count >> depth) + (count >> depth) / 10 >= fill_limit(TABLE_MAX_BUCKETS))
        depth++;
    uint64_t each = MIN(count >> depth, (uint64_t)TABLE_MAX_BUCKETS * TABLE_SLOTS);
    unsigned buckets = size_for(table, (unsigned)each);
    if (!table->directory && buckets != size_from(table, 0))
        create_directory(table, depth, buckets);
}

void table_remove(struct table *table, struct table_slot *slot) {
    struct table_segment *segment = slot->segment;
    unsigned at = table_home(slot->hash, segment->buckets);
    while (&segment->bucket[at] != slot->bucket) {
        struct table_bucket *passed = &segment->bucket[at];
        if (passed->overflow < TABLE_OVERFLOW_MAX) passed->overflow--;
        if (++at == segment->buckets) at = 0;
    }
    slot->bucket->tag[slot->index] = 0;
    segment->count--;
    set_count(table, table->count - 1);
}

void table_moved(struct table *table, uint64_t hash, arena_ref from, arena_ref to) {
    uintptr_t tagged = table->directory[table_directory_index(hash, table->depth)];
    struct table_segment *segment = table_segment_of(tagged);
    unsigned at = table_home(hash, segment->buckets);
    for (;;) {
        struct table_bucket *bucket = &segment->bucket[at];
        for (unsigned hits = table_match(bucket, table_tag(hash)); hits; hits &= hits - 1) {
            unsigned index = (unsigned)__builtin_ctz(hits);
            if (bucket->ref[index] != from) continue;
            bucket->ref[index] = to;
            return;
        }
        ensure(bucket->overflow);
        if (++at == segment->buckets) at = 0;
    }
}

/* ---- shrinking ---- */

static void halve_directory(struct table *table) {
    unsigned size = table_directory_size(table);
    for (unsigned i = 0, next; i < size; i = next)
        if (table_segment_at(table, i, &next)->depth == table->depth) return;
    uintptr_t *smaller = memory_alloc(size / 2 * sizeof *smaller);
    if (!smaller) return;
    for (unsigned i = 0; i < size / 2; i++)
        smaller[i] = table->directory[2 * i];
    uintptr_t *old = table->directory;
    set_depth(table, table->depth - 1u);
    readers_wait();
    set_directory(table, smaller);
    readers_wait();
    memory_free(old);
    table->memory -= size / 2 * sizeof *smaller;
}

static bool merge(struct table *table, unsigned index) {
    struct table_segment *one = table_segment_of(table->directory[index]);
    if (!one->depth) return false;
    unsigned span = 1u << (table->depth - one->depth);
    struct table_segment *other = table_segment_of(table->directory[index ^ span]);
    unsigned sum = one->count + other->count;
    if (other->depth != one->depth || sum > fill_limit(TABLE_MAX_BUCKETS) * 3 / 4) return false;
    struct table_segment *both = segment_create(table, size_for(table, sum), one->depth - 1u);
    if (!both) return false;
    ensure(redistribute(table, one, both, NULL));
    ensure(redistribute(table, other, both, NULL));
    install(table, index, both);
    readers_wait();
    segment_free(table, one);
    segment_free(table, other);
    if (table->depth) halve_directory(table);
    return true;
}

bool table_shrink(struct table *table, unsigned directory_index) {
    if (!table->directory) return false;
    if (!table->count) {
        table_clear(table);
        return true;
    }
    struct table_segment *segment = table_segment_of(table->directory[directory_index]);
    unsigned wanted = size_for(table, segment->count), limit = fill_limit(segment->buckets);
    if (segment->count < limit / 2 && merge(table, directory_index)) return true;
    /* A step of hysteresis: below three quarters of the limit only. */
    if (wanted >= segment->buckets || segment->count * 4 > limit * 3) return false;
    return resize(table, directory_index, wanted);
}

/* ---- walking ---- */

static bool each_in_segment(const struct table *table, const struct table_segment *segment,
                            table_visitor *visit, void *context) {
    for (unsigned b = 0; b < segment->buckets; b++) {
        const struct table_bucket *bucket = &segment->bucket[b];
        if (b + 1u < segment->buckets) table_prefetch_blocks(table, bucket + 1);
        for (unsigned i = 0; i < TABLE_SLOTS; i++)
            if (bucket->tag[i] && !visit(context, arena_at(table->arena, bucket->ref[i])))
                return false;
    }
    return true;
}

void table_each(const struct table *table, table_visitor *visit, void *context) {
    for (unsigned i = 0, next; i < table_directory_size(table); i = next)
        if (!each_in_segment(table, table_segment_at(table, i, &next), visit, context)) return;
}

/* ---- scanning ----
 *
 * A cursor: pos:32 | depth:5 | prefix:18, from the high to the low bit of its 55. `prefix` is the
 * segment's range in hash space, left-aligned; `pos` the low 32 hash bits from which on its blocks
 * have not been visited; `depth` the segment's when the cursor was made. Segments are visited in
 * the order of their ranges, and buckets in the order of theirs, so all blocks before the cursor
 * have been visited whatever sizes segments have had. Only when a segment has been merged since,
 * and the cursor stood in its lower half, the upper half has not been visited at all: then the
 * merged segment is visited again from its start.
 */

#define CURSOR_PREFIX_BITS TABLE_MAX_DEPTH

static uint64_t make_cursor(uint32_t prefix, unsigned depth, uint32_t pos) {
    return (uint64_t)pos << 23 | (uint64_t)depth << 18 | prefix;
}

/* The first low hash word that belongs to this bucket. */
static uint64_t bucket_start(unsigned bucket, unsigned buckets) {
    return (((uint64_t)bucket << 32) + buckets - 1) / buckets;
}

/* Visits all blocks whose home is this bucket, wherever they lie; freely: and others. */
static inline __attribute__((always_inline)) void
visit_home(const struct table *table, const struct table_segment *segment, unsigned home,
           bool freely, void (*visit)(void *context, void *block), void *context) {
    unsigned before = home ? home - 1u : segment->buckets - 1u, at = home;
    bool pure = !segment->bucket[before].overflow; /* nothing spills into the home bucket */
    for (unsigned probes = 0; probes < segment->buckets; probes++) {
        const struct table_bucket *bucket = &segment->bucket[at];
        for (unsigned i = 0; i < TABLE_SLOTS; i++) {
            if (!bucket->tag[i]) continue;
            void *block = arena_at(table->arena, bucket->ref[i]);
            if (freely || (pure && at == home) ||
                table_home(table->hash_of(block), segment->buckets) == home)
                visit(context, block);
        }
        if (!bucket->overflow) return;
        if (++at == segment->buckets) at = 0;
    }
}

static uint32_t cursor_prefix(uint64_t cursor) {
    return cursor & ((1u << CURSOR_PREFIX_BITS) - 1);
}

static uint32_t cursor_pos(uint64_t cursor) {
    return (uint32_t)(cursor >> 23);
}

static const struct table_segment *segment_of_prefix(const struct table *table, uint32_t prefix) {
    return table_segment_of(table->directory[prefix >> (CURSOR_PREFIX_BITS - table->depth)]);
}

void table_prefetch_scan(const struct table *table, uint64_t cursor) {
    if (!table->directory) return;
    const struct table_segment *segment = segment_of_prefix(table, cursor_prefix(cursor));
    unsigned home = table_home(cursor_pos(cursor), segment->buckets);
    table_prefetch_blocks(table, &segment->bucket[home]);
    if (segment->bucket[home].overflow)
        table_prefetch_blocks(table, &segment->bucket[home + 1u < segment->buckets ? home + 1 : 0]);
}

static inline __attribute__((always_inline)) uint64_t
scan(const struct table *table, uint64_t cursor, bool freely,
     void (*visit)(void *context, void *block), void *context) {
    if (!table->directory) return 0;
    uint32_t prefix = cursor_prefix(cursor), pos = cursor_pos(cursor);
    unsigned depth = cursor >> 18 & 31;
    const struct table_segment *segment = segment_of_prefix(table, prefix);
    uint32_t width = 1u << (CURSOR_PREFIX_BITS - segment->depth), start = prefix & ~(width - 1);
    uint32_t old_width = 1u << (CURSOR_PREFIX_BITS - MIN(depth, CURSOR_PREFIX_BITS));
    if ((prefix & ~(old_width - 1)) + old_width < start + width) pos = 0;
    unsigned home = table_home(pos, segment->buckets);
    visit_home(table, segment, home, freely, visit, context);
    if (home + 1u < segment->buckets)
        return make_cursor(prefix, segment->depth,
                           (uint32_t)bucket_start(home + 1, segment->buckets));
    uint32_t next = start + width;
    return next >> CURSOR_PREFIX_BITS ? 0 : make_cursor(next, segment->depth, 0);
}

uint64_t table_scan(const struct table *table, uint64_t cursor,
                    void (*visit)(void *context, void *block), void *context) {
    return scan(table, cursor, false, visit, context);
}

uint64_t table_scan_freely(const struct table *table, uint64_t cursor,
                           void (*visit)(void *context, void *block), void *context) {
    return scan(table, cursor, true, visit, context);
}

/* ---- checking ---- */

static void check_segment(const struct table *table, const struct table_segment *segment,
                          unsigned index) {
    unsigned count = 0, overflow[TABLE_MAX_BUCKETS] = {0};
    for (unsigned b = 0; b < segment->buckets; b++) {
        for (unsigned i = 0; i < TABLE_SLOTS; i++) {
            if (!segment->bucket[b].tag[i]) continue;
            uint64_t hash = table->hash_of(arena_at(table->arena, segment->bucket[b].ref[i]));
            ensure(segment->bucket[b].tag[i] == table_tag(hash));
            ensure(table_segment_of(table->directory[table_directory_index(hash, table->depth)]) ==
                   segment);
            for (unsigned at = table_home(hash, segment->buckets); at != b;
                 at = at + 1u == segment->buckets ? 0 : at + 1)
                overflow[at]++;
            count++;
        }
    }
    for (unsigned b = 0; b < segment->buckets; b++)
        ensure(segment->bucket[b].overflow == overflow[b] ||
               segment->bucket[b].overflow == TABLE_OVERFLOW_MAX);
    ensure(count == segment->count && segment->depth <= table->depth);
    unsigned span = 1u << (table->depth - segment->depth);
    ensure(index % span == 0);
    for (unsigned i = 0; i < span; i++)
        ensure(table->directory[index + i] == tag_segment(segment));
}

void table_check(const struct table *table) {
    uint64_t count = 0;
    for (unsigned i = 0, next; i < table_directory_size(table); i = next) {
        const struct table_segment *segment = table_segment_at(table, i, &next);
        check_segment(table, segment, i);
        count += segment->count;
    }
    ensure(count == table->count);
}
