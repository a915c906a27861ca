/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of strings, and strings as numbers. */
#include "base/ensure.h"
#include "cmd/shared_string.h"
#include "cmd/string.h"
#include "value/string.h"

/* ---- parts ---- */

void string_getrange(struct call *call) {
    int64_t first, last;
    if (!string_parse_integer(call, 2, &first) || !string_parse_integer(call, 3, &last)) return;
    struct bytes value;
    if (!string_read(call, &call->keys[0], &value)) return;
    if (!string_range_is_reversed(first, last) && string_clip_range(&first, &last, value.len))
        value = bytes_make(value.data + first, (size_t)(last - first + 1));
    else
        value = BYTES("");
    reply_bulk(call->reply, value);
}

void string_setrange(struct call *call) {
    int64_t offset;
    if (!string_parse_integer(call, 2, &offset)) return;
    if (offset < 0) {
        reply_error(call->reply, "ERR offset is out of range");
        return;
    }
    struct spot spot;
    if (!string_seek(call, &call->keys[0], &spot)) return;
    struct bytes piece = call->argv[3];
    if (piece.len) {
        const struct event event = {EVENT_STRING, "setrange"};
        if (!string_may_grow(call, (size_t)offset, piece.len)) return;
        if (!keyspace_write_range(&call->view, &spot, (size_t)offset, piece, event)) {
            reply_no_memory(call->reply);
            return;
        }
    }
    reply_integer(call->reply, (int64_t)string_at(&spot).len);
}

void string_append(struct call *call) {
    const struct event event = {EVENT_STRING, "append"};
    struct spot spot;
    if (!string_seek(call, &call->keys[0], &spot)) return;
    struct bytes old = string_at(&spot), piece = call->argv[2];
    bool done;
    if (spot.entry) {
        if (!string_may_grow(call, old.len, piece.len)) return;
        done = keyspace_write_range(&call->view, &spot, old.len, piece, event);
    } else {
        struct string_store what = {.value = piece, .expiry = EXPIRY_NONE, .event = event};
        done = keyspace_store_string(&call->view, &spot, &what);
    }
    if (done)
        reply_integer(call->reply, (int64_t)string_at(&spot).len);
    else
        reply_no_memory(call->reply);
}

/* ---- numbers ---- */

/* Stores a changed number; its expiry stays. False: no memory, which has been answered. */
static bool store_number(struct call *call, struct spot *spot, const char *digits, size_t length,
                         const char *event) {
    struct string_store what = {
        .value = bytes_make(digits, length), .expiry = EXPIRY_KEEP, .event = {EVENT_STRING, event}};
    if (LIKELY(keyspace_store_string(&call->view, spot, &what))) return true;
    reply_no_memory(call->reply);
    return false;
}

static void add(struct call *call, int64_t increment) {
    struct spot spot;
    if (!string_seek(call, &call->keys[0], &spot)) return;
    int64_t sum = increment;
    if (spot.entry) {
        switch (string_add_integer(string_at(&spot), increment, &sum)) {
        case STRING_SUM_OK: break;
        case STRING_SUM_NO_NUMBER: reply_not_integer(call->reply); return;
        case STRING_SUM_OVERFLOW:
            reply_error(call->reply, "ERR increment or decrement would overflow");
            return;
        }
    }
    char digits[NUMBER_I64_MAX];
    size_t length = number_format_i64(digits, sum);
    if (store_number(call, &spot, digits, length, "incrby"))
        reply_integer_digits(call->reply, bytes_make(digits, length));
}

void string_incr(struct call *call) {
    add(call, 1);
}

void string_decr(struct call *call) {
    add(call, -1);
}

void string_incrby(struct call *call) {
    int64_t increment;
    if (string_parse_integer(call, 2, &increment)) add(call, increment);
}

void string_decrby(struct call *call) {
    int64_t decrement, increment;
    if (!string_parse_integer(call, 2, &decrement)) return;
    if (__builtin_sub_overflow(0, decrement, &increment))
        reply_error(call->reply, "ERR decrement would overflow");
    else
        add(call, increment);
}

void string_incrbyfloat(struct call *call) {
    struct spot spot;
    if (!string_seek(call, &call->keys[0], &spot)) return;
    struct bytes value = spot.entry ? string_at(&spot) : BYTES("0");
    char digits[NUMBER_LONG_DOUBLE_MAX];
    size_t length;
    switch (string_add_float(value, call->argv[2], digits, &length)) {
    case STRING_SUM_OK: break;
    case STRING_SUM_NO_NUMBER: reply_not_float(call->reply); return;
    case STRING_SUM_OVERFLOW:
        reply_error(call->reply, "ERR increment would produce NaN or Infinity");
        return;
    }
    if (store_number(call, &spot, digits, length, "incrbyfloat"))
        reply_bulk(call->reply, bytes_make(digits, length));
}
