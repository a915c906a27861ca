/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants:
 *   1. While no epoch is under way, the bit of every entry is the keyspace's.
 *   2. slice.unsaved is the number of its entries whose bit is not the keyspace's.
 *   3. Nothing changes or removes an entry whose bit is not the keyspace's: keyspace_seek(),
 *      spot_remove() and the expiry of elements, which are the ways to a change, have it saved
 * first.
 *   4. What is new has the keyspace's bit (store.c: fresh_head).
 *   5. A database that is flushed in an epoch is put aside as it is, until the epoch's end, or
 * every entry of it is saved first.
 *   6. The walk of a slice ends when nothing in it is unsaved, and table_scan's cursor comes by
 * every block that stays (ds/table.h): so it ends, and has missed nothing. All of them:
 * tests/unit/keyspace_epoch.c.
 */
#include "keyspace/epoch.h"
#include "keyspace/epoch_priv.h"
#include "keyspace/janitor.h"
#include "sys/memory.h"

#define BUCKETS_AT_ONCE 16 /* in one step of the walk */

struct epoch {
    epoch_saver *save;
    void *context;
    unsigned count;
    struct database *databases[]; /* as they were at the instant */
};

bool keyspace_epoch_begin(struct keyspace *ks, epoch_saver *save, void *context) {
    ensure(!ks->epoch);
    size_t size = sizeof(struct epoch) + ks->databases * sizeof(struct database *);
    struct epoch *epoch = memory_alloc(size);
    if (!epoch) return false;
    *epoch = (struct epoch){.save = save, .context = context};
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
        uint64_t next = table_scan(table, *cursor, visit_block, visiting);
        if (!visiting->later) *cursor = next;
        table_prefetch_scan(table, *cursor);
    }
}

bool keyspace_epoch_walk(struct keyspace *ks, unsigned participant, struct epoch_walk *walk,
                         epoch_visitor *visit, void *context) {
    const struct epoch *epoch = ks->epoch;
    if (walk->place == epoch->count) return false;
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
    for (unsigned i = 0; i < epoch->count; i++) {
        struct database *db = epoch->databases[i];
        for (unsigned p = 0; p < PARTITION_COUNT; p++)
            ensure(!db->slices[p].unsaved);
        db->in_epoch = false;
        if (db->put_aside) janitor_give(ks->janitor, database_free, db);
    }
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
