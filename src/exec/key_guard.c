/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/key_guard.h"
#include "base/index.h"
#include "exec/exec_priv.h"
#include "sys/memory.h"

/* Marked under the lock of the key's partition, and under the mutex. */
struct guarded {
    struct index_node in_guards;
    struct key key;
    uint32_t db;
    bool broken;
};

struct key_guard {
    struct exec *exec;
    unsigned count;
    struct guarded keys[]; /* and their names */
};

struct key_guards {
    pthread_mutex_t mutex;
    struct index index; /* of all guarded keys; exec->guarded_keys counts them */
    bool subscribed;
};

struct key_guards *key_guards_create(void) {
    struct key_guards *guards = memory_need(sizeof *guards);
    *guards = (struct key_guards){0};
    pthread_mutex_init(&guards->mutex, NULL);
    return guards;
}

void key_guards_free(struct key_guards *guards) {
    index_free(&guards->index);
    pthread_mutex_destroy(&guards->mutex);
    memory_free(guards);
}

/* ---- what changes ---- */

static void mark_key(struct key_guards *guards, uint32_t db, const struct key *key) {
    struct index_node *node;
    INDEX_FOREACH_HASH(node, &guards->index, key->hash) {
        struct guarded *g = CONTAINER_OF(node, struct guarded, in_guards);
        if (g->db == db && bytes_equal(g->key.name, key->name)) g->broken = true;
    }
}

static void mark_database(struct key_guards *guards, uint32_t db) {
    struct index_node *node;
    INDEX_FOREACH(node, &guards->index) {
        struct guarded *g = CONTAINER_OF(node, struct guarded, in_guards);
        if (g->db == db) g->broken = true;
    }
}

static void changed(void *context, const struct change *change) {
    struct exec *exec = context;
    struct key_guards *guards = exec->key_guards;
    if (change->kind == CHANGE_NOTICE) return;
    pthread_mutex_lock(&guards->mutex);
    if (change->key) {
        mark_key(guards, change->db, change->key);
        if (change->kind == CHANGE_RENAME) mark_key(guards, change->db, change->other);
    } else {
        mark_database(guards, change->db);
        if (change->kind == CHANGE_SWAP) mark_database(guards, change->other_db);
    }
    pthread_mutex_unlock(&guards->mutex);
}

/* Writes pay for it from the first guard on only. */
static void subscribe(struct exec *exec) {
    struct key_guards *guards = exec->key_guards;
    if (guards->subscribed) return;
    unsigned worker = worker_index(worker_current());
    gate_exclusive_begin(exec->gate, worker);
    if (!guards->subscribed) keyspace_subscribe(exec->keyspace, changed, exec, &exec->guarded_keys);
    guards->subscribed = true;
    gate_exclusive_end(exec->gate, worker);
}

/* ---- who waits ---- */

static bool is_guarded(struct key_guards *guards, uint32_t db, const struct key *key) {
    struct index_node *node;
    INDEX_FOREACH_HASH(node, &guards->index, key->hash) {
        struct guarded *g = CONTAINER_OF(node, struct guarded, in_guards);
        if (g->db == db && bytes_equal(g->key.name, key->name)) return true;
    }
    return false;
}

bool key_guards_have(struct exec *exec, uint32_t db, const struct key *keys, unsigned count) {
    struct key_guards *guards = exec->key_guards;
    bool found = false;
    pthread_mutex_lock(&guards->mutex);
    for (unsigned i = 0; i < count && !found; i++)
        found = is_guarded(guards, db, &keys[i]);
    pthread_mutex_unlock(&guards->mutex);
    return found;
}

/* ---- a guard ---- */

static struct key_guard *create(struct call *call, const struct key *keys, unsigned count) {
    size_t size = sizeof(struct key_guard) + count * sizeof(struct guarded);
    size_t text = 0;
    for (unsigned i = 0; i < count; i++)
        text += keys[i].name.len;
    struct key_guard *guard = memory_alloc(size + text);
    if (!guard) return NULL;
    *guard = (struct key_guard){.exec = call->exec, .count = count};
    char *at = (char *)guard + size;
    for (unsigned i = 0; i < count; i++) {
        struct bytes name = keys[i].name;
        if (name.len) memcpy(at, name.data, name.len);
        guard->keys[i] =
            (struct guarded){.key = {bytes_make(at, name.len), keys[i].hash}, .db = call->view.db};
        at += name.len;
    }
    return guard;
}

/* Takes the first `added` keys out and frees the guard. */
static void destroy(struct key_guard *guard, unsigned added) {
    struct key_guards *guards = guard->exec->key_guards;
    pthread_mutex_lock(&guards->mutex);
    for (unsigned i = 0; i < added; i++)
        index_remove(&guards->index, &guard->keys[i].in_guards);
    guard->exec->guarded_keys -= added;
    pthread_mutex_unlock(&guards->mutex);
    memory_free(guard);
}

struct key_guard *key_guard_begin(struct call *call, const struct key *keys, unsigned count) {
    struct key_guards *guards = call->exec->key_guards;
    struct key_guard *guard = create(call, keys, count);
    if (!guard) return NULL;
    subscribe(call->exec);
    unsigned added = 0;
    pthread_mutex_lock(&guards->mutex);
    while (added < count &&
           index_add(&guards->index, &guard->keys[added].in_guards, keys[added].hash))
        added++;
    call->exec->guarded_keys += added;
    pthread_mutex_unlock(&guards->mutex);
    if (added == count) return guard;
    destroy(guard, added);
    return NULL;
}

bool key_guard_was_broken(struct key_guard *guard, unsigned position) {
    struct key_guards *guards = guard->exec->key_guards;
    pthread_mutex_lock(&guards->mutex);
    bool broken = guard->keys[position].broken;
    guard->keys[position].broken = false;
    pthread_mutex_unlock(&guards->mutex);
    return broken;
}

void key_guard_end(struct key_guard *guard) {
    struct exec *exec = guard->exec;
    destroy(guard, guard->count);
    if (worker_current()) pause_look_again(exec);
}
