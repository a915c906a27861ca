/* SPDX-License-Identifier: BSD-3-Clause */
/* Large lists: a counted tree of packs. */
#include "base/ensure.h"
#include "sys/memory.h"
#include "value/limits.h"
#include "value/list_priv.h"

/* What an element is taken to need in a node beside its bytes, before it is there. */
#define ELEMENT_OVERHEAD 8u

/* A node that is limited by the number of its elements has at most so many bytes all the same. */
#define COUNTED_NODE_MAX 8192u

/* Beyond these a number of elements, or of bytes, makes no difference to a quicklist. */
#define FILL_MIN (-5)
#define FILL_MAX 32767

static uint64_t weight(const void *item) {
    const struct list_node *node = item;
    return node->count;
}

static const struct tree_kind kind = {sizeof(struct list_node), 0, weight};

/* ---- limits ---- */

static size_t bytes_limit(int64_t fill) {
    return (size_t)2048 << MIN(-fill, 5);
}

static uint64_t count_limit(int64_t fill) {
    return fill ? (uint64_t)fill : 1;
}

bool list_exceeds(int64_t fill, size_t size, uint64_t count) {
    if (fill < 0) return size > bytes_limit(fill);
    return size > COUNTED_NODE_MAX || count > count_limit(fill);
}

bool list_exceeds_half(int64_t fill, size_t size, uint64_t count) {
    if (fill < 0) return size > bytes_limit(fill) / 2;
    return count > count_limit(fill) / 2;
}

/* Is an element of this size kept in a node of its own? */
static bool is_plain(const struct list *list, size_t size) {
    if (!list->quicklist) return false;
    return size > (list->fill < 0 ? bytes_limit(list->fill) : COUNTED_NODE_MAX);
}

static bool has_room(const struct list *list, const struct list_node *node, size_t size) {
    if (!list->quicklist) return true;
    return !node->plain && !is_plain(list, size) &&
           !list_exceeds(list->fill, node_pack(node).len + size + ELEMENT_OVERHEAD,
                         (uint64_t)node->count + 1);
}

/* ---- nodes ---- */

/* A buffer laid over a node's pack, for edits; what they did to the memory goes back to the node.
 */
static struct buffer node_open(const struct list_node *node) {
    return (struct buffer){node->data, node_pack(node).len, node->capacity};
}

static void node_close(struct list_node *node, const struct buffer *buffer) {
    node->data = buffer->data;
    node->capacity = (uint32_t)buffer->cap & INT32_MAX;
}

static bool node_make(struct list_node *node, struct bytes text, bool plain) {
    struct buffer buffer = {0};
    if (!buffer_reserve(&buffer, PACK_EMPTY_SIZE + pack_element_size(text)) ||
        !pack_init(&buffer) || !pack_append(&buffer, text)) {
        buffer_free(&buffer);
        return false;
    }
    *node = (struct list_node){.count = 1, .plain = plain};
    node_close(node, &buffer);
    return true;
}

static bool node_copy(struct list_node *node, const struct list_node *model) {
    struct bytes pack = node_pack(model);
    struct buffer buffer = {0};
    if (!buffer_append_bytes(&buffer, pack)) return false;
    *node = *model;
    node_close(node, &buffer);
    return true;
}

static void node_free(struct list_node *node) {
    memory_free(node->data);
}

/* Gives back what the node's memory has too much, if it is worth it. */
static void node_fit(struct list_node *node) {
    size_t size = node_pack(node).len;
    if (node->capacity - size <= size / 8) return;
    char *fitting = memory_realloc(node->data, size);
    if (!fitting) return;
    node->data = fitting;
    node->capacity = (uint32_t)size & INT32_MAX;
}

static bool node_put(struct tree_cursor *cursor, size_t at, struct bytes text) {
    struct list_node *node = tree_item(cursor);
    struct buffer buffer = node_open(node);
    bool done = pack_insert(&buffer, at, text);
    node_close(node, &buffer);
    if (!done) return false;
    node->count++;
    tree_reweigh(cursor, 1);
    return true;
}

static bool node_put_end(struct tree_cursor *cursor, enum list_end end, struct bytes text) {
    return node_put(cursor, end == LIST_LEFT ? PACK_HEADER : PACK_NONE, text);
}

/* Takes some of the elements, not all, out of the node at the cursor. */
static size_t node_delete(struct tree_cursor *cursor, size_t at, uint64_t count) {
    struct list_node *node = tree_item(cursor);
    struct buffer buffer = node_open(node);
    at = pack_delete(&buffer, at, count);
    node->count -= (uint32_t)count;
    tree_reweigh(cursor, -(int64_t)count);
    if (node->capacity > 2 * buffer.len + 64) node_fit(node);
    return at;
}

/* The cursor is at what followed the node. */
static void node_remove(struct tree_cursor *cursor) {
    node_free(tree_item(cursor));
    tree_remove_at(cursor);
}

/* Puts a new node before or after the one at the cursor (or at the end, if that is where it is),
 * which is at the new one then. False: no memory, and the node is freed. */
