/* SPDX-License-Identifier: BSD-3-Clause */
#include "journal/aof_file.h"
#include "base/ensure.h"
#include "base/number.h"
#include "journal/window.h"
#include "sys/memory.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#define LINE_MAX_SIZE 64u   /* of a head: '*' or '$', a number and a line break */
#define NOTE_MAX      4096u /* of a line with a note */

struct aof_file {
    struct window window;
    enum aof_item last;  /* all but COMMAND stick */
    uint64_t offset;     /* of the record */
    struct buffer spans; /* offsets where each argument begins and ends */
    struct buffer argv;
    char error[256];
};

static bool fail(struct aof_file *f, enum aof_item item, uint64_t offset, const char *what) {
    f->last = item;
    snprintf(f->error, sizeof f->error, "%s, at offset %llu", what, (unsigned long long)offset);
    return false;
}

/* NULL: the file ends before, or cannot be read, which has been noted. */
static const char *need(struct aof_file *f, uint64_t count) {
    struct window *w = &f->window;
    const char *at = window_need(w, count);
    if (at) return at;
    if (w->status)
        fail(f, AOF_ITEM_ERROR, window_end(w), strerror(-w->status));
    else
        fail(f, AOF_ITEM_TORN, f->offset, "the file ends in the middle of a command");
    return NULL;
}

/* The rest of the line, without its end, which is passed. Both \r\n and \n end a line. */
static bool read_line(struct aof_file *f, unsigned most, struct bytes *line) {
    uint64_t start = f->window.at;
    for (unsigned length = 1;; length++) {
        const char *at = need(f, length);
        if (!at) return false;
        if (at[length - 1] != '\n') {
            if (length < most) continue;
            return fail(f, AOF_ITEM_ERROR, start, "a line is too long");
        }
        *line = bytes_make(at, length - 1);
        if (line->len && at[length - 2] == '\r') line->len--;
        f->window.at += length;
        return true;
    }
}

/* A line of `mark` and a number. */
static bool read_head(struct aof_file *f, char mark, uint64_t *number) {
    struct bytes line;
    uint64_t start = f->window.at;
    if (!read_line(f, LINE_MAX_SIZE, &line)) return false;
    if (line.len > 1 && line.data[0] == mark && number_parse_u64(bytes_skip(line, 1), number))
        return true;
    return fail(f, AOF_ITEM_ERROR, start,
                mark == '*' ? "no command begins here" : "no argument begins here");
}

static bool read_argument(struct aof_file *f) {
    uint64_t length;
    if (!read_head(f, '$', &length)) return false;
    if (length > UINT64_MAX - 2 || !need(f, length + 2)) {
        if (f->last == AOF_ITEM_COMMAND)
            fail(f, AOF_ITEM_ERROR, f->window.at, "no argument is so long");
        return false;
    }
    uint64_t span[2] = {f->window.at, f->window.at + length};
    struct bytes end = window_bytes(&f->window, span[1], span[1] + 2);
    if (memcmp(end.data, "\r\n", 2) != 0)
        return fail(f, AOF_ITEM_ERROR, span[1], "an argument does not end where it should");
    f->window.at += length + 2;
    if (buffer_append(&f->spans, span, sizeof span)) return true;
    return fail(f, AOF_ITEM_ERROR, f->offset, "there is not enough memory");
}

/* Not before all is read: the window moves. */
static bool point_at_arguments(struct aof_file *f, struct aof_record *r) {
    size_t count = f->spans.len / (2 * sizeof(uint64_t));
    buffer_clear(&f->argv);
    for (size_t i = 0; i < count; i++) {
        uint64_t span[2];
        memcpy(span, f->spans.data + i * sizeof span, sizeof span);
        struct bytes argument = window_bytes(&f->window, span[0], span[1]);
        if (!buffer_append(&f->argv, &argument, sizeof argument))
            return fail(f, AOF_ITEM_ERROR, f->offset, "there is not enough memory");
    }
    r->argv = (const void *)f->argv.data;
    r->argc = (unsigned)count;
    return true;
}

static bool read_command(struct aof_file *f, struct aof_record *r) {
    uint64_t count;
    if (!read_head(f, '*', &count)) return false;
    if (count == 0 || count > INT32_MAX)
        return fail(f, AOF_ITEM_ERROR, f->offset, "no command has so many arguments");
    buffer_clear(&f->spans);
    for (uint64_t i = 0; i < count; i++)
        if (!read_argument(f)) return false;
    return point_at_arguments(f, r);
}

/* Passes notes; false: the end, or it has been noted why not. */
static bool find_command(struct aof_file *f) {
    for (;;) {
        struct bytes note;
        f->window.kept = f->offset = f->window.at;
        const char *at = window_need(&f->window, 1);
        if (!at && !f->window.status) {
            f->last = AOF_ITEM_END;
            return false;
        }
        if (!at) return fail(f, AOF_ITEM_ERROR, f->offset, strerror(-f->window.status));
        if (*at != '#') return true;
        if (!read_line(f, NOTE_MAX, &note)) return false;
    }
}

enum aof_item aof_file_next(struct aof_file *f, struct aof_record *r) {
    if (f->last == AOF_ITEM_COMMAND && find_command(f)) read_command(f, r);
    r->item = f->last;
    r->offset = f->offset;
    return f->last;
}

struct aof_file *aof_file_open(struct rdb_input input, uint64_t offset) {
    struct aof_file *f = memory_alloc_zero(sizeof *f);
    if (!f) return NULL;
    f->window = (struct window){.input = input, .base = offset, .at = offset, .kept = offset};
    f->last = AOF_ITEM_COMMAND;
    return f;
}

void aof_file_close(struct aof_file *f) {
    if (!f) return;
    buffer_free(&f->window.bytes);
    buffer_free(&f->spans);
    buffer_free(&f->argv);
    memory_free(f);
}

const char *aof_file_error(const struct aof_file *f) {
    return f->error;
}

uint64_t aof_file_offset(const struct aof_file *f) {
    return f->window.at;
}

bool aof_file_is_one(struct bytes start) {
    if (start.len && start.data[0] == '#') {
        const char *end = memchr(start.data, '\n', start.len);
        return end && start.len > 4 && memcmp(start.data, "#TS:", 4) == 0;
    }
    if (start.len < 6 || start.data[0] != '*' || !isdigit((unsigned char)start.data[1]))
        return false;
    size_t i = 1;
    while (i < start.len && isdigit((unsigned char)start.data[i]))
        i++;
    return i + 2 < start.len && memcmp(start.data + i, "\r\n$", 3) == 0;
}
