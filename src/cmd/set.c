/* SPDX-License-Identifier: BSD-3-Clause */
/* The members of one set, named one by one or all of them. */
#include "cmd/set.h"
#include "base/ensure.h"
#include "cmd/shared_scan.h"
#include "cmd/shared_set.h"

static bool read_set(struct call *call, struct value *set, bool *exists) {
    return collection_read(call, &call->keys[0], TYPE_SET, set, exists);
}

void set_scard(struct call *call) {
    struct value set;
    bool exists;
    if (read_set(call, &set, &exists))
        reply_integer(call->reply, exists ? (int64_t)set_length(&set) : 0);
}

void set_sismember(struct call *call) {
    struct value set;
    bool exists;
    if (read_set(call, &set, &exists))
        reply_integer(call->reply, exists && set_has(&set, call->argv[2]));
}

void set_smismember(struct call *call) {
    struct value set;
    bool exists;
    if (!read_set(call, &set, &exists)) return;
    reply_array(call->reply, call->argc - 2);
    for (unsigned i = 2; i < call->argc; i++)
        reply_integer(call->reply, exists && set_has(&set, call->argv[i]));
}

static bool reply_member(void *context, struct bytes member) {
    reply_bulk(context, member);
    return true;
}

static bool reply_members(struct stream_source *source, struct reply *reply) {
    size_t start = reply->out->len;
    do
        source->next = set_scan(&source->value, source->next, 1, reply_member, reply);
    while (source->next && !stream_has_piece(reply, start));
    return source->next != 0;
}

void set_smembers(struct call *call) {
    struct value set;
    bool exists;
    if (!read_set(call, &set, &exists)) return;
    reply_set(call->reply, exists ? set_length(&set) : 0);
    if (!exists) return;
    struct stream_source source = {
        .produce = reply_members, .value = set, .left = set_length(&set)};
    if (!collection_stream(call, &source)) set_each(&set, reply_member, call->reply);
}

/* ---- SSCAN ---- */

struct scanning {
    struct scan_options options;
    struct scan_output output;
};

static bool scan_member(void *context, struct bytes member) {
    struct scanning *scanning = context;
    if (!scan_matches(&scanning->options, member)) return true;
    reply_bulk(&scanning->output.elements, member);
    scanning->output.count++;
    return true;
}

void set_sscan(struct call *call) {
    struct scanning scanning;
    struct value set;
    uint64_t cursor;
    bool exists;
    if (!scan_parse_cursor(call, call->argv[2], &cursor)) return;
    if (!read_set(call, &set, &exists)) return;
    if (exists && !scan_parse_options(call, NULL, &scanning.options)) return;
    scan_output_begin(call, &scanning.output);
    cursor = exists ? set_scan(&set, cursor, scanning.options.count, scan_member, &scanning) : 0;
    scan_output_end(call, &scanning.output, cursor);
}

/* ---- changes ---- */

bool set_store(struct call *call, struct spot *spot, struct set_edit *edit, const char *event,
               const struct bytes *argv, unsigned argc) {
    struct event what = {event ? EVENT_SET : 0, event};
    if (UNLIKELY(set_length(&edit->value) == 0)) {
        set_edit_drop(edit);
        keyspace_notify(&call->view, spot->key, what);
        keyspace_remove(&call->view, spot, (struct event){EVENT_GENERIC, "del"});
        return true;
    }
    if (LIKELY(keyspace_put(&call->view, spot, &edit->value, &(struct edit){what, argv, argc})))
        return true;
    set_edit_drop(edit);
    return false;
}

static bool begin_adding(struct call *call, const struct spot *spot, struct set_edit *edit) {
    uint64_t expected = call->argc - 2;
    if (!spot->entry) {
        enum set_form form = set_form_new(call->argv[2], expected);
        set_edit_begin_new(edit, form, collection_scratch());
        return true;
    }
    struct value old = entry_value(spot->entry);
    set_edit_begin(edit, &old, collection_scratch());
    return set_edit_expect(edit, expected);
}