static bool add_node(struct tree_cursor *cursor, bool after, struct list_node *node) {
    if (after) tree_next(cursor);
    if (tree_insert_at(cursor, node)) return true;
    node_free(node);
    return false;
}

static bool add_text(const struct list *list, struct tree_cursor *cursor, bool after,
                     struct bytes text) {
    struct list_node node;
    return node_make(&node, text, is_plain(list, text.len)) && add_node(cursor, after, &node);
}

/* Cuts the node at the cursor in two before its element `offset`, which is not the first; the
 * cursor is at the left part. */
static bool split(struct tree_cursor *cursor, uint64_t offset) {
    struct list_node right, *node = tree_item(cursor);
    uint32_t right_count = node->count - (uint32_t)offset;
    if (!node_copy(&right, node)) return false;
    struct buffer buffer = node_open(&right);
    pack_delete(&buffer, PACK_HEADER, offset);
    right.count = right_count;
    node_fit(&right);
    if (!add_node(cursor, true, &right)) return false;
    node = tree_prev(cursor);
    node_delete(cursor, pack_seek(node_pack(node), (int64_t)offset), right_count);
    return true;
}

/* ---- merging ---- */

/* Makes the node at the cursor and the next one, if there is one, a single node where that may be.
 * Merging only saves memory: without memory it is left out. */
static bool merge_next(const struct list *list, struct tree_cursor *cursor) {
    struct tree_cursor behind = *cursor;
    struct list_node *node = tree_item(cursor), *next = tree_next(&behind);
    if (!node || !next || node->plain || next->plain) return false;
    size_t size = node_pack(node).len + node_pack(next).len - PACK_EMPTY_SIZE;
    uint32_t moved = next->count;
    if (list_exceeds(list->fill, size, (uint64_t)node->count + moved)) return false;
    struct buffer buffer = node_open(node);
    bool done = pack_append_pack(&buffer, node_pack(next));
    node_close(node, &buffer);
    if (!done) return false;
    node->count += moved;
    tree_reweigh(cursor, moved);
    tree_next(cursor);
    node_remove(cursor);
    tree_prev(cursor);
    return true;
}

/* After the node at the cursor has changed: the two before it, the two behind it, and it with what
 * is on either side then. */
static void merge_around(const struct list *list, struct tree_cursor *cursor) {
    unsigned back = 0;
    while (back < 2 && tree_prev(cursor))
        back++;
    if (back == 2 && merge_next(list, cursor)) back--;
    while (back-- > 0)
        tree_next(cursor);

    if (tree_next(cursor)) merge_next(list, cursor);
    tree_prev(cursor);

    if (tree_prev(cursor) && !merge_next(list, cursor)) tree_next(cursor);
    merge_next(list, cursor);
}

/* ---- finding ---- */

/* Most of what is asked for is at the ends, where no weights need to be added up. */
struct list_node *list_node_at(struct list *list, uint64_t index, struct tree_cursor *cursor,
                               uint64_t *offset) {
    if (index == 0) {
        *offset = 0;
        return tree_first(&list->tree, cursor);
    }
    struct list_node *last = tree_last(&list->tree, cursor);
    uint64_t before = list->tree.weight - last->count;
    if (index < before) return tree_at(&list->tree, index, cursor, offset);
    *offset = index - before;
    return last;
}

/* ---- life ---- */

struct list *list_large_create(void) {
    struct list *list = memory_alloc_zero(sizeof *list);
    if (list) tree_init(&list->tree, &kind);
    return list;
}

static void release(void *context, void *item) {
    (void)context;
    node_free(item);
}

void list_large_free(void *object) {
    struct list *list = object;
    tree_clear(&list->tree, release, NULL);
    memory_free(list);
}

static bool append_copy(struct list *list, const struct list_node *model) {
    struct list_node node;
    if (!node_copy(&node, model)) return false;
    if (tree_append(&list->tree, &node, 1)) return true;
    node_free(&node);
    return false;
}

bool list_large_append(struct list *list, struct bytes pack, bool plain) {
    struct list_node model = {
        .data = (char *)pack.data, .count = (uint32_t)pack_count(pack), .plain = plain};
    return append_copy(list, &model);
}

void list_large_make_quicklist(struct list *list) {
    int64_t fill = value_limits.list_max_listpack_size;
    list->fill = (int32_t)MAX(FILL_MIN, MIN(fill, FILL_MAX));
    list->quicklist = true;
}

struct list *list_large_from_pack(struct bytes pack) {
    struct list *list = list_large_create();
    if (!list || pack_is_empty(pack) || list_large_append(list, pack, false)) return list;
    list_large_free(list);
    return NULL;
}

void *list_large_copy(const void *object) {
    const struct list *list = object;
    struct list *copy = list_large_create();
    if (!copy) return NULL;
    copy->fill = list->fill;
    copy->quicklist = list->quicklist;
    struct tree_cursor cursor;
    const struct list_node *node = tree_first((struct tree *)&list->tree, &cursor);
    for (; node; node = tree_next(&cursor)) {
        if (append_copy(copy, node)) continue;
        list_large_free(copy);
        return NULL;
    }
    return copy;
}

/* ---- the ends ---- */

