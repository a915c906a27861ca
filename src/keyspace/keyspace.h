/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keyspace: all databases, cut into partitions by the hash of the key.
 *
 * A partition is what is locked (keyspace/gate.h); within it each database has a slice: a table of
 * entries, the arena that they live in, and counters. All functions here that take a key or a spot
 * need the key's partition locked by the caller, or exclusive mode; the dispatcher does that before
 * a handler runs.
 *
 * Handlers change data only through the functions below. Each of them emits the change records
 * (keyspace/change.h) that the change calls for.
 *
 * Functions that store return false when there is no memory for it; nothing has changed then.
 */
#pragma once

#include "base/bytes.h"
#include "base/hash.h"
#include "ds/table.h"
#include "keyspace/change.h"
#include "keyspace/entry.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PARTITION_BITS  8
#define PARTITION_COUNT (1u << PARTITION_BITS)

struct keyspace;
struct slice;
struct gate;

/* A key with its hash, computed once per command. The name is borrowed. */
struct key {
    struct bytes name;
    uint64_t hash;
};

static inline struct key key_make(struct bytes name) {
    return (struct key){.name = name, .hash = hash_bytes(name.data, name.len)};
}

static inline unsigned hash_partition(uint64_t hash) {
    return (unsigned)(hash >> (64 - PARTITION_BITS));
}

static inline unsigned key_partition(const struct key *key) {
    return hash_partition(key->hash);
}

/* One worker's counters: written by their worker alone, read by INFO in exclusive mode. */
struct keyspace_counters {
    uint64_t hits, misses;
    uint64_t expired, expired_lazily, evicted;
    uint64_t expired_elements; /* fields of hashes */
    uint64_t changes;          /* Redis' dirty counter; read at any time */
    uint64_t expire_cycle_us, evict_cycle_us;
    uint64_t worst_pause_us; /* longest time that maintenance held a partition */
    int64_t live_bytes;      /* of entries made less those freed; read by all workers */
    int64_t released_bytes;  /* of objects freed, or left to the janitor; read by all workers */
} __attribute__((aligned(64)));

static inline int64_t keyspace_live_bytes(const struct keyspace_counters *counters) {
    return __atomic_load_n(&counters->live_bytes, __ATOMIC_RELAXED);
}

static inline void keyspace_count_changes(struct keyspace_counters *counters, uint64_t count) {
    __atomic_store_n(&counters->changes, counters->changes + count, __ATOMIC_RELAXED);
}

static inline int64_t keyspace_released_bytes(const struct keyspace_counters *counters) {
    return __atomic_load_n(&counters->released_bytes, __ATOMIC_RELAXED);
}

static inline void keyspace_live_add(struct keyspace_counters *counters, int64_t delta) {
    __atomic_store_n(&counters->live_bytes, counters->live_bytes + delta, __ATOMIC_RELAXED);
}

/* What a command sees: one database, at one instant, for one worker. */
struct view {
    struct keyspace *keyspace;
    struct keyspace_counters *counters;
    int64_t now_ms; /* Unix time; stands still while a command runs */
    uint32_t db;
    unsigned worker; /* the participant of the gate that runs the command */
    bool no_touch;   /* CLIENT NO-TOUCH: reads leave the clocks alone */
    bool undoes;     /* what changes through it may have to be taken back (keyspace/undo.h) */
};

/* Where a key is or would go. Valid until the next change in its partition that is not made
 * through this spot; functions that move the entry update it. */
struct spot {
    const struct key *key;
    struct slice *slice;
    struct table_slot slot;
    struct entry *entry; /* NULL: the key does not exist */
};

struct keyspace_options {
    unsigned databases;
    unsigned workers;  /* how many counters to keep */
    struct gate *gate; /* borrowed */
};

/* NULL when there is no memory. */
struct keyspace *keyspace_create(const struct keyspace_options *options);
void keyspace_free(struct keyspace *keyspace);
unsigned keyspace_databases(const struct keyspace *keyspace);
struct keyspace_counters *keyspace_counters_of(struct keyspace *keyspace, unsigned worker);
struct keyspace_counters keyspace_counters_sum(const struct keyspace *keyspace);

/* Those of which INFO shows how often something happened, and the longest pause. */
void keyspace_counters_reset(struct keyspace *keyspace);

/* The changes of all workers. Inside the gate. */
uint64_t keyspace_changes(const struct keyspace *keyspace);

/* At start-up, before any worker runs, or in exclusive mode. While *wanted is 0 the subscriber is
 * not called, and what nobody wants to hear costs nothing; NULL: it always is. `classes` may change
 * later, in exclusive mode: records of kind NOTICE are made only for classes that somebody wants.
 */
void keyspace_subscribe(struct keyspace *keyspace, change_subscriber *fn, void *context,
                        const _Atomic uint64_t *wanted);
