/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/busy.h"
#include "base/ensure.h"
#include "exec/busy_priv.h"
#include "exec/transaction.h"

static _Atomic(const char *) busy_error;
static _Thread_local bool serving;

void busy_begin(struct call *call, const char *error) {
    atomic_store(&busy_error, error);
    gate_busy_begin(call->exec->gate);
}

void busy_end(struct call *call) {
    gate_busy_end(call->exec->gate);
}

bool busy_serve(struct call *call) {
    struct exec *exec = call->exec;
    struct exec_worker *w = &exec->workers[call->worker];
    struct session *running = w->running;
    if (gate_is_shared(exec->gate) && gate_is_exclusive(exec->gate, call->worker))
        gate_lend(exec->gate, call->worker);
    serving = true;
    bool goes_on = worker_poll(net_worker(exec->net, call->worker));
    serving = false;
    w->running = running;
    return goes_on;
}

bool busy_is_serving(void) {
    return serving;
}

static bool has_word(const struct request *request, const char *word) {
    for (unsigned i = 1; i < request->argc; i++)
        if (bytes_is(request->argv[i], word)) return true;
    return false;
}

/* What needs partitions cannot have them from the one who may hold them; and the end of the server
 * does not wait for a snapshot. */
static bool may_run(const struct session *session, const struct registered *found,
                    const struct request *request) {
    const char *name = found->command->name;
    if (!(found->flags & CMD_ALLOW_BUSY)) return false;
    if (strcmp(name, "shutdown") == 0) return has_word(request, "nosave");
    if (!serving) return true;
    bool touches_keys = found->key_mode != KEYS_NONE || session->transaction != NULL;
    return !touches_keys || found->parent;
}

void busy_reply(struct reply *reply) {
    reply_error(reply, atomic_load(&busy_error));
}

bool busy_refuses(struct session *session, const struct registered *found,
                  const struct request *request, struct reply *reply) {
    if (!found || !registered_accepts(found, request->argc)) return false;
    if (session_needs_authentication(session) || may_run(session, found, request)) return false;
    busy_reply(reply);
    return true;
}

/* ---- in the middle of a long command ---- */

static const struct registered *look_up(const struct commands *commands,
                                        const struct request *request, struct staged *staged) {
    const struct registered *found = commands_find(commands, request->argv[0]);
    if (found && found->sub_count && request->argc > 1) {
        staged->container = found;
        found = commands_find_sub(commands, found, request->argv[1]);
    }
    return staged->found = found;
}

static void run(struct exec_worker *w, struct session *session, const struct registered *found,
                const struct request *request, struct reply *reply) {
    struct call call = {
        .argv = request->argv,
        .argc = request->argc,
        .view = {.keyspace = w->exec->keyspace,
                 .counters = w->keyspace_counters,
                 .now_ms = w->now_ms,
                 .db = session->db,
                 .worker = w->index},
        .reply = reply,
        .command = found->command,
        .session = session,
        .exec = w->exec,
        .worker = w->index,
        .no_wait = true,
    };
    session->last_command = found->command;
    w->running = session;
    found->run(&call);
    session->commands++;
    w->counters[found->id].calls++;
}

static void answer(struct exec_worker *w, struct session *session, const struct request *request,
                   struct reply *reply) {
    struct staged staged = {0};
    const struct registered *found = look_up(&w->exec->commands, request, &staged);
    reply->resp = session->resp;
    reply->muted = (session->flags & SESSION_REPLY_OFF) != 0;
    if (!busy_refuses(session, found, request, reply) &&
        check_request(session, &staged, request, reply, w->now_ms) == VERDICT_RUN)
        run(w, session, found, request, reply);
    worker_count_errors(w, reply);
}

unsigned busy_batch(struct session *session, const struct request_batch *batch,
                    struct reply *reply) {
    struct exec_worker *w = session_worker(session);
    for (unsigned i = 0; i < batch->count; i++) {
        if (session->flags & SESSION_CLOSING || reply->failed) break;
        answer(w, session, &batch->items[i], reply);
    }
    return batch->count;
}
