/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/shared_scan.h"
#include "base/glob.h"
#include "base/number.h"
#include <errno.h>
#include <stdlib.h>

/* Clients send cursors in more forms than they get them: with leading zeros and signs. */
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

static bool parse_option(struct reply *reply, struct bytes name, struct bytes value,
                         struct scan_options *options) {
    int64_t count;
    if (bytes_is(name, "match")) {
        options->pattern = value;
        options->all = bytes_equal(value, BYTES("*"));
    } else if (!bytes_is(name, "count")) {
        reply_syntax_error(reply);
        return false;
    } else if (!number_parse_i64(value, &count)) {
        reply_not_integer(reply);
        return false;
    } else if (count < 1) {
        reply_syntax_error(reply);
        return false;
    } else {
        options->count = (uint64_t)count;
    }
    return true;
}

bool scan_parse_options(struct call *call, const char *bare, struct scan_options *options) {
    *options = (struct scan_options){.count = 10, .all = true};
    for (unsigned i = 3; i < call->argc; i++) {
        bool known;
        if (!parse_bare(call->reply, call->argv[i], bare, &known)) return false;
        if (known) {
            options->names_only = true;
        } else if (i + 1 == call->argc) {
            reply_syntax_error(call->reply);
            return false;
        } else {
            struct bytes name = call->argv[i++];
            if (!parse_option(call->reply, name, call->argv[i], options)) return false;
        }
    }
    return true;
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
