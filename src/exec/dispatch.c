/* SPDX-License-Identifier: BSD-3-Clause */
/* Running a batch: its requests in order, each checked, locked, run and counted. */
#include "base/ensure.h"
#include "exec/busy_priv.h"
#include "exec/stream_priv.h"
#include "exec/transaction.h"
#include "sys/clock.h"
#include "sys/memory.h"

/* Reading the ticks takes as long as a short command. So commands that take constant time, of which
 * a pipeline has one after the other, are timed together, so many of them at a time; each counts
 * with their mean. */
#define TIMED_TOGETHER 8u

/* ---- one command ---- */

void worker_read_clock(struct exec_worker *w, uint64_t ticks) {
    if (LIKELY(ticks - w->now_ms_ticks < w->exec->stale_ticks)) return;
    w->now_ms = clock_wall_ms();
    w->now_ms_ticks = ticks;
}

/* Runs the command, and then those that waited for what it has done. */
static inline void run_and_serve(struct exec_worker *w, struct call *call,
                                 const struct registered *found, const struct gate_hold *hold) {
    call->hold = hold;
    command_run(call, found);
    w->unit = keyspace_end_unit(&call->view);
    if (UNLIKELY(w->has_marked)) blocking_serve(w, hold);
}

static void run_exclusive(struct exec_worker *w, struct call *call,
                          const struct registered *found) {
    if (!gate_exclusive_begin_unless_busy(call->exec->gate, call->worker)) {
        busy_reply(call->reply);
        return;
    }
    run_and_serve(w, call, found, NULL);
    gate_exclusive_end(call->exec->gate, call->worker);
}

static void run_holding(struct exec_worker *w, struct call *call, const struct registered *found,
                        const struct key *keys, size_t count) {
    struct gate_hold hold;
    if (!gate_lock_unless_busy(call->exec->gate, call->worker, &hold, keys, (unsigned)count)) {
        busy_reply(call->reply);
        return;
    }
    run_and_serve(w, call, found, &hold);
    gate_unlock(call->exec->gate, &hold);
}

static void run_transaction(struct exec_worker *w, struct call *call,
                            const struct registered *found) {
    struct session *session = call->session;
    if (!transaction_is_open(session)) {
        run_and_serve(w, call, found, NULL);
        return;
    }
    const struct key_list *keys = transaction_prepare(session);
    if (keys)
        run_holding(w, call, found, keys->items, keys->count);
    else
        run_exclusive(w, call, found);
}

static bool needs_exclusive(const struct registered *found, const struct call *call) {
    command_needs *needs = found->command->needs_exclusive;
    return !needs || needs(call->argv, call->argc);
}

static __attribute__((noinline)) void run_locked(struct exec_worker *w, struct call *call,
                                                 const struct registered *found) {
    if (UNLIKELY(found->flags & CMD_EXCLUSIVE) && needs_exclusive(found, call)) {
        run_exclusive(w, call, found);
    } else if (call->key_count && !(found->flags & CMD_UNLOCKED)) {
        run_holding(w, call, found, call->keys, call->key_count);
    } else if (found->flags & CMD_EXEC) {
        run_transaction(w, call, found);
    } else {
        run_and_serve(w, call, found, NULL);
    }
}

static struct histogram *histogram_of(struct command_counters *counters) {
    if (UNLIKELY(!counters->histogram))
        counters->histogram = memory_alloc_zero(sizeof *counters->histogram);
    return counters->histogram;
}

static inline void count_commands(struct exec_worker *w, struct call *call,
                                  const struct registered *found, unsigned count,
                                  const struct command_cost *cost) {
    struct command_counters *counters = &w->counters[found->id];
    uint64_t ns = cost->ticks * w->exec->ns_per_tick_q20 >> 20;
    counters->calls += count;
    counters->ticks += cost->ticks;
    if (exec_settings.latency_tracking) {
        struct histogram *histogram = histogram_of(counters);
        if (histogram) histogram_add(histogram, ns / count, count);
    }
    w->totals.commands += count;
    if (UNLIKELY(ns >= exec_settings.observe_ns ||
                 cost->request_bytes >= exec_settings.observe_request_bytes ||
                 cost->reply_bytes >= exec_settings.observe_reply_bytes))
        observe_command(call, ns / 1000, cost->request_bytes, cost->reply_bytes);
}

