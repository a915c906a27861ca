/* SPDX-License-Identifier: BSD-3-Clause */
/* Moving elements from list to list, and popping from the first of several. */
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/list_common.h"
#include "sys/thread.h"

static const char *pop_event(enum list_end end) {
    return end == LIST_LEFT ? "lpop" : "rpop";
}

static const char *push_event(enum list_end end) {
    return end == LIST_LEFT ? "lpush" : "rpush";
}

/* Integers count for nothing when an encoding is chosen for a list that one is moved to. */
static bool prepare_for(struct list_edit *edit, const struct buffer *moved, bool integer) {
    return list_edit_prepare(edit, 1, integer ? 0 : moved->len, moved->len);
}

/* This thread's copy of the element being moved. */
static struct buffer *copy_element(struct call *call, const struct spot *spot, enum list_end end,
                                   bool *integer) {
    static _Thread_local struct buffer copy;
    char digits[PACK_TEXT_MAX];
    struct value value = entry_value(spot->entry);
    struct list_cursor cursor;
    list_seek(&value, end == LIST_LEFT ? 0 : list_length(&value) - 1, &cursor);
    struct pack_item item = list_item(&cursor);
    *integer = item.integer;
    if (UNLIKELY(!copy.data)) thread_owns_buffer(&copy);
    if (copy.cap > 64 * 1024) buffer_free(&copy);
    buffer_clear(&copy);
    if (buffer_append_bytes(&copy, pack_text(item, digits))) return &copy;
    reply_no_memory(call->reply);
    return NULL;
}

static bool rotate(struct call *call, struct spot *spot, enum list_end from, enum list_end to,
                   const struct buffer *moved, bool integer) {
    struct bytes argv[] = {BYTES("LMOVE"), spot->key->name, spot->key->name,
                           from == LIST_LEFT ? BYTES("LEFT") : BYTES("RIGHT"),
                           to == LIST_LEFT ? BYTES("LEFT") : BYTES("RIGHT")};
    struct list_edit edit;
    struct value value = entry_value(spot->entry);
    if (!list_edit_begin(&edit, &value, collection_scratch())) {
        reply_no_memory(call->reply);
        return false;
    }
    list_edit_drop_end(&edit, from, 1);
    if (!prepare_for(&edit, moved, integer) || !list_edit_push(&edit, to, buffer_bytes(moved))) {
        list_edit_push(&edit, from, buffer_bytes(moved)); /* where it has just been */
        list_give_up(call, &edit);
        return false;
    }
    list_edit_shrink(&edit);
    if (!list_store(call, spot, &edit, push_event(to), argv, ARRAY_LEN(argv))) return false;
    keyspace_notify(&call->view, spot->key, (struct event){EVENT_LIST, pop_event(from)});
    return true;
}

static bool push_moved(struct call *call, const struct key *key, enum list_end to,
                       const struct buffer *moved, bool integer) {
    struct bytes argv[] = {to == LIST_LEFT ? BYTES("LPUSH") : BYTES("RPUSH"), key->name,
                           buffer_bytes(moved)};
    struct spot spot;
    struct list_edit edit;
    if (!list_begin(call, key, &spot, &edit)) return false;
    if (!prepare_for(&edit, moved, integer) || !list_edit_push(&edit, to, buffer_bytes(moved))) {
        list_give_up(call, &edit);
        return false;
    }
    return list_store(call, &spot, &edit, push_event(to), argv, ARRAY_LEN(argv));
}

static bool drop_moved(struct call *call, const struct key *key, enum list_end from) {
    struct bytes argv[] = {from == LIST_LEFT ? BYTES("LPOP") : BYTES("RPOP"), key->name};
    struct spot spot;
    struct list_edit edit;
    if (!list_begin(call, key, &spot, &edit)) return false;
    list_edit_drop_end(&edit, from, 1);
    list_edit_shrink(&edit);
    return list_store(call, &spot, &edit, pop_event(from), argv, ARRAY_LEN(argv));
}

bool list_move(struct call *call, enum list_end from, enum list_end to) {
    const struct key *source = &call->keys[0], *target = &call->keys[1];
    struct spot spot, other;
    bool integer;
    if (!collection_seek(call, source, TYPE_LIST, &spot)) return true;
    if (!spot.entry) return false;
    if (!collection_seek(call, target, TYPE_LIST, &other)) return true;
    keyspace_seek(&call->view, source, &spot); /* finding the target may have moved it */
    const struct buffer *moved = copy_element(call, &spot, from, &integer);
    if (!moved) return true;
    bool done =
        bytes_equal(source->name, target->name)
            ? rotate(call, &spot, from, to, moved, integer)
            : push_moved(call, target, to, moved, integer) && drop_moved(call, source, from);
    if (done) reply_bulk(call->reply, buffer_bytes(moved));
    return true;
}

void list_lmove(struct call *call) {
    enum list_end from, to;
    if (!list_parse_end(call, 3, &from) || !list_parse_end(call, 4, &to)) return;
    if (!list_move(call, from, to)) reply_null(call->reply);
}

void list_rpoplpush(struct call *call) {
    if (!list_move(call, LIST_RIGHT, LIST_LEFT)) reply_null(call->reply);
}

/* ---- the first of several ---- */

bool list_parse_mpop(struct call *call, unsigned argument, struct list_mpop *out) {
    int64_t keys, count = 0;
    if (!number_parse_i64(call->argv[argument], &keys) || keys < 1) {
        reply_error(call->reply, "ERR numkeys should be greater than 0");
        return false;
    }
    unsigned rest = call->argc - argument - 1;
    if ((uint64_t)keys >= rest) {
        reply_syntax_error(call->reply);
        return false;
    }
    unsigned where = argument + 1 + (unsigned)keys;
    if (!list_parse_end(call, where, &out->end)) return false;
    out->count = 1;
    if (where + 1 == call->argc) return true;
    if (!bytes_is(call->argv[where + 1], "count") || where + 2 == call->argc) {
        reply_syntax_error(call->reply);
        return false;
    }
    if (!number_parse_i64(call->argv[where + 2], &count) || count < 1) {
        reply_error(call->reply, "ERR count should be greater than 0");
        return false;
    }
    out->count = (uint64_t)count;
    if (where + 3 == call->argc) return true;
    reply_syntax_error(call->reply);
    return false;
}

void list_lmpop(struct call *call) {
    struct list_mpop how;
    if (!list_parse_mpop(call, 1, &how)) return;
    if (!list_mpop_first(call, &how)) reply_null_array(call->reply);
}
