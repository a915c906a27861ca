/* SPDX-License-Identifier: BSD-3-Clause */
/* XINFO. */
#include "base/ensure.h"
#include "cmd/stream.h"
#include "cmd/stream_common.h"
#include "exec/stream.h"
#include "sys/memory.h"

#define ENTRIES_SHOWN 10 /* of FULL without COUNT */

/* The stream, which has to be there. False: that has been answered. */
static bool need_stream(struct call *call, struct stream **out) {
    if (!stream_read(call, &call->keys[0], out)) return false;
    if (!*out) reply_no_such_key(call->reply);
    return *out != NULL;
}

static void label(struct reply *reply, const char *name) {
    reply_bulk_text(reply, name);
}

static void field_integer(struct reply *reply, const char *name, int64_t number) {
    label(reply, name);
    reply_integer(reply, number);
}

static void field_id(struct reply *reply, const char *name, struct stream_id id) {
    label(reply, name);
    stream_reply_id(reply, id);
}

static void reply_progress(struct reply *reply, const struct stream *stream,
                           const struct stream_group *group) {
    int64_t lag;
    bool counted = group->entries_read != STREAM_UNKNOWN;
    label(reply, "entries-read");
    counted ? reply_integer(reply, group->entries_read) : reply_null(reply);
    label(reply, "lag");
    stream_group_lag(stream, group, &lag) ? reply_integer(reply, lag) : reply_null(reply);
}

/* ---- XINFO STREAM ---- */

static void reply_head(struct reply *reply, struct stream *stream) {
    field_integer(reply, "length", (int64_t)stream->length);
    field_integer(reply, "radix-tree-keys", (int64_t)stream->nodes.count);
    field_integer(reply, "radix-tree-nodes", (int64_t)stream_radix_nodes(stream));
    field_id(reply, "last-generated-id", stream->last);
    field_id(reply, "max-deleted-entry-id", stream->max_deleted);
    field_integer(reply, "entries-added", (int64_t)stream->added);
    field_id(reply, "recorded-first-entry-id", stream->first);
}

static void reply_edge(struct reply *reply, struct stream *stream, bool last) {
    struct stream_cursor cursor;
    stream_seek(&cursor, stream, STREAM_ID_MIN, STREAM_ID_MAX, last);
    if (stream_next(&cursor))
        stream_reply_entry(reply, &cursor);
    else
        reply_null(reply);
}

static void reply_stream(struct reply *reply, struct stream *stream) {
    reply_map(reply, 10);
    reply_head(reply, stream);
    field_integer(reply, "groups", (int64_t)stream->groups.count);
    label(reply, "first-entry");
    reply_edge(reply, stream, false);
    label(reply, "last-entry");
    reply_edge(reply, stream, true);
}

/* ---- FULL, piece by piece ---- */

enum full_step {
    FULL_HEAD,
    FULL_ENTRIES,
    FULL_GROUP,
    FULL_GROUP_PENDING,
    FULL_CONSUMER,
    FULL_CONSUMER_PENDING
};

/* How far it is shown. The stream does not change meanwhile. */
struct full {
    struct stream *stream;
    uint64_t most; /* of each list; 0 = all */
    enum full_step step;
    uint64_t left; /* of the list that is being shown */
    struct stream_cursor entries;
    struct stream_group *group; /* NULL: there is none any more */
    struct tree_cursor groups;
    struct stream_consumer *consumer; /* the same */
    struct tree_cursor consumers;
    struct tree_cursor pending; /* of the group or the consumer */
};

static uint64_t shown_of(uint64_t have, uint64_t most) {
    return most ? MIN(have, most) : have;
}

static void begin_list(struct full *full, struct reply *reply, const char *name, uint64_t have) {
    full->left = shown_of(have, full->most);
    label(reply, name);
    reply_array(reply, full->left);
}

static void full_head(struct full *full, struct reply *reply) {
    reply_map(reply, 9);
    reply_head(reply, full->stream);
    begin_list(full, reply, "entries", full->stream->length);
    stream_seek(&full->entries, full->stream, STREAM_ID_MIN, STREAM_ID_MAX, false);
    full->step = FULL_ENTRIES;
}

/* Of what is shown of a list: up to the end of the piece that began at `start`. */

static void full_entries(struct full *full, struct reply *reply, size_t start) {
    for (; full->left && !stream_has_piece(reply, start); full->left--) {
        ensure(stream_next(&full->entries));
        stream_reply_entry(reply, &full->entries);
    }
    if (full->left) return;
    label(reply, "groups");
    reply_array(reply, full->stream->groups.count);
    full->group = stream_group_next(full->stream, &full->groups, true);
    full->step = FULL_GROUP;
}

