/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/client.h"
#include "base/ensure.h"
#include "base/number.h"
#include "exec/blocking.h"
#include "exec/durability.h"
#include "exec/exec.h"
#include "sys/clock.h"

/* ---- what a client says of itself ---- */

void client_id(struct call *call) {
    reply_integer(call->reply, (int64_t)call->session->id);
}

void client_getname(struct call *call) {
    if (call->session->name)
        reply_bulk_text(call->reply, call->session->name);
    else
        reply_null(call->reply);
}

static void set_text(struct call *call, char **text, struct bytes value) {
    if (session_set_text(text, value))
        reply_ok(call->reply);
    else
        reply_no_memory(call->reply);
}

void client_setname(struct call *call) {
    if (session_valid_name(call->argv[2]))
        set_text(call, &call->session->name, call->argv[2]);
    else
        reply_error(call->reply,
                    "ERR Client names cannot contain spaces, newlines or special characters.");
}

void client_setinfo(struct call *call) {
    struct bytes attribute = call->argv[2];
    char **text = NULL;
    if (bytes_is(attribute, "lib-name")) text = &call->session->library_name;
    if (bytes_is(attribute, "lib-ver")) text = &call->session->library_version;
    if (!text)
        reply_errorf(call->reply, "ERR Unrecognized option '%.*s'", (int)attribute.len,
                     attribute.data);
    else if (!session_valid_name(call->argv[3]))
        reply_errorf(call->reply, "ERR %.*s cannot contain spaces, newlines or special characters.",
                     (int)attribute.len, attribute.data);
    else
        set_text(call, text, call->argv[3]);
}

/* Capabilities that are not known here are those of newer clients. */
void client_capa(struct call *call) {
    for (unsigned i = 2; i < call->argc; i++)
        if (bytes_is(call->argv[i], "redirect")) call->session->flags |= SESSION_CAPA_REDIRECT;
    reply_ok(call->reply);
}

void client_info(struct call *call) {
    struct buffer text = {0};
    bool ok = session_describe(call->session, call, &text) && buffer_append_char(&text, '\n');
    if (ok)
        reply_verbatim(call->reply, "txt", buffer_bytes(&text));
    else
        reply_no_memory(call->reply);
    buffer_free(&text);
}

/* ---- switches ---- */

/* ON or OFF into one of the session's flags. */
static void set_flag(struct call *call, uint32_t flag) {
    bool on = bytes_is(call->argv[2], "on");
    if (!on && !bytes_is(call->argv[2], "off")) {
        reply_syntax_error(call->reply);
        return;
    }
    call->session->flags = on ? call->session->flags | flag : call->session->flags & ~flag;
    reply_ok(call->reply);
}

void client_no_evict(struct call *call) {
    set_flag(call, SESSION_NO_EVICT);
}

void client_no_touch(struct call *call) {
    set_flag(call, SESSION_NO_TOUCH);
}

void client_durability(struct call *call) {
    static const struct {
        const char *word;
        enum durability durability;
    } words[] = {{"default", DURABILITY_DEFAULT},
                 {"none", DURABILITY_NONE},
                 {"everysec", DURABILITY_EVERYSEC},
                 {"always", DURABILITY_ALWAYS}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!bytes_is(call->argv[2], words[i].word)) continue;
        if (session_set_durability(call->session, words[i].durability))
            reply_ok(call->reply);
        else
            reply_error(call->reply, "ERR the server keeps no journal (durability none)");
        return;
    }
    reply_syntax_error(call->reply);
}

/* There is no import mode to be the source of. */
void client_import_source(struct call *call) {
    if (bytes_is(call->argv[2], "off"))
        reply_ok(call->reply);
    else
        reply_error(call->reply, "ERR Server is not in import mode");
}

void client_reply(struct call *call) {
    struct session *session = call->session;
    if (bytes_is(call->argv[2], "on")) {
        session->flags &= ~(SESSION_REPLY_OFF | SESSION_REPLY_SKIP | SESSION_REPLY_SKIP_NEXT);
        call->reply->muted = false;
        reply_ok(call->reply);
    } else if (bytes_is(call->argv[2], "off")) {
        session->flags |= SESSION_REPLY_OFF;
    } else if (bytes_is(call->argv[2], "skip")) {
        if (!(session->flags & SESSION_REPLY_OFF)) session->flags |= SESSION_REPLY_SKIP_NEXT;
    } else {
        reply_syntax_error(call->reply);
    }
}

/* ---- pause ---- */

