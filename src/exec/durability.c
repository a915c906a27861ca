/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replies that wait. Invariants:
 *   1. A reply of a session with DURABILITY_ALWAYS is sent only when every unit that the command
 *      has made, or may have seen the changes of, is durable. What it may have seen are the units
 *      of the partitions of its keys; of a command whose keys are not known, all.
 *   2. No worker waits: the bytes wait in the connection's output (net/held.c).
 *
 * tests/wire/test_durability.py, tests/crash.
 */
#include "exec/durability.h"
#include "base/ensure.h"
#include "exec/blocking_priv.h"
#include "exec/exec_priv.h"
#include "sys/clock.h"

/* ---- for server/ ---- */

void exec_set_durability(struct exec *exec, const struct durability_service *service) {
    exec->durability = service;
}

void exec_set_default_durability(struct exec *exec, enum durability durability) {
    exec->default_durability = durability;
}

void exec_set_loading(struct exec *exec, bool loading) {
    atomic_store(&exec->loading, loading);
}

bool exec_is_loading(const struct exec *exec) {
    return atomic_load_explicit(&exec->loading, memory_order_acquire);
}

void exec_abandon(struct exec *exec) {
    atomic_store(&exec->abandoned, true);
    if (exec->durability) exec->durability->abandon(exec->durability->context);
}

bool exec_is_abandoned(const struct exec *exec) {
    return atomic_load(&exec->abandoned);
}

/* ---- what a reply depends on ---- */

/* Commands that see data without naming keys, or more than they name. */
#define SEES_MORE (CMD_EXEC | CMD_SCRIPT)
#define SEES_DATA (CMD_READONLY | CMD_WRITE | CMD_UNLOCKED | SEES_MORE)

/* What may run before the data are there shows how the server is, and so it can be asked when the
 * journal cannot be written, too. */
static bool sees_data(uint64_t flags) {
    return flags & SEES_DATA || (flags & CMD_EXCLUSIVE && !(flags & CMD_LOADING));
}

static uint64_t last_of(const struct durability_service *service, const struct key *keys,
                        unsigned count) {
    uint64_t last = 0;
    for (unsigned i = 0; i < count; i++)
        last = MAX(last, service->partition(service->context, key_partition(&keys[i])));
    return last;
}

static uint64_t seen_by(const struct durability_service *service, const struct registered *found,
                        const struct key *keys, unsigned key_count) {
    if (key_count && !(found->flags & SEES_MORE)) return last_of(service, keys, key_count);
    return sees_data(found->flags) ? service->last(service->context) : 0;
}

static bool waits_always(const struct session *session) {
    enum durability durability = session->durability;
    if (durability == DURABILITY_DEFAULT) durability = session->exec->default_durability;
    return durability == DURABILITY_ALWAYS;
}

/* 0: nothing that is not durable. */
static uint64_t to_wait_for(const struct durability_service *service, uint64_t unit) {
    if (unit <= service->durable(service->context)) return 0;
    service->want(service->context, unit);
    return unit;
}

void durability_after(struct exec_worker *w, const struct call *call,
                      const struct registered *found) {
    const struct durability_service *service = w->exec->durability;
    struct session *session = call->session;
    if (w->unit) session->last_unit = w->unit;
    if (!waits_always(session)) return;
    uint64_t unit = w->unit ? w->unit : seen_by(service, found, call->keys, call->key_count);
    unit = to_wait_for(service, unit);
    if (unit) connection_hold(session->connection, unit);
}

void durability_send(struct waiter *waiter) {
    struct session *session = waiter->session;
    const struct durability_service *service = session->exec->durability;
    uint64_t unit = waiter->unit;
    if (service && waiter->unit) session->last_unit = waiter->unit;
    if (!service || !waits_always(session)) {
        connection_send_buffer(session->connection, &waiter->reply, 0);
        return;
    }
    if (!unit) unit = seen_by(service, waiter->found, waiter->keys, waiter->key_count);
    connection_send_buffer(session->connection, &waiter->reply, to_wait_for(service, unit));
}

/* ---- CLIENT DURABILITY, WAITAOF ---- */

bool session_set_durability(struct session *session, enum durability durability) {
    if (durability > DURABILITY_NONE && !session->exec->durability) return false;
    session->durability = (uint8_t)durability;
    return true;
}

bool durability_is_kept(const struct exec *exec) {
    return exec->durability != NULL;
}

bool durability_is_reached(struct session *session) {
    const struct durability_service *service = session->exec->durability;
    return !service || !to_wait_for(service, session->last_unit);
}

static void resume_all(struct exec_worker *w) {
    while (!list_empty(&w->awaiting)) {
        struct session *session = LIST_FIRST(&w->awaiting, struct session, paused);
        list_remove(&session->paused);
        connection_resume(session->connection);
    }
}

static void resume_mail(void *worker) {
    struct exec_worker *w = worker;
    atomic_store(&w->has_awaiting, !list_empty(&w->awaiting));
    resume_all(w);
}

void await_timer_fire(struct net_timer *timer) {
    resume_all(CONTAINER_OF(timer, struct exec_worker, await_timer));
}

/* The timer is for the earliest; whoever is resumed too early waits again. */
static bool arm(struct exec_worker *w, int64_t deadline_ms) {
    if (!deadline_ms) return true;
    int64_t left_ms = MIN(deadline_ms - clock_wall_ms() + 1, INT64_MAX / 4000);
    int64_t due_us = clock_mono_us() + left_ms * 1000;
    if (w->await_timer.heap_index && w->await_timer.due_us <= due_us) return true;
    return worker_timer_arm(net_worker(w->exec->net, w->index), &w->await_timer, due_us);
}

void durability_wait(struct call *call, int64_t deadline_ms) {
    struct session *session = call->session;
    struct exec_worker *w = session_worker(session);
    session->wait_deadline_ms = deadline_ms;
    session->flags |= SESSION_RUNS_AGAIN;
    list_append(&w->awaiting, &session->paused);
    atomic_store(&w->has_awaiting, true);
    /* Something may have become durable meanwhile; without memory it asks again at once. */
    if (durability_is_reached(session) || !arm(w, deadline_ms)) resume_all(w);
}

bool durability_waited(struct call *call, int64_t *deadline_ms) {
    if (!(call->session->flags & SESSION_RUNS_AGAIN)) return false;
    call->session->flags &= ~SESSION_RUNS_AGAIN;
    *deadline_ms = call->session->wait_deadline_ms;
    return true;
}

void exec_durable(struct exec *exec, uint64_t unit) {
    net_release(exec->net, unit);
    for (unsigned i = 0; i < exec->worker_count; i++) {
        struct exec_worker *w = &exec->workers[i];
        if (atomic_exchange(&w->has_awaiting, false) &&
            !worker_post(net_worker(exec->net, i), resume_mail, w))
            atomic_store(&w->has_awaiting, true);
    }
}
