/* SPDX-License-Identifier: BSD-3-Clause */
/* The fields of a hash, named one by one or all of them. */
#include "cmd/hash.h"
#include "base/ensure.h"
#include "cmd/shared_hash.h"
#include "cmd/shared_scan.h"

/* ---- reading fields ---- */

static void reply_field(struct call *call, const struct value *hash, struct bytes field) {
    struct hash_item item;
    if (hash && hash_get(hash, field, call->view.now_ms, &item))
        reply_bulk(call->reply, item.value);
    else
        reply_null(call->reply);
}

void hash_hget(struct call *call) {
    struct value hash;
    bool exists;
    if (hash_read(call, &hash, &exists)) reply_field(call, exists ? &hash : NULL, call->argv[2]);
}

void hash_hmget(struct call *call) {
    struct value hash;
    bool exists;
    if (!hash_read(call, &hash, &exists)) return;
    reply_array(call->reply, call->argc - 2);
    for (unsigned i = 2; i < call->argc; i++)
        reply_field(call, exists ? &hash : NULL, call->argv[i]);
}

void hash_hexists(struct call *call) {
    struct value hash;
    struct hash_item item;
    bool exists;
    if (!hash_read(call, &hash, &exists)) return;
    reply_integer(call->reply, exists && hash_get(&hash, call->argv[2], call->view.now_ms, &item));
}

void hash_hstrlen(struct call *call) {
    struct value hash;
    struct hash_item item;
    bool exists;
    if (!hash_read(call, &hash, &exists)) return;
    bool found = exists && hash_get(&hash, call->argv[2], call->view.now_ms, &item);
    reply_integer(call->reply, found ? (int64_t)item.value.len : 0);
}

void hash_hlen(struct call *call) {
    struct value hash;
    bool exists;
    if (hash_read(call, &hash, &exists))
        reply_integer(call->reply, exists ? (int64_t)hash_length(&hash) : 0);
}

/* ---- reading all ---- */

static bool reply_name(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    (void)value, (void)deadline;
    reply_bulk(context, field);
    return true;
}

static bool reply_value(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    (void)field, (void)deadline;
    reply_bulk(context, value);
    return true;
}

static bool reply_both(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    (void)deadline;
    reply_bulk(context, field);
    reply_bulk(context, value);
    return true;
}

enum shown { SHOWN_NAMES, SHOWN_VALUES, SHOWN_BOTH };

static hash_visitor *const visitors[] = {reply_name, reply_value, reply_both};

static bool reply_fields(struct stream_source *source, struct reply *reply) {
    size_t start = reply->out->len;
    do
        source->next = hash_scan(&source->value, source->next, 1, source->now_ms,
                                 visitors[source->options], reply);
    while (source->next && !stream_has_piece(reply, start));
    return source->next != 0;
}

static void reply_all(struct call *call, void (*head)(struct reply *, size_t), enum shown shown) {
    struct value hash;
    bool exists;
    int64_t now_ms = call->view.now_ms;
    if (!hash_read(call, &hash, &exists)) return;
    head(call->reply, exists ? hash_count_alive(&hash, now_ms) : 0);
    if (!exists) return;
    struct stream_source source = {.produce = reply_fields,
                                   .value = hash,
                                   .left = hash_length(&hash),
                                   .now_ms = now_ms,
                                   .options = shown};
    if (!collection_stream(call, &source)) hash_each(&hash, now_ms, visitors[shown], call->reply);
}

void hash_hgetall(struct call *call) {
    reply_all(call, reply_map, SHOWN_BOTH);
}

void hash_hkeys(struct call *call) {
    reply_all(call, reply_array, SHOWN_NAMES);
}

void hash_hvals(struct call *call) {
    reply_all(call, reply_array, SHOWN_VALUES);
}

/* ---- HSCAN ---- */

struct scanning {
    struct scan_options options;
    struct scan_output output;
};

static bool scan_field(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    (void)deadline;
    struct scanning *scanning = context;
    if (!scan_matches(&scanning->options, field)) return true;
    reply_bulk(&scanning->output.elements, field);
    if (!scanning->options.names_only) reply_bulk(&scanning->output.elements, value);
    scanning->output.count += scanning->options.names_only ? 1 : 2;
    return true;
}

void hash_hscan(struct call *call) {
    struct scanning scanning;
    struct value hash;
    uint64_t cursor;
    bool exists;
    if (!scan_parse_cursor(call, call->argv[2], &cursor)) return;
    if (!hash_read(call, &hash, &exists)) return;
    if (exists && !scan_parse_options(call, "novalues", &scanning.options)) return;
    scan_output_begin(call, &scanning.output);
    cursor = !exists ? 0
                     : hash_scan(&hash, cursor, scanning.options.count, call->view.now_ms,
                                 scan_field, &scanning);
    scan_output_end(call, &scanning.output, cursor);
}

