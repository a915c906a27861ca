/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/persist_file.h"
#include "home/home.h"
#include "server/keep.h"
#include "sys/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int persist_file_create(struct persist_file *f, const char *name) {
    *f = (struct persist_file){.fd = -1};
    if (keep_home()) {
        int status;
        f->writer = home_create(keep_home(), &status);
        return f->writer ? 0 : status;
    }
    if (!getcwd(f->directory, sizeof f->directory)) return -errno;
    int a = snprintf(f->path, sizeof f->path, "%s/%s", f->directory, name);
    int b =
        snprintf(f->temporary, sizeof f->temporary, "%s/temp-%d.rdb", f->directory, (int)getpid());
    if (a >= (int)sizeof f->path || b >= (int)sizeof f->temporary) return -ENAMETOOLONG;
    f->fd = file_open(f->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
    return f->fd < 0 ? f->fd : 0;
}

int persist_file_write(void *file, struct bytes piece) {
    struct persist_file *f = file;
    if (f->writer)
        return home_writer_write(f->writer, &(struct iovec){(void *)piece.data, piece.len}, 1,
                                 false);
    return file_write_full(f->fd, piece);
}

int persist_file_flow(void *file, uint64_t written) {
    struct persist_file *f = file;
    return f->writer ? home_writer_flow(f->writer, written) : file_flow(f->fd, &f->flow, written);
}

static int end_in_home(struct home_writer *writer, int status, uint64_t sequence) {
    char name[HOME_NAME_MAX];
    if (status) {
        home_writer_close(writer);
        return status;
    }
    keep_snapshot_name(name, sizeof name, sequence);
    return home_writer_publish(writer, name);
}

int persist_file_end(struct persist_file *f, int status, uint64_t sequence) {
    if (f->writer) return end_in_home(f->writer, status, sequence);
    if (f->fd < 0) return status;
    if (!status) status = file_sync(f->fd);
    int closing = file_close(f->fd);
    if (!status) status = closing;
    if (!status) status = file_rename(f->temporary, f->path);
    if (status)
        file_unlink(f->temporary);
    else
        status = file_sync_directory(f->directory);
    return status;
}
