/* SPDX-License-Identifier: BSD-3-Clause */
/* XDELEX and XACKDEL: entries are deleted with regard to the groups that know them. */
#include "base/ensure.h"
#include "cmd/stream.h"
#include "cmd/stream_common.h"

/* How it went with one ID. */
#define GONE_BEFORE (-1)
#define DELETED     1
#define STILL_THERE 2

struct deleting {
    enum stream_references references;
    unsigned first, count; /* IDs */
};

/* IDS count id ..., from argv[at] on. */
static bool parse_ids(struct call *call, unsigned at, struct deleting *out) {
    int64_t count;
    if (at + 1 >= call->argc || !number_parse_i64(call->argv[at + 1], &count) || count <= 0) {
        reply_error(call->reply, "ERR Number of IDs must be a positive integer");
        return false;
    }
    out->first = at + 2;
    if (count > call->argc - out->first) {
        reply_error(call->reply, "ERR The `numids` parameter must match the number of arguments");
        return false;
    }
    out->count = (unsigned)count;
    return true;
}

/* [KEEPREF|DELREF|ACKED] and IDS, in any order, from argv[at] on. */
static bool parse(struct call *call, unsigned at, struct deleting *out) {
    *out = (struct deleting){.references = STREAM_KEEP_REFERENCES};
    bool chosen = false;
    while (at < call->argc) {
        if (!out->count && bytes_is(call->argv[at], "ids")) {
            if (!parse_ids(call, at, out)) return false;
            at = out->first + out->count;
        } else if (!chosen && stream_parse_references(call->argv[at], &out->references)) {
            chosen = true;
            at++;
        } else {
            break;
        }
    }
    if (at == call->argc && out->count) return true;
    reply_syntax_error(call->reply);
    return false;
}

static void drop_references(struct stream *stream, struct stream_id id) {
    struct tree_cursor cursor;
    struct stream_group *group = stream_group_next(stream, &cursor, true);
    for (; group; group = stream_group_next(stream, &cursor, false))
        stream_pending_remove(group, id);
}

/* Deletes one entry as far as its references let it. */
static int delete_one(struct stream *stream, struct stream_id id, enum stream_references references,
                      bool *failed) {
    if (references == STREAM_NEED_NO_REFERENCE && stream_is_referenced(stream, id))
        return STILL_THERE;
    enum stream_outcome outcome = stream_delete(stream, id);
    *failed = outcome == STREAM_NO_MEMORY;
    if (references == STREAM_DROP_REFERENCES && !*failed) drop_references(stream, id);
    return outcome == STREAM_DONE ? DELETED : GONE_BEFORE;
}

static void reply_absent(struct reply *reply, unsigned count) {
    reply_array(reply, count);
    while (count-- > 0)
        reply_integer(reply, GONE_BEFORE);
}

/* `group`: acknowledges first, and touches only what is pending there. */
static void delete_all(struct call *call, struct spot *spot, struct stream *stream,
                       struct stream_group *group, const struct deleting *deleting,
                       const struct stream_id *ids) {
    size_t before = call->reply->out->len;
    bool failed = false, changed = false;
    reply_array(call->reply, deleting->count);
    for (unsigned i = 0; i < deleting->count && !failed; i++) {
        int result = GONE_BEFORE;
        bool acknowledged = group && stream_pending_remove(group, ids[i]);
        bool there = stream_has(stream, ids[i]);
        bool drop = deleting->references == STREAM_DROP_REFERENCES;
        if (acknowledged || (!group && (there || drop)))
            result = delete_one(stream, ids[i], deleting->references, &failed);
        if (acknowledged && !there) result = DELETED;
        changed |= acknowledged || drop || result == DELETED;
        reply_integer(call->reply, result);
    }
    if (changed) stream_edited_as_called(call, spot, "xdel");
    if (!failed) return;
    call->reply->out->len = before;
    reply_no_memory(call->reply);
}

void stream_xdelex(struct call *call) {
    struct deleting deleting;
    struct spot spot;
    struct stream *stream;
    if (!parse(call, 2, &deleting)) return;
    const struct stream_id *ids = stream_parse_ids(call, deleting.first, deleting.count);
    if (!ids || !stream_seek_key(call, &call->keys[0], &spot, &stream)) return;
    if (stream)
        delete_all(call, &spot, stream, NULL, &deleting, ids);
    else
        reply_absent(call->reply, deleting.count);
}

void stream_xackdel(struct call *call) {
    struct deleting deleting;
    struct spot spot;
    struct stream *stream;
    if (!parse(call, 3, &deleting)) return;
    const struct stream_id *ids = stream_parse_ids(call, deleting.first, deleting.count);
    if (!ids || !stream_seek_key(call, &call->keys[0], &spot, &stream)) return;
    struct stream_group *group = stream ? stream_group_find(stream, call->argv[2]) : NULL;
    if (group)
        delete_all(call, &spot, stream, group, &deleting, ids);
    else
        reply_absent(call->reply, deleting.count);
}
