/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * maxmemory-clients: when all clients together take more memory than that, those go that take the
 * most. Once a second each worker adds up its own; who finds too much counts again, in exclusive
 * mode. A client that owes more replies than all may take goes at once.
 */
#include "base/ensure.h"
#include "base/log.h"
#include "exec/exec_priv.h"
#include "keyspace/policy.h"
#include "sys/memory.h"
#include <stdlib.h>

#define LIMIT_MIN (128 * 1024) /* there is always room for who changes the limit */

/* Bytes; 0: there is no limit. */
static uint64_t client_limit(void) {
    int64_t limit = exec_settings.maxmemory_clients;
    if (LIKELY(limit == 0)) return 0;
    if (limit < 0) limit = policy.maxmemory / 100 * -limit;
    return limit ? (uint64_t)MAX(limit, (int64_t)LIMIT_MIN) : 0;
}

static void evict(struct session *session) {
    struct buffer line = {0};
    if (session_describe(session, NULL, &line))
        log_notice("Evicting client: %.*s", (int)line.len, line.data);
    buffer_free(&line);
    session_worker(session)->totals.evicted++;
    session_kill(session, false);
}

bool client_room_exceeded(struct session *session, size_t pending) {
    uint64_t limit = client_limit();
    if (LIKELY(!limit || pending <= limit)) return false;
    if (session->flags & (SESSION_NO_EVICT | SESSION_KILLED)) return false;
    evict(session);
    return true;
}

/* ---- all of them ---- */

struct candidate {
    struct session *session;
    size_t bytes;
};

struct candidates {
    struct candidate *items;
    size_t count, capacity;
    uint64_t sum;
};

static void add(struct session *session, void *context) {
    struct candidates *all = context;
    size_t bytes = session_memory(session);
    all->sum += bytes;
    if (session->flags & SESSION_NO_EVICT || all->count == all->capacity) return;
    all->items[all->count++] = (struct candidate){session, bytes};
}

static int by_bytes(const void *a, const void *b) {
    const struct candidate *one = a, *other = b;
    return one->bytes < other->bytes ? 1 : one->bytes > other->bytes ? -1 : 0;
}

static void evict_largest(struct exec *exec, uint64_t limit) {
    struct candidates all = {.capacity = exec->connections};
    all.items = memory_alloc(MAX(all.capacity, (size_t)1) * sizeof *all.items);
    if (!all.items) return; /* in a second, then */
    exec_each_session(exec, add, &all);
    qsort(all.items, all.count, sizeof *all.items, by_bytes);
    for (size_t i = 0; i < all.count && all.sum > limit; i++) {
        all.sum -= all.items[i].bytes;
        evict(all.items[i].session);
    }
    memory_free(all.items);
}

static uint64_t own_clients(const struct exec_worker *w) {
    const struct session *session;
    uint64_t sum = 0;
    LIST_FOREACH(session, &w->sessions, in_worker)
    if (!(session->flags & SESSION_KILLED)) sum += session_memory(session);
    return sum;
}

void client_room_look(struct exec_worker *w) {
    struct exec *exec = w->exec;
    uint64_t limit = client_limit(), sum = 0;
    if (LIKELY(!limit)) return;
    atomic_store_explicit(&w->client_bytes, own_clients(w), memory_order_relaxed);
    for (unsigned i = 0; i < exec->worker_count; i++)
        sum += atomic_load_explicit(&exec->workers[i].client_bytes, memory_order_relaxed);
    if (sum <= limit || !gate_exclusive_begin_unless_busy(exec->gate, w->index)) return;
    evict_largest(exec, limit);
    gate_exclusive_end(exec->gate, w->index);
}
