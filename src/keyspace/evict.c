/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sampled eviction, as Redis does it: a pool keeps the best victims seen so far, each draw adds
 * those of one bucket (about ten keys that share a cache line), the best goes. The pool remembers
 * hashes, not pointers: what was removed or moved since is simply not found.
 */
#include "keyspace/evict.h"
#include "keyspace/janitor.h"
#include "keyspace/keyspace_priv.h"
#include "keyspace/maintain.h"
#include "keyspace/policy.h"
#include "sys/chunk.h"
#include "sys/clock.h"
#include "sys/memory.h"
#include <stdatomic.h>

#define POOL_SIZE        16
#define LOOK_EVERY_US    5000
#define KEYS_PER_CALL    64
#define EVICT_SLICE_US   500
#define DRAWS_PER_CALL   256
#define BUCKETS_PER_DRAW 256 /* looked at for one that has victims */
#define SPARE_PERCENT    5   /* of maxmemory: free space in arenas that stays */
#define COMPACT_PERCENT  3

struct victim {
    uint64_t hash;
    uint64_t coldness; /* larger goes first */
    uint32_t db;
};

/* A worker's own. */
struct pool {
    struct victim victims[POOL_SIZE]; /* by rising coldness */
    unsigned count;
    unsigned compact_at; /* the partition to look at next */
    struct random random;
} __attribute__((aligned(64)));

struct evictor {
    struct pool *pools;
    atomic_llong looked_us;
    atomic_llong allowance; /* bytes of entries there may be; INT64_MAX = no limit */
    atomic_llong released;  /* keyspace_released_bytes() of all workers when that was found out */
    atomic_bool fragmented; /* free space in arenas is worth compacting */
};

struct evictor *evictor_create(const struct keyspace *ks) {
    struct evictor *evictor = memory_alloc_zero(sizeof *evictor);
    if (!evictor) return NULL;
    evictor->allowance = INT64_MAX;
    evictor->pools = memory_alloc_aligned(64, ks->workers * sizeof *evictor->pools);
    if (!evictor->pools) {
        memory_free(evictor);
        return NULL;
    }
    memset(evictor->pools, 0, ks->workers * sizeof *evictor->pools);
    for (unsigned i = 0; i < ks->workers; i++)
        random_seed(&evictor->pools[i].random, (uint64_t)clock_mono_us() + i);
    return evictor;
}

void evictor_free(struct evictor *evictor) {
    if (!evictor) return;
    memory_free(evictor->pools);
    memory_free(evictor);
}

/* ---- the limit ---- */

static int64_t live_bytes(const struct keyspace *ks) {
    int64_t sum = 0;
    for (unsigned i = 0; i < ks->workers; i++)
        sum += keyspace_live_bytes(&ks->counters[i]);
    return sum;
}

static int64_t released_bytes(const struct keyspace *ks) {
    int64_t sum = 0;
    for (unsigned i = 0; i < ks->workers; i++)
        sum += keyspace_released_bytes(&ks->counters[i]);
    return sum;
}

/* Free bytes in arenas that compaction should win back, read without locks: an estimate. What is
 * left then is up to a chunk in each arena, and SPARE_PERCENT of all. */
static int64_t excess_holes(const struct keyspace *ks, int64_t live, bool *fragmented) {
    int64_t held = 0, spare = policy.maxmemory * SPARE_PERCENT / 100;
    for (unsigned db = 0; db < ks->databases; db++) {
        if (!database_used(ks->database[db])) continue;
        for (unsigned p = 0; p < PARTITION_COUNT; p++) {
            int64_t bytes = (int64_t)arena_held_racy(&ks->database[db]->slices[p].arena);
            held += bytes;
            spare += bytes ? CHUNK_SIZE : 0;
        }
    }
    *fragmented = (held - live) * 100 > held * COMPACT_PERCENT;
    return MAX(held - live - spare, (int64_t)0);
}

static size_t (*measure)(void) = memory_resident;

void evict_measure_with(size_t (*resident)(void)) {
    measure = resident ? resident : memory_resident;
}

/* Pages that the allocator has got back and not yet returned: new entries will use them. Were they
 * counted, then evicting large values would seem not to help, and go on and on. */
