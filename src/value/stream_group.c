/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/stream_group.h"
#include "base/ensure.h"
#include "sys/memory.h"
#include "value/stream_priv.h"

static const struct tree_kind pointer_kind = {sizeof(void *), sizeof(void *), NULL};
static const struct tree_kind pending_kind = {sizeof(struct stream_pending),
                                              sizeof(struct stream_id), NULL};
static const struct tree_kind id_kind = {sizeof(struct stream_id), sizeof(struct stream_id), NULL};

void stream_groups_init(struct stream *stream) {
    tree_init(&stream->groups, &pointer_kind);
}

/* ---- groups ---- */

static int compare_group(const void *context, const void *probe, const void *key) {
    (void)context;
    const struct stream_group *group = *(struct stream_group *const *)key;
    return bytes_compare(*(const struct bytes *)probe, stream_group_name(group));
}

static bool seek_group(struct stream *stream, struct bytes name, struct tree_cursor *cursor) {
    return tree_find(&stream->groups, compare_group, NULL, &name, cursor);
}

struct stream_group *stream_group_find(struct stream *stream, struct bytes name) {
    struct tree_cursor cursor;
    if (!seek_group(stream, name, &cursor)) return NULL;
    return *(struct stream_group **)tree_item(&cursor);
}

struct stream_group *stream_group_create(struct stream *stream, struct bytes name,
                                         struct stream_id last, int64_t entries_read) {
    struct tree_cursor cursor;
    struct stream_group *group = memory_alloc(sizeof *group + name.len);
    if (!group) return NULL;
    *group =
        (struct stream_group){.last = last, .entries_read = entries_read, .name_size = name.len};
    tree_init(&group->pending, &pending_kind);
    tree_init(&group->consumers, &pointer_kind);
    if (name.len) memcpy(group->name, name.data, name.len);
    seek_group(stream, name, &cursor);
    if (tree_insert_at(&cursor, &group)) return group;
    memory_free(group);
    return NULL;
}

static void release_consumer(void *context, void *item) {
    (void)context;
    struct stream_consumer *consumer = *(struct stream_consumer **)item;
    tree_clear(&consumer->pending, NULL, NULL);
    memory_free(consumer);
}

static void release_group(void *context, void *item) {
    (void)context;
    struct stream_group *group = *(struct stream_group **)item;
    tree_clear(&group->consumers, release_consumer, NULL);
    tree_clear(&group->pending, NULL, NULL);
    memory_free(group);
}

void stream_group_remove(struct stream *stream, struct stream_group *group) {
    struct tree_cursor cursor;
    seek_group(stream, stream_group_name(group), &cursor);
    tree_remove_at(&cursor);
    release_group(NULL, &group);
}

struct stream_group *stream_group_next(struct stream *stream, struct tree_cursor *cursor,
                                       bool first) {
    struct stream_group **item = first ? tree_first(&stream->groups, cursor) : tree_next(cursor);
    return item ? *item : NULL;
}

void stream_group_advance(const struct stream *stream, struct stream_group *group,
                          struct stream_id id) {
    if (stream_id_compare(id, group->last) <= 0) return;
    bool follows = stream_id_compare(group->last, stream->first) >= 0 &&
                   !stream_has_gaps_from(stream, group->last);
    if (group->entries_read != STREAM_UNKNOWN && follows)
        group->entries_read++;
    else if (stream->added)
        group->entries_read = stream_added_until(stream, id);
    group->last = id;
}

bool stream_group_lag(const struct stream *stream, const struct stream_group *group, int64_t *lag) {
    int64_t read = group->entries_read;
    *lag = 0;
    if (!stream->added) return true;
    if (read == STREAM_UNKNOWN || stream_has_gaps_from(stream, group->last))
        read = stream_added_until(stream, group->last);
    *lag = (int64_t)(stream->added - (uint64_t)read);
    return read != STREAM_UNKNOWN;
}

/* ---- consumers ---- */

static int compare_consumer(const void *context, const void *probe, const void *key) {
    (void)context;
    const struct stream_consumer *consumer = *(struct stream_consumer *const *)key;
    return bytes_compare(*(const struct bytes *)probe, stream_consumer_name(consumer));
}

