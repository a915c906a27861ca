/* SPDX-License-Identifier: BSD-3-Clause */
/* A file, a pipe or a terminal as lines, read when there is something to read. */
#pragma once

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

struct lines {
    int fd;
    size_t longest; /* bytes of a line; longer ones come out as LINE_TOO_LONG */
    struct buffer text;
    size_t at, searched; /* the next line starts at `at`; no line break before `searched` */
    uint64_t number;     /* of the line that came out last; the first is 1 */
    uint64_t bytes;      /* of the lines that came out */
    bool ended;          /* there is nothing more to read */
    bool skipping;       /* inside a line that is too long */
};

enum line_result { LINE_READY, LINE_TOO_LONG, LINE_LATER };

/* The next line without \n or \r\n, valid until the next lines_read. LINE_LATER: more has to be
 * read first, or, when `ended`, that was all. */
enum line_result lines_next(struct lines *lines, struct bytes *line);

/* Reads once. 0, or a negative errno. */
int lines_read(struct lines *lines);

void lines_free(struct lines *lines);
