/* SPDX-License-Identifier: BSD-3-Clause */
/* strata import: lines of a file become SET requests in a pipeline. The loop reads, sends and
 * receives whenever the file and the server let it, so that neither waits for the other. What
 * begins like a file of Redis or Valkey is imported as that (server/import_data.h). */
#include "server/import.h"
#include "base/args.h"
#include "base/ensure.h"
#include "base/number.h"
#include "server/import_data.h"
#include "server/import_lines.h"
#include "server/import_progress.h"
#include "server/link_options.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DONE = 0, SOME_REFUSED = 1, CUT_SHORT = 2 };
enum { REPORTS_MAX = 100 };

#define BULK_MAX ((int64_t)512 * 1024 * 1024) /* what servers accept unless told otherwise */

struct options {
    struct link_options link;
    const char *file;
    int64_t db;
    struct bytes ttl; /* empty = none */
    struct args separator_text;
    struct bytes separator;
    bool quiet, skip_corrupt;
};

struct import {
    struct options options;
    struct lines lines;
    struct link link;
    struct progress progress;
    uint64_t queued;  /* rows sent or about to be */
    uint64_t refused; /* by us, before sending */
    uint64_t failed;  /* by the server */
    bool is_folder;
};

/* ---- reports ---- */

static void report(struct import *import, uint64_t line, struct bytes what) {
    uint64_t before = import->refused + import->failed;
    if (before > REPORTS_MAX) return;
    progress_clear(&import->progress);
    if (before == REPORTS_MAX)
        fprintf(stderr, "Further lines that are not stored are counted only.\n");
    else
        fprintf(stderr, "line %llu: %.*s\n", (unsigned long long)line, (int)what.len, what.data);
}

static void refuse(struct import *import, const char *why) {
    report(import, import->lines.number, bytes_of(why));
    import->refused++;
}

static void refused_by_server(void *context, uint64_t line, struct bytes error) {
    struct import *import = context;
    report(import, line, error);
    import->failed++;
}

static int complain(const char *format, const char *detail) {
    fprintf(stderr, "strata: ");
    fprintf(stderr, format, detail);
    fprintf(stderr, "\n");
    return CUT_SHORT;
}

/* ---- lines become requests ---- */

static bool queue_line(struct import *import, struct bytes line) {
    struct bytes separator = import->options.separator;
    if (!line.len) return true;
    const char *at = memmem(line.data, line.len, separator.data, separator.len);
    if (!at || at == line.data) {
        refuse(import, at ? "there is no key before the separator" : "there is no value");
        return true;
    }
    struct bytes key = {line.data, (size_t)(at - line.data)};
    struct bytes value = bytes_skip(line, key.len + separator.len);
    if (!link_set(&import->link, key, value, import->options.ttl, import->lines.number))
        return false;
    import->queued++;
    return true;
}

/* Queues lines until there is no room or no line. false = no memory. */
static bool queue_lines(struct import *import) {
    while (link_has_room(&import->link)) {
        struct bytes line;
        switch (lines_next(&import->lines, &line)) {
        case LINE_LATER: return true;
        case LINE_TOO_LONG: refuse(import, "the line is too long"); break;
        case LINE_READY:
            if (!queue_line(import, line)) return false;
            break;
        }
    }
    return true;
}

static bool is_done(const struct import *import) {
    const struct lines *lines = &import->lines;
    return lines->ended && lines->at == lines->text.len && !lines->skipping &&
           !link_in_flight(&import->link) && !link_wants_to_send(&import->link);
}

static int lost(struct import *import) {
    progress_clear(&import->progress);
    fprintf(stderr, "strata: the connection is lost; the lines before line %llu are stored%s\n",
            (unsigned long long)(link_in_flight(&import->link) ? link_oldest_line(&import->link)
                                                               : import->lines.number + 1),
            import->refused + import->failed ? ", but for those reported" : "");
    return CUT_SHORT;
}

/* Waits until the file or the server lets us go on. */
static int transfer_some(struct import *import) {
    struct link *link = &import->link;
    bool wants_lines = !import->lines.ended && link_has_room(link);
    struct pollfd events[2] = {
        {.fd = link->connection.fd,
         .events = (short)(POLLIN | (link_wants_to_send(link) ? POLLOUT : 0))},
        {.fd = wants_lines ? import->lines.fd : -1, .events = POLLIN},
    };
    if (poll(events, 2, -1) < 0 && errno != EINTR) return complain("poll: %s", strerror(errno));
    if (events[0].revents & ~POLLOUT && !link_receive(link)) return lost(import);
    int status = events[1].revents ? lines_read(&import->lines) : 0;
    return status < 0 ? complain("the file cannot be read: %s", strerror(-status)) : DONE;
}

