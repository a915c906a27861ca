/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Running a batch. First all requests of the batch are looked up, their keys hashed, and the
 * buckets of those asked for; then they run in order, while the entries that commands further on
 * will want are asked for ahead of them. So the cache misses of a pipeline overlap with each other
 * and with work, instead of adding up.
 */
#include "base/ensure.h"
#include "exec/busy_priv.h"
#include "exec/exec_priv.h"
#include "exec/stream_priv.h"
#include "exec/transaction.h"
#include "sys/clock.h"
#include "sys/memory.h"

/* How many keys ahead entries are asked for: far enough for the memory to answer, near enough for
 * the answer to be still in the cache. */
#define ENTRIES_AHEAD (size_t)24

/* The same for elements of large collections, which are found through their entries: first their
 * buckets, then themselves. */
#define ELEMENT_BUCKETS_AHEAD 12u
#define ELEMENTS_AHEAD        6u
#define ELEMENTS_AT_ONCE      8u /* at most, of the same key */

/* More buckets than this would push each other out of the cache before they are used. */
#define BUCKETS_MAX (size_t)512

/* A worker keeps room for this many keys from batch to batch. */
#define KEYS_KEPT 4096

/* ---- the first stage ---- */

/* `found` is what the request's first argument names, if anything. */
static void stage_request(struct exec_worker *w, const struct request *r,
                          const struct registered *found, struct staged *staged) {
    *staged = (struct staged){.found = found, .first_key = (unsigned)w->keys.count};
    if (UNLIKELY(!found)) return;
    if (found->sub_count && r->argc > 1) {
        staged->container = found;
        staged->found = found = commands_find_sub(&w->exec->commands, found, r->argv[1]);
        if (!found) return;
    }
    if (UNLIKELY(!registered_accepts(found, r->argc))) return;
    staged->sound = keys_collect(&w->keys, found, r->argv, r->argc);
    staged->no_memory = !staged->sound;
    staged->key_count = (unsigned)w->keys.count - staged->first_key;
    if (found->flags & CMD_ELEMENT) w->has_elements = true;
}

/* Is it the same key as the one before. */
static inline bool is_repeated(const struct exec_worker *w, size_t key) {
    return key && w->keys.items[key].hash == w->keys.items[key - 1].hash;
}

static void stage_batch(struct exec_worker *w, const struct request_batch *batch,
                        const struct view *view) {
    const struct registered *found = NULL;
    struct bytes name = BYTES("");
    w->keys.count = 0;
    w->has_elements = false;
    for (unsigned i = 0; i < batch->count; i++) {
        const struct request *r = &batch->items[i];
        if (!bytes_equal_short(r->argv[0], name)) { /* pipelines repeat themselves */
            name = r->argv[0];
            found = commands_find(&w->exec->commands, name);
        }
        size_t key = w->keys.count;
        stage_request(w, r, found, &w->staged[i]);
        for (; key < MIN(w->keys.count, BUCKETS_MAX); key++)
            if (!is_repeated(w, key)) keyspace_prefetch_bucket(view, &w->keys.items[key]);
    }
    tracking_prefetch(w);
    w->unsampled_keys -= (int64_t)w->keys.count;
    if (UNLIKELY(w->unsampled_keys < 0)) hotkeys_sample(w, view->db);
}

/* Before the command whose first key is at `next`; *asked is how far entries have been asked for.
 */
static inline void look_ahead(const struct exec_worker *w, const struct view *view, size_t next,
                              size_t *asked) {
    size_t end = MIN(next + ENTRIES_AHEAD, w->keys.count);
    for (; *asked < end; ++*asked)
        if (!is_repeated(w, *asked)) keyspace_prefetch_entry(view, &w->keys.items[*asked]);
}

/* How far elements have been asked for. */
struct elements_asked {
    unsigned buckets, blocks;
};

static bool has_element(const struct staged *staged) {
    return staged->key_count && staged->found->flags & CMD_ELEMENT;
}

static struct bytes element_of(const struct staged *staged, const struct request *r) {
    unsigned behind = (staged->found->flags & CMD_ELEMENT_BEHIND) != 0;
    return r->argv[staged->found->one_key + 1 + behind];
}

/* How many requests from `first` to before `end` are about elements of the same key; 0: that one is
 * about none. */
static unsigned run_of_elements(const struct exec_worker *w, unsigned first, unsigned end) {
    const struct staged *staged = &w->staged[first];
    unsigned count = 0;
    end = MIN(end, first + ELEMENTS_AT_ONCE);
    for (; first + count < end && has_element(&staged[count]); count++)
        if (count && !is_repeated(w, staged[count].first_key)) break;
    return count;
}

static unsigned ask_for_buckets(struct exec_worker *w, const struct view *view,
                                const struct request_batch *batch, unsigned first) {
    struct bytes names[ELEMENTS_AT_ONCE];
    uint64_t hashes[ELEMENTS_AT_ONCE];
    struct staged *staged = &w->staged[first];
    unsigned count = run_of_elements(w, first, batch->count);
    if (!count) return 1;
    for (unsigned i = 0; i < count; i++)
        names[i] = element_of(&staged[i], &batch->items[first + i]);
    keyspace_prefetch_element_buckets(view, &w->keys.items[staged->first_key], names, hashes,
                                      count);
    for (unsigned i = 0; i < count; i++)
        staged[i].element = hashes[i];
    return count;
}

