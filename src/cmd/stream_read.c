/* SPDX-License-Identifier: BSD-3-Clause */
/* XREAD and XREADGROUP. */
#include "base/ensure.h"
#include "cmd/stream.h"
#include "cmd/stream_common.h"
#include "exec/blocking.h"
#include "exec/stream.h"

#define NEW_ONES STREAM_ID_MAX /* what ">" stands for */

struct reading {
    struct call *call;
    bool grouped; /* XREADGROUP */
    bool no_ack, wait;
    int64_t deadline_ms;
    int64_t count;  /* 0 = all */
    unsigned first; /* the argument that is the first key */
    unsigned streams;
    const struct bytes *group, *consumer;
    struct stream_id *after; /* of each stream: the ID to go on from */
};

/* What is read now. */
struct source {
    const struct key *key;
    struct spot spot; /* of XREADGROUP */
    struct stream *stream;
    struct stream_group *group;
    struct stream_consumer *consumer;
    struct stream_id after;
    bool history;    /* the consumer's pending entries */
    bool ends_reply; /* nothing is shown behind it */
};

static bool fail(const struct reading *reading, const char *error) {
    reply_error(reading->call->reply, error);
    return false;
}

/* ---- arguments ---- */

int stream_read_keys(const struct bytes *argv, unsigned argc, unsigned *positions,
                     unsigned capacity) {
    unsigned at = 1;
    for (; at < argc && !bytes_is(argv[at], "streams"); at++) {
        if (bytes_is(argv[at], "block") || bytes_is(argv[at], "count"))
            at++;
        else if (bytes_is(argv[at], "group"))
            at += 2;
        else if (!bytes_is(argv[at], "noack"))
            return -1;
    }
    if (at + 2 >= argc) return -1;
    unsigned count = (argc - at - 1) / 2;
    for (unsigned i = 0; positions && i < count && i < capacity; i++)
        positions[i] = at + 1 + i;
    return (int)count;
}

/* A word that only XREADGROUP knows. */
static bool group_only(const struct reading *reading, const char *name) {
    if (reading->grouped) return true;
    reply_errorf(reading->call->reply,
                 "ERR The %s option is only supported by XREADGROUP. You called XREAD instead.",
                 name);
    return false;
}

static bool at_streams(struct reading *reading, unsigned at) {
    unsigned left = reading->call->argc - at;
    reading->first = at;
    reading->streams = left / 2;
    if (left % 2 == 0) return true;
    reply_errorf(reading->call->reply,
                 "ERR Unbalanced '%s' list of streams: for each stream key an ID or '%c' must be "
                 "specified.",
                 reading->grouped ? "xreadgroup" : "xread", reading->grouped ? '>' : '$');
    return false;
}

/* The option at *at, which moves to its last word. */
static bool parse_option(struct reading *reading, unsigned *at) {
    struct call *call = reading->call;
    struct bytes word = call->argv[*at];
    unsigned more = call->argc - *at - 1;
    if (more >= 1 && bytes_is(word, "block")) {
        reading->wait = true;
        return blocking_deadline_ms(call, call->argv[++*at], &reading->deadline_ms);
    }
    if (more >= 1 && bytes_is(word, "count")) {
        if (!stream_parse_integer(call, call->argv[++*at], &reading->count)) return false;
        reading->count = MAX(reading->count, (int64_t)0);
        return true;
    }
    if (more >= 2 && bytes_is(word, "group")) {
        reading->group = &call->argv[++*at];
        reading->consumer = &call->argv[++*at];
        return group_only(reading, "GROUP");
    }
    if (bytes_is(word, "noack")) {
        reading->no_ack = true;
        return group_only(reading, "NOACK");
    }
    return fail(reading, "ERR syntax error");
}

static bool parse(struct reading *reading) {
    const struct call *call = reading->call;
    for (unsigned at = 1; at < call->argc && !reading->first; at++) {
        if (at + 1 < call->argc && bytes_is(call->argv[at], "streams")) {
            if (!at_streams(reading, at + 1)) return false;
        } else if (!parse_option(reading, &at)) {
            return false;
        }
    }
    if (!reading->first) return fail(reading, "ERR syntax error");
    if (reading->grouped && !reading->group)
        return fail(reading, "ERR Missing GROUP option for XREADGROUP");
    return reading->streams == call->key_count || fail(reading, "ERR syntax error");
}

/* ---- where to go on from ---- */

static bool is_sign(struct bytes text, char sign) {
    return text.len == 1 && text.data[0] == sign;
}

static struct bytes id_argument(const struct reading *reading, unsigned i) {
    return reading->call->argv[reading->first + reading->streams + i];
}