static bool seek_consumer(struct stream_group *group, struct bytes name,
                          struct tree_cursor *cursor) {
    return tree_find(&group->consumers, compare_consumer, NULL, &name, cursor);
}

struct stream_consumer *stream_consumer_find(struct stream_group *group, struct bytes name) {
    struct tree_cursor cursor;
    if (!seek_consumer(group, name, &cursor)) return NULL;
    return *(struct stream_consumer **)tree_item(&cursor);
}

struct stream_consumer *stream_consumer_create(struct stream_group *group, struct bytes name,
                                               int64_t now_ms) {
    struct tree_cursor cursor;
    struct stream_consumer *consumer = memory_alloc(sizeof *consumer + name.len);
    if (!consumer) return NULL;
    *consumer = (struct stream_consumer){.seen_ms = now_ms, .active_ms = -1, .name_size = name.len};
    tree_init(&consumer->pending, &id_kind);
    if (name.len) memcpy(consumer->name, name.data, name.len);
    seek_consumer(group, name, &cursor);
    if (tree_insert_at(&cursor, &consumer)) return consumer;
    memory_free(consumer);
    return NULL;
}

static bool seek_pending(struct stream_group *group, struct stream_id id,
                         struct tree_cursor *cursor) {
    return tree_find(&group->pending, stream_compare_ids, NULL, &id, cursor);
}

void stream_consumer_remove(struct stream_group *group, struct stream_consumer *consumer) {
    struct tree_cursor cursor, owned;
    bool all = consumer->pending.count == group->pending.count;
    struct stream_id *id = all ? NULL : tree_first(&consumer->pending, &owned);
    for (; id; id = tree_next(&owned)) {
        seek_pending(group, *id, &cursor);
        tree_remove_at(&cursor);
    }
    if (all) tree_clear(&group->pending, NULL, NULL);
    seek_consumer(group, stream_consumer_name(consumer), &cursor);
    tree_remove_at(&cursor);
    release_consumer(NULL, &consumer);
}

struct stream_consumer *stream_consumer_next(struct stream_group *group, struct tree_cursor *cursor,
                                             bool first) {
    struct stream_consumer **item =
        first ? tree_first(&group->consumers, cursor) : tree_next(cursor);
    return item ? *item : NULL;
}

struct stream_id *stream_consumer_seek(struct stream_consumer *consumer, struct stream_id id,
                                       struct tree_cursor *cursor) {
    tree_find(&consumer->pending, stream_compare_ids, NULL, &id, cursor);
    return tree_item(cursor);
}

/* ---- pending entries ---- */

struct stream_pending *stream_pending_seek(struct stream_group *group, struct stream_id id,
                                           struct tree_cursor *cursor) {
    seek_pending(group, id, cursor);
    return tree_item(cursor);
}

struct stream_pending *stream_pending_find(struct stream_group *group, struct stream_id id) {
    struct tree_cursor cursor;
    return seek_pending(group, id, &cursor) ? tree_item(&cursor) : NULL;
}

static void disown(struct stream_consumer *consumer, struct stream_id id) {
    struct tree_cursor cursor;
    tree_find(&consumer->pending, stream_compare_ids, NULL, &id, &cursor);
    tree_remove_at(&cursor);
}

struct stream_pending *stream_pending_give(struct stream_group *group,
                                           struct stream_consumer *consumer, struct stream_id id,
                                           int64_t now_ms) {
    struct tree_cursor place, owned;
    bool found = seek_pending(group, id, &place);
    struct stream_pending *old = found ? tree_item(&place) : NULL;
    if (old && old->consumer == consumer) return old;
    tree_find(&consumer->pending, stream_compare_ids, NULL, &id, &owned);
    if (!tree_insert_at(&owned, &id)) return NULL;
    if (old) {
        disown(old->consumer, id);
        old->consumer = consumer;
        return old;
    }
    struct stream_pending fresh = {id, now_ms, 1, consumer};
    if (tree_insert_at(&place, &fresh)) return tree_item(&place);
    tree_remove_at(&owned);
    return NULL;
}

