/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers, event loops, connections: moves bytes and knows no command.
 *
 * N worker threads, each with its own epoll loop and its own connections, run to completion: read,
 * parse, hand the batch to the service above, write what it answered, once per turn and connection.
 * Listeners belong to worker 0, which gives new connections to the worker that has fewest.
 *
 * Functions that take a connection are for its own worker's thread, inside the gate, unless they
 * say otherwise. A worker is inside the gate whenever it calls up, except for tick().
 *
 * A connection of a TLS listener comes up when its handshake is done; nobody sees it before.
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

/* What net calls up into; registered once, by server/, with no member left out. All calls come on
 * the worker that owns the connection, and inside the gate. */
struct net_service {
    void *context;

    /* A connection came in. Returns the session that goes with it, or NULL to refuse: what was
     * written to `reply` is sent, then the connection is closed. */
    void *(*open)(void *context, struct connection *connection, struct reply *reply);

    /* Requests to run in order. `reply` comes fresh, with resp 2: the session sets what it speaks.
     * Returns how many were taken; fewer than batch->count means that the session must wait (it is
     * paused, or blocked): net keeps the rest, reads no more, and does not come back before
     * connection_resume(). A session that only wants its long output sent first calls
     * connection_resume() itself before it returns. */
    unsigned (*run)(void *context, void *session, const struct request_batch *batch,
                    struct reply *reply);

    /* The peer broke the protocol; `error` has been written to it already. */
    void (*invalid)(void *context, void *session, const char *error);

    /* A request outgrew net_set_input_limit(): the connection is about to be closed. */
    void (*input_overflow)(void *context, void *session, size_t input_bytes);

    /* After connection_stream(), whenever the connection has sent all that it had: writes more of
     * the reply to `reply`. False: it is complete. */
    bool (*more)(void *context, void *session, struct reply *reply);

    /* At the end of a turn that left bytes unsent, or that sent the last of such (pending = 0): the
     * place to enforce limits on slow readers. Must be cheap: pending may stay above 0 for long. */
    void (*backlog)(void *context, void *session, size_t pending);

    /* The connection is gone, whoever closed it. The session must not be used afterwards. */
    void (*close)(void *context, void *session);

    /* The worker comes into the gate before its first call of a turn of the loop and goes out
     * before it sleeps. It is for the session to yield between commands. leave() true: there shall
     * be another turn at once, even if nothing happens. */
    void (*enter)(void *context, unsigned worker);
    bool (*leave)(void *context, unsigned worker);

    /* About every `net_options.tick_ms`, on each worker, not inside the gate. False: there is
     * nothing left to do, so a worker for which nothing happens may be called after
     * `net_options.idle_tick_ms` only. */
    bool (*tick)(void *context, unsigned worker);
};

struct net_options {
    unsigned workers;
    unsigned tick_ms, idle_tick_ms;
    const struct net_service *service; /* outlives the net */
};

/* NULL = no memory or no descriptors. */
struct net *net_create(const struct net_options *options);

/* Listeners: add and close before net_run, or in exclusive mode. Returns 0 or a negative errno. */
int net_listen_tcp(struct net *net, const char *host, uint16_t port, int backlog);
int net_listen_tls(struct net *net, const char *host, uint16_t port, int backlog);
int net_listen_unix(struct net *net, const char *path, unsigned mode, int backlog);

enum listener_kind { LISTENER_TCP, LISTENER_TLS, LISTENER_UNIX };
void net_close_listeners(struct net *net, enum listener_kind kind);

/* What connections to TLS listeners begin with from now on (net/tls.h); closed at once while there
 * is none. Takes the reference over. Any thread. */
struct ssl_ctx_st;
void net_set_tls(struct net *net, struct ssl_ctx_st *context);

/* The port of the first listener of the kind (what port 0 became); 0 = there is none. */
uint16_t net_port(const struct net *net, enum listener_kind kind);

/* Starts the workers; worker 0 runs on the calling thread and returns after net_stop(), when all
 * workers have ended. False: a thread could not be started. */
bool net_run(struct net *net);

/* Any thread and any signal handler: all workers end their turn, replies in flight are written as
 * far as the sockets take them, connections are closed. */
void net_stop(struct net *net);

/* After net_run() has returned, or without it. */
void net_free(struct net *net);

unsigned net_workers(const struct net *net);
struct worker *net_worker(struct net *net, unsigned index);
unsigned worker_index(const struct worker *worker);

/* The worker whose thread this is; NULL elsewhere. */
struct worker *worker_current(void);

/* clock_mono_us() as of the start of this turn of the loop. Own thread. */
int64_t worker_now_us(const struct worker *worker);

/* Runs fn(argument) on the worker's thread, inside the gate, in the order of posting. Any thread.
 * False = no memory. What is posted after net_stop() may never run. */
