/* SPDX-License-Identifier: BSD-3-Clause */
/* strata hotkeys: asks a server with HOTKEYS LIST, and prints a table. */
#include "server/hotkeys.h"
#include "base/ensure.h"
#include "base/number.h"
#include "server/link_options.h"

#include <ctype.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>

enum { DONE = 0, FAILED = 1, WRONG_USE = 2 };
enum { COUNT = 1, RESET };

#define COUNT_MAX 128

struct options {
    struct link_options link;
    int64_t count;
    bool reset;
};

/* One line of the table. */
struct row {
    struct buffer key;
    int64_t db, per_second;
    char percent[16];
};

/* ---- reading the reply, of whose shape there is no doubt but for errors ---- */

/* The number of a line such as "*8"; -1: it is another one. */
static int64_t head_number(struct bytes line, char kind) {
    int64_t n;
    if (!line.len || line.data[0] != kind) return -1;
    return number_parse_i64(bytes_skip(line, 1), &n) ? n : -1;
}

static bool read_bulk(struct link *link, struct buffer *out) {
    int64_t length = head_number(link_read_line(link), '$');
    if (length < 0 || !link_read_bytes(link, (size_t)length + 2, out)) return false;
    out->len -= 2; /* the line break */
    return true;
}

static bool read_integer(struct link *link, int64_t *out) {
    struct bytes line = link_read_line(link);
    return line.len && line.data[0] == ':' && number_parse_i64(bytes_skip(line, 1), out);
}

static bool read_field(struct link *link, struct row *row, struct bytes name) {
    struct buffer text = {0};
    bool ok = true;
    if (bytes_equal(name, BYTES("key"))) {
        ok = read_bulk(link, &row->key);
    } else if (bytes_equal(name, BYTES("db"))) {
        ok = read_integer(link, &row->db);
    } else if (bytes_equal(name, BYTES("accesses-per-second"))) {
        ok = read_integer(link, &row->per_second);
    } else {
        ok = read_bulk(link, &text);
        snprintf(row->percent, sizeof row->percent, "%.*s", (int)text.len,
                 text.data ? text.data : "");
        buffer_free(&text);
    }
    return ok;
}

static bool read_row(struct link *link, struct row *row) {
    int64_t fields = head_number(link_read_line(link), '*') / 2;
    bool ok = fields > 0;
    for (int64_t i = 0; ok && i < fields; i++) {
        struct buffer name = {0};
        ok = read_bulk(link, &name) && read_field(link, row, buffer_bytes(&name));
        buffer_free(&name);
    }
    return ok;
}

/* ---- printing ---- */

static void print_key(struct bytes key) {
    for (size_t i = 0; i < key.len; i++) {
        unsigned char c = (unsigned char)key.data[i];
        if (c == '\\')
            fputs("\\\\", stdout);
        else if (c < 0x80 && !isprint(c))
            printf("\\x%02x", c);
        else
            putchar(c);
    }
    putchar('\n');
}

static bool print_rows(struct link *link, int64_t rows) {
    if (rows) printf("%12s  %7s  %3s  %s\n", "per second", "percent", "db", "key");
    for (int64_t i = 0; i < rows; i++) {
        struct row row = {0};
        bool ok = read_row(link, &row);
        if (ok) {
            printf("%12lld  %7s  %3lld  ", (long long)row.per_second, row.percent,
                   (long long)row.db);
            print_key(buffer_bytes(&row.key));
        }
        buffer_free(&row.key);
        if (!ok) return false;
    }
    if (!rows) puts("No key has been used often enough to be noticed.");
    return true;
}

/* ---- asking ---- */

static int fail(struct bytes why) {
    fprintf(stderr, "strata: %.*s\n", (int)why.len, why.data);
    return FAILED;
}

static int list(struct link *link, const struct options *o) {
    char count[NUMBER_I64_MAX];
    struct bytes words[] = {BYTES("HOTKEYS"), BYTES("LIST"), BYTES("COUNT"),
                            bytes_make(count, number_format_i64(count, o->count))};
    struct bytes reply = link_ask(link, words, ARRAY_LEN(words));
    if (reply.len && reply.data[0] == '-') return fail(bytes_skip(reply, 1));
    int64_t rows = head_number(reply, '*');
    if (rows >= 0 && print_rows(link, rows)) return DONE;
    return fail(BYTES("the connection is lost, or the server is no Strata"));
}

static int reset(struct link *link, struct buffer *error) {
    static const struct bytes words[] = {BYTES("HOTKEYS"), BYTES("RESET")};
    return link_expect_ok(link, words, ARRAY_LEN(words), error) ? DONE : fail(buffer_bytes(error));
}

static bool parse_option(struct options *o, int option, const char *value) {
    switch (option) {
    case COUNT: return link_options_number("count", value, 1, COUNT_MAX, &o->count);
    case RESET: o->reset = true; return true;
    default: return link_options_take(&o->link, option, value);
    }
}

static bool parse_options(struct options *o, int argc, char **argv) {
    static const struct option known[] = {
        LINK_OPTIONS,
        {"count", required_argument, NULL, COUNT},
        {"reset", no_argument, NULL, RESET},
        {0},
    };
    *o = (struct options){.link = link_options_default(), .count = 10};
    /* getopt_long() skips the first word, which is "hotkeys" itself, and names it in errors. */
    argv[-1] = (char *)"strata";
    for (int option; (option = getopt_long(argc + 1, argv - 1, "", known, NULL)) != -1;)
        if (!parse_option(o, option, optarg)) return false;
    if (optind == argc + 1) return true;
    fprintf(stderr, "strata: hotkeys takes options alone; strata help hotkeys says more\n");
    return false;
}

int hotkeys(int argc, char **argv) {
    struct options options;
    struct link link = {0};
    struct buffer error = {0};
    signal(SIGPIPE, SIG_IGN);
    if (!parse_options(&options, argc, argv)) return WRONG_USE;
    int status;
    if (!link_options_connect(&options.link, &link, &error))
        status = fail(buffer_bytes(&error));
    else
        status = options.reset ? reset(&link, &error) : list(&link, &options);
    link_close(&link);
    buffer_free(&error);
    return status;
}
