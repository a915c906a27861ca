/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/stream_common.h"
#include "base/ensure.h"
#include "exec/stream.h"
#include "sys/thread.h"

/* ---- keys ---- */

static bool stream_of(struct call *call, const struct entry *e, struct stream **out) {
    *out = NULL;
    if (LIKELY(e && entry_type(e) == TYPE_STREAM)) *out = entry_object(e);
    if (LIKELY(!e || *out)) return true;
    reply_wrong_type(call->reply);
    return false;
}

bool stream_read(struct call *call, const struct key *key, struct stream **out) {
    return stream_of(call, keyspace_find(&call->view, key), out);
}

bool stream_seek_key(struct call *call, const struct key *key, struct spot *spot,
                     struct stream **out) {
    return stream_of(call, keyspace_seek(&call->view, key, spot), out);
}

bool stream_seek_read(struct call *call, const struct key *key, struct spot *spot,
                      struct stream **out) {
    return stream_of(call, keyspace_seek_read(&call->view, key, spot), out);
}

void stream_reply_no_group(struct call *call, struct bytes key, struct bytes group) {
    reply_errorf(call->reply, "NOGROUP No such key '%.*s' or consumer group '%.*s'", (int)key.len,
                 key.data, (int)group.len, group.data);
}

bool stream_seek_group(struct call *call, struct spot *spot, struct stream **stream,
                       struct stream_group **group) {
    if (!stream_seek_read(call, &call->keys[0], spot, stream)) return false;
    *group = *stream ? stream_group_find(*stream, call->argv[2]) : NULL;
    if (*group) return true;
    stream_reply_no_group(call, call->argv[1], call->argv[2]);
    return false;
}

/* ---- arguments ---- */

static bool id_error(struct call *call) {
    reply_error(call->reply, "ERR Invalid stream ID specified as stream command argument");
    return false;
}

bool stream_parse_id(struct call *call, struct bytes text, struct stream_id *out) {
    return stream_id_parse(text, 0, out, NULL) || id_error(call);
}

bool stream_parse_integer(struct call *call, struct bytes text, int64_t *out) {
    if (number_parse_i64(text, out)) return true;
    reply_not_integer(call->reply);
    return false;
}

/* *without: the interval begins or ends beside this ID. */
static bool parse_end(struct call *call, struct bytes text, uint64_t missing, struct stream_id *out,
                      bool *without) {
    *without = text.len > 1 && text.data[0] == '(';
    bool parsed = *without ? stream_id_parse(bytes_skip(text, 1), missing, out, NULL)
                           : stream_id_parse_bound(text, missing, out);
    return parsed || id_error(call);
}

bool stream_parse_start(struct call *call, struct bytes text, struct stream_id *out) {
    bool without;
    if (!parse_end(call, text, 0, out, &without)) return false;
    if (!without || stream_id_increment(out)) return true;
    reply_error(call->reply, "ERR invalid start ID for the interval");
    return false;
}

bool stream_parse_end(struct call *call, struct bytes text, struct stream_id *out) {
    bool without;
    if (!parse_end(call, text, UINT64_MAX, out, &without)) return false;
    if (!without || stream_id_decrement(out)) return true;
    reply_error(call->reply, "ERR invalid end ID for the interval");
    return false;
}

/* Memory that is kept from command to command. */
#define SCRATCH_KEPT ((size_t)64 * 1024)

static char *scratch_reserve(struct call *call, struct buffer *scratch, size_t size) {
    if (UNLIKELY(scratch->cap > SCRATCH_KEPT)) buffer_free(scratch);
    buffer_clear(scratch);
    if (UNLIKELY(!scratch->data)) thread_owns_buffer(scratch);
    if (LIKELY(buffer_reserve(scratch, size))) return scratch->data;
    reply_no_memory(call->reply);
    return NULL;
}

struct stream_id *stream_ids_room(struct call *call, unsigned count) {
    static _Thread_local struct buffer scratch;
    return (void *)scratch_reserve(call, &scratch, (size_t)(count + 1) * sizeof(struct stream_id));
}

struct stream_id *stream_parse_ids(struct call *call, unsigned first, unsigned count) {
    struct stream_id *ids = stream_ids_room(call, count);
    for (unsigned i = 0; ids && i < count; i++)
        if (!stream_parse_id(call, call->argv[first + i], &ids[i])) return NULL;
    return ids;
}

