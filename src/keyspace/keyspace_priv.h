/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the keyspace share. */
#pragma once

#include "base/random.h"
#include "ds/due.h"
#include "keyspace/gate.h"
#include "keyspace/keyspace.h"
#include "keyspace/policy.h"

#define MAX_SUBSCRIBERS 8

/* One database within one partition. */
struct slice {
    struct table table;
    struct arena arena;
    uint64_t volatile_keys;   /* with an expiry */
    uint64_t deadline_values; /* entries of which some element has a deadline */
    uint64_t objects;         /* entries that an object hangs off */
    uint64_t unsaved;         /* entries that an epoch has still to show */
};

struct database {
    bool used; /* some slice may hold something; set under any partition's lock */
    bool in_epoch, put_aside;
    uint32_t epoch_number; /* which it was when the epoch began */
    struct slice slices[PARTITION_COUNT];
};

struct subscriber {
    change_subscriber *fn;
    void *context;
    const _Atomic uint64_t *wanted; /* 0: not now */
};

struct keyspace {
    unsigned databases, workers;
    struct database **database;
    struct gate *gate;
    uint32_t epoch_bit;                 /* ENTRY_EPOCH or 0; changes in exclusive mode */
    struct epoch *epoch;                /* the one under way */
    struct keyspace_counters *counters; /* one a worker */
    struct subscriber subscribers[MAX_SUBSCRIBERS];
    unsigned subscriber_count;
    uint32_t wanted_events;
    unit_ender *unit_ender;
    unit_marker *unit_mark;
    unit_rewinder *unit_rewind;
    void *unit_context;
    struct undo *undo;
    struct evictor *evictor;
    struct sweeper *sweepers; /* one a worker */
    struct janitor *janitor;
    size_t joined_at_bytes; /* worker 0: chunk_bytes_used() when pages were joined last */
};

static inline struct slice *slice_of(const struct view *view, const struct key *key) {
    return &view->keyspace->database[view->db]->slices[key_partition(key)];
}

uint64_t entry_hash(const void *block);

/* For table_find(): the first block of a hash, whatever its key. `context` is the hash. */
static inline bool entry_has_hash(const void *context, const void *block) {
    return entry_hash(block) == *(const uint64_t *)context;
}
size_t entry_block_size(const void *block);

/* ---- clocks (clock.c) ---- */

#define CLOCK_MASK 0xffffffu

/* The clock of an entry made now. */
uint32_t clock_fresh(int64_t now_ms);
/* The clock of an entry used now. */
uint32_t clock_counted(uint32_t clock, int64_t now_ms); /* under LFU policies */

static inline uint32_t clock_seconds(int64_t now_ms) {
    return (uint32_t)((uint64_t)now_ms / 1000) & CLOCK_MASK;
}

static inline uint32_t clock_touched(uint32_t clock, int64_t now_ms) {
    return UNLIKELY(policy_is_lfu()) ? clock_counted(clock, now_ms) : clock_seconds(now_ms);
}
/* How long it has not been used, or how rarely: larger = a better victim. */
uint64_t clock_coldness(uint32_t clock, int64_t now_ms);

/* ---- change records ---- */

static inline bool wants_changes(const struct subscriber *subscriber) {
    return atomic_load_explicit(subscriber->wanted, memory_order_relaxed) != 0;
}

/* Is a change worth a record? */
static inline bool changes_are_heard(const struct keyspace *ks) {
    for (unsigned i = 0; i < ks->subscriber_count; i++)
        if (wants_changes(&ks->subscribers[i])) return true;
    return false;
}

static inline void emit(struct view *view, const struct change *change) {
    const struct keyspace *ks = view->keyspace;
    for (unsigned i = 0; i < ks->subscriber_count; i++) {
        const struct subscriber *subscriber = &ks->subscribers[i];
        if (wants_changes(subscriber)) subscriber->fn(subscriber->context, change);
    }
}

