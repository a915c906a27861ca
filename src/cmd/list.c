/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists: what happens at their ends, and reading. */
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/list_common.h"

/* ---- for the family ---- */

bool list_begin(struct call *call, const struct key *key, struct spot *spot,
                struct list_edit *edit) {
    struct value value;
    if (!collection_seek(call, key, TYPE_LIST, spot)) return false;
    if (spot->entry) value = entry_value(spot->entry);
    if (list_edit_begin(edit, spot->entry ? &value : NULL, collection_scratch())) return true;
    reply_no_memory(call->reply);
    return false;
}

void list_give_up(struct call *call, struct list_edit *edit) {
    list_edit_drop(edit);
    reply_no_memory(call->reply);
}

void list_remove_all(struct call *call, struct spot *spot, const char *event) {
    keyspace_notify(&call->view, spot->key, (struct event){EVENT_LIST, event});
    keyspace_remove(&call->view, spot, (struct event){EVENT_GENERIC, "del"});
}

bool list_store(struct call *call, struct spot *spot, struct list_edit *edit, const char *event,
                const struct bytes *argv, unsigned argc) {
    if (UNLIKELY(list_edit_length(edit) == 0)) {
        list_edit_drop(edit);
        list_remove_all(call, spot, event);
        return true;
    }
    struct edit what = {.event = {EVENT_LIST, event}, .argv = argv, .argc = argc};
    struct value value = list_edit_value(edit);
    if (LIKELY(keyspace_put(&call->view, spot, &value, &what))) return true;
    list_give_up(call, edit);
    return false;
}

void list_keep_encoding(const struct spot *spot, struct list_edit *edit) {
    if (edit->made && list_edit_is_quicklist(edit)) spot->entry->head |= 1u << ENTRY_FORM_SHIFT;
    list_edit_drop(edit);
}

bool list_parse_index(struct call *call, unsigned argument, int64_t *out) {
    if (LIKELY(number_parse_i64(call->argv[argument], out))) return true;
    reply_not_integer(call->reply);
    return false;
}

bool list_parse_range(struct call *call, unsigned argument, int64_t *out) {
    if (!list_parse_index(call, argument, out)) return false;
    if (*out != INT64_MIN) return true;
    reply_errorf(call->reply, "ERR value is out of range, value must between %lld and %lld",
                 -(long long)INT64_MAX, (long long)INT64_MAX);
    return false;
}

bool list_parse_end(struct call *call, unsigned argument, enum list_end *out) {
    bool left = bytes_is(call->argv[argument], "left");
    if (!left && !bytes_is(call->argv[argument], "right")) {
        reply_syntax_error(call->reply);
        return false;
    }
    *out = left ? LIST_LEFT : LIST_RIGHT;
    return true;
}

/* ---- answering elements ---- */

static void reply_item(struct reply *reply, const struct list_cursor *cursor) {
    struct pack_item item = list_item(cursor);
    if (item.integer)
        reply_bulk_integer(reply, item.number);
    else
        reply_bulk(reply, item.text);
}

/* Answers `count` elements from `start` on, which are there, as an array. `backwards`: `start` and
 * those before it. */
static void reply_range(struct call *call, const struct value *value, uint64_t start,
                        uint64_t count, bool backwards) {
    struct list_cursor cursor;
    struct reply *reply = call->reply;
    collection_expect(call, value, count);
    reply_array(reply, count);
    if (count == 0) return;
    list_seek(value, start, &cursor);
    reply_item(reply, &cursor);
    while (--count > 0) {
        if (backwards)
            list_prev(&cursor);
        else
            list_next(&cursor);
        reply_item(reply, &cursor);
    }
}

/* ---- pushing ---- */

static bool push_all(struct call *call, struct list_edit *edit, enum list_end end) {
    size_t bytes = 0, longest = 0;
    for (unsigned i = 2; i < call->argc; i++) {
        bytes += call->argv[i].len;
        longest = MAX(longest, call->argv[i].len);
    }
    if (!list_edit_prepare(edit, call->argc - 2, bytes, longest)) return false;
    for (unsigned i = 2; i < call->argc; i++) {
        if (LIKELY(list_edit_push(edit, end, call->argv[i]))) continue;
        list_edit_drop_end(edit, end, i - 2);
        return false;
    }
    return true;
}

