/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The RDB format: how Redis and Valkey write values to files and into the payloads of DUMP. Here
 * are its words; value/rdb_value.h makes values of them.
 *
 * Numbers of elements and bytes are "lengths" of 1, 2, 5 or 9 bytes:
 *
 *     00nnnnnn            01nnnnnn +1 byte      0x80 +4 bytes       0x81 +8 bytes, big-endian all
 *
 * A string is a length and its bytes; or 0xc0, 0xc1, 0xc2 and an integer of 1, 2, 4 bytes; or 0xc3,
 * the lengths of the compressed and of the original string, and the former (value/rdb_lzf.h).
 *
 * Readers trust nothing: whatever the bytes, they are read within their bounds only, and memory is
 * taken in proportion to them.
 */
#pragma once

#include "base/buffer.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stdint.h>

/* Of Valkey 9.1. What we write is of this version. */
#define RDB_VERSION 80u

/* Versions between are those of Redis since it and Valkey have parted. */
#define RDB_VERSION_SHARED 11u

enum rdb_type {
    RDB_STRING = 0,
    RDB_LIST = 1,
    RDB_SET = 2,
    RDB_ZSET = 3,
    RDB_HASH = 4,
    RDB_ZSET_2 = 5,
    RDB_HASH_ZIPMAP = 9,
    RDB_LIST_ZIPLIST = 10,
    RDB_SET_INTSET = 11,
    RDB_ZSET_ZIPLIST = 12,
    RDB_HASH_ZIPLIST = 13,
    RDB_LIST_QUICKLIST = 14,
    RDB_STREAM = 15,
    RDB_HASH_LISTPACK = 16,
    RDB_ZSET_LISTPACK = 17,
    RDB_LIST_QUICKLIST_2 = 18,
    RDB_STREAM_2 = 19,
    RDB_SET_LISTPACK = 20,
    RDB_STREAM_3 = 21,
    RDB_HASH_2 = 22,           /* Valkey 9: fields that expire */
    RDB_HASH_METADATA = 24,    /* Redis 8: the same */
    RDB_HASH_LISTPACK_EX = 25, /* and in a pack */
};

/* ---- writing; false: no memory, the buffer may have part of it ---- */

/* Are strings compressed (rdbcompression)? Changed in exclusive mode. */
extern bool rdb_compression;

bool rdb_write_length(struct buffer *out, uint64_t length);

/* As an integer, compressed, or plain: what is shortest. */
bool rdb_write_string(struct buffer *out, struct bytes text);

bool rdb_write_u64(struct buffer *out, uint64_t number); /* little-endian */
bool rdb_write_u64_big(struct buffer *out, uint64_t number);
bool rdb_write_double(struct buffer *out, double number); /* binary */

/* Takes what has been written so far out of the buffer. False = it could not. */
struct rdb_drain {
    bool (*drain)(void *context, struct buffer *out);
    void *context;
};

/* Until it is set again, rdb_write_string() of the calling thread has this drain called whenever
 * `out` has got long, so that a large value never is in memory twice. NULL = it is not. */
void rdb_set_drain(const struct rdb_drain *drain, const struct buffer *out);

/* ---- reading ---- */

struct rdb_reader {
    struct bytes left;
    unsigned version; /* of who wrote it */
    bool no_memory;   /* that, not the bytes, is why something was not read */
};

bool rdb_read_byte(struct rdb_reader *reader, uint8_t *out);
bool rdb_read_bytes(struct rdb_reader *reader, size_t count, struct bytes *out);
bool rdb_read_length(struct rdb_reader *reader, uint64_t *out);
bool rdb_read_u64(struct rdb_reader *reader, uint64_t *out);
bool rdb_read_u64_big(struct rdb_reader *reader, uint64_t *out);
bool rdb_read_double(struct rdb_reader *reader, double *out);      /* binary */
bool rdb_read_double_text(struct rdb_reader *reader, double *out); /* as before version 8 */

/* A string that was read: it points into what it was read from, or to memory of its own. A zeroed
 * struct is an empty one. */
struct rdb_text {
    struct bytes bytes;
    struct buffer own;
};
bool rdb_read_text(struct rdb_reader *reader, struct rdb_text *text);
void rdb_text_free(struct rdb_text *text);

/* ---- payloads: what DUMP and FUNCTION DUMP answer ----
 *
 * What they tell of, the version of the format in two bytes, and the checksum of all before in
 * eight, little-endian. */

#define RDB_FOOTER_SIZE 10u

/* Ends the payload, which is all that the buffer holds. False: no memory. */
bool rdb_payload_end(struct buffer *payload, unsigned version);

#define RDB_ANY_VERSION  1u /* of a format that is not known yet, too */
#define RDB_ANY_CHECKSUM 2u

/* Sets the reader to what is before the footer. False: the checksum does not fit, or the version is
 * none that is known; unless `trust`, of the flags above, says that this does not matter. */
bool rdb_payload_open(struct rdb_reader *reader, struct bytes payload, unsigned trust);

/* ---- checksums ---- */

/* CRC-64 as Jones defined it ("An improved 64-bit cyclic redundancy check for protein sequences",
 * 2002), least significant bit first, going on from `crc`; 0 begins. */
uint64_t rdb_checksum(uint64_t crc, struct bytes bytes);
