/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/ensure.h"
#include "exec/exec_priv.h"
#include "keyspace/evict.h"
#include "keyspace/policy.h"

/* Nothing is evicted while writes are paused: an eviction is one. */
bool room_for_command(struct session *session, int64_t now_ms) {
    struct exec *exec = session->exec;
    if (LIKELY(policy.maxmemory == 0) || exec_writes_paused(exec, now_ms)) return true;
    struct view view = {
        .keyspace = exec->keyspace,
        .counters = keyspace_counters_of(exec->keyspace, session->worker),
        .now_ms = now_ms,
        .db = session->db,
        .worker = session->worker,
    };
    return keyspace_make_room(&view);
}