void keyspace_want_events(struct keyspace *keyspace, uint32_t classes);

/* ---- units ---- */

/* Changes that happen at once: those of a command, a transaction, a script, of a step of the sweep.
 * Whoever makes changes says when their unit is over, while the partitions that it has changed
 * are locked still. */
typedef uint64_t unit_ender(void *context, int64_t now_ms);

/* At start-up, or in exclusive mode. One alone, which gives numbers to units (journal/journal.h).
 */
void keyspace_on_unit_end(struct keyspace *keyspace, unit_ender *fn, void *context);

/* Returns the unit's number; 0: nothing has changed, or nobody numbers units. */
uint64_t keyspace_end_unit(const struct view *view);

/* With it, and the same context: what there is of the thread's unit, and having no more of it
 * than that, since what came after it is taken back. `going_back`: and so it is until the next
 * call, whatever changes. */
typedef size_t unit_marker(void *context);
typedef void unit_rewinder(void *context, size_t mark, bool going_back);
void keyspace_on_unit_rewind(struct keyspace *keyspace, unit_marker *mark, unit_rewinder *rewind);

/* ---- reading ---- */

/* The entry, or NULL. Counts a hit or a miss, moves the entry's clock, removes it if it has
 * expired. */
struct entry *keyspace_find(struct view *view, const struct key *key);

/* The same without moving the clock (TYPE, TTL, OBJECT and whatever only looks). */
struct entry *keyspace_peek(struct view *view, const struct key *key);

/* The same for those who look at the server rather than at data (OBJECT, MEMORY): nothing is
 * counted either, and a miss is no event. */
struct entry *keyspace_look(struct view *view, const struct key *key);

/* Is there such a key, not expired at `now_ms`? Changes and counts nothing, so that subscribers of
 * change records may ask, too. */
bool keyspace_holds(struct keyspace *keyspace, uint32_t db, const struct key *key, int64_t now_ms);

/* A hint: commands are going to look for these keys, soon. Inside the gate; no partition need be
 * locked. */
void keyspace_prefetch(const struct view *view, const struct key *keys, size_t count);

/* The same in two steps, all of the first, then all of the second, for who knows the keys one after
 * the other and is in exclusive mode. */
void keyspace_prefetch_bucket(const struct view *view, const struct key *key);
void keyspace_prefetch_entry(const struct view *view, const struct key *key);

/* The same for elements of a collection, once its entry has arrived: first their buckets, if the
 * collection is a large one; hashes[i] is that of names[i] then, otherwise 0. Then the elements of
 * the hashes that are not 0. */
void keyspace_prefetch_element_buckets(const struct view *view, const struct key *key,
                                       const struct bytes *names, uint64_t *hashes, unsigned count);
void keyspace_prefetch_elements(const struct view *view, const struct key *key,
                                const uint64_t *hashes, unsigned count);

/* ---- changing ---- */

/* Finds the key for a command that may change it; expired entries are removed, the clock moves,
 * hits and misses are not counted. Returns the entry or NULL, like spot->entry. */
struct entry *keyspace_seek(struct view *view, const struct key *key, struct spot *spot);

/* As keyspace_seek, for a command that leaves the elements of a collection alone: it removes,
 * replaces or moves it as a whole, or changes its expiry. So it need not wait for those who still
 * read it (keyspace/pin.h). */
struct entry *keyspace_seek_whole(struct view *view, const struct key *key, struct spot *spot);

/* As keyspace_seek, and counts a hit or a miss as a read does (GETEX, SET with GET ...). */
struct entry *keyspace_seek_read(struct view *view, const struct key *key, struct spot *spot);

#define EXPIRY_KEEP (INT64_MIN + 1) /* leave the expiry that the key has */

struct string_store {
    struct bytes value;
    void (*fill)(void *context, char *out); /* writes the value, of which only the length is given;
                                               it may read other entries: none has moved */
    void *context;
    int64_t expiry; /* ms, EXPIRY_NONE or EXPIRY_KEEP */
    bool raw;       /* mark the string as edited */
    struct event event;
};

/* Gives the key this string value, whatever it held. `value` must not point into an entry. */
bool keyspace_store_string(struct view *view, struct spot *spot, const struct string_store *store);

/* Several strings at once: all of them or, when there is no memory, none. A key may be among them
 * twice; it has the last value then. */
struct string_batch {
    const struct key *keys;
    const struct bytes *values; /* every second one: key, value, key, value ... */
    unsigned count;
    int64_t expiry; /* of all: ms, EXPIRY_NONE or EXPIRY_KEEP */
    struct event event;
    struct event then; /* a second event of each key */
};
bool keyspace_store_strings(struct view *view, const struct string_batch *batch);

