/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/input_file.h"
#include "base/ensure.h"
#include "sys/file.h"

static ssize_t read_input(void *context, void *out, size_t size) {
    struct input_file *file = context;
    if (!file->start.len) return file_read_full(file->fd, out, size);
    size_t n = MIN(size, file->start.len);
    memcpy(out, file->start.data, n);
    file->start = bytes_skip(file->start, n);
    return (ssize_t)n;
}

struct rdb_input input_file_begin(struct input_file *file) {
    return (struct rdb_input){read_input, file};
}
