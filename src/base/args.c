/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/args.h"

#include "base/ensure.h"

#include <stdlib.h>

/* An argument is never longer than its source, so `text` is reserved once per line and never moves
 * under the items. */

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Vertical tab and form feed separate arguments, but do not end one. */
static bool ends_argument(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = bytes_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hex_escape(struct bytes rest) {
    return rest.len >= 4 && rest.data[1] == 'x' && hex_value(rest.data[2]) >= 0 &&
           hex_value(rest.data[3]) >= 0;
}

static char unescape(char c) {
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
    }
}

/* A backslash escapes what follows, unless that is the last byte of the line: then it can only be
 * the closing quote. */
static bool is_escape(struct bytes rest) {
    return rest.data[0] == '\\' && rest.len >= 3;
}

/* Reads one byte inside "..." into *out; returns how many bytes of source it took. */
static size_t read_double_quoted(struct bytes rest, char *out) {
    if (!is_escape(rest)) {
        *out = rest.data[0];
        return 1;
    }
    if (is_hex_escape(rest)) {
        *out = (char)(hex_value(rest.data[2]) * 16 + hex_value(rest.data[3]));
        return 4;
    }
    *out = unescape(rest.data[1]);
    return 2;
}

static size_t read_single_quoted(struct bytes rest, char *out) {
    bool escaped = is_escape(rest) && rest.data[1] == '\'';
    *out = rest.data[escaped];
    return 1 + escaped;
}

/* Reads one argument into `out`, which has room, and moves *line past it. False: a quote is not
 * closed. */
static bool read_argument(struct bytes *line, struct buffer *out) {
    char quote = 0;
    for (; line->len;) {
        char c = line->data[0];
        size_t taken = 1;
        if (!quote && ends_argument(c)) return true;
        if (c == quote) {
            quote = 0;
        } else if (!quote && (c == '"' || c == '\'')) {
            quote = c;
        } else {
            if (quote == '"') taken = read_double_quoted(*line, &c);
            if (quote == '\'') taken = read_single_quoted(*line, &c);
            out->data[out->len++] = c;
        }
        *line = bytes_skip(*line, taken);
    }
    return quote == 0;
}

static bool append_item(struct args *args, struct bytes item) {
    if (args->count == args->cap) {
        size_t cap = args->cap ? 2 * args->cap : 16;
        struct bytes *items = realloc(args->items, cap * sizeof *items);
        if (!items) return false;
        args->items = items;
        args->cap = cap;
    }
    args->items[args->count++] = item;
    return true;
}

enum args_result args_split(struct args *args, struct bytes line) {
    args->count = 0;
    buffer_clear(&args->text);
    if (!buffer_reserve(&args->text, line.len)) return ARGS_NO_MEMORY;
    for (;;) {
        while (line.len && is_space(line.data[0]))
            line = bytes_skip(line, 1);
        if (line.len == 0) return ARGS_OK;
        size_t start = args->text.len;
        enum args_result result = ARGS_OK;
        if (!read_argument(&line, &args->text))
            result = ARGS_UNBALANCED;
        else if (!append_item(args, bytes_make(args->text.data + start, args->text.len - start)))
            result = ARGS_NO_MEMORY;
        if (result != ARGS_OK) {
            args->count = 0;
            return result;
        }
    }
}

void args_free(struct args *args) {
    free(args->items);
    buffer_free(&args->text);
    *args = (struct args){0};
}

static bool is_printable(char c) {
    return c >= ' ' && c <= '~';
}

static size_t escape(char c, char out[4]) {
    static const char named[] = "\nn\rr\tt\aa\bb\"\"\\\\";
    out[0] = '\\';
    for (size_t i = 0; i + 1 < sizeof named; i += 2) {
        if (c != named[i]) continue;
        out[1] = named[i + 1];
        return 2;
    }
    if (is_printable(c)) {
        out[0] = c;
        return 1;
    }
    out[1] = 'x';
    bytes_to_hex(out + 2, &c, 1);
    return 4;
}

bool args_quote(struct buffer *out, struct bytes text) {
    size_t before = out->len;
    bool ok = buffer_append_char(out, '"');
    for (size_t i = 0; ok && i < text.len; i++) {
        char escaped[4];
        ok = buffer_append(out, escaped, escape(text.data[i], escaped));
    }
    ok = ok && buffer_append_char(out, '"');
    if (!ok) out->len = before;
    return ok;
}

bool args_need_quotes(struct bytes text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!is_printable(c) || c == ' ' || c == '"' || c == '\'' || c == '\\') return true;
    }
    return text.len == 0;
}