static int64_t idle_pages(void) {
    struct memory_stats stats;
    memory_stats(&stats);
    return MAX((int64_t)(stats.resident - stats.active - stats.metadata), (int64_t)0);
}

/* What the janitor has still to free counts as free. */
static void look(const struct keyspace *ks, int64_t now_us) {
    struct evictor *evictor = ks->evictor;
    evictor->looked_us = now_us;
    evictor->released = released_bytes(ks);
    int64_t leaving = (int64_t)janitor_bytes(ks->janitor), resident = (int64_t)measure();
    int64_t live = live_bytes(ks), others = MAX(resident - leaving - live, (int64_t)0);
    bool fragmented;
    int64_t allowance = policy.maxmemory - others + excess_holes(ks, live, &fragmented);
    if (live > allowance) allowance += MAX(MIN(idle_pages(), others), (int64_t)0);
    evictor->fragmented = fragmented;
    evictor->allowance = allowance;
}

static bool is_over(const struct keyspace *ks) {
    int64_t now_us = clock_mono_us();
    if (now_us - ks->evictor->looked_us > LOOK_EVERY_US) look(ks, now_us);
    /* Objects that have gone since then make room; entries that came since then take it. */
    return live_bytes(ks) + ks->evictor->released - released_bytes(ks) > ks->evictor->allowance;
}

/* ---- victims ---- */

static uint64_t coldness(const struct entry *e, int64_t now_ms) {
    if (policy.maxmemory_policy & POLICY_TTL) return UINT64_MAX - (uint64_t)entry_expiry(e);
    return clock_coldness(entry_clock(e), now_ms);
}

static bool is_candidate(const struct entry *e) {
    return !(policy.maxmemory_policy & POLICY_VOLATILE) || entry_has_expiry(e);
}

static void pool_add(struct pool *pool, struct victim v) {
    unsigned at = pool->count;
    for (unsigned i = 0; i < pool->count; i++)
        if (pool->victims[i].hash == v.hash && pool->victims[i].db == v.db) return;
    while (at > 0 && pool->victims[at - 1].coldness > v.coldness)
        at--;
    if (pool->count < POOL_SIZE) {
        memmove(&pool->victims[at + 1], &pool->victims[at],
                (pool->count - at) * sizeof *pool->victims);
        pool->count++;
    } else {
        if (at == 0) return;
        memmove(&pool->victims[0], &pool->victims[1], --at * sizeof *pool->victims);
    }
    pool->victims[at] = v;
}

/* The first bucket from a random one on that may have victims. */
static const struct table_bucket *draw_bucket(const struct table *table, struct random *random) {
    unsigned size = table_directory_size(table), next;
    if (!table->count) return NULL;
    const struct table_segment *segment =
        table_segment_at(table, (unsigned)random_below(random, size), &next);
    unsigned at = (unsigned)random_below(random, segment->buckets);
    bool only_volatile = (policy.maxmemory_policy & POLICY_VOLATILE) != 0;
    for (unsigned i = 0; i < BUCKETS_PER_DRAW; i++) {
        const struct table_bucket *bucket = &segment->bucket[at];
        if (only_volatile ? bucket->due != 0 : table_match(bucket, 0) != (1u << TABLE_SLOTS) - 1)
            return bucket;
        if (++at < segment->buckets) continue;
        segment = table_segment_at(table, next < size ? next : 0, &next);
        at = 0;
    }
    return NULL;
}

static void draw_from(struct view *view, const struct slice *slice, struct pool *pool) {
    const struct table_bucket *bucket = draw_bucket(&slice->table, &pool->random);
    if (!bucket) return;
    for (unsigned i = 0; i < TABLE_SLOTS; i++)
        if (bucket->tag[i]) __builtin_prefetch(arena_at(&slice->arena, bucket->ref[i]));
    for (unsigned i = 0; i < TABLE_SLOTS; i++) {
        if (!bucket->tag[i]) continue;
        const struct entry *e = arena_at(&slice->arena, bucket->ref[i]);
        if (!is_candidate(e)) continue;
        uint64_t cold = policy.maxmemory_policy & POLICY_RANDOM ? random_next(&pool->random)
                                                                : coldness(e, view->now_ms);
        pool_add(pool, (struct victim){entry_hash(e), cold, view->db});
    }
}