/* ---- replies ---- */

void stream_reply_id(struct reply *reply, struct stream_id id) {
    char text[STREAM_ID_TEXT_MAX];
    reply_bulk(reply, bytes_make(text, stream_id_format(text, id)));
}

static void reply_element(struct reply *reply, struct bytes pack, size_t at) {
    char digits[PACK_TEXT_MAX];
    reply_bulk(reply, pack_get_text(pack, at, digits));
}

void stream_reply_entry(struct reply *reply, const struct stream_cursor *cursor) {
    struct node_fields fields = node_fields(&cursor->node, &cursor->entry);
    reply_array(reply, 2);
    stream_reply_id(reply, cursor->entry.id);
    reply_array(reply, cursor->entry.field_count * 2);
    for (uint64_t i = 0; i < cursor->entry.field_count; i++) {
        size_t field, value;
        node_field_next(&fields, &field, &value);
        reply_element(reply, cursor->node.pack, field);
        reply_element(reply, cursor->node.pack, value);
    }
}

bool stream_reply_entry_of(struct reply *reply, struct stream *stream, struct stream_id id) {
    struct stream_cursor cursor;
    stream_seek(&cursor, stream, id, id, false);
    if (!stream_next(&cursor)) return false;
    stream_reply_entry(reply, &cursor);
    return true;
}

void stream_reply_range(struct reply *reply, struct stream_cursor *cursor, uint64_t count) {
    size_t mark = reply_open(reply);
    uint64_t shown = 0;
    while ((!count || shown < count) && stream_next(cursor)) {
        stream_reply_entry(reply, cursor);
        shown++;
    }
    reply_close_array(reply, mark, shown);
}

/* ---- long replies ---- */

#define SHOW_REVERSE   (1u << 0)
#define EXPECTED_FRAME 60 /* around an entry's fields and values: heads, the ID */

/* The source's `next` and `next_low` are an ID. */
static bool reply_piece(struct stream_source *source, struct reply *reply) {
    size_t start = reply->out->len;
    bool reverse = source->options & SHOW_REVERSE;
    struct stream_id next = {source->next, source->next_low};
    struct stream_cursor cursor;
    uint64_t shown = 0;
    stream_seek(&cursor, source->value.object, reverse ? STREAM_ID_MIN : next,
                reverse ? next : STREAM_ID_MAX, reverse);
    while (shown < source->left && !stream_has_piece(reply, start) && stream_next(&cursor)) {
        stream_reply_entry(reply, &cursor);
        next = cursor.entry.id;
        shown++;
    }
    source->left -= shown;
    if (!source->left) return false;
    if (reverse)
        stream_id_decrement(&next);
    else
        stream_id_increment(&next);
    source->next = next.ms;
    source->next_low = next.seq;
    return true;
}

bool stream_may_be_long(const struct call *call, const struct stream *stream, uint64_t count,
                        size_t *bytes) {
    *bytes = count * (stream->node_bytes / MAX(stream->length, 1u) + EXPECTED_FRAME);
    return stream_may_begin(call, *bytes);
}

static bool show_in_pieces(struct call *call, struct stream *stream,
                           const struct stream_interval *shown) {
    uint64_t most = shown->count ? MIN(shown->count, stream->length) : stream->length;
    size_t bytes;
    if (LIKELY(!stream_may_be_long(call, stream, most, &bytes))) return false;
    uint64_t left = stream_count(stream, shown->first, shown->last, most);
    if (!stream_may_be_long(call, stream, left, &bytes)) return false;
    struct stream_id next = shown->reverse ? shown->last : shown->first;
    struct stream_source source = {.produce = reply_piece,
                                   .value = {.type = TYPE_STREAM, .large = true, .object = stream},
                                   .next = next.ms,
                                   .next_low = next.seq,
                                   .left = left,
                                   .options = shown->reverse ? SHOW_REVERSE : 0};
    size_t before = call->reply->out->len;
    reply_array(call->reply, left);
    if (stream_begin(call, &source, bytes)) return true;
    call->reply->out->len = before;
    return false;
}

void stream_show(struct call *call, struct stream *stream, const struct stream_interval *shown) {
    struct stream_cursor cursor;
    if (show_in_pieces(call, stream, shown)) return;
    stream_seek(&cursor, stream, shown->first, shown->last, shown->reverse);
    stream_reply_range(call->reply, &cursor, shown->count);
}

