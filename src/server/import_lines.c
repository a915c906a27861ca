/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/import_lines.h"

#include <errno.h>
#include <unistd.h>

enum { READ_SIZE = 1024 * 1024 };

/* A line of `length` bytes, its line break included, comes out. */
static struct bytes take(struct lines *lines, size_t length) {
    struct bytes line = {lines->text.data + lines->at, length};
    lines->at += length;
    lines->searched = lines->at;
    lines->number++;
    lines->bytes += length;
    if (line.len && line.data[line.len - 1] == '\n') line.len--;
    if (line.len && line.data[line.len - 1] == '\r') line.len--;
    return line;
}

/* The start of an endless line need not be kept. */
static void forget_start(struct lines *lines) {
    lines->bytes += lines->text.len - lines->at;
    buffer_clear(&lines->text);
    lines->at = lines->searched = 0;
    lines->skipping = true;
}

enum line_result lines_next(struct lines *lines, struct bytes *line) {
    size_t left = lines->text.len - lines->searched;
    const char *end = left ? memchr(lines->text.data + lines->searched, '\n', left) : NULL;
    size_t length =
        end ? (size_t)(end - lines->text.data) + 1 - lines->at : lines->text.len - lines->at;
    if (end || (lines->ended && (length || lines->skipping))) {
        *line = take(lines, length);
        bool too_long = lines->skipping || line->len > lines->longest;
        lines->skipping = false;
        return too_long ? LINE_TOO_LONG : LINE_READY;
    }
    lines->searched = lines->text.len;
    if (length > lines->longest + 2 || lines->skipping) forget_start(lines);
    return LINE_LATER;
}

int lines_read(struct lines *lines) {
    buffer_consume(&lines->text, lines->at);
    lines->searched -= lines->at;
    lines->at = 0;
    if (!buffer_reserve(&lines->text, READ_SIZE)) return -ENOMEM;
    ssize_t n = read(lines->fd, lines->text.data + lines->text.len, READ_SIZE);
    if (n < 0) return errno == EINTR || errno == EAGAIN ? 0 : -errno;
    lines->text.len += (size_t)n;
    if (n == 0) lines->ended = true;
    return 0;
}

void lines_free(struct lines *lines) {
    buffer_free(&lines->text);
}