static void push(struct call *call, enum list_end end, bool only_existing) {
    struct spot spot;
    struct list_edit edit;
    if (!list_begin(call, &call->keys[0], &spot, &edit)) return;
    if (only_existing && !spot.entry) {
        reply_integer(call->reply, 0);
        return;
    }
    if (UNLIKELY(!push_all(call, &edit, end))) {
        list_give_up(call, &edit);
        return;
    }
    const char *event = end == LIST_LEFT ? "lpush" : "rpush";
    uint64_t length = list_edit_length(&edit);
    if (list_store(call, &spot, &edit, event, call->argv, call->argc))
        reply_integer(call->reply, (int64_t)length);
}

void list_lpush(struct call *call) {
    push(call, LIST_LEFT, false);
}

void list_rpush(struct call *call) {
    push(call, LIST_RIGHT, false);
}

void list_lpushx(struct call *call) {
    push(call, LIST_LEFT, true);
}

void list_rpushx(struct call *call) {
    push(call, LIST_RIGHT, true);
}

/* ---- popping ---- */

/* Removes elements from the end, which have been answered from the offset `answered` on. */
static void drop(struct call *call, struct spot *spot, enum list_end end, uint64_t count,
                 size_t answered) {
    const char *event = end == LIST_LEFT ? "lpop" : "rpop";
    struct value value = entry_value(spot->entry);
    if (count == list_length(&value)) {
        list_remove_all(call, spot, event);
        return;
    }
    char digits[NUMBER_I64_MAX];
    struct bytes number = {digits, number_format_i64(digits, (int64_t)count)};
    struct bytes argv[] = {end == LIST_LEFT ? BYTES("LPOP") : BYTES("RPOP"), spot->key->name,
                           number};
    struct list_edit edit;
    if (UNLIKELY(!list_edit_begin(&edit, &value, collection_scratch()))) {
        collection_reply_no_memory(call, answered);
        return;
    }
    list_edit_drop_end(&edit, end, count);
    list_edit_shrink(&edit);
    struct edit what = {.event = {EVENT_LIST, event}, .argv = argv, .argc = count == 1 ? 2 : 3};
    value = list_edit_value(&edit);
    if (LIKELY(keyspace_put(&call->view, spot, &value, &what))) return;
    list_edit_drop(&edit);
    collection_reply_no_memory(call, answered);
}

static void pop_one(struct call *call, struct spot *spot, enum list_end end, size_t answered) {
    struct value value = entry_value(spot->entry);
    struct list_cursor cursor;
    list_seek(&value, end == LIST_LEFT ? 0 : list_length(&value) - 1, &cursor);
    reply_item(call->reply, &cursor);
    drop(call, spot, end, 1, answered);
}

static void pop_many(struct call *call, struct spot *spot, enum list_end end, uint64_t count,
                     size_t answered) {
    struct value value = entry_value(spot->entry);
    uint64_t length = list_length(&value);
    count = MIN(count, length);
    reply_range(call, &value, end == LIST_LEFT ? 0 : length - 1, count, end == LIST_RIGHT);
    drop(call, spot, end, count, answered);
}

static bool parse_pop_count(struct call *call, int64_t *count) {
    if (call->argc > 3) {
        call_arity_error(call);
        return false;
    }
    if (number_parse_i64(call->argv[2], count) && *count >= 0) return true;
    reply_error(call->reply, "ERR value is out of range, must be positive");
    return false;
}

