/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/stream.h"
#include "base/ensure.h"
#include "sys/memory.h"
#include "value/limits.h"
#include "value/stream_group.h"
#include "value/stream_priv.h"

static const struct tree_kind node_kind = {sizeof(struct stream_place), sizeof(struct stream_id),
                                           NULL};

struct stream *stream_create(void) {
    struct stream *stream = memory_alloc_zero(sizeof *stream);
    if (!stream) return NULL;
    tree_init(&stream->nodes, &node_kind);
    stream_groups_init(stream);
    return stream;
}

void stream_release_node(void *context, void *item) {
    (void)context;
    memory_free(((struct stream_place *)item)->pack);
}

void stream_free(void *object) {
    struct stream *stream = object;
    if (!stream) return;
    tree_clear(&stream->nodes, stream_release_node, NULL);
    stream_groups_clear(stream);
    memory_free(stream);
}

/* ---- the memory of nodes ---- */

bool stream_is_tail(const struct tree_cursor *cursor) {
    struct tree_cursor behind = *cursor;
    return tree_next(&behind) == NULL;
}

struct buffer stream_node_buffer(const struct stream *stream, struct tree_cursor *cursor) {
    struct stream_place *place = tree_item(cursor);
    struct bytes pack = pack_at(place->pack);
    size_t capacity = stream_is_tail(cursor) ? stream->tail_capacity : pack.len;
    return (struct buffer){place->pack, pack.len, capacity};
}

void stream_store_node(struct stream *stream, struct tree_cursor *cursor, struct buffer *buffer,
                       size_t capacity) {
    if (stream_is_tail(cursor)) {
        stream->tail_capacity = buffer->cap;
    } else if (buffer->cap != buffer->len) {
        char *exact = memory_realloc(buffer->data, buffer->len);
        if (exact) buffer->data = exact;
        buffer->cap = buffer->len;
    }
    ((struct stream_place *)tree_item(cursor))->pack = buffer->data;
    stream->node_bytes += buffer->cap - capacity;
}

/* ---- appending ---- */

/* Gives back what the last node does not need; nothing will be added to it. */
static void seal_tail(struct stream *stream, struct stream_place *tail) {
    size_t size = pack_at(tail->pack).len;
    char *pack = memory_realloc(tail->pack, size);
    if (!pack) return;
    tail->pack = pack;
    stream->node_bytes -= stream->tail_capacity - size;
    stream->tail_capacity = size;
}

static bool append_node(struct stream *stream, struct stream_id id, struct stream_fields fields) {
    struct buffer buffer = {0};
    struct tree_cursor cursor;
    struct stream_place *tail = tree_last(&stream->nodes, &cursor);
    if (!buffer_reserve(&buffer, node_room(fields))) return false;
    node_create(&buffer, fields);
    node_append(&buffer, id, id, fields);
    if (tail) {
        seal_tail(stream, tail);
        size_t size = pack_at(tail->pack).len;
        stream->node_bytes -= stream->tail_capacity - size; /* if it could not be sealed */
    }
    struct stream_place place = {id, buffer.data};
    tree_end(&stream->nodes, &cursor);
    if (!tree_insert_at(&cursor, &place)) {
        if (tail) stream->tail_capacity = pack_at(tail->pack).len;
        buffer_free(&buffer);
        return false;
    }
    stream->tail_capacity = buffer.cap;
    stream->node_bytes += buffer.cap;
    return true;
}

/* Does an entry of `payload` bytes begin a new node? The sizes are told as Valkey counts them, for
 * trimming by whole nodes to remove the same. */
static bool is_full(const struct stream_place *tail, size_t payload) {
    struct bytes pack = pack_at(tail->pack);
    size_t most = (size_t)value_limits.stream_node_max_bytes;
    if (most == 0 || most > PACK_SIZE_MAX) most = PACK_SIZE_MAX;
    if (pack.len + payload >= most) return true;
    if (value_limits.stream_node_max_entries == 0) return false;
    int64_t live = pack_get(pack, PACK_HEADER).number;
    int64_t deleted = pack_get(pack, pack_skip(pack, PACK_HEADER)).number;
    return live + deleted >= value_limits.stream_node_max_entries;
}

static bool append_to_tail(struct stream *stream, struct stream_place *tail, struct stream_id id,
                           struct stream_fields fields) {
    struct buffer buffer = {tail->pack, pack_at(tail->pack).len, stream->tail_capacity};
    bool reserved = buffer_reserve(&buffer, node_room(fields));
    stream->node_bytes += buffer.cap - stream->tail_capacity;
    stream->tail_capacity = buffer.cap;
    tail->pack = buffer.data;
    if (!reserved) return false;
    node_append(&buffer, tail->id, id, fields);
    return true;
}