/* ---- telling of changes ---- */

bool stream_words_begin(struct call *call, struct stream_words *words, unsigned count) {
    static _Thread_local struct buffer scratch;
    char *memory =
        scratch_reserve(call, &scratch, (size_t)count * (sizeof(struct bytes) + STREAM_WORD_MAX));
    *words = (struct stream_words){.argv = (void *)memory,
                                   .text = memory + (size_t)count * sizeof(struct bytes)};
    return memory != NULL;
}

void stream_word_id(struct stream_words *words, struct stream_id id) {
    char *text = words->text + words->used;
    size_t length = stream_id_format(text, id);
    words->used += length;
    stream_word(words, bytes_make(text, length));
}

void stream_word_integer(struct stream_words *words, int64_t number) {
    char *text = words->text + words->used;
    size_t length = number_format_i64(text, number);
    words->used += length;
    stream_word(words, bytes_make(text, length));
}

static struct event event_of(const char *name) {
    return (struct event){name ? EVENT_STREAM : 0, name};
}

void stream_edited(struct call *call, struct spot *spot, const char *event,
                   const struct stream_words *words) {
    keyspace_edited(&call->view, spot, &(struct edit){event_of(event), words->argv, words->argc});
}

void stream_edited_as_called(struct call *call, struct spot *spot, const char *event) {
    keyspace_edited(&call->view, spot, &(struct edit){event_of(event), call->argv, call->argc});
}

/* Fixed words and numbers of a command on a group. */
#define TELL_WORDS 16

struct telling {
    struct bytes argv[TELL_WORDS];
    char text[TELL_WORDS * STREAM_WORD_MAX];
    struct stream_words words;
};

static struct stream_words *tell_begin(struct telling *telling, const struct spot *spot,
                                       const struct stream_group *group, const char *command,
                                       const char *subcommand) {
    telling->words = (struct stream_words){.argv = telling->argv, .text = telling->text};
    stream_word(&telling->words, bytes_of(command));
    if (subcommand) stream_word(&telling->words, bytes_of(subcommand));
    stream_word(&telling->words, spot->key->name);
    stream_word(&telling->words, stream_group_name(group));
    return &telling->words;
}

void stream_tell_claimed(struct call *call, struct spot *spot, struct stream_group *group,
                         const struct stream_pending *pending) {
    struct telling telling;
    struct stream_words *words = tell_begin(&telling, spot, group, "XCLAIM", NULL);
    stream_word(words, stream_consumer_name(pending->consumer));
    stream_word(words, BYTES("0"));
    stream_word_id(words, pending->id);
    stream_word(words, BYTES("TIME"));
    stream_word_integer(words, pending->delivered_ms);
    stream_word(words, BYTES("RETRYCOUNT"));
    stream_word_integer(words, (int64_t)pending->deliveries);
    stream_word(words, BYTES("FORCE"));
    stream_word(words, BYTES("JUSTID"));
    stream_word(words, BYTES("LASTID"));
    stream_word_id(words, group->last);
    stream_edited(call, spot, NULL, words);
}

void stream_tell_acknowledged(struct call *call, struct spot *spot, struct stream_group *group,
                              struct stream_id id) {
    struct telling telling;
    struct stream_words *words = tell_begin(&telling, spot, group, "XACK", NULL);
    stream_word_id(words, id);
    stream_edited(call, spot, NULL, words);
}

void stream_tell_progress(struct call *call, struct spot *spot, struct stream_group *group) {
    struct telling telling;
    struct stream_words *words = tell_begin(&telling, spot, group, "XGROUP", "SETID");
    stream_word_id(words, group->last);
    stream_word(words, BYTES("ENTRIESREAD"));
    stream_word_integer(words, group->entries_read);
    stream_edited(call, spot, NULL, words);
}

struct stream_consumer *stream_need_consumer(struct call *call, struct spot *spot,
                                             struct stream_group *group, struct bytes name) {
    struct stream_consumer *consumer = stream_consumer_find(group, name);
    if (consumer) return consumer;
    consumer = stream_consumer_create(group, name, call->view.now_ms);
    if (!consumer) return NULL;
    struct telling telling;
    struct stream_words *words = tell_begin(&telling, spot, group, "XGROUP", "CREATECONSUMER");
    stream_word(words, name);
    stream_edited(call, spot, "xgroup-createconsumer", words);
    return consumer;
}
