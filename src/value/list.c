/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists in either form. */
#include "value/list.h"
#include "base/ensure.h"
#include "sys/memory.h"
#include "value/limits.h"
#include "value/list_priv.h"

/* What an element takes in a pack beside its bytes, at most. */
#define ELEMENT_HEAD_MAX 10u

uint64_t list_length(const struct value *value) {
    if (!value->large) return pack_count(value->small);
    const struct list *list = value->object;
    return list->tree.weight;
}

/* ---- reading ---- */

static void enter_node(struct list_cursor *cursor, const struct list_node *node, size_t at) {
    cursor->pack = node_pack(node);
    cursor->at = at;
}

void list_seek(const struct value *value, uint64_t index, struct list_cursor *cursor) {
    if (!value->large) {
        cursor->node.tree = NULL;
        cursor->pack = value->small;
        cursor->at = pack_seek(value->small, (int64_t)index);
        return;
    }
    struct list *list = value->object;
    uint64_t offset;
    const struct list_node *node = list_node_at(list, index, &cursor->node, &offset);
    enter_node(cursor, node, pack_seek(node_pack(node), (int64_t)offset));
}

bool list_next_node(struct list_cursor *cursor) {
    const struct list_node *node = cursor->node.tree ? tree_next(&cursor->node) : NULL;
    if (!node) return false;
    enter_node(cursor, node, PACK_HEADER);
    return true;
}

bool list_prev_node(struct list_cursor *cursor) {
    const struct list_node *node = cursor->node.tree ? tree_prev(&cursor->node) : NULL;
    if (!node) return false;
    enter_node(cursor, node, pack_last(node_pack(node)));
    return true;
}

/* ---- edits: their form ---- */

bool list_edit_begin(struct list_edit *edit, const struct value *value, struct buffer *scratch) {
    *edit = (struct list_edit){.pack = scratch};
    if (value && value->large) {
        edit->list = value->object;
        return true;
    }
    if (!value) return pack_init(scratch);
    edit->quicklist = value->form != 0;
    buffer_clear(scratch);
    return buffer_append_bytes(scratch, value->small);
}

static bool make_large(struct list_edit *edit) {
    if (edit->list) return true;
    edit->list = list_large_from_pack(buffer_bytes(edit->pack));
    edit->made = edit->list != NULL;
    return edit->made;
}

/* The only pack of a listpack. */
static struct bytes only_pack(const struct list_edit *edit) {
    if (!edit->list) return buffer_bytes(edit->pack);
    struct tree_cursor cursor;
    const struct list_node *node = tree_first(&edit->list->tree, &cursor);
    return node ? node_pack(node) : bytes_make(NULL, PACK_EMPTY_SIZE);
}

bool list_edit_is_quicklist(const struct list_edit *edit) {
    return edit->list ? edit->list->quicklist : edit->quicklist;
}

static bool make_quicklist(struct list_edit *edit) {
    if (!make_large(edit)) return false;
    list_large_make_quicklist(edit->list);
    return true;
}

bool list_edit_prepare(struct list_edit *edit, uint64_t count, size_t bytes, size_t longest) {
    if (list_edit_is_quicklist(edit)) return edit->list || make_quicklist(edit);
    size_t size = only_pack(edit).len;
    if (list_exceeds(value_limits.list_max_listpack_size, size + bytes,
                     list_edit_length(edit) + count))
        return make_quicklist(edit);
    if (edit->list) return true;
    return size + bytes + longest + count * ELEMENT_HEAD_MAX <= LIST_SMALL_MAX || make_large(edit);
}

static bool is_listpack_now(const struct list_edit *edit) {
    struct tree_cursor cursor;
    if (edit->list->tree.count > 1) return false;
    const struct list_node *node = tree_first(&edit->list->tree, &cursor);
    return node && !node->plain &&
           !list_exceeds_half(value_limits.list_max_listpack_size, node_pack(node).len,
                              node->count);
}

void list_edit_shrink(struct list_edit *edit) {
    if (!edit->list) {
        struct bytes pack = buffer_bytes(edit->pack);
        if (edit->quicklist &&
            !list_exceeds_half(value_limits.list_max_listpack_size, pack.len, pack_count(pack)))
            edit->quicklist = false;
        return;
    }
    if (edit->list->quicklist && is_listpack_now(edit)) edit->list->quicklist = false;
    if (edit->list->quicklist) return;
    struct bytes pack = only_pack(edit);
    if (!pack.data || pack.len > LIST_SMALL_MAX / 2) return;
    buffer_clear(edit->pack);
    if (!buffer_append_bytes(edit->pack, pack)) return;
    if (edit->made) list_large_free(edit->list);
    edit->list = NULL;
    edit->made = edit->quicklist = false;
}