static int transfer(struct import *import) {
    while (!is_done(import)) {
        if (!queue_lines(import)) return complain("there is not enough memory%s", "");
        if (!link_send(&import->link)) {
            link_receive(&import->link); /* what it said before it went */
            return lost(import);
        }
        if (is_done(import)) break;
        int status = transfer_some(import);
        if (status) return status;
        progress_draw(&import->progress, import->link.answered, import->lines.bytes);
    }
    return import->refused || import->failed ? SOME_REFUSED : DONE;
}

static void summarize(struct import *import) {
    uint64_t stored = import->link.answered - import->failed;
    uint64_t not_stored = import->refused + import->failed;
    double seconds = progress_seconds(&import->progress);
    progress_clear(&import->progress);
    printf("%llu rows stored, %.1f MB in %.2f s, %.0f rows/s", (unsigned long long)stored,
           (double)import->lines.bytes / 1e6, seconds, seconds > 0 ? (double)stored / seconds : 0);
    if (not_stored) printf("; %llu lines not stored", (unsigned long long)not_stored);
    printf("\n");
}

/* ---- files of Redis and Valkey ---- */

/* Could that be the beginning of such a file, which is still to come? */
static bool may_become_data(struct bytes start) {
    static const char *const words[] = {"REDIS", "VALKEY", "*", "#TS:"};
    enum { ENOUGH = 32 };
    for (size_t i = 0; start.len < ENOUGH && i < ARRAY_LEN(words); i++)
        if (memcmp(start.data ? start.data : "", words[i], MIN(start.len, strlen(words[i]))) == 0)
            return true;
    return false;
}

/* Reads enough of the file to see what it is. False = it cannot be read. */
static bool read_start(struct import *import, struct buffer *error) {
    struct lines *lines = &import->lines;
    int status = 0;
    while (!status && !lines->ended && may_become_data(buffer_bytes(&lines->text))) {
        struct pollfd event = {.fd = lines->fd, .events = POLLIN};
        poll(&event, 1, -1);
        status = lines_read(lines);
    }
    if (status) buffer_printf(error, "the file cannot be read: %s", strerror(-status));
    return !status;
}

static void summarize_data(const struct import *import, const struct import_data *d, bool good) {
    uint64_t not_stored = d->refused + d->corrupt + d->modules;
    double seconds = progress_seconds(&import->progress);
    printf("%llu keys and %llu commands sent, %.1f MB in %.2f s", (unsigned long long)d->keys,
           (unsigned long long)d->commands, (double)d->bytes / 1e6, seconds);
    if (d->functions) printf("; %llu libraries", (unsigned long long)d->functions);
    if (d->expired) printf("; %llu had expired", (unsigned long long)d->expired);
    if (d->modules) printf("; %llu of modules left out", (unsigned long long)d->modules);
    if (d->corrupt) printf("; %llu corrupt", (unsigned long long)d->corrupt);
    if (d->refused) printf("; %llu refused by the server", (unsigned long long)d->refused);
    printf(not_stored || !good ? "\n" : "; nothing is missing\n");
}

static int transfer_data(struct import *import) {
    struct import_data data = {.link = &import->link,
                               .progress = &import->progress,
                               .skip_corrupt = import->options.skip_corrupt,
                               .db = -1};
    const char *name = import->options.file;
    bool good = import->is_folder ? import_data_folder(&data, name)
                                  : import_data_file(&data, name, import->lines.fd,
                                                     buffer_bytes(&import->lines.text));
    progress_clear(&import->progress);
    if (good || data.keys || data.commands) summarize_data(import, &data, good);
    import_data_free(&data);
    return !good ? CUT_SHORT : data.refused + data.corrupt + data.modules ? SOME_REFUSED : DONE;
}

/* ---- before the first line ---- */

static bool select_db(struct link *link, const struct options *o, struct buffer *error) {
    char db[NUMBER_I64_MAX];
    struct bytes words[] = {BYTES("SELECT"), {db, number_format_i64(db, o->db)}};
    return link_expect_ok(link, words, 2, error);
}

/* A line longer than this would make the server close the connection. Who may not ask gets the
 * default. */
