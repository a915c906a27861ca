/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/ensure.h"
#include "exec/exec_priv.h"
#include "keyspace/evict.h"
#include "keyspace/policy.h"

static struct view view_of(struct exec *exec, unsigned worker, uint32_t db, int64_t now_ms) {
    return (struct view){
        .keyspace = exec->keyspace,
        .counters = keyspace_counters_of(exec->keyspace, worker),
        .now_ms = now_ms,
        .db = db,
        .worker = worker,
    };
}

/* Nothing is evicted while writes are paused: an eviction is one. */
bool room_for_command(struct session *session, int64_t now_ms) {
    struct exec *exec = session->exec;
    if (LIKELY(policy.maxmemory == 0) || exec_writes_paused(exec, now_ms)) return true;
    struct view view = view_of(exec, session->worker, session->db, now_ms);
    return keyspace_make_room(&view);
}

bool room_tick(struct exec_worker *w, int64_t now_ms) {
    struct exec *exec = w->exec;
    struct view view = view_of(exec, w->index, 0, now_ms);
    gate_enter(exec->gate, w->index);
    bool more = keyspace_evict_some(&view);
    gate_leave(exec->gate, w->index);
    return more;
}