static void full_group(struct full *full, struct reply *reply) {
    struct stream_group *group = full->group;
    reply_map(reply, 7);
    label(reply, "name");
    reply_bulk(reply, stream_group_name(group));
    field_id(reply, "last-delivered-id", group->last);
    reply_progress(reply, full->stream, group);
    field_integer(reply, "pel-count", (int64_t)group->pending.count);
    begin_list(full, reply, "pending", group->pending.count);
    tree_first(&group->pending, &full->pending);
    full->step = FULL_GROUP_PENDING;
}

static void full_group_pending(struct full *full, struct reply *reply, size_t start) {
    for (; full->left && !stream_has_piece(reply, start); full->left--) {
        const struct stream_pending *pending = tree_item(&full->pending);
        reply_array(reply, 4);
        stream_reply_id(reply, pending->id);
        reply_bulk(reply, stream_consumer_name(pending->consumer));
        reply_integer(reply, pending->delivered_ms);
        reply_integer(reply, (int64_t)pending->deliveries);
        tree_next(&full->pending);
    }
    if (full->left) return;
    label(reply, "consumers");
    reply_array(reply, full->group->consumers.count);
    full->consumer = stream_consumer_next(full->group, &full->consumers, true);
    full->step = FULL_CONSUMER;
}

static void full_consumer(struct full *full, struct reply *reply) {
    struct stream_consumer *consumer = full->consumer;
    if (!consumer) {
        full->group = stream_group_next(full->stream, &full->groups, false);
        full->step = FULL_GROUP;
        return;
    }
    reply_map(reply, 5);
    label(reply, "name");
    reply_bulk(reply, stream_consumer_name(consumer));
    field_integer(reply, "seen-time", consumer->seen_ms);
    field_integer(reply, "active-time", consumer->active_ms);
    field_integer(reply, "pel-count", (int64_t)consumer->pending.count);
    begin_list(full, reply, "pending", consumer->pending.count);
    tree_first(&consumer->pending, &full->pending);
    full->step = FULL_CONSUMER_PENDING;
}

static void full_consumer_pending(struct full *full, struct reply *reply, size_t start) {
    for (; full->left && !stream_has_piece(reply, start); full->left--) {
        const struct stream_id *id = tree_item(&full->pending);
        const struct stream_pending *pending = stream_pending_find(full->group, *id);
        reply_array(reply, 3);
        stream_reply_id(reply, *id);
        reply_integer(reply, pending->delivered_ms);
        reply_integer(reply, (int64_t)pending->deliveries);
        tree_next(&full->pending);
    }
    if (full->left) return;
    full->consumer = stream_consumer_next(full->group, &full->consumers, false);
    full->step = FULL_CONSUMER;
}

/* Shows more; false: that was all. */
static bool full_next(struct full *full, struct reply *reply, size_t start) {
    switch (full->step) {
    case FULL_HEAD: full_head(full, reply); break;
    case FULL_ENTRIES: full_entries(full, reply, start); break;
    case FULL_GROUP:
        if (!full->group) return false;
        full_group(full, reply);
        break;
    case FULL_GROUP_PENDING: full_group_pending(full, reply, start); break;
    case FULL_CONSUMER: full_consumer(full, reply); break;
    case FULL_CONSUMER_PENDING: full_consumer_pending(full, reply, start); break;
    }
    return true;
}

struct full_work {
    struct stream_work work;
    struct value value;
    struct full full;
};

static struct full_work *full_work_of(struct stream_work *work) {
    return CONTAINER_OF(work, struct full_work, work);
}

/* There is nothing to find out. */
static bool prepare_full(struct stream_work *work) {
    (void)work;
    return true;
}

static bool produce_full(struct stream_source *source, struct reply *reply) {
    struct full_work *work = full_work_of(CONTAINER_OF(source, struct stream_work, source));
    size_t start = reply->out->len;
    while (!stream_has_piece(reply, start))
        if (!full_next(&work->full, reply, start)) return false;
    return true;
}

static void free_full(struct stream_work *work) {
    memory_free(full_work_of(work));
}

/* About how many elements are shown. */
static uint64_t full_length(const struct full *full) {
    uint64_t length = shown_of(full->stream->length, full->most);
    struct tree_cursor cursor;
    struct stream_group *group = stream_group_next(full->stream, &cursor, true);
    for (; group; group = stream_group_next(full->stream, &cursor, false))
        length += 2 * shown_of(group->pending.count, full->most) + group->consumers.count;
    return length;
}

