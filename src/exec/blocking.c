/* SPDX-License-Identifier: BSD-3-Clause */
/* How a wait begins, and how it ends. */
#include "exec/blocking.h"
#include "base/ensure.h"
#include "base/number.h"
#include "exec/blocking_priv.h"
#include "sys/clock.h"
#include "sys/memory.h"
#include <math.h>

/* ---- life ---- */

static void count_open(struct waiter *waiter, uint64_t change) {
    struct blocking *blocking = waiter->exec->blocking;
    atomic_fetch_add(&blocking->clients, change);
    if (waiter->request.deadline_ms) atomic_fetch_add(&blocking->timed, change);
}

/* One block for the waiter and all it copies. */
static struct waiter *waiter_alloc(const struct call *call, const struct bytes *argv,
                                   unsigned links) {
    size_t size = sizeof(struct waiter) + links * sizeof(struct wait_link) +
                  call->key_count * sizeof(struct key) + call->argc * sizeof(struct bytes);
    size_t text = 0;
    for (unsigned i = 0; i < call->argc; i++)
        text += argv[i].len;
    for (unsigned i = 0; i < call->key_count; i++)
        text += call->keys[i].name.len;
    struct waiter *waiter = memory_alloc(size + text);
    if (!waiter) return NULL;
    *waiter =
        (struct waiter){.argc = call->argc, .key_count = call->key_count, .link_count = links};
    waiter->keys = (struct key *)(waiter->links + links);
    waiter->argv = (struct bytes *)(waiter->keys + call->key_count);
    return waiter;
}

static struct bytes copy_text(char **at, struct bytes text) {
    if (text.len) memcpy(*at, text.data, text.len);
    *at += text.len;
    return bytes_make(*at - text.len, text.len);
}

static void copy_arguments(struct waiter *waiter, const struct call *call,
                           const struct bytes *argv) {
    char *at = (char *)(waiter->argv + waiter->argc);
    for (unsigned i = 0; i < waiter->argc; i++)
        waiter->argv[i] = copy_text(&at, argv[i]);
    for (unsigned i = 0; i < waiter->key_count; i++)
        waiter->keys[i] = (struct key){copy_text(&at, call->keys[i].name), call->keys[i].hash};
}

static void waiter_fire(struct net_timer *timer);

static struct waiter *waiter_create(struct call *call, const struct blocking_request *request) {
    const struct bytes *argv = request->argv ? request->argv : call->argv;
    unsigned links = request->key_count ? request->key_count : call->key_count;
    struct waiter *waiter = waiter_alloc(call, argv, links);
    if (!waiter) return NULL;
    copy_arguments(waiter, call, argv);
    waiter->session = call->session;
    waiter->exec = call->exec;
    waiter->worker = call->worker;
    waiter->found = commands_of(&call->exec->commands, call->command);
    waiter->request = *request;
    waiter->db = call->view.db;
    waiter->muted = call->reply->muted;
    waiter->timer.fire = waiter_fire;
    list_init(&waiter->finished);
    for (unsigned i = 0; i < links; i++)
        waiter->links[i] = (struct wait_link){.waiter = waiter};
    return waiter;
}

static void waiter_free(struct waiter *waiter) {
    buffer_free(&waiter->reply);
    memory_free(waiter);
}

/* Its partitions are locked. */
static void leave_all(struct waiter *waiter) {
    for (unsigned i = 0; i < waiter->link_count; i++)
        waiting_key_leave(waiter->exec->blocking, &waiter->links[i]);
}

/* ---- beginning ---- */

static bool join_all(struct waiter *waiter) {
    for (unsigned i = 0; i < waiter->link_count; i++)
        if (!waiting_key_join(waiter->exec->blocking, &waiter->links[i], &waiter->keys[i]))
            return false;
    return true;
}

static bool arm(struct waiter *waiter, int64_t now_ms) {
    if (!waiter->request.deadline_ms) return true;
    int64_t left_ms = MIN(waiter->request.deadline_ms - now_ms, INT64_MAX / 4000);
    struct worker *worker = connection_worker(waiter->session->connection);
    return worker_timer_arm(worker, &waiter->timer, clock_mono_us() + left_ms * 1000);
}

void blocking_wait(struct call *call, const struct blocking_request *request) {
    if (call->runs_again) {
        call->waits = true;
        return;
    }
    if (call->no_wait) {
        if (request->null_at_once)
            reply_null(call->reply);
        else
            reply_null_array(call->reply);
        return;
    }
    struct waiter *waiter = waiter_create(call, request);
    if (!waiter || !join_all(waiter) || !arm(waiter, call->view.now_ms)) {
        if (waiter) {
            leave_all(waiter);
            waiter_free(waiter);
        }
        reply_no_memory(call->reply);
        return;
    }
    count_open(waiter, 1);
    call->session->waiter = waiter;
}

