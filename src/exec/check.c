/* SPDX-License-Identifier: BSD-3-Clause */
/* What keeps a request from running, in the order in which Valkey looks. */
#include "base/ensure.h"
#include "base/log.h"
#include "exec/exec_priv.h"
#include "sys/clock.h"
#include "sys/socket.h"
#include <stdio.h>

#define NO_ROOM "OOM command not allowed when used memory > 'maxmemory'."

/* What a monitor may not do: it counts as a replica. */
#define MONITOR_REFUSED (CMD_WRITE | CMD_READONLY | CMD_MAY_REPLICATE | CMD_SKIP_MONITOR)

#define HTTP_LOG_MS 60000 /* between two lines in the log */

#define PREVIEW_MAX (size_t)128 /* bytes of the name, and of all arguments together */

static const char *shown(struct bytes text) {
    return text.data ? text.data : "";
}

/* A zero ends a text that an error shows, as it does in C. */
static int shown_length(struct bytes text, size_t most) {
    return (int)strnlen(shown(text), MIN(text.len, most));
}

static void unknown_command(const struct bytes *argv, unsigned argc, struct reply *reply) {
    char preview[2 * PREVIEW_MAX];
    size_t used = 0;
    for (unsigned i = 1; i < argc && used < PREVIEW_MAX; i++) {
        struct bytes arg = argv[i];
        used += (size_t)snprintf(preview + used, sizeof preview - used, "'%.*s' ",
                                 shown_length(arg, PREVIEW_MAX - used), shown(arg));
    }
    struct bytes name = argv[0];
    reply_errorf(reply, "ERR unknown command '%.*s', with args beginning with: %.*s",
                 shown_length(name, PREVIEW_MAX), shown(name), (int)used, preview);
}

/* The container's name as the client wrote it, in capitals. */
static void capitals(struct bytes name, char out[PREVIEW_MAX + 1]) {
    size_t n = MIN(name.len, PREVIEW_MAX);
    for (size_t i = 0; i < n; i++)
        out[i] = bytes_upper(name.data[i]);
    out[n] = 0;
}

static void unknown_subcommand(const struct bytes *argv, struct reply *reply) {
    char container[PREVIEW_MAX + 1];
    capitals(argv[0], container);
    struct bytes sub = argv[1];
    reply_errorf(reply, "ERR unknown subcommand '%.*s'. Try %s HELP.",
                 shown_length(sub, PREVIEW_MAX), sub.data, container);
}

static void wrong_arity(const struct registered *found, struct reply *reply) {
    char name[PREVIEW_MAX];
    commands_full_name(found, name, sizeof name);
    reply_errorf(reply, "ERR wrong number of arguments for '%s' command", name);
}

static enum verdict reject(struct reply *reply, const char *error) {
    reply_error(reply, error);
    return VERDICT_REJECTED;
}

/* Would it have to wait for a snapshot that is writing one of its keys? */
static bool is_delayed(const struct session *session, const struct staged *staged, uint64_t flags) {
    struct exec_worker *w = session_worker(session);
    struct view view = {.keyspace = w->exec->keyspace, .db = session->db, .worker = w->index};
    if (!(flags & CMD_WRITE)) return false;
    for (unsigned i = 0; i < staged->key_count; i++)
        if (keyspace_epoch_delays(&view, &w->keys.items[staged->first_key + i])) return true;
    return false;
}

/* Would it write to a key that is guarded? */
static bool names_guarded_key(const struct session *session, const struct staged *staged,
                              uint64_t flags) {
    const struct key *keys = session_worker(session)->keys.items + staged->first_key;
    return flags & (CMD_WRITE | CMD_SCRIPT) &&
           key_guards_have(session->exec, session->db, keys, staged->key_count);
}

/* In RESP2 messages look like replies, so hardly anything else may be answered beside them. */
static bool allowed_with_subscriptions(const struct session *session, uint64_t flags) {
    return session->resp == 3 || flags & CMD_SUBSCRIBED || !pubsub_is_subscribed(session);
}

static enum verdict refuse_with_subscriptions(const struct registered *found, struct reply *reply) {
    char name[PREVIEW_MAX];
    commands_full_name(found, name, sizeof name);
    reply_errorf(reply,
                 "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / "
                 "RESET are allowed in this context",
                 name);
    return VERDICT_REJECTED;
}

