/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/session.h"
#include "base/ensure.h"
#include "exec/acl.h"
#include "exec/certificate.h"
#include "exec/exec_priv.h"
#include "exec/monitor.h"
#include "exec/stream_priv.h"
#include "exec/transaction.h"
#include "exec/watch.h"
#include "sys/clock.h"
#include "sys/memory.h"

/* ---- opening and closing ---- */

static const char protected_mode_error[] =
    "DENIED This server runs in protected mode: no password is set for the default user, so "
    "connections are accepted from this machine alone. To connect from elsewhere, do one of these: "
    "1) Set a password: send CONFIG SET requirepass <password> from this machine, or put it into "
    "the configuration file. 2) Turn protected mode off with CONFIG SET protected-mode no, and "
    "CONFIG REWRITE to keep it, if nobody can reach the server from the Internet. 3) Start the "
    "server with '--protected-mode no', or with 'protected-mode no' in its configuration file.";

/* Why a connection is not welcome; NULL = it is. */
static const char *refusal(const struct exec *exec, const struct connection *connection) {
    if (atomic_load(&exec->connections) >= (unsigned)exec_settings.maxclients)
        return "ERR max number of clients reached";
    if (exec_settings.protected_mode && acl_default_user(exec)->no_password &&
        !connection_peer_is_local(connection))
        return protected_mode_error;
    return NULL;
}

static void start_as_default_user(struct session *session) {
    session->user = acl_default_user(session->exec);
    session->flags &= ~SESSION_AUTHENTICATED;
    if (!acl_is_closed(session->exec)) session->flags |= SESSION_AUTHENTICATED;
    session_update_rights(session);
}

/* NULL: no memory. */
static struct session *session_create(struct exec_worker *w, struct connection *connection) {
    struct session *session = memory_alloc(sizeof *session);
    if (!session) return NULL;
    int64_t now = clock_wall_ms();
    *session = (struct session){
        .id = atomic_fetch_add(&w->exec->next_session, 1),
        .connection = connection,
        .exec = w->exec,
        .flags = connection_is_unix(connection) ? SESSION_UNIX : 0,
        .worker = w->index,
        .resp = 2,
        .created_ms = now,
        .active_ms = now,
    };
    start_as_default_user(session);
    if (!index_add(&w->sessions_by_id, &session->by_id, session->id)) {
        memory_free(session);
        return NULL;
    }
    list_init(&session->paused);
    list_append(&w->sessions, &session->in_worker);
    w->session_count++;
    return session;
}

/* The RESP limits that fit its state of authentication. */
static void update_limits(struct session *session) {
    connection_set_limits(session->connection, session_needs_authentication(session)
                                                   ? &exec_settings.unauthenticated
                                                   : &exec_settings.authenticated);
}

void *session_open(void *context, struct connection *connection, struct reply *reply) {
    struct exec *exec = context;
    struct exec_worker *w = &exec->workers[worker_index(connection_worker(connection))];
    w->totals.connections++;
    const char *why = refusal(exec, connection);
    struct session *session = why ? NULL : session_create(w, connection);
    if (!session) {
        w->totals.refused++;
        reply_error(reply, why ? why : "OOM not enough memory for another client");
        return NULL;
    }
    atomic_fetch_add(&exec->connections, 1);
    session_trust_certificate(session);
    update_limits(session);
    return session;
}

void session_close(void *context, void *opaque) {
    struct exec *exec = context;
    struct session *session = opaque;
    blocking_forget(session);
    stream_forget(session);
    transaction_end(session);
    watch_forget(session);
    if (!(session->flags & SESSION_KILLED)) session_worker(session)->session_count--;
    list_remove(&session->in_worker);
    index_remove(&session_worker(session)->sessions_by_id, &session->by_id);
    list_remove(&session->paused);
    pubsub_forget(session);
    tracking_stop(session);
    monitor_stop(session);
    memory_free(session->name);
    memory_free(session->library_name);
    memory_free(session->library_version);
    memory_free(session);
    atomic_fetch_sub(&exec->connections, 1);
}

void session_invalid(void *context, void *opaque, const char *error) {
    (void)context;
    const char *space = strchr(error, ' ');
    struct bytes code = space ? bytes_make(error, (size_t)(space - error)) : BYTES("ERR");
    error_codes_add(&session_worker(opaque)->errors, code, 1);
}

/* ---- finding and killing ---- */

