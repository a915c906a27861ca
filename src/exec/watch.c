/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants:
 *   1. A watched key is in its partition's index while it has a watch. It, the list of its watches
 *      and watch.key belong to the partition's lock.
 *   2. A watch whose key changed is taken off the key, so that a change costs what was added since
 *      the last one.
 *   3. A watcher, and the list of its watches, belong to the session's worker; `broken` may be set
 *      by whoever holds the partition of one of the watches that still is on its key.
 */
#include "exec/watch.h"
#include "base/index.h"
#include "base/list.h"
#include "exec/exec_priv.h"
#include "sys/clock.h"
#include "sys/memory.h"

struct watched_key {
    struct index_node in_partition;
    uint32_t db;
    unsigned count;
    struct list_node watches;
    struct watched_key *next_touched; /* by a change of the whole database */
    struct key key;                   /* its name follows the struct */
};

struct watch {
    struct list_node in_key, in_watcher;
    struct watched_key *key; /* NULL: it changed */
    struct watcher *watcher;
    uint64_t hash; /* of the key */
    bool existed;
};

/* A session's; made with its first watch. */
struct watcher {
    struct watching *watching;
    struct list_node watches;
    unsigned count;
    atomic_bool broken;
};

struct watching {
    _Atomic uint64_t watches, watchers; /* watchers: that are not broken */
    struct index partitions[PARTITION_COUNT];
};

/* ---- keys: with the partition locked ---- */

static struct index *index_of(struct watching *watching, const struct key *key) {
    return &watching->partitions[key_partition(key)];
}

static struct watched_key *find(struct watching *watching, uint32_t db, const struct key *key) {
    struct index_node *node;
    INDEX_FOREACH_HASH(node, index_of(watching, key), key->hash) {
        struct watched_key *w = CONTAINER_OF(node, struct watched_key, in_partition);
        if (w->db == db && bytes_equal(w->key.name, key->name)) return w;
    }
    return NULL;
}

static struct watched_key *find_or_add(struct watching *watching, uint32_t db,
                                       const struct key *key) {
    struct watched_key *w = find(watching, db, key);
    if (w || !(w = memory_alloc(sizeof *w + key->name.len))) return w;
    *w = (struct watched_key){.db = db, .key = {{(char *)(w + 1), key->name.len}, key->hash}};
    if (key->name.len) memcpy(w + 1, key->name.data, key->name.len);
    list_init(&w->watches);
    if (index_add(index_of(watching, key), &w->in_partition, key->hash)) return w;
    memory_free(w);
    return NULL;
}

static void release(struct watching *watching, struct watched_key *key) {
    if (key->count) return;
    index_remove(index_of(watching, &key->key), &key->in_partition);
    memory_free(key);
}

static void take_off(struct watch *watch) {
    list_remove(&watch->in_key);
    watch->key->count--;
    watch->key = NULL;
    watch->watcher->watching->watches--;
}

/* ---- watching ---- */

/* Looks through the shorter of the two lists. */
static bool is_watched_by(const struct watched_key *key, const struct watcher *watcher) {
    struct watch *watch;
    if (key->count < watcher->count) {
        LIST_FOREACH(watch, &key->watches, in_key) {
            if (watch->watcher == watcher) return true;
        }
    } else {
        LIST_FOREACH(watch, &watcher->watches, in_watcher) {
            if (watch->hash == key->key.hash && watch->key == key) return true;
        }
    }
    return false;
}

static struct watcher *need_watcher(struct session *session) {
    if (session->watcher) return session->watcher;
    struct watcher *watcher = memory_alloc_zero(sizeof *watcher);
    if (!watcher) return NULL;
    watcher->watching = session->exec->watching;
    list_init(&watcher->watches);
    watcher->watching->watchers++;
    session->flags |= SESSION_WAS_IN_MULTI;
    return session->watcher = watcher;
}

/* It may have expired, and nobody has taken it away yet. */
static bool exists(const struct view *view, uint32_t db, const struct key *key) {
    return keyspace_holds(view->keyspace, db, key, view->now_ms);
}

bool watch_key(struct call *call, const struct key *key) {
    struct watching *watching = call->exec->watching;
    struct watcher *watcher = need_watcher(call->session);
    if (!watcher) return false;
    if (watcher->broken) return true;
    bool existed = exists(&call->view, call->view.db, key);
    struct watched_key *watched = find_or_add(watching, call->view.db, key);
    if (!watched) return false;
    if (is_watched_by(watched, watcher)) return true;
    struct watch *watch = memory_alloc(sizeof *watch);
    if (!watch) {
        release(watching, watched);
        return false;
    }
    *watch =
        (struct watch){.key = watched, .watcher = watcher, .hash = key->hash, .existed = existed};
    list_append(&watched->watches, &watch->in_key);
    list_append(&watcher->watches, &watch->in_watcher);
    watched->count++;
    watcher->count++;
    watching->watches++;
    return true;
}

bool watch_collect(const struct session *session, struct key_list *keys) {
    const struct watcher *watcher = session->watcher;
    struct watch *watch;
    if (!watcher) return true;
    if (!key_list_reserve(keys, watcher->count)) return false;
    LIST_FOREACH(watch, &watcher->watches, in_watcher) {
        keys->items[keys->count++] = (struct key){.hash = watch->hash};
    }
    return true;
}

bool watch_is_broken(struct call *call) {
    const struct watcher *watcher = call->session->watcher;
    const struct watch *watch;
    if (!watcher || watcher->broken) return watcher != NULL;
    LIST_FOREACH(watch, &watcher->watches, in_watcher) {
        const struct watched_key *key = watch->key;
        if (watch->existed && !exists(&call->view, key->db, &key->key)) return true;
    }
    return false;
}