enum stream_outcome stream_append(struct stream *stream, struct stream_id id,
                                  struct stream_fields fields) {
    struct tree_cursor cursor;
    struct stream_place *tail = tree_last(&stream->nodes, &cursor);
    size_t payload = 0;
    for (uint64_t i = 0; i < fields.count * 2; i++)
        payload += fields.pairs[i].len;
    /* what fits in an empty node with all its fields is never refused by a pack */
    if (payload > PACK_SIZE_MAX / 2) return STREAM_TOO_LARGE;
    bool added = tail && !is_full(tail, payload) ? append_to_tail(stream, tail, id, fields)
                                                 : append_node(stream, id, fields);
    if (!added) return STREAM_NO_MEMORY;
    if (stream->length++ == 0) stream->first = id;
    stream->added++;
    stream->last = id;
    return STREAM_DONE;
}

/* ---- finding ---- */

/* To the node that has this ID, or would have it: the last one that does not begin behind it.
 * False: there is none. */
static bool seek_node(struct stream *stream, struct stream_id id, struct tree_cursor *cursor) {
    if (!stream->nodes.root) return false;
    if (tree_find(&stream->nodes, stream_compare_ids, NULL, &id, cursor)) return true;
    return tree_prev(cursor) != NULL;
}

/* Finds a live entry; *node and *entry are it. */
static bool find_entry(struct stream *stream, struct stream_id id, struct tree_cursor *cursor,
                       struct node *node, struct node_entry *entry) {
    if (!seek_node(stream, id, cursor)) return false;
    const struct stream_place *place = tree_item(cursor);
    node_open(node, pack_at(place->pack), place->id);
    for (size_t at = node->entries; at < node_end(node); at = node_behind(node, entry)) {
        node_entry_at(node, at, entry);
        int order = stream_id_compare(entry->id, id);
        if (order == 0) return !(entry->flags & NODE_DELETED);
        if (order > 0) return false;
    }
    return false;
}

bool stream_has(struct stream *stream, struct stream_id id) {
    struct tree_cursor cursor;
    struct node node;
    struct node_entry entry;
    if (stream_id_compare(id, stream->first) < 0 || stream_id_compare(id, stream->last) > 0)
        return false;
    return find_entry(stream, id, &cursor, &node, &entry);
}

/* ---- walking ---- */

static void open_node(struct stream_cursor *cursor) {
    const struct stream_place *place = tree_item(&cursor->place);
    cursor->open = place != NULL;
    if (!place) return;
    node_open(&cursor->node, pack_at(place->pack), place->id);
    cursor->next = cursor->reverse ? node_end(&cursor->node) : cursor->node.entries;
}

void stream_seek(struct stream_cursor *cursor, struct stream *stream, struct stream_id first,
                 struct stream_id last, bool reverse) {
    cursor->first = first;
    cursor->last = last;
    cursor->reverse = reverse;
    cursor->open = false;
    if (stream->length == 0) return;
    if (seek_node(stream, reverse ? last : first, &cursor->place))
        open_node(cursor);
    else if (!reverse && tree_first(&stream->nodes, &cursor->place))
        open_node(cursor);
}

static bool to_next_node(struct stream_cursor *cursor) {
    if (cursor->reverse ? !tree_prev(&cursor->place) : !tree_next(&cursor->place))
        cursor->open = false;
    else
        open_node(cursor);
    return cursor->open;
}

/* Steps onto the next entry, deleted or not. */
static bool step(struct stream_cursor *cursor) {
    for (;;) {
        if (!cursor->open) return false;
        size_t at = cursor->next;
        if (cursor->reverse)
            at = cursor->next = node_before(&cursor->node, at);
        else if (at == node_end(&cursor->node))
            at = PACK_NONE;
        if (at) {
            node_entry_at(&cursor->node, at, &cursor->entry);
            return true;
        }
        to_next_node(cursor);
    }
}

bool stream_next(struct stream_cursor *cursor) {
    while (step(cursor)) {
        const struct node_entry *entry = &cursor->entry;
        int low = stream_id_compare(entry->id, cursor->first);
        int high = stream_id_compare(entry->id, cursor->last);
        if (cursor->reverse ? low < 0 : high > 0) break;
        if (!cursor->reverse) cursor->next = node_behind(&cursor->node, entry);
        if (low >= 0 && high <= 0 && !(entry->flags & NODE_DELETED)) return true;
    }
    cursor->open = false;
    return false;
}

static uint64_t live_entries(const struct stream_place *place) {
    return (uint64_t)pack_get(pack_at(place->pack), PACK_HEADER).number;
}

