/* SPDX-License-Identifier: BSD-3-Clause */
/* strata import, of the files of Redis and Valkey: RDB, AOF, and folders of AOF with a manifest.
 * Keys that are there already are replaced. */
#pragma once

#include "base/buffer.h"
#include "server/import_link.h"
#include "server/import_progress.h"

struct import_data {
    struct link *link; /* connected; its `refused` and `context` are for here */
    struct progress *progress;
    bool skip_corrupt; /* what makes no sense is reported and left out, instead of the end */

    /* Of all files so far. */
    uint64_t keys, commands, expired, functions;
    uint64_t modules, corrupt, refused; /* reported, and not stored */
    uint64_t bytes;

    /* Private. */
    const char *file;
    int64_t db, now_ms;
    struct buffer payload, scratch;
};

/* Do these bytes begin like such a file? */
bool import_data_is_one(struct bytes start);

/* Imports a file, of which `start` has been read already. False: it has been reported why it could
 * not go on. */
bool import_data_file(struct import_data *data, const char *name, int fd, struct bytes start);

/* Imports the files that the folder's manifest names. */
bool import_data_folder(struct import_data *data, const char *path);

void import_data_free(struct import_data *data);