void worker_count_command(struct exec_worker *w, struct call *call, const struct registered *found,
                          const struct command_cost *cost) {
    count_commands(w, call, found, 1, cost);
}

/* Counts the commands that have run since the ticks were read last; `call` is that of the last of
 * them. */
static void count_timed(struct exec_worker *w, struct call *call, struct command_cost cost) {
    struct timing *timing = &w->timing;
    uint64_t now = clock_ticks();
    cost.ticks = now - timing->since;
    w->totals.command_ticks += cost.ticks;
    if (UNLIKELY(cost.ticks > w->totals.worst_ticks)) w->totals.worst_ticks = cost.ticks;
    count_commands(w, call, timing->found, timing->count, &cost);
    *timing = (struct timing){.since = now};
}

static inline void count_pending(struct exec_worker *w, struct call *call) {
    if (w->timing.count) count_timed(w, call, (struct command_cost){0});
}

/* Who has just run is counted, at once or with those that follow. */
static inline void count_command(struct exec_worker *w, struct call *call,
                                 const struct registered *found, struct command_cost cost) {
    struct timing *timing = &w->timing;
    timing->found = found;
    timing->count++;
    bool brief = found->flags & CMD_FAST && cost.request_bytes < exec_settings.brief_bytes &&
                 cost.reply_bytes < exec_settings.brief_bytes;
    if (!brief || timing->count == TIMED_TOGETHER) count_timed(w, call, cost);
}

/* Whose reply is to come counts when it has come. */
static __attribute__((noinline)) void count_later(struct exec_worker *w, struct call *call,
                                                  const struct registered *found,
                                                  struct command_cost cost) {
    uint64_t now = clock_ticks();
    cost.ticks = now - w->timing.since;
    if (call->session->stream)
        stream_account(call, found, &cost);
    else if (!waiter_account(call->session, &cost)) {
        count_command(w, call, found, cost);
        return;
    }
    w->timing.since = now;
}

/* Errors that the reply has got since the last look. */
bool worker_count_errors(struct exec_worker *w, struct reply *reply) {
    if (LIKELY(reply->errors == 0)) return false;
    if (!reply->muted && !reply->failed) {
        struct bytes written = buffer_bytes(reply->out);
        error_codes_add(&w->errors, error_code_of(bytes_skip(written, reply->error_at)),
                        reply->errors);
    }
    reply->errors = 0;
    return true;
}

static void after_command(struct session *session) {
    uint32_t flags = session->flags & ~SESSION_REPLY_SKIP;
    if (flags & SESSION_REPLY_SKIP_NEXT)
        flags = (flags & ~SESSION_REPLY_SKIP_NEXT) | SESSION_REPLY_SKIP;
    session->flags = flags;
}

static inline void run_command(struct exec_worker *w, struct call *call,
                               const struct staged *staged, const struct request *request,
                               size_t request_bytes) {
    const struct registered *found = staged->found;
    if (found != w->timing.found) count_pending(w, call);
    struct session *session = call->session;
    struct reply *reply = call->reply;
    call->argv = request->argv;
    call->argc = request->argc;
    call->keys = w->keys.items + staged->first_key;
    call->key_count = staged->key_count;
    call->command = found->command;
    call->redacted = 0;
    call->view.now_ms = w->now_ms;
    call->view.db = session->db;
    call->view.no_touch = (session->flags & SESSION_NO_TOUCH) != 0;
    size_t reply_start = reply->out->len;
    session->last_command = found->command;
    w->running = session;
    if (gate_is_shared(w->exec->gate))
        run_locked(w, call, found);
    else
        run_and_serve(w, call, found, NULL);
    if (UNLIKELY(w->exec->durability != NULL)) durability_after(w, call, found);
    if (UNLIKELY(w->has_more_for_self)) outbox_send_to_self(w);
    w->running = NULL;

    struct command_cost cost = {.request_bytes = request_bytes,
                                .reply_bytes = reply->out->len - reply_start};
    if (UNLIKELY(session->stream || session->waiter))
        count_later(w, call, found, cost);
    else
        count_command(w, call, found, cost);
    if (LIKELY(!session->waiter)) session->commands++;
    if (worker_count_errors(w, reply)) w->counters[found->id].failed++;
}