static uint64_t count_within(const struct stream_place *place, struct stream_id first,
                             struct stream_id last) {
    struct node node;
    struct node_entry entry;
    uint64_t count = 0;
    node_open(&node, pack_at(place->pack), place->id);
    for (size_t at = node.entries; at < node_end(&node); at = node_behind(&node, &entry)) {
        node_entry_at(&node, at, &entry);
        if (stream_id_compare(entry.id, last) > 0) break;
        count += stream_id_compare(entry.id, first) >= 0 && !(entry.flags & NODE_DELETED);
    }
    return count;
}

uint64_t stream_count(struct stream *stream, struct stream_id first, struct stream_id last,
                      uint64_t most) {
    struct tree_cursor cursor;
    uint64_t count = 0;
    if (stream->length == 0) return 0;
    const struct stream_place *place = seek_node(stream, first, &cursor)
                                           ? tree_item(&cursor)
                                           : tree_first(&stream->nodes, &cursor);
    while (place && count < most && stream_id_compare(place->id, last) <= 0) {
        const struct stream_place *here = place;
        place = tree_next(&cursor);
        struct stream_id end = place ? place->id : stream->last;
        bool whole = stream_id_compare(here->id, first) >= 0 && stream_id_compare(end, last) <= 0;
        count += whole ? live_entries(here) : count_within(here, first, last);
    }
    return MIN(count, most);
}

struct stream_id stream_edge(struct stream *stream, bool last) {
    struct stream_cursor cursor;
    stream_seek(&cursor, stream, STREAM_ID_MIN, STREAM_ID_MAX, last);
    return stream_next(&cursor) ? cursor.entry.id : STREAM_ID_MIN;
}

struct stream_id stream_last_entry(struct stream *stream) {
    return stream_edge(stream, true);
}

struct stream_id stream_last_place(struct stream *stream) {
    struct tree_cursor cursor;
    struct node node;
    const struct stream_place *tail = tree_last(&stream->nodes, &cursor);
    if (!tail) return STREAM_ID_MIN;
    node_open(&node, pack_at(tail->pack), tail->id);
    return node_last_id(&node);
}

/* ---- deleting ---- */

void stream_remove_node(struct stream *stream, struct tree_cursor *cursor) {
    struct stream_place *place = tree_item(cursor);
    bool tail = stream_is_tail(cursor);
    stream->node_bytes -= tail ? stream->tail_capacity : pack_at(place->pack).len;
    memory_free(place->pack);
    tree_remove_at(cursor);
    place = tail ? tree_last(&stream->nodes, cursor) : NULL;
    if (place) stream->tail_capacity = pack_at(place->pack).len;
}

bool stream_mark_run(struct stream *stream, struct tree_cursor *cursor, const struct node *old,
                     size_t from, size_t until) {
    struct buffer buffer = stream_node_buffer(stream, cursor);
    size_t capacity = buffer.cap;
    bool wide = old->live > 127 || old->deleted + (until - from) > 127; /* more than there are */
    if (wide && !buffer_reserve(&buffer, NODE_COUNT_ROOM)) return false;
    struct node node;
    struct node_entry entry;
    uint64_t marked = 0;
    node_open(&node, buffer_bytes(&buffer), old->id);
    for (size_t at = from; at < until; at = node_behind(&node, &entry)) {
        node_entry_at(&node, at, &entry);
        if (entry.flags & NODE_DELETED) continue;
        node_mark_deleted(&buffer, at);
        marked++;
    }
    node_count(&buffer, old->live - marked, old->deleted + marked);
    stream_store_node(stream, cursor, &buffer, capacity);
    stream->length -= marked;
    return true;
}

enum stream_outcome stream_delete(struct stream *stream, struct stream_id id) {
    struct tree_cursor cursor;
    struct node node;
    struct node_entry entry;
    if (!find_entry(stream, id, &cursor, &node, &entry)) return STREAM_ABSENT;
    if (node.live == 1) {
        stream_remove_node(stream, &cursor);
        stream->length--;
    } else if (!stream_mark_run(stream, &cursor, &node, entry.at, entry.at + 1)) {
        return STREAM_NO_MEMORY;
    }
    if (stream_id_compare(id, stream->max_deleted) > 0) stream->max_deleted = id;
    if (stream_id_compare(id, stream->first) == 0) stream->first = stream_edge(stream, false);
    return STREAM_DONE;
}

void stream_set(struct stream *stream, struct stream_id last, struct stream_id max_deleted,
                uint64_t added) {
    stream->last = last;
    stream->max_deleted = max_deleted;
    stream->added = added;
}
