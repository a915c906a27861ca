/* SPDX-License-Identifier: BSD-3-Clause */
/* XGROUP: groups of consumers come and go. */
#include "base/ensure.h"
#include "cmd/stream.h"
#include "cmd/stream_common.h"

struct group_call {
    struct spot spot;
    struct stream *stream;
    struct stream_group *group; /* NULL: there is none */
    bool make_stream;
    int64_t entries_read;
};

/* CREATE and SETID: what is behind the ID. */
static bool parse_options(struct call *call, bool create, struct group_call *out) {
    out->entries_read = STREAM_UNKNOWN;
    for (unsigned i = 5; i < call->argc; i++) {
        bool more = i + 1 < call->argc;
        if (create && bytes_is(call->argv[i], "mkstream")) {
            out->make_stream = true;
        } else if (more && bytes_is(call->argv[i], "entriesread")) {
            if (!stream_parse_integer(call, call->argv[++i], &out->entries_read)) return false;
            if (out->entries_read >= STREAM_UNKNOWN) continue;
            reply_error(call->reply, "ERR value for ENTRIESREAD must be positive or -1");
            return false;
        } else {
            call_subcommand_error(call);
            return false;
        }
    }
    return true;
}

static bool look_up(struct call *call, struct group_call *out) {
    if (!stream_seek_key(call, &call->keys[0], &out->spot, &out->stream)) return false;
    if (out->stream) {
        out->group = stream_group_find(out->stream, call->argv[3]);
    } else if (!out->make_stream) {
        reply_error(call->reply, "ERR The XGROUP subcommand requires the key to exist. Note that "
                                 "for CREATE you may want to use the MKSTREAM option to create an "
                                 "empty stream automatically.");
        return false;
    }
    return true;
}

static bool need_group(struct call *call, const struct group_call *on) {
    if (on->group) return true;
    struct bytes key = call->argv[2], name = call->argv[3];
    reply_errorf(call->reply, "NOGROUP No such consumer group '%.*s' for key name '%.*s'",
                 (int)name.len, name.data, (int)key.len, key.data);
    return false;
}

/* "$" is the stream's last ID. */
static bool parse_last(struct call *call, const struct stream *stream, bool bounds,
                       struct stream_id *out) {
    struct bytes text = call->argv[4];
    *out = stream ? stream->last : STREAM_ID_MIN;
    if (text.len == 1 && text.data[0] == '$') return true;
    if (bounds && stream_id_parse_bound(text, 0, out)) return true;
    return stream_parse_id(call, text, out);
}

/* The command with the ID that "$" stood for. */
static bool group_words(struct call *call, struct stream_words *words, struct stream_id last,
                        const struct group_call *on) {
    if (!stream_words_begin(call, words, 8)) return false;
    for (unsigned i = 0; i < 4; i++)
        stream_word(words, call->argv[i]);
    stream_word_id(words, last);
    if (on->make_stream) stream_word(words, BYTES("MKSTREAM"));
    stream_word(words, BYTES("ENTRIESREAD"));
    stream_word_integer(words, on->entries_read);
    return true;
}

static bool put_new_stream(struct call *call, struct group_call *on, const struct edit *edit) {
    struct value value = {.type = TYPE_STREAM, .large = true, .object = on->stream};
    return keyspace_put(&call->view, &on->spot, &value, edit);
}

void stream_xgroup_create(struct call *call) {
    struct group_call on = {0};
    struct stream_words words;
    struct stream_id last;
    if (!parse_options(call, true, &on) || !look_up(call, &on)) return;
    if (call->argc > 8) {
        call_subcommand_error(call);
        return;
    }
    if (!parse_last(call, on.stream, false, &last)) return;
    if (on.group) {
        reply_error(call->reply, "BUSYGROUP Consumer Group name already exists");
        return;
    }
    if (!group_words(call, &words, last, &on)) return;
    bool created = !on.stream;
    if (created) on.stream = stream_create();
    if (on.stream) on.group = stream_group_create(on.stream, call->argv[3], last, on.entries_read);
    struct edit edit = {{EVENT_STREAM, "xgroup-create"}, words.argv, words.argc};
    if (!on.group || (created && !put_new_stream(call, &on, &edit))) {
        if (created) stream_free(on.stream);
        reply_no_memory(call->reply);
        return;
    }
    if (!created) keyspace_edited(&call->view, &on.spot, &edit);
    reply_ok(call->reply);
}

void stream_xgroup_setid(struct call *call) {
    struct group_call on = {0};
    struct stream_words words;
    struct stream_id last;
    if (!parse_options(call, false, &on) || !look_up(call, &on) || !need_group(call, &on)) return;
    if (call->argc != 5 && call->argc != 7) {
        call_subcommand_error(call);
        return;
    }
    if (!parse_last(call, on.stream, true, &last)) return;
    if (!group_words(call, &words, last, &on)) return;
    on.group->last = last;
    on.group->entries_read = on.entries_read;
    stream_edited(call, &on.spot, "xgroup-setid", &words);
    reply_ok(call->reply);
}

void stream_xgroup_destroy(struct call *call) {
    struct group_call on = {0};
    if (!look_up(call, &on)) return;
    if (on.group) {
        stream_group_remove(on.stream, on.group);
        stream_edited_as_called(call, &on.spot, "xgroup-destroy");
    }
    reply_integer(call->reply, on.group != NULL);
}

void stream_xgroup_createconsumer(struct call *call) {
    struct group_call on = {0};
    if (!look_up(call, &on) || !need_group(call, &on)) return;
    bool there = stream_consumer_find(on.group, call->argv[4]) != NULL;
    if (stream_need_consumer(call, &on.spot, on.group, call->argv[4]))
        reply_integer(call->reply, !there);
    else
        reply_no_memory(call->reply);
}

void stream_xgroup_delconsumer(struct call *call) {
    struct group_call on = {0};
    if (!look_up(call, &on) || !need_group(call, &on)) return;
    struct stream_consumer *consumer = stream_consumer_find(on.group, call->argv[4]);
    int64_t pending = consumer ? (int64_t)consumer->pending.count : 0;
    if (consumer) {
        stream_consumer_remove(on.group, consumer);
        stream_edited_as_called(call, &on.spot, "xgroup-delconsumer");
    }
    reply_integer(call->reply, pending);
}

void stream_xgroup_help(struct call *call) {
    static const char *const lines[] = {
        "CREATE <key> <groupname> <id|$> [option]",
        "    Create a new consumer group. Options are:",
        "    * MKSTREAM",
        "      Create the empty stream if it does not exist.",
        "    * ENTRIESREAD entries_read",
        "      Set the group's entries_read counter (internal use).",
        "CREATECONSUMER <key> <groupname> <consumer>",
        "    Create a new consumer in the specified group.",
        "DELCONSUMER <key> <groupname> <consumer>",
        "    Remove the specified consumer.",
        "DESTROY <key> <groupname>",
        "    Remove the specified group.",
        "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
        "    Set the current group ID and entries_read counter.",
        NULL,
    };
    call_help(call, lines);
}