static bool meaningless(const struct reading *reading, char sign) {
    reply_errorf(reading->call->reply,
                 "ERR The %c ID is meaningless in the context of XREADGROUP: you want to read the "
                 "history of this consumer by specifying a proper ID, or use the > ID to get new "
                 "messages. The %c ID would just return an empty result set.",
                 sign, sign);
    return false;
}

static bool resolve(const struct reading *reading, unsigned i, struct stream *stream) {
    struct bytes text = id_argument(reading, i);
    struct stream_id *after = &reading->after[i];
    bool last = is_sign(text, '$'), newest = is_sign(text, '+');
    if (last || newest) {
        if (reading->grouped) return meaningless(reading, text.data[0]);
        *after = STREAM_ID_MIN;
        if (stream) *after = stream->last;
        if (newest && !stream_id_is_zero(*after)) stream_id_decrement(after);
        return true;
    }
    if (is_sign(text, '>')) {
        *after = NEW_ONES;
        return reading->grouped ||
               fail(reading, "ERR The > ID can be specified only when calling XREADGROUP using the "
                             "GROUP <group> <consumer> option.");
    }
    return stream_parse_id(reading->call, text, after);
}

/* Looks up the i-th stream; source->stream is NULL when there is none. False: answered. */
static bool look_up(const struct reading *reading, unsigned i, struct source *source) {
    struct call *call = reading->call;
    *source = (struct source){.key = &call->keys[i]};
    if (!reading->grouped) return stream_read(call, source->key, &source->stream);
    if (!stream_seek_read(call, source->key, &source->spot, &source->stream)) return false;
    if (source->stream) source->group = stream_group_find(source->stream, *reading->group);
    if (source->group) return true;
    struct bytes key = source->key->name, group = *reading->group;
    reply_errorf(call->reply,
                 "NOGROUP No such key '%.*s' or consumer group '%.*s' in XREADGROUP with GROUP "
                 "option",
                 (int)key.len, key.data, (int)group.len, group.data);
    return false;
}

/* Checks all before anything is read. *source is the last stream's. */
static bool resolve_all(struct reading *reading, struct source *source) {
    reading->after = stream_ids_room(reading->call, reading->streams);
    if (!reading->after) return false;
    for (unsigned i = 0; i < reading->streams; i++)
        if (!look_up(reading, i, source) || !resolve(reading, i, source->stream)) return false;
    return true;
}

/* ---- reading ---- */

/* Is there something to be read, if only an empty history. */
static bool has_something(const struct reading *reading, struct source *source) {
    struct stream *stream = source->stream;
    if (!stream) return false;
    if (reading->grouped) {
        source->history = stream_id_compare(source->after, NEW_ONES) != 0;
        if (source->history) return true;
        source->after = source->group->last;
    }
    if (!stream->length || stream_id_compare(stream->last, source->after) <= 0) return false;
    return stream_id_compare(stream_last_entry(stream), source->after) > 0;
}

static void read_plain(const struct reading *reading, const struct source *source) {
    struct stream_interval shown = {
        .first = source->after, .last = STREAM_ID_MAX, .count = (uint64_t)reading->count};
    struct stream_cursor cursor;
    stream_id_increment(&shown.first);
    if (source->ends_reply) {
        stream_show(reading->call, source->stream, &shown);
        return;
    }
    stream_seek(&cursor, source->stream, shown.first, shown.last, false);
    stream_reply_range(reading->call->reply, &cursor, shown.count);
}

/* Makes the entry pending for the consumer, as delivered now for the first time. */
static bool deliver(const struct reading *reading, struct source *source, struct stream_id id) {
    struct call *call = reading->call;
    int64_t now = call->view.now_ms;
    struct stream_pending *pending = stream_pending_give(source->group, source->consumer, id, now);
    if (!pending) return false;
    pending->delivered_ms = now;
    pending->deliveries = 1;
    source->consumer->active_ms = now;
    stream_tell_claimed(call, &source->spot, source->group, pending);
    return true;
}

/* Delivers the entry at the cursor to the consumer. False: no memory. */
static bool take(const struct reading *reading, struct source *source,
                 const struct stream_cursor *cursor) {
    struct stream_id id = cursor->entry.id;
    if (!reading->no_ack && !deliver(reading, source, id)) return false;
    stream_group_advance(source->stream, source->group, id);
    return true;
}

static void tell_progress(const struct reading *reading, struct source *source,
                          struct stream_id before) {
    if (stream_id_compare(before, source->group->last) != 0)
        stream_tell_progress(reading->call, &source->spot, source->group);
}

/* Is what is left of the reply so much that it should come in pieces, once all is done that
 * changes something? */
