/* SPDX-License-Identifier: BSD-3-Clause */
#include "keyspace/maintain.h"
#include "ds/due.h"
#include "keyspace/expire.h"
#include "keyspace/janitor.h"
#include "keyspace/keyspace_priv.h"
#include "keyspace/policy.h"
#include "sys/chunk.h"
#include "sys/clock.h"
#include "sys/memory.h"

#define IDLE_BUDGET_US   200
#define BUSY_BUDGET_US   1000
#define EFFORT_BUDGET_US 200 /* more per step of active-expire-effort above 1 */
#define SPARSE_PERCENT   8   /* free space in an arena that starts compaction */
#define SPARSE_TABLE     2   /* slots per key, from which on segments are looked at */
#define REST_MS          90  /* less than an idle worker's tick */

/* Where a worker stands in its round over partitions, databases and segments. */
struct sweeper {
    unsigned partition, db, segment;
    int64_t pass_began_ms;
    int64_t rest_until_ms; /* a pass without work is followed by a rest */
    bool worked;           /* this pass found something to do */
    bool blind;            /* this pass looks into every bucket that has a deadline */
} __attribute__((aligned(64)));

struct sweeper *sweepers_create(const struct keyspace *ks) {
    struct sweeper *sweepers = memory_alloc_aligned(64, ks->workers * sizeof *sweepers);
    if (!sweepers) return NULL;
    for (unsigned i = 0; i < ks->workers; i++)
        sweepers[i] = (struct sweeper){.partition = i};
    return sweepers;
}

void sweepers_free(struct sweeper *sweepers) {
    memory_free(sweepers);
}

static void block_moved(void *context, arena_ref from, arena_ref to) {
    struct slice *slice = context;
    table_moved(&slice->table, entry_hash(arena_at(&slice->arena, to)), from, to);
}

bool keyspace_compact_slice(struct slice *slice, unsigned percent) {
    return arena_is_sparse(&slice->arena, percent) &&
           arena_compact(&slice->arena, entry_block_size, block_moved, slice);
}

static bool expire_segment(struct view *view, struct slice *slice, unsigned index, bool blind) {
    unsigned next, removed = 0;
    struct table_segment *segment = table_segment_at(&slice->table, index, &next);
    for (unsigned b = 0; b < segment->buckets; b++) {
        struct table_bucket *bucket = &segment->bucket[b];
        if (blind ? bucket->due != 0 : due_reached(bucket, view->now_ms))
            removed += expire_bucket(view, slice, segment, bucket);
    }
    return removed > segment->buckets / 8u;
}

static bool table_is_sparse(const struct table *table) {
    uint64_t slots = table->memory / sizeof(struct table_bucket) * TABLE_SLOTS;
    return slots > table->count * SPARSE_TABLE && slots > TABLE_SLOTS * 4;
}

static void end_pass(struct sweeper *s, int64_t now_ms) {
    int64_t gap = now_ms - s->pass_began_ms;
    s->blind = gap < 0 || gap > DUE_BLIND_MS;
    s->rest_until_ms = s->worked ? 0 : now_ms + REST_MS;
    s->pass_began_ms = now_ms;
    s->worked = false;
    s->db = 0;
}

static void next_slice(struct sweeper *s, const struct keyspace *ks, int64_t now_ms) {
    s->segment = 0;
    s->partition += ks->workers;
    if (s->partition < PARTITION_COUNT) return;
    s->partition %= ks->workers;
    do
        s->db++;
    while (s->db < ks->databases && !database_used(ks->database[s->db]));
    if (s->db == ks->databases) end_pass(s, now_ms);
}

/* One segment, or one chunk. True: there was enough to do to go on. */
static bool step(struct view *view, struct sweeper *s, struct slice *slice) {
    if (!slice_keys(slice)) slice_clear(slice);
    bool busy = keyspace_compact_slice(slice, SPARSE_PERCENT);
    struct table *table = &slice->table;
    bool sparse = table_is_sparse(table);
    bool sweep = (slice->volatile_keys || slice->deadline_values) && policy.active_expire;
    if (s->segment >= table_directory_size(table) || (!sweep && !sparse)) {
        if (!busy) next_slice(s, view->keyspace, view->now_ms);
        return busy;
    }
    if (sweep) busy |= expire_segment(view, slice, s->segment, s->blind);
    if (sparse && table_shrink(table, s->segment)) return true;
    unsigned next;
    if (s->segment < table_directory_size(table))
        table_segment_at(table, s->segment, &next);
    else
        next = s->segment;
    s->segment = next;
    return busy;
}

static bool has_work(const struct slice *slice) {
    return slice_keys(slice) || slice->table.memory || slice->arena.small_held;
}

/* Locks the partition for one step and notes how long; passes it over if it is busy. */
static bool locked_step(struct view *view, struct sweeper *s, int64_t *now_us) {
    struct keyspace *ks = view->keyspace;
    unsigned partition = s->partition;
    view->db = s->db;
    if (!partition_lock_soon(ks->gate, view->worker, partition)) {
        next_slice(s, ks, view->now_ms);
        return false;
    }
    struct slice *slice = &ks->database[s->db]->slices[partition];
    bool busy = false;
    int64_t locked_us = clock_mono_us();
    if (has_work(slice))
        busy = step(view, s, slice);
    else
        next_slice(s, ks, view->now_ms);
    keyspace_end_unit(view);
    partition_unlock(ks->gate, view->worker, partition);
    *now_us = clock_mono_us();
    uint64_t took = (uint64_t)(*now_us - locked_us);
    if (took > view->counters->worst_pause_us) view->counters->worst_pause_us = took;
    return busy;
}

static void join_pages(void *argument) {
    chunk_join_pages();
}

/* After growth: the janitor does it, since it takes long. */
static void join_new_pages(struct keyspace *ks) {
    size_t used = chunk_bytes_used();
    if (used > ks->joined_at_bytes) janitor_give(ks->janitor, join_pages, NULL);
    ks->joined_at_bytes = used;
}

bool keyspace_maintain(struct keyspace *ks, unsigned worker, int64_t now_ms) {
    struct sweeper *s = &ks->sweepers[worker];
    if (worker == 0) join_new_pages(ks);
    if (now_ms < s->rest_until_ms && now_ms + REST_MS >= s->rest_until_ms) return false;
    struct view view = {.keyspace = ks,
                        .counters = keyspace_counters_of(ks, worker),
                        .now_ms = now_ms,
                        .worker = worker};
    int64_t pass = s->pass_began_ms;
    gate_enter(ks->gate, worker);
    int64_t busy_us = BUSY_BUDGET_US + (policy.active_expire_effort - 1) * EFFORT_BUDGET_US;
    int64_t now_us = clock_mono_us(), began = now_us;
    bool busy = false;
    do {
        busy |= locked_step(&view, s, &now_us);
        s->worked |= busy;
        gate_yield(ks->gate, worker);
    } while (now_us - began < (busy ? busy_us : IDLE_BUDGET_US) && s->pass_began_ms == pass);
    view.counters->expire_cycle_us += (uint64_t)(now_us - began);
    gate_leave(ks->gate, worker);
    return s->rest_until_ms <= now_ms;
}
