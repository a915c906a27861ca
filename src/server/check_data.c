/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/check_data.h"
#include "base/ensure.h"
#include "base/number.h"
#include "journal/aof_file.h"
#include "journal/rdb_file.h"
#include "server/aof_folder.h"
#include "server/input_file.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "value/types.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { FINE = 0, DAMAGED = 1, CANNOT = 2 };
enum { START_SIZE = 64, REPORTS_MAX = 100, MODULES_MAX = 16 };

typedef unsigned long long ull;

struct checking {
    const char *file;
    int64_t now_ms;
    struct buffer scratch;
    uint64_t keys[TYPE_COUNT], volatile_keys, expired, functions, commands;
    uint64_t corrupt, module_keys;
    uint32_t databases; /* the highest number and one */
    struct {
        char name[10];
        uint64_t keys, others;
    } modules[MODULES_MAX];
};

static void complain(const struct checking *c, const char *what) {
    printf("%s: %s\n", c->file, what);
}

/* ---- RDB ---- */

static void count_module(struct checking *c, const struct rdb_record *r) {
    c->module_keys += r->key.name.data != NULL;
    for (unsigned i = 0; i < MODULES_MAX; i++) {
        char *name = c->modules[i].name;
        if (!*name) memcpy(name, r->name.data, MIN(r->name.len, sizeof c->modules[i].name - 1));
        if (!bytes_equal(bytes_of(name), r->name)) continue;
        if (r->key.name.data)
            c->modules[i].keys++;
        else
            c->modules[i].others++;
        return;
    }
}

static void report_corrupt(struct checking *c, const struct rdb_record *r) {
    struct bytes name = r->key.name;
    if (c->corrupt++ < REPORTS_MAX)
        printf("%s: key '%.*s' of database %u, at offset %llu: the value is corrupt\n", c->file,
               (int)MIN(name.len, 64u), name.data, r->key.db, (ull)r->offset);
}

/* False: there is no memory to go on. */
static bool check_key(struct checking *c, const struct rdb_file *file, const struct rdb_record *r) {
    struct value value = {0};
    bool no_memory;
    buffer_clear(&c->scratch);
    c->databases = MAX(c->databases, r->key.db + 1);
    c->volatile_keys += r->key.expiry != INT64_MIN;
    c->expired += r->key.expiry != INT64_MIN && r->key.expiry < c->now_ms;
    if (rdb_file_value(file, r, c->now_ms, &c->scratch, &value, &no_memory)) {
        c->keys[value.type]++;
        if (value.large) value_ops(value.type)->free(value.object);
    } else if (no_memory) {
        complain(c, "there is not enough memory to look at all of it");
        return false;
    } else {
        report_corrupt(c, r);
    }
    return true;
}

static void print_counts(const struct checking *c, const struct rdb_file *file) {
    static const char *const names[] = {"strings",     "lists",  "sets",
                                        "sorted sets", "hashes", "streams"};
    printf("%s: RDB of version %u, %llu bytes\n", c->file, rdb_file_version(file),
           (ull)rdb_file_offset(file));
    for (unsigned type = 0; type < TYPE_COUNT; type++)
        if (c->keys[type]) printf("  %llu %s\n", (ull)c->keys[type], names[type]);
    if (c->volatile_keys)
        printf("  %llu keys expire, of which %llu have\n", (ull)c->volatile_keys, (ull)c->expired);
    if (c->functions) printf("  %llu libraries of functions\n", (ull)c->functions);
    for (unsigned i = 0; i < MODULES_MAX && *c->modules[i].name; i++)
        printf("  module %s: %llu keys, %llu other records\n", c->modules[i].name,
               (ull)c->modules[i].keys, (ull)c->modules[i].others);
    if (c->corrupt) printf("  %llu corrupt values\n", (ull)c->corrupt);
}