bool worker_post(struct worker *worker, void (*fn)(void *argument), void *argument);

/* Within a run() that takes long, on its thread: gives the other connections of the worker one
 * turn, those included that arrive. So run() is called for them while one goes on, and must know.
 * Nothing is freed, no timer fires and nothing posted runs. False: the net is stopping. */
bool worker_poll(struct worker *worker);

/* Timers of a worker, a millisecond's resolution; own thread only. They fire once, inside the gate.
 * The owner keeps the struct until it has fired or was cancelled. */
struct net_timer {
    int64_t due_us; /* clock_mono_us */
    void (*fire)(struct net_timer *timer);
    size_t heap_index; /* 0 = not armed */
};

/* Arms it, or moves it when it is armed. False = no memory, and then it is not armed. */
bool worker_timer_arm(struct worker *worker, struct net_timer *timer, int64_t due_mono_us);

/* Of a timer that is not armed: nothing. */
void worker_timer_cancel(struct worker *worker, struct net_timer *timer);

/* ---- connections ---- */

struct worker *connection_worker(const struct connection *c);
int connection_fd(const struct connection *c);
bool connection_is_unix(const struct connection *c);
bool connection_is_tls(const struct connection *c);
bool connection_peer_is_local(const struct connection *c); /* loopback or a unix socket */
void connection_peer_name(const struct connection *c, char *out, size_t size);
void connection_local_name(const struct connection *c, char *out, size_t size);

/* Shows the names in the certificate that the peer has proven to be its own, one after the other,
 * until visit() returns true; then it does, too. False without a certificate. */
enum tls_name { TLS_COMMON_NAME, TLS_URI };
typedef bool tls_name_visitor(void *context, struct bytes name);
bool connection_certificate_names(const struct connection *c, enum tls_name kind,
                                  tls_name_visitor *visit, void *context);

/* Takes no more requests, and closes after what has been written is sent (QUIT, protocol errors).
 */
void connection_close_after_reply(struct connection *c);

/* Closes at the end of the turn, without sending what is pending (CLIENT KILL, limits). Safe
 * anywhere, in run() too; until service->close() the connection may be used, to no effect. */
void connection_close(struct connection *c);

/* Lets a connection go on whose run() took fewer requests than it was given. */
void connection_resume(struct connection *c);

/* The reply that has just been begun, within the connection's run(), which returns at once, or with
 * connection_send_buffer(), comes in pieces, by service->more(). No request is run until that says
 * that it is complete. */
void connection_stream(struct connection *c);

/* Asks for all the rest of such a reply now, whether the peer has taken what there is or not. */
void connection_end_stream(struct connection *c);

/* Sends bytes that no request asked for: pushes, messages, a late reply. They are copied, and
 * written at the end of the turn. Within the connection's own run() they stand where the replies of
 * the batch have come to, so never call it in the middle of a reply; one that comes in pieces is
 * completed before. Without memory the connection is closed. From another thread: worker_post. */
void connection_send(struct connection *c, struct bytes bytes);

/* Within its run(): what the connection has written since its turn began, and writes until its end,
 * is sent only when the mark has been released. Marks are numbers that only grow. */
void connection_hold(struct connection *c, uint64_t mark);

/* As connection_send, of a buffer that waits for a mark (0: for none). It may be taken over, and is
 * the caller's still, empty or not. */
void connection_send_buffer(struct connection *c, struct buffer *buffer, uint64_t mark);

/* Any thread: from now on nothing waits for marks up to this one. */
void net_release(struct net *net, uint64_t mark);

/* What a session's RESP limits are: unauthenticated peers get less. `limits` is kept, not copied.
 * Until then, those of Redis' defaults hold. */
void connection_set_limits(struct connection *c, const struct request_limits *limits);

/* For CLIENT LIST, INFO and the output limits. Own thread or exclusive mode. */
struct connection_usage {
    size_t input_used, input_free; /* the query buffer */
    size_t output_pending;         /* bytes not yet taken by the socket */
    size_t output_blocks;
    size_t memory; /* all that the connection holds */
    uint64_t bytes_in, bytes_out;
    uint64_t reads;
};
struct connection_usage connection_usage(const struct connection *c);

/* Any thread. The first closes connections (client-query-buffer-limit), the second is for
 * connections yet to come (tcp-keepalive; 0 = off). */
void net_set_input_limit(struct net *net, size_t bytes);
void net_set_keepalive(struct net *net, int seconds);

/* Any thread; sums what the workers count each for itself. */
struct net_stats {
    uint64_t connections_accepted, connections_refused;
    uint64_t bytes_in, bytes_out, reads, writes;
    unsigned connections;
};
struct net_stats net_stats(const struct net *net);

/* Counts from zero again, except for `connections`. */
void net_stats_reset(struct net *net);