/* Merges the workers' lists, each of which is in the order of ids. */
void exec_each_session(struct exec *exec, void (*fn)(struct session *, void *), void *argument) {
    struct list_node *next[GATE_MAX_PARTICIPANTS];
    for (unsigned i = 0; i < exec->worker_count; i++)
        next[i] = exec->workers[i].sessions.next;
    for (;;) {
        struct session *oldest = NULL;
        for (unsigned i = 0; i < exec->worker_count; i++) {
            if (next[i] == &exec->workers[i].sessions) continue;
            struct session *s = CONTAINER_OF(next[i], struct session, in_worker);
            if (!oldest || s->id < oldest->id) oldest = s;
        }
        if (!oldest) return;
        next[oldest->worker] = oldest->in_worker.next;
        if (!(oldest->flags & SESSION_KILLED)) fn(oldest, argument);
    }
}

struct session *worker_find_session(const struct exec_worker *w, uint64_t id) {
    struct index_node *node = index_first(&w->sessions_by_id, id);
    struct session *session = node ? CONTAINER_OF(node, struct session, by_id) : NULL;
    return session && !(session->flags & SESSION_KILLED) ? session : NULL;
}

struct session *exec_find_session(struct exec *exec, uint64_t id) {
    struct session *session = NULL;
    for (unsigned i = 0; i < exec->worker_count && !session; i++)
        session = worker_find_session(&exec->workers[i], id);
    return session;
}

unsigned exec_session_count(const struct exec *exec) {
    unsigned count = 0;
    for (unsigned i = 0; i < exec->worker_count; i++)
        count += exec->workers[i].session_count;
    return count;
}

void sessions_reap(void *worker) {
    struct exec_worker *w = worker;
    struct session *s;
    w->reaping = false;
    LIST_FOREACH(s, &w->sessions, in_worker) {
        if (s->flags & SESSION_KILLED)
            connection_close(s->connection);
        else if (s->flags & SESSION_CLOSING)
            connection_close_after_reply(s->connection);
    }
}

void session_kill(struct session *session, bool after_reply) {
    struct exec_worker *w = session_worker(session);
    if (session->flags & SESSION_KILLED) return;
    session->flags |= SESSION_CLOSING;
    if (!after_reply) {
        session->flags |= SESSION_KILLED;
        w->session_count--;
    }
    if (w->reaping) return;
    w->reaping = true; /* if nothing could be posted, the next tick sees it */
    worker_post(net_worker(session->exec->net, session->worker), sessions_reap, w);
}

/* ---- who it is ---- */

bool session_needs_authentication(const struct session *session) {
    return !(session->flags & SESSION_AUTHENTICATED) && acl_is_closed(session->exec);
}

void session_update_rights(struct session *session) {
    if (session->user->unrestricted && !session_needs_authentication(session))
        session->flags |= SESSION_UNRESTRICTED;
    else
        session->flags &= ~SESSION_UNRESTRICTED;
}

void session_set_user(struct session *session, const struct user *user) {
    session->user = user;
    session->flags |= SESSION_AUTHENTICATED;
    session_update_rights(session);
    update_limits(session);
}

bool session_become(struct session *session, struct bytes name) {
    const struct user *user = acl_find(session->exec, name);
    if (!user || !user->enabled) return false;
    session_set_user(session, user);
    return true;
}

static void update_all_limits(void *worker) {
    struct exec_worker *w = worker;
    struct session *session;
    LIST_FOREACH(session, &w->sessions, in_worker) update_limits(session);
}

void sessions_update_limits(struct exec *exec) {
    if (!exec->net) return;
    for (unsigned i = 0; i < exec->worker_count; i++)
        worker_post(net_worker(exec->net, i), update_all_limits, &exec->workers[i]);
}

void session_reset(struct session *session) {
    session->flags &= SESSION_CAPA_REDIRECT | SESSION_UNIX | SESSION_CLOSING | SESSION_KILLED |
                      SESSION_BACKLOG | SESSION_WAS_IN_MULTI;
    start_as_default_user(session);
    session->db = 0;
    session->resp = 2;
    session_set_text(&session->name, BYTES(""));
    pubsub_forget(session);
    transaction_end(session);
    watch_forget(session);
    tracking_stop(session);
    monitor_stop(session);
    update_limits(session);
}

bool session_valid_name(struct bytes name) {
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] < '!' || name.data[i] > '~') return false;
    return true;
}

bool session_set_text(char **text, struct bytes value) {
    char *copy = NULL;
    if (value.len) {
        copy = memory_alloc(value.len + 1);
        if (!copy) return false;
        memcpy(copy, value.data, value.len);
        copy[value.len] = 0;
    }
    memory_free(*text);
    *text = copy;
    return true;
}
