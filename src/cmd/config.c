/* SPDX-License-Identifier: BSD-3-Clause */
/* CONFIG: the wire's side of config/config.h. All of it runs in exclusive mode, which readers of
 * directives rely on. */
#include "cmd/config.h"
#include "base/log.h"
#include "config/config.h"

static void reply_with(struct call *call, struct buffer *error) {
    if (buffer_append_char(error, 0))
        reply_error(call->reply, error->data);
    else
        reply_no_memory(call->reply);
}

void config_command_get(struct call *call) {
    struct config_listing listing;
    if (!config_get(call->argv + 2, call->argc - 2, &listing)) {
        reply_no_memory(call->reply);
        return;
    }
    reply_map(call->reply, listing.count);
    for (size_t i = 0; i < listing.count; i++) {
        reply_bulk(call->reply, listing.pairs[i].name);
        reply_bulk(call->reply, listing.pairs[i].value);
    }
    config_listing_free(&listing);
}

void config_command_set(struct call *call) {
    struct buffer error = {0};
    bool local = connection_peer_is_local(call->session->connection);
    if (call->argc % 2)
        reply_syntax_error(call->reply);
    else if (config_set(call->argv + 2, call->argc - 2, local, &error))
        reply_ok(call->reply);
    else
        reply_with(call, &error);
    buffer_free(&error);
}

void config_command_rewrite(struct call *call) {
    struct buffer error = {0};
    if (config_rewrite(&error)) {
        log_notice("CONFIG REWRITE wrote %s", config_file());
        reply_ok(call->reply);
    } else {
        log_warning("CONFIG REWRITE failed: %.*s", (int)error.len, error.data);
        reply_with(call, &error);
    }
    buffer_free(&error);
}

void config_command_resetstat(struct call *call) {
    exec_reset_stats(call->exec);
    reply_ok(call->reply);
}

void config_command_help(struct call *call) {
    static const char *const lines[] = {
        "GET <pattern> [<pattern> ...]",
        "    The directives whose names match a glob pattern, with their values.",
        "SET <directive> <value> [<directive> <value> ...]",
        "    Change directives, all of them or, if one value is wrong, none.",
        "RESETSTAT",
        "    Start the counters that INFO shows from zero.",
        "REWRITE",
        "    Write what has changed back into the configuration file.",
        NULL,
    };
    call_help(call, lines);
}
