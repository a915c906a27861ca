/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * strata export: asks a server, Strata or another, for its keys by SCAN, DUMP and PEXPIRETIME and
 * writes them to an RDB file of the version that the server's payloads have. Each key is as it was
 * when it was asked for, so while others write this is no single instant (as BGSAVE's is).
 */
#include "server/export.h"
#include "base/ensure.h"
#include "base/number.h"
#include "journal/rdb_file.h"
#include "server/import_progress.h"
#include "server/link_options.h"
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { DONE = 0, CUT_SHORT = 2 };
enum { KEYS_AT_ONCE = 256 };

struct export {
    struct link_options options;
    const char *name;
    bool quiet, created;
    struct link link;
    int fd;
    char temporary[PATH_MAX]; /* the file, until it is whole */
    struct rdb_writer writer;
    bool writing; /* the version is known, and the head is written */
    struct progress progress;
    uint64_t keys, bytes;
    uint32_t db;
    struct buffer names; /* of the keys in hand, and where each ends */
    size_t ends[KEYS_AT_ONCE * 16];
    unsigned count;
    struct buffer error;
};

static bool fail(struct export *x, const char *what) {
    if (!x->error.len) buffer_printf(&x->error, "%s", what);
    return false;
}

static bool lost(struct export *x) {
    return fail(x, "the connection is lost");
}

/* ---- replies ---- */

/* A line that begins with `mark` and has a number. */
static bool read_number(struct export *x, char mark, int64_t *number) {
    struct bytes line = link_read_line(&x->link);
    if (!line.len) return lost(x);
    if (line.data[0] == mark && number_parse_i64(bytes_skip(line, 1), number)) return true;
    if (line.data[0] == '-')
        buffer_printf(&x->error, "the server says %.*s", (int)line.len - 1, line.data + 1);
    return fail(x, "the server's answer makes no sense");
}

/* A bulk string; *there is false for a null. */
static bool read_bulk(struct export *x, struct buffer *out, bool *there) {
    int64_t length;
    if (!read_number(x, '$', &length)) return false;
    *there = length >= 0;
    if (length < 0) return true;
    if (!link_read_bytes(&x->link, (size_t)length + 2, out)) return lost(x);
    out->len -= 2;
    return true;
}

/* ---- the file ---- */

static bool create_file(struct export *x) {
    int n = snprintf(x->temporary, sizeof x->temporary, "%s.tmp", x->name);
    x->fd = n < (int)sizeof x->temporary
                ? file_open(x->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644)
                : -ENAMETOOLONG;
    x->created = x->fd >= 0;
    if (!x->created) buffer_printf(&x->error, "%s: %s", x->name, strerror(-x->fd));
    return x->created;
}

static int write_file(void *context, struct bytes piece) {
    return file_write_full(((struct export *)context)->fd, piece);
}

/* Gives the file its name, or removes it. */
static int end_file(struct export *x, int status) {
    if (!status) status = file_sync(x->fd);
    int closing = file_close(x->fd);
    if (!status) status = closing;
    if (!status) status = file_rename(x->temporary, x->name);
    if (status) file_unlink(x->temporary);
    return status;
}

/* The first payload tells what the server writes. */
static bool begin_file(struct export *x, unsigned version) {
    if (x->writing) return true;
    struct rdb_output output = {write_file, x};
    rdb_writer_begin(&x->writer, output, (struct rdb_format){version, true});
    rdb_writer_aux(&x->writer, BYTES("strata-ver"), BYTES("1"));
    x->writing = true;
    return true;
}

/* Newer servers write payloads of newer versions, and may read them again. */
static bool write_key(struct export *x, struct bytes name, struct bytes payload, int64_t expiry) {
    struct rdb_reader reader;
    if (!rdb_payload_open(&reader, payload, RDB_ANY_VERSION))
        return fail(x, "a payload came damaged");
    if (!begin_file(x, reader.version)) return false;
    struct rdb_key key = {.name = name,
                          .db = x->db,
                          .expiry = expiry < 0 ? INT64_MIN : expiry,
                          .idle = -1,
                          .frequency = -1};
    rdb_writer_raw(&x->writer, &key, reader.left);
    x->keys++;
    x->bytes += reader.left.len;
    progress_draw(&x->progress, x->keys, x->bytes);
    return !x->writer.status || fail(x, strerror(-x->writer.status));
}

/* ---- asking ---- */

static struct bytes name_at(const struct export *x, unsigned i) {
    size_t start = i ? x->ends[i - 1] : 0;
    return bytes_make(x->names.data + start, x->ends[i] - start);
}

static bool send_all(struct export *x) {
    return link_flush(&x->link) || lost(x);
}

static bool ask_for_keys(struct export *x, unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++) {
        struct bytes name = name_at(x, i);
        struct bytes dump[] = {BYTES("DUMP"), name}, expiry[] = {BYTES("PEXPIRETIME"), name};
        if (!link_request(&x->link, dump, 2, 0) || !link_request(&x->link, expiry, 2, 0))
            return fail(x, "there is not enough memory");
    }
    return send_all(x);
}

