/* SPDX-License-Identifier: BSD-3-Clause */
/* Adding entries to streams and removing them. */
#include "cmd/stream.h"
#include "base/ensure.h"
#include "cmd/stream_common.h"

/* ---- XADD ---- */

/* False: there is none that is behind all others. */
static bool choose_id(const struct call *call, const struct stream *stream,
                      const struct stream_options *options, struct stream_id *id) {
    struct stream_id last = stream ? stream->last : STREAM_ID_MIN;
    if (options->id_given) {
        *id = options->id;
        bool count_on = options->any_sequence && id->ms == last.ms;
        if (count_on && last.seq == UINT64_MAX) return false;
        if (count_on) id->seq = last.seq + 1;
    } else {
        *id = (struct stream_id){(uint64_t)call->view.now_ms, 0};
        if (id->ms <= last.ms) {
            *id = last;
            stream_id_increment(id);
        }
    }
    return stream_id_compare(*id, last) > 0;
}

static bool append(struct call *call, struct stream *stream, struct stream_id id, unsigned fields) {
    switch (stream_append(stream, id,
                          (struct stream_fields){&call->argv[fields], (call->argc - fields) / 2})) {
    case STREAM_DONE: return true;
    case STREAM_TOO_LARGE:
        reply_error(call->reply, "ERR Elements are too large to be stored");
        return false;
    default: reply_no_memory(call->reply); return false;
    }
}

static void add(struct call *call, struct spot *spot, struct stream *stream, struct stream_id id,
                const struct stream_options *options) {
    struct stream_words words;
    unsigned fields = options->end + 1;
    bool created = !stream;
    if (!stream_words_begin(call, &words, call->argc + 1 + STREAM_TRIM_WORDS)) return;
    if (created && !(stream = stream_create())) {
        reply_no_memory(call->reply);
        return;
    }
    if (!append(call, stream, id, fields)) {
        if (created) stream_free(stream);
        return;
    }
    stream_word(&words, BYTES("XADD"));
    stream_word(&words, call->argv[1]);
    uint64_t trimmed = stream_trim_by(stream, options, &words);
    stream_word_id(&words, id);
    for (unsigned i = fields; i < call->argc; i++)
        stream_word(&words, call->argv[i]);
    struct edit edit = {{EVENT_STREAM, "xadd"}, words.argv, words.argc};
    struct value value = {.type = TYPE_STREAM, .large = true, .object = stream};
    if (!created) {
        keyspace_edited(&call->view, spot, &edit);
    } else if (!keyspace_put(&call->view, spot, &value, &edit)) {
        stream_free(stream);
        reply_no_memory(call->reply);
        return;
    }
    if (trimmed) keyspace_notify(&call->view, spot->key, (struct event){EVENT_STREAM, "xtrim"});
    stream_reply_id(call->reply, id);
}

void stream_xadd(struct call *call) {
    struct stream_options options;
    struct spot spot;
    struct stream *stream;
    struct stream_id id;
    if (!stream_parse_options(call, true, &options)) return;
    unsigned fields = options.end + 1;
    if (call->argc < fields + 2 || (call->argc - fields) % 2) {
        call_arity_error(call);
        return;
    }
    if (options.id_given && !options.any_sequence && stream_id_is_zero(options.id)) {
        reply_error(call->reply, "ERR The ID specified in XADD must be greater than 0-0");
        return;
    }
    if (!stream_seek_key(call, &call->keys[0], &spot, &stream)) return;
    if (!stream && options.no_create)
        reply_null(call->reply);
    else if (stream && stream_id_compare(stream->last, STREAM_ID_MAX) == 0)
        reply_error(call->reply, "ERR The stream has exhausted the last possible ID, unable to add "
                                 "more items");
    else if (!choose_id(call, stream, &options, &id))
        reply_error(call->reply, "ERR The ID specified in XADD is equal or smaller than the target "
                                 "stream top item");
    else
        add(call, &spot, stream, id, &options);
}

/* ---- the rest ---- */

void stream_xlen(struct call *call) {
    struct stream *stream;
    if (stream_read(call, &call->keys[0], &stream))
        reply_integer(call->reply, stream ? (int64_t)stream->length : 0);
}