static void pop(struct call *call, enum list_end end) {
    struct spot spot;
    int64_t count = 1;
    bool counted = call->argc > 2;
    if (counted && !parse_pop_count(call, &count)) return;
    if (!collection_seek(call, &call->keys[0], TYPE_LIST, &spot)) return;
    if (!counted && spot.entry)
        pop_one(call, &spot, end, call->reply->out->len);
    else if (!counted)
        reply_null(call->reply);
    else if (!spot.entry)
        reply_null_array(call->reply);
    else if (count == 0)
        reply_array(call->reply, 0);
    else
        pop_many(call, &spot, end, (uint64_t)count, call->reply->out->len);
}

void list_lpop(struct call *call) {
    pop(call, LIST_LEFT);
}

void list_rpop(struct call *call) {
    pop(call, LIST_RIGHT);
}

/* The first of the keys that is a list. True: found, or answered (*found is NULL). */
static bool first_list(struct call *call, struct spot *spot, const struct key **found) {
    *found = NULL;
    for (unsigned i = 0; i < call->key_count; i++) {
        if (!collection_seek(call, &call->keys[i], TYPE_LIST, spot)) return true;
        if (!spot->entry) continue;
        *found = &call->keys[i];
        return true;
    }
    return false;
}

bool list_pop_first(struct call *call, enum list_end end) {
    struct spot spot;
    const struct key *key;
    if (!first_list(call, &spot, &key)) return false;
    if (!key) return true;
    size_t answered = call->reply->out->len;
    reply_array(call->reply, 2);
    reply_bulk(call->reply, key->name);
    pop_one(call, &spot, end, answered);
    return true;
}

bool list_mpop_first(struct call *call, const struct list_mpop *how) {
    struct spot spot;
    const struct key *key;
    if (!first_list(call, &spot, &key)) return false;
    if (!key) return true;
    size_t answered = call->reply->out->len;
    reply_array(call->reply, 2);
    reply_bulk(call->reply, key->name);
    pop_many(call, &spot, how->end, how->count, answered);
    return true;
}

/* ---- reading ---- */

void list_llen(struct call *call) {
    struct value value;
    bool exists;
    if (!collection_read(call, &call->keys[0], TYPE_LIST, &value, &exists)) return;
    reply_integer(call->reply, exists ? (int64_t)list_length(&value) : 0);
}

void list_lindex(struct call *call) {
    struct value value;
    bool exists;
    int64_t index;
    if (!collection_read(call, &call->keys[0], TYPE_LIST, &value, &exists)) return;
    if (!exists) {
        reply_null(call->reply);
        return;
    }
    if (!list_parse_index(call, 2, &index)) return;
    int64_t length = (int64_t)list_length(&value);
    if (index < 0) index += length;
    if (index < 0 || index >= length) {
        reply_null(call->reply);
        return;
    }
    struct list_cursor cursor;
    list_seek(&value, (uint64_t)index, &cursor);
    reply_item(call->reply, &cursor);
}

/* The source's `next` is an index. */
static bool reply_items(struct stream_source *source, struct reply *reply) {
    size_t start = reply->out->len;
    struct list_cursor cursor;
    list_seek(&source->value, source->next, &cursor);
    do {
        reply_item(reply, &cursor);
        source->next++;
    } while (--source->left && !stream_has_piece(reply, start) && list_next(&cursor));
    return source->left > 0;
}

void list_lrange(struct call *call) {
    struct value value;
    bool exists;
    int64_t start, stop;
    if (!list_parse_index(call, 2, &start) || !list_parse_index(call, 3, &stop)) return;
    if (!collection_read(call, &call->keys[0], TYPE_LIST, &value, &exists)) return;
    int64_t length = exists ? (int64_t)list_length(&value) : 0;
    if (start < 0) start = MAX(start + length, 0);
    if (stop < 0) stop += length;
    stop = MIN(stop, length - 1);
    uint64_t count = start > stop ? 0 : (uint64_t)(stop - start) + 1;
    reply_array(call->reply, count);
    if (!count) return;
    struct stream_source source = {
        .produce = reply_items, .value = value, .next = (uint64_t)start, .left = count};
    if (collection_stream(call, &source)) return;
    while (reply_items(&source, call->reply) && !call->reply->failed)
        ;
}
