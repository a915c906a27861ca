/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files that read and write values of each type share. */
#pragma once

#include "ds/pack.h"
#include "value/rdb_value.h"
#include "value/set.h"

/* A value being read. Functions that read return false like rdb_read_value. */
struct rdb_loading {
    struct rdb_reader *reader;
    int64_t now_ms;
    struct buffer *scratch;
    struct value *value;
};

static inline bool rdb_no_memory(struct rdb_loading *loading) {
    loading->reader->no_memory = true;
    return false;
}

/* A value being written. Functions that write return false like rdb_write_value_as. */
struct rdb_saving {
    const struct rdb_style *style;
    struct buffer *out;
    bool refused;
};

/* Since which version of the format there are ... */
enum {
    SINCE_LISTPACKS = 10,     /* in place of ziplists; and streams that know their first entry */
    SINCE_SET_LISTPACKS = 11, /* and when a consumer was last active */
    SINCE_DEADLINES = 12,     /* of fields, as Redis has them */
};

bool rdb_write_list(struct rdb_saving *saving, const struct value *list);
bool rdb_write_set(struct rdb_saving *saving, const struct value *set);
bool rdb_write_zset(struct rdb_saving *saving, const struct value *set);
bool rdb_write_hash(struct rdb_saving *saving, const struct value *hash);
bool rdb_write_stream(struct rdb_saving *saving, const struct value *stream);

bool rdb_read_list(struct rdb_loading *loading, enum rdb_type type);
bool rdb_read_set(struct rdb_loading *loading, enum rdb_type type);
bool rdb_read_zset(struct rdb_loading *loading, enum rdb_type type);
bool rdb_read_hash(struct rdb_loading *loading, enum rdb_type type);
bool rdb_read_stream(struct rdb_loading *loading, enum rdb_type type);

/* ---- writing ---- */

/* What stands before the value's own bytes. */
bool rdb_write_type(const struct rdb_saving *saving, enum rdb_type type);

/* ---- reading: numbers of elements ---- */

/* A number of elements, at least one, that each take up at least `least` bytes. */
static inline bool rdb_read_count(struct rdb_loading *loading, size_t least, uint64_t *count) {
    return rdb_read_length(loading->reader, count) && *count > 0 &&
           *count <= loading->reader->left.len / least;
}

/* ---- reading: packs ---- */

enum rdb_flat { FLAT_PACK, FLAT_ZIPLIST, FLAT_ZIPMAP };

/* A value in one string. It becomes a pack of `stride` elements for each, and not empty. */
bool rdb_read_pack(struct rdb_loading *loading, enum rdb_flat flat, unsigned stride,
                   struct rdb_text *pack);

/* A pack of more bytes is taken apart. */
#define RDB_PACK_MAX (64u * 1024)

/* Copies the pack to the scratch buffer and makes it the small value. */
bool rdb_take_pack(struct rdb_loading *loading, struct bytes pack, enum value_type type,
                   unsigned form);

/* Does the name of each element, the first of `stride`, differ from all others. */
bool rdb_names_differ(struct rdb_loading *loading, struct bytes pack, unsigned stride);