bool stream_pending_remove(struct stream_group *group, struct stream_id id) {
    struct tree_cursor cursor;
    if (!seek_pending(group, id, &cursor)) return false;
    disown(((struct stream_pending *)tree_item(&cursor))->consumer, id);
    tree_remove_at(&cursor);
    return true;
}

static void drop_pending(struct stream_group *group, struct stream_id first, struct stream_id end) {
    struct tree_cursor cursor;
    seek_pending(group, first, &cursor);
    const struct stream_pending *pending = tree_item(&cursor);
    while (pending && stream_id_compare(pending->id, end) < 0) {
        disown(pending->consumer, pending->id);
        tree_remove_at(&cursor);
        pending = tree_item(&cursor);
    }
}

void stream_pending_drop(struct stream *stream, struct stream_id first, struct stream_id end) {
    struct tree_cursor cursor;
    struct stream_group *group = stream_group_next(stream, &cursor, true);
    for (; group; group = stream_group_next(stream, &cursor, false))
        drop_pending(group, first, end);
}

bool stream_is_referenced(struct stream *stream, struct stream_id id) {
    struct tree_cursor cursor;
    struct stream_group *group = stream_group_next(stream, &cursor, true);
    for (; group; group = stream_group_next(stream, &cursor, false)) {
        if (stream_id_compare(group->last, id) < 0) return true;
        if (stream_pending_find(group, id)) return true;
    }
    return false;
}

/* ---- all of a stream's ---- */

static bool copy_consumer(struct stream_group *to, const struct stream_consumer *old) {
    struct stream_consumer *new =
        stream_consumer_create(to, stream_consumer_name(old), old->seen_ms);
    if (!new) return false;
    new->active_ms = old->active_ms;
    return tree_copy(&old->pending, &new->pending);
}

/* The pending entries, copied byte for byte, are of another group's consumers: gives them to those
 * of the same name. */
static void own_pending(struct stream_group *group) {
    struct tree_cursor cursor;
    const struct stream_consumer *old = NULL;
    struct stream_consumer *own = NULL;
    struct stream_pending *pending = tree_first(&group->pending, &cursor);
    for (; pending; pending = tree_next(&cursor)) {
        if (pending->consumer != old) {
            old = pending->consumer;
            own = stream_consumer_find(group, stream_consumer_name(old));
        }
        pending->consumer = own;
    }
}

static bool copy_group(struct stream *to, struct stream_group *old) {
    struct tree_cursor cursor;
    struct stream_group *new =
        stream_group_create(to, stream_group_name(old), old->last, old->entries_read);
    if (!new) return false;
    struct stream_consumer *consumer = stream_consumer_next(old, &cursor, true);
    for (; consumer; consumer = stream_consumer_next(old, &cursor, false))
        if (!copy_consumer(new, consumer)) return false;
    if (!tree_copy(&old->pending, &new->pending)) return false;
    own_pending(new);
    return true;
}

bool stream_groups_copy(struct stream *to, struct stream *from) {
    struct tree_cursor cursor;
    struct stream_group *group = stream_group_next(from, &cursor, true);
    for (; group; group = stream_group_next(from, &cursor, false))
        if (!copy_group(to, group)) return false;
    return true;
}

void stream_groups_clear(struct stream *stream) {
    tree_clear(&stream->groups, release_group, NULL);
}

static size_t group_memory(struct stream_group *group) {
    struct tree_cursor cursor;
    size_t bytes = sizeof *group + group->name_size + tree_memory(&group->pending) +
                   tree_memory(&group->consumers);
    struct stream_consumer *consumer = stream_consumer_next(group, &cursor, true);
    for (; consumer; consumer = stream_consumer_next(group, &cursor, false))
        bytes += sizeof *consumer + consumer->name_size + tree_memory(&consumer->pending);
    return bytes;
}

size_t stream_groups_memory(struct stream *stream) {
    struct tree_cursor cursor;
    size_t bytes = tree_memory(&stream->groups);
    struct stream_group *group = stream_group_next(stream, &cursor, true);
    for (; group; group = stream_group_next(stream, &cursor, false))
        bytes += group_memory(group);
    return bytes;
}
