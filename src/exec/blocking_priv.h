/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who waits for which key. Invariants:
 *   1. A waiting key is in its partition's table, and belongs to the partition's lock, as do the
 *      links of its waiters. It is freed when nobody waits for it, it is not marked and not pinned.
 *   2. A waiter's state leaves WAIT_OPEN only while a partition of it is locked, and reaches
 *      WAIT_DONE once. Who brings it there writes the reply, counts it off, and sees to it that the
 *      session's worker frees it.
 *   3. Memory of a waiter and of its session lives until the session's worker has locked all of its
 *      keys after WAIT_DONE; so whoever found it through a key it holds may use both.
 */
#pragma once

#include "exec/blocking.h"
#include "exec/exec_priv.h"

enum wait_state {
    WAIT_OPEN,
    WAIT_CLAIMED, /* somebody runs its command */
    WAIT_MISSED,  /* and somebody else wanted to meanwhile, for another key */
    WAIT_DONE
};

struct waiting_key {
    struct waiting_key *next; /* in its bucket */
    struct key key;           /* its name follows the struct */
    uint32_t db;
    unsigned pins;
    unsigned on_delete;       /* waiters that also want to know when it goes */
    struct list_node waiters; /* struct wait_link, in the order of their coming */
    struct list_node marked;  /* on the list of a worker that has to serve it */
};

struct wait_link {
    struct list_node in_key;
    struct waiting_key *key;
    struct waiter *waiter;
};

struct waiter {
    struct session *session; /* NULL: gone. Its own worker's, or under the lock of a key */
    struct exec *exec;
    unsigned worker; /* the session's */
    const struct registered *found;
    struct blocking_request request;
    uint32_t db;
    bool muted, reply_failed;
    bool rejected;            /* what it has waited to do is not allowed any more */
    struct command_cost cost; /* until it began to wait; the session's worker's */
    uint64_t ticks;           /* of running it again; whose claim it is */
    uint64_t unit;            /* what its reply depends on */
    _Atomic enum wait_state state;
    struct net_timer timer;
    struct buffer reply;
    struct list_node finished;
    struct bytes *argv;
    unsigned argc;
    struct key *keys; /* all of the command */
    unsigned key_count, link_count;
    struct wait_link links[]; /* one for each of the first keys */
};

struct waiting_table {
    struct waiting_key **buckets; /* a power of two */
    unsigned bucket_count, count;
};

struct blocking_worker {
    struct list_node marked; /* keys to serve; its own thread's */
    bool serve_posted;
    pthread_mutex_t mutex;
    struct list_node finished; /* waiters whose reply is ready; guarded by `mutex` */
} __attribute__((aligned(64)));

struct blocking {
    _Atomic uint64_t keys; /* that somebody waits for */
    _Atomic uint64_t clients, timed, keys_on_delete;
    struct waiting_table tables[PARTITION_COUNT];
    struct blocking_worker *workers;
    unsigned worker_count;
};

/* ---- blocking_keys.c: all under the lock of the key's partition ---- */

/* NULL: nobody waits for it. */
struct waiting_key *waiting_key_find(struct blocking *blocking, uint32_t db, const struct key *key);

/* Puts the waiter at the end of the key's line, once: all of its keys are joined before anybody
 * else can. False: no memory. */
bool waiting_key_join(struct blocking *blocking, struct wait_link *link, const struct key *key);

/* Takes it out of the line; nothing if it is in none. */
void waiting_key_leave(struct blocking *blocking, struct wait_link *link);

/* Frees the key if nobody needs it any more. */
void waiting_key_release(struct blocking *blocking, struct waiting_key *key);

typedef void waiting_key_visitor(void *context, struct waiting_key *key);

/* Exclusive mode. */
void waiting_keys_each(struct blocking *blocking, waiting_key_visitor *visit, void *context);

/* ---- blocking.c ---- */

/* The session of the call waits for no key, but for waiter_complete(). NULL: no memory. */
struct waiter *blocking_wait_for_task(struct call *call);

/* Its session goes on, with the waiter's reply; the waiter is freed. On the session's worker.
 * Nobody else knows the waiter any more. */
void waiter_complete(struct waiter *waiter);

/* Frees one that nobody completes, since the server has stopped or the wait has not begun. */
void waiter_abandon(struct waiter *waiter);

/* Hands the waiter, which is done, to its session's worker. */
void waiter_finish(struct waiter *waiter);