void client_pause(struct call *call) {
    bool writes_only = call->argc > 3 && bytes_is(call->argv[3], "write");
    int64_t timeout, until;
    if (call->argc > 3 && !writes_only && !bytes_is(call->argv[3], "all")) {
        reply_error(call->reply, "ERR CLIENT PAUSE mode must be WRITE or ALL");
    } else if (!number_parse_i64(call->argv[2], &timeout)) {
        reply_error(call->reply, "ERR timeout is not an integer or out of range");
    } else if (timeout < 0) {
        reply_error(call->reply, "ERR timeout is negative");
    } else if (__builtin_add_overflow(timeout, clock_wall_ms(), &until)) {
        reply_error(call->reply, "ERR timeout is out of range");
    } else {
        exec_pause(call->exec, until, writes_only);
        reply_ok(call->reply);
    }
}

void client_unpause(struct call *call) {
    exec_unpause(call->exec);
    reply_ok(call->reply);
}

/* ---- blocking ---- */

void client_unblock(struct call *call) {
    int64_t id;
    bool with_error = call->argc > 3 && bytes_is(call->argv[3], "error");
    if (call->argc > 3 && !with_error && !bytes_is(call->argv[3], "timeout")) {
        reply_error(call->reply, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    } else if (!number_parse_i64(call->argv[2], &id)) {
        reply_not_integer(call->reply);
    } else {
        struct session *session = id > 0 ? exec_find_session(call->exec, (uint64_t)id) : NULL;
        reply_integer(call->reply, session && blocking_unblock(session, with_error));
    }
}

void client_help(struct call *call) {
    static const char *const lines[] = {
        "CACHING (YES|NO)",
        "    Track the keys that the next command reads (OPTIN), or do not (OPTOUT).",
        "CAPA <capability> [<capability> ...]",
        "    Tell the server what the client is capable of. Capabilities are:",
        "    * REDIRECT: it follows redirections to another server.",
        "GETNAME",
        "    Return the connection's name.",
        "GETREDIR",
        "    Return the ID of the client that gets this one's tracking messages.",
        "ID",
        "    Return the connection's ID.",
        "IMPORT-SOURCE (ON|OFF)",
        "    Mark the connection as the source of an import.",
        "INFO",
        "    Return what LIST shows, for this connection.",
        "KILL <ip:port>",
        "    Close the connection from this address.",
        "KILL <filter> <value> [<filter> <value> ...]",
        "    Close all connections that pass all filters, and return how many. Filters are those",
        "    of LIST; SKIPME is yes if not given.",
        "LIST [<filter> <value> ...]",
        "    Return a line for each connection that passes all filters. Filters are:",
        "    * ADDR <ip:port>, LADDR <ip:port>, IP <ip>: the ends of the connection.",
        "    * CAPA <letters>, FLAGS <letters>: has all of these.",
        "    * DB <index>: has selected this database.",
        "    * ID <id> [<id> ...]: is one of these.",
        "    * IDLE <seconds>, MAXAGE <seconds>: idle, or connected, at least so long.",
        "    * LIB-NAME <name>, LIB-VER <version>: of the client library.",
        "    * NAME <name>: set with SETNAME.",
        "    * SKIPME (YES|NO): leave out this connection.",
        "    * TYPE (NORMAL|PRIMARY|REPLICA|PUBSUB): what it is used for.",
        "    * USER <name>: is authenticated as.",
        "    * NOT-<filter>: the opposite, for all but IDLE, MAXAGE and SKIPME.",
        "NO-EVICT (ON|OFF)",
        "    Spare the connection when clients are evicted.",
        "NO-TOUCH (ON|OFF)",
        "    Reads by this connection do not count as use of a key.",
        "PAUSE <milliseconds> [WRITE|ALL]",
        "    Hold back the commands of all clients, or those that write.",
        "REPLY (ON|OFF|SKIP)",
        "    Send replies, none, or none to the next command.",
        "SETINFO (LIB-NAME|LIB-VER) <value>",
        "    Name the client library or its version.",
        "SETNAME <name>",
        "    Name the connection.",
        "TRACKING (ON|OFF) [<option> ...]",
        "    Be told when keys change that this connection has read. Options are:",
        "    * BCAST: of all keys, or those with a PREFIX <prefix>.",
        "    * NOLOOP: not of its own changes.",
        "    * OPTIN: only of what is read after CACHING YES.",
        "    * OPTOUT: not of what is read after CACHING NO.",
        "    * REDIRECT <id>: another connection is told.",
        "TRACKINGINFO",
        "    Return the state of tracking for this connection.",
        "UNBLOCK <id> [TIMEOUT|ERROR]",
        "    End the wait of a blocked client.",
        "UNPAUSE",
        "    End the pause.",
        NULL,
    };
    call_help(call, lines);
}
