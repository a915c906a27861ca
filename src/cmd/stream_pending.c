/* SPDX-License-Identifier: BSD-3-Clause */
/* XACK and XPENDING. */
#include "base/ensure.h"
#include "cmd/stream.h"
#include "cmd/stream_common.h"
#include "exec/stream.h"
#include "sys/memory.h"

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

/* The pending entries of one query. */
struct pending_walk {
    struct stream_group *group;
    struct stream_consumer *consumer; /* NULL: all */
    struct stream_id last;
    int64_t idle_ms, now_ms;
    struct tree_cursor cursor;
};

static void walk_seek(struct pending_walk *walk, struct stream_id id) {
    if (walk->consumer)
        stream_consumer_seek(walk->consumer, id, &walk->cursor);
    else
        stream_pending_seek(walk->group, id, &walk->cursor);
}

/* The next entry, in the tree of the group or of the consumer; NULL: there is none. */
static inline const struct stream_pending *walk_step(struct pending_walk *walk) {
    const struct stream_id *id = tree_item(&walk->cursor);
    if (!id || stream_id_compare(*id, walk->last) > 0) return NULL;
    tree_next(&walk->cursor);
    if (!walk->consumer) return (const struct stream_pending *)id;
    return stream_pending_find(walk->group, *id);
}

static inline bool is_asked_for(const struct pending_walk *walk,
                                const struct stream_pending *pending) {
    return !walk->idle_ms || walk->now_ms - pending->delivered_ms >= walk->idle_ms;
}

/* The next that is asked for; NULL: there is none. */
static inline const struct stream_pending *walk_next(struct pending_walk *walk) {
    const struct stream_pending *pending;
    while ((pending = walk_step(walk)))
        if (is_asked_for(walk, pending)) break;
    return pending;
}

static void reply_pending(struct reply *reply, const struct stream_pending *pending,
                          int64_t now_ms) {
    reply_array(reply, 4);
    stream_reply_id(reply, pending->id);
    reply_bulk(reply, stream_consumer_name(pending->consumer));
    reply_integer(reply, MAX(now_ms - pending->delivered_ms, (int64_t)0));
    reply_integer(reply, (int64_t)pending->deliveries);
}

/* Many of them: counted in the background, and shown in pieces. */
struct listing {
    struct stream_work work;
    struct value value;
    struct pending_walk walk; /* of what the value has, which is pinned */
    struct stream_id first;
    uint64_t most;
    bool has_head;
};

static struct listing *listing_of(struct stream_work *work) {
    return CONTAINER_OF(work, struct listing, work);
}

static bool count_listed(struct stream_work *work) {
    struct listing *listing = listing_of(work);
    uint64_t *count = &work->source.left;
    walk_seek(&listing->walk, listing->first);
    while (*count < listing->most && walk_next(&listing->walk))
        ++*count;
    walk_seek(&listing->walk, listing->first);
    return true;
}

static bool produce_listed(struct stream_source *source, struct reply *reply) {
    struct listing *listing = listing_of(CONTAINER_OF(source, struct stream_work, source));
    size_t start = reply->out->len;
    if (!listing->has_head) reply_array(reply, source->left);
    listing->has_head = true;
    for (; source->left && !stream_has_piece(reply, start); source->left--)
        reply_pending(reply, walk_next(&listing->walk), listing->walk.now_ms);
    return source->left > 0;
}

static void free_listing(struct stream_work *work) {
    memory_free(listing_of(work));
}

/* How many entries there are in the interval, but for one perhaps. */
static uint64_t walk_length(struct pending_walk *walk, struct stream_id first) {
    walk_seek(walk, first);
    uint64_t before = tree_rank(&walk->cursor);
    walk_seek(walk, walk->last);
    uint64_t until = tree_rank(&walk->cursor);
    return until > before ? until - before : 0;
}

#define LOOKED_AT_FIRST 4096

/* Most often there are as many as are asked for among the first ones. */
static bool finds_soon(struct pending_walk *walk, struct stream_id first, uint64_t most) {
    const struct stream_pending *pending;
    uint64_t found = 0;
    walk_seek(walk, first);
    for (unsigned looked = 0; found < most && looked < LOOKED_AT_FIRST; looked++) {
        if (!(pending = walk_step(walk))) return true;
        found += is_asked_for(walk, pending);
    }
    return found == most;
}

/* False: it is better done at once. */
static bool reply_later(struct call *call, struct stream *stream, struct pending_walk *walk,
                        const struct pending_query *query) {
    uint64_t most = query->count > 0 ? (uint64_t)query->count : 0;
    uint64_t looked_at = walk->group->pending.count;
    if (walk->idle_ms == 0) looked_at = MIN(looked_at, most);
    if (LIKELY(!stream_work_may_wait(call, looked_at))) return false;
    looked_at = MIN(looked_at, walk_length(walk, query->first));
    if (!stream_work_may_wait(call, looked_at)) return false;
    if (walk->idle_ms && finds_soon(walk, query->first, most)) return false;
    struct listing *listing = memory_alloc(sizeof *listing);
    if (!listing) return false;
    *listing = (struct listing){.work = {.source = {.produce = produce_listed},
                                         .value_count = 1,
                                         .prepare = count_listed,
                                         .free = free_listing},
                                .value = {.type = TYPE_STREAM, .large = true, .object = stream},
                                .walk = *walk,
                                .first = query->first,
                                .most = most};
    listing->work.values = &listing->value;
    stream_work_run(call, &listing->work, looked_at);
    return true;
}

static void reply_extended(struct call *call, struct stream *stream, struct stream_group *group,
                           const struct pending_query *query) {
    struct pending_walk walk; /* its cursor is large: it costs nothing before it is used */
    walk.group = group;
    walk.consumer = query->consumer ? stream_consumer_find(group, *query->consumer) : NULL;
    walk.last = query->last;
    walk.idle_ms = query->idle_ms;
    walk.now_ms = call->view.now_ms;
    if (query->consumer && !walk.consumer) {
        reply_array(call->reply, 0);
        return;
    }
    if (reply_later(call, stream, &walk, query)) return;
    walk_seek(&walk, query->first);
    size_t mark = reply_open(call->reply);
    int64_t shown = 0;
    const struct stream_pending *pending;
    for (; shown < query->count && (pending = walk_next(&walk)); shown++)
        reply_pending(call->reply, pending, walk.now_ms);
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
        reply_extended(call, stream, group, &query);
    else
        reply_summary(call->reply, group);
}
