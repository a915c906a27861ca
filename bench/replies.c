/* SPDX-License-Identifier: BSD-3-Clause */
#include "replies.h"

#include <string.h>

/* The number of a line such as "$-1\r\n"; *end is behind the line. false: it is not complete. */
static bool read_line_number(const char *at, const char *limit, long *number, const char **end) {
    bool negative = false;
    long value = 0;
    at++;
    if (at < limit && *at == '-') {
        negative = true;
        at++;
    }
    while (at < limit && *at >= '0' && *at <= '9')
        value = value * 10 + (*at++ - '0');
    if (limit - at < 2) return false;
    *number = negative ? -value : value;
    *end = at + 2;
    return true;
}

/* An element has ended: the reply too, unless an array is open. */
static void element_ends(struct reply_parser *parser, const struct reply_sink *sink,
                         enum reply_kind kind, const char *line, size_t size) {
    if (parser->elements && --parser->elements) return;
    sink->reply(sink->argument, kind, line, size);
}

/* One header line at `at`. NULL: it is not complete. `bad` is set for what no RESP2 has. */
static const char *parse_line(struct reply_parser *parser, const char *at, const char *limit,
                              const struct reply_sink *sink, bool *bad) {
    long number;
    const char *end;
    switch (*at) {
    case '$':
        if (!read_line_number(at, limit, &number, &end)) return NULL;
        if (number < 0) {
            element_ends(parser, sink, REPLY_NIL, at, 0);
        } else {
            parser->skip = (size_t)number + 2;
        }
        return end;
    case '*':
        if (!read_line_number(at, limit, &number, &end)) return NULL;
        if (number <= 0) {
            element_ends(parser, sink, number < 0 ? REPLY_NIL : REPLY_VALUE, at, 0);
        } else {
            /* The array itself ends with its last element. */
            parser->elements += (uint64_t)number - (parser->elements ? 1 : 0);
        }
        return end;
    case '+':
    case ':':
    case '-':
        end = memchr(at, '\n', (size_t)(limit - at));
        if (!end) return NULL;
        element_ends(parser, sink, *at == '-' ? REPLY_ERROR : REPLY_VALUE, at + 1,
                     (size_t)(end - at) - 2);
        return end + 1;
    default: *bad = true; return NULL;
    }
}

size_t replies_parse(struct reply_parser *parser, const char *data, size_t size,
                     const struct reply_sink *sink) {
    const char *at = data, *limit = data + size;
    while (at < limit) {
        if (parser->skip) {
            size_t here = (size_t)(limit - at) < parser->skip ? (size_t)(limit - at) : parser->skip;
            parser->skip -= here;
            at += here;
            if (!parser->skip) element_ends(parser, sink, REPLY_VALUE, at, 0);
            continue;
        }
        bool bad = false;
        const char *end = parse_line(parser, at, limit, sink, &bad);
        if (bad) return SIZE_MAX;
        if (!end) break;
        at = end;
    }
    return (size_t)(at - data);
}
