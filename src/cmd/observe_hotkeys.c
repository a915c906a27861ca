/* SPDX-License-Identifier: BSD-3-Clause */
/* HOTKEYS: the keys that are used most. */
#include "base/number.h"
#include "cmd/observe.h"
#include "exec/hotkeys.h"

#define COUNT_DEFAULT 10

static bool parse_count(struct call *call, int64_t *count) {
    if (call->argc == 2) return true;
    if (call->argc != 4 || !bytes_is(call->argv[2], "count")) {
        reply_syntax_error(call->reply);
        return false;
    }
    if (number_parse_i64(call->argv[3], count) && *count >= 1 && *count <= HOTKEYS_COUNT_MAX)
        return true;
    reply_errorf(call->reply, "ERR COUNT must be between 1 and %d", HOTKEYS_COUNT_MAX);
    return false;
}

void observe_hotkeys_list(struct call *call) {
    struct hotkey keys[HOTKEYS_COUNT_MAX];
    struct reply *reply = call->reply;
    int64_t count = COUNT_DEFAULT;
    if (!parse_count(call, &count)) return;
    unsigned n = hotkeys_list(call->exec, keys, (unsigned)count);
    reply_array(reply, n);
    for (unsigned i = 0; i < n; i++) {
        reply_map(reply, 4);
        reply_bulk_text(reply, "key");
        reply_bulk(reply, keys[i].name);
        reply_bulk_text(reply, "db");
        reply_integer(reply, keys[i].db);
        reply_bulk_text(reply, "accesses-per-second");
        reply_integer(reply, (int64_t)(keys[i].per_second + 0.5));
        reply_bulk_text(reply, "percent");
        reply_bulk_printf(reply, "%.2f", keys[i].share * 100);
    }
}

void observe_hotkeys_reset(struct call *call) {
    hotkeys_reset(call->exec);
    reply_ok(call->reply);
}

void observe_hotkeys_help(struct call *call) {
    static const char *const lines[] = {
        "LIST [COUNT <count>]",
        "    The keys that commands have used most lately (default 10), each with its database,",
        "    about how often a second it is used, and its part in percent of all uses.",
        "RESET",
        "    Forget what has been counted.",
        NULL,
    };
    call_help(call, lines);
}
