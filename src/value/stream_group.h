/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Groups of consumers that share the entries of a stream.
 *
 * An entry delivered and not yet acknowledged is pending: it stands in the group's tree, with all
 * that is known of it, and in its consumer's by ID alone. Both always have the same entries.
 *
 * Groups, and the consumers of each, are in the order of their names. Pointers to them stay valid
 * until they are removed. `last`, `entries_read`, `seen_ms`, `active_ms`, `delivered_ms` and
 * `deliveries` are for the commands to write, all else is not.
 */
#pragma once

#include "value/stream.h"

struct stream_group {
    struct stream_id last; /* delivered */
    int64_t entries_read;  /* of all ever added; STREAM_UNKNOWN */
    struct tree pending;   /* of struct stream_pending */
    struct tree consumers; /* of struct stream_consumer * */
    size_t name_size;
    char name[];
};

struct stream_consumer {
    int64_t seen_ms;     /* last tried to read or claim */
    int64_t active_ms;   /* last got something; -1 = never */
    struct tree pending; /* of struct stream_id */
    size_t name_size;
    char name[];
};

struct stream_pending {
    struct stream_id id;
    int64_t delivered_ms;
    uint64_t deliveries;
    struct stream_consumer *consumer;
};

static inline struct bytes stream_group_name(const struct stream_group *group) {
    return bytes_make(group->name, group->name_size);
}

static inline struct bytes stream_consumer_name(const struct stream_consumer *consumer) {
    return bytes_make(consumer->name, consumer->name_size);
}

/* ---- groups ---- */

/* NULL: there is none. */
struct stream_group *stream_group_find(struct stream *stream, struct bytes name);

/* The name is not taken. NULL: no memory. */
struct stream_group *stream_group_create(struct stream *stream, struct bytes name,
                                         struct stream_id last, int64_t entries_read);

void stream_group_remove(struct stream *stream, struct stream_group *group);

/* Walks groups; `first` begins. */
struct stream_group *stream_group_next(struct stream *stream, struct tree_cursor *cursor,
                                       bool first);

/* Moves what was delivered on to an entry that has just been read. */
void stream_group_advance(const struct stream *stream, struct stream_group *group,
                          struct stream_id id);

/* How many entries the group has yet to read; negative when it was told to have read more than
 * there were. False: unknown. */
bool stream_group_lag(const struct stream *stream, const struct stream_group *group, int64_t *lag);

/* ---- consumers ---- */

struct stream_consumer *stream_consumer_find(struct stream_group *group, struct bytes name);

/* The name is not taken. NULL: no memory. */
struct stream_consumer *stream_consumer_create(struct stream_group *group, struct bytes name,
                                               int64_t now_ms);

/* With all that is pending for it. */
void stream_consumer_remove(struct stream_group *group, struct stream_consumer *consumer);

struct stream_consumer *stream_consumer_next(struct stream_group *group, struct tree_cursor *cursor,
                                             bool first);

/* ---- pending entries ---- */

/* NULL: it is not pending. Valid until the group's pending entries change in number. */
struct stream_pending *stream_pending_find(struct stream_group *group, struct stream_id id);

/* Makes an entry pending for this consumer, whoever had it before. New ones have been delivered
 * once, now. NULL: no memory, nothing has changed. */
struct stream_pending *stream_pending_give(struct stream_group *group,
                                           struct stream_consumer *consumer, struct stream_id id,
                                           int64_t now_ms);

/* False: it was not pending. */
bool stream_pending_remove(struct stream_group *group, struct stream_id id);

/* Nothing from `first` up to before `end` is pending any more, in any group. */
void stream_pending_drop(struct stream *stream, struct stream_id first, struct stream_id end);

/* The first pending entry at or behind `id`, and the following ones. */
struct stream_pending *stream_pending_seek(struct stream_group *group, struct stream_id id,
                                           struct tree_cursor *cursor);

/* The same of one consumer's alone, which are IDs. */
struct stream_id *stream_consumer_seek(struct stream_consumer *consumer, struct stream_id id,
                                       struct tree_cursor *cursor);

/* Is the entry pending in any group, or not yet delivered to all: must ACKED leave it? */
bool stream_is_referenced(struct stream *stream, struct stream_id id);

/* ---- all of a stream's ---- */

/* False: no memory; stream_groups_clear() is for the caller to call. */
bool stream_groups_copy(struct stream *to, struct stream *from);
void stream_groups_clear(struct stream *stream);
size_t stream_groups_memory(struct stream *stream);