static int check_records(struct checking *c, struct rdb_file *file) {
    struct rdb_record r;
    for (;;) {
        switch (rdb_file_next(file, &r)) {
        case RDB_ITEM_KEY:
            if (!check_key(c, file, &r)) return CANNOT;
            break;
        case RDB_ITEM_FUNCTION: c->functions++; break;
        case RDB_ITEM_MODULE: count_module(c, &r); break;
        case RDB_ITEM_ERROR:
            print_counts(c, file);
            complain(c, rdb_file_error(file));
            return DAMAGED;
        case RDB_ITEM_END: print_counts(c, file); return c->corrupt ? DAMAGED : FINE;
        default: break;
        }
    }
}

/* ---- AOF ---- */

static int check_commands(struct checking *c, struct aof_file *file) {
    struct aof_record r;
    uint64_t transaction = 0; /* where one begins that has not ended; 0 = none */
    while (aof_file_next(file, &r) == AOF_ITEM_COMMAND) {
        c->commands++;
        if (bytes_is(r.argv[0], "multi")) transaction = r.offset + 1;
        if (bytes_is(r.argv[0], "exec")) transaction = 0;
    }
    printf("%s: %llu commands, %llu bytes\n", c->file, (ull)c->commands,
           (ull)aof_file_offset(file));
    if (transaction)
        printf("%s: the transaction at offset %llu has no end\n", c->file, (ull)transaction - 1);
    if (r.item == AOF_ITEM_END) return transaction ? DAMAGED : FINE;
    complain(c, aof_file_error(file));
    return DAMAGED;
}

/* ---- files ---- */

static int check_aof(struct checking *c, struct input_file *input, uint64_t offset) {
    struct aof_file *file = aof_file_open(input_file_begin(input), offset);
    if (!file) return CANNOT;
    int status = check_commands(c, file);
    aof_file_close(file);
    return status;
}

static int check_rdb(struct checking *c, struct input_file *input) {
    struct rdb_file *file = rdb_file_open(input_file_begin(input));
    if (!file) return CANNOT;
    int status = check_records(c, file);
    struct input_file rest = {rdb_file_rest(file), input->fd};
    if (status == FINE && aof_file_is_one(rest.start))
        status = check_aof(c, &rest, rdb_file_offset(file));
    rdb_file_close(file);
    return status;
}

static int check_open_file(const char *path, int fd) {
    char start[START_SIZE];
    struct checking checking = {.file = path, .now_ms = clock_wall_ms()};
    ssize_t n = file_read_full(fd, start, sizeof start);
    struct input_file input = {bytes_make(start, n > 0 ? (size_t)n : 0), fd};
    int status = DAMAGED;
    value_types_register();
    if (n < 0) {
        complain(&checking, strerror((int)-n));
        status = CANNOT;
    } else if (rdb_file_is_one(input.start)) {
        status = check_rdb(&checking, &input);
    } else if (n == 0 || aof_file_is_one(input.start)) {
        status = check_aof(&checking, &input, 0);
    } else {
        complain(&checking, "this is neither an RDB file nor an AOF");
    }
    buffer_free(&checking.scratch);
    return status;
}

static int check_file(const char *path) {
    int fd = file_open(path, O_RDONLY, 0);
    if (fd < 0) {
        printf("%s: %s\n", path, strerror(-fd));
        return CANNOT;
    }
    int status = check_open_file(path, fd);
    file_close(fd);
    return status;
}

static int check_folder(const char *path) {
    struct aof_folder folder = {0};
    struct buffer error = {0};
    int status = FINE;
    if (!aof_folder_read(&folder, path, &error)) {
        printf("%s: %.*s\n", path, (int)error.len, error.data);
        status = DAMAGED;
    }
    for (unsigned i = 0; i < folder.count; i++) {
        char name[PATH_MAX + AOF_NAME_MAX];
        snprintf(name, sizeof name, "%s/%s", path, folder.parts[i].name);
        int one = check_file(name);
        status = MAX(status, one);
    }
    aof_folder_free(&folder);
    buffer_free(&error);
    return status;
}

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

int check_data(const char *path) {
    return is_folder(path) ? check_folder(path) : check_file(path);
}