/* Writes `piece` at `offset` into the string (created when absent, zero-filled up to the offset),
 * keeps the expiry and marks it raw. `piece` must not point into the entry. A zero-length piece
 * grows the string to `offset`. */
bool keyspace_write_range(struct view *view, struct spot *spot, size_t offset, struct bytes piece,
                          struct event event);

/* Sets the expiry (ms) or removes it (EXPIRY_NONE). The key exists. */
bool keyspace_set_expiry(struct view *view, struct spot *spot, int64_t expiry, struct event event);

/* ---- collections ---- */

/* What an edit was: the event, and the deterministic command that makes it. */
struct edit {
    struct event event;
    const struct bytes *argv;
    unsigned argc;
    bool anew; /* the key counts as a new one even if it was there (RESTORE REPLACE) */
};

/* Gives the key this collection: a small one's bytes are copied into the entry (they may be the
 * entry's own, unchanged or edited in place), an object is taken over unless false is returned. An
 * object that the entry had before and that is not this one is freed. The expiry stays. */
bool keyspace_put(struct view *view, struct spot *spot, const struct value *value,
                  const struct edit *edit);

/* The object of the spot's entry has been edited in place. */
void keyspace_edited(struct view *view, struct spot *spot, const struct edit *edit);

/* As keyspace_store_string with the value of any type, whatever the key held (RESTORE, the STORE
 * forms of commands). An object is taken over unless false is returned. */
bool keyspace_replace(struct view *view, struct spot *spot, const struct value *value,
                      int64_t expiry, const struct edit *edit);

/* Removes the key, which exists. */
void keyspace_remove(struct view *view, struct spot *spot, struct event event);

/* An additional event of the change just made, for example "expire" after "set". */
void keyspace_notify(struct view *view, const struct key *key, struct event event);

/* Moves the entry of `from` (which exists) to the key `to`, in the same database, expiry and all;
 * what `to` held is gone. Both spots are void afterwards. */
bool keyspace_rename(struct view *view, struct spot *from, struct spot *to);

/* Moves the entry of `from` to `to`, the same key, which does not exist, in the database of
 * `target`. Both spots are void afterwards. */
bool keyspace_move(struct view *view, struct spot *from, struct view *target, struct spot *to);

/* Gives `to` in the view's database the value and the expiry of `from`, an entry of any database;
 * what `to` held is gone. `made` is a copy of the entry's object, which is taken over unless false
 * is returned; NULL: it is made here. An edit without a command says what the value is. */
bool keyspace_copy(struct view *view, const struct entry *from, void *made, struct spot *to,
                   const struct edit *edit);

/* ---- whole databases ---- */

/* In exclusive mode. `async`: memory is given back by the janitor thread. Returns the number of
 * keys removed. */
uint64_t keyspace_flush(struct view *view, bool async);
unsigned long keyspace_lazyfree_pending(const struct keyspace *keyspace);
unsigned long keyspace_lazyfree_finished(const struct keyspace *keyspace);
void keyspace_swap(struct view *view, unsigned one, unsigned other);

/* Numbers of keys, of keys with an expiry, and of values with elements that expire; safe at any
 * time, exact in exclusive mode. */
struct keyspace_size {
    uint64_t keys, volatile_keys, deadline_values;
    int64_t ttl_sum_ms_estimate;
};
struct keyspace_size keyspace_size(const struct keyspace *keyspace, unsigned db);

/* Bytes of the tables that the database's keys are found by. Exclusive mode. */
size_t keyspace_table_bytes(const struct keyspace *keyspace, unsigned db);

/* Walks entries in cursor order: calls `fn` for those of at least one bucket and until about
 * `count` have been seen; returns the next cursor, 0 at the end. An element that is there from the
 * start of a full iteration to its end is seen at least once, however the table grows and shrinks.
 * Locks partitions itself, one at a time: call with no key locked or in exclusive mode. Expired
 * entries are not shown (and not removed). `fn` must not change the keyspace. */
typedef void keyspace_visitor(void *context, const struct entry *entry);
uint64_t keyspace_scan(struct view *view, uint64_t cursor, uint64_t count, keyspace_visitor *fn,
                       void *context);

/* The same for all entries of one partition, each of them once; how many it has is added to *seen.
 * False: a command that takes long has it locked, try again later. */
bool keyspace_scan_partition(struct view *view, unsigned partition, keyspace_visitor *fn,
                             void *context, uint64_t *seen);

/* A key at random, nearly uniform; NULL when the database is empty. Locks one partition while `fn`
 * sees the entry. Returns false when there is none. */
bool keyspace_random(struct view *view, keyspace_visitor *fn, void *context);

/* Bytes that the entry costs: its block, its share of the table, what hangs off it. */
size_t keyspace_entry_cost(const struct entry *entry);
