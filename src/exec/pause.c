/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CLIENT PAUSE. A session whose command is held back waits on its worker's list, until the worker's
 * timer for the end of the pause or CLIENT UNPAUSE lets all of them go on. They look again then:
 * when the pause was prolonged meanwhile, they wait anew. So do those that would write to guarded
 * keys (exec/key_guard.h).
 */
#include "base/ensure.h"
#include "exec/exec_priv.h"
#include "sys/clock.h"

/* How often it is looked whether the journal has caught up, or a guard has ended. */
#define BEHIND_POLL_MS 10

bool pause_applies(const struct exec *exec, uint64_t command_flags, int64_t now_ms) {
    if (LIKELY(exec->pause_until_ms <= now_ms)) return false;
    return !exec->pause_writes_only || command_flags & (CMD_WRITE | CMD_MAY_REPLICATE);
}

bool exec_writes_paused(const struct exec *exec, int64_t now_ms) {
    return exec->pause_until_ms > now_ms;
}

static void resume_all(void *worker) {
    struct exec_worker *w = worker;
    while (!list_empty(&w->paused)) {
        struct session *session = LIST_FIRST(&w->paused, struct session, paused);
        list_remove(&session->paused);
        session->flags &= ~SESSION_PAUSED;
        connection_resume(session->connection);
    }
}

void pause_timer_fire(struct net_timer *timer) {
    resume_all(CONTAINER_OF(timer, struct exec_worker, pause_timer));
}

void pause_session(struct session *session, int64_t now_ms) {
    struct exec_worker *w = session_worker(session);
    int64_t left_ms = MAX(session->exec->pause_until_ms - now_ms, (int64_t)BEHIND_POLL_MS);
    list_append(&w->paused, &session->paused);
    session->flags |= SESSION_PAUSED;
    /* One millisecond more, so that the wall clock has passed the end too. Without memory for the
     * timer the session asks again at once. */
    int64_t due_us = clock_mono_us() + (left_ms + 1) * 1000;
    if (!worker_timer_arm(connection_worker(session->connection), &w->pause_timer, due_us))
        resume_all(w);
}

void pause_look_again(struct exec *exec) {
    for (unsigned i = 0; i < exec->worker_count; i++)
        worker_post(net_worker(exec->net, i), resume_all, &exec->workers[i]);
}

unsigned pause_count(const struct exec *exec) {
    unsigned count = 0;
    const struct session *session;
    for (unsigned i = 0; i < exec->worker_count; i++)
        LIST_FOREACH(session, &exec->workers[i].paused, paused) {
            count++;
        }
    return count;
}

void exec_pause(struct exec *exec, int64_t until_ms, bool writes_only) {
    bool active = exec->pause_until_ms > clock_wall_ms();
    exec->pause_writes_only = writes_only && (!active || exec->pause_writes_only);
    exec->pause_until_ms = active ? MAX(exec->pause_until_ms, until_ms) : until_ms;
}

void exec_unpause(struct exec *exec) {
    exec->pause_until_ms = 0;
    for (unsigned i = 0; i < exec->worker_count; i++) {
        struct exec_worker *w = &exec->workers[i];
        if (list_empty(&w->paused)) continue;
        worker_post(net_worker(exec->net, i), resume_all, w);
    }
}
