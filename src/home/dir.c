/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A home in a directory: an object is a file, the folders of its name are directories.
 *
 * Invariants:
 *   1. A file below its own name is whole: put writes it under another name (in `tmp/`), syncs it,
 *      and only then gives it its name. Appended objects get their first bytes so.
 *   2. When an operation returns 0, the data, the name, and the directories above it have been
 *      synced.
 *   3. Who has it open with HOME_USE holds the lock on the file LOCK; the kernel gives it back when
 *      the process ends, however it ends.
 *   4. What is synced has a name still: who deletes it while it is written, or the directory, is
 *      noticed at the next sync.
 *   5. Only the holder of the lock writes, so what is left in `tmp/` when the home is opened
 *      belongs to nobody, and goes.
 *
 * tests/unit/home_dir.c breaks each of them, by making every call of the system fail in turn.
 */
#include "base/ensure.h"
#include "base/log.h"
#include "home/appended.h"
#include "home/home_priv.h"
#include "sys/file.h"
#include "sys/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOCK_NAME   "LOCK"
#define SCRATCH     "tmp"
#define FOLDER_MODE 0777
#define FILE_MODE   0666

struct dir {
    struct home head;
    char *path; /* absolute: the process may change its directory */
    int lock;   /* the descriptor of LOCK; -1: HOME_LOOK */
    _Atomic uint64_t scratch_number;
};

struct dir_writer {
    struct home_writer head;
    const struct dir *dir;
    bool is_appended;

    struct appended appended;

    /* Of what nobody sees yet: */
    int fd;
    char scratch[PATH_MAX];
    struct file_flow flow;
};

static struct dir *dir_of(struct home *home) {
    return CONTAINER_OF(home, struct dir, head);
}

static struct dir_writer *dir_writer_of(struct home_writer *writer) {
    return CONTAINER_OF(writer, struct dir_writer, head);
}

/* ---- paths ---- */

static int path_of(const struct dir *dir, const char *name, char out[PATH_MAX]) {
    int n = snprintf(out, PATH_MAX, "%s/%s", dir->path, name);
    return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int scratch_path(struct dir *dir, char out[PATH_MAX]) {
    int n = snprintf(out, PATH_MAX, "%s/" SCRATCH "/%llu", dir->path,
                     (unsigned long long)atomic_fetch_add(&dir->scratch_number, 1));
    return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* The directory that a path's last part is in; the path has more than one. */
static void parent_of(const char *path, char out[PATH_MAX]) {
    const char *slash = strrchr(path, '/');
    ensure(slash);
    snprintf(out, PATH_MAX, "%.*s", MAX((int)(slash - path), 1), path);
}

static int sync_parent(const char *path) {
    char parent[PATH_MAX];
    parent_of(path, parent);
    return file_sync_directory(parent);
}

/* Makes the directory if it is not there, durably. */
static int make_folder(const char *path) {
    int error = file_make_directory(path, FOLDER_MODE);
    if (error == -EEXIST) return 0;
    return error ? error : sync_parent(path);
}

/* Makes the folders of an object's name. */
static int make_folders(const struct dir *dir, const char *name) {
    char path[PATH_MAX], part[HOME_NAME_MAX];
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - name), name);
        int error = path_of(dir, part, path);
        if (!error) error = make_folder(path);
        if (error) return error;
    }
    return 0;
}

/* ---- opening ---- */

static void remove_scratch(void *context, const char *name) {
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/" SCRATCH "/%s", (const char *)context, name);
    if (n < PATH_MAX) file_unlink(path);
}

/* Of all the directories above, the last one may be missing. */
static int make_home(struct dir *dir, const char *path) {
    char scratch[PATH_MAX];
    int error = file_make_directory(path, FOLDER_MODE);
    if (error && error != -EEXIST) return error;
    bool is_new = !error;
    dir->path = realpath(path, NULL);
    if (!dir->path) return -errno;
    if (is_new && (error = sync_parent(dir->path))) return error;
    error = path_of(dir, SCRATCH, scratch);
    return error ? error : make_folder(scratch);
}

static bool take_lock(struct dir *dir, struct buffer *error) {
    char path[PATH_MAX], text[32] = "";
    int status = path_of(dir, LOCK_NAME, path);
    dir->lock = status ? status : file_open(path, O_RDWR | O_CREAT, FILE_MODE);
    if (dir->lock < 0) {
        buffer_printf(error, "%s: %s", path, strerror(-dir->lock));
        return false;
    }
    status = file_lock(dir->lock);
    if (status == -EWOULDBLOCK) {
        ssize_t n = file_read_full(dir->lock, text, sizeof text - 1);
        text[MAX(n, (ssize_t)0)] = 0;
        text[strcspn(text, "\n")] = 0;
        buffer_printf(error, "another server (process %s) uses %s", text, dir->path);
        return false;
    }
    if (status) {
        buffer_printf(error, "%s cannot be locked: %s", path, strerror(-status));
        return false;
    }
    int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
    status = file_truncate(dir->lock, 0);
    if (!status) status = file_write_full(dir->lock, bytes_make(text, (size_t)length));
    if (status) log_warning("%s: %s", path, strerror(-status)); /* it is for people, no more */
    return true;
}