static void reject_request(struct exec_worker *w, struct session *session,
                           const struct registered *found, struct reply *reply) {
    transaction_rejected(session, found ? found->flags : 0, reply);
    worker_count_errors(w, reply);
    if (found) w->counters[found->id].rejected++;
}

/* Of a request that does not pass at once. false: the session has to wait before it. */
static __attribute__((noinline)) bool judge(struct exec_worker *w, struct call *call,
                                            const struct staged *staged,
                                            const struct request *request, size_t request_bytes) {
    struct session *session = call->session;
    struct reply *reply = call->reply;
    session->last_command = staged->found ? staged->found->command : NULL;
    if (UNLIKELY(gate_is_busy(w->exec->gate)) &&
        busy_refuses(session, staged->found, request, reply)) {
        reject_request(w, session, staged->found, reply);
        return true;
    }
    switch (check_request(session, staged, request, reply, w->now_ms)) {
    case VERDICT_WAIT: pause_session(session, w->now_ms); return false;
    case VERDICT_REJECTED: reject_request(w, session, staged->found, reply); break;
    case VERDICT_QUEUE: transaction_queue(session, staged->found, request, reply); break;
    case VERDICT_RUN: run_command(w, call, staged, request, request_bytes); break;
    }
    return true;
}

/* Runs a staged request. false: the session has to wait before it. */
static inline bool run_request(struct exec_worker *w, struct call *call,
                               const struct staged *staged, const struct request *request,
                               size_t request_bytes) {
    struct session *session = call->session;
    struct reply *reply = call->reply;
    reply->muted = (session->flags & (SESSION_REPLY_OFF | SESSION_REPLY_SKIP)) != 0;
    reply->resp = session->resp;
    worker_read_clock(w, w->timing.since);
    if (LIKELY(passes_at_once(session, staged, w->now_ms)))
        run_command(w, call, staged, request, request_bytes);
    else if (!judge(w, call, staged, request, request_bytes))
        return false;
    if (UNLIKELY(session->flags & SESSION_RUNS_AGAIN)) return false;
    if (UNLIKELY(session->flags & (SESSION_REPLY_SKIP | SESSION_REPLY_SKIP_NEXT)))
        after_command(session);
    if (UNLIKELY(session->tracking)) tracking_request_done(w, session, staged->found);
    return true;
}

/* ---- a batch ---- */

unsigned dispatch_batch(void *context, void *opaque, const struct request_batch *batch,
                        struct reply *reply) {
    struct session *session = opaque;
    struct exec_worker *w = session_worker(session);
    if (session->flags & SESSION_CLOSING) return batch->count;
    if (session->waiter) return 0;
    if (UNLIKELY(gate_is_busy(w->exec->gate)) && busy_is_serving())
        return busy_batch(session, batch, reply);

    struct call call = {
        .view = {.keyspace = w->exec->keyspace,
                 .counters = w->keyspace_counters,
                 .db = session->db,
                 .worker = w->index},
        .reply = reply,
        .session = session,
        .exec = w->exec,
        .worker = w->index,
    };
    const struct view view = call.view;
    stage_batch(w, batch, &view);
    w->timing = (struct timing){.since = clock_ticks()};
    size_t start = 0;
    unsigned taken = 0;
    while (taken < batch->count) {
        const struct request *request = &batch->items[taken];
        if (w->keys.count > 1) stage_look_ahead(w, &view, batch, taken);
        if (!run_request(w, &call, &w->staged[taken], request, request->end - start)) break;
        start = request->end;
        taken++;
        /* Whose replies are lost is closed, too. */
        if (UNLIKELY(session->flags & SESSION_CLOSING || reply->failed)) {
            taken = batch->count;
            break;
        }
        if (session->waiter || session->stream) break;
        gate_yield(w->exec->gate, w->index);
    }
    count_pending(w, &call);
    session->active_ms = w->now_ms;
    outbox_post(w);
    stage_end(w);
    return taken;
}
