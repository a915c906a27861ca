/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/transaction.h"
#include "base/ensure.h"
#include "base/number.h"
#include "exec/exec_priv.h"
#include "exec/nested.h"
#include "exec/watch.h"
#include "sys/memory.h"

#define SPARE_BYTES 16384 /* a worker keeps a transaction's memory for the next one up to this */

struct queued {
    const struct registered *found;
    unsigned argc, key_count; /* key_count: as EXEC finds them */
};

struct transaction {
    bool refused;   /* a command could not be queued: EXEC will run none */
    bool settled;   /* EXEC has begun: the arguments have addresses, and the keys are known */
    uint32_t db;    /* which the commands so far will have selected */
    uint64_t flags; /* of all commands */
    unsigned count;
    struct buffer commands;  /* struct queued */
    struct buffer arguments; /* struct bytes, of all commands; `data` is for EXEC to fill in */
    struct buffer text;      /* what the arguments say */
    struct key_list keys;    /* EXEC: of all commands in their order, then of what is watched */
};

static struct queued *commands_in(const struct transaction *t) {
    return (struct queued *)(void *)t->commands.data;
}

static struct bytes *arguments_in(const struct transaction *t) {
    return (struct bytes *)(void *)t->arguments.data;
}

/* ---- life ---- */

static size_t memory_of(const struct transaction *t) {
    return sizeof *t + t->commands.cap + t->arguments.cap + t->text.cap +
           t->keys.capacity * sizeof(struct key);
}

static void clear(struct transaction *t) {
    t->refused = t->settled = false;
    t->flags = 0;
    t->count = 0;
    buffer_clear(&t->commands);
    buffer_clear(&t->arguments);
    buffer_clear(&t->text);
    t->keys.count = 0;
}

void transaction_free(struct transaction *t) {
    if (!t) return;
    buffer_free(&t->commands);
    buffer_free(&t->arguments);
    buffer_free(&t->text);
    key_list_free(&t->keys);
    memory_free(t);
}

bool transaction_begin(struct session *session) {
    struct exec_worker *w = session_worker(session);
    struct transaction *t = w->spare_transaction;
    w->spare_transaction = NULL;
    if (!t) t = memory_alloc_zero(sizeof *t);
    session->transaction = t;
    session->flags |= SESSION_WAS_IN_MULTI;
    if (t) t->db = session->db;
    return t != NULL;
}

void transaction_end(struct session *session) {
    struct exec_worker *w = session_worker(session);
    struct transaction *t = session->transaction;
    if (!t) return;
    session->transaction = NULL;
    if (w->spare_transaction || memory_of(t) > SPARE_BYTES) {
        transaction_free(t);
        return;
    }
    clear(t);
    w->spare_transaction = t;
}

/* ---- queueing ---- */

static void shorten(struct transaction *t, size_t arguments, size_t text) {
    t->arguments.len = arguments;
    t->text.len = text;
}

static bool append(struct transaction *t, const struct queued *queued, const struct bytes *argv) {
    size_t arguments = t->arguments.len, text = t->text.len;
    bool room = buffer_append(&t->arguments, argv, queued->argc * sizeof *argv);
    for (unsigned i = 0; room && i < queued->argc; i++)
        room = buffer_append_bytes(&t->text, argv[i]);
    if (room && buffer_append(&t->commands, queued, sizeof *queued)) return true;
    shorten(t, arguments, text);
    return false;
}

/* What is queued counts as input that has not been dealt with. */
static void limit_text(struct session *session) {
    size_t length = session->transaction->text.len;
    if (LIKELY(length <= (uint64_t)exec_settings.client_query_buffer_limit)) return;
    limits_input_overflow(session->exec, session, length);
    session->flags |= SESSION_CLOSING;
    connection_close(session->connection);
}

uint32_t transaction_db(const struct session *session) {
    return session->transaction->db;
}

/* A database that is none selects none. */
static void follow_selection(struct transaction *t, const struct exec *exec,
                             const struct request *request) {
    int64_t db;
    if (number_parse_i64(request->argv[1], &db) && db >= 0 &&
        db < keyspace_databases(exec->keyspace))
        t->db = (uint32_t)db;
}

void transaction_queue(struct session *session, const struct registered *found,
                       const struct request *request, struct reply *reply) {
    struct transaction *t = session->transaction;
    if (t->refused) { /* none of its commands will run */
        reply_simple(reply, "QUEUED");
        return;
    }
    if (!append(t, &(struct queued){.found = found, .argc = request->argc}, request->argv)) {
        t->refused = true;
        reply_no_memory(reply);
        return;
    }
    if (found->command->databases.selects) follow_selection(t, session->exec, request);
    t->flags |= found->flags;
    t->count++;
    reply_simple(reply, "QUEUED");
    limit_text(session);
}

#define FLAGS_OF_EXEC (CMD_WRITE | CMD_MAY_REPLICATE | CMD_DENYOOM)