static bool has_candidates(const struct slice *slice) {
    if (policy.maxmemory_policy & POLICY_VOLATILE)
        return __atomic_load_n(&slice->volatile_keys, __ATOMIC_RELAXED) > 0;
    return slice_keys(slice) > 0;
}

/* Adds victims of every database in use. False: there are none anywhere. */
static bool draw(struct view *view, struct pool *pool) {
    struct keyspace *ks = view->keyspace;
    bool any = false;
    for (unsigned db = 0; db < ks->databases; db++) {
        if (!database_used(ks->database[db])) continue;
        view->db = db;
        unsigned first = (unsigned)random_below(&pool->random, PARTITION_COUNT), had = pool->count;
        for (unsigned i = 0; i < PARTITION_COUNT; i++) {
            unsigned p = (first + i) % PARTITION_COUNT;
            if (!has_candidates(&ks->database[db]->slices[p])) continue;
            any = true;
            if (!partition_lock_soon(ks->gate, view->worker, p)) continue;
            draw_from(view, &ks->database[db]->slices[p], pool);
            partition_unlock(ks->gate, view->worker, p);
            if (pool->count > had || pool->count == POOL_SIZE) break;
        }
    }
    return any;
}

static bool evict(struct view *view, struct victim v) {
    struct keyspace *ks = view->keyspace;
    unsigned partition = hash_partition(v.hash);
    view->db = v.db;
    if (!partition_lock_soon(ks->gate, view->worker, partition)) return false;
    struct slice *slice = &ks->database[v.db]->slices[partition];
    struct spot spot = {.slice = slice};
    bool found = table_find(&slice->table, v.hash, entry_has_hash, &v.hash, &spot.slot);
    if (found) {
        spot.entry = table_block(&slice->table, &spot.slot);
        found = is_candidate(spot.entry) && (policy.maxmemory_policy & POLICY_RANDOM ||
                                             coldness(spot.entry, view->now_ms) >= v.coldness);
    }
    if (found) {
        struct key key = {entry_key(spot.entry), v.hash};
        spot.key = &key;
        view->counters->evicted++;
        spot_remove(view, &spot, CAUSE_EVICTED, (struct event){EVENT_EVICTED, "evicted"});
    }
    keyspace_end_unit(view);
    partition_unlock(ks->gate, view->worker, partition);
    return found;
}

/* ---- compaction under pressure ---- */

static void compact_some(struct view *view, struct pool *pool) {
    struct keyspace *ks = view->keyspace;
    for (unsigned tries = 0; tries < 16; tries++) {
        unsigned p = pool->compact_at++ % PARTITION_COUNT;
        bool done = false;
        if (!partition_lock_soon(ks->gate, view->worker, p)) continue;
        for (unsigned db = 0; db < ks->databases && !done; db++)
            if (database_used(ks->database[db]))
                done = keyspace_compact_slice(&ks->database[db]->slices[p], COMPACT_PERCENT);
        partition_unlock(ks->gate, view->worker, p);
        if (done) return;
    }
}

bool keyspace_make_room(struct view *view) {
    struct keyspace *ks = view->keyspace;
    if (LIKELY(!policy.maxmemory) || !is_over(ks)) return true;
    if (policy.maxmemory_policy & POLICY_NONE) return false;
    struct view own = *view;
    struct pool *pool = &ks->evictor->pools[view->worker];
    int64_t began = clock_mono_us();
    if (ks->evictor->fragmented) compact_some(&own, pool);
    bool any = true;
    for (unsigned keys = 0, draws = 0;
         keys < KEYS_PER_CALL && draws < DRAWS_PER_CALL && any && is_over(ks); draws++) {
        any = draw(&own, pool);
        if (pool->count && evict(&own, pool->victims[--pool->count])) keys++;
    }
    view->counters->evict_cycle_us += (uint64_t)(clock_mono_us() - began);
    return any;
}

bool keyspace_evict_some(struct view *view) {
    const struct keyspace *ks = view->keyspace;
    int64_t until_us = clock_mono_us() + EVICT_SLICE_US;
    while (policy.maxmemory && is_over(ks)) {
        if (!keyspace_make_room(view)) return false;
        if (clock_mono_us() > until_us) return true;
    }
    return false;
}
