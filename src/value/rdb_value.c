/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/rdb_value.h"
#include "base/ensure.h"
#include "value/rdb_priv.h"

bool rdb_write_type(const struct rdb_saving *saving, enum rdb_type type) {
    const struct bytes *key = saving->style->key;
    return buffer_append_char(saving->out, (char)type) &&
           (!key || rdb_write_string(saving->out, *key));
}

static bool write_value(struct rdb_saving *saving, const struct value *value) {
    switch (value->type) {
    case TYPE_STRING:
        return rdb_write_type(saving, RDB_STRING) && rdb_write_string(saving->out, value->small);
    case TYPE_LIST: return rdb_write_list(saving, value);
    case TYPE_SET: return rdb_write_set(saving, value);
    case TYPE_ZSET: return rdb_write_zset(saving, value);
    case TYPE_HASH: return rdb_write_hash(saving, value);
    case TYPE_STREAM: return rdb_write_stream(saving, value);
    case TYPE_COUNT: break;
    }
    unreachable_code();
}

bool rdb_write_value_as(const struct value *value, const struct rdb_style *style,
                        struct buffer *out, bool *refused) {
    struct rdb_saving saving = {.style = style, .out = out};
    bool written = write_value(&saving, value);
    *refused = saving.refused;
    return written;
}

bool rdb_write_value(const struct value *value, struct buffer *out) {
    static const struct rdb_style style = {.version = RDB_VERSION};
    bool refused;
    return rdb_write_value_as(value, &style, out, &refused);
}

static bool read_string(struct rdb_loading *loading) {
    struct rdb_text text = {0};
    bool done =
        rdb_read_text(loading->reader, &text) && rdb_take_pack(loading, text.bytes, TYPE_STRING, 0);
    rdb_text_free(&text);
    return done;
}

bool rdb_read_value(struct rdb_reader *reader, uint8_t type, int64_t now_ms, struct buffer *scratch,
                    struct value *value) {
    struct rdb_loading loading = {reader, now_ms, scratch, value};
    switch (type) {
    case RDB_STRING: return read_string(&loading);
    case RDB_LIST:
    case RDB_LIST_ZIPLIST:
    case RDB_LIST_QUICKLIST:
    case RDB_LIST_QUICKLIST_2: return rdb_read_list(&loading, type);
    case RDB_SET:
    case RDB_SET_INTSET:
    case RDB_SET_LISTPACK: return rdb_read_set(&loading, type);
    case RDB_ZSET:
    case RDB_ZSET_2:
    case RDB_ZSET_ZIPLIST:
    case RDB_ZSET_LISTPACK: return rdb_read_zset(&loading, type);
    case RDB_HASH_2: /* in previews of Redis it was something else */
        if (reader->version > RDB_VERSION_SHARED && reader->version < RDB_VERSION) return false;
        return rdb_read_hash(&loading, type);
    case RDB_HASH:
    case RDB_HASH_ZIPMAP:
    case RDB_HASH_ZIPLIST:
    case RDB_HASH_LISTPACK:
    case RDB_HASH_METADATA:
    case RDB_HASH_LISTPACK_EX: return rdb_read_hash(&loading, type);
    case RDB_STREAM:
    case RDB_STREAM_2:
    case RDB_STREAM_3: return rdb_read_stream(&loading, type);
    default: return false;
    }
}
