/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session: what the server knows of one client beyond its connection.
 *
 * Belongs to the worker of its connection. Other workers look at it, and change it, in exclusive
 * mode only (CLIENT LIST, CLIENT KILL).
 */
#pragma once

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/index.h"
#include "base/list.h"
#include <stdbool.h>
#include <stdint.h>

struct connection;
struct waiter;
struct command;
struct exec;
struct subscriber;
struct transaction;
struct user;
struct watcher;
struct tracking;
struct monitor;
struct stream;

#define SESSION_AUTHENTICATED   (1u << 0)
#define SESSION_NO_EVICT        (1u << 1)
#define SESSION_NO_TOUCH        (1u << 2)
#define SESSION_REPLY_OFF       (1u << 3)
#define SESSION_REPLY_SKIP      (1u << 4) /* the next reply */
#define SESSION_REPLY_SKIP_NEXT (1u << 5) /* arms REPLY_SKIP after this command */
#define SESSION_CLOSING         (1u << 6) /* no more commands run; closes after its replies */
#define SESSION_PAUSED          (1u << 7) /* waits for CLIENT UNPAUSE */
#define SESSION_CAPA_REDIRECT   (1u << 8)
#define SESSION_IMPORT_SOURCE   (1u << 9)
#define SESSION_KILLED          (1u << 10) /* its worker is about to close it; nobody sees it any more */
#define SESSION_UNIX            (1u << 11) /* came through a Unix socket */
#define SESSION_BACKLOG         (1u << 12) /* its socket did not take all that was sent */
#define SESSION_UNRESTRICTED    (1u << 13) /* it may do everything: no need to ask its user */
#define SESSION_WAS_IN_MULTI    (1u << 14) /* it has once opened a transaction, or watched a key */
#define SESSION_READONLY        (1u << 15) /* it has said READONLY, of which nothing follows */
#define SESSION_RUNS_AGAIN      (1u << 18) /* its command waits until more is durable, or a deadline */

struct session {
    uint64_t id;
    struct connection *connection;
    struct exec *exec;
    uint8_t durability;         /* enum durability: what it has asked for */
    uint64_t last_unit;         /* of changes that it has made; 0 = none */
    int64_t wait_deadline_ms;   /* with SESSION_RUNS_AGAIN */
    const struct user *user;    /* exec/acl.h; the default one until it authenticates */
    struct list_node in_worker; /* all sessions of the worker, by id */
    struct index_node by_id;    /* the same */
    struct list_node paused;    /* sessions of the worker that wait for the pause to end */
    uint32_t flags;
    uint32_t db;
    unsigned worker;
    uint8_t resp;          /* 2 or 3 */
    struct waiter *waiter; /* exec/blocking.h; NULL: it does not wait for keys */
    char *name;            /* CLIENT SETNAME; NULL = none */
    char *library_name, *library_version;
    const struct command *last_command;
    int64_t created_ms, active_ms; /* clock_wall_ms */
    uint64_t commands;
    struct transaction *transaction;  /* exec/transaction.h; NULL: none is open */
    struct watcher *watcher;          /* exec/watch.h; NULL: it watches nothing */
    struct subscriber *subscriber;    /* exec/pubsub.h; NULL: it has not subscribed yet */
    struct tracking *tracking;        /* exec/tracking.h; NULL: it does not track */
    struct monitor *monitor;          /* exec/monitor.h; NULL: it is none */
    struct stream *stream;            /* exec/stream.h; NULL: no reply is being made in pieces */
    int64_t over_soft_limit_since_us; /* clock_mono_us; 0: the output is below its soft limit */
};

/* Is this a name that a client may give itself or its library: no spaces, nothing unprintable? */
bool session_valid_name(struct bytes name);

/* Puts a copy into one of the session's names, or NULL for an empty one. false: no memory. */
bool session_set_text(char **text, struct bytes value);

/* Must it authenticate before it may run commands? */
bool session_needs_authentication(const struct session *session);

/* The session is that user's from now on. */
void session_set_user(struct session *session, const struct user *user);

/* Makes the session that user without a password: its certificate has proven it. false: there is no
 * such user, or it may not log in. */
bool session_become(struct session *session, struct bytes user);

/* RESET: as if it had just connected. */
void session_reset(struct session *session);

/* The letters of CLIENT LIST's `flags`, "N" when there are none. */
#define SESSION_LETTERS_MAX 24
void session_letters(const struct session *session, char out[SESSION_LETTERS_MAX]);

/* What it takes, its connection's buffers included, in bytes. The same may call. */
size_t session_memory(const struct session *session);

/* Appends CLIENT LIST's line, without the line break. `call` is the command that asks, or NULL. The
 * session's own worker, or exclusive mode. false: no memory. */
struct call;
bool session_describe(const struct session *session, const struct call *call, struct buffer *out);