/* A key that is gone meanwhile is none. */
static bool take_keys(struct export *x, unsigned from, unsigned to) {
    struct buffer payload = {0};
    bool good = true;
    for (unsigned i = from; good && i < to; i++) {
        bool there = false;
        int64_t expiry;
        buffer_clear(&payload);
        good = read_bulk(x, &payload, &there) && read_number(x, ':', &expiry) &&
               (!there || write_key(x, name_at(x, i), buffer_bytes(&payload), expiry));
    }
    buffer_free(&payload);
    return good;
}

static bool export_keys(struct export *x) {
    for (unsigned from = 0; from < x->count; from += KEYS_AT_ONCE) {
        unsigned to = MIN(from + KEYS_AT_ONCE, x->count);
        if (!ask_for_keys(x, from, to) || !take_keys(x, from, to)) return false;
    }
    return true;
}

/* Asks for more names; *cursor is the text that SCAN wants next. */
static bool scan(struct export *x, struct buffer *cursor) {
    struct bytes words[] = {BYTES("SCAN"), buffer_bytes(cursor), BYTES("COUNT"), BYTES("256")};
    int64_t count;
    bool there;
    if (!link_request(&x->link, words, 4, 0)) return fail(x, "there is not enough memory");
    if (!send_all(x) || !read_number(x, '*', &count)) return false;
    buffer_clear(cursor);
    buffer_clear(&x->names);
    x->count = 0;
    if (!read_bulk(x, cursor, &there) || !read_number(x, '*', &count)) return false;
    if (count < 0 || count > (int64_t)ARRAY_LEN(x->ends))
        return fail(x, "the server's answer makes no sense");
    while (x->count < count) {
        if (!read_bulk(x, &x->names, &there)) return false;
        x->ends[x->count++] = x->names.len;
    }
    return true;
}

static bool export_database(struct export *x) {
    char db[NUMBER_U64_MAX];
    struct bytes select[] = {BYTES("SELECT"), {db, number_format_u64(db, x->db)}};
    if (!link_expect_ok(&x->link, select, 2, &x->error)) return false;
    struct buffer cursor = {0};
    bool good = buffer_append_char(&cursor, '0');
    do
        good = good && scan(x, &cursor) && export_keys(x);
    while (good && !bytes_equal(buffer_bytes(&cursor), BYTES("0")));
    buffer_free(&cursor);
    return good;
}

/* The databases that have keys, by INFO: "db0:keys=..." */
static bool export_all(struct export *x) {
    struct bytes words[] = {BYTES("INFO"), BYTES("keyspace")};
    struct buffer info = {0};
    bool there;
    if (!link_request(&x->link, words, 2, 0) || !send_all(x) || !read_bulk(x, &info, &there) ||
        !buffer_append_char(&info, 0)) {
        buffer_free(&info);
        return fail(x, "there is not enough memory");
    }
    bool good = true;
    for (const char *at = info.data; good && (at = strstr(at, "\ndb")); at++)
        if (sscanf(at, "\ndb%u:", &x->db) == 1) good = export_database(x);
    buffer_free(&info);
    return good && begin_file(x, RDB_VERSION);
}

/* ---- the command ---- */

enum { QUIET = 1 };

static bool parse_options(struct export *x, int argc, char **argv) {
    static const struct option known[] = {
        LINK_OPTIONS,
        {"quiet", no_argument, NULL, QUIET},
        {0},
    };
    x->options = link_options_default();
    argv[-1] = (char *)"strata"; /* getopt_long() skips it, and names it in errors */
    for (int option; (option = getopt_long(argc + 1, argv - 1, "", known, NULL)) != -1;) {
        if (option == QUIET)
            x->quiet = true;
        else if (!link_options_take(&x->options, option, optarg))
            return false;
    }
    if (optind != argc) {
        fprintf(stderr, "strata: export takes one file; strata help export says more\n");
        return false;
    }
    x->name = argv[optind - 1];
    return true;
}

static bool run(struct export *x) {
    if (!link_options_connect(&x->options, &x->link, &x->error)) return false;
    if (!create_file(x)) return false;
    progress_begin(&x->progress, 0, x->quiet);
    return export_all(x);
}

static bool finish(struct export *x, bool good) {
    int status = -ECANCELED;
    if (good) status = rdb_writer_end(&x->writer);
    if (x->created) status = end_file(x, status);
    progress_clear(&x->progress);
    if (good && status) buffer_printf(&x->error, "%s: %s", x->name, strerror(-status));
    return good && !status;
}

int export(int argc, char **argv) {
    struct export x = {0};
    signal(SIGPIPE, SIG_IGN);
    if (!parse_options(&x, argc, argv)) return CUT_SHORT;
    bool good = finish(&x, run(&x));
    if (good)
        printf("%llu keys, %.1f MB in %.2f s\n", (unsigned long long)x.keys, (double)x.bytes / 1e6,
               progress_seconds(&x.progress));
    else
        fprintf(stderr, "strata: %.*s\n", (int)x.error.len, x.error.data);
    link_close(&x.link);
    rdb_writer_free(&x.writer);
    buffer_free(&x.names);
    buffer_free(&x.error);
    return good ? DONE : CUT_SHORT;
}
