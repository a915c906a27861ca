/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Serving those who wait: which keys have changed, and running the commands of their waiters again.
 *
 * A change marks the key, on a list of the worker that made it. When the command is over and its
 * partitions still are locked, the worker goes through the list, in the order of the changes, until
 * there is no more: serving may mark further keys. What a waiter needs beyond the partitions that
 * are locked is had by exclusive mode, from then on until the list is empty; other workers may have
 * changed everything by the time that begins, so the key is looked at anew.
 */
#include "base/ensure.h"
#include "exec/blocking_priv.h"
#include "sys/clock.h"

/* ---- marking ---- */

static void serve_later(void *argument) {
    struct exec_worker *w = argument;
    w->exec->blocking->workers[w->index].serve_posted = false;
    worker_read_clock(w, clock_ticks());
    blocking_serve(w, NULL);
}

static void mark(struct exec *exec, struct waiting_key *key, bool removed) {
    const struct worker *self = worker_current();
    if (!self || list_linked(&key->marked)) return;
    if (removed && !key->on_delete) return;
    struct exec_worker *w = &exec->workers[worker_index(self)];
    list_append(&exec->blocking->workers[w->index].marked, &key->marked);
    w->has_marked = true;
}

static void mark_named(struct exec *exec, uint32_t db, const struct key *key, bool removed) {
    struct waiting_key *waiting = waiting_key_find(exec->blocking, db, key);
    if (waiting) mark(exec, waiting, removed);
}

struct whole {
    struct exec *exec;
    uint32_t db, other_db;
    bool removed;
};

static void mark_of_database(void *context, struct waiting_key *key) {
    const struct whole *whole = context;
    if (key->db == whole->db || key->db == whole->other_db) mark(whole->exec, key, whole->removed);
}

static void mark_databases(struct exec *exec, uint32_t db, uint32_t other_db, bool removed) {
    struct whole whole = {exec, db, other_db, removed};
    waiting_keys_each(exec->blocking, mark_of_database, &whole);
}

/* Keys expire and are evicted while no command runs, too. */
static void see_to_serving(struct exec *exec) {
    const struct worker *self = worker_current();
    if (!self) return;
    struct exec_worker *w = &exec->workers[worker_index(self)];
    struct blocking_worker *own = &exec->blocking->workers[w->index];
    if (!w->has_marked || own->serve_posted) return;
    own->serve_posted = worker_post(net_worker(exec->net, w->index), serve_later, w);
}

static void look_at(struct exec *exec, const struct change *change) {
    switch (change->kind) {
    case CHANGE_STORE:
    case CHANGE_RANGE:
    case CHANGE_COMMAND: mark_named(exec, change->db, change->key, false); break;
    case CHANGE_REMOVE:
        mark_named(exec, change->db, change->key, true);
        if (change->cause != CAUSE_COMMAND) see_to_serving(exec);
        break;
    case CHANGE_RENAME:
        mark_named(exec, change->db, change->other, true);
        mark_named(exec, change->db, change->key, false);
        break;
    case CHANGE_FLUSH: mark_databases(exec, change->db, change->db, true); break;
    case CHANGE_SWAP: mark_databases(exec, change->db, change->other_db, false); break;
    case CHANGE_EXPIRY:
    case CHANGE_NOTICE: break;
    }
}

void blocking_changed(void *context, const struct change *change) {
    look_at(context, change);
}

/* ---- serving ---- */

struct serving {
    struct exec_worker *w;
    const struct gate_hold *hold; /* what the command has locked; NULL: nothing */
    bool exclusive, entered;
};

static bool holds(const struct serving *s, const struct key *key) {
    return s->exclusive || (s->hold && gate_covers(s->hold, key));
}

static bool holds_all(const struct serving *s, const struct waiter *waiter) {
    for (unsigned i = 0; i < waiter->key_count; i++)
        if (!holds(s, &waiter->keys[i])) return false;
    return true;
}

static void go_exclusive(struct serving *s) {
    if (s->exclusive) return;
    gate_exclusive_begin(s->w->exec->gate, s->w->index);
    s->exclusive = s->entered = true;
}

static struct view view_of(const struct exec_worker *w, uint32_t db) {
    return (struct view){.keyspace = w->exec->keyspace,
                         .counters = w->keyspace_counters,
                         .now_ms = w->now_ms,
                         .db = db,
                         .worker = w->index};
}

/* Its user may have lost the permission since it began to wait. */
static void run_if_allowed(struct exec_worker *w, struct waiter *waiter, struct call *call) {
    const struct acl_line line = {waiter->found, waiter->argv, waiter->argc, waiter->db};
    uint64_t began = clock_ticks();
    if (check_access(waiter->session, &line, ACL_TOPLEVEL, "NOPERM ", call->reply)) {
        waiter->found->run(call);
    } else {
        w->counters[waiter->found->id].rejected++;
        waiter->rejected = true;
    }
    waiter->ticks += clock_ticks() - began;
}

/* Runs the waiter's command again: for `key` alone, or for all of its keys (NULL). False: it goes
 * on waiting. */
