/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams: nodes, totals, and groups with all that is pending. */
#include "base/ensure.h"
#include "value/rdb_priv.h"
#include "value/stream.h"
#include "value/stream_group.h"
#include <stdlib.h>

#define ID_SIZE 16u /* both halves, big-endian */

/* ---- writing ---- */

static bool write_id(struct buffer *out, struct stream_id id) {
    return rdb_write_u64_big(out, id.ms) && rdb_write_u64_big(out, id.seq);
}

static bool write_id_lengths(struct buffer *out, struct stream_id id) {
    return rdb_write_length(out, id.ms) && rdb_write_length(out, id.seq);
}

static bool write_nodes(const struct rdb_saving *saving, struct stream *stream) {
    struct buffer *out = saving->out;
    struct tree_cursor cursor;
    if (!rdb_write_length(out, stream->nodes.count)) return false;
    const struct stream_place *place = tree_first(&stream->nodes, &cursor);
    for (; place; place = tree_next(&cursor))
        if (!rdb_write_length(out, ID_SIZE) || !write_id(out, place->id) ||
            !rdb_write_string(out, pack_at(place->pack)))
            return false;
    if (!rdb_write_length(out, stream->length) || !write_id_lengths(out, stream->last))
        return false;
    return saving->style->version < SINCE_LISTPACKS ||
           (write_id_lengths(out, stream->first) && write_id_lengths(out, stream->max_deleted) &&
            rdb_write_length(out, stream->added));
}

static bool write_consumer(const struct rdb_saving *saving, struct stream_consumer *consumer) {
    struct buffer *out = saving->out;
    struct tree_cursor cursor;
    bool knows_active = saving->style->version >= SINCE_SET_LISTPACKS;
    if (!rdb_write_string(out, stream_consumer_name(consumer)) ||
        !rdb_write_u64(out, (uint64_t)consumer->seen_ms) ||
        (knows_active && !rdb_write_u64(out, (uint64_t)consumer->active_ms)) ||
        !rdb_write_length(out, consumer->pending.count))
        return false;
    const struct stream_id *id = tree_first(&consumer->pending, &cursor);
    for (; id; id = tree_next(&cursor))
        if (!write_id(out, *id)) return false;
    return true;
}

static bool write_group(const struct rdb_saving *saving, struct stream_group *group) {
    struct buffer *out = saving->out;
    struct tree_cursor cursor;
    bool knows_read = saving->style->version >= SINCE_LISTPACKS;
    if (!rdb_write_string(out, stream_group_name(group)) || !write_id_lengths(out, group->last) ||
        (knows_read && !rdb_write_length(out, (uint64_t)group->entries_read)) ||
        !rdb_write_length(out, group->pending.count))
        return false;
    const struct stream_pending *pending = tree_first(&group->pending, &cursor);
    for (; pending; pending = tree_next(&cursor))
        if (!write_id(out, pending->id) || !rdb_write_u64(out, (uint64_t)pending->delivered_ms) ||
            !rdb_write_length(out, pending->deliveries))
            return false;
    if (!rdb_write_length(out, group->consumers.count)) return false;
    struct stream_consumer *consumer = stream_consumer_next(group, &cursor, true);
    for (; consumer; consumer = stream_consumer_next(group, &cursor, false))
        if (!write_consumer(saving, consumer)) return false;
    return true;
}

bool rdb_write_stream(struct rdb_saving *saving, const struct value *value) {
    struct stream *stream = value->object;
    struct tree_cursor cursor;
    unsigned version = saving->style->version;
    enum rdb_type type = version < SINCE_LISTPACKS       ? RDB_STREAM
                         : version < SINCE_SET_LISTPACKS ? RDB_STREAM_2
                                                         : RDB_STREAM_3;
    if (!rdb_write_type(saving, type) || !write_nodes(saving, stream) ||
        !rdb_write_length(saving->out, stream->groups.count))
        return false;
    struct stream_group *group = stream_group_next(stream, &cursor, true);
    for (; group; group = stream_group_next(stream, &cursor, false))
        if (!write_group(saving, group)) return false;
    return true;
}

/* ---- reading: entries ---- */

static bool read_id(struct rdb_reader *reader, struct stream_id *id) {
    return rdb_read_u64_big(reader, &id->ms) && rdb_read_u64_big(reader, &id->seq);
}

static bool read_id_lengths(struct rdb_reader *reader, struct stream_id *id) {
    return rdb_read_length(reader, &id->ms) && rdb_read_length(reader, &id->seq);
}

static bool read_node(struct rdb_reader *reader, struct stream *stream, struct rdb_text *text) {
    struct stream_id id;
    if (!rdb_read_text(reader, text) || text->bytes.len != ID_SIZE) return false;
    struct rdb_reader key = {.left = text->bytes};
    return read_id(&key, &id) && rdb_read_text(reader, text) &&
           stream_load_node(stream, id, text->bytes, true);
}

static struct stream_id first_entry(struct stream *stream) {
    struct stream_cursor cursor;
    stream_seek(&cursor, stream, STREAM_ID_MIN, STREAM_ID_MAX, false);
    return stream_next(&cursor) ? cursor.entry.id : STREAM_ID_MIN;
}

