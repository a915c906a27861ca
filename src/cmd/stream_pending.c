/* SPDX-License-Identifier: BSD-3-Clause */
/* XACK and XPENDING. */
#include "base/ensure.h"
#include "cmd/stream.h"
#include "cmd/stream_common.h"

void stream_xack(struct call *call) {
    struct spot spot;
    struct stream *stream;
    if (!stream_seek_read(call, &call->keys[0], &spot, &stream)) return;
    struct stream_group *group = stream ? stream_group_find(stream, call->argv[2]) : NULL;
    if (!group) {
        reply_integer(call->reply, 0);
        return;
    }
    unsigned count = call->argc - 3, acknowledged = 0;
    const struct stream_id *ids = stream_parse_ids(call, 3, count);
    if (!ids) return;
    for (unsigned i = 0; i < count; i++)
        acknowledged += stream_pending_remove(group, ids[i]);
    if (acknowledged) stream_edited_as_called(call, &spot, NULL);
    reply_integer(call->reply, acknowledged);
}

/* ---- XPENDING ---- */

static void reply_consumers(struct reply *reply, struct stream_group *group) {
    struct tree_cursor cursor;
    size_t mark = reply_open(reply), shown = 0;
    struct stream_consumer *consumer = stream_consumer_next(group, &cursor, true);
    for (; consumer; consumer = stream_consumer_next(group, &cursor, false)) {
        if (consumer->pending.count == 0) continue;
        reply_array(reply, 2);
        reply_bulk(reply, stream_consumer_name(consumer));
        reply_bulk_integer(reply, (int64_t)consumer->pending.count);
        shown++;
    }
    reply_close_array(reply, mark, shown);
}

static void reply_summary(struct reply *reply, struct stream_group *group) {
    struct tree_cursor cursor;
    const struct stream_pending *first = tree_first(&group->pending, &cursor);
    reply_array(reply, 4);
    reply_integer(reply, (int64_t)group->pending.count);
    if (!first) {
        reply_null(reply);
        reply_null(reply);
        reply_null_array(reply);
        return;
    }
    stream_reply_id(reply, first->id);
    stream_reply_id(reply, ((struct stream_pending *)tree_last(&group->pending, &cursor))->id);
    reply_consumers(reply, group);
}

struct pending_query {
    struct stream_id first, last;
    int64_t count, idle_ms;
    const struct bytes *consumer; /* NULL: all */
};

/* [IDLE ms] start end count [consumer] */
static bool parse_query(struct call *call, struct pending_query *out) {
    unsigned at = 3;
    *out = (struct pending_query){.count = 0};
    if (bytes_is(call->argv[3], "idle")) {
        if (!stream_parse_integer(call, call->argv[4], &out->idle_ms)) return false;
        if (call->argc < 8) {
            reply_syntax_error(call->reply);
            return false;
        }
        at = 5;
    }
    if (!stream_parse_integer(call, call->argv[at + 2], &out->count)) return false;
    if (!stream_parse_start(call, call->argv[at], &out->first)) return false;
    if (!stream_parse_end(call, call->argv[at + 1], &out->last)) return false;
    if (at + 3 < call->argc) out->consumer = &call->argv[at + 3];
    return true;
}

static void reply_pending(struct call *call, const struct stream_pending *pending) {
    int64_t idle = call->view.now_ms - pending->delivered_ms;
    reply_array(call->reply, 4);
    stream_reply_id(call->reply, pending->id);
    reply_bulk(call->reply, stream_consumer_name(pending->consumer));
    reply_integer(call->reply, MAX(idle, (int64_t)0));
    reply_integer(call->reply, (int64_t)pending->deliveries);
}

/* The pending entry at the cursor, in the tree of the group or of the consumer; NULL at the end. */
static struct stream_pending *pending_at(struct stream_group *group,
                                         const struct stream_consumer *consumer,
                                         struct tree_cursor *cursor) {
    const struct stream_id *id = tree_item(cursor);
    if (!id || !consumer) return (struct stream_pending *)id;
    return stream_pending_find(group, *id);
}

static void reply_extended(struct call *call, struct stream_group *group,
                           const struct pending_query *query) {
    struct stream_consumer *consumer = NULL;
    struct tree_cursor cursor;
    if (query->consumer && !(consumer = stream_consumer_find(group, *query->consumer))) {
        reply_array(call->reply, 0);
        return;
    }
    if (consumer)
        stream_consumer_seek(consumer, query->first, &cursor);
    else
        stream_pending_seek(group, query->first, &cursor);
    size_t mark = reply_open(call->reply);
    int64_t shown = 0;
    const struct stream_pending *pending;
    while (shown < query->count && (pending = pending_at(group, consumer, &cursor))) {
        if (stream_id_compare(pending->id, query->last) > 0) break;
        tree_next(&cursor);
        int64_t idle = call->view.now_ms - pending->delivered_ms;
        if (query->idle_ms && idle < query->idle_ms) continue;
        reply_pending(call, pending);
        shown++;
    }
    reply_close_array(call->reply, mark, (size_t)shown);
}

void stream_xpending(struct call *call) {
    struct pending_query query;
    struct stream *stream;
    bool extended = call->argc > 3;
    if (extended && (call->argc < 6 || call->argc > 9)) {
        reply_syntax_error(call->reply);
        return;
    }
    if (extended && !parse_query(call, &query)) return;
    if (!stream_read(call, &call->keys[0], &stream)) return;
    struct stream_group *group = stream ? stream_group_find(stream, call->argv[2]) : NULL;
    if (!group)
        stream_reply_no_group(call, call->argv[1], call->argv[2]);
    else if (extended)
        reply_extended(call, group, &query);
    else
        reply_summary(call->reply, group);
}
