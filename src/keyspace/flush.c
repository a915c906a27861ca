/* SPDX-License-Identifier: BSD-3-Clause */
#include "keyspace/epoch_priv.h"
#include "keyspace/janitor.h"
#include "keyspace/load.h"
#include "sys/memory.h"

void database_free(void *database) {
    struct database *db = database;
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        slice_clear(&db->slices[p]);
    memory_free(db);
}

static size_t live_bytes(const struct database *db) {
    size_t sum = 0;
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        sum += arena_live(&db->slices[p].arena);
    return sum;
}

/* Returns how many keys there were. */
static uint64_t empty_database(struct view *view, bool async) {
    struct keyspace *ks = view->keyspace;
    struct database *db = ks->database[view->db];
    uint64_t keys = keyspace_size(ks, view->db).keys;
    bool apart = async || db->in_epoch;
    struct database *empty = apart && keys ? memory_alloc_zero(sizeof *empty) : NULL;
    keyspace_live_add(view->counters, -(int64_t)live_bytes(db));
    if (empty) {
        ks->database[view->db] = empty;
        if (!epoch_put_aside(db)) janitor_give(ks->janitor, database_free, db);
    } else {
        epoch_save_all(ks, view->worker, db);
        for (unsigned p = 0; p < PARTITION_COUNT; p++)
            slice_clear(&db->slices[p]);
    }
    return keys;
}

void keyspace_empty(struct view *view) {
    for (view->db = 0; view->db < view->keyspace->databases; view->db++)
        empty_database(view, false);
}

uint64_t keyspace_flush(struct view *view, bool async) {
    uint64_t keys = empty_database(view, async);
    keyspace_count_changes(view->counters, keys);
    emit(view, &(struct change){.kind = CHANGE_FLUSH, .db = view->db});
    return keys;
}

void keyspace_swap(struct view *view, unsigned one, unsigned other) {
    struct database **database = view->keyspace->database, *kept = database[one];
    database[one] = database[other];
    database[other] = kept;
    keyspace_count_changes(view->counters, 1);
    emit(view, &(struct change){.kind = CHANGE_SWAP, .db = one, .other_db = other});
}

unsigned long keyspace_lazyfree_pending(const struct keyspace *ks) {
    return janitor_pending(ks->janitor);
}

unsigned long keyspace_lazyfree_finished(const struct keyspace *ks) {
    return janitor_finished(ks->janitor);
}
