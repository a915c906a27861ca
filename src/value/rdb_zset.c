/* SPDX-License-Identifier: BSD-3-Clause */
/* Sorted sets. */
#include "value/limits.h"
#include "value/rdb_priv.h"
#include "value/zset.h"
#include "value/zset_build.h"
#include <math.h>

/* ---- writing ---- */

/* The highest comes first: Valkey reads it faster so. */
bool rdb_write_zset(struct rdb_saving *saving, const struct value *set) {
    struct buffer *out = saving->out;
    struct zset_cursor cursor;
    struct zset_item item;
    uint64_t count = zset_count(set);
    if (!zset_is_skiplist(set) && saving->style->version >= SINCE_LISTPACKS)
        return rdb_write_type(saving, RDB_ZSET_LISTPACK) && rdb_write_string(out, set->small);
    if (!rdb_write_type(saving, RDB_ZSET_2) || !rdb_write_length(out, count)) return false;
    zset_seek(&cursor, set, count - 1, true);
    while (zset_next(&cursor, &item))
        if (!rdb_write_string(out, item.member) || !rdb_write_double(out, item.score)) return false;
    return true;
}

/* ---- reading ---- */

/* A member that is not there. */
static bool add(struct rdb_loading *loading, struct zset_builder *builder, struct bytes member,
                double score) {
    uint64_t before = builder->count;
    if (isnan(score)) return false;
    if (!zset_builder_merge(builder, member, score, ZSET_SUM)) return rdb_no_memory(loading);
    return builder->count > before;
}

static bool end(struct rdb_loading *loading, struct zset_builder *builder) {
    zset_builder_sort(builder);
    return zset_builder_value(builder, loading->scratch, loading->value) || rdb_no_memory(loading);
}

static bool read_strings(struct rdb_loading *loading, enum rdb_type type,
                         struct zset_builder *builder) {
    uint64_t count;
    struct rdb_text text = {0};
    bool done = rdb_read_count(loading, 2, &count);
    for (uint64_t i = 0; done && i < count; i++) {
        double score;
        done = rdb_read_text(loading->reader, &text) &&
               (type == RDB_ZSET ? rdb_read_double_text(loading->reader, &score)
                                 : rdb_read_double(loading->reader, &score)) &&
               add(loading, builder, text.bytes, score);
    }
    rdb_text_free(&text);
    return done && end(loading, builder);
}

static bool pack_score(struct bytes pack, size_t at, double *score) {
    struct pack_item item = pack_get(pack, at);
    if (!item.integer) return number_parse_double(item.text, score);
    *score = (double)item.number;
    return true;
}

static bool add_pack(struct rdb_loading *loading, struct bytes pack, struct zset_builder *builder) {
    char scratch[PACK_TEXT_MAX];
    for (size_t at = pack_first(pack); at;) {
        double score;
        size_t score_at = pack_next(pack, at);
        if (!pack_score(pack, score_at, &score) ||
            !add(loading, builder, pack_get_text(pack, at, scratch), score))
            return false;
        at = pack_next(pack, score_at);
    }
    return builder->ordered;
}

static bool read_pack(struct rdb_loading *loading, enum rdb_type type,
                      struct zset_builder *builder) {
    struct rdb_text text = {0};
    enum rdb_flat flat = type == RDB_ZSET_ZIPLIST ? FLAT_ZIPLIST : FLAT_PACK;
    bool done = rdb_read_pack(loading, flat, 2, &text) && add_pack(loading, text.bytes, builder);
    if (done && builder->count <= (uint64_t)value_limits.zset_max_listpack_entries)
        done = rdb_take_pack(loading, text.bytes, TYPE_ZSET, 0);
    else if (done)
        done = end(loading, builder);
    rdb_text_free(&text);
    return done;
}

bool rdb_read_zset(struct rdb_loading *loading, enum rdb_type type) {
    struct zset_builder builder = {0};
    bool done = type == RDB_ZSET || type == RDB_ZSET_2 ? read_strings(loading, type, &builder)
                                                       : read_pack(loading, type, &builder);
    zset_builder_free(&builder);
    return done;
}
