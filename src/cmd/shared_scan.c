/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/shared_scan.h"
#include "base/glob.h"
#include "base/number.h"
#include "cmd/shared_entry.h"
#include <errno.h>
#include <stdlib.h>

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

bool scan_parse_cursor(struct call *call, struct bytes text, uint64_t *cursor) {
    if (parse_cursor(text, cursor)) return true;
    reply_error(call->reply, "ERR invalid cursor");
    return false;
}

/* The words that stand alone, one of which is right. */
static bool parse_bare(struct reply *reply, struct bytes name, const char *bare, bool *known) {
    bool values = bytes_is(name, "novalues"), scores = bytes_is(name, "noscores");
    *known = values || scores;
    if (!*known || (bare && bytes_is(name, bare))) return true;
    reply_error(reply, values ? "ERR NOVALUES option can only be used in HSCAN"
                              : "ERR NOSCORES option can only be used in ZSCAN");
    return false;
}

static bool parse_count(struct reply *reply, struct bytes text, uint64_t *out) {
    int64_t count;
    if (!number_parse_i64(text, &count)) {
        reply_not_integer(reply);
        return false;
    }
    if (count < 1) {
        reply_syntax_error(reply);
        return false;
    }
    *out = (uint64_t)count;
    return true;
}

static bool parse_type(struct reply *reply, struct bytes name, enum value_type *out) {
    *out = entry_type_named(name);
    if (*out != TYPE_COUNT) return true;
    reply_errorf(reply, "ERR unknown type name '%.*s'", (int)name.len, name.data);
    return false;
}

/* An option with a value. `of_keyspace`: of SCAN, which has TYPE too. */
static bool parse_option(struct reply *reply, struct bytes name, struct bytes value,
                         bool of_keyspace, struct scan_options *options) {
    if (bytes_is(name, "count")) return parse_count(reply, value, &options->count);
    if (of_keyspace && bytes_is(name, "type")) return parse_type(reply, value, &options->type);
    if (!bytes_is(name, "match")) {
        reply_syntax_error(reply);
        return false;
    }
    options->pattern = value;
    options->all = bytes_equal(value, BYTES("*"));
    return true;
}

static bool parse_options(struct call *call, unsigned first, bool of_keyspace, const char *bare,
                          struct scan_options *options) {
    *options = (struct scan_options){.count = 10, .all = true, .type = TYPE_COUNT};
    for (unsigned i = first; i < call->argc; i++) {
        bool known;
        if (!parse_bare(call->reply, call->argv[i], bare, &known)) return false;
        if (known) {
            options->names_only = true;
        } else if (i + 1 == call->argc) {
            reply_syntax_error(call->reply);
            return false;
        } else {
            struct bytes name = call->argv[i++];
            if (!parse_option(call->reply, name, call->argv[i], of_keyspace, options)) return false;
        }
    }
    return true;
}

bool scan_parse_options(struct call *call, const char *bare, struct scan_options *options) {
    return parse_options(call, 3, false, bare, options);
}

bool scan_parse_keyspace_options(struct call *call, struct scan_options *options) {
    return parse_options(call, 2, true, NULL, options);
}

bool scan_matches(const struct scan_options *options, struct bytes name) {
    return options->all || glob_match(options->pattern, name, false);
}

void scan_output_begin(struct call *call, struct scan_output *output) {
    *output = (struct scan_output){.elements = {.resp = call->reply->resp}};
    output->elements.out = &output->buffer;
}

void scan_output_end(struct call *call, struct scan_output *output, uint64_t cursor) {
    if (output->elements.failed) {
        reply_no_memory(call->reply);
    } else {
        char text[NUMBER_I64_MAX];
        reply_array(call->reply, 2);
        reply_bulk(call->reply, bytes_make(text, number_format_u64(text, cursor)));
        reply_array(call->reply, output->count);
        reply_raw(call->reply, buffer_bytes(&output->buffer));
    }
    buffer_free(&output->buffer);
}