uint64_t list_edit_length(const struct list_edit *edit) {
    return edit->list ? edit->list->tree.weight : pack_count(buffer_bytes(edit->pack));
}

struct value list_edit_value(const struct list_edit *edit) {
    if (edit->list) return (struct value){.type = TYPE_LIST, .large = true, .object = edit->list};
    return (struct value){
        .type = TYPE_LIST, .form = edit->quicklist, .small = buffer_bytes(edit->pack)};
}

void list_edit_drop(struct list_edit *edit) {
    if (edit->made) list_large_free(edit->list);
    edit->list = NULL;
    edit->made = false;
}

/* ---- edits: the elements ---- */

bool list_edit_push(struct list_edit *edit, enum list_end end, struct bytes text) {
    if (edit->list) {
        bool done = list_large_push(edit->list, end, text);
        if (UNLIKELY(list_keeper != NULL) && done)
            list_tell_came(edit->list, end == LIST_LEFT ? 0 : edit->list->tree.weight - 1);
        return done;
    }
    return end == LIST_LEFT ? pack_prepend(edit->pack, text) : pack_append(edit->pack, text);
}

void list_edit_remove(struct list_edit *edit, uint64_t start, uint64_t count) {
    if (count == 0) return;
    if (edit->list) {
        if (UNLIKELY(list_keeper != NULL)) list_tell_going(edit->list, start, count);
        list_large_remove(edit->list, start, count);
    } else {
        pack_delete(edit->pack, pack_seek(buffer_bytes(edit->pack), (int64_t)start), count);
    }
}

void list_edit_drop_end(struct list_edit *edit, enum list_end end, uint64_t count) {
    list_edit_remove(edit, end == LIST_LEFT ? 0 : list_edit_length(edit) - count, count);
}

bool list_edit_remove_at(struct list_edit *edit, struct list_cursor *cursor, bool backwards) {
    if (edit->list) {
        if (UNLIKELY(list_keeper != NULL)) list_tell_going_at(edit->list, cursor);
        return list_large_remove_at(edit->list, cursor, backwards);
    }
    size_t before = backwards ? pack_prev(cursor->pack, cursor->at) : PACK_NONE;
    size_t behind = pack_delete(edit->pack, cursor->at, 1);
    cursor->pack = buffer_bytes(edit->pack);
    cursor->at = backwards ? before : behind;
    return cursor->at != PACK_NONE;
}

bool list_edit_insert(struct list_edit *edit, uint64_t index, bool after, struct bytes text) {
    if (edit->list) {
        bool done = list_large_insert(edit->list, index, after, text);
        if (UNLIKELY(list_keeper != NULL) && done)
            list_tell_came(edit->list, after ? index + 1 : index);
        return done;
    }
    struct bytes pack = buffer_bytes(edit->pack);
    size_t at = pack_seek(pack, (int64_t)index);
    return pack_insert(edit->pack, after ? pack_next(pack, at) : at, text);
}

bool list_edit_replace(struct list_edit *edit, uint64_t index, struct bytes text) {
    if (edit->list) {
        if (UNLIKELY(list_keeper != NULL)) list_tell_changing(edit->list, index);
        return list_large_replace(edit->list, index, text);
    }
    return pack_replace(edit->pack, pack_seek(buffer_bytes(edit->pack), (int64_t)index), text);
}

/* ---- the type ---- */

#define MEASURED_NODES 64u

/* The first nodes stand for all. */
static size_t memory(const void *object) {
    const struct list *list = object;
    struct tree_cursor cursor;
    size_t bytes = 0;
    uint64_t measured = 0;
    const struct list_node *node = tree_first((struct tree *)&list->tree, &cursor);
    for (; node && measured < MEASURED_NODES; node = tree_next(&cursor), measured++)
        bytes += memory_usable(node->data);
    if (measured) bytes = (size_t)((double)bytes * (double)list->tree.count / (double)measured);
    return sizeof *list + tree_memory(&list->tree) + bytes;
}

static size_t free_effort(const void *object) {
    const struct list *list = object;
    return list->tree.count;
}

static const char *encoding(const struct value *value) {
    const struct list *list = value->object;
    bool quicklist = value->large ? list->quicklist : value->form != 0;
    return quicklist ? "quicklist" : "listpack";
}

static const struct value_ops ops = {
    .name = "list",
    .free = list_large_free,
    .copy = list_large_copy,
    .memory = memory,
    .free_effort = free_effort,
    .length = list_length,
    .encoding = encoding,
};

void list_register(void) {
    value_register(TYPE_LIST, &ops);
}
