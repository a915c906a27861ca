/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiting for keys: commands that block until somebody else's command gives them something.
 *
 * A handler that finds nothing calls blocking_wait() instead of replying. Its command is run again,
 * by the same handler, after each command that changed one of the keys it waits for and left there
 * a value of its type: on the worker of whoever made the change, while the partitions are still
 * locked, and with the waiting client's session and a reply of its own. When the handler calls
 * blocking_wait() again, the client goes on waiting; whatever else it does ends the wait, and the
 * reply goes to the client. So a change that served somebody is seen as served by all who come
 * after. Waiters of a key are served in the order in which they came, and what serving changes may
 * serve others.
 *
 * Who guards what: the waiters of a key belong to its partition's lock. A waiter is claimed by an
 * atomic exchange, so that of two workers that could serve it by different keys one does. Ending a
 * wait otherwise (deadline, disconnection) is for the session's own worker, which locks all keys of
 * the waiter first.
 */
#pragma once

#include "exec/call.h"

struct blocking;
struct waiter;

struct blocking_request {
    int64_t deadline_ms;  /* Unix time; 0 = never */
    enum value_type type; /* the command looks again when a key has a value of this type */
    unsigned key_count;   /* it waits for the first so many of call->keys; 0 = for all */

    /* It looks at call->keys alone to see which keys it has, and can do with any one of them: when
     * it runs again, call->keys is the one that changed. Otherwise they are what they were, and all
     * workers stop while it runs unless the keys' partitions are locked already. */
    bool any_key;
    bool on_delete;    /* it also looks when a key is removed, or holds something else */
    bool null_at_once; /* where nobody may wait the reply is a null, not a null array */

    /* What it is to be run with, if that is not call->argv ("$" of XREAD resolved): as many
     * arguments, with the same keys. They are copied. */
    const struct bytes *argv;
};

/* Instead of a reply. Where nobody may wait (call->no_wait: MULTI, scripts) this answers what the
 * deadline would. */
void blocking_wait(struct call *call, const struct blocking_request *request);

/* Parses a timeout in seconds with a fraction, or in whole milliseconds, to a deadline. False: it
 * makes no sense, and that has been answered. */
bool blocking_deadline_seconds(struct call *call, struct bytes timeout, int64_t *deadline_ms);
bool blocking_deadline_ms(struct call *call, struct bytes timeout, int64_t *deadline_ms);

/* CLIENT UNBLOCK: ends the session's wait as the deadline would, or with an error. False: it does
 * not wait for keys. Exclusive mode. */
bool blocking_unblock(struct session *session, bool with_error);

/* Does the session wait for keys? Its own worker, or exclusive mode. */
bool session_is_blocked(const struct session *session);

/* What the command's arguments take that it waits to run again. Its own worker, or exclusive mode.
 */
size_t blocking_argv_bytes(const struct session *session);

/* For INFO. Exclusive mode. */
struct blocking_counts {
    uint64_t clients;        /* that wait */
    uint64_t timed;          /* those of them that have a deadline */
    uint64_t keys;           /* that somebody waits for */
    uint64_t keys_on_delete; /* those of them that somebody waits for the end of */
};
struct blocking_counts blocking_count(const struct exec *exec);
