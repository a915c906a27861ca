/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes in the middle of lists, and looking for elements. */
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/list_common.h"

void list_lset(struct call *call) {
    struct spot spot;
    struct list_edit edit;
    int64_t index;
    if (!list_begin(call, &call->keys[0], &spot, &edit)) return;
    if (!spot.entry) {
        reply_no_such_key(call->reply);
        return;
    }
    if (!list_parse_index(call, 2, &index)) return;
    int64_t length = (int64_t)list_edit_length(&edit);
    if (index < 0) index += length;
    bool is_there = index >= 0 && index < length;
    struct bytes text = call->argv[3];
    if (!list_edit_prepare(&edit, 1, text.len, text.len) ||
        (is_there && !list_edit_replace(&edit, (uint64_t)index, text))) {
        list_give_up(call, &edit);
        return;
    }
    if (!is_there) {
        list_keep_encoding(&spot, &edit);
        reply_index_out_of_range(call->reply);
        return;
    }
    list_edit_shrink(&edit);
    if (list_store(call, &spot, &edit, "lset", call->argv, call->argc)) reply_ok(call->reply);
}

/* The index of an element, or -1. */
static int64_t index_of(const struct value *value, struct bytes text) {
    struct list_cursor cursor;
    int64_t index = 0;
    list_seek(value, 0, &cursor);
    do {
        if (list_item_is(&cursor, text)) return index;
        index++;
    } while (list_next(&cursor));
    return -1;
}

static void insert(struct call *call, bool after) {
    struct spot spot;
    struct list_edit edit;
    struct bytes text = call->argv[4];
    if (!list_begin(call, &call->keys[0], &spot, &edit)) return;
    if (!spot.entry) {
        reply_integer(call->reply, 0);
        return;
    }
    struct value value = list_edit_value(&edit);
    int64_t index = index_of(&value, call->argv[3]);
    if (!list_edit_prepare(&edit, 1, text.len, text.len) ||
        (index >= 0 && !list_edit_insert(&edit, (uint64_t)index, after, text))) {
        list_give_up(call, &edit);
        return;
    }
    if (index < 0) {
        list_keep_encoding(&spot, &edit);
        reply_integer(call->reply, -1);
        return;
    }
    uint64_t length = list_edit_length(&edit);
    if (list_store(call, &spot, &edit, "linsert", call->argv, call->argc))
        reply_integer(call->reply, (int64_t)length);
}

void list_linsert(struct call *call) {
    bool after = bytes_is(call->argv[2], "after");
    if (after || bytes_is(call->argv[2], "before"))
        insert(call, after);
    else
        reply_syntax_error(call->reply);
}

void list_ltrim(struct call *call) {
    struct spot spot;
    struct list_edit edit;
    int64_t start, stop;
    if (!list_parse_index(call, 2, &start) || !list_parse_index(call, 3, &stop)) return;
    if (!list_begin(call, &call->keys[0], &spot, &edit)) return;
    if (!spot.entry) {
        reply_ok(call->reply);
        return;
    }
    int64_t length = (int64_t)list_edit_length(&edit);
    if (start < 0) start = MAX(start + length, 0);
    if (stop < 0) stop += length;
    stop = MIN(stop, length - 1);
    if (start > stop) {
        list_remove_all(call, &spot, "ltrim");
        reply_ok(call->reply);
        return;
    }
    if (start == 0 && stop == length - 1) {
        keyspace_notify(&call->view, spot.key, (struct event){EVENT_LIST, "ltrim"});
        reply_ok(call->reply);
        return;
    }
    list_edit_drop_end(&edit, LIST_LEFT, (uint64_t)start);
    list_edit_drop_end(&edit, LIST_RIGHT, (uint64_t)(length - 1 - stop));
    list_edit_shrink(&edit);
    if (list_store(call, &spot, &edit, "ltrim", call->argv, call->argc)) reply_ok(call->reply);
}

/* Removes up to `limit` elements that are this text, from the first or from the last on. */
static uint64_t remove_equal(struct list_edit *edit, struct bytes text, uint64_t limit,
                             bool backwards) {
    struct value value = list_edit_value(edit);
    struct list_cursor cursor;
    uint64_t removed = 0;
    list_seek(&value, backwards ? list_edit_length(edit) - 1 : 0, &cursor);
    for (bool more = true; more && removed < limit;) {
        if (list_item_is(&cursor, text)) {
            more = list_edit_remove_at(edit, &cursor, backwards);
            removed++;
        } else {
            more = backwards ? list_prev(&cursor) : list_next(&cursor);
        }
    }
    return removed;
}