/* ---- forgetting ---- */

static void forget_one(struct watch *watch) {
    struct watched_key *key = watch->key;
    if (!key) return;
    take_off(watch);
    release(watch->watcher->watching, key);
}

static void watcher_free(struct session *session) {
    struct watcher *watcher = session->watcher;
    if (!watcher->broken) watcher->watching->watchers--;
    memory_free(watcher);
    session->watcher = NULL;
}

void watch_forget_locked(struct session *session) {
    struct watch *watch, *next;
    if (!session->watcher) return;
    LIST_FOREACH_SAFE(watch, next, &session->watcher->watches, in_watcher) {
        forget_one(watch);
        memory_free(watch);
    }
    watcher_free(session);
}

void watch_forget(struct session *session) {
    struct gate *gate = session->exec->gate;
    struct watch *watch, *next;
    if (!session->watcher) return;
    LIST_FOREACH_SAFE(watch, next, &session->watcher->watches, in_watcher) {
        struct gate_hold hold;
        gate_lock(gate, session->worker, &hold, &(struct key){.hash = watch->hash}, 1);
        forget_one(watch);
        gate_unlock(gate, &hold);
        memory_free(watch);
    }
    watcher_free(session);
}

/* ---- changes ---- */

static void break_watch(struct watch *watch) {
    struct watcher *watcher = watch->watcher;
    if (!atomic_exchange(&watcher->broken, true)) watcher->watching->watchers--;
    take_off(watch);
}

/* `all`: also those who know that it did not exist, to whom its removal is no change: it had
 * expired before they came, or before SWAPDB brought it. The key is released by the caller. */
static void break_watches(struct watched_key *key, bool all) {
    struct watch *watch, *next;
    LIST_FOREACH_SAFE(watch, next, &key->watches, in_key) {
        if (all || watch->existed) break_watch(watch);
    }
}

static void touch(struct watching *watching, uint32_t db, const struct key *key, bool all) {
    struct watched_key *watched = find(watching, db, key);
    if (!watched) return;
    break_watches(watched, all);
    release(watching, watched);
}

/* All of a database is gone or, if `swapped`, has been replaced by another. Returns the keys that
 * may have to be released. */
static struct watched_key *touch_all_in(struct exec *exec, struct index *index, uint32_t db,
                                        bool swapped, struct watched_key *touched) {
    struct index_node *node;
    INDEX_FOREACH(node, index) {
        struct watched_key *key = CONTAINER_OF(node, struct watched_key, in_partition);
        if (key->db != db) continue;
        break_watches(key,
                      swapped && keyspace_holds(exec->keyspace, db, &key->key, clock_wall_ms()));
        key->next_touched = touched;
        touched = key;
    }
    return touched;
}

static void touch_database(struct exec *exec, uint32_t db, bool swapped) {
    struct watching *watching = exec->watching;
    struct watched_key *touched = NULL;
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        touched = touch_all_in(exec, &watching->partitions[p], db, swapped, touched);
    for (struct watched_key *next; touched; touched = next) {
        next = touched->next_touched;
        release(watching, touched);
    }
}

static void look_at(struct exec *exec, const struct change *change) {
    switch (change->kind) {
    case CHANGE_STORE:
    case CHANGE_RANGE:
    case CHANGE_COMMAND:
    case CHANGE_EXPIRY: touch(exec->watching, change->db, change->key, true); break;
    case CHANGE_REMOVE: touch(exec->watching, change->db, change->key, false); break;
    case CHANGE_RENAME:
        touch(exec->watching, change->db, change->other, true);
        touch(exec->watching, change->db, change->key, true);
        break;
    case CHANGE_FLUSH: touch_database(exec, change->db, false); break;
    case CHANGE_SWAP:
        touch_database(exec, change->db, true);
        touch_database(exec, change->other_db, true);
        break;
    case CHANGE_NOTICE: break;
    }
}

/* The subscriber of change records. */
static void changed(void *context, const struct change *change) {
    look_at(context, change);
}

/* ---- what is told of them ---- */

unsigned watch_count(const struct session *session) {
    const struct watcher *watcher = session->watcher;
    return watcher && !watcher->broken ? watcher->count : 0;
}

bool watch_has_changed(const struct session *session) {
    return session->watcher && session->watcher->broken;
}

size_t watch_memory(const struct session *session) {
    const struct watcher *watcher = session->watcher;
    return watcher ? sizeof *watcher + watcher->count * sizeof(struct watch) : 0;
}

static bool is_watched(const struct watched_key *key) {
    const struct watch *watch;
    LIST_FOREACH(watch, &key->watches, in_key) {
        if (!watch->watcher->broken) return true;
    }
    return false;
}

struct watch_totals watch_sum(const struct exec *exec) {
    const struct watching *watching = exec->watching;
    struct watch_totals totals = {.sessions = watching->watchers};
    struct index_node *node;
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        INDEX_FOREACH(node, &watching->partitions[p]) {
            totals.keys += is_watched(CONTAINER_OF(node, struct watched_key, in_partition));
        }
    }
    return totals;
}

/* ---- the service ---- */

struct watching *watching_create(struct exec *exec) {
    struct watching *watching = memory_need(sizeof *watching);
    *watching = (struct watching){0};
    keyspace_subscribe(exec->keyspace, changed, exec, &watching->watches);
    return watching;
}

void watching_free(struct watching *watching) {
    memory_free(watching);
}
