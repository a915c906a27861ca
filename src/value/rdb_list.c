/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists: nodes, each of which is a pack or one long element. */
#include "value/limits.h"
#include "value/list_priv.h"
#include "value/rdb_priv.h"

enum { NODE_PLAIN = 1, NODE_PACKED = 2 };

/* ---- writing ---- */

static bool write_pack(struct buffer *out, struct bytes pack) {
    return rdb_write_length(out, NODE_PACKED) && rdb_write_string(out, pack);
}

static bool write_plain(struct buffer *out, struct bytes pack) {
    char scratch[PACK_TEXT_MAX];
    return rdb_write_length(out, NODE_PLAIN) &&
           rdb_write_string(out, pack_get_text(pack, PACK_HEADER, scratch));
}

static bool write_strings(struct rdb_saving *saving, const struct value *value) {
    char scratch[PACK_TEXT_MAX];
    struct list_cursor cursor;
    if (!rdb_write_type(saving, RDB_LIST) || !rdb_write_length(saving->out, list_length(value)))
        return false;
    list_seek(value, 0, &cursor);
    do
        if (!rdb_write_string(saving->out, pack_get_text(cursor.pack, cursor.at, scratch)))
            return false;
    while (list_next(&cursor));
    return true;
}

bool rdb_write_list(struct rdb_saving *saving, const struct value *value) {
    struct buffer *out = saving->out;
    if (saving->style->version < SINCE_LISTPACKS) return write_strings(saving, value);
    if (!rdb_write_type(saving, RDB_LIST_QUICKLIST_2)) return false;
    if (!value->large) return rdb_write_length(out, 1) && write_pack(out, value->small);
    struct list *list = value->object;
    struct tree_cursor cursor;
    if (!rdb_write_length(out, list->tree.count)) return false;
    const struct list_node *node = tree_first(&list->tree, &cursor);
    for (; node; node = tree_next(&cursor)) {
        struct bytes pack = node_pack(node);
        if (node->plain ? !write_plain(out, pack) : !write_pack(out, pack)) return false;
    }
    return true;
}

/* ---- reading ---- */

static bool push(struct rdb_loading *loading, struct list *list, struct bytes text) {
    return list_large_push(list, LIST_RIGHT, text) || rdb_no_memory(loading);
}

static bool push_strings(struct rdb_loading *loading, struct list *list) {
    uint64_t count;
    struct rdb_text text = {0};
    bool done = rdb_read_count(loading, 1, &count);
    for (uint64_t i = 0; done && i < count; i++)
        done = rdb_read_text(loading->reader, &text) && push(loading, list, text.bytes);
    rdb_text_free(&text);
    return done;
}

static bool push_pack(struct rdb_loading *loading, struct list *list, struct bytes pack) {
    char scratch[PACK_TEXT_MAX];
    for (size_t at = pack_first(pack); at; at = pack_next(pack, at))
        if (!push(loading, list, pack_get_text(pack, at, scratch))) return false;
    return true;
}

static bool push_ziplist(struct rdb_loading *loading, struct list *list) {
    struct rdb_text text = {0};
    bool done =
        rdb_read_pack(loading, FLAT_ZIPLIST, 1, &text) && push_pack(loading, list, text.bytes);
    rdb_text_free(&text);
    return done;
}

static bool add_node(struct rdb_loading *loading, struct list *list, struct bytes pack) {
    if (pack.len > RDB_PACK_MAX && pack_count(pack) > 1) return push_pack(loading, list, pack);
    return list_large_append(list, pack, false) || rdb_no_memory(loading);
}

static bool add_plain(struct rdb_loading *loading, struct list *list, struct bytes text) {
    struct buffer pack = {0};
    if (!text.len) return false;
    bool done = pack_init(&pack) && pack_append(&pack, text) &&
                list_large_append(list, buffer_bytes(&pack), true);
    buffer_free(&pack);
    return done || rdb_no_memory(loading);
}

static bool read_node(struct rdb_loading *loading, enum rdb_type type, struct list *list) {
    uint64_t container = NODE_PACKED;
    struct rdb_text text = {0};
    if (type == RDB_LIST_QUICKLIST_2 && !rdb_read_length(loading->reader, &container)) return false;
    bool done = false;
    if (container == NODE_PLAIN) {
        done = rdb_read_text(loading->reader, &text) && add_plain(loading, list, text.bytes);
    } else if (container == NODE_PACKED) {
        enum rdb_flat flat = type == RDB_LIST_QUICKLIST ? FLAT_ZIPLIST : FLAT_PACK;
        done = rdb_read_pack(loading, flat, 1, &text) && add_node(loading, list, text.bytes);
    }
    rdb_text_free(&text);
    return done;
}

static bool read_nodes(struct rdb_loading *loading, enum rdb_type type, struct list *list) {
    uint64_t count;
    bool done = rdb_read_count(loading, 1, &count);
    for (uint64_t i = 0; done && i < count; i++)
        done = read_node(loading, type, list);
    return done;
}

/* Lists are read as quicklists. One that has come out as a single node is a listpack if that is
 * short enough, and small if it is very short. */
static bool end(struct rdb_loading *loading, struct list *list) {
    struct tree_cursor cursor;
    const struct list_node *node = tree_first(&list->tree, &cursor);
    struct bytes pack = node_pack(node);
    list->quicklist = list->tree.count > 1 || node->plain ||
                      list_exceeds(value_limits.list_max_listpack_size, pack.len, node->count);
    if (list->quicklist || pack.len > LIST_SMALL_MAX) {
        *loading->value = (struct value){.type = TYPE_LIST, .large = true, .object = list};
        return true;
    }
    bool done = rdb_take_pack(loading, pack, TYPE_LIST, 0);
    if (done) list_large_free(list);
    return done;
}

bool rdb_read_list(struct rdb_loading *loading, enum rdb_type type) {
    struct list *list = list_large_create();
    bool done;
    if (!list) return rdb_no_memory(loading);
    list_large_make_quicklist(list);
    if (type == RDB_LIST)
        done = push_strings(loading, list) && end(loading, list);
    else if (type != RDB_LIST_ZIPLIST)
        done = read_nodes(loading, type, list) && end(loading, list);
    else if ((done = push_ziplist(loading, list)))
        *loading->value = (struct value){.type = TYPE_LIST, .large = true, .object = list};
    if (!done) list_large_free(list);
    return done;
}
