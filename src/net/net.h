/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers, event loops, connections: moves bytes and knows no command.
 *
 * N worker threads, each with its own epoll loop and its own connections, run to completion: read,
 * parse, hand the batch to the service above, write what it answered, once per turn and connection.
 * Listeners belong to worker 0, which gives new connections to the worker that has fewest.
 *
 * Functions that take a connection are for its own worker's thread, unless they say otherwise.
 */
#pragma once

#include "base/list.h"
#include "proto/reply.h"
#include "proto/request.h"
#include <stdbool.h>
#include <stdint.h>

struct net;
struct worker;
struct connection;

/* What net calls up into; registered once, by server/. All calls come on the worker that owns the
 * connection. */
struct net_service {
    void *context;

    /* A connection came in. Returns the session that goes with it, or NULL to refuse: what was
     * written to `reply` is sent, then the connection is closed. */
    void *(*open)(void *context, struct connection *connection, struct reply *reply);

    /* Requests to run in order. Returns how many were taken; fewer than batch->count means that the
     * session must wait (it is paused, or blocked): net keeps the rest and does not come back
     * before connection_resume(). */
    unsigned (*run)(void *context, void *session, const struct request_batch *batch,
                    struct reply *reply);

    /* The peer broke the protocol; `error` has been written to it already. */
    void (*invalid)(void *context, void *session, const char *error);

    /* The connection is gone, whoever closed it. The session must not be used afterwards. */
    void (*close)(void *context, void *session);

    /* Around the part of a turn in which run() is called: the worker is inside the gate. */
    void (*enter)(void *context, unsigned worker);
    void (*leave)(void *context, unsigned worker);

    /* About every `net_options.tick_ms`, on each worker, not inside the gate. */
    void (*tick)(void *context, unsigned worker);
};

struct net_options {
    unsigned workers;
    unsigned tick_ms;
    const struct net_service *service;
};

struct net *net_create(const struct net_options *options);

/* Listeners: add before net_start, or any time from worker 0's thread. Returns 0 or errno. */
int net_listen_tcp(struct net *net, const char *host, uint16_t port, int backlog);
int net_listen_unix(struct net *net, const char *path, unsigned mode, int backlog);
void net_close_listeners(struct net *net);

/* Starts the workers; worker 0 runs on the calling thread and returns after net_stop(). */
void net_run(struct net *net);

/* Any thread and any signal handler: all workers end their turn, replies in flight are written as
 * far as the sockets take them, connections are closed. */
void net_stop(struct net *net);
void net_free(struct net *net);

unsigned net_workers(const struct net *net);
struct worker *net_worker(struct net *net, unsigned index);
unsigned worker_index(const struct worker *worker);

/* The worker whose thread this is; NULL elsewhere. */
struct worker *worker_current(void);

/* Runs fn(argument) on the worker's thread, outside the gate, in the order of posting. Any thread.
 * false = no memory. */
bool worker_post(struct worker *worker, void (*fn)(void *argument), void *argument);

/* Timers of a worker, a millisecond's resolution; own thread only. */
struct net_timer {
    int64_t due_us;  /* clock_mono_us */
    void (*fire)(struct net_timer *timer);
    size_t heap_index; /* 0 = not armed */
};
void worker_timer_arm(struct worker *worker, struct net_timer *timer, int64_t due_mono_us);
void worker_timer_cancel(struct worker *worker, struct net_timer *timer);

/* ---- connections ---- */

struct worker *connection_worker(const struct connection *c);
void *connection_session(const struct connection *c);
int connection_fd(const struct connection *c);
bool connection_is_unix(const struct connection *c);
bool connection_peer_is_local(const struct connection *c); /* loopback or a unix socket */
void connection_peer_name(const struct connection *c, char *out, size_t size);
void connection_local_name(const struct connection *c, char *out, size_t size);

/* Closes after what has been written is sent (QUIT, protocol errors). */
void connection_close_after_reply(struct connection *c);

/* Closes now, without sending what is pending (CLIENT KILL, limits). Safe within run(). */
void connection_close(struct connection *c);

/* Lets a connection go on whose run() took fewer requests than it was given. */
void connection_resume(struct connection *c);

/* Sends bytes that no request asked for: pushes, messages, a late reply. Written at the end of the
 * turn. Own thread; from another one, worker_post. */
void connection_send(struct connection *c, struct bytes bytes);

/* What a session's RESP limits are: unauthenticated peers get less. */
void connection_set_limits(struct connection *c, const struct request_limits *limits);

/* For CLIENT LIST, INFO and the output limits. */
struct connection_usage {
    size_t input_used, input_free;    /* the query buffer */
    size_t output_pending;            /* bytes not yet taken by the socket */
    size_t output_blocks;
    size_t memory;                    /* all that the connection holds */
    uint64_t bytes_in, bytes_out;
    uint64_t reads;
};
struct connection_usage connection_usage(const struct connection *c);

/* Limits that net enforces itself by closing the connection. */
void net_set_input_limit(struct net *net, size_t bytes);             /* client-query-buffer-limit */
void net_set_keepalive(struct net *net, int seconds);                /* tcp-keepalive */

/* All the connections of a worker: own thread or exclusive mode. */
void worker_each_connection(struct worker *worker, void (*fn)(struct connection *, void *),
                            void *argument);

struct net_stats {
    uint64_t connections_accepted, connections_refused;
    uint64_t bytes_in, bytes_out, reads, writes;
    unsigned connections;
};
struct net_stats net_stats(const struct net *net);
void net_stats_reset(struct net *net);