/* Better now than when somebody has something to lose. */
static bool try_writing(struct dir *dir, struct buffer *error) {
    char path[PATH_MAX];
    int status = path_of(dir, SCRATCH, path);
    if (!status) status = file_list(path, remove_scratch, dir->path);
    if (!status) status = scratch_path(dir, path);
    if (!status) {
        int fd = file_open(path, O_WRONLY | O_CREAT, FILE_MODE);
        status = MIN(fd, 0);
        if (fd >= 0) file_close(fd);
        file_unlink(path);
    }
    if (status) buffer_printf(error, "%s cannot be written: %s", path, strerror(-status));
    return !status;
}

static void close_dir(struct home *home) {
    struct dir *dir = dir_of(home);
    if (dir->lock >= 0) file_close(dir->lock);
    free(dir->path);
    memory_free(dir);
}

static struct home *open_dir(const char *path, enum home_mode mode, struct buffer *error) {
    struct dir *dir = memory_need(sizeof *dir);
    dir->lock = -1;
    int status = 0;
    if (mode == HOME_USE)
        status = make_home(dir, path);
    else if (!(dir->path = realpath(path, NULL)))
        status = -errno;
    if (status) buffer_printf(error, "%s: %s", path, strerror(-status));
    if (status || (mode == HOME_USE && !take_lock(dir, error))) {
        close_dir(&dir->head);
        return NULL;
    }
    if (mode == HOME_USE && !try_writing(dir, error)) {
        close_dir(&dir->head);
        return NULL;
    }
    return &dir->head;
}

/* ---- writing whole objects ---- */

/* Writes and syncs a file of SCRATCH. */
static int write_scratch(struct dir *dir, struct bytes content, char path[PATH_MAX]) {
    int fd = scratch_path(dir, path);
    if (fd == 0) fd = file_open(path, O_WRONLY | O_CREAT | O_TRUNC, FILE_MODE);
    if (fd < 0) return fd;
    int error = file_write_full(fd, content);
    if (!error) error = file_sync(fd);
    int closing = file_close(fd);
    if (!error) error = closing;
    if (error) file_unlink(path);
    return error;
}

static int put_new(struct home *home, const char *name, struct bytes content) {
    struct dir *dir = dir_of(home);
    char path[PATH_MAX], scratch[PATH_MAX];
    int error = path_of(dir, name, path);
    if (!error) error = make_folders(dir, name);
    if (!error) error = write_scratch(dir, content, scratch);
    if (error) return error;
    error = file_link(scratch, path);
    file_unlink(scratch);
    return error ? error : sync_parent(path);
}

/* Gives the scratch file the object's name. */
static int reveal(const struct dir *dir, const char *scratch, const char *name) {
    char path[PATH_MAX];
    int error = path_of(dir, name, path);
    if (!error) error = make_folders(dir, name);
    if (!error) error = file_rename(scratch, path);
    if (error) file_unlink(scratch);
    return error ? error : sync_parent(path);
}

static int put(struct home *home, const char *name, struct bytes content) {
    struct dir *dir = dir_of(home);
    char scratch[PATH_MAX];
    int error = write_scratch(dir, content, scratch);
    return error ? error : reveal(dir, scratch, name);
}

static int remove_object(struct home *home, const char *name) {
    char path[PATH_MAX];
    int error = path_of(dir_of(home), name, path);
    if (!error) error = file_unlink(path);
    return error ? error : sync_parent(path);
}

/* ---- reading ---- */

static ssize_t get(struct home *home, const char *name, uint64_t offset, void *out, size_t size) {
    char path[PATH_MAX];
    int fd = path_of(dir_of(home), name, path);
    if (fd == 0) fd = file_open(path, O_RDONLY, 0);
    if (fd < 0) return fd;
    ssize_t n = file_pread_full(fd, out, size, (off_t)offset);
    file_close(fd);
    return n;
}

struct listing {
    char **names;
    size_t count, capacity;
    bool no_memory;
};

