/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants:
 *   1. While no epoch is under way, the bit of every entry is the keyspace's (world_check, after
 *      every epoch of the test).
 *   2. slice.unsaved is the number of its entries whose bit is not the keyspace's (the same).
 *   3. Nothing changes or removes an entry whose bit is not the keyspace's: keyspace_seek(),
 *      spot_remove() and the expiry of elements, which are the ways to a change, have it saved
 *      first (test_some_write, test_many_write).
 *   4. What is new has the keyspace's bit: store.c, fresh_head (the same: it would be shown).
 *   5. A database that is flushed in an epoch is put aside as it is, until the epoch's end, or
 *      every entry of it is saved first (the same; rare() there flushes and swaps).
 *   6. The walk of a slice ends when nothing in it is unsaved, and table_scan's cursor comes by
 *      every block that stays (ds/table.h): so it ends, and has missed nothing (test_nobody_writes,
 *      test_entries_that_come_again).
 *
 * tests/unit/keyspace_epoch.c shows each entry to a model of what was there at the instant.
 */
#include "keyspace/epoch.h"
#include "keyspace/epoch_priv.h"
#include "keyspace/janitor.h"
#include "sys/memory.h"
#include <pthread.h>

#define BUCKETS_AT_ONCE 4    /* in one step of the walk: some three microseconds */
#define LARGE           4096 /* elements: of a value that takes about half a millisecond to write */
#define URGENT_MAX      64

bool keyspace_epoch_under_way;

/* A large value that somebody wants to change. */
struct urgent {
    struct database *db;
    uint64_t hash;
};

struct epoch {
    epoch_saver *save;
    void *context;
    pthread_mutex_t mutex; /* guards what is urgent */
    struct urgent urgent[URGENT_MAX];
    unsigned urgent_count;
    unsigned count;
    struct database *databases[]; /* as they were at the instant */
};

bool keyspace_epoch_begin(struct keyspace *ks, epoch_saver *save, void *context) {
    ensure(!ks->epoch);
    size_t size = sizeof(struct epoch) + ks->databases * sizeof(struct database *);
    struct epoch *epoch = memory_alloc(size);
    if (!epoch) return false;
    *epoch = (struct epoch){.save = save, .context = context};
    pthread_mutex_init(&epoch->mutex, NULL);
    for (uint32_t i = 0; i < ks->databases; i++) {
        struct database *db = ks->database[i];
        if (!database_used(db)) continue;
        db->epoch_number = i;
        db->in_epoch = true;
        epoch->databases[epoch->count++] = db;
        for (unsigned p = 0; p < PARTITION_COUNT; p++)
            db->slices[p].unsaved = slice_keys(&db->slices[p]);
    }
    ks->epoch_bit ^= ENTRY_EPOCH;
    ks->epoch = epoch;
    keyspace_epoch_under_way = true;
    return true;
}

static void mark(const struct keyspace *ks, struct slice *slice, struct entry *e) {
    e->head = (e->head & ~ENTRY_EPOCH) | ks->epoch_bit;
    slice->unsaved--;
}

void epoch_save(const struct keyspace *ks, unsigned participant, const struct database *db,
                struct slice *slice, struct entry *e) {
    ks->epoch->save(ks->epoch->context, participant, db->epoch_number, e);
    mark(ks, slice, e);
}

/* ---- the walk ---- */

struct visiting {
    const struct keyspace *keyspace;
    const struct database *db;
    struct slice *slice;
    epoch_visitor *visit;
    void *context;
    bool pause, later;
};

static void visit_block(void *context, void *block) {
    struct visiting *visiting = context;
    struct entry *e = block;
    if (entry_is_saved(visiting->keyspace, e) || visiting->later) return;
    enum epoch_answer answer = visiting->visit(visiting->context, visiting->db->epoch_number, e);
    visiting->pause |= answer != EPOCH_NEXT;
    visiting->later = answer == EPOCH_LATER;
    if (answer != EPOCH_LATER) mark(visiting->keyspace, visiting->slice, e);
}

/* Some buckets; the cursor stays where it is if an entry is to come again. */
static void walk_slice(struct visiting *visiting, uint64_t *cursor) {
    const struct table *table = &visiting->slice->table;
    for (unsigned i = 0; i < BUCKETS_AT_ONCE && !visiting->pause && visiting->slice->unsaved; i++) {
        uint64_t next = table_scan_freely(table, *cursor, visit_block, visiting);
        if (!visiting->later) *cursor = next;
        table_prefetch_scan(table, *cursor);
    }
}

static struct database *database_of(const struct epoch *epoch, uint32_t number) {
    for (unsigned i = 0; i < epoch->count; i++)
        if (epoch->databases[i]->epoch_number == number) return epoch->databases[i];
    return NULL;
}

static bool has_name(const void *context, const void *block) {
    return bytes_equal(entry_key(block), *(const struct bytes *)context);
}

void keyspace_epoch_settle(struct keyspace *ks, unsigned participant, uint32_t number,
                           const struct key *key) {
    struct slice *slice = &database_of(ks->epoch, number)->slices[key_partition(key)];
    struct table_slot slot;
    gate_enter(ks->gate, participant);
    partition_lock(ks->gate, participant, key_partition(key));
    if (table_find(&slice->table, key->hash, has_name, &key->name, &slot)) {
        struct entry *e = table_block(&slice->table, &slot);
        if (!entry_is_saved(ks, e)) mark(ks, slice, e);
    }
    partition_unlock(ks->gate, participant, key_partition(key));
    gate_leave(ks->gate, participant);
}

