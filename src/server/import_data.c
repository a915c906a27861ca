/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys of RDB files go out as RESTORE, with their values as they are in the file; commands of AOFs
 * as they are. */
#include "server/import_data.h"
#include "base/ensure.h"
#include "base/number.h"
#include "journal/aof_file.h"
#include "journal/rdb_file.h"
#include "server/aof_folder.h"
#include "server/input_file.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "value/types.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { REPORTS_MAX = 100 };

/* ---- reports ---- */

static void report(struct import_data *d, const char *what, int length) {
    uint64_t before = d->refused + d->corrupt + d->modules;
    if (before > REPORTS_MAX) return;
    progress_clear(d->progress);
    if (before == REPORTS_MAX)
        fprintf(stderr, "Further ones that are not stored are counted only.\n");
    else
        fprintf(stderr, "%s: %.*s\n", d->file, length, what);
}

static void report_key(struct import_data *d, const struct rdb_record *r, const char *what) {
    char text[256];
    struct bytes name = r->key.name;
    int n = snprintf(text, sizeof text, "key '%.*s', at offset %llu: %s", (int)MIN(name.len, 64u),
                     name.data, (unsigned long long)r->offset, what);
    report(d, text, MIN(n, (int)sizeof text - 1));
}

static void refused_by_server(void *context, uint64_t offset, struct bytes error) {
    struct import_data *d = context;
    char text[512];
    int n = snprintf(text, sizeof text, "at offset %llu: the server says %.*s",
                     (unsigned long long)offset, (int)MIN(error.len, 300u), error.data);
    report(d, text, MIN(n, (int)sizeof text - 1));
    d->refused++;
}

static bool stop(struct import_data *d, const char *what) {
    progress_clear(d->progress);
    fprintf(stderr, "strata: %s: %s\n", d->file, what);
    return false;
}

/* ---- requests ---- */

static bool request(struct import_data *d, const struct bytes *words, unsigned count,
                    uint64_t offset) {
    if (!link_wait(d->link, false)) return stop(d, "the connection is lost");
    if (!link_request(d->link, words, count, offset)) return stop(d, "there is not enough memory");
    progress_draw(d->progress, d->keys + d->commands, d->bytes + offset);
    return true;
}

static bool select_db(struct import_data *d, uint32_t db, uint64_t offset) {
    char text[NUMBER_U64_MAX];
    struct bytes words[] = {BYTES("SELECT"), {text, number_format_u64(text, db)}};
    if (d->db == (int64_t)db) return true;
    d->db = db;
    return request(d, words, 2, offset);
}

/* ---- RDB ---- */

/* A payload as DUMP makes it: the value, the version of the format, and a checksum. */
static bool make_payload(struct import_data *d, const struct rdb_record *r, unsigned version) {
    uint16_t wire = (uint16_t)version;
    buffer_clear(&d->payload);
    return buffer_append_char(&d->payload, (char)r->type) &&
           buffer_append_bytes(&d->payload, r->body) &&
           buffer_append(&d->payload, &wire, sizeof wire) &&
           rdb_write_u64(&d->payload, rdb_checksum(0, buffer_bytes(&d->payload)));
}

static bool send_key(struct import_data *d, const struct rdb_record *r, unsigned version) {
    char expiry[NUMBER_I64_MAX], usage[NUMBER_I64_MAX];
    struct bytes words[8] = {BYTES("RESTORE"), r->key.name, BYTES("0")};
    unsigned count = 4;
    if (!make_payload(d, r, version)) return stop(d, "there is not enough memory");
    words[3] = buffer_bytes(&d->payload);
    if (r->key.expiry != INT64_MIN) {
        words[2] = bytes_make(expiry, number_format_i64(expiry, r->key.expiry));
        words[count++] = BYTES("ABSTTL");
    }
    words[count++] = BYTES("REPLACE");
    int64_t used = r->key.idle >= 0 ? r->key.idle : r->key.frequency;
    if (used >= 0) {
        words[count++] = r->key.idle >= 0 ? BYTES("IDLETIME") : BYTES("FREQ");
        words[count++] = bytes_make(usage, number_format_i64(usage, used));
    }
    d->keys++;
    return request(d, words, count, r->offset);
}

static bool take_key(struct import_data *d, const struct rdb_file *file,
                     const struct rdb_record *r) {
    if (r->key.expiry != INT64_MIN && r->key.expiry <= d->now_ms) {
        d->expired++;
        return true;
    }
    struct value value = {0};
    bool no_memory;
    buffer_clear(&d->scratch);
    bool good = rdb_file_value(file, r, d->now_ms, &d->scratch, &value, &no_memory);
    if (good && value.large) value_ops(value.type)->free(value.object);
    if (no_memory) return stop(d, "there is not enough memory");
    if (good) return select_db(d, r->key.db, r->offset) && send_key(d, r, rdb_file_version(file));
    report_key(d, r, "the value is corrupt");
    d->corrupt++;
    return d->skip_corrupt || stop(d, "stopped there; --skip-corrupt goes on behind it");
}

static bool take_function(struct import_data *d, const struct rdb_record *r) {
    struct bytes words[] = {BYTES("FUNCTION"), BYTES("LOAD"), BYTES("REPLACE"), r->value};
    d->functions++;
    return request(d, words, ARRAY_LEN(words), r->offset);
}

