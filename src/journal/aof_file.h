/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Append-only files, as Redis and Valkey write them: commands, each an array of bulk strings; lines
 * that begin with '#' are notes. A file may begin with a whole RDB file (rdb_file_is_one()), which
 * is not for here. What is read is trusted in nothing.
 */
#pragma once

#include "journal/rdb_file.h"

enum aof_item {
    AOF_ITEM_ERROR,
    AOF_ITEM_END,
    AOF_ITEM_TORN, /* the file ends in the middle of a command, as after a crash */
    AOF_ITEM_COMMAND,
};

/* Valid until the next call. */
struct aof_record {
    enum aof_item item;
    uint64_t offset; /* where the record begins: all before is whole */
    const struct bytes *argv;
    unsigned argc;
};

struct aof_file;

/* `offset`: of the first byte, when there was something before. NULL = no memory. */
struct aof_file *aof_file_open(struct rdb_input input, uint64_t offset);
void aof_file_close(struct aof_file *file);

/* Reads on. After an error or the end it gives the same again. */
enum aof_item aof_file_next(struct aof_file *file, struct aof_record *record);

/* After AOF_ITEM_ERROR: what is wrong, with the offset. */
const char *aof_file_error(const struct aof_file *file);
uint64_t aof_file_offset(const struct aof_file *file); /* bytes consumed */

/* Do these bytes begin like a command in such a file? */
bool aof_file_is_one(struct bytes start);

/* ---- manifests: which files make up one AOF ---- */

#define AOF_NAME_MAX 256

enum aof_part_type { AOF_PART_BASE, AOF_PART_INCREMENT, AOF_PART_HISTORY };

struct aof_part {
    char name[AOF_NAME_MAX]; /* in the manifest's directory */
    uint64_t sequence;
    enum aof_part_type type;
};

/* Calls `visit` for each line; false = it makes no sense, `line` is its number. */
bool aof_manifest_read(struct bytes text, void (*visit)(void *context, const struct aof_part *part),
                       void *context, unsigned *line);