static bool is_long(const struct reading *reading, const struct source *source, uint64_t have) {
    uint64_t count = reading->count ? MIN(have, (uint64_t)reading->count) : have;
    size_t bytes;
    return source->ends_reply && stream_may_be_long(reading->call, source->stream, count, &bytes);
}

static void read_new_in_pieces(const struct reading *reading, struct source *source,
                               struct stream_cursor *cursor) {
    struct stream_interval shown = {.first = cursor->first, .last = STREAM_ID_MAX};
    struct stream_id before = source->group->last;
    uint64_t most = (uint64_t)reading->count;
    while ((!most || shown.count < most) && stream_next(cursor)) {
        if (!take(reading, source, cursor)) break;
        shown.count++;
    }
    tell_progress(reading, source, before);
    if (shown.count)
        stream_show(reading->call, source->stream, &shown);
    else
        reply_array(reading->call->reply, 0);
}

static void read_new(const struct reading *reading, struct source *source) {
    struct reply *reply = reading->call->reply;
    struct stream_cursor cursor;
    struct stream_id first = source->after, before = source->group->last;
    uint64_t shown = 0, most = (uint64_t)reading->count;
    stream_id_increment(&first);
    stream_seek(&cursor, source->stream, first, STREAM_ID_MAX, false);
    if (is_long(reading, source, source->stream->length)) {
        read_new_in_pieces(reading, source, &cursor);
        return;
    }
    size_t mark = reply_open(reply);
    while ((!most || shown < most) && stream_next(&cursor)) {
        if (!take(reading, source, &cursor)) break;
        stream_reply_entry(reply, &cursor);
        shown++;
    }
    reply_close_array(reply, mark, shown);
    tell_progress(reading, source, before);
}

/* ---- a consumer's history ---- */

/* Finds the entries of IDs that come in their order, most often those of neighbours. */
struct follower {
    struct stream *stream;
    struct stream_cursor cursor;
    bool ended;
};

#define STEPS_MAX 16 /* then it is better to seek */

static void follow_from(struct follower *follower, struct stream *stream, struct stream_id id) {
    follower->stream = stream;
    stream_seek(&follower->cursor, stream, id, STREAM_ID_MAX, false);
    follower->ended = !stream_next(&follower->cursor);
}

/* Is there still such an entry? Then the cursor is at it. */
static bool follow_to(struct follower *follower, struct stream_id id) {
    struct stream_cursor *cursor = &follower->cursor;
    unsigned steps = 0;
    while (!follower->ended && stream_id_compare(cursor->entry.id, id) < 0) {
        if (++steps > STEPS_MAX) stream_seek(cursor, follower->stream, id, STREAM_ID_MAX, false);
        follower->ended = !stream_next(cursor);
    }
    return !follower->ended && stream_id_compare(cursor->entry.id, id) == 0;
}

/* False: the entry is not there any more. */
static bool reply_pending_entry(struct reply *reply, struct follower *follower,
                                struct stream_id id) {
    bool there = follow_to(follower, id);
    if (there) {
        stream_reply_entry(reply, &follower->cursor);
    } else {
        reply_array(reply, 2);
        stream_reply_id(reply, id);
        reply_null_array(reply);
    }
    return there;
}

/* Counts that it is delivered once more. */
static void deliver_again(const struct reading *reading, struct source *source,
                          struct stream_id id) {
    struct call *call = reading->call;
    struct stream_pending *pending = stream_pending_find(source->group, id);
    pending->delivered_ms = call->view.now_ms;
    pending->deliveries++;
    stream_tell_claimed(call, &source->spot, source->group, pending);
}

/* The source's `part` is the consumer, `next` and `next_low` are an ID. */
static bool history_piece(struct stream_source *source, struct reply *reply) {
    size_t start = reply->out->len;
    struct stream_id first = {source->next, source->next_low};
    struct tree_cursor cursor;
    struct follower follower;
    const struct stream_id *id = stream_consumer_seek(source->part, first, &cursor);
    follow_from(&follower, source->value.object, first);
    for (; source->left && !stream_has_piece(reply, start); source->left--) {
        reply_pending_entry(reply, &follower, *id);
        id = tree_next(&cursor);
    }
    if (!source->left) return false;
    source->next = id->ms;
    source->next_low = id->seq;
    return true;
}

static void show_history(struct call *call, const struct source *source, struct stream_id first,
                         uint64_t count) {
    size_t bytes;
    struct stream_source pieces = {
        .produce = history_piece,
        .value = {.type = TYPE_STREAM, .large = true, .object = source->stream},
        .next = first.ms,
        .next_low = first.seq,
        .left = count,
        .part = source->consumer};
    reply_array(call->reply, count);
    stream_may_be_long(call, source->stream, count, &bytes);
    if (stream_begin(call, &pieces, bytes)) return;
    while (history_piece(&pieces, call->reply) && !call->reply->failed)
        ;
}

