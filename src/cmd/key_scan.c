/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands that look at the keys of a whole database: KEYS, SCAN, RANDOMKEY. */
#include "base/glob.h"
#include "base/number.h"
#include "cmd/key.h"
#include "cmd/shared_entry.h"
#include <errno.h>
#include <stdlib.h>

/* Which keys to show, and where. */
struct key_filter {
    struct bytes pattern;
    bool all;             /* the pattern matches everything */
    enum value_type type; /* TYPE_COUNT = any */
    struct reply *reply;
    size_t shown;
};

static void show_key(void *context, const struct entry *e) {
    struct key_filter *filter = context;
    if (filter->type != TYPE_COUNT && filter->type != entry_type(e)) return;
    struct bytes name = entry_key(e);
    if (!filter->all && !glob_match(filter->pattern, name, false)) return;
    reply_bulk(filter->reply, name);
    filter->shown++;
}

void key_keys(struct call *call) {
    struct key_filter filter = {.pattern = call->argv[1],
                                .all = bytes_equal(call->argv[1], BYTES("*")),
                                .type = TYPE_COUNT,
                                .reply = call->reply};
    size_t mark = reply_open(call->reply);
    keyspace_scan(&call->view, 0, UINT64_MAX, show_key, &filter);
    reply_close_array(call->reply, mark, filter.shown);
}

static void show_random_key(void *context, const struct entry *e) {
    reply_bulk(context, entry_key(e));
}

void key_randomkey(struct call *call) {
    if (!keyspace_random(&call->view, show_random_key, call->reply)) reply_null(call->reply);
}

/* ---- SCAN ---- */

/* Clients send cursors in more forms than they get them: with leading spaces, zeros and signs. */
static bool parse_cursor(struct bytes text, uint64_t *cursor) {
    int64_t n;
    if (number_parse_i64(text, &n)) {
        *cursor = (uint64_t)n;
        return n >= 0;
    }
    char copy[64];
    if (text.len == 0 || text.len >= sizeof copy) return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    char *end;
    errno = 0;
    *cursor = strtoull(copy, &end, 10);
    return errno == 0 && end == copy + text.len;
}

struct scan_options {
    struct key_filter filter;
    int64_t count;
};

/* One option and its value; false: the error is written. */
static bool parse_scan_option(struct reply *reply, struct bytes name, struct bytes value,
                              struct scan_options *options) {
    if (bytes_is(name, "count")) {
        if (!number_parse_i64(value, &options->count)) {
            reply_not_integer(reply);
        } else if (options->count < 1) {
            reply_syntax_error(reply);
        } else {
            return true;
        }
    } else if (bytes_is(name, "match")) {
        options->filter.pattern = value;
        options->filter.all = bytes_equal(value, BYTES("*"));
        return true;
    } else if (bytes_is(name, "type")) {
        options->filter.type = entry_type_named(value);
        if (options->filter.type != TYPE_COUNT) return true;
        reply_errorf(reply, "ERR unknown type name '%.*s'", (int)value.len, value.data);
    } else {
        reply_syntax_error(reply);
    }
    return false;
}

static bool parse_scan_options(struct call *call, struct scan_options *options) {
    for (unsigned i = 2; i < call->argc; i++) {
        struct bytes name = call->argv[i];
        if (bytes_is(name, "novalues")) {
            reply_error(call->reply, "ERR NOVALUES option can only be used in HSCAN");
            return false;
        }
        if (bytes_is(name, "noscores")) {
            reply_error(call->reply, "ERR NOSCORES option can only be used in ZSCAN");
            return false;
        }
        if (i + 1 == call->argc) {
            reply_syntax_error(call->reply);
            return false;
        }
        if (!parse_scan_option(call->reply, name, call->argv[++i], options)) return false;
    }
    return true;
}

void key_scan(struct call *call) {
    uint64_t cursor;
    if (!parse_cursor(call->argv[1], &cursor)) {
        reply_error(call->reply, "ERR invalid cursor");
        return;
    }
    /* The next cursor stands before the keys in the reply, and is known after them. */
    struct buffer found = {0};
    struct reply keys = {.out = &found, .resp = call->reply->resp};
    struct scan_options options = {
        .filter = {.all = true, .type = TYPE_COUNT, .reply = &keys},
        .count = 10,
    };
    if (!parse_scan_options(call, &options)) return;
    cursor = keyspace_scan(&call->view, cursor, (uint64_t)options.count, show_key, &options.filter);
    if (keys.failed) {
        reply_no_memory(call->reply);
    } else {
        char text[NUMBER_I64_MAX];
        reply_array(call->reply, 2);
        reply_bulk(call->reply, bytes_make(text, number_format_u64(text, cursor)));
        reply_array(call->reply, options.filter.shown);
        reply_raw(call->reply, buffer_bytes(&found));
    }
    buffer_free(&found);
}
