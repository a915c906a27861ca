/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/adopt.h"
#include "base/ensure.h"
#include "base/log.h"
#include "base/number.h"
#include "config/config.h"
#include "home/home.h"
#include "journal/aof_file.h"
#include "journal/snapshot.h"
#include "server/aof_folder.h"
#include "server/keep.h"
#include "server/library.h"
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long long ull;

static char *appenddirname, *appendfilename;

static const struct config_row rows[] = {
    {"appenddirname", .type = CONFIG_TEXT, .flags = CONFIG_IMMUTABLE, .value = &appenddirname,
     .initial = "appendonlydir"},
    {"appendfilename", .type = CONFIG_TEXT, .flags = CONFIG_IMMUTABLE, .value = &appendfilename,
     .initial = "appendonly.aof"},
    {0},
};

void adopt_register(void) {
    config_register(rows);
}

static ssize_t read_file(void *context, void *out, size_t size) {
    return file_read_full(*(const int *)context, out, size);
}

static bool fail(struct adoption *a, const char *path, const char *why) {
    buffer_printf(
        a->error,
        "%s: %s. Without the file the server starts empty; 'strata import --skip-corrupt' "
        "can then send what is whole",
        path, why);
    return false;
}

static bool go_to(struct adoption *a, const char *path, int fd, uint64_t offset) {
    return lseek(fd, (off_t)offset, SEEK_SET) >= 0 || fail(a, path, strerror(errno));
}

/* ---- RDB ---- */

static void progress(void *context, uint64_t bytes, uint64_t keys) {
    struct adoption *a = context;
    a->breathe(a->context);
}

/* *end: where the RDB file ends, and an AOF may go on. */
static bool load_rdb(struct adoption *a, const char *path, int fd, uint64_t *end) {
    unsigned workers = net_workers(exec_net(a->exec));
    int64_t size = file_size(path);
    struct snapshot_load_result result = snapshot_load(&(struct snapshot_load_options){
        .keyspace = a->view.keyspace,
        .threads = workers - 1, /* and this one reads */
        .input = {read_file, &fd},
        .bytes = size > 0 ? (uint64_t)size : 0,
        .clock_ms = a->view.now_ms,
        .function = library_read,
        .progress = progress,
        .progress_context = a,
    });
    if (!result.good) return fail(a, path, result.error);
    *end = result.bytes;
    log_notice("%s is loaded, since the home is empty: %llu keys, %llu that have expired left out",
               path, (ull)result.keys, (ull)result.expired);
    return true;
}

/* ---- AOF ---- */

/* What a crash has cut counts up to the last command or transaction that is whole. False: it is
 * damaged before its end. */
static bool find_end(struct adoption *a, const char *path, int fd, uint64_t start, uint64_t *end) {
    struct aof_record r;
    bool in_transaction = false;
    struct aof_file *file = aof_file_open((struct rdb_input){read_file, &fd}, start);
    if (!file) return fail(a, path, "there is not enough memory");
    *end = start;
    while (aof_file_next(file, &r) == AOF_ITEM_COMMAND) {
        if (bytes_is(r.argv[0], "multi")) in_transaction = true;
        if (bytes_is(r.argv[0], "exec")) in_transaction = false;
        if (!in_transaction) *end = aof_file_offset(file);
    }
    bool good = r.item != AOF_ITEM_ERROR || fail(a, path, aof_file_error(file));
    if (r.item == AOF_ITEM_TORN || (good && *end < aof_file_offset(file)))
        log_warning("%s ends in the middle of something, at offset %llu: the rest is left out",
                    path, (ull)*end);
    aof_file_close(file);
    return good;
}

static bool run(struct adoption *a, const struct aof_record *r) {
    int64_t db;
    if (bytes_is(r->argv[0], "multi") || bytes_is(r->argv[0], "exec")) return true;
    if (!bytes_is(r->argv[0], "select"))
        return command_runner_run(a->runner, 0, &a->view, r->argv, r->argc);
    if (r->argc != 2 || !number_parse_i64(r->argv[1], &db) || db < 0 ||
        db >= config_number("databases"))
        return false;
    a->view.db = (uint32_t)db;
    return true;
}