static void read_history_in_pieces(const struct reading *reading, struct source *source,
                                   struct stream_id first) {
    struct tree_cursor cursor;
    struct follower follower;
    uint64_t shown = 0, most = (uint64_t)reading->count;
    const struct stream_id *id = stream_consumer_seek(source->consumer, first, &cursor);
    follow_from(&follower, source->stream, first);
    for (; id && (!most || shown < most); id = tree_next(&cursor), shown++)
        if (follow_to(&follower, *id)) deliver_again(reading, source, *id);
    show_history(reading->call, source, first, shown);
}

static void read_history(const struct reading *reading, struct source *source) {
    struct reply *reply = reading->call->reply;
    struct tree_cursor cursor;
    struct follower follower;
    struct stream_id first = source->after;
    uint64_t shown = 0, most = (uint64_t)reading->count;
    stream_id_increment(&first);
    if (is_long(reading, source, source->consumer->pending.count)) {
        read_history_in_pieces(reading, source, first);
        return;
    }
    size_t mark = reply_open(reply);
    const struct stream_id *id = stream_consumer_seek(source->consumer, first, &cursor);
    if (id) follow_from(&follower, source->stream, *id);
    for (; id && (!most || shown < most); id = tree_next(&cursor), shown++)
        if (reply_pending_entry(reply, &follower, *id)) deliver_again(reading, source, *id);
    reply_close_array(reply, mark, shown);
}

static void read_source(const struct reading *reading, struct source *source) {
    struct reply *reply = reading->call->reply;
    if (reply->resp == 2) reply_array(reply, 2);
    reply_bulk(reply, source->key->name);
    if (!reading->grouped)
        read_plain(reading, source);
    else if (source->history)
        read_history(reading, source);
    else
        read_new(reading, source);
}

/* The consumer is seen even when there is nothing for it. False: no memory. */
static bool see_consumer(const struct reading *reading, struct source *source) {
    struct call *call = reading->call;
    if (!reading->grouped) return true;
    source->consumer = stream_need_consumer(call, &source->spot, source->group, *reading->consumer);
    if (!source->consumer) return false;
    source->consumer->seen_ms = call->view.now_ms;
    return true;
}

static void close_all(struct reply *reply, size_t mark, unsigned served) {
    if (reply->resp == 2)
        reply_close_array(reply, mark, served);
    else
        reply_close_map(reply, mark, served);
}

/* Reads all streams and returns how many had something; `source` is known if there is but one. The
 * head is written in front of the last stream, whose entries may come in pieces. */
static unsigned read_all(const struct reading *reading, struct source *source) {
    struct reply *reply = reading->call->reply;
    unsigned served = 0;
    size_t before = reply->out->len, mark = reply_open(reply);
    for (unsigned i = 0; i < reading->streams; i++) {
        if (reading->streams > 1) ensure(look_up(reading, i, source)); /* as it was just now */
        source->after = reading->after[i];
        bool serve = has_something(reading, source);
        if (source->stream && !see_consumer(reading, source)) {
            reply->out->len = before;
            reply_no_memory(reply);
            return 1;
        }
        served += serve;
        source->ends_reply = i + 1 == reading->streams;
        if (served && source->ends_reply) close_all(reply, mark, served);
        if (serve) read_source(reading, source);
    }
    if (!served) reply->out->len = before;
    return served;
}

/* ---- waiting ---- */

static void wait_for_entries(const struct reading *reading) {
    struct call *call = reading->call;
    struct blocking_request request = {.deadline_ms = reading->deadline_ms,
                                       .type = TYPE_STREAM,
                                       .key_count = reading->streams,
                                       .on_delete = reading->grouped};
    struct stream_words words;
    if (!stream_words_begin(call, &words, call->argc)) return;
    for (unsigned i = 0; i < call->argc; i++) {
        unsigned ids = reading->first + reading->streams;
        if (i >= ids && is_sign(call->argv[i], '$'))
            stream_word_id(&words, reading->after[i - ids]);
        else
            stream_word(&words, call->argv[i]);
    }
    request.argv = words.argv;
    blocking_wait(call, &request);
}

static void run(struct call *call, bool grouped) {
    struct reading reading = {.call = call, .grouped = grouped};
    struct source source;
    if (!parse(&reading) || !resolve_all(&reading, &source)) return;
    if (read_all(&reading, &source)) return;
    if (reading.wait)
        wait_for_entries(&reading);
    else
        reply_null_array(call->reply);
}

void stream_xread(struct call *call) {
    run(call, false);
}

void stream_xreadgroup(struct call *call) {
    run(call, true);
}
