/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/file.h"

#include "base/ensure.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define FLOW_STEP ((uint64_t)4 * 1024 * 1024)

static int system_open(const char *path, int flags, mode_t mode) {
    return open(path, flags, mode);
}

static ssize_t system_pwrite_synced(int fd, const void *data, size_t n, off_t offset) {
    struct iovec part = {(void *)data, n};
    return pwritev2(fd, &part, 1, offset, RWF_DSYNC);
}

const struct file_calls file_system_calls = {
    .open = system_open,
    .read = read,
    .write = write,
    .pread = pread,
    .pwrite = pwrite,
    .pwrite_synced = system_pwrite_synced,
    .writev = writev,
    .fsync = fsync,
    .fdatasync = fdatasync,
    .close = close,
    .rename = rename,
    .unlink = unlink,
    .truncate = ftruncate,
    .link = link,
    .mkdir = mkdir,
    .flock = flock,
    .sync_range = sync_file_range,
};

const struct file_calls *file_calls = &file_system_calls;

static int result_of(int returned) {
    return returned < 0 ? -errno : 0;
}

int file_open(const char *path, int flags, mode_t mode) {
    int fd;
    do {
        fd = file_calls->open(path, flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

int file_close(int fd) {
    return result_of(file_calls->close(fd));
}

int file_sync(int fd) {
    return result_of(file_calls->fsync(fd));
}

int file_sync_data(int fd) {
    return result_of(file_calls->fdatasync(fd));
}

int file_truncate(int fd, off_t size) {
    return result_of(file_calls->truncate(fd, size));
}

void file_forget(int fd, uint64_t from, uint64_t to) {
    posix_fadvise(fd, (off_t)from, (off_t)(to - from), POSIX_FADV_DONTNEED);
}

static int sync_range(int fd, uint64_t from, uint64_t to, unsigned flags) {
    int error = result_of(file_calls->sync_range(fd, (off_t)from, (off_t)(to - from), flags));
    bool can_not = error == -ENOSYS || error == -EINVAL || error == -ESPIPE;
    return can_not ? 0 : error;
}

int file_flow(int fd, struct file_flow *flow, uint64_t end) {
    const unsigned wait =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    if (end - flow->begun < FLOW_STEP) return 0;
    int error = sync_range(fd, flow->begun, end, SYNC_FILE_RANGE_WRITE);
    if (!error && flow->begun > flow->settled) {
        error = sync_range(fd, flow->settled, flow->begun, wait);
        file_forget(fd, flow->settled, flow->begun);
    }
    *flow = (struct file_flow){flow->begun, end};
    return error;
}

int file_rename(const char *from, const char *to) {
    return result_of(file_calls->rename(from, to));
}

int file_unlink(const char *path) {
    return result_of(file_calls->unlink(path));
}

int file_link(const char *from, const char *to) {
    return result_of(file_calls->link(from, to));
}

int file_make_directory(const char *path, mode_t mode) {
    return result_of(file_calls->mkdir(path, mode));
}

int file_lock(int fd) {
    return result_of(file_calls->flock(fd, LOCK_EX | LOCK_NB));
}

int file_set_direct(int fd, bool direct) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -errno;
    return result_of(fcntl(fd, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT));
}

/* Not fstat(): whoever has been told the file's times makes the next write give it new ones, which
 * a sync then brings to the disk as well. */
bool file_has_name(int fd) {
    struct statx info;
    return statx(fd, "", AT_EMPTY_PATH, STATX_NLINK, &info) == 0 && info.stx_nlink > 0;
}

int64_t file_size(const char *path) {
    struct stat info;
    return stat(path, &info) < 0 ? -errno : info.st_size;
}

int file_list(const char *directory, void (*fn)(void *context, const char *name), void *context) {
    DIR *dir = opendir(directory);
    if (!dir) return -errno;
    struct dirent *entry;
    errno = 0;
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.') fn(context, entry->d_name);
    int error = -errno;
    closedir(dir);
    return error;
}

ssize_t file_read_full(int fd, void *data, size_t n) {
    size_t done = 0;
    while (done < n) {
        ssize_t got = file_calls->read(fd, (char *)data + done, n - done);
        if (got == 0) break;
        if (got > 0)
            done += (size_t)got;
        else if (errno != EINTR)
            return -errno;
    }
    return (ssize_t)done;
}

ssize_t file_pread_full(int fd, void *data, size_t n, off_t offset) {
    size_t done = 0;
    while (done < n) {
        ssize_t got = file_calls->pread(fd, (char *)data + done, n - done, offset + (off_t)done);
        if (got == 0) break;
        if (got > 0)
            done += (size_t)got;
        else if (errno != EINTR)
            return -errno;
    }
    return (ssize_t)done;
}

int file_write_full(int fd, struct bytes data) {
    while (data.len) {
        ssize_t put = file_calls->write(fd, data.data, data.len);
        if (put >= 0)
            data = bytes_skip(data, (size_t)put);
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}

typedef ssize_t pwrite_call(int fd, const void *data, size_t n, off_t offset);

static int pwrite_full(pwrite_call *call, int fd, struct bytes data, off_t offset) {
    while (data.len) {
        ssize_t put = call(fd, data.data, data.len, offset);
        if (put >= 0) {
            data = bytes_skip(data, (size_t)put);
            offset += put;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

int file_pwrite_full(int fd, struct bytes data, off_t offset) {
    return pwrite_full(file_calls->pwrite, fd, data, offset);
}

int file_pwrite_synced(int fd, struct bytes data, off_t offset) {
    return pwrite_full(file_calls->pwrite_synced, fd, data, offset);
}

/* Takes n written bytes off the front; returns how many parts are wholly written. */
static int consume_parts(struct iovec *parts, int count, size_t n) {
    int i = 0;
    for (; i < count && n >= parts[i].iov_len; i++)
        n -= parts[i].iov_len;
    if (i < count) {
        parts[i].iov_base = (char *)parts[i].iov_base + n;
        parts[i].iov_len -= n;
    }
    return i;
}

int file_writev_full(int fd, struct iovec *parts, int count) {
    while (count) {
        ssize_t put = file_calls->writev(fd, parts, MIN(count, IOV_MAX));
        if (put >= 0) {
            int whole = consume_parts(parts, count, (size_t)put);
            parts += whole;
            count -= whole;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

int file_sync_directory(const char *directory) {
    int fd = file_open(directory, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) return fd;
    int error = file_sync(fd);
    file_close(fd);
    return error;
}

/* Reads to the end; the size that the file says it has is only a hint. */
static int read_to_end(int fd, struct buffer *out) {
    enum { STEP = 64 * 1024 };
    struct stat info;
    if (fstat(fd, &info) == 0 && info.st_size > 0 && !buffer_reserve(out, (size_t)info.st_size + 1))
        return -ENOMEM;
    for (;;) {
        if (out->len == out->cap && !buffer_reserve(out, STEP)) return -ENOMEM;
        size_t room = out->cap - out->len;
        ssize_t got = file_read_full(fd, out->data + out->len, room);
        if (got < 0) return (int)got;
        out->len += (size_t)got;
        if ((size_t)got < room) return 0;
    }
}

int file_read_all(const char *path, struct buffer *out) {
    int fd = file_open(path, O_RDONLY, 0);
    if (fd < 0) return fd;
    int error = read_to_end(fd, out);
    file_close(fd);
    return error;
}

/* `replaced` has the mode that the file gets; NULL: there is none. */
static int write_and_sync(const char *path, const struct stat *replaced, struct bytes content) {
    mode_t mode = replaced ? replaced->st_mode & 07777 : 0644;
    int fd = file_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode);
    if (fd < 0) return fd;
    int error = replaced && fchmod(fd, mode) != 0 ? -errno : 0;
    if (!error) error = file_write_full(fd, content);
    if (!error) error = file_sync(fd);
    int closing = file_close(fd);
    return error ? error : closing;
}

static void directory_of(const char *path, char *out, size_t cap) {
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(out, cap, ".");
    else
        snprintf(out, cap, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

int file_write_atomic(const char *link, struct bytes content) {
    char target[PATH_MAX], temporary[PATH_MAX], directory[PATH_MAX];
    struct stat info;
    const char *path = realpath(link, target) ? target : link;
    bool exists = stat(path, &info) == 0;
    int n = snprintf(temporary, sizeof temporary, "%s.%d.tmp", path, (int)getpid());
    if (n < 0 || (size_t)n >= sizeof temporary) return -ENAMETOOLONG;
    directory_of(path, directory, sizeof directory);
    int error = write_and_sync(temporary, exists ? &info : NULL, content);
    if (!error) error = file_rename(temporary, path);
    if (error) {
        file_unlink(temporary);
        return error;
    }
    return file_sync_directory(directory);
}