bool blocking_deadline_ms(struct call *call, struct bytes timeout, int64_t *deadline_ms) {
    int64_t ms;
    if (!number_parse_i64(timeout, &ms))
        reply_error(call->reply, "ERR timeout is not an integer or out of range");
    else if (ms < 0)
        reply_error(call->reply, "ERR timeout is negative");
    else if (ms > INT64_MAX - call->view.now_ms)
        reply_error(call->reply, "ERR timeout is out of range");
    else {
        *deadline_ms = ms ? call->view.now_ms + ms : 0;
        return true;
    }
    return false;
}

bool blocking_deadline_seconds(struct call *call, struct bytes timeout, int64_t *deadline_ms) {
    long double seconds;
    if (!number_parse_long_double(timeout, &seconds)) {
        reply_error(call->reply, "ERR timeout is not a float or out of range");
        return false;
    }
    if (seconds < 0) {
        reply_error(call->reply, "ERR timeout is negative");
        return false;
    }
    long double ms = ceill(seconds * 1000);
    if (ms > (long double)(INT64_MAX - call->view.now_ms)) {
        reply_error(call->reply, "ERR timeout is out of range");
        return false;
    }
    *deadline_ms = ms > 0 ? call->view.now_ms + (int64_t)ms : 0;
    return true;
}

struct waiter *blocking_wait_for_task(struct call *call) {
    struct waiter *waiter = memory_alloc_zero(sizeof *waiter);
    if (!waiter) return NULL;
    *waiter = (struct waiter){.session = call->session,
                              .exec = call->exec,
                              .worker = call->worker,
                              .found = commands_of(&call->exec->commands, call->command),
                              .db = call->view.db,
                              .muted = call->reply->muted,
                              .state = WAIT_CLAIMED};
    list_init(&waiter->finished);
    call->session->waiter = waiter;
    return waiter;
}

void waiter_abandon(struct waiter *waiter) {
    if (waiter->session) waiter->session->waiter = NULL;
    waiter_free(waiter);
}

/* ---- ending ---- */

static void write_at_end(struct waiter *waiter, const char *error) {
    struct reply reply = {
        .out = &waiter->reply, .resp = waiter->session->resp, .muted = waiter->muted};
    if (error)
        reply_error(&reply, error);
    else
        reply_null_array(&reply);
    waiter->reply_failed = reply.failed;
}

/* From an open wait to one that is done. False: somebody else was first. */
static bool close_wait(struct waiter *waiter) {
    enum wait_state open = WAIT_OPEN;
    if (!atomic_compare_exchange_strong(&waiter->state, &open, WAIT_DONE)) return false;
    count_open(waiter, (uint64_t)-1);
    return true;
}

bool waiter_account(struct session *session, const struct command_cost *cost) {
    struct waiter *waiter = session->waiter;
    if (!waiter || !waiter->argc) return false;
    waiter->cost = *cost;
    return true;
}

/* It counts as a command when it has ended, without the time that it has waited. */
static void count_waited(const struct waiter *waiter) {
    if (!waiter->argc || waiter->rejected) return;
    struct exec_worker *w = &waiter->exec->workers[waiter->worker];
    struct call call = {.argv = waiter->argv,
                        .argc = waiter->argc,
                        .view = {.db = waiter->db},
                        .command = waiter->found->command,
                        .session = waiter->session,
                        .exec = waiter->exec,
                        .worker = waiter->worker};
    struct command_cost cost = waiter->cost;
    cost.ticks += waiter->ticks;
    cost.reply_bytes = waiter->reply.len;
    w->totals.command_ticks += cost.ticks;
    worker_count_command(w, &call, waiter->found, &cost);
}

void waiter_complete(struct waiter *waiter) {
    struct session *session = waiter->session;
    if (session) {
        count_waited(waiter);
        struct connection *connection = session->connection;
        worker_timer_cancel(connection_worker(connection), &waiter->timer);
        session->waiter = NULL;
        session->commands++;
        session->active_ms = clock_wall_ms();
        if (waiter->reply_failed)
            connection_close(connection);
        else
            durability_send(waiter);
        if (session->stream) connection_stream(connection);
        connection_resume(connection);
    }
    waiter_free(waiter);
}

static void lock_keys(struct waiter *waiter, struct gate_hold *hold) {
    gate_lock(waiter->exec->gate, waiter->worker, hold, waiter->keys, waiter->link_count);
}

static void unlock_keys(struct waiter *waiter, struct gate_hold *hold) {
    gate_unlock(waiter->exec->gate, hold);
}

