/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RDB files, read and written as streams: a magic word with a version, then records, each a byte
 * that says what follows; at the end a checksum. Bodies of values are those of value/rdb_value.h.
 *
 * What is read is trusted in nothing; memory is taken in proportion to what there really is to
 * read.
 */
#pragma once

#include "base/buffer.h"
#include "base/bytes.h"
#include "value/rdb.h"
#include "value/value.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* All of it, or a negative errno. */
struct rdb_output {
    int (*write)(void *context, struct bytes piece);
    void *context;
};

/* Up to `size` bytes; 0 = the end; or a negative errno. */
struct rdb_input {
    ssize_t (*read)(void *context, void *out, size_t size);
    void *context;
};

/* ---- writing ---- */

/* What `rdb-version` may say: 9 (Redis 5), 10 (Redis 7.0), 11 (Redis 7.2, Valkey 7.2 and 8), 12
 * (Redis 7.4 and 8), 80 (Valkey 9). */
#define RDB_FILE_OLDEST 9u

struct rdb_format {
    unsigned version;
    bool checksum;
};

struct rdb_writer {
    struct rdb_output output;
    struct rdb_format format;
    struct buffer buffer; /* not given to the output yet */
    uint64_t written;     /* given to it */
    uint64_t checksum;    /* of that */
    uint32_t db;          /* of the last SELECTDB; UINT32_MAX = none yet */
    int status;           /* the first error: nothing is written after it */
    char refused[65];     /* the key that -EPROTO is about, cut */
};

/* How a key is told; what is not there is left out. */
struct rdb_key {
    struct bytes name;
    uint32_t db;
    int64_t expiry;    /* ms; INT64_MIN = none */
    int64_t idle;      /* seconds; -1 = not known */
    int64_t frequency; /* 0 to 255; -1 = not known */
};

void rdb_writer_begin(struct rdb_writer *writer, struct rdb_output output,
                      struct rdb_format format);
void rdb_writer_aux(struct rdb_writer *writer, struct bytes name, struct bytes value);
void rdb_writer_aux_number(struct rdb_writer *writer, struct bytes name, uint64_t value);
void rdb_writer_sizes(struct rdb_writer *writer, uint32_t db, uint64_t keys,
                      uint64_t volatile_keys);
void rdb_writer_function(struct rdb_writer *writer, struct bytes code);

/* The key and its value. False, and writer->status is -EPROTO: this version of the format has no
 * form for the value. */
bool rdb_writer_key(struct rdb_writer *writer, const struct rdb_key *key,
                    const struct value *value);

/* The same of a value that is serialised already: its type and what follows. */
void rdb_writer_raw(struct rdb_writer *writer, const struct rdb_key *key, struct bytes value);

/* A key of this database that another writer has written: one of the same format, which began with
 * rdb_writer_begin_part() and ended with rdb_writer_flush(). */
void rdb_writer_part(struct rdb_writer *writer, uint32_t db, struct bytes part);
void rdb_writer_begin_part(struct rdb_writer *writer, struct rdb_output output, unsigned version,
                           uint32_t db);

/* Gives all that is written to the output. Returns the status. */
int rdb_writer_flush(struct rdb_writer *writer);

/* The mark of the end and the checksum. Returns the status. */
int rdb_writer_end(struct rdb_writer *writer);
void rdb_writer_free(struct rdb_writer *writer);

/* ---- reading ---- */

enum rdb_item {
    RDB_ITEM_ERROR,
    RDB_ITEM_END,
    RDB_ITEM_AUX,      /* name, value */
    RDB_ITEM_SIZES,    /* count, volatile_count: hints for the database `db` */
    RDB_ITEM_SLOT,     /* a hint of clusters */
    RDB_ITEM_FUNCTION, /* value: the code of a library */
    RDB_ITEM_KEY,      /* key, type, body */
    RDB_ITEM_MODULE,   /* module data, skipped; name: of the module; key: if it is a key's value */
};

/* What has been read. Bytes are valid until the next call. */
struct rdb_record {
    enum rdb_item item;
    uint64_t offset; /* where the record begins */
    struct bytes name, value;
    uint64_t count, volatile_count;
    struct rdb_key key;
    uint8_t type;
    struct bytes
        body; /* what follows the type; its structure is right, its meaning not looked at */
};

struct rdb_file;

/* The magic word is read by the first rdb_file_next(). NULL = no memory. */
struct rdb_file *rdb_file_open(struct rdb_input input);
void rdb_file_close(struct rdb_file *file);

/* Reads on. After an error or the end it gives the same again. */
enum rdb_item rdb_file_next(struct rdb_file *file, struct rdb_record *record);

/* Makes the record's value of its body, as rdb_read_value does. On false, and not *no_memory, the
 * body is corrupt; reading may go on behind it. */
bool rdb_file_value(const struct rdb_file *file, const struct rdb_record *record, int64_t now_ms,
                    struct buffer *scratch, struct value *value, bool *no_memory);

/* After RDB_ITEM_ERROR: what is wrong, with the offset. */
const char *rdb_file_error(const struct rdb_file *file);
unsigned rdb_file_version(const struct rdb_file *file);
uint64_t rdb_file_offset(const struct rdb_file *file); /* bytes consumed */

/* Bytes that were read behind the end of the RDB part (an AOF that begins with one goes on there),
 * and not consumed. */
struct bytes rdb_file_rest(const struct rdb_file *file);

/* Do these bytes begin like an RDB file? */
bool rdb_file_is_one(struct bytes start);