void list_lrem(struct call *call) {
    struct spot spot;
    struct list_edit edit;
    int64_t count;
    if (!list_parse_range(call, 2, &count)) return;
    if (!list_begin(call, &call->keys[0], &spot, &edit)) return;
    if (!spot.entry) {
        reply_integer(call->reply, 0);
        return;
    }
    bool backwards = count < 0;
    uint64_t limit = count ? (uint64_t)(backwards ? -count : count) : UINT64_MAX;
    uint64_t removed = remove_equal(&edit, call->argv[3], limit, backwards);
    if (removed) {
        list_edit_shrink(&edit);
        if (!list_store(call, &spot, &edit, "lrem", call->argv, call->argc)) return;
    }
    reply_integer(call->reply, (int64_t)removed);
}

/* ---- LPOS ---- */

struct search {
    struct bytes text;
    uint64_t skip;  /* matches that come before the first to be answered */
    uint64_t count; /* of matches to be answered */
    uint64_t steps; /* elements to be looked at */
    bool counted;   /* an array is to be answered */
    bool backwards;
};

static bool parse_rank(struct call *call, unsigned argument, struct search *search) {
    int64_t rank;
    if (!list_parse_range(call, argument, &rank)) return false;
    if (rank == 0) {
        reply_error(call->reply,
                    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the "
                    "second ... or use negative to start from the end of the list");
        return false;
    }
    search->backwards = rank < 0;
    search->skip = (uint64_t)(rank < 0 ? -rank : rank) - 1;
    return true;
}

/* 0 is no limit. */
static bool parse_limit(struct call *call, unsigned argument, const char *name, uint64_t *out) {
    int64_t limit;
    if (!number_parse_i64(call->argv[argument], &limit) || limit < 0) {
        reply_errorf(call->reply, "ERR %s can't be negative", name);
        return false;
    }
    *out = limit ? (uint64_t)limit : UINT64_MAX;
    return true;
}

static bool parse_search(struct call *call, struct search *search) {
    *search = (struct search){.text = call->argv[2], .count = 1, .steps = UINT64_MAX};
    for (unsigned i = 3; i < call->argc; i += 2) {
        struct bytes option = call->argv[i];
        bool known =
            bytes_is(option, "rank") || bytes_is(option, "count") || bytes_is(option, "maxlen");
        if (!known || i + 1 == call->argc) {
            reply_syntax_error(call->reply);
            return false;
        }
        if (bytes_is(option, "rank")) {
            if (!parse_rank(call, i + 1, search)) return false;
        } else if (bytes_is(option, "count")) {
            search->counted = true;
            if (!parse_limit(call, i + 1, "COUNT", &search->count)) return false;
        } else if (!parse_limit(call, i + 1, "MAXLEN", &search->steps)) {
            return false;
        }
    }
    return true;
}

/* Answers the indexes of the matches, and returns how many there are. */
static uint64_t find_all(struct call *call, const struct value *value,
                         const struct search *search) {
    uint64_t length = list_length(value), steps = MIN(search->steps, length);
    uint64_t index = search->backwards ? length - 1 : 0, skip = search->skip, found = 0;
    struct list_cursor cursor;
    list_seek(value, index, &cursor);
    for (; steps > 0 && found < search->count; steps--) {
        if (list_item_is(&cursor, search->text)) {
            if (skip > 0) {
                skip--;
            } else {
                reply_integer(call->reply, (int64_t)index);
                found++;
            }
        }
        bool more = search->backwards ? list_prev(&cursor) : list_next(&cursor);
        if (!more) break;
        index += search->backwards ? UINT64_MAX : 1;
    }
    return found;
}

void list_lpos(struct call *call) {
    struct search search;
    struct value value;
    bool exists;
    if (!parse_search(call, &search)) return;
    if (!collection_read(call, &call->keys[0], TYPE_LIST, &value, &exists)) return;
    size_t mark = search.counted ? reply_open(call->reply) : 0;
    uint64_t found = exists ? find_all(call, &value, &search) : 0;
    if (search.counted)
        reply_close_array(call->reply, mark, found);
    else if (found == 0)
        reply_null(call->reply);
}
