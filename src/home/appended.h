/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file of an object that grows and is synced as it grows.
 *
 * One that is synced often is written in whole blocks, past the page cache, into zeros that were
 * written ahead. A sync that finds the size of the file and the place of its data unchanged is one
 * write of the disk; one that does not is a transaction of the file system as well, which takes
 * twice as long and three times the processor. And what goes from our memory to the disk need not
 * be looked for among the pages of a file. A file system that cannot do without its page cache is
 * written through it.
 *
 * A block whose beginning is durable is written again when it gets longer, with that beginning, as
 * the page cache would do it.
 *
 * All that returns a status returns 0 or a negative errno; after an error nothing is known of what
 * has been written since the last sync. One thread at a time.
 */
#pragma once

#include "base/bytes.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct appended {
    int fd;
    uint64_t end;      /* of what has been written */
    uint64_t room_end; /* of the zeros behind it; not more than `end`: there are none */
    uint64_t kept;     /* where what may be in the page cache begins */
    unsigned syncs;    /* since then, or since room was made */
    bool is_dirty;     /* not all that has been written is synced */

    /* Where blocks are put together, which begin with the part of the last one that is written.
     * NULL: what is written goes to the file as it is. */
    char *blocks;
    bool is_direct; /* blocks pass the page cache */
};

/* The file is there, and ends at `end`. */
int appended_open(struct appended *file, const char *path, uint64_t end);

/* Adds the parts (which are consumed); `sync`: and makes all that has been written durable. */
int appended_write(struct appended *file, struct iovec *parts, int count, bool sync);

/* -ENOENT: the file has no name any more. The same of appended_write that syncs. */
int appended_sync(struct appended *file);

/* Between writes: makes room, if it is worth it, and lets go of the page cache. */
void appended_prepare(struct appended *file);

/* Takes away the zeros. */
void appended_close(struct appended *file);
