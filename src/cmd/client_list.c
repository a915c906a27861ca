/* SPDX-License-Identifier: BSD-3-Clause */
/* CLIENT LIST and CLIENT KILL. */
#include "cmd/client.h"
#include "cmd/client_filter.h"
#include "exec/exec.h"

/* ---- LIST ---- */

struct listing {
    const struct call *call;
    const struct client_filter *filter;
    struct buffer text;
    bool failed;
};

static void list_one(struct session *session, void *argument) {
    struct listing *listing = argument;
    if (listing->failed || !client_filter_matches(listing->filter, session)) return;
    listing->failed = !session_describe(session, listing->call, &listing->text) ||
                      !buffer_append_char(&listing->text, '\n');
}

void client_list(struct call *call) {
    struct client_filter filter;
    if (client_filter_parse(call, false, &filter)) {
        struct listing listing = {.call = call, .filter = &filter};
        exec_each_session(call->exec, list_one, &listing);
        if (listing.failed)
            reply_no_memory(call->reply);
        else
            reply_verbatim(call->reply, "txt", buffer_bytes(&listing.text));
        buffer_free(&listing.text);
    }
    client_filter_free(&filter);
}

/* ---- KILL ---- */

struct killing {
    struct call *call;
    const struct client_filter *filter;
    int64_t count;
};

/* The caller still gets its reply. */
static void kill_one(struct session *session, void *argument) {
    struct killing *killing = argument;
    if (!client_filter_matches(killing->filter, session)) return;
    session_kill(session, session == killing->call->session);
    killing->count++;
}

static void kill_by_filter(struct call *call) {
    struct client_filter filter;
    if (client_filter_parse(call, true, &filter)) {
        struct killing killing = {.call = call, .filter = &filter};
        exec_each_session(call->exec, kill_one, &killing);
        reply_integer(call->reply, killing.count);
    }
    client_filter_free(&filter);
}

/* CLIENT KILL addr:port: the first way, which may kill the caller and says OK. */
static void kill_by_address(struct call *call) {
    struct client_filter filter = {.me = call->session};
    filter.wanted.has_text[FILTER_ADDR] = true;
    filter.wanted.texts[FILTER_ADDR] = call->argv[2];
    struct killing killing = {.call = call, .filter = &filter};
    exec_each_session(call->exec, kill_one, &killing);
    if (killing.count)
        reply_ok(call->reply);
    else
        reply_error(call->reply, "ERR No such client");
}

void client_kill(struct call *call) {
    if (call->argc == 3)
        kill_by_address(call);
    else
        kill_by_filter(call);
}
