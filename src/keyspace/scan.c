/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A cursor is a partition (8 bits, high) and the table's cursor within it (55 bits), so it has 63
 * bits and 0 is both start and end.
 */
#include "keyspace/keyspace_priv.h"

struct scan {
    keyspace_visitor *fn;
    void *context;
    int64_t now_ms;
    uint64_t seen;
};

static void visit(void *context, void *block) {
    struct scan *scan = context;
    const struct entry *e = block;
    scan->seen++;
    if (entry_has_expiry(e) && scan->now_ms > entry_expiry(e)) return;
    scan->fn(scan->context, e);
}

static bool visit_any(void *context, const void *block) {
    visit(context, (void *)(uintptr_t)block);
    return true;
}

/* One step at least; the whole table at once if that is not too much. */
static uint64_t scan_table(const struct table *table, uint64_t at, uint64_t count,
                           struct scan *scan) {
    if (!at && table->count <= count - scan->seen) {
        table_each(table, visit_any, scan);
        return 0;
    }
    do
        at = table_scan(table, at, visit, scan);
    while (at && scan->seen < count);
    return at;
}

uint64_t keyspace_scan(struct view *view, uint64_t cursor, uint64_t count, keyspace_visitor *fn,
                       void *context) {
    struct keyspace *ks = view->keyspace;
    struct scan scan = {fn, context, view->now_ms, 0};
    unsigned partition = (unsigned)(cursor >> TABLE_CURSOR_BITS) % PARTITION_COUNT;
    uint64_t at = cursor & ((1ull << TABLE_CURSOR_BITS) - 1);
    do {
        partition_lock(ks->gate, view->worker, partition);
        at = scan_table(&ks->database[view->db]->slices[partition].table, at, count, &scan);
        partition_unlock(ks->gate, view->worker, partition);
    } while (!at && ++partition < PARTITION_COUNT && scan.seen < count);
    if (partition == PARTITION_COUNT) return 0;
    return (uint64_t)partition << TABLE_CURSOR_BITS | at;
}

bool keyspace_scan_partition(struct view *view, unsigned partition, keyspace_visitor *fn,
                             void *context, uint64_t *seen) {
    struct keyspace *ks = view->keyspace;
    struct scan scan = {fn, context, view->now_ms, 0};
    if (!partition_lock_soon(ks->gate, view->worker, partition)) return false;
    table_each(&ks->database[view->db]->slices[partition].table, visit_any, &scan);
    partition_unlock(ks->gate, view->worker, partition);
    *seen += scan.seen;
    return true;
}

/* ---- random keys ---- */

/* A partition in proportion to its keys. */
static unsigned random_partition(const struct database *db, struct random *random, uint64_t keys) {
    uint64_t rank = random_below(random, keys);
    unsigned p = 0;
    while (p + 1 < PARTITION_COUNT && rank >= slice_keys(&db->slices[p])) {
        rank -= slice_keys(&db->slices[p]);
        p++;
    }
    return p;
}

/* Draws slots until one is filled: uniform but for segments' different fill, since segments are
 * drawn in proportion to their ranges of hashes. */
static struct entry *draw_entry(const struct table *table, struct random *random) {
    for (unsigned draws = 0; draws < 256; draws++) {
        uint64_t dice = random_next(random);
        unsigned next, index = (unsigned)(dice >> 40) & (table_directory_size(table) - 1);
        const struct table_segment *segment = table_segment_at(table, index, &next);
        const struct table_bucket *bucket =
            &segment->bucket[(dice & UINT32_MAX) * segment->buckets >> 32];
        unsigned slot = (unsigned)random_below(random, TABLE_SLOTS);
        if (bucket->tag[slot]) return arena_at(table->arena, bucket->ref[slot]);
    }
    return NULL;
}

/* Of a table that has lost nearly all its entries and not shrunk yet. */
static struct entry *next_entry(const struct table *table, struct random *random) {
    unsigned size = table_directory_size(table), next;
    for (unsigned index = (unsigned)random_below(random, size);; index = next < size ? next : 0) {
        const struct table_segment *segment = table_segment_at(table, index, &next);
        for (unsigned b = 0; b < segment->buckets; b++)
            for (unsigned slot = 0; slot < TABLE_SLOTS; slot++)
                if (segment->bucket[b].tag[slot])
                    return arena_at(table->arena, segment->bucket[b].ref[slot]);
    }
}

static struct entry *random_entry(const struct table *table, struct random *random) {
    struct entry *e = draw_entry(table, random);
    return e ? e : next_entry(table, random);
}

static bool try_random(struct view *view, struct random *random, unsigned partition,
                       keyspace_visitor *fn, void *context) {
    struct keyspace *ks = view->keyspace;
    const struct entry *e = NULL;
    partition_lock(ks->gate, view->worker, partition);
    const struct table *table = &ks->database[view->db]->slices[partition].table;
    if (table->count) e = random_entry(table, random);
    if (e && entry_has_expiry(e) && view->now_ms > entry_expiry(e)) e = NULL;
    if (e) fn(context, e);
    partition_unlock(ks->gate, view->worker, partition);
    return e != NULL;
}

bool keyspace_random(struct view *view, keyspace_visitor *fn, void *context) {
    static _Thread_local struct random random;
    if (!random.state[0]) random_seed(&random, (uintptr_t)&random ^ (uint64_t)view->now_ms);
    const struct database *db = view->keyspace->database[view->db];
    for (unsigned attempts = 0; attempts < 100; attempts++) {
        uint64_t keys = keyspace_size(view->keyspace, view->db).keys;
        if (!keys) return false;
        if (try_random(view, &random, random_partition(db, &random, keys), fn, context))
            return true;
    }
    return false;
}