/* The cursors are large: they cost nothing before they are used. */
static void full_begin(struct full *full, struct stream *stream, int64_t count) {
    full->stream = stream;
    full->most = (uint64_t)count;
    full->step = FULL_HEAD;
}

static void reply_full(struct call *call, struct stream *stream, int64_t count) {
    struct full full;
    full_begin(&full, stream, count);
    uint64_t elements = full_length(&full);
    struct full_work *work =
        stream_work_may_wait(call, elements) ? memory_alloc(sizeof *work) : NULL;
    if (!work) {
        while (!call->reply->failed && full_next(&full, call->reply, call->reply->out->len))
            ;
        return;
    }
    *work = (struct full_work){.work = {.source = {.produce = produce_full},
                                        .value_count = 1,
                                        .prepare = prepare_full,
                                        .free = free_full},
                               .value = {.type = TYPE_STREAM, .large = true, .object = stream}};
    full_begin(&work->full, stream, count);
    work->work.values = &work->value;
    stream_work_run(call, &work->work, elements);
}

/* ---- XINFO STREAM itself ---- */

void stream_xinfo_stream(struct call *call) {
    struct stream *stream;
    int64_t count = ENTRIES_SHOWN;
    unsigned options = call->argc - 3;
    if (!need_stream(call, &stream)) return;
    if (options == 0) {
        reply_stream(call->reply, stream);
        return;
    }
    bool known = (options == 1 || options == 3) && bytes_is(call->argv[3], "full") &&
                 (options == 1 || bytes_is(call->argv[4], "count"));
    if (!known) {
        call_subcommand_error(call);
        return;
    }
    if (options == 3 && !stream_parse_integer(call, call->argv[5], &count)) return;
    reply_full(call, stream, count < 0 ? ENTRIES_SHOWN : count);
}

/* ---- XINFO GROUPS and XINFO CONSUMERS ---- */

void stream_xinfo_groups(struct call *call) {
    struct stream *stream;
    struct tree_cursor cursor;
    struct reply *reply = call->reply;
    if (!need_stream(call, &stream)) return;
    reply_array(reply, stream->groups.count);
    struct stream_group *group = stream_group_next(stream, &cursor, true);
    for (; group; group = stream_group_next(stream, &cursor, false)) {
        reply_map(reply, 6);
        label(reply, "name");
        reply_bulk(reply, stream_group_name(group));
        field_integer(reply, "consumers", (int64_t)group->consumers.count);
        field_integer(reply, "pending", (int64_t)group->pending.count);
        field_id(reply, "last-delivered-id", group->last);
        reply_progress(reply, stream, group);
    }
}

static int64_t since(const struct call *call, int64_t ms) {
    return MAX(call->view.now_ms - ms, (int64_t)0);
}

void stream_xinfo_consumers(struct call *call) {
    struct stream *stream;
    struct tree_cursor cursor;
    struct reply *reply = call->reply;
    struct bytes key = call->argv[2], name = call->argv[3];
    if (!need_stream(call, &stream)) return;
    struct stream_group *group = stream_group_find(stream, name);
    if (!group) {
        reply_errorf(reply, "NOGROUP No such consumer group '%.*s' for key name '%.*s'",
                     (int)name.len, name.data, (int)key.len, key.data);
        return;
    }
    reply_array(reply, group->consumers.count);
    struct stream_consumer *consumer = stream_consumer_next(group, &cursor, true);
    for (; consumer; consumer = stream_consumer_next(group, &cursor, false)) {
        reply_map(reply, 4);
        label(reply, "name");
        reply_bulk(reply, stream_consumer_name(consumer));
        field_integer(reply, "pending", (int64_t)consumer->pending.count);
        field_integer(reply, "idle", since(call, consumer->seen_ms));
        field_integer(reply, "inactive",
                      consumer->active_ms < 0 ? -1 : since(call, consumer->active_ms));
    }
}

void stream_xinfo_help(struct call *call) {
    static const char *const lines[] = {
        "CONSUMERS <key> <groupname>",
        "    Show consumers of <groupname>.",
        "GROUPS <key>",
        "    Show the stream consumer groups.",
        "STREAM <key> [FULL [COUNT <count>]",
        "    Show information about the stream.",
        NULL,
    };
    call_help(call, lines);
}