uint64_t transaction_flags(const struct session *session, uint64_t flags) {
    if (flags & CMD_EXEC) return flags | (session->transaction->flags & FLAGS_OF_EXEC);
    return flags;
}

static void refuse_exec(struct reply *reply) {
    if (reply->muted || reply->failed) return;
    struct buffer *out = reply->out;
    char text[256];
    size_t at = reply->error_at + 1; /* behind the '-' */
    size_t length = MIN(out->len - at - 2, sizeof text);
    memcpy(text, out->data + at, length);
    out->len = reply->error_at;
    reply->errors--;
    struct bytes why = bytes_make(text, length);
    if (bytes_starts_with(why, BYTES("ERR "))) why = bytes_skip(why, 4);
    reply_errorf(reply, "EXECABORT Transaction discarded because of: %.*s", (int)why.len, why.data);
}

void transaction_rejected(struct session *session, uint64_t flags, struct reply *reply) {
    if (session->transaction) session->transaction->refused = true;
    if (!(flags & CMD_EXEC)) return;
    refuse_exec(reply);
    transaction_end(session);
    watch_forget(session);
}

/* ---- EXEC ---- */

/* The arguments get their addresses. */
static void settle_arguments(struct transaction *t) {
    struct bytes *arguments = arguments_in(t);
    const char *at = t->text.data;
    for (size_t i = 0; i < t->arguments.len / sizeof *arguments; i++) {
        arguments[i].data = at;
        at += arguments[i].len;
    }
}

/* Finds the keys of all commands, and tells each how many are its. */
static bool collect_keys(struct transaction *t) {
    const struct bytes *argv = arguments_in(t);
    struct queued *queued = commands_in(t);
    t->keys.count = 0;
    for (unsigned i = 0; i < t->count; i++, queued++) {
        size_t before = t->keys.count;
        if (!keys_collect(&t->keys, queued->found, argv, queued->argc)) return false;
        queued->key_count = (unsigned)(t->keys.count - before);
        argv += queued->argc;
    }
    return true;
}

/* Nothing more will be queued. False: no memory. */
static bool settle(struct transaction *t) {
    if (t->settled) return true;
    settle_arguments(t);
    return t->settled = collect_keys(t);
}

#define FLAGS_OF_EXCLUSIVE (CMD_EXCLUSIVE | CMD_UNLOCKED | CMD_SCRIPT)

const struct key_list *transaction_prepare(struct session *session) {
    struct transaction *t = session->transaction;
    if (t->flags & FLAGS_OF_EXCLUSIVE) return NULL;
    return settle(t) && watch_collect(session, &t->keys) ? &t->keys : NULL;
}

/* Its user may have lost the permission since it was queued. */
static bool may_still_run(struct call *call, const struct nested_command *command) {
    static const char *const reasons[ACL_REASONS] = {
        [ACL_DATABASE] = "no permission",
        [ACL_COMMAND] = "no permission to execute the command or subcommand",
        [ACL_KEY] = "no permission to touch the specified keys",
        [ACL_CHANNEL] = "no permission to access the channel used to publish the message"};
    const struct acl_line line = {command->found, command->argv, command->argc, call->session->db};
    struct acl_denial denial;
    if (acl_permit(call->session, &line, ACL_MULTI, &denial)) return true;
    reply_errorf(call->reply,
                 "NOPERM ACLs rules changed between the moment the transaction was accumulated and "
                 "the EXEC call. This command is no longer allowed for the following reason: %s",
                 reasons[denial.reason]);
    return false;
}

static void run_commands(struct call *call, const struct transaction *t) {
    struct nested nested = {.outer = call};
    const struct queued *queued = commands_in(t);
    const struct bytes *argv = arguments_in(t);
    const struct key *keys = t->keys.items;
    reply_array(call->reply, t->count);
    for (unsigned i = 0; i < t->count; i++, queued++) {
        const struct nested_command command = {.found = queued->found,
                                               .argv = argv,
                                               .argc = queued->argc,
                                               .keys = keys,
                                               .key_count = queued->key_count};
        if (may_still_run(call, &command))
            ensure(exec_nested_run(&nested, &command, call->reply) == NESTED_DONE);
        argv += queued->argc;
        keys += queued->key_count;
    }
}

void transaction_exec(struct call *call) {
    struct session *session = call->session;
    struct transaction *t = session->transaction;
    bool broken = watch_is_broken(call);
    watch_forget_locked(session);
    if (t->refused)
        reply_error(call->reply, "EXECABORT Transaction discarded because of previous errors.");
    else if (broken)
        reply_null_array(call->reply);
    else if (!settle(t))
        reply_no_memory(call->reply);
    else
        run_commands(call, t);
    transaction_end(session);
}

/* ---- what is told of it ---- */

bool transaction_is_open(const struct session *session) {
    return session->transaction != NULL;
}

unsigned transaction_length(const struct session *session) {
    return session->transaction ? session->transaction->count : 0;
}

size_t transaction_memory(const struct session *session) {
    return session->transaction ? memory_of(session->transaction) : 0;
}