static void waiter_fire(struct net_timer *timer) {
    struct waiter *waiter = CONTAINER_OF(timer, struct waiter, timer);
    struct gate_hold hold;
    lock_keys(waiter, &hold);
    bool mine = close_wait(waiter);
    if (mine) leave_all(waiter);
    unlock_keys(waiter, &hold);
    if (!mine) return;
    write_at_end(waiter, NULL);
    waiter_complete(waiter);
}

/* On the session's worker: all that have been finished. */
static void deliver(void *argument) {
    struct exec_worker *w = argument;
    struct blocking_worker *own = &w->exec->blocking->workers[w->index];
    for (;;) {
        pthread_mutex_lock(&own->mutex);
        struct waiter *waiter = NULL;
        if (!list_empty(&own->finished)) {
            waiter = LIST_FIRST(&own->finished, struct waiter, finished);
            list_remove(&waiter->finished);
        }
        pthread_mutex_unlock(&own->mutex);
        if (!waiter) return;
        struct gate_hold hold;
        lock_keys(waiter, &hold);
        leave_all(waiter);
        unlock_keys(waiter, &hold);
        waiter_complete(waiter);
    }
}

void waiter_finish(struct waiter *waiter) {
    struct exec *exec = waiter->exec;
    struct blocking_worker *target = &exec->blocking->workers[waiter->worker];
    pthread_mutex_lock(&target->mutex);
    bool first = list_empty(&target->finished);
    list_append(&target->finished, &waiter->finished);
    pthread_mutex_unlock(&target->mutex);
    /* If nothing could be posted, the next tick sees it. */
    if (first)
        worker_post(net_worker(exec->net, waiter->worker), deliver, &exec->workers[waiter->worker]);
}

void blocking_tick(struct exec_worker *w) {
    struct blocking_worker *own = &w->exec->blocking->workers[w->index];
    pthread_mutex_lock(&own->mutex);
    bool any = !list_empty(&own->finished);
    pthread_mutex_unlock(&own->mutex);
    if (any) deliver(w);
}

void blocking_forget(struct session *session) {
    struct waiter *waiter = session->waiter;
    if (!waiter) return;
    struct gate_hold hold;
    session->waiter = NULL;
    worker_timer_cancel(connection_worker(session->connection), &waiter->timer);
    lock_keys(waiter, &hold);
    bool mine = close_wait(waiter);
    if (mine) leave_all(waiter);
    waiter->session = NULL;
    unlock_keys(waiter, &hold);
    if (mine) waiter_free(waiter);
}

bool blocking_unblock(struct session *session, bool with_error) {
    struct waiter *waiter = session->waiter;
    if (!waiter || !close_wait(waiter)) return false;
    leave_all(waiter);
    write_at_end(waiter, with_error ? "UNBLOCKED client unblocked via CLIENT UNBLOCK" : NULL);
    waiter_finish(waiter);
    return true;
}

bool session_is_blocked(const struct session *session) {
    return session->waiter && session->waiter->state != WAIT_DONE;
}

size_t blocking_argv_bytes(const struct session *session) {
    const struct waiter *waiter = session->waiter;
    size_t bytes = 0;
    for (unsigned i = 0; waiter && i < waiter->argc; i++)
        bytes += waiter->argv[i].len;
    return bytes;
}

/* ---- the service ---- */

struct blocking *blocking_create(struct exec *exec) {
    unsigned count = exec->worker_count;
    struct blocking *blocking = memory_need(sizeof *blocking);
    blocking->worker_count = count;
    blocking->workers = memory_alloc_aligned(64, count * sizeof *blocking->workers);
    ensure(blocking->workers);
    for (unsigned i = 0; i < count; i++) {
        struct blocking_worker *w = &blocking->workers[i];
        *w = (struct blocking_worker){0};
        pthread_mutex_init(&w->mutex, NULL);
        list_init(&w->marked);
        list_init(&w->finished);
    }
    keyspace_subscribe(exec->keyspace, blocking_changed, exec, &blocking->keys);
    return blocking;
}

static void free_finished(struct blocking_worker *w) {
    while (!list_empty(&w->finished)) {
        struct waiter *waiter = LIST_FIRST(&w->finished, struct waiter, finished);
        list_remove(&waiter->finished);
        leave_all(waiter);
        waiter_free(waiter);
    }
    pthread_mutex_destroy(&w->mutex);
}

void blocking_free(struct blocking *blocking) {
    for (unsigned i = 0; i < blocking->worker_count; i++)
        free_finished(&blocking->workers[i]);
    memory_free(blocking->workers);
    memory_free(blocking);
}

struct blocking_counts blocking_count(const struct exec *exec) {
    const struct blocking *blocking = exec->blocking;
    return (struct blocking_counts){.clients = blocking->clients,
                                    .timed = blocking->timed,
                                    .keys = blocking->keys,
                                    .keys_on_delete = blocking->keys_on_delete};
}
