/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Files, every effect through one table of calls that a test can replace to make them fail. All
 * functions return 0 or a count, or a negative errno (never through errno itself). */

struct file_calls {
    int (*open)(const char *path, int flags, mode_t mode);
    ssize_t (*read)(int fd, void *data, size_t n);
    ssize_t (*write)(int fd, const void *data, size_t n);
    ssize_t (*pread)(int fd, void *data, size_t n, off_t offset);
    ssize_t (*pwrite)(int fd, const void *data, size_t n, off_t offset);
    ssize_t (*pwrite_synced)(int fd, const void *data, size_t n, off_t offset);
    ssize_t (*writev)(int fd, const struct iovec *parts, int count);
    int (*fsync)(int fd);
    int (*fdatasync)(int fd);
    int (*close)(int fd);
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*truncate)(int fd, off_t size);
    int (*link)(const char *from, const char *to);
    int (*mkdir)(const char *path, mode_t mode);
    int (*flock)(int fd, int operation);
    int (*sync_range)(int fd, off_t offset, off_t size, unsigned flags);
};

/* The calls in use, with the convention of the system calls (-1 and errno). A test copies
 * file_system_calls, changes a member and points here; nobody else writes to it. */
extern const struct file_calls *file_calls;
extern const struct file_calls file_system_calls;

/* Descriptors are close-on-exec. */
int file_open(const char *path, int flags, mode_t mode);
int file_close(int fd);

/* The whole count, going on after short transfers and EINTR. file_read_full returns fewer bytes
 * only at the end of file. */
ssize_t file_read_full(int fd, void *data, size_t n);
ssize_t file_pread_full(int fd, void *data, size_t n, off_t offset);
int file_write_full(int fd, struct bytes data);
int file_pwrite_full(int fd, struct bytes data, off_t offset);
int file_pwrite_synced(int fd, struct bytes data, off_t offset); /* and file_sync_data of it */
int file_writev_full(int fd, struct iovec *parts, int count);    /* consumes `parts` */

/* Past the page cache, or through it again. Directly, data, sizes and offsets are multiples of the
 * disk's blocks. -EINVAL: the file system can not; another says so when it is to write. */
int file_set_direct(int fd, bool direct);

int file_sync(int fd);      /* data and metadata */
int file_sync_data(int fd); /* data, and the size */
int file_truncate(int fd, off_t size);

/* For a long file that is written once and read later, if at all: every few megabytes it is begun
 * to bring them to the disk, and those begun before are waited for and leave the page cache. So
 * little is left for file_sync to do, and memory that others use stays theirs. Nothing is durable
 * before file_sync. `end`: what has been written so far. */
struct file_flow {
    uint64_t settled, begun;
};
int file_flow(int fd, struct file_flow *flow, uint64_t end);

/* These bytes, which have been synced, need not be in the page cache. */
void file_forget(int fd, uint64_t from, uint64_t to);

int file_rename(const char *from, const char *to);
int file_unlink(const char *path);

/* A second name for a file; -EEXIST when the name is taken. */
int file_link(const char *from, const char *to);

/* -EEXIST when there is something of that name. */
int file_make_directory(const char *path, mode_t mode);

/* Nobody else has this lock until the descriptor is closed; -EWOULDBLOCK when somebody has it. */
int file_lock(int fd);

/* Has it a name still, or was it deleted? */
bool file_has_name(int fd);

/* Of a path; a negative errno. */
int64_t file_size(const char *path);

/* The names in a directory, in no order, without those that begin with a dot. */
int file_list(const char *directory, void (*fn)(void *context, const char *name), void *context);

/* Makes creation, renaming and removal of the names in a directory durable. */
int file_sync_directory(const char *directory);

/* Appends the file to `out`. -ENOMEM when it does not fit in memory; `out` may then have grown. */
int file_read_all(const char *path, struct buffer *out);

/* Afterwards, and after a crash at any moment, the file holds either its old content or all of the
 * new one. When this returns 0, the new one is durable. Mode 0644 under the umask, or the mode of
 * the file that is replaced. Of a symbolic link, what it leads to is replaced. */
int file_write_atomic(const char *path, struct bytes content);