/* ---- changes ---- */

bool hash_seek(struct call *call, struct spot *spot, struct hash_edit *edit) {
    if (!collection_seek(call, &call->keys[0], TYPE_HASH, spot)) return false;
    struct value old;
    if (spot->entry) old = entry_value(spot->entry);
    hash_edit_begin(edit, spot->entry ? &old : NULL, collection_scratch(), call->view.now_ms);
    return true;
}

bool hash_store(struct call *call, struct spot *spot, struct hash_edit *edit, const char *event,
                const struct bytes *argv, unsigned argc) {
    struct event what = {EVENT_HASH, event};
    if (UNLIKELY(hash_length(&edit->value) == 0)) {
        hash_edit_drop(edit);
        if (!spot->entry) return true;
        keyspace_notify(&call->view, spot->key, what);
        keyspace_remove(&call->view, spot, (struct event){EVENT_GENERIC, "del"});
        return true;
    }
    if (UNLIKELY(edit->revived)) hash_notify(call, "hexpired");
    if (LIKELY(hash_edit_end(edit) &&
               keyspace_put(&call->view, spot, &edit->value, &(struct edit){what, argv, argc})))
        return true;
    hash_edit_drop(edit);
    return false;
}

bool hash_store_fields(struct call *call, struct spot *spot, struct hash_edit *edit,
                       const char *event, const char *command, const struct hash_fields *fields) {
    struct bytes *argv = collection_argv(fields->count + 2);
    if (!argv) return false;
    argv[0] = bytes_of(command);
    argv[1] = spot->key->name;
    for (unsigned i = 0; i < fields->count; i++)
        argv[i + 2] = call->argv[fields->first + i];
    return hash_store(call, spot, edit, event, argv, fields->count + 2);
}

/* Sets the pairs from argv[2] on; *added is how many fields are new. False: it has been answered
 * that this cannot be. */
static bool set_pairs(struct call *call, int64_t *added) {
    struct spot spot;
    struct hash_edit edit;
    if (call->argc % 2) {
        call_arity_error(call);
        return false;
    }
    if (!hash_seek(call, &spot, &edit)) return false;
    size_t longest = 0;
    for (unsigned i = 2; i < call->argc; i++)
        longest = MAX(longest, call->argv[i].len);
    hash_edit_expect(&edit, (call->argc - 2) / 2, longest);
    enum hash_outcome outcome = HASH_ADDED;
    unsigned i = 2;
    for (*added = 0; i < call->argc; i += 2) {
        outcome = hash_set(&edit, call->argv[i], call->argv[i + 1], HASH_STAYS);
        if (outcome == HASH_NO_MEMORY) break;
        *added += outcome == HASH_ADDED;
    }
    /* What has been set before memory ran out stays. */
    bool done = i == 2 || hash_store(call, &spot, &edit, "hset", call->argv, i);
    if (i == 2) hash_edit_drop(&edit);
    if (done && outcome != HASH_NO_MEMORY) return true;
    reply_no_memory(call->reply);
    return false;
}

void hash_hset(struct call *call) {
    int64_t added;
    if (set_pairs(call, &added)) reply_integer(call->reply, added);
}

void hash_hmset(struct call *call) {
    int64_t added;
    if (set_pairs(call, &added)) reply_ok(call->reply);
}

void hash_hsetnx(struct call *call) {
    struct spot spot;
    struct hash_edit edit;
    struct hash_item item;
    struct bytes field = call->argv[2], value = call->argv[3];
    if (!hash_seek(call, &spot, &edit)) return;
    if (hash_get(&edit.value, field, edit.now_ms, &item)) {
        reply_integer(call->reply, 0);
        return;
    }
    const struct bytes argv[] = {BYTES("HSET"), spot.key->name, field, value};
    bool done = hash_set(&edit, field, value, HASH_STAYS) != HASH_NO_MEMORY &&
                hash_store(call, &spot, &edit, "hset", argv, ARRAY_LEN(argv));
    if (done)
        reply_integer(call->reply, 1);
    else
        reply_no_memory(call->reply);
}

void hash_hdel(struct call *call) {
    struct spot spot;
    struct hash_edit edit;
    if (!hash_seek(call, &spot, &edit)) return;
    int64_t removed = 0;
    bool failed = false;
    for (unsigned i = 2; i < call->argc && !failed && hash_length(&edit.value); i++) {
        enum hash_outcome outcome = hash_remove(&edit, call->argv[i]);
        removed += outcome == HASH_CHANGED;
        failed = outcome == HASH_NO_MEMORY;
    }
    if (removed && !failed)
        failed = !hash_store(call, &spot, &edit, "hdel", call->argv, call->argc);
    if (failed)
        reply_no_memory(call->reply);
    else
        reply_integer(call->reply, removed);
}
