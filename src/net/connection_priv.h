/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection from the inside. It belongs to one worker for its whole life.
 */
#pragma once

#include "net/net.h"
#include "net/output_priv.h"

/* The loop is edge-triggered: a descriptor is registered once, for everything, and these remember
 * what its edges said. */
#define CONNECTION_READABLE (1u << 0) /* the socket may hold input */
#define CONNECTION_FULL     (1u << 1) /* the socket takes no more output until an edge says so */
#define CONNECTION_HANGUP   (1u << 2) /* the peer sends no more; what it has sent may wait */

#define CONNECTION_RUNNABLE (1u << 3) /* `input` may hold whole requests: run it before reading */
#define CONNECTION_WAITING  (1u << 4) /* run() took too few: no input until connection_resume() */
#define CONNECTION_RESUMED  (1u << 5) /* connection_resume() came within run() */
#define CONNECTION_CLOSING  (1u << 6) /* no more input; closes when the output is sent */
#define CONNECTION_CLOSED   (1u << 7) /* on worker->closed; does nothing more */

#define CONNECTION_TLS       (1u << 8)  /* is a struct tls_connection */
#define CONNECTION_HANDSHAKE (1u << 9)  /* has no session yet (handshake.c) */
#define CONNECTION_SHAKEN    (1u << 10) /* will have one at its next turn */

#define CONNECTION_STREAMING (1u << 11) /* service->more() has more of the last reply */
#define CONNECTION_BUNDLED   (1u << 12) /* worker->bundle has its last replies */

/* A million of these may be idle, so every word counts. */
struct connection {
    struct worker *worker;
    void *session;
    struct list_node all;  /* worker->connections */
    struct list_node turn; /* worker->ready, later, unsent or closed; on none while it is idle */
    int fd;
    uint32_t flags;
    struct request_parser parser;
    const struct request_limits *limits;
    struct buffer input; /* what did not make a whole request, or was not taken; else no memory */
    struct output_queue output;
    uint64_t bytes_in, bytes_out;
    uint64_t reads;
};
_Static_assert(sizeof(struct connection) <= 160, "an allocator's size class");

/* Makes a connection of the descriptor, which is closed when that fails. */
void connection_adopt(struct worker *worker, int fd, bool with_tls);

/* The last piece of a reply has been made: requests are run again. */
static inline void connection_streamed(struct connection *c) {
    c->flags = (c->flags & ~CONNECTION_STREAMING) | CONNECTION_RUNNABLE;
}

/* Asks the service for a session, and frees the connection when that refuses. */
bool connection_open(struct connection *c);

/* Frees a connection that has no session. */
void connection_free(struct connection *c);

/* Ends a connection that connection_close() put on worker->closed. */
void connection_destroy(struct connection *c);

/* ---- turns (turn.c) ---- */

/* One turn: at most one read, and a bounded number of requests. The connection is on no list; goes
 * on worker->later if it has more to do. */
void connection_turn(struct connection *c);

/* Writes what is in the connection's queue, and no more. As connection_turn(). */
void connection_write_turn(struct connection *c);

/* Out of its own turn: it writes what is in its queue before the worker sleeps. */
void connection_write_soon(struct connection *c);

/* Writes what it can of the queue, once. */
void connection_write_queue(struct connection *c);

/* Sends the output of the connection's turn; what it does not take goes to its queue. */
void connection_send_output(struct connection *c);

/* Sends the replies of all turns that wait for it. Whatever else is to be sent to such a connection
 * comes after that. */
void connection_send_bundle(struct worker *worker);