/* Gives the spot's key the value, expiry and clock of `model`, without a record. An object is
 * shared with the model until the caller drops one of them. False = no memory. */
bool put_like(struct view *view, struct spot *spot, const struct entry *model);

/* Gives the spot's key this value (an object is taken over) and expiry, without a record. False =
 * no memory. */
bool put_value(struct view *view, struct spot *spot, const struct value *value, int64_t expiry);

/* Frees the object that hangs off the entry, or leaves it to those who still need it. */
void object_release(const struct view *view, const struct entry *e);

/* Looks the key up; an entry that has expired is found too, and no clock moves. */
void spot_find(const struct view *view, const struct key *key, struct spot *spot);

/* Takes the entry out of its slice and frees its block, but not its object, without a record. */
void spot_forget(struct view *view, struct spot *spot);

/* The same with a record. The spot's key may be the entry's own. */
void spot_remove(struct view *view, struct spot *spot, enum change_cause cause, struct event event);

/* Counted under the partition's lock, read at any time. */
static inline void volatile_add(struct slice *slice, int64_t delta) {
    uint64_t keys = slice->volatile_keys + (uint64_t)delta;
    __atomic_store_n(&slice->volatile_keys, keys, __ATOMIC_RELAXED);
}

static inline void deadlines_add(struct slice *slice, int64_t delta) {
    uint64_t values = slice->deadline_values + (uint64_t)delta;
    __atomic_store_n(&slice->deadline_values, values, __ATOMIC_RELAXED);
}

/* What the sweep comes for. */
#define HAS_EXPIRY    1u
#define HAS_DEADLINES 2u /* of elements of the value */

static inline unsigned times_of(const struct entry *e) {
    return e ? (entry_has_expiry(e) ? HAS_EXPIRY : 0) | (entry_has_deadlines(e) ? HAS_DEADLINES : 0)
             : 0;
}

/* An entry that had such times before has them now. */
static inline void count_times(struct slice *slice, unsigned had, unsigned has) {
    if ((had ^ has) & HAS_EXPIRY) volatile_add(slice, has & HAS_EXPIRY ? 1 : -1);
    if ((had ^ has) & HAS_DEADLINES) deadlines_add(slice, has & HAS_DEADLINES ? 1 : -1);
}

/* The value's deadline; the entry has one. */
static inline int64_t value_deadline(const struct entry *e) {
    struct value value = entry_value(e);
    return value_ops(value.type)->deadline(&value);
}

static inline void note_deadline(struct spot *spot, int64_t now_ms) {
    if (UNLIKELY(entry_has_deadlines(spot->entry)))
        due_note(spot->slot.bucket, value_deadline(spot->entry), now_ms);
}

static inline bool database_used(const struct database *db) {
    return __atomic_load_n(&db->used, __ATOMIC_RELAXED);
}

/* Makes the arena and the table of a slice usable. */
static inline void slice_prepare(const struct view *view, struct slice *slice) {
    if (LIKELY(slice->table.hash_of != NULL)) return;
    table_init(&slice->table, &slice->arena, entry_hash, TABLE_TIGHT);
    __atomic_store_n(&view->keyspace->database[view->db]->used, true, __ATOMIC_RELAXED);
}

/* A job of the janitor's: frees the database and all that it holds. */
void database_free(void *database);

/* Frees all that a slice holds; it is empty afterwards. */
void slice_clear(struct slice *slice);
uint64_t slice_keys(const struct slice *slice);

/* Locks one partition for a participant that holds none; nothing to do in exclusive mode. */
void partition_lock(struct gate *gate, unsigned participant, unsigned partition);
bool partition_try_lock(struct gate *gate, unsigned participant, unsigned partition);
/* For what can be done another time: waits for a short command, and not for one that takes long. */
bool partition_lock_soon(struct gate *gate, unsigned participant, unsigned partition);
void partition_unlock(struct gate *gate, unsigned participant, unsigned partition);
