/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams: removing entries from the front. */
#include "value/stream_group.h"
#include "value/stream_priv.h"

/* Is nothing of the node to be kept, when so many entries are left? */
static bool goes_whole(const struct stream_trim *trim, const struct node *node, uint64_t length) {
    if (trim->by == STREAM_BY_LENGTH) return length - node->live >= trim->length;
    return stream_id_compare(node_last_id(node), trim->id) < 0;
}

/* Removes entries from the front of the first node; all of it, if nothing else lives there. */
static void trim_node(struct stream *stream, const struct stream_trim *trim,
                      struct tree_cursor *cursor, const struct node *node) {
    struct node_entry entry;
    uint64_t length = stream->length;
    size_t at = node->entries;
    for (; at < node_end(node); at = node_behind(node, &entry)) {
        node_entry_at(node, at, &entry);
        bool keep = trim->by == STREAM_BY_LENGTH ? length <= trim->length
                                                 : stream_id_compare(entry.id, trim->id) >= 0;
        if (keep) break;
        length -= !(entry.flags & NODE_DELETED);
    }
    uint64_t marked = stream->length - length;
    if (marked == node->live) {
        stream_remove_node(stream, cursor);
        stream->length = length;
    } else if (marked) {
        stream_mark_run(stream, cursor, node, node->entries, at);
    }
}

uint64_t stream_trim(struct stream *stream, const struct stream_trim *trim) {
    uint64_t before = stream->length, removed = 0;
    uint64_t whole = 0;
    struct tree_cursor cursor;
    struct node node;
    struct stream_place *place = tree_first(&stream->nodes, &cursor);
    if (trim->by == STREAM_KEEP_ALL) return 0;
    for (; place; place = tree_next(&cursor), whole++) {
        if (trim->by == STREAM_BY_LENGTH && before - removed <= trim->length) break;
        node_open(&node, pack_at(place->pack), place->id);
        if (trim->limit && removed + node.live > trim->limit) break;
        if (!goes_whole(trim, &node, before - removed)) break;
        removed += node.live;
        stream->node_bytes -= stream_is_tail(&cursor) ? stream->tail_capacity : node.pack.len;
    }
    stream->length -= removed;
    if (whole) {
        tree_first(&stream->nodes, &cursor);
        tree_remove_run(&cursor, whole, stream_release_node, NULL);
        place = tree_first(&stream->nodes, &cursor);
    }
    bool limited = trim->limit && place && removed + node.live > trim->limit;
    if (place && !trim->whole_nodes && !limited) {
        node_open(&node, pack_at(place->pack), place->id);
        trim_node(stream, trim, &cursor, &node);
    }
    if (stream->length != before) stream->first = stream_edge(stream, false);
    return before - stream->length;
}

/* ---- with regard to groups ---- */

/* A walk over the entries that may go. */
struct sifting {
    struct stream *stream;
    const struct stream_trim *trim;
    struct stream_id limit; /* some group has still to read what is behind this */
    uint64_t examined, removed;
    struct stream_id end;
    bool passed_some; /* an entry stays in front of what is looked at */
    bool done;
};

static struct stream_id read_by_all(struct stream *stream) {
    struct tree_cursor cursor;
    struct stream_id least = STREAM_ID_MAX;
    struct stream_group *group = stream_group_next(stream, &cursor, true);
    for (; group; group = stream_group_next(stream, &cursor, false))
        if (stream_id_compare(group->last, least) < 0) least = group->last;
    return least;
}

static bool is_enough(const struct sifting *sifting, struct stream_id id, uint64_t marked) {
    const struct stream_trim *trim = sifting->trim;
    if (stream_id_compare(id, sifting->limit) > 0) return true;
    if (trim->by == STREAM_BY_ID) return stream_id_compare(id, trim->id) >= 0;
    return sifting->stream->length - marked <= trim->length;
}

/* May nothing of the node be touched, by whole nodes or a limit? */
static bool is_out_of_reach(const struct sifting *sifting, const struct node *node) {
    const struct stream_trim *trim = sifting->trim;
    if (trim->limit && sifting->examined + node->live > trim->limit) return true;
    return trim->whole_nodes && !goes_whole(trim, node, sifting->stream->length);
}

/* Marks what may go of the node whose bytes the buffer has; returns how much. */
static uint64_t sift(struct sifting *sifting, const struct node *node, struct buffer *buffer) {
    struct stream *stream = sifting->stream;
    struct node_entry entry;
    uint64_t marked = 0;
    for (size_t at = node->entries; at < node_end(node); at = node_behind(node, &entry)) {
        node_entry_at(node, at, &entry);
        if (entry.flags & NODE_DELETED) continue;
        sifting->done = is_enough(sifting, entry.id, marked);
        if (sifting->done) break;
        sifting->end = entry.id;
        if (stream_is_referenced(stream, entry.id)) {
            sifting->passed_some = true;
            continue;
        }
        node_mark_deleted(buffer, at);
        marked++;
        if (sifting->passed_some && stream_id_compare(entry.id, stream->max_deleted) > 0)
            stream->max_deleted = entry.id;
    }
    return marked;
}

/* The node at the cursor, which moves on. */
static void sift_node(struct sifting *sifting, struct tree_cursor *cursor) {
    struct stream *stream = sifting->stream;
    const struct stream_place *place = tree_item(cursor);
    struct buffer buffer = stream_node_buffer(stream, cursor);
    size_t capacity = buffer.cap;
    struct node node;
    bool tail = stream_is_tail(cursor);
    node_open(&node, buffer_bytes(&buffer), place->id);
    sifting->done = is_out_of_reach(sifting, &node);
    if (sifting->done) return;
    sifting->examined += node.live;
    bool wide = node.live + node.deleted > 127;
    if (wide && !buffer_reserve(&buffer, NODE_COUNT_ROOM)) {
        sifting->done = true;
        return;
    }
    node_open(&node, buffer_bytes(&buffer), node.id);
    uint64_t marked = sift(sifting, &node, &buffer);
    node_count(&buffer, node.live - marked, node.deleted + marked);
    stream_store_node(stream, cursor, &buffer, capacity);
    stream->length -= marked;
    sifting->removed += marked;
    sifting->done |= tail;
    if (marked == node.live)
        stream_remove_node(stream, cursor);
    else
        tree_next(cursor);
}

uint64_t stream_trim_unreferenced(struct stream *stream, const struct stream_trim *trim,
                                  struct stream_id *end) {
    struct tree_cursor cursor;
    struct sifting sifting = {.stream = stream, .trim = trim, .limit = read_by_all(stream)};
    if (trim->by == STREAM_KEEP_ALL || !tree_first(&stream->nodes, &cursor)) return 0;
    while (!sifting.done)
        sift_node(&sifting, &cursor);
    if (sifting.removed) stream->first = stream_edge(stream, false);
    *end = sifting.end;
    stream_id_increment(end);
    return sifting.removed;
}
