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

bool rdb_write_list(const struct value *value, struct buffer *out) {
    if (!rdb_write_type(out, RDB_LIST_QUICKLIST_2)) return false;
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

/* ---- reading: one element after the other ---- */

static bool push(struct rdb_loading *loading, struct list_edit *edit, struct bytes text) {
    return (list_edit_prepare(edit, 1, text.len, text.len) &&
            list_edit_push(edit, LIST_RIGHT, text)) ||
           rdb_no_memory(loading);
}

static bool push_strings(struct rdb_loading *loading, struct list_edit *edit) {
    uint64_t count;
    struct rdb_text text = {0};
    bool done = rdb_read_count(loading, 1, &count);
    for (uint64_t i = 0; done && i < count; i++)
        done = rdb_read_text(loading->reader, &text) && push(loading, edit, text.bytes);
    rdb_text_free(&text);
    return done;
}

static bool push_pack(struct rdb_loading *loading, struct list_edit *edit, struct bytes pack) {
    char scratch[PACK_TEXT_MAX];
    for (size_t at = pack_first(pack); at; at = pack_next(pack, at))
        if (!push(loading, edit, pack_get_text(pack, at, scratch))) return false;
    return true;
}

static bool push_ziplist(struct rdb_loading *loading, struct list_edit *edit) {
    struct rdb_text text = {0};
    bool done =
        rdb_read_pack(loading, FLAT_ZIPLIST, 1, &text) && push_pack(loading, edit, text.bytes);
    rdb_text_free(&text);
    return done;
}

/* ---- reading: nodes ---- */

static bool be_quicklist(struct list_edit *edit) {
    if (!edit->list) {
        edit->list = list_large_from_pack(buffer_bytes(edit->pack));
        edit->made = edit->list != NULL;
        if (!edit->made) return false;
    }
    if (!edit->list->quicklist) list_large_make_quicklist(edit->list);
    return true;
}

/* The only node, if it is short enough. */
static bool be_listpack(struct list_edit *edit, struct bytes pack) {
    if (pack.len <= LIST_SMALL_MAX) {
        buffer_clear(edit->pack);
        return buffer_append_bytes(edit->pack, pack);
    }
    edit->list = list_large_from_pack(pack);
    edit->made = edit->list != NULL;
    return edit->made;
}

static bool add_node(struct rdb_loading *loading, struct list_edit *edit, struct bytes pack,
                     bool alone) {
    size_t count = pack_count(pack);
    bool done;
    if (pack.len > RDB_PACK_MAX && count > 1) return push_pack(loading, edit, pack);
    if (alone && !list_exceeds(value_limits.list_max_listpack_size, pack.len, count))
        done = be_listpack(edit, pack);
    else
        done = be_quicklist(edit) && list_large_append(edit->list, pack, false);
    return done || rdb_no_memory(loading);
}

static bool add_plain(struct rdb_loading *loading, struct list_edit *edit, struct bytes text) {
    struct buffer pack = {0};
    if (!text.len) return false;
    bool done = be_quicklist(edit) && pack_init(&pack) && pack_append(&pack, text) &&
                list_large_append(edit->list, buffer_bytes(&pack), true);
    buffer_free(&pack);
    return done || rdb_no_memory(loading);
}

static bool read_node(struct rdb_loading *loading, struct list_edit *edit, enum rdb_type type,
                      bool alone) {
    uint64_t container = NODE_PACKED;
    struct rdb_text text = {0};
    if (type == RDB_LIST_QUICKLIST_2 && !rdb_read_length(loading->reader, &container)) return false;
    bool done = false;
    if (container == NODE_PLAIN) {
        done = rdb_read_text(loading->reader, &text) && add_plain(loading, edit, text.bytes);
    } else if (container == NODE_PACKED) {
        enum rdb_flat flat = type == RDB_LIST_QUICKLIST ? FLAT_ZIPLIST : FLAT_PACK;
        done = rdb_read_pack(loading, flat, 1, &text) && add_node(loading, edit, text.bytes, alone);
    }
    rdb_text_free(&text);
    return done;
}

static bool read_nodes(struct rdb_loading *loading, struct list_edit *edit, enum rdb_type type) {
    uint64_t count;
    if (!rdb_read_count(loading, 1, &count)) return false;
    for (uint64_t i = 0; i < count; i++)
        if (!read_node(loading, edit, type, count == 1)) return false;
    return true;
}

bool rdb_read_list(struct rdb_loading *loading, enum rdb_type type) {
    struct list_edit edit;
    bool done;
    if (!list_edit_begin(&edit, NULL, loading->scratch)) return rdb_no_memory(loading);
    if (type == RDB_LIST)
        done = push_strings(loading, &edit);
    else if (type == RDB_LIST_ZIPLIST)
        done = push_ziplist(loading, &edit);
    else
        done = read_nodes(loading, &edit, type);
    if (done)
        *loading->value = list_edit_value(&edit);
    else
        list_edit_drop(&edit);
    return done;
}
