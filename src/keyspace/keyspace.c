/* SPDX-License-Identifier: BSD-3-Clause */
#include "keyspace/evict.h"
#include "keyspace/janitor.h"
#include "keyspace/keyspace_priv.h"
#include "keyspace/maintain.h"
#include "keyspace/pin_priv.h"
#include "keyspace/policy.h"
#include "keyspace/undo_priv.h"
#include "sys/memory.h"

uint64_t entry_hash(const void *block) {
    struct bytes key = entry_key(block);
    return hash_bytes(key.data, key.len);
}

size_t entry_block_size(const void *block) {
    return entry_size(block);
}

static bool create_parts(struct keyspace *ks) {
    ks->database = memory_alloc_zero(ks->databases * sizeof(struct database *));
    if (!ks->database) return false;
    for (unsigned i = 0; i < ks->databases; i++)
        if (!(ks->database[i] = memory_alloc_zero(sizeof(struct database)))) return false;
    ks->counters = memory_alloc_aligned(64, ks->workers * sizeof *ks->counters);
    if (!ks->counters) return false;
    memset(ks->counters, 0, ks->workers * sizeof *ks->counters);
    return (ks->evictor = evictor_create(ks)) && (ks->sweepers = sweepers_create(ks)) &&
           (ks->janitor = janitor_create()) && (ks->undo = undo_create());
}

struct keyspace *keyspace_create(const struct keyspace_options *options) {
    struct keyspace *ks = memory_alloc_zero(sizeof *ks);
    if (!ks) return NULL;
    ks->databases = options->databases;
    ks->workers = options->workers;
    ks->gate = options->gate;
    if (create_parts(ks)) return ks;
    keyspace_free(ks);
    return NULL;
}

static void free_objects(const struct slice *slice, const struct table_segment *segment) {
    for (unsigned b = 0; b < segment->buckets; b++) {
        for (unsigned i = 0; i < TABLE_SLOTS; i++) {
            if (!segment->bucket[b].tag[i]) continue;
            const struct entry *e = arena_at(&slice->arena, segment->bucket[b].ref[i]);
            if (entry_is_object(e) && !object_left_to_pins(entry_object(e)))
                value_ops(entry_type(e))->free(entry_object(e));
        }
    }
}

void slice_clear(struct slice *slice) {
    const struct table *table = &slice->table;
    if (slice->objects)
        for (unsigned i = 0, next; i < table_directory_size(table); i = next)
            free_objects(slice, table_segment_at(table, i, &next));
    table_clear(&slice->table);
    arena_clear(&slice->arena);
    volatile_add(slice, -(int64_t)slice->volatile_keys);
    deadlines_add(slice, -(int64_t)slice->deadline_values);
    slice->objects = 0;
}

void keyspace_free(struct keyspace *ks) {
    if (!ks) return;
    ensure(!ks->epoch);
    janitor_free(ks->janitor);
    for (unsigned i = 0; ks->database && i < ks->databases && ks->database[i]; i++) {
        for (unsigned p = 0; p < PARTITION_COUNT; p++)
            slice_clear(&ks->database[i]->slices[p]);
        memory_free(ks->database[i]);
    }
    memory_free(ks->database);
    memory_free(ks->counters);
    evictor_free(ks->evictor);
    undo_free(ks->undo);
    sweepers_free(ks->sweepers);
    memory_free(ks);
}

unsigned keyspace_databases(const struct keyspace *ks) {
    return ks->databases;
}

/* ---- counters ---- */

struct keyspace_counters *keyspace_counters_of(struct keyspace *ks, unsigned worker) {
    return &ks->counters[worker];
}

struct keyspace_counters keyspace_counters_sum(const struct keyspace *ks) {
    struct keyspace_counters sum = {0};
    for (unsigned i = 0; i < ks->workers; i++) {
        const struct keyspace_counters *c = &ks->counters[i];
        sum.hits += c->hits;
        sum.misses += c->misses;
        sum.expired += c->expired;
        sum.expired_lazily += c->expired_lazily;
        sum.expired_elements += c->expired_elements;
        sum.evicted += c->evicted;
        sum.changes += c->changes;
        sum.expire_cycle_us += c->expire_cycle_us;
        sum.evict_cycle_us += c->evict_cycle_us;
        sum.worst_pause_us = MAX(sum.worst_pause_us, c->worst_pause_us);
        sum.live_bytes += keyspace_live_bytes(c);
    }
    return sum;
}

uint64_t keyspace_changes(const struct keyspace *ks) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < ks->workers; i++)
        sum += __atomic_load_n(&ks->counters[i].changes, __ATOMIC_RELAXED);
    return sum;
}

void keyspace_counters_reset(struct keyspace *ks) {
    for (unsigned i = 0; i < ks->workers; i++) {
        struct keyspace_counters *c = &ks->counters[i];
        c->hits = c->misses = c->expired = c->expired_lazily = c->expired_elements = 0;
        c->evicted = c->expire_cycle_us = c->evict_cycle_us = c->worst_pause_us = 0;
    }
}

/* ---- change records ---- */

void keyspace_subscribe(struct keyspace *ks, change_subscriber *fn, void *context,
                        const _Atomic uint64_t *wanted) {
    static const _Atomic uint64_t always = 1;
    ensure(ks->subscriber_count < MAX_SUBSCRIBERS);
    ks->subscribers[ks->subscriber_count++] =
        (struct subscriber){fn, context, wanted ? wanted : &always};
}

void keyspace_want_events(struct keyspace *ks, uint32_t classes) {
    ks->wanted_events = classes;
}

void keyspace_on_unit_end(struct keyspace *ks, unit_ender *fn, void *context) {
    ks->unit_ender = fn;
    ks->unit_context = context;
}

void keyspace_on_unit_rewind(struct keyspace *ks, unit_marker *mark, unit_rewinder *rewind) {
    ks->unit_mark = mark;
    ks->unit_rewind = rewind;
}

uint64_t keyspace_end_unit(const struct view *view) {
    const struct keyspace *ks = view->keyspace;
    return ks->unit_ender ? ks->unit_ender(ks->unit_context, view->now_ms) : 0;
}

void keyspace_notify(struct view *view, const struct key *key, struct event event) {
    if (LIKELY(!(view->keyspace->wanted_events & event.class))) return;
    emit(view, &(struct change){.kind = CHANGE_NOTICE, .event = event, .db = view->db, .key = key});
}

/* ---- sizes ---- */

uint64_t slice_keys(const struct slice *slice) {
    return __atomic_load_n(&slice->table.count, __ATOMIC_RELAXED);
}

struct keyspace_size keyspace_size(const struct keyspace *ks, unsigned db) {
    struct keyspace_size size = {0};
    if (!database_used(ks->database[db])) return size;
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        const struct slice *slice = &ks->database[db]->slices[p];
        size.keys += slice_keys(slice);
        size.volatile_keys += __atomic_load_n(&slice->volatile_keys, __ATOMIC_RELAXED);
        size.deadline_values += __atomic_load_n(&slice->deadline_values, __ATOMIC_RELAXED);
    }
    return size;
}

size_t keyspace_table_bytes(const struct keyspace *ks, unsigned db) {
    size_t bytes = 0;
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        bytes += ks->database[db]->slices[p].table.memory;
    return bytes;
}

size_t keyspace_entry_cost(const struct entry *entry) {
    size_t cost = arena_cost(entry_size(entry)) + sizeof(struct table_bucket) / TABLE_SLOTS + 1;
    if (entry_is_object(entry)) cost += value_ops(entry_type(entry))->memory(entry_object(entry));
    return cost;
}
