/* SPDX-License-Identifier: BSD-3-Clause */
/* CONFIG REWRITE. A line whose directive has the value that the file gives it stays byte for byte,
 * and so do comments, includes and whatever only start-up understands. Otherwise the directive's
 * first line gets the present value and its other lines go. What was given elsewhere and differs
 * from the initial value is appended. */
#include "config/config_priv.h"
#include "sys/file.h"
#include "sys/memory.h"

#include <errno.h>

static const char appended_head[] = "# Set by CONFIG REWRITE";

/* What the file says of a directive. */
struct said {
    struct directive *directive;
    struct buffer words; /* as one line that args_split reads */
    bool stays;          /* its lines still are true */
    bool written;        /* its first line has been replaced */
};

struct rewriting {
    struct said *said;
    size_t count, capacity;
    struct args args; /* scratch */
    struct buffer out;
    bool has_head;
};

static struct said *find_said(struct rewriting *r, const struct directive *d) {
    for (size_t i = 0; i < r->count; i++)
        if (r->said[i].directive == d) return &r->said[i];
    return NULL;
}

static struct said *add_said(struct rewriting *r, struct directive *d) {
    if (r->count == r->capacity) {
        size_t capacity = r->capacity ? r->capacity * 2 : 32;
        struct said *more = memory_realloc(r->said, capacity * sizeof *more);
        if (!more) return NULL;
        r->said = more;
        r->capacity = capacity;
    }
    r->said[r->count] = (struct said){.directive = d};
    return &r->said[r->count++];
}

/* The first line of the text, without its line break. */
static struct bytes first_line(struct bytes text) {
    const char *end = memchr(text.data, '\n', text.len);
    return bytes_make(text.data, end ? (size_t)(end - text.data) : text.len);
}

static struct bytes after_line(struct bytes text, struct bytes line) {
    return bytes_skip(text, line.len + (line.len < text.len));
}

static bool is_written(const struct config_row *row) {
    return !(row->flags & CONFIG_START_ONLY) || row->flags & CONFIG_LINES;
}

/* The directive that a line sets, with its words in r->args; NULL for all lines that stay anyway.
 */
static struct directive *directive_of(struct rewriting *r, struct bytes line) {
    size_t blank = 0;
    while (blank < line.len && (line.data[blank] == ' ' || line.data[blank] == '\t'))
        blank++;
    if (blank == line.len || line.data[blank] == '#') return NULL;
    if (args_split(&r->args, line) != ARGS_OK || !r->args.count) return NULL;
    const struct config_name *name = registry_find(r->args.items[0]);
    return name && is_written(name->directive->row) ? name->directive : NULL;
}

/* Collects what the file says; later lines win, or add up. */
static bool read_lines(struct rewriting *r, struct bytes text) {
    while (text.len) {
        struct bytes line = first_line(text);
        text = after_line(text, line);
        if (bytes_equal(line, bytes_of(appended_head))) r->has_head = true;
        struct directive *d = directive_of(r, line);
        if (!d) continue;
        struct said *said = find_said(r, d);
        if (!said && !(said = add_said(r, d))) return false;
        if (!(d->row->flags & CONFIG_REPEATED)) buffer_clear(&said->words);
        for (size_t i = 1; i < r->args.count; i++)
            if (!buffer_append_char(&said->words, ' ') ||
                !args_quote(&said->words, r->args.items[i]))
                return false;
    }
    return true;
}

static bool compare(struct rewriting *r) {
    for (size_t i = 0; i < r->count; i++) {
        struct said *said = &r->said[i];
        if (args_split(&r->args, buffer_bytes(&said->words)) != ARGS_OK) return false;
        if (said->directive->row->flags & CONFIG_LINES) continue;
        said->stays = directive_has(said->directive, r->args.items, (unsigned)r->args.count);
    }
    return true;
}

static bool write_directive(struct rewriting *r, struct bytes name, const struct directive *d) {
    if (d->row->flags & CONFIG_LINES) return d->row->write(d->row, &r->out);
    return buffer_append_bytes(&r->out, name) && buffer_append_char(&r->out, ' ') &&
           directive_write(d, &r->out) && buffer_append_char(&r->out, '\n');
}

static bool write_lines(struct rewriting *r, struct bytes text) {
    while (text.len) {
        struct bytes line = first_line(text);
        text = after_line(text, line);
        const struct directive *d = directive_of(r, line);
        struct said *said = d ? find_said(r, d) : NULL;
        if (!said || said->stays) {
            if (!buffer_append_bytes(&r->out, line) || !buffer_append_char(&r->out, '\n'))
                return false;
        } else if (!said->written) {
            said->written = true;
            if (!write_directive(r, r->args.items[0], d)) return false;
        }
    }
    return true;
}

/* Does the file need it, where it does not have it yet? */
static bool has_to_stand(const struct directive *d) {
    if (!(d->row->flags & CONFIG_LINES)) return directive_differs(d);
    struct buffer lines = {0};
    bool any = d->row->write(d->row, &lines) && lines.len;
    buffer_free(&lines);
    return any;
}

static bool append_rest(struct rewriting *r) {
    size_t count;
    const struct config_name *names = registry_names(&count);
    for (size_t i = 0; i < count; i++) {
        const struct directive *d = names[i].directive;
        if (names[i].name != d->row->name || !is_written(d->row) || find_said(r, d)) continue;
        if (!has_to_stand(d)) continue;
        if (!r->has_head && !buffer_printf(&r->out, "\n%s\n", appended_head)) return false;
        r->has_head = true;
        if (!write_directive(r, bytes_of(names[i].name), d)) return false;
    }
    return true;
}

static void free_all(struct rewriting *r) {
    for (size_t i = 0; i < r->count; i++)
        buffer_free(&r->said[i].words);
    memory_free(r->said);
    args_free(&r->args);
    buffer_free(&r->out);
}

bool config_rewrite(struct buffer *error) {
    const char *path = config_file();
    if (!*path) {
        buffer_printf(error, "ERR The server is running without a config file");
        return false;
    }
    struct buffer old = {0};
    struct rewriting r = {0};
    int status = file_read_all(path, &old);
    if (status == -ENOENT) status = 0;
    struct bytes text = buffer_bytes(&old);
    if (status >= 0) {
        bool good = read_lines(&r, text) && compare(&r) && write_lines(&r, text) && append_rest(&r);
        status = good ? file_write_atomic(path, buffer_bytes(&r.out)) : -ENOMEM;
    }
    if (status < 0) buffer_printf(error, "ERR Rewriting config file: %s", strerror(-status));
    free_all(&r);
    buffer_free(&old);
    return status >= 0;
}
