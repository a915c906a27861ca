/* SPDX-License-Identifier: BSD-3-Clause */
/* A file that takes the place of another when all of it is on the disk. */
#pragma once

#include "base/bytes.h"
#include <limits.h>
#include <stdint.h>

struct persist_file {
    int fd;
    char path[PATH_MAX], temporary[PATH_MAX], directory[PATH_MAX];
};

/* `name` in the working directory of now. 0 or a negative errno. */
int persist_file_create(struct persist_file *file, const char *name);
int persist_file_write(void *file, struct bytes piece);

/* Puts it in its place, durably; or, when `status` is an error, removes it. Returns the first
 * error. */
int persist_file_end(struct persist_file *file, int status);