static enum verdict refuse_in_transaction(const struct registered *found, struct reply *reply) {
    char name[PREVIEW_MAX];
    commands_full_name(found, name, sizeof name);
    reply_errorf(reply, "ERR Command '%s' not allowed inside a transaction", name);
    return VERDICT_REJECTED;
}

static bool refuse_access(const struct session *session, const struct acl_line *line,
                          const struct acl_denial *denial, const char *prefix,
                          struct reply *reply) {
    struct buffer text = {0};
    if (buffer_printf(&text, "%s", prefix) &&
        acl_denial_text(session->user, line, denial, false, &text))
        reply_error_bytes(reply, buffer_bytes(&text));
    else
        reply_no_memory(reply);
    buffer_free(&text);
    return false;
}

bool check_access(struct session *session, const struct acl_line *line, enum acl_context context,
                  const char *prefix, struct reply *reply) {
    struct acl_denial denial;
    if (LIKELY(acl_permit(session, line, context, &denial))) return true;
    return refuse_access(session, line, &denial, prefix, reply);
}

/* A command that is to be queued will run in the database that those before it select. */
static bool check_access_of_request(struct session *session, const struct registered *found,
                                    const struct request *request, struct reply *reply) {
    bool queued = session->transaction != NULL;
    uint32_t db = queued ? transaction_db(session) : session->db;
    const struct acl_line line = {found, request->argv, request->argc, db};
    return check_access(session, &line, queued ? ACL_MULTI : ACL_TOPLEVEL, "NOPERM ", reply);
}

static bool is_ping(const struct registered *found) {
    return strcmp(found->command->name, "ping") == 0;
}

/* Browsers can be made to send requests to any port, with a body that a web page chose: what looks
 * like HTTP's first or second line ends the connection before the body is read as commands. */
static bool is_http(struct bytes name) {
    return bytes_is(name, "post") || bytes_is(name, "host:");
}

static enum verdict refuse_http(struct session *session) {
    char peer[SOCKET_NAME_MAX];
    static int64_t logged_ms; /* raced for: at worst there is a line more */
    int64_t now_ms = clock_wall_ms();
    session->flags |= SESSION_CLOSING;
    connection_close(session->connection);
    if (now_ms - __atomic_load_n(&logged_ms, __ATOMIC_RELAXED) < HTTP_LOG_MS)
        return VERDICT_REJECTED;
    __atomic_store_n(&logged_ms, now_ms, __ATOMIC_RELAXED);
    connection_peer_name(session->connection, peer, sizeof peer);
    log_warning("%s speaks HTTP, perhaps because a web page makes a browser attack this server: "
                "the connection is closed",
                peer);
    return VERDICT_REJECTED;
}

enum verdict check_request(struct session *session, const struct staged *staged,
                           const struct request *request, struct reply *reply, int64_t now_ms) {
    const struct registered *found = staged->found;
    uint64_t flags = found ? found->flags : 0;
    enum verdict verdict = VERDICT_RUN;
    if (UNLIKELY(!found) && is_http(request->argv[0])) return refuse_http(session);
    if (UNLIKELY(!(session->flags & SESSION_AUTHENTICATED)) && !(flags & CMD_NO_AUTH) &&
        session_needs_authentication(session))
        return reject(reply, "NOAUTH Authentication required.");
    if (UNLIKELY(!found)) {
        if (staged->container)
            unknown_subcommand(request->argv, reply);
        else
            unknown_command(request->argv, request->argc, reply);
        return VERDICT_REJECTED;
    }
    if (UNLIKELY(!registered_accepts(found, request->argc))) {
        wrong_arity(found, reply);
        return VERDICT_REJECTED;
    }
    if (UNLIKELY(staged->no_memory)) {
        reply_no_memory(reply);
        return VERDICT_REJECTED;
    }
    if (UNLIKELY(session->transaction != NULL)) {
        if (flags & CMD_NO_MULTI) return refuse_in_transaction(found, reply);
        if (!(flags & CMD_NOT_QUEUED)) verdict = VERDICT_QUEUE;
        flags = transaction_flags(session, flags);
    }
    if (UNLIKELY(!(session->flags & SESSION_UNRESTRICTED)) &&
        !check_access_of_request(session, found, request, reply))
        return VERDICT_REJECTED;
    if (flags & (CMD_DENYOOM | CMD_EXEC | CMD_SCRIPT)) {
        bool full = !room_for_command(session, now_ms);
        session_worker(session)->full = full;
        if (UNLIKELY(full) && flags & CMD_DENYOOM) return reject(reply, NO_ROOM);
    }
    const char *refusal = atomic_load_explicit(&exec_write_refusal, memory_order_relaxed);
    if (UNLIKELY(refusal != NULL) && (flags & CMD_WRITE || is_ping(found)))
        return reject(reply, refusal);
    if (UNLIKELY(session->monitor) && flags & MONITOR_REFUSED)
        return reject(reply, "ERR Replica can't interact with the keyspace");
    if (UNLIKELY(session->subscriber) && !allowed_with_subscriptions(session, flags))
        return refuse_with_subscriptions(found, reply);
    if (UNLIKELY(exec_is_loading(session->exec)) && !(flags & CMD_LOADING))
        return reject(reply, "LOADING Valkey is loading the dataset in memory");
    if (UNLIKELY(pause_applies(session->exec, flags, now_ms)) ||
        durability_holds_back(session->exec, flags))
        return VERDICT_WAIT;
    if (UNLIKELY(keyspace_epoch_under_way) && verdict == VERDICT_RUN &&
        is_delayed(session, staged, flags))
        return VERDICT_WAIT;
    if (UNLIKELY(session->exec->guarded_keys) && verdict == VERDICT_RUN &&
        names_guarded_key(session, staged, flags))
        return VERDICT_WAIT;
    return verdict;
}