bool list_large_push(struct list *list, enum list_end end, struct bytes text) {
    struct tree_cursor cursor;
    struct list_node *node =
        end == LIST_LEFT ? tree_first(&list->tree, &cursor) : tree_last(&list->tree, &cursor);
    if (LIKELY(node && has_room(list, node, text.len))) return node_put_end(&cursor, end, text);
    if (node) node_fit(node);
    return add_text(list, &cursor, end == LIST_RIGHT, text);
}

void list_large_remove(struct list *list, uint64_t start, uint64_t count) {
    struct tree_cursor cursor;
    uint64_t offset;
    struct list_node *node = list_node_at(list, start, &cursor, &offset);
    while (count > 0) {
        uint64_t here = MIN(count, node->count - offset);
        count -= here;
        if (here == node->count) {
            node_remove(&cursor);
            node = tree_item(&cursor);
        } else {
            node_delete(&cursor, pack_seek(node_pack(node), (int64_t)offset), here);
            node = tree_next(&cursor);
        }
        offset = 0;
    }
}

/* ---- the middle ---- */

bool list_large_remove_at(struct list *list, struct list_cursor *cursor, bool backwards) {
    struct list_node *node = tree_item(&cursor->node);
    (void)list;
    if (node->count > 1) {
        size_t before = backwards ? pack_prev(cursor->pack, cursor->at) : PACK_NONE;
        size_t behind = node_delete(&cursor->node, cursor->at, 1);
        cursor->pack = node_pack(node);
        cursor->at = backwards ? before : behind;
        if (cursor->at != PACK_NONE) return true;
        return backwards ? list_prev_node(cursor) : list_next_node(cursor);
    }
    node_remove(&cursor->node);
    if (backwards) return list_prev_node(cursor);
    node = tree_item(&cursor->node);
    if (!node) return false;
    cursor->pack = node_pack(node);
    cursor->at = PACK_HEADER;
    return true;
}

static size_t place_in(const struct list_node *node, uint64_t offset, bool after) {
    size_t at = pack_seek(node_pack(node), (int64_t)offset);
    return after ? pack_next(node_pack(node), at) : at;
}

/* Beside the first or last element of a node that has no room. */
static bool insert_at_edge(struct list *list, struct tree_cursor *cursor, bool after,
                           struct bytes text) {
    struct tree_cursor beside = *cursor;
    struct list_node *neighbour = after ? tree_next(&beside) : tree_prev(&beside);
    if (neighbour && has_room(list, neighbour, text.len))
        return node_put_end(&beside, after ? LIST_LEFT : LIST_RIGHT, text);
    return add_text(list, cursor, after, text);
}

bool list_large_insert(struct list *list, uint64_t index, bool after, struct bytes text) {
    struct tree_cursor cursor;
    uint64_t offset;
    struct list_node *node = list_node_at(list, index, &cursor, &offset);
    if (has_room(list, node, text.len))
        return node_put(&cursor, place_in(node, offset, after), text);
    if (offset == (after ? node->count - 1 : 0)) return insert_at_edge(list, &cursor, after, text);
    if (!split(&cursor, after ? offset + 1 : offset)) return false;
    if (is_plain(list, text.len)) return add_text(list, &cursor, true, text);
    /* The element joins the part that does not have its neighbour. */
    if (after) tree_next(&cursor);
    if (!node_put_end(&cursor, after ? LIST_LEFT : LIST_RIGHT, text)) return false;
    if (after)
        tree_prev(&cursor);
    else
        tree_next(&cursor);
    merge_around(list, &cursor);
    return true;
}

/* An element in a plain node gets another text. */
static bool replace_plain(struct list *list, uint64_t index, struct list_node *node,
                          struct bytes text) {
    struct list_node made;
    if (!is_plain(list, text.len)) {
        if (!list_large_insert(list, index, true, text)) return false;
        list_large_remove(list, index, 1);
        return true;
    }
    if (!node_make(&made, text, true)) return false;
    node_free(node);
    *node = made;
    return true;
}

/* An element among others gets a text that needs a node of its own. */
static bool replace_by_plain(struct list *list, struct tree_cursor *cursor, uint64_t offset,
                             struct bytes text) {
    struct list_node *node = tree_item(cursor);
    if (offset + 1 < node->count && !split(cursor, offset + 1)) return false;
    if (!add_text(list, cursor, true, text)) return false;
    node = tree_prev(cursor);
    if (node->count == 1) {
        node_remove(cursor);
        return true;
    }
    node_delete(cursor, pack_last(node_pack(node)), 1);
    tree_next(cursor);
    merge_around(list, cursor);
    return true;
}

bool list_large_replace(struct list *list, uint64_t index, struct bytes text) {
    struct tree_cursor cursor;
    uint64_t offset;
    struct list_node *node = list_node_at(list, index, &cursor, &offset);
    if (node->plain) return replace_plain(list, index, node, text);
    if (is_plain(list, text.len)) return replace_by_plain(list, &cursor, offset, text);
    struct buffer buffer = node_open(node);
    bool done = pack_replace(&buffer, pack_seek(node_pack(node), (int64_t)offset), text);
    node_close(node, &buffer);
    return done;
}
