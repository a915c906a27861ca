/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a snapshot goes: into the home, or, when there is none, to a file. In both it takes its
 * place when all of it is on the disk. */
#pragma once

#include "base/bytes.h"
#include "sys/file.h"
#include <limits.h>
#include <stdint.h>

struct home_writer;

struct persist_file {
    struct home_writer *writer; /* NULL: it is a file */
    int fd;
    struct file_flow flow;
    char path[PATH_MAX], temporary[PATH_MAX], directory[PATH_MAX];
};

/* `name`: of the file, in the working directory of now. 0 or a negative errno. */
int persist_file_create(struct persist_file *file, const char *name);
int persist_file_write(void *file, struct bytes piece);

/* Lets what has been written go to the disk, for which it waits; others may write meanwhile. */
int persist_file_flow(void *file, uint64_t written);

/* Puts it in its place, durably; or, when `status` is an error, removes it. In the home it stands
 * for all units up to `sequence`. Returns the first error. */
int persist_file_end(struct persist_file *file, int status, uint64_t sequence);
