/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who has read which keys, who broadcasts which prefixes. Invariants:
 *   1. A tracked key is in its partition's table while it has readers, and belongs to the
 *      partition's lock.
 *   2. A reader is an address: of a session that may have gone, or have stopped tracking, since.
 *   3. The registry of prefixes and their members change in exclusive mode alone. What a prefix
 *      has for a worker belongs to that worker.
 */
#pragma once

#include "base/index.h"
#include "base/list.h"
#include "base/random.h"
#include "exec/exec_priv.h"
#include "exec/tracking.h"

/* ---- by key ---- */

struct tracked_key {
    struct index_node in_table;
    size_t length;
    unsigned count, capacity; /* of readers; capacity 0: there is one, inline */
    union {
        uint64_t one;
        uint64_t *many; /* ascending, so those of a worker are next to each other */
    } readers;
    char name[];
};

struct tracked_partition {
    struct index keys;
} __attribute__((aligned(64)));

static inline const uint64_t *tracked_readers(const struct tracked_key *key) {
    return key->capacity ? key->readers.many : &key->readers.one;
}

/* ---- by prefix ---- */

/* What a prefix has for one worker. */
struct prefix_share {
    struct list_node members;  /* struct membership */
    struct index changed;      /* struct changed_key: what this worker has changed in this turn */
    struct list_node in_dirty; /* when `changed` is not empty */
};

struct prefix {
    struct index_node in_registry;
    struct bytes name; /* follows the struct */
    atomic_uint references;
    unsigned members;
    struct prefix_share by_worker[];
};

struct membership {
    struct list_node in_share, in_session;
    struct prefix *prefix;
    struct session *session;
};

struct prefix_length {
    size_t length;
    unsigned prefixes;
};

/* ---- all together ---- */

struct tracking {
    struct session *session;
    struct list_node in_worker;
    struct list_node memberships; /* ascending by prefix */
    uint32_t flags;
    uint64_t redirect; /* an address; 0 = none */
};

/* A worker's own. */
struct tracking_worker {
    struct list_node sessions;    /* that track: struct tracking, by in_worker */
    struct list_node dirty;       /* shares of prefixes with keys that changed */
    struct buffer to_self;        /* struct message *: for the running session, when it is done */
    const struct session *served; /* a blocked session whose command runs again */
    uint64_t flush;               /* the command that flushed last */
    struct random random;
} __attribute__((aligned(64)));

struct tracking_registry {
    _Atomic uint64_t clients, keys, items;
    _Atomic uint64_t attention; /* clients and keys: while it is 0, changes are nobody's business */
    struct index prefixes;
    struct prefix_length *lengths; /* that prefixes have */
    unsigned length_count, length_capacity;
    unsigned worker_count;
    struct tracking_worker *workers;
    struct tracked_partition partitions[PARTITION_COUNT];
};

static inline struct tracking_worker *tracking_worker(struct exec_worker *w) {
    return &w->exec->tracking->workers[w->index];
}

/* Where a session is found again, by those who must not keep a pointer to it. */
#define ADDRESS_ID_BITS 48

static inline uint64_t session_address(const struct session *session) {
    return (uint64_t)session->worker << ADDRESS_ID_BITS | session->id;
}

static inline unsigned address_worker(uint64_t address) {
    return (unsigned)(address >> ADDRESS_ID_BITS);
}

static inline uint64_t address_id(uint64_t address) {
    return address & ((1ull << ADDRESS_ID_BITS) - 1);
}

/* A session of this worker; NULL: it is gone. */
static inline struct session *address_session(const struct exec_worker *w, uint64_t address) {
    return worker_find_session(w, address_id(address));
}

/* ---- tracking_send.c: at the worker `w`, whose thread this is ---- */

/* The array of names that an invalidation carries. NULL: no memory. */
struct message *invalidation_encode(const struct bytes *names, size_t count);

/* Tells a session of this worker, or whom it redirects to; after its reply if it is in the middle
 * of one. NULL: all keys are gone. */
void invalidation_send(struct exec_worker *w, struct session *session, struct message *names);

/* Tells the readers of a key; `author` is who changed it, NULL: nobody. */
void invalidation_send_all(struct exec_worker *w, const struct tracked_key *key,
                           const struct session *author);

/* Tells all who track, once in a command. */
void invalidation_send_flush(struct exec_worker *w);

/* ---- tracking_broadcast.c ---- */

/* Exclusive mode. Joining twice is once. False: no memory. */
bool prefix_join(struct session *session, struct bytes name);
void prefix_leave_all(struct session *session);

/* Remembers that the worker has changed the key. */
void prefix_note(struct exec_worker *w, const struct key *key, const struct session *author);