/* ---- what is urgent ---- */

static bool is_unsaved(const struct keyspace *ks, const struct database *db,
                       const struct entry *e) {
    return db->in_epoch && !entry_is_saved(ks, e);
}

static void hurry(struct epoch *epoch, struct database *db, uint64_t hash) {
    bool known = false;
    pthread_mutex_lock(&epoch->mutex);
    for (unsigned i = 0; i < epoch->urgent_count && !known; i++)
        known = epoch->urgent[i].hash == hash && epoch->urgent[i].db == db;
    if (!known && epoch->urgent_count < URGENT_MAX)
        epoch->urgent[epoch->urgent_count++] = (struct urgent){db, hash};
    pthread_mutex_unlock(&epoch->mutex);
}

bool keyspace_epoch_delays(struct view *view, const struct key *key) {
    const struct keyspace *ks = view->keyspace;
    struct spot spot;
    if (!ks->epoch || !partition_try_lock(ks->gate, view->worker, key_partition(key))) return false;
    struct database *db = ks->database[view->db];
    spot_find(view, key, &spot);
    bool delays = spot.entry && entry_is_object(spot.entry) && is_unsaved(ks, db, spot.entry);
    if (delays) {
        struct value value = entry_value(spot.entry);
        delays = value_ops(value.type)->length(&value) >= LARGE;
    }
    if (delays) hurry(ks->epoch, db, key->hash);
    partition_unlock(ks->gate, view->worker, key_partition(key));
    return delays;
}

static bool next_urgent(struct epoch *epoch, struct urgent *urgent) {
    pthread_mutex_lock(&epoch->mutex);
    bool any = epoch->urgent_count > 0;
    if (any) *urgent = epoch->urgent[0];
    pthread_mutex_unlock(&epoch->mutex);
    return any;
}

static void forget_urgent(struct epoch *epoch) {
    pthread_mutex_lock(&epoch->mutex);
    epoch->urgent[0] = epoch->urgent[--epoch->urgent_count];
    pthread_mutex_unlock(&epoch->mutex);
}

static void walk_urgent(struct keyspace *ks, unsigned participant, const struct urgent *urgent,
                        epoch_visitor *visit, void *context) {
    unsigned partition = hash_partition(urgent->hash);
    struct slice *slice = &urgent->db->slices[partition];
    struct visiting visiting = {ks, urgent->db, slice, visit, context, false, false};
    struct table_slot slot;
    gate_enter(ks->gate, participant);
    partition_lock(ks->gate, participant, partition);
    if (table_find(&slice->table, urgent->hash, entry_has_hash, &urgent->hash, &slot))
        visit_block(&visiting, table_block(&slice->table, &slot));
    partition_unlock(ks->gate, participant, partition);
    gate_leave(ks->gate, participant);
    forget_urgent(ks->epoch);
}

bool keyspace_epoch_walk(struct keyspace *ks, unsigned participant, struct epoch_walk *walk,
                         epoch_visitor *visit, void *context) {
    struct epoch *epoch = ks->epoch;
    struct urgent urgent;
    if (walk->place == epoch->count) return false;
    if (UNLIKELY(next_urgent(epoch, &urgent))) {
        walk_urgent(ks, participant, &urgent, visit, context);
        return true;
    }
    struct database *db = epoch->databases[walk->place];
    struct slice *slice = &db->slices[walk->partition];
    struct visiting visiting = {ks, db, slice, visit, context, false, false};
    gate_enter(ks->gate, participant);
    partition_lock(ks->gate, participant, walk->partition);
    walk_slice(&visiting, &walk->cursor);
    bool done = !slice->unsaved;
    partition_unlock(ks->gate, participant, walk->partition);
    gate_leave(ks->gate, participant);
    if (!done) return true;
    walk->cursor = 0;
    if (++walk->partition < PARTITION_COUNT) return true;
    walk->partition = 0;
    walk->place++;
    return walk->place < epoch->count;
}

void keyspace_epoch_end(struct keyspace *ks) {
    struct epoch *epoch = ks->epoch;
    ks->epoch = NULL;
    keyspace_epoch_under_way = false;
    for (unsigned i = 0; i < epoch->count; i++) {
        struct database *db = epoch->databases[i];
        for (unsigned p = 0; p < PARTITION_COUNT; p++)
            ensure(!db->slices[p].unsaved);
        db->in_epoch = false;
        if (db->put_aside) janitor_give(ks->janitor, database_free, db);
    }
    pthread_mutex_destroy(&epoch->mutex);
    memory_free(epoch);
}

/* ---- flushing ---- */

bool epoch_put_aside(struct database *db) {
    if (LIKELY(!db->in_epoch)) return false;
    db->put_aside = true;
    return true;
}

struct saving {
    const struct keyspace *keyspace;
    unsigned participant;
    const struct database *db;
    struct slice *slice;
};

static void save_block(void *context, void *block) {
    const struct saving *saving = context;
    if (!entry_is_saved(saving->keyspace, block))
        epoch_save(saving->keyspace, saving->participant, saving->db, saving->slice, block);
}

void epoch_save_all(const struct keyspace *ks, unsigned participant, struct database *db) {
    for (unsigned p = 0; db->in_epoch && p < PARTITION_COUNT; p++) {
        struct saving saving = {ks, participant, db, &db->slices[p]};
        for (uint64_t cursor = 0; saving.slice->unsaved;)
            cursor = table_scan(&saving.slice->table, cursor, save_block, &saving);
    }
}
