/* SPDX-License-Identifier: BSD-3-Clause */
/* What a kind of home has to provide: the functions of home/home.h, of which names are checked. */
#pragma once

#include "home/home.h"

struct home_kind {
    const char *scheme; /* "dir" */
    struct home *(*open)(const char *rest, enum home_mode mode, struct buffer *error);
    void (*close)(struct home *home);
    int (*put_new)(struct home *home, const char *name, struct bytes content);
    int (*put)(struct home *home, const char *name, struct bytes content);
    ssize_t (*get)(struct home *home, const char *name, uint64_t offset, void *out, size_t size);
    int (*list)(struct home *home, const char *folder, home_lister *fn, void *context);
    int (*remove)(struct home *home, const char *name);
    int (*sync)(struct home *home, const char *name);
    struct home_writer *(*append_new)(struct home *home, const char *name, struct bytes start,
                                      int *error);
    struct home_writer *(*create)(struct home *home, int *error);
    int (*writer_write)(struct home_writer *writer, struct iovec *parts, int count, bool sync);
    int (*writer_flow)(struct home_writer *writer, uint64_t written);
    int (*writer_sync)(struct home_writer *writer);
    void (*writer_prepare)(struct home_writer *writer);
    int (*writer_publish)(struct home_writer *writer, const char *name);
    void (*writer_close)(struct home_writer *writer);
};

/* What every kind's own begins with. */
struct home {
    const struct home_kind *kind;
    char *url;
};

struct home_writer {
    const struct home_kind *kind;
};

extern const struct home_kind home_dir;
