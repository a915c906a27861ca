/* SPDX-License-Identifier: BSD-3-Clause */
/* CLIENT LIST's line. */
#include "base/ensure.h"
#include "exec/blocking.h"
#include "exec/exec_priv.h"
#include "exec/transaction.h"
#include "exec/watch.h"
#include "sys/clock.h"
#include "sys/memory.h"

#define NAME_MAX_SHOWN 128

void session_letters(const struct session *session, char out[SESSION_LETTERS_MAX]) {
    uint32_t tracking = tracking_flags(session);
    const struct {
        bool shown;
        char letter;
    } letters[] = {
        {session->monitor != NULL, 'O'},
        {pubsub_is_subscribed(session), 'P'},
        {transaction_is_open(session), 'x'},
        {session_is_blocked(session) || session->flags & SESSION_PAUSED, 'b'},
        {tracking & TRACKING_ON, 't'},
        {tracking & TRACKING_BROKEN, 'R'},
        {tracking & TRACKING_BROADCAST, 'B'},
        {watch_has_changed(session), 'd'},
        {session->flags & SESSION_CLOSING, 'c'},
        {session->flags & SESSION_UNIX, 'U'},
        {session->flags & SESSION_READONLY, 'r'},
        {session->flags & SESSION_NO_EVICT, 'e'},
        {session->flags & SESSION_NO_TOUCH, 'T'},
        {session->flags & SESSION_IMPORT_SOURCE, 'I'},
    };
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(letters); i++)
        if (letters[i].shown) out[n++] = letters[i].letter;
    if (n == 0) out[n++] = 'N';
    out[n] = 0;
}

size_t session_memory(const struct session *session) {
    return connection_usage(session->connection).memory + memory_usable(session) +
           memory_usable(session->name) + memory_usable(session->library_name) +
           memory_usable(session->library_version) + transaction_memory(session) +
           watch_memory(session);
}

static const char *or_empty(const char *text) {
    return text ? text : "";
}

/* Commands that run have arguments, of which the one that asks is the only one, and those that
 * wait. */
static size_t arguments_memory(const struct session *session, const struct call *call) {
    size_t bytes = blocking_argv_bytes(session);
    for (unsigned i = 0; call && call->session == session && i < call->argc; i++)
        bytes += call->argv[i].len;
    return bytes;
}

/* -1 before the first transaction, as with Valkey. */
static int shown_transaction(const struct session *session) {
    if (transaction_is_open(session)) return (int)transaction_length(session);
    return session->flags & SESSION_WAS_IN_MULTI ? 0 : -1;
}

static long long shown_redirect(const struct session *session) {
    return session->tracking ? (long long)tracking_redirect(session) : -1;
}

bool session_describe(const struct session *session, const struct call *call, struct buffer *out) {
    char peer[NAME_MAX_SHOWN], local[NAME_MAX_SHOWN], letters[SESSION_LETTERS_MAX];
    char command[NAME_MAX_SHOWN] = "NULL";
    connection_peer_name(session->connection, peer, sizeof peer);
    connection_local_name(session->connection, local, sizeof local);
    session_letters(session, letters);
    if (session->last_command)
        exec_command_name(session->exec, session->last_command, command, sizeof command);
    struct connection_usage usage = connection_usage(session->connection);
    int64_t now = clock_wall_ms();

    size_t before = out->len;
    bool ok =
        buffer_printf(out, "id=%llu addr=%s laddr=%s fd=%d name=%s age=%lld idle=%lld flags=%s ",
                      (unsigned long long)session->id, peer, local,
                      connection_fd(session->connection), or_empty(session->name),
                      (long long)(now - session->created_ms) / 1000,
                      (long long)(now - session->active_ms) / 1000, letters) &&
        buffer_printf(out, "capa=%s db=%u sub=%u psub=%u ssub=%u multi=%d watch=%u ",
                      session->flags & SESSION_CAPA_REDIRECT ? "r" : "", session->db,
                      pubsub_subscriptions(session, TOPIC_CHANNEL),
                      pubsub_subscriptions(session, TOPIC_PATTERN),
                      pubsub_subscriptions(session, TOPIC_SHARD), shown_transaction(session),
                      watch_count(session)) &&
        buffer_printf(out, "qbuf=%zu qbuf-free=%zu argv-mem=%zu multi-mem=%zu rbs=0 rbp=0 obl=%zu ",
                      usage.input_used, usage.input_free, arguments_memory(session, call),
                      transaction_memory(session), usage.output_pending) &&
        buffer_printf(out, "oll=%zu omem=%zu tot-mem=%zu events=%s cmd=%s user=%s redir=%lld ",
                      usage.output_blocks, usage.output_pending, session_memory(session),
                      session->flags & SESSION_BACKLOG ? "rw" : "r", command,
                      session->user->name.data, shown_redirect(session)) &&
        buffer_printf(out,
                      "resp=%u lib-name=%s lib-ver=%s tot-net-in=%llu tot-net-out=%llu "
                      "tot-cmds=%llu",
                      session->resp, or_empty(session->library_name),
                      or_empty(session->library_version), (unsigned long long)usage.bytes_in,
                      (unsigned long long)usage.bytes_out, (unsigned long long)session->commands);
    if (!ok) out->len = before;
    return ok;
}