/* ---- commands of scripts ---- */

void exec_let_scripts_debug(struct exec *exec, bool may) {
    exec->scripts_debug = may;
}

static bool denied_to_scripts(const struct exec *exec, const struct registered *found) {
    if (LIKELY(!(found->flags & CMD_NOSCRIPT))) return false;
    return !exec->scripts_debug || strcmp(found->command->name, "debug") != 0;
}

static const char *script_refusal(const struct exec *exec, const struct nested_command *command) {
    const struct registered *found = command->found;
    if (!found) return "ERR Unknown command called from script";
    if (!registered_accepts(found, command->argc))
        return "ERR Wrong number of args calling command from script";
    if (denied_to_scripts(exec, found)) return "ERR This Valkey command is not allowed from script";
    return NULL;
}

static const char *script_refusal_now(const struct nested *nested, uint64_t flags) {
    const struct exec_worker *w = session_worker(nested->outer->session);
    if (nested->read_only && flags & (CMD_WRITE | CMD_MAY_REPLICATE))
        return "ERR Write commands are not allowed from read-only scripts.";
    /* What has begun to write may go on, so that it does not end halfway. */
    if (flags & CMD_DENYOOM && w->full && !nested->allow_oom && !nested->wrote) return NO_ROOM;
    return NULL;
}

bool check_nested(const struct nested *nested, const struct nested_command *command,
                  const struct registered *container, struct reply *reply) {
    if (!command->found && container) {
        unknown_subcommand(command->argv, reply);
        return false;
    }
    const char *refusal = script_refusal(nested->outer->exec, command);
    if (!refusal) {
        struct session *session = nested->outer->session;
        const struct acl_line line = {command->found, command->argv, command->argc, session->db};
        if (!check_access(session, &line, ACL_SCRIPT, "ERR ACL failure in script: ", reply))
            return false;
        refusal = script_refusal_now(nested, command->found->flags);
    }
    if (refusal) reply_error(reply, refusal);
    return !refusal;
}

/* ---- what handlers say of their own arguments ---- */

void call_subcommand_error(struct call *call) {
    char container[PREVIEW_MAX + 1];
    capitals(call->argv[0], container);
    struct bytes sub = call->argc > 1 ? call->argv[1] : BYTES("");
    reply_errorf(call->reply,
                 "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %s HELP.",
                 shown_length(sub, PREVIEW_MAX), sub.data, container);
}

void call_arity_error(struct call *call) {
    wrong_arity(commands_of(&call->exec->commands, call->command), call->reply);
}

void call_help(struct call *call, const char *const *lines) {
    char container[PREVIEW_MAX + 1];
    capitals(call->argv[0], container);
    size_t count = 0;
    while (lines[count])
        count++;
    char head[2 * PREVIEW_MAX];
    snprintf(head, sizeof head,
             "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", container);
    reply_array(call->reply, count + 3);
    reply_simple(call->reply, head);
    for (size_t i = 0; i < count; i++)
        reply_simple(call->reply, lines[i]);
    reply_simple(call->reply, "HELP");
    reply_simple(call->reply, "    Print this help.");
}
