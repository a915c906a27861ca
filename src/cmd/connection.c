/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/connection.h"
#include "base/identity.h"
#include "base/number.h"
#include "config/config.h"
#include "exec/acl.h"
#include "exec/exec.h"
#include "exec/pubsub.h"

#define WRONG_PASSWORD "WRONGPASS invalid username-password pair or user is disabled."
#define INVALID_NAME   "ERR Client names cannot contain spaces, newlines or special characters."

/* ---- AUTH [username] password ---- */

void connection_auth(struct call *call) {
    if (call->argc > 3) {
        reply_syntax_error(call->reply);
        return;
    }
    bool named = call->argc == 3;
    struct bytes user = named ? call->argv[1] : BYTES("default");
    call_redact(call, 1);
    call_redact(call, 2);
    if (!named && acl_default_user(call->exec)->no_password)
        reply_error(call->reply,
                    "ERR AUTH <password> called without any password configured for the default "
                    "user. Are you sure your configuration is correct?");
    else if (acl_authenticate(call->session, user, call->argv[call->argc - 1], call->argv[0]))
        reply_ok(call->reply);
    else
        reply_error(call->reply, WRONG_PASSWORD);
}

/* ---- HELLO [protover [AUTH username password] [SETNAME clientname]] ---- */

struct hello {
    int64_t version;                 /* 0 = as it is */
    const struct bytes *credentials; /* user and password, or NULL */
    const struct bytes *name;
};

static bool hello_version(struct call *call, struct hello *hello) {
    if (!number_parse_i64(call->argv[1], &hello->version)) {
        reply_error(call->reply, "ERR Protocol version is not an integer or out of range");
        return false;
    }
    if (hello->version != 2 && hello->version != 3) {
        reply_error(call->reply, "NOPROTO unsupported protocol version");
        return false;
    }
    return true;
}

/* False: the error is written. */
static bool hello_options(struct call *call, struct hello *hello) {
    for (unsigned i = 2; i < call->argc; i++) {
        struct bytes option = call->argv[i];
        unsigned more = call->argc - 1 - i;
        if (bytes_is(option, "auth") && more >= 2) {
            hello->credentials = &call->argv[i + 1];
            call_redact(call, i + 1);
            call_redact(call, i + 2);
            i += 2;
        } else if (bytes_is(option, "setname") && more >= 1) {
            hello->name = &call->argv[++i];
            if (session_valid_name(*hello->name)) continue;
            reply_error(call->reply, INVALID_NAME);
            return false;
        } else {
            reply_errorf(call->reply, "ERR Syntax error in HELLO option '%.*s'", (int)option.len,
                         option.data);
            return false;
        }
    }
    return true;
}

/* False: the error is written. */
static bool hello_authenticate(struct call *call, const struct hello *hello) {
    const struct bytes *credentials = hello->credentials;
    if (credentials &&
        !acl_authenticate(call->session, credentials[0], credentials[1], call->argv[0])) {
        reply_error(call->reply, WRONG_PASSWORD);
        return false;
    }
    if (session_needs_authentication(call->session)) {
        reply_error(call->reply,
                    "NOAUTH HELLO must be called with the client already authenticated, otherwise "
                    "the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the "
                    "client and select the RESP protocol version at the same time");
        return false;
    }
    return true;
}

static void hello_reply(struct call *call) {
    struct reply *r = call->reply;
    struct buffer zone = {0};
    bool as_redis = config_number("extended-redis-compatibility");
    config_show("availability-zone", &zone);
    reply_map(r, zone.len ? 8 : 7);
    reply_bulk_text(r, "server");
    reply_bulk_text(r, as_redis ? "redis" : COMPAT_SERVER);
    reply_bulk_text(r, "version");
    reply_bulk_text(r, as_redis ? COMPAT_REDIS_VERSION : COMPAT_VALKEY_VERSION);
    reply_bulk_text(r, "proto");
    reply_integer(r, call->session->resp);
    reply_bulk_text(r, "id");
    reply_integer(r, (int64_t)call->session->id);
    reply_bulk_text(r, "mode");
    reply_bulk_text(r, "standalone");
    reply_bulk_text(r, "role");
    reply_bulk_text(r, "master");
    reply_bulk_text(r, "modules");
    reply_array(r, 0);
    if (zone.len) {
        reply_bulk_text(r, "availability_zone");
        reply_bulk(r, buffer_bytes(&zone));
    }
    buffer_free(&zone);
}

void connection_hello(struct call *call) {
    struct hello hello = {0};
    if (call->argc > 1 && (!hello_version(call, &hello) || !hello_options(call, &hello))) return;
    if (!hello_authenticate(call, &hello)) return;
    if (hello.name && !session_set_text(&call->session->name, *hello.name)) {
        reply_no_memory(call->reply);
        return;
    }
    if (hello.version) call->session->resp = call->reply->resp = (uint8_t)hello.version;
    hello_reply(call);
}

/* ---- the small ones ---- */

/* Where replies and messages look alike, the reply to PING looks like a message. */
static void ping_message(struct call *call) {
    reply_array(call->reply, 2);
    reply_bulk_text(call->reply, "pong");
    reply_bulk(call->reply, call->argc == 2 ? call->argv[1] : BYTES(""));
}

void connection_ping(struct call *call) {
    if (call->argc > 2)
        call_arity_error(call);
    else if (call->session->resp == 2 && pubsub_is_subscribed(call->session))
        ping_message(call);
    else if (call->argc == 2)
        reply_bulk(call->reply, call->argv[1]);
    else
        reply_simple(call->reply, "PONG");
}

void connection_echo(struct call *call) {
    reply_bulk(call->reply, call->argv[1]);
}

void connection_select(struct call *call) {
    int64_t db;
    if (!number_parse_i64(call->argv[1], &db) || db < INT32_MIN || db > INT32_MAX) {
        reply_not_integer(call->reply);
    } else if (db < 0 || db >= keyspace_databases(exec_keyspace(call->exec))) {
        reply_error(call->reply, "ERR DB index is out of range");
    } else {
        call->session->db = (uint32_t)db;
        reply_ok(call->reply);
    }
}

void connection_quit(struct call *call) {
    reply_ok(call->reply);
    call->session->flags |= SESSION_CLOSING;
    connection_close_after_reply(call->session->connection);
}

/* A reply that is to be skipped stays so, but CLIENT REPLY OFF ends here. */
void connection_reset(struct call *call) {
    call->reply->muted = (call->session->flags & SESSION_REPLY_SKIP) != 0;
    session_reset(call->session);
    call->reply->resp = call->session->resp;
    reply_simple(call->reply, "RESET");
}