static void note_name(void *context, const char *name) {
    struct listing *listing = context;
    if (listing->count == listing->capacity) {
        size_t capacity = MAX(listing->capacity * 2, (size_t)16);
        char **names = memory_realloc(listing->names, capacity * sizeof *names);
        listing->no_memory |= !names;
        if (!names) return;
        listing->names = names;
        listing->capacity = capacity;
    }
    listing->names[listing->count++] = memory_strdup_need(name);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(struct home *home, const char *folder, home_lister *fn, void *context) {
    char path[PATH_MAX], name[HOME_NAME_MAX];
    struct listing listing = {0};
    int error = path_of(dir_of(home), folder, path);
    if (!error) error = file_list(path, note_name, &listing);
    if (error == -ENOENT) error = 0;
    if (!error && listing.no_memory) error = -ENOMEM;
    if (listing.count) qsort(listing.names, listing.count, sizeof *listing.names, by_name);
    for (size_t i = 0; i < listing.count; i++) {
        int n = snprintf(name, sizeof name, "%s%s", folder, listing.names[i]);
        int64_t size = path_of(dir_of(home), name, path) ? -1 : file_size(path);
        if (!error && n < HOME_NAME_MAX && size >= 0) fn(context, name, (uint64_t)size);
        memory_free(listing.names[i]);
    }
    memory_free(listing.names);
    return error;
}

static int sync_object(struct home *home, const char *name) {
    char path[PATH_MAX];
    int fd = path_of(dir_of(home), name, path);
    if (fd == 0) fd = file_open(path, O_RDWR, 0);
    if (fd < 0) return fd;
    int error = file_sync(fd);
    file_close(fd);
    return error;
}

/* ---- writers ---- */

static int writer_write(struct home_writer *base, struct iovec *parts, int count, bool sync) {
    struct dir_writer *writer = dir_writer_of(base);
    if (writer->is_appended) return appended_write(&writer->appended, parts, count, sync);
    int error = file_writev_full(writer->fd, parts, count);
    return error || !sync ? error : file_sync_data(writer->fd);
}

static int writer_flow(struct home_writer *base, uint64_t written) {
    struct dir_writer *writer = dir_writer_of(base);
    return file_flow(writer->fd, &writer->flow, written);
}

static int writer_sync(struct home_writer *base) {
    struct dir_writer *writer = dir_writer_of(base);
    return writer->is_appended ? appended_sync(&writer->appended) : file_sync_data(writer->fd);
}

static void writer_prepare(struct home_writer *base) {
    appended_prepare(&dir_writer_of(base)->appended);
}

static void writer_close(struct home_writer *base) {
    struct dir_writer *writer = dir_writer_of(base);
    if (writer->is_appended) {
        appended_close(&writer->appended);
    } else {
        file_close(writer->fd);
        file_unlink(writer->scratch);
    }
    memory_free(writer);
}

static struct dir_writer *writer_alloc(const struct dir *dir, int *error) {
    struct dir_writer *writer = memory_alloc(sizeof *writer);
    *error = writer ? 0 : -ENOMEM;
    if (writer) *writer = (struct dir_writer){.dir = dir};
    return writer;
}

static struct home_writer *append_new(struct home *home, const char *name, struct bytes start,
                                      int *error) {
    char path[PATH_MAX];
    *error = path_of(dir_of(home), name, path);
    if (!*error) *error = put_new(home, name, start);
    if (*error) return NULL;
    struct dir_writer *writer = writer_alloc(dir_of(home), error);
    if (!writer) return NULL;
    writer->is_appended = true;
    *error = appended_open(&writer->appended, path, start.len);
    if (!*error) return &writer->head;
    writer_close(&writer->head);
    return NULL;
}

static struct home_writer *create(struct home *home, int *error) {
    struct dir *dir = dir_of(home);
    struct dir_writer *writer = writer_alloc(dir, error);
    if (!writer) return NULL;
    *error = scratch_path(dir, writer->scratch);
    if (!*error) writer->fd = file_open(writer->scratch, O_WRONLY | O_CREAT | O_TRUNC, FILE_MODE);
    if (!*error && writer->fd < 0) *error = writer->fd;
    if (!*error) return &writer->head;
    memory_free(writer);
    return NULL;
}

static int writer_publish(struct home_writer *base, const char *name) {
    struct dir_writer *writer = dir_writer_of(base);
    ensure(!writer->is_appended);
    int error = file_sync(writer->fd);
    if (!error) {
        error = file_close(writer->fd);
        if (!error) error = reveal(writer->dir, writer->scratch, name);
        memory_free(writer);
        return error;
    }
    writer_close(base);
    return error;
}

const struct home_kind home_dir = {
    .scheme = "dir",
    .open = open_dir,
    .close = close_dir,
    .put_new = put_new,
    .put = put,
    .get = get,
    .list = list,
    .remove = remove_object,
    .sync = sync_object,
    .append_new = append_new,
    .create = create,
    .writer_write = writer_write,
    .writer_flow = writer_flow,
    .writer_sync = writer_sync,
    .writer_prepare = writer_prepare,
    .writer_publish = writer_publish,
    .writer_close = writer_close,
};