static bool run_all(struct adoption *a, const char *path, int fd, uint64_t start, uint64_t end) {
    struct aof_record r;
    uint64_t count = 0;
    struct aof_file *file = aof_file_open((struct rdb_input){read_file, &fd}, start);
    if (!file) return fail(a, path, "there is not enough memory");
    bool good = true, stopped = false;
    a->view.db = 0;
    while (good && !stopped && aof_file_next(file, &r) == AOF_ITEM_COMMAND && r.offset < end) {
        good = run(a, &r);
        stopped = count++ % 1024 == 0 && !a->breathe(a->context);
    }
    if (good && !stopped) {
        log_notice("%s is loaded, since the home is empty: %llu commands", path, (ull)count);
    } else if (!good) {
        char why[128];
        snprintf(why, sizeof why, "the command '%.*s' at offset %llu cannot be run",
                 (int)MIN(r.argv[0].len, (size_t)32), r.argv[0].data, (ull)r.offset);
        fail(a, path, why);
    }
    aof_file_close(file);
    return good && !stopped;
}

static bool load_aof(struct adoption *a, const char *path, int fd, uint64_t start) {
    uint64_t end;
    return go_to(a, path, fd, start) && find_end(a, path, fd, start, &end) &&
           go_to(a, path, fd, start) && run_all(a, path, fd, start, end);
}

/* ---- which ---- */

/* An RDB file, an AOF, or one that goes on as the other. */
static bool load_open_file(struct adoption *a, const char *path, int fd) {
    char start[64];
    uint64_t end = 0;
    ssize_t n = file_read_full(fd, start, sizeof start);
    if (n > 0 && rdb_file_is_one(bytes_make(start, (size_t)n))) {
        if (!go_to(a, path, fd, 0) || !load_rdb(a, path, fd, &end)) return false;
        n = file_pread_full(fd, start, sizeof start, (off_t)end);
    }
    if (n < 0) return fail(a, path, strerror((int)-n));
    a->any = true;
    return n == 0 || load_aof(a, path, fd, end);
}

static bool load_file(struct adoption *a, const char *path) {
    int fd = file_open(path, O_RDONLY, 0);
    if (fd < 0) return fail(a, path, strerror(-fd));
    bool good = load_open_file(a, path, fd);
    file_close(fd);
    return good;
}

static bool load_folder(struct adoption *a, const char *path, const struct aof_folder *folder) {
    bool good = true;
    for (unsigned i = 0; good && i < folder->count; i++) {
        char part[PATH_MAX + AOF_NAME_MAX];
        snprintf(part, sizeof part, "%s/%s", path, folder->parts[i].name);
        good = load_file(a, part);
    }
    return good;
}

static bool load_rdb_file(struct adoption *a) {
    struct buffer path = {0};
    config_show("dbfilename", &path);
    bool good =
        buffer_append_char(&path, 0) && (access(path.data, F_OK) != 0 || load_file(a, path.data));
    buffer_free(&path);
    return good;
}

static bool load_aof_folder(struct adoption *a, const char *path) {
    struct aof_folder folder = {0};
    struct buffer why = {0};
    bool good = aof_folder_read(&folder, path, &why) ||
                (buffer_append_char(&why, 0) && fail(a, path, why.data));
    if (good) good = load_folder(a, path, &folder);
    aof_folder_free(&folder);
    buffer_free(&why);
    return good;
}

bool adopt_files(struct adoption *a) {
    if (keep_journal() && access(appenddirname, F_OK) == 0)
        return load_aof_folder(a, appenddirname);
    if (keep_journal() && access(appendfilename, F_OK) == 0) return load_file(a, appendfilename);
    return load_rdb_file(a);
}

/* ---- into the home ---- */

static int write_piece(void *context, struct bytes piece) {
    return home_writer_write(context, &(struct iovec){(void *)piece.data, piece.len}, 1, false);
}

static int put_snapshot(struct adoption *a, struct home_writer *writer) {
    struct snapshot_progress ignored = {0};
    struct gate *gate = exec_gate(a->exec);
    snapshot_reserve(); /* nobody else is told to take one yet */
    gate_attach(gate, a->view.worker);
    struct snapshot_result result = snapshot_take(&(struct snapshot_options){
        .keyspace = a->view.keyspace,
        .gate = gate,
        .participant = a->view.worker,
        .format = {RDB_VERSION, true},
        .output = {write_piece, writer},
        .each_function = library_write_all,
        .progress = &ignored,
    });
    gate_detach(gate, a->view.worker);
    snapshot_release();
    return result.status;
}

bool adopt_keep(struct adoption *a) {
    char name[HOME_NAME_MAX];
    int status;
    struct home_writer *writer = home_create(keep_home(), &status);
    if (writer) status = put_snapshot(a, writer);
    keep_snapshot_name(name, sizeof name, 0);
    if (writer && !status)
        status = home_writer_publish(writer, name);
    else if (writer)
        home_writer_close(writer);
    if (status)
        buffer_printf(a->error, "a snapshot cannot be put into %s: %s", keep_url(),
                      strerror(-status));
    return !status;
}
