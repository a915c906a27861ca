/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/net_priv.h"
#include "net/tls.h"

#include "sys/memory.h"
#include <stdio.h>

struct net *net_create(const struct net_options *options) {
    const struct net_service *s = options->service;
    ensure(options->workers > 0 && options->tick_ms > 0);
    ensure(options->idle_tick_ms >= options->tick_ms);
    ensure(s->open && s->run && s->invalid && s->input_overflow && s->backlog && s->close &&
           s->enter && s->leave && s->tick);
    struct net *net = memory_alloc_zero(sizeof *net);
    if (!net) return NULL;
    net->service = s;
    net->tick_ms = options->tick_ms;
    net->idle_tick_ms = options->idle_tick_ms;
    net->input_limit = SIZE_MAX;
    pthread_mutex_init(&net->tls_lock, NULL);
    list_init(&net->listeners);
    list_init(&net->closed_listeners);
    net->workers = memory_alloc_aligned(CACHE_LINE, options->workers * sizeof *net->workers);
    if (!net->workers) {
        memory_free(net);
        return NULL;
    }
    for (unsigned i = 0; i < options->workers; i++) {
        net->worker_count++;
        if (!worker_init(&net->workers[i], net, i)) {
            net_free(net);
            return NULL;
        }
    }
    return net;
}

void net_free(struct net *net) {
    listeners_free(net);
    for (unsigned i = 0; i < net->worker_count; i++)
        worker_free(&net->workers[i]);
    net_set_tls(net, NULL);
    pthread_mutex_destroy(&net->tls_lock);
    memory_free(net->workers);
    memory_free(net);
}

static void run_worker(void *argument) {
    struct worker *worker = argument;
    worker_loop(worker);
    worker_finish(worker);
}

/* Worker 0 stops first and the others after it, so that no accepted descriptor is posted to a
 * worker that has ended. */
bool net_run(struct net *net) {
    unsigned started = 1;
    for (; started < net->worker_count; started++) {
        struct worker *worker = &net->workers[started];
        char name[24];
        snprintf(name, sizeof name, "worker-%u", started);
        if (thread_start(name, run_worker, worker, &worker->thread) != 0) break;
    }
    bool all = started == net->worker_count;
    if (!all) net_stop(net);
    worker_loop(&net->workers[0]);
    listeners_close(net);
    for (unsigned i = 1; i < started; i++)
        worker_stop(&net->workers[i]);
    worker_finish(&net->workers[0]);
    for (unsigned i = 1; i < started; i++)
        thread_join(&net->workers[i].thread);
    return all;
}

void net_stop(struct net *net) {
    worker_stop(&net->workers[0]);
}

unsigned net_workers(const struct net *net) {
    return net->worker_count;
}

struct worker *net_worker(struct net *net, unsigned index) {
    ensure(index < net->worker_count);
    return &net->workers[index];
}

void net_set_input_limit(struct net *net, size_t bytes) {
    atomic_store_explicit(&net->input_limit, bytes, memory_order_relaxed);
}

void net_set_keepalive(struct net *net, int seconds) {
    atomic_store_explicit(&net->keepalive_s, seconds, memory_order_relaxed);
}

void net_set_tls(struct net *net, struct ssl_ctx_st *context) {
    pthread_mutex_lock(&net->tls_lock);
    struct ssl_ctx_st *before = net->tls;
    net->tls = context;
    pthread_mutex_unlock(&net->tls_lock);
    tls_context_release(before);
}

struct ssl_ctx_st *net_tls(struct net *net) {
    pthread_mutex_lock(&net->tls_lock);
    struct ssl_ctx_st *context = net->tls;
    if (context) tls_context_share(context);
    pthread_mutex_unlock(&net->tls_lock);
    return context;
}

/* ---- statistics ---- */

static struct net_stats count(const struct net *net) {
    struct net_stats sum = {0};
    for (unsigned i = 0; i < net->worker_count; i++) {
        const struct counters *counters = &net->workers[i].counters;
        sum.connections_accepted += counters->accepted;
        sum.connections_refused += counters->refused;
        sum.bytes_in += counters->bytes_in;
        sum.bytes_out += counters->bytes_out;
        sum.reads += counters->reads;
        sum.writes += counters->writes;
        sum.connections += net->workers[i].connection_count;
    }
    return sum;
}

struct net_stats net_stats(const struct net *net) {
    struct net_stats stats = count(net);
    stats.connections_accepted -= net->counted_before.accepted;
    stats.connections_refused -= net->counted_before.refused;
    stats.bytes_in -= net->counted_before.bytes_in;
    stats.bytes_out -= net->counted_before.bytes_out;
    stats.reads -= net->counted_before.reads;
    stats.writes -= net->counted_before.writes;
    return stats;
}

void net_stats_reset(struct net *net) {
    struct net_stats stats = count(net);
    net->counted_before.accepted = stats.connections_accepted;
    net->counted_before.refused = stats.connections_refused;
    net->counted_before.bytes_in = stats.bytes_in;
    net->counted_before.bytes_out = stats.bytes_out;
    net->counted_before.reads = stats.reads;
    net->counted_before.writes = stats.writes;
}