static size_t longest_value(struct link *link) {
    static const struct bytes words[] = {BYTES("CONFIG"), BYTES("GET"),
                                         BYTES("proto-max-bulk-len")};
    int64_t longest = BULK_MAX;
    if (!bytes_equal(link_ask(link, words, 3), BYTES("*2"))) return (size_t)longest;
    for (int i = 0; i < 3; i++)
        link_read_line(link);
    struct bytes text = link_read_line(link);
    if (!number_parse_i64(text, &longest) || longest <= 0) longest = BULK_MAX;
    return (size_t)longest;
}

static bool open_link(struct import *import, struct buffer *error) {
    const struct options *o = &import->options;
    struct link *link = &import->link;
    link->refused = refused_by_server;
    link->context = import;
    if (!link_options_connect(&o->link, link, error) || !select_db(link, o, error)) return false;
    import->lines.longest = longest_value(link);
    return true;
}

static bool open_file(struct import *import, struct buffer *error) {
    struct stat info = {0};
    const char *path = import->options.file;
    bool is_input = strcmp(path, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        buffer_printf(error, "%s: %s", path, strerror(errno));
        return false;
    }
    import->is_folder = S_ISDIR(info.st_mode);
    import->lines.fd = fd;
    progress_begin(&import->progress, S_ISREG(info.st_mode) ? info.st_size : 0,
                   import->options.quiet);
    return true;
}

/* ---- options ---- */

/* "\t" and other escapes as between double quotes. */
static bool parse_separator(struct options *o, const char *text) {
    struct buffer quoted = {0};
    bool good = *text && !strchr(text, '"') && buffer_printf(&quoted, "\"%s\"", text) &&
                args_split(&o->separator_text, buffer_bytes(&quoted)) == ARGS_OK &&
                o->separator_text.count == 1;
    buffer_free(&quoted);
    if (strcmp(text, "\"") == 0) {
        o->separator = BYTES("\"");
        return true;
    }
    if (good) o->separator = o->separator_text.items[0];
    if (good && o->separator.len && !memchr(o->separator.data, '\n', o->separator.len)) return true;
    fprintf(stderr, "strata: --separator takes one byte or more, and no line break\n");
    return false;
}

enum { DB = 1, TTL, SEPARATOR, QUIET, SKIP_CORRUPT };

static bool parse_option(struct options *o, int option, const char *value) {
    int64_t seconds;
    switch (option) {
    case DB: return link_options_number("db", value, 0, INT32_MAX, &o->db);
    case TTL:
        o->ttl = bytes_of(value);
        return link_options_number("ttl", value, 1, INT64_MAX / 1000000, &seconds);
    case SEPARATOR: return parse_separator(o, value);
    case QUIET: o->quiet = true; return true;
    case SKIP_CORRUPT: o->skip_corrupt = true; return true;
    default: return link_options_take(&o->link, option, value);
    }
}

static bool parse_options(struct options *o, int argc, char **argv) {
    static const struct option known[] = {
        LINK_OPTIONS,
        {"db", required_argument, NULL, DB},
        {"ttl", required_argument, NULL, TTL},
        {"separator", required_argument, NULL, SEPARATOR},
        {"quiet", no_argument, NULL, QUIET},
        {"skip-corrupt", no_argument, NULL, SKIP_CORRUPT},
        {0},
    };
    *o = (struct options){.link = link_options_default(), .separator = BYTES(" ")};
    /* getopt_long() skips the first word, which is "import" itself, and names it in errors. */
    argv[-1] = (char *)"strata";
    for (int option; (option = getopt_long(argc + 1, argv - 1, "", known, NULL)) != -1;)
        if (!parse_option(o, option, optarg)) return false;
    if (optind != argc) {
        fprintf(stderr, "strata: import takes one file (or - for standard input); "
                        "strata help import says more\n");
        return false;
    }
    o->file = argv[optind - 1];
    return true;
}

int import(int argc, char **argv) {
    struct import import = {0};
    struct buffer error = {0};
    int status = CUT_SHORT;
    signal(SIGPIPE, SIG_IGN);
    if (parse_options(&import.options, argc, argv)) {
        bool opened = open_file(&import, &error) && open_link(&import, &error) &&
                      (import.is_folder || read_start(&import, &error));
        if (opened && (import.is_folder || import_data_is_one(buffer_bytes(&import.lines.text)))) {
            status = transfer_data(&import);
        } else if (opened) {
            status = transfer(&import);
            summarize(&import);
        } else {
            fprintf(stderr, "strata: %.*s\n", (int)error.len, error.data);
        }
    }
    link_close(&import.link);
    lines_free(&import.lines);
    args_free(&import.options.separator_text);
    buffer_free(&error);
    return status;
}
