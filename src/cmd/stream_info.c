/* SPDX-License-Identifier: BSD-3-Clause */
/* XINFO. */
#include "base/ensure.h"
#include "cmd/stream.h"
#include "cmd/stream_common.h"

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

static uint64_t shown_of(uint64_t have, int64_t count) {
    return count ? MIN(have, (uint64_t)count) : have;
}

static void reply_group_pending(struct reply *reply, struct stream_group *group, int64_t count) {
    struct tree_cursor cursor;
    const struct stream_pending *pending = tree_first(&group->pending, &cursor);
    uint64_t shown = shown_of(group->pending.count, count);
    label(reply, "pending");
    reply_array(reply, shown);
    for (; shown > 0; shown--, pending = tree_next(&cursor)) {
        reply_array(reply, 4);
        stream_reply_id(reply, pending->id);
        reply_bulk(reply, stream_consumer_name(pending->consumer));
        reply_integer(reply, pending->delivered_ms);
        reply_integer(reply, (int64_t)pending->deliveries);
    }
}

static void reply_full_consumer(struct reply *reply, struct stream_group *group,
                                struct stream_consumer *consumer, int64_t count) {
    struct tree_cursor cursor;
    reply_map(reply, 5);
    label(reply, "name");
    reply_bulk(reply, stream_consumer_name(consumer));
    field_integer(reply, "seen-time", consumer->seen_ms);
    field_integer(reply, "active-time", consumer->active_ms);
    field_integer(reply, "pel-count", (int64_t)consumer->pending.count);
    uint64_t shown = shown_of(consumer->pending.count, count);
    label(reply, "pending");
    reply_array(reply, shown);
    const struct stream_id *id = tree_first(&consumer->pending, &cursor);
    for (; shown > 0; shown--, id = tree_next(&cursor)) {
        const struct stream_pending *pending = stream_pending_find(group, *id);
        reply_array(reply, 3);
        stream_reply_id(reply, *id);
        reply_integer(reply, pending->delivered_ms);
        reply_integer(reply, (int64_t)pending->deliveries);
    }
}

static void reply_full_group(struct reply *reply, struct stream *stream, struct stream_group *group,
                             int64_t count) {
    struct tree_cursor cursor;
    reply_map(reply, 7);
    label(reply, "name");
    reply_bulk(reply, stream_group_name(group));
    field_id(reply, "last-delivered-id", group->last);
    reply_progress(reply, stream, group);
    field_integer(reply, "pel-count", (int64_t)group->pending.count);
    reply_group_pending(reply, group, count);
    label(reply, "consumers");
    reply_array(reply, group->consumers.count);
    struct stream_consumer *consumer = stream_consumer_next(group, &cursor, true);
    for (; consumer; consumer = stream_consumer_next(group, &cursor, false))
        reply_full_consumer(reply, group, consumer, count);
}

static void reply_full(struct reply *reply, struct stream *stream, int64_t count) {
    struct stream_cursor entries;
    struct tree_cursor cursor;
    reply_map(reply, 9);
    reply_head(reply, stream);
    label(reply, "entries");
    stream_seek(&entries, stream, STREAM_ID_MIN, STREAM_ID_MAX, false);
    stream_reply_range(reply, &entries, (uint64_t)count);
    label(reply, "groups");
    reply_array(reply, stream->groups.count);
    struct stream_group *group = stream_group_next(stream, &cursor, true);
    for (; group; group = stream_group_next(stream, &cursor, false))
        reply_full_group(reply, stream, group, count);
}

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
    reply_full(call->reply, stream, count < 0 ? ENTRIES_SHOWN : count);
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
