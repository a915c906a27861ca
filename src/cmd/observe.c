/* SPDX-License-Identifier: BSD-3-Clause */
/* MONITOR; SLOWLOG and COMMANDLOG: the former is the latter with one log alone. */
#include "cmd/observe.h"
#include "base/number.h"
#include "exec/monitor.h"

struct listing {
    struct reply *reply;
    size_t shown;
};

static void show_entry(void *context, const struct commandlog_entry *entry) {
    struct listing *listing = context;
    struct reply *reply = listing->reply;
    reply_array(reply, 6);
    reply_integer(reply, (int64_t)entry->id);
    reply_integer(reply, entry->time_s);
    reply_integer(reply, entry->value);
    reply_array(reply, entry->argc);
    for (unsigned i = 0; i < entry->argc; i++)
        reply_bulk(reply, entry->argv[i]);
    reply_bulk(reply, entry->peer);
    reply_bulk(reply, entry->name);
    listing->shown++;
}

static void get(struct call *call, enum commandlog log, int64_t count) {
    struct listing listing = {.reply = call->reply};
    size_t mark = reply_open(call->reply);
    commandlog_each(call->exec, log, count < 0 ? UINT64_MAX : (uint64_t)count, show_entry,
                    &listing);
    reply_close_array(call->reply, mark, listing.shown);
}

static bool parse_count(struct call *call, struct bytes text, int64_t *count) {
    if (number_parse_i64(text, count) && *count >= -1) return true;
    reply_error(call->reply, "ERR count should be greater than or equal to -1");
    return false;
}

/* ---- MONITOR ---- */

/* Who is a monitor already gets no reply. */
void observe_monitor(struct call *call) {
    if (call->no_wait)
        reply_error(call->reply, "ERR MONITOR isn't allowed for DENY BLOCKING client");
    else if (call->session->monitor)
        return;
    else if (monitor_start(call->session))
        reply_ok(call->reply);
    else
        reply_no_memory(call->reply);
}

/* ---- SLOWLOG ---- */

void observe_slowlog_get(struct call *call) {
    int64_t count = 10;
    if (call->argc > 3)
        call_subcommand_error(call);
    else if (call->argc < 3 || parse_count(call, call->argv[2], &count))
        get(call, COMMANDLOG_SLOW, count);
}

void observe_slowlog_len(struct call *call) {
    reply_integer(call->reply, (int64_t)commandlog_length(call->exec, COMMANDLOG_SLOW));
}

void observe_slowlog_reset(struct call *call) {
    commandlog_reset(call->exec, COMMANDLOG_SLOW);
    reply_ok(call->reply);
}

void observe_slowlog_help(struct call *call) {
    static const char *const lines[] = {
        "GET [<count>]",
        "    The latest <count> slow commands (default 10, -1 for all), each with its id, Unix",
        "    time, duration in microseconds, arguments, client address and client name.",
        "LEN",
        "    How many slow commands are on record.",
        "RESET",
        "    Forget them.",
        NULL,
    };
    call_help(call, lines);
}

/* ---- COMMANDLOG ---- */

static bool parse_log(struct call *call, struct bytes name, enum commandlog *log) {
    static const char *const names[COMMANDLOG_COUNT] = {
        [COMMANDLOG_SLOW] = "slow",
        [COMMANDLOG_LARGE_REQUEST] = "large-request",
        [COMMANDLOG_LARGE_REPLY] = "large-reply",
    };
    for (unsigned i = 0; i < COMMANDLOG_COUNT; i++) {
        if (!bytes_is(name, names[i])) continue;
        *log = (enum commandlog)i;
        return true;
    }
    reply_error(call->reply, "ERR type should be one of the following: slow, large-request, "
                             "large-reply");
    return false;
}

void observe_commandlog_get(struct call *call) {
    int64_t count;
    enum commandlog log;
    if (parse_count(call, call->argv[2], &count) && parse_log(call, call->argv[3], &log))
        get(call, log, count);
}

void observe_commandlog_len(struct call *call) {
    enum commandlog log;
    if (parse_log(call, call->argv[2], &log))
        reply_integer(call->reply, (int64_t)commandlog_length(call->exec, log));
}

void observe_commandlog_reset(struct call *call) {
    enum commandlog log;
    if (!parse_log(call, call->argv[2], &log)) return;
    commandlog_reset(call->exec, log);
    reply_ok(call->reply);
}

void observe_commandlog_help(struct call *call) {
    static const char *const lines[] = {
        "GET <count> <type>",
        "    The latest <count> entries of one log (-1 for all), each with its id, Unix time,",
        "    microseconds (slow) or bytes (large-request, large-reply), arguments, client address",
        "    and client name.",
        "LEN <type>",
        "    How many entries one log has.",
        "RESET <type>",
        "    Forget the entries of one log.",
        NULL,
    };
    call_help(call, lines);
}
