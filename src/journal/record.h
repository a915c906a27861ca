/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A record: one change of the keyspace (keyspace/change.h) in bytes.
 *
 *     u8      kind, and flags above it
 *     varint  database
 *     ...     by kind; a key, a word or a string is a varint length and its bytes
 *
 *     STRING   key, [i64 expiry], string          flags: has an expiry; is edited (raw)
 *     VALUE    key, [i64 expiry], u64 length, that many bytes as value/rdb_value.h has them
 *     RANGE    key, varint offset, bytes
 *     COMMAND  varint which of the words is the key (0: none is), varint how many words, words
 *     EXPIRY   key, [i64 expiry]
 *     REMOVE   key                                flags: expired; evicted
 *     RENAME   old key, new key
 *     FLUSH
 *     SWAP     varint the other database
 *
 * Applied in their order to what was there, at their unit's time, records give what was there after
 * them, whatever the time is now.
 */
#pragma once

#include "base/buffer.h"
#include "keyspace/change.h"

enum record_kind {
    RECORD_STRING = 1,
    RECORD_VALUE = 2,
    RECORD_RANGE = 3,
    RECORD_COMMAND = 4,
    RECORD_EXPIRY = 5,
    RECORD_REMOVE = 6,
    RECORD_RENAME = 7,
    RECORD_FLUSH = 8,
    RECORD_SWAP = 9
};

#define RECORD_KIND_MASK  0x0fu
#define RECORD_HAS_EXPIRY 0x10u /* STRING, VALUE, EXPIRY */
#define RECORD_RAW        0x20u /* STRING */
#define RECORD_EXPIRED    0x10u /* REMOVE */
#define RECORD_EVICTED    0x20u

/* What has been read; bytes point into what it was read from. */
struct record {
    enum record_kind kind;
    uint8_t flags;
    uint32_t db, other_db;
    struct bytes key;     /* of COMMAND too, if one of its words is; RENAME: the new one */
    struct bytes old_key; /* RENAME */
    int64_t expiry;       /* EXPIRY_NONE without one */
    struct bytes value;   /* STRING, VALUE, RANGE */
    uint64_t offset;      /* RANGE */
    uint64_t argc;        /* COMMAND: at least 1 */
    struct bytes words;   /* of it, for record_word() */
};

/* Appends the change, if it is one. False: no memory, and `out` is as it was. */
bool record_write(struct buffer *out, const struct change *change);

/* Takes the next record off the front. False: the bytes are none. */
bool record_read(struct bytes *left, struct record *record);

/* Takes the next word of a command off the front; there are `argc`. */
struct bytes record_word(struct bytes *words);