static unsigned ask_for_blocks(const struct exec_worker *w, const struct view *view, unsigned first,
                               unsigned end) {
    uint64_t hashes[ELEMENTS_AT_ONCE];
    const struct staged *staged = &w->staged[first];
    unsigned count = run_of_elements(w, first, end);
    if (!count || !staged->element) return 1;
    for (unsigned i = 0; i < count; i++)
        hashes[i] = staged[i].element;
    keyspace_prefetch_elements(view, &w->keys.items[staged->first_key], hashes, count);
    return count;
}

/* Before the request at `next`. */
static void look_inside(struct exec_worker *w, const struct view *view,
                        const struct request_batch *batch, unsigned next,
                        struct elements_asked *asked) {
    while (asked->buckets < MIN(next + ELEMENT_BUCKETS_AHEAD, batch->count))
        asked->buckets += ask_for_buckets(w, view, batch, asked->buckets);
    while (asked->blocks < MIN(next + ELEMENTS_AHEAD, asked->buckets))
        asked->blocks += ask_for_blocks(w, view, asked->blocks, asked->buckets);
}

static void drop_many_keys(struct exec_worker *w) {
    if (UNLIKELY(w->keys.capacity > KEYS_KEPT)) key_list_free(&w->keys);
}

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

static inline void count_command(struct exec_worker *w, struct call *call,
                                 const struct registered *found, uint64_t ticks,
                                 size_t request_bytes, size_t reply_bytes) {
    struct command_counters *counters = &w->counters[found->id];
    uint64_t ns = ticks * w->exec->ns_per_tick_q20 >> 20;
    counters->calls++;
    counters->ticks += ticks;
    if (exec_settings.latency_tracking) {
        struct histogram *histogram = histogram_of(counters);
        if (histogram) histogram_add(histogram, ns);
    }
    w->totals.commands++;
    if (UNLIKELY(ns >= exec_settings.observe_ns ||
                 request_bytes >= exec_settings.observe_request_bytes ||
                 reply_bytes >= exec_settings.observe_reply_bytes))
        observe_command(call, ns / 1000, request_bytes, reply_bytes);
}

void worker_count_command(struct exec_worker *w, struct call *call, const struct registered *found,
                          uint64_t ticks, size_t request_bytes, size_t reply_bytes) {
    count_command(w, call, found, ticks, request_bytes, reply_bytes);
}

/* The same for an outermost one, which the worker's time goes to. */
static inline void account(struct exec_worker *w, struct call *call, const struct registered *found,
                           uint64_t ticks, size_t request_bytes, size_t reply_bytes) {
    w->totals.command_ticks += ticks;
    if (UNLIKELY(ticks > w->totals.worst_ticks)) w->totals.worst_ticks = ticks;
    count_command(w, call, found, ticks, request_bytes, reply_bytes);
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
                               size_t request_bytes, uint64_t *ticks) {
    const struct registered *found = staged->found;
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

    uint64_t end = clock_ticks();
    size_t reply_bytes = reply->out->len - reply_start;
    if (UNLIKELY(session->stream != NULL))
        stream_account(call, found, end - *ticks, request_bytes, reply_bytes);
    else
        account(w, call, found, end - *ticks, request_bytes, reply_bytes);
    *ticks = end;
    if (LIKELY(!session->waiter)) session->commands++; /* who waits has not run its command yet */
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
                                            const struct request *request, size_t request_bytes,
                                            uint64_t *ticks) {
    struct session *session = call->session;
    struct reply *reply = call->reply;
    if (UNLIKELY(gate_is_busy(w->exec->gate)) &&
        busy_refuses(session, staged->found, request, reply)) {
        reject_request(w, session, staged->found, reply);
        return true;
    }
    switch (check_request(session, staged, request, reply, w->now_ms)) {
    case VERDICT_WAIT: pause_session(session, w->now_ms); return false;
    case VERDICT_REJECTED: reject_request(w, session, staged->found, reply); break;
    case VERDICT_QUEUE: transaction_queue(session, staged->found, request, reply); break;
    case VERDICT_RUN: run_command(w, call, staged, request, request_bytes, ticks); break;
    }
    return true;
}

/* Runs a staged request. false: the session has to wait before it. */
static inline bool run_request(struct exec_worker *w, struct call *call,
                               const struct staged *staged, const struct request *request,
                               size_t request_bytes, uint64_t *ticks) {
    struct session *session = call->session;
    struct reply *reply = call->reply;
    reply->muted = (session->flags & (SESSION_REPLY_OFF | SESSION_REPLY_SKIP)) != 0;
    reply->resp = session->resp;
    worker_read_clock(w, *ticks);
    if (LIKELY(passes_at_once(session, staged, w->now_ms)))
        run_command(w, call, staged, request, request_bytes, ticks);
    else if (!judge(w, call, staged, request, request_bytes, ticks))
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
    size_t asked = 0;
    struct elements_asked elements_asked = {0};
    uint64_t ticks = clock_ticks();
    size_t start = 0;
    unsigned taken = 0;
    while (taken < batch->count) {
        const struct request *request = &batch->items[taken];
        if (w->keys.count > 1) look_ahead(w, &view, w->staged[taken].first_key, &asked);
        if (w->has_elements) look_inside(w, &view, batch, taken, &elements_asked);
        if (!run_request(w, &call, &w->staged[taken], request, request->end - start, &ticks)) break;
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
    session->active_ms = w->now_ms;
    outbox_post(w);
    drop_many_keys(w);
    return taken;
}
