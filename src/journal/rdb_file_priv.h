/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files that read and write RDB files share. */
#pragma once

#include "journal/window.h"

/* What the first byte of a record says, if it is not the type of a value. */
enum rdb_opcode {
    OPCODE_SLOT_IMPORT = 243,
    OPCODE_SLOT_INFO = 244,
    OPCODE_FUNCTION = 245,
    OPCODE_FUNCTION_PREVIEW = 246, /* release candidates of Redis 7 */
    OPCODE_MODULE_AUX = 247,
    OPCODE_IDLE = 248,
    OPCODE_FREQUENCY = 249,
    OPCODE_AUX = 250,
    OPCODE_SIZES = 251,
    OPCODE_EXPIRY_MS = 252,
    OPCODE_EXPIRY_S = 253,
    OPCODE_DATABASE = 254,
    OPCODE_END = 255,
};

/* Of values, but of modules only. */
enum { TYPE_MODULE_PREVIEW = 6, TYPE_MODULE = 7 };

#define CHECKSUM_SINCE 5u /* version that has it at the end */

#define MAGIC_REDIS  "REDIS"  /* and four digits */
#define MAGIC_VALKEY "VALKEY" /* and three, from version 80 on */
#define MAGIC_SIZE   9u

/* ---- rdb_reader.c, for rdb_skip.c ---- */

struct rdb_file {
    struct window window;
    uint64_t summed; /* up to this offset bytes are in the checksum */
    uint64_t checksum;
    bool began;
    enum rdb_item last; /* RDB_ITEM_END and RDB_ITEM_ERROR stick */
    unsigned version;
    uint32_t db;
    struct rdb_text name, value;
    char module[10]; /* the name of one */
    char error[256];
};

/* Notes what is wrong with the bytes at `offset`; false always. */
bool rdb_file_fail(struct rdb_file *file, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Makes at least `count` bytes from `at` on readable at the result; NULL: the file ends before, or
 * cannot be read, which has been noted. */
const char *rdb_file_need(struct rdb_file *file, uint64_t count);

/* Each goes past what it names. False: it has been noted why not. */
bool rdb_skip_length(struct rdb_file *file, uint64_t *length);
bool rdb_skip_string(struct rdb_file *file);
bool rdb_skip_value(struct rdb_file *file, uint8_t type);

/* The data of a module, whose name goes to file->module; of a key's value or, with `aux`, of the
 * module itself. */
bool rdb_skip_module(struct rdb_file *file, bool aux);