static bool run_again(struct exec_worker *w, struct waiter *waiter, const struct key *key) {
    struct session *session = waiter->session;
    struct reply reply = {.out = &waiter->reply, .resp = session->resp, .muted = waiter->muted};
    struct call call = {
        .argv = waiter->argv,
        .argc = waiter->argc,
        .keys = key ? key : waiter->keys,
        .key_count = key ? 1 : waiter->key_count,
        .view = view_of(w, waiter->db),
        .reply = &reply,
        .command = waiter->found->command,
        .session = session,
        .exec = w->exec,
        .worker = w->index,
        .runs_again = true,
    };
    call.view.no_touch = (session->flags & SESSION_NO_TOUCH) != 0;
    outbox_post(w); /* who tracks the key hears of its change before the reply */
    tracking_serve(w, session);
    run_if_allowed(w, waiter, &call);
    waiter->unit = keyspace_end_unit(&call.view);
    if (UNLIKELY(session->tracking)) tracking_read(&call, waiter->found->flags);
    tracking_serve(w, NULL);
    if (call.waits) {
        buffer_clear(&waiter->reply);
        return false;
    }
    if (worker_count_errors(w, &reply) && !waiter->rejected)
        w->counters[waiter->found->id].failed++;
    waiter->reply_failed = reply.failed;
    return true;
}

static void finish(const struct serving *s, struct waiter *waiter) {
    struct blocking *blocking = waiter->exec->blocking;
    for (unsigned i = 0; i < waiter->link_count; i++)
        if (holds(s, &waiter->keys[i])) waiting_key_leave(blocking, &waiter->links[i]);
    atomic_store(&waiter->state, WAIT_DONE);
    atomic_fetch_sub(&blocking->clients, 1);
    if (waiter->request.deadline_ms) atomic_fetch_sub(&blocking->timed, 1);
    waiter_finish(waiter);
}

static bool change_state(struct waiter *waiter, enum wait_state from, enum wait_state to) {
    return atomic_compare_exchange_strong(&waiter->state, &from, to);
}

/* The waiter and all it needs are held, or the one key will do. If all are held the first of its
 * keys is served that has something, as with Valkey. */
static void try_waiter(struct serving *s, struct waiter *waiter, const struct key *key) {
    if (!change_state(waiter, WAIT_OPEN, WAIT_CLAIMED)) {
        change_state(waiter, WAIT_CLAIMED, WAIT_MISSED);
        return;
    }
    bool one_will_do = waiter->request.any_key && !holds_all(s, waiter);
    bool served = run_again(s->w, waiter, one_will_do ? key : NULL);
    if (!served && !change_state(waiter, WAIT_CLAIMED, WAIT_OPEN)) {
        /* Another worker found it claimed, and left it to us to look at its key too. */
        go_exclusive(s);
        served = run_again(s->w, waiter, NULL);
        if (!served) atomic_store(&waiter->state, WAIT_OPEN);
    }
    if (served) finish(s, waiter);
}

static const struct entry *entry_of(const struct serving *s, const struct waiting_key *key) {
    struct view view = view_of(s->w, key->db);
    const struct entry *e = keyspace_look(&view, &key->key);
    keyspace_end_unit(&view); /* it may have expired */
    return e;
}

static bool wants(const struct waiter *waiter, const struct entry *e) {
    return waiter->request.on_delete || (e && entry_type(e) == waiter->request.type);
}

/* Offers the key to its waiters in their order. False: exclusive mode began, and it has to be done
 * again. */
static bool offer(struct serving *s, struct waiting_key *key) {
    struct wait_link *link, *next;
    const struct entry *e = entry_of(s, key);
    LIST_FOREACH_SAFE(link, next, &key->waiters, in_key) {
        struct waiter *waiter = link->waiter;
        if (!e && !key->on_delete) return true;
        if (!wants(waiter, e)) continue;
        bool was_exclusive = s->exclusive;
        if (!waiter->request.any_key && !holds_all(s, waiter)) go_exclusive(s);
        if (s->exclusive != was_exclusive) return false;
        try_waiter(s, waiter, &key->key);
        if (s->exclusive != was_exclusive) return false;
        e = entry_of(s, key);
    }
    return true;
}

void blocking_serve(struct exec_worker *w, const struct gate_hold *hold) {
    struct blocking *blocking = w->exec->blocking;
    struct list_node *marked = &blocking->workers[w->index].marked;
    struct serving s = {w, hold, gate_is_exclusive(w->exec->gate, w->index), false};
    while (!list_empty(marked)) {
        struct waiting_key *key = LIST_FIRST(marked, struct waiting_key, marked);
        if (!holds(&s, &key->key)) go_exclusive(&s);
        list_remove(&key->marked);
        key->pins++;
        while (!offer(&s, key)) {
        }
        key->pins--;
        waiting_key_release(blocking, key);
    }
    w->has_marked = false;
    if (s.entered) gate_exclusive_end(w->exec->gate, w->index);
}
