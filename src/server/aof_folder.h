/* SPDX-License-Identifier: BSD-3-Clause */
/* A folder of an AOF in parts, with its manifest (*.manifest). */
#pragma once

#include "base/buffer.h"
#include "journal/aof_file.h"

struct aof_folder {
    struct aof_part *parts; /* in the order in which they are to be read; no history */
    unsigned count, room;
};

/* False: `error` says what is wrong with the folder or its manifest. */
bool aof_folder_read(struct aof_folder *folder, const char *path, struct buffer *error);
void aof_folder_free(struct aof_folder *folder);