void set_sadd(struct call *call) {
    struct spot spot;
    struct set_edit edit;
    if (!collection_seek(call, &call->keys[0], TYPE_SET, &spot)) return;
    int64_t added = 0;
    unsigned i = 2;
    bool failed = !begin_adding(call, &spot, &edit);
    for (; i < call->argc && !failed; i++) {
        enum set_outcome outcome = set_add(&edit, call->argv[i]);
        added += outcome == SET_DONE;
        failed = outcome == SET_NO_MEMORY;
    }
    /* What has been added before memory ran out stays. A set may be another kind for it alone that
     * more was to be added than its own can have. */
    bool renamed = !added && spot.entry && edit.value.form != entry_value(spot.entry).form;
    const char *event = added ? "sadd" : NULL;
    if (!added && !renamed)
        set_edit_drop(&edit);
    else if (!set_store(call, &spot, &edit, event, call->argv, i))
        failed = true;
    if (failed)
        reply_no_memory(call->reply);
    else
        reply_integer(call->reply, added);
}

void set_srem(struct call *call) {
    struct spot spot;
    if (!collection_seek(call, &call->keys[0], TYPE_SET, &spot)) return;
    int64_t removed = 0;
    bool failed = false;
    if (spot.entry) {
        struct set_edit edit;
        struct value old = entry_value(spot.entry);
        set_edit_begin(&edit, &old, collection_scratch());
        for (unsigned i = 2; i < call->argc && !failed && set_length(&edit.value); i++) {
            enum set_outcome outcome = set_remove(&edit, call->argv[i]);
            removed += outcome == SET_DONE;
            failed = outcome == SET_NO_MEMORY;
        }
        if (removed && !failed)
            failed = !set_store(call, &spot, &edit, "srem", call->argv, call->argc);
    }
    if (failed)
        reply_no_memory(call->reply);
    else
        reply_integer(call->reply, removed);
}

/* ---- SMOVE ---- */

/* Adds a member to the set at the key or takes it out of it. */
static enum set_outcome change_one(struct call *call, const struct key *key, struct bytes member,
                                   bool add) {
    struct spot spot;
    struct set_edit edit;
    if (keyspace_seek(&call->view, key, &spot)) {
        struct value old = entry_value(spot.entry);
        set_edit_begin(&edit, &old, collection_scratch());
    } else {
        set_edit_begin_new(&edit, set_form_new(member, 1), collection_scratch());
    }
    enum set_outcome outcome = add ? set_add(&edit, member) : set_remove(&edit, member);
    if (outcome != SET_DONE) return outcome;
    const char *event = add ? "sadd" : "srem";
    const struct bytes argv[] = {add ? BYTES("SADD") : BYTES("SREM"), key->name, member};
    return set_store(call, &spot, &edit, event, argv, ARRAY_LEN(argv)) ? SET_DONE : SET_NO_MEMORY;
}

void set_smove(struct call *call) {
    const struct key *from = &call->keys[0], *to = &call->keys[1];
    struct bytes member = call->argv[3];
    struct spot source, target;
    if (!collection_seek(call, from, TYPE_SET, &source)) return;
    if (!source.entry) {
        reply_integer(call->reply, 0);
        return;
    }
    if (!collection_seek(call, to, TYPE_SET, &target)) return;
    struct value set = entry_value(source.entry);
    bool has = set_has(&set, member);
    if (!has || bytes_equal(from->name, to->name)) {
        reply_integer(call->reply, has);
        return;
    }
    enum set_outcome removed = change_one(call, from, member, false);
    bool moved = removed == SET_DONE && change_one(call, to, member, true) != SET_NO_MEMORY;
    if (removed == SET_DONE && !moved) change_one(call, from, member, true);
    if (moved)
        reply_integer(call->reply, 1);
    else
        reply_no_memory(call->reply);
}