static void take_module(struct import_data *d, const struct rdb_record *r) {
    char text[64];
    snprintf(text, sizeof text, "data of module %.*s", (int)r->name.len, r->name.data);
    if (!r->key.name.data) return;
    report_key(d, r, text);
    d->modules++;
}

static bool take_record(struct import_data *d, const struct rdb_file *file,
                        const struct rdb_record *r) {
    switch (r->item) {
    case RDB_ITEM_KEY: return take_key(d, file, r);
    case RDB_ITEM_FUNCTION: return take_function(d, r);
    case RDB_ITEM_MODULE: take_module(d, r); return true;
    case RDB_ITEM_ERROR: return stop(d, rdb_file_error(file));
    default: return true;
    }
}

/* ---- AOF ---- */

/* The database that the server is in is that of the AOF's last SELECT. */
static bool take_command(struct import_data *d, const struct aof_record *r) {
    if (r->argc == 2 && bytes_is(r->argv[0], "select")) d->db = -1;
    d->commands++;
    return request(d, r->argv, r->argc, r->offset);
}

static bool take_commands(struct import_data *d, struct aof_file *file) {
    struct aof_record r;
    while (aof_file_next(file, &r) == AOF_ITEM_COMMAND)
        if (!take_command(d, &r)) return false;
    if (r.item == AOF_ITEM_END) return true;
    progress_clear(d->progress);
    fprintf(stderr, "%s: %s\n", d->file, aof_file_error(file));
    d->corrupt++;
    return r.item == AOF_ITEM_TORN || stop(d, "stopped there");
}

/* ---- files ---- */

/* Files begin in the first database, whatever has been before. */
static bool import_aof(struct import_data *d, struct input_file *input, uint64_t offset) {
    d->db = -1;
    if (!select_db(d, 0, offset)) return false;
    struct aof_file *file = aof_file_open(input_file_begin(input), offset);
    if (!file) return stop(d, "there is not enough memory");
    bool good = take_commands(d, file);
    d->bytes += aof_file_offset(file) - offset;
    aof_file_close(file);
    return good;
}

static bool import_records(struct import_data *d, struct rdb_file *file) {
    struct rdb_record r;
    bool good;
    do {
        rdb_file_next(file, &r);
        good = take_record(d, file, &r);
    } while (good && r.item != RDB_ITEM_END);
    return good;
}

/* An RDB file, and the AOF that may follow in it. */
static bool import_rdb(struct import_data *d, struct input_file *input) {
    struct rdb_file *file = rdb_file_open(input_file_begin(input));
    if (!file) return stop(d, "there is not enough memory");
    bool good = import_records(d, file);
    uint64_t offset = rdb_file_offset(file);
    d->bytes += offset;
    if (good) {
        struct input_file rest = {rdb_file_rest(file), input->fd};
        if (rest.start.len && aof_file_is_one(rest.start)) good = import_aof(d, &rest, offset);
    }
    rdb_file_close(file);
    return good;
}

bool import_data_is_one(struct bytes start) {
    return rdb_file_is_one(start) || aof_file_is_one(start);
}

bool import_data_file(struct import_data *d, const char *name, int fd, struct bytes start) {
    struct input_file input = {start, fd};
    d->file = name;
    d->now_ms = clock_wall_ms();
    value_types_register();
    d->link->refused = refused_by_server;
    d->link->context = d;
    d->link->any_reply = true;
    bool good = rdb_file_is_one(start) ? import_rdb(d, &input) : import_aof(d, &input, 0);
    if (link_wait(d->link, true)) return good;
    return good && stop(d, "the connection is lost");
}

/* ---- folders ---- */

static bool import_part(struct import_data *d, const char *path) {
    char start[64];
    int fd = file_open(path, O_RDONLY, 0);
    d->file = path;
    if (fd < 0) return stop(d, strerror(-fd));
    ssize_t n = file_read_full(fd, start, sizeof start);
    struct bytes bytes = bytes_make(start, n > 0 ? (size_t)n : 0);
    bool good = n >= 0 && (n == 0 || import_data_is_one(bytes));
    if (n < 0)
        stop(d, strerror((int)-n));
    else if (!good)
        stop(d, "this is neither an RDB file nor an AOF");
    if (good && n > 0) good = import_data_file(d, path, fd, bytes);
    file_close(fd);
    return good;
}

bool import_data_folder(struct import_data *d, const char *path) {
    struct aof_folder folder = {0};
    struct buffer error = {0};
    d->file = path;
    bool good = aof_folder_read(&folder, path, &error) ||
                (buffer_append_char(&error, 0) && stop(d, error.data));
    for (unsigned i = 0; good && i < folder.count; i++) {
        char name[PATH_MAX + AOF_NAME_MAX];
        snprintf(name, sizeof name, "%s/%s", path, folder.parts[i].name);
        good = import_part(d, name);
    }
    aof_folder_free(&folder);
    buffer_free(&error);
    return good;
}

void import_data_free(struct import_data *d) {
    buffer_free(&d->payload);
    buffer_free(&d->scratch);
}
