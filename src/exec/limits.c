/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients that take too much or give too little (slow readers, large requests, idle ones), and what
 * else a worker does every now and then. */
#include "base/ensure.h"
#include "base/log.h"
#include "exec/exec_priv.h"
#include "exec/stream_priv.h"
#include "keyspace/maintain.h"
#include "sys/clock.h"

#define SAMPLE_US 100000 /* between two looks at the rates */
#define SECOND_US 1000000

static void log_closing(const struct session *session, const char *why) {
    struct buffer line = {0};
    if (session_describe(session, NULL, &line))
        log_notice("Closing client: %s: %.*s", why, (int)line.len, line.data);
    buffer_free(&line);
}

/* ---- output ---- */

static bool over_soft_limit(struct session *session, const struct output_limit *limit,
                            size_t pending) {
    if (!limit->soft || pending <= limit->soft) {
        session->over_soft_limit_since_us = 0;
        return false;
    }
    int64_t now = clock_mono_us();
    if (!session->over_soft_limit_since_us) session->over_soft_limit_since_us = now;
    return now - session->over_soft_limit_since_us > limit->soft_seconds * SECOND_US;
}

/* Who has not authenticated gets errors only, and has to read them. */
static const struct output_limit *limit_of(const struct session *session) {
    static const struct output_limit strangers = {.hard = 1024};
    if (UNLIKELY(session_needs_authentication(session))) return &strangers;
    enum client_class class = pubsub_is_subscribed(session) ? CLASS_PUBSUB : CLASS_NORMAL;
    return &exec_settings.output_limits[class];
}

static void check_output(struct session *session, size_t pending) {
    if (client_room_exceeded(session, pending)) return;
    const struct output_limit *limit = limit_of(session);
    bool over_hard = limit->hard && pending > limit->hard;
    if (LIKELY(!over_hard && !over_soft_limit(session, limit, pending))) return;
    session_worker(session)->totals.output_disconnects++;
    log_closing(session, over_hard ? "more output than the hard limit allows"
                                   : "more output than the soft limit allows, for too long");
    session->flags |= SESSION_CLOSING;
    connection_close(session->connection);
}

void limits_backlog(void *context, void *opaque, size_t pending) {
    (void)context;
    struct session *session = opaque;
    if (pending) {
        session->flags |= SESSION_BACKLOG;
        check_output(session, pending);
    } else { /* within all limits */
        session->flags &= ~SESSION_BACKLOG;
        session->over_soft_limit_since_us = 0;
    }
}

/* ---- input ---- */

void limits_input_overflow(void *context, void *opaque, size_t input_bytes) {
    (void)context;
    struct session *session = opaque;
    session_worker(session)->totals.input_disconnects++;
    log_warning("Closing client %llu: a request of more than %zu bytes is over "
                "client-query-buffer-limit",
                (unsigned long long)session->id, input_bytes);
}

/* ---- the chores ---- */

static void close_if_idle(struct session *session, int64_t now_ms) {
    if (session->waiter || session->flags & (SESSION_PAUSED | SESSION_CLOSING)) return;
    if (pubsub_is_subscribed(session)) return; /* it waits for messages */
    if (now_ms - session->active_ms <= exec_settings.timeout * 1000) return;
    log_verbose("Closing idle client %llu", (unsigned long long)session->id);
    session->flags |= SESSION_CLOSING;
    connection_close(session->connection);
}

/* Once a second: what has no event to wait for. */
static void look_at_sessions(struct exec_worker *w, int64_t now_ms) {
    struct session *s, *next;
    client_room_look(w);
    bool soft = exec_settings.output_limits[CLASS_NORMAL].soft ||
                exec_settings.output_limits[CLASS_PUBSUB].soft;
    if (!soft && !exec_settings.timeout) return;
    LIST_FOREACH_SAFE(s, next, &w->sessions, in_worker) {
        if (s->over_soft_limit_since_us)
            check_output(s, connection_usage(s->connection).output_pending);
        if (exec_settings.timeout) close_if_idle(s, now_ms);
    }
}

static void sample_rates(struct exec_worker *w) {
    int64_t now = clock_mono_us();
    rate_sample(&w->commands_rate, now, w->totals.commands);
    rate_sample(&w->turns_rate, now, w->totals.turns);
    rate_sample(&w->turn_ticks_rate, now, w->totals.turn_ticks);
    if (w->index != 0) return;
    struct net_stats stats = net_stats(w->exec->net);
    rate_sample(&w->exec->input_rate, now, stats.bytes_in);
    rate_sample(&w->exec->output_rate, now, stats.bytes_out);
}

/* What needs no more than ten times a second. Its pace is not the wall clock's, which may jump. */
static void look_around(struct exec_worker *w, int64_t now_us, int64_t now_ms) {
    struct exec *exec = w->exec;
    w->last_sample_us = now_us;
    gate_enter(exec->gate, w->index);
    if (w->reaping) sessions_reap(w);
    blocking_tick(w);
    streams_tick(w);
    sample_rates(w);
    hotkeys_tick(w);
    tracking_trim(w);
    tracking_broadcast(w);
    outbox_post(w);
    if (now_us - w->last_second_us >= SECOND_US) {
        w->last_second_us = now_us;
        look_at_sessions(w, now_ms);
    }
    gate_leave(exec->gate, w->index);
}

bool chores_tick(void *context, unsigned worker) {
    struct exec *exec = context;
    struct exec_worker *w = &exec->workers[worker];
    int64_t now_us = clock_mono_us(), now_ms = clock_wall_ms();
    bool more = true, loading = exec_is_loading(exec);
    if (!exec_writes_paused(exec, now_ms) && !loading && !gate_is_busy(exec->gate)) {
        more = keyspace_maintain(exec->keyspace, worker, now_ms);
        more |= room_tick(w, now_ms);
    }
    while (!loading && durability_wake(exec)) {
        /* no turn comes after it; this ends in some microseconds */
    }
    outbox_post(w); /* that something has expired, or was evicted */
    if (now_us - w->last_sample_us >= SAMPLE_US) look_around(w, now_us, now_ms);
    return more;
}