static bool read_entries(struct rdb_reader *reader, enum rdb_type type, struct stream *stream) {
    uint64_t nodes;
    struct rdb_text text = {0};
    struct stream_totals totals = {0};
    bool done = rdb_read_length(reader, &nodes);
    for (uint64_t i = 0; done && i < nodes; i++)
        done = read_node(reader, stream, &text);
    rdb_text_free(&text);
    if (!done || !rdb_read_length(reader, &totals.length) || !read_id_lengths(reader, &totals.last))
        return false;
    if (type == RDB_STREAM) {
        totals.added = totals.length;
        totals.first = first_entry(stream);
    } else if (!read_id_lengths(reader, &totals.first) ||
               !read_id_lengths(reader, &totals.max_deleted) ||
               !rdb_read_length(reader, &totals.added)) {
        return false;
    }
    return stream_load_totals(stream, &totals);
}

/* ---- reading: groups ---- */

/* What is pending comes before the consumers that it is pending for. */
struct waiting {
    struct stream_id id;
    int64_t delivered_ms;
    uint64_t deliveries;
};

static bool read_waiting(struct rdb_reader *reader, struct buffer *all) {
    uint64_t count;
    struct waiting last = {0};
    if (!rdb_read_length(reader, &count)) return false;
    for (uint64_t i = 0; i < count; i++) {
        struct waiting one;
        uint64_t delivered;
        if (!read_id(reader, &one.id) || !rdb_read_u64(reader, &delivered) ||
            !rdb_read_length(reader, &one.deliveries))
            return false;
        if (i && stream_id_compare(last.id, one.id) >= 0) return false;
        one.delivered_ms = (int64_t)delivered;
        if (!buffer_append(all, &one, sizeof one)) return !(reader->no_memory = true);
        last = one;
    }
    return true;
}

static int compare_waiting(const void *one, const void *other) {
    const struct waiting *a = one, *b = other;
    return stream_id_compare(a->id, b->id);
}

static bool give(struct rdb_reader *reader, struct stream_group *group,
                 struct stream_consumer *consumer, const struct buffer *all) {
    struct waiting probe;
    if (!read_id(reader, &probe.id) || stream_pending_find(group, probe.id)) return false;
    const struct waiting *found = all->len ? bsearch(&probe, all->data, all->len / sizeof probe,
                                                     sizeof probe, compare_waiting)
                                           : NULL;
    if (!found) return false;
    struct stream_pending *pending =
        stream_pending_give(group, consumer, probe.id, found->delivered_ms);
    if (!pending) return !(reader->no_memory = true);
    pending->deliveries = found->deliveries;
    return true;
}

static bool read_consumer(struct rdb_reader *reader, enum rdb_type type, struct stream_group *group,
                          const struct buffer *all, struct rdb_text *text) {
    uint64_t seen, active, count;
    if (!rdb_read_text(reader, text) || !rdb_read_u64(reader, &seen)) return false;
    active = seen;
    if (type == RDB_STREAM_3 && !rdb_read_u64(reader, &active)) return false;
    if (!rdb_read_length(reader, &count)) return false;
    if (stream_consumer_find(group, text->bytes)) return false;
    struct stream_consumer *consumer = stream_consumer_create(group, text->bytes, (int64_t)seen);
    if (!consumer) return !(reader->no_memory = true);
    for (uint64_t i = 0; i < count; i++)
        if (!give(reader, group, consumer, all)) return false;
    consumer->seen_ms = (int64_t)seen;
    consumer->active_ms = (int64_t)active;
    return true;
}

static bool read_consumers(struct rdb_reader *reader, enum rdb_type type,
                           struct stream_group *group, struct rdb_text *text) {
    struct buffer all = {0};
    uint64_t count = 0;
    bool done = read_waiting(reader, &all) && rdb_read_length(reader, &count);
    for (uint64_t i = 0; done && i < count; i++)
        done = read_consumer(reader, type, group, &all, text);
    done = done && group->pending.count == all.len / sizeof(struct waiting);
    buffer_free(&all);
    return done;
}

static bool read_group(struct rdb_reader *reader, enum rdb_type type, struct stream *stream,
                       struct rdb_text *text) {
    struct stream_id last;
    uint64_t entries_read;
    if (!rdb_read_text(reader, text) || !read_id_lengths(reader, &last)) return false;
    if (type == RDB_STREAM)
        entries_read = (uint64_t)stream_added_until(stream, last);
    else if (!rdb_read_length(reader, &entries_read))
        return false;
    if (stream_group_find(stream, text->bytes)) return false;
    struct stream_group *group =
        stream_group_create(stream, text->bytes, last, (int64_t)entries_read);
    if (!group) return !(reader->no_memory = true);
    return read_consumers(reader, type, group, text);
}

static bool read_groups(struct rdb_reader *reader, enum rdb_type type, struct stream *stream) {
    uint64_t count;
    struct rdb_text text = {0};
    bool done = rdb_read_length(reader, &count);
    for (uint64_t i = 0; done && i < count; i++)
        done = read_group(reader, type, stream, &text);
    rdb_text_free(&text);
    return done;
}

bool rdb_read_stream(struct rdb_loading *loading, enum rdb_type type) {
    struct stream *stream = stream_create();
    if (!stream) return rdb_no_memory(loading);
    if (!read_entries(loading->reader, type, stream) ||
        !read_groups(loading->reader, type, stream)) {
        stream_free(stream);
        return false;
    }
    *loading->value = (struct value){.type = TYPE_STREAM, .large = true, .object = stream};
    return true;
}
