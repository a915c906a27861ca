/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The net and its workers from the inside.
 */
#pragma once

#include "net/connection_priv.h"
#include "net/held_priv.h"
#include "net/mailbox_priv.h"
#include "net/net.h"
#include "net/timers_priv.h"
#include "sys/socket.h"
#include "sys/thread.h"
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

/* What one read takes at most, unless a large request is read into its own place. */
#define INPUT_SIZE ((size_t)64 * 1024)

/* Output that is shorter is copied, not taken with its buffer. */
#define TAKE_OVER ((size_t)64 * 1024)

#define CACHE_LINE 64

/* Short replies of connections whose turns follow one another are sent together, after the last of
 * these turns: a peer that has several of the connections is woken once, not for each of them.
 * BUNDLE_BYTES of replies bound how long the first one waits. */
enum { BUNDLE_MAX = 16, BUNDLE_BYTES = 8 * 1024 };

struct bundled {
    struct connection *connection;
    size_t start, size; /* of its replies in the worker's output */
};

/* Written by the worker alone, read by anybody. */
struct counters {
    _Atomic uint64_t accepted, refused, bytes_in, bytes_out, reads, writes;
};

static inline void counter_add(_Atomic uint64_t *counter, uint64_t n) {
    uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, old + n, memory_order_relaxed);
}

struct worker {
    struct net *net;
    unsigned index;
    int epoll;
    int wake; /* an eventfd, edge-triggered, so that it is never read */
    int64_t now_us;
    int64_t next_tick_us; /* when awake */
    int64_t wake_tick_us; /* until when it sleeps at most: later, while nothing happens */
    bool again;           /* the service wants another turn */
    struct timers timers;
    struct thread thread; /* not of worker 0 */

    struct list_node connections;
    /* Each connection is on at most one of these: */
    struct list_node ready;  /* gets its turn in this turn of the loop */
    struct list_node later;  /* in the next */
    struct list_node unsent; /* has bytes of connection_send(), written before the worker sleeps */
    struct list_node closed; /* to be freed before the worker sleeps */

    /* Connections without a session yet, the oldest first; those of them that have something to do
     * are on handshakes_ready by their `turn`, or go through the lists above. */
    struct list_node handshakes, handshakes_ready;
    unsigned handshake_count;
    int64_t handshake_logged_us;

    struct held_list held; /* connections whose output waits for a mark */
    _Atomic bool holding;  /* net_release() has to tell: there are such */

    struct connection *current; /* whose turn it is */
    char *input;                /* INPUT_SIZE bytes that all connections read into */
    struct buffer output;       /* the replies of the bundle and, behind them, the current turn's */
    size_t output_start;        /* of these */
    uint64_t output_mark;       /* that they wait for; 0 = none */
    struct bundled bundle[BUNDLE_MAX];
    unsigned bundle_count;
    struct reply reply;
    struct request_batch batch;

    alignas(CACHE_LINE) struct mailbox mailbox;
    struct mailbox arrivals;           /* connections that another worker has accepted */
    _Atomic unsigned connection_count; /* counts those on their way, too */
    _Atomic bool stop;
    alignas(CACHE_LINE) struct counters counters;
};

struct net {
    const struct net_service *service;
    unsigned tick_ms, idle_tick_ms;
    unsigned worker_count;
    struct worker *workers;
    _Atomic size_t input_limit;
    _Atomic int keepalive_s;
    _Atomic uint64_t released; /* output waits for no mark up to this one */
    pthread_mutex_t tls_lock;
    struct ssl_ctx_st *tls;         /* guarded by tls_lock */
    struct counters counted_before; /* at the last net_stats_reset */

    /* Worker 0's. */
    struct list_node listeners, closed_listeners;
    struct net_timer accept_again; /* armed while no descriptor or memory is left to accept with */
    int64_t accept_logged_us;
};

static inline uint64_t net_released(const struct net *net) {
    return atomic_load(&net->released);
}

/* ---- worker.c ---- */

/* False = no memory or descriptors; worker_free() cleans up what there is. */
bool worker_init(struct worker *worker, struct net *net, unsigned index);
void worker_free(struct worker *worker);

/* As worker_post(), of a connection that arrives: worker_poll() sees to it, too, since whoever
 * comes may have come to end what takes long. */
bool worker_post_arrival(struct worker *worker, void (*fn)(void *argument), void *argument);

/* Turns until told to stop. worker_finish() then ends the connections, on the same thread. */
void worker_loop(struct worker *worker);
void worker_finish(struct worker *worker);

/* Async-signal-safe. */
void worker_stop(struct worker *worker);

/* What an event's data says: whose it is, and in the lowest bits of the pointer, of which kind. */
enum event_source { EVENT_CONNECTION, EVENT_LISTENER, EVENT_WAKE };
bool worker_watch(struct worker *worker, int fd, uint32_t events, enum event_source kind,
                  void *source);

/* ---- listener.c ---- */

struct listener;

/* Accepts who waits, up to a bound. */
void listener_accept(struct listener *listener);
void listeners_close(struct net *net);
void listeners_free(struct net *net);

/* A reference to what TLS connections begin with. NULL = there is none. */
struct ssl_ctx_st *net_tls(struct net *net);