void stream_xdel(struct call *call) {
    struct spot spot;
    struct stream *stream;
    if (!stream_seek_key(call, &call->keys[0], &spot, &stream)) return;
    if (!stream) {
        reply_integer(call->reply, 0);
        return;
    }
    unsigned count = call->argc - 2, deleted = 0;
    const struct stream_id *ids = stream_parse_ids(call, 2, count);
    if (!ids) return;
    bool failed = false;
    for (unsigned i = 0; i < count && !failed; i++) {
        enum stream_outcome outcome = stream_delete(stream, ids[i]);
        deleted += outcome == STREAM_DONE;
        failed = outcome == STREAM_NO_MEMORY;
    }
    if (deleted) stream_edited_as_called(call, &spot, "xdel");
    if (failed)
        reply_no_memory(call->reply);
    else
        reply_integer(call->reply, deleted);
}

void stream_xtrim(struct call *call) {
    struct stream_options options;
    struct stream_words words;
    struct spot spot;
    struct stream *stream;
    if (!stream_parse_options(call, false, &options)) return;
    if (!stream_seek_key(call, &call->keys[0], &spot, &stream)) return;
    if (!stream_words_begin(call, &words, 2 + STREAM_TRIM_WORDS)) return;
    stream_word(&words, BYTES("XTRIM"));
    stream_word(&words, call->argv[1]);
    uint64_t trimmed = stream ? stream_trim_by(stream, &options, &words) : 0;
    if (trimmed) stream_edited(call, &spot, "xtrim", &words);
    reply_integer(call->reply, (int64_t)trimmed);
}

/* ---- XSETID ---- */

struct setting {
    struct stream_id last, max_deleted;
    int64_t added; /* -1: not given */
};

static bool parse_setting(struct call *call, struct setting *out) {
    *out = (struct setting){.added = -1};
    if (!stream_parse_id(call, call->argv[2], &out->last)) return false;
    for (unsigned i = 3; i < call->argc; i += 2) {
        bool more = i + 1 < call->argc;
        if (more && bytes_is(call->argv[i], "entriesadded")) {
            if (!stream_parse_integer(call, call->argv[i + 1], &out->added)) return false;
            if (out->added >= 0) continue;
            reply_error(call->reply, "ERR entries_added must be positive");
        } else if (more && bytes_is(call->argv[i], "maxdeletedid")) {
            if (!stream_parse_id(call, call->argv[i + 1], &out->max_deleted)) return false;
            if (stream_id_compare(out->last, out->max_deleted) >= 0) continue;
            reply_error(call->reply, "ERR The ID specified in XSETID is smaller than the provided "
                                     "max_deleted_entry_id");
        } else {
            reply_syntax_error(call->reply);
        }
        return false;
    }
    return true;
}

/* Why that may not be; NULL: it may. */
static const char *setting_fault(struct stream *stream, const struct setting *setting) {
    if (stream_id_compare(setting->last, stream->max_deleted) < 0)
        return "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id";
    if (stream->length == 0) return NULL;
    if (stream_id_compare(setting->last, stream_last_place(stream)) < 0)
        return "ERR The ID specified in XSETID is smaller than the target stream top item";
    if (setting->added >= 0 && stream->length > (uint64_t)setting->added)
        return "ERR The entries_added specified in XSETID is smaller than the target stream length";
    return NULL;
}

void stream_xsetid(struct call *call) {
    struct setting setting;
    struct spot spot;
    struct stream *stream;
    if (!parse_setting(call, &setting)) return;
    if (!stream_seek_key(call, &call->keys[0], &spot, &stream)) return;
    if (!stream) {
        reply_no_such_key(call->reply);
        return;
    }
    const char *fault = setting_fault(stream, &setting);
    if (fault) {
        reply_error(call->reply, fault);
        return;
    }
    bool deleted = !stream_id_is_zero(setting.max_deleted);
    stream_set(stream, setting.last, deleted ? setting.max_deleted : stream->max_deleted,
               setting.added >= 0 ? (uint64_t)setting.added : stream->added);
    stream_edited_as_called(call, &spot, "xsetid");
    reply_ok(call->reply);
}
