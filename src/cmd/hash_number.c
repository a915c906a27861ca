/* SPDX-License-Identifier: BSD-3-Clause */
/* Fields as numbers. */
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/hash.h"
#include "cmd/shared_hash.h"
#include <math.h>

/* Stores the sum, which is written as `digits`. The record must make the same of a field that has
 * expired here and not where it is played, so it says the sum. False: no memory, which has been
 * answered. */
static bool store_sum(struct call *call, struct spot *spot, struct hash_edit *edit,
                      struct bytes digits, const char *event) {
    struct bytes field = call->argv[2];
    bool had_deadlines = hash_has_deadlines(&edit->value);
    if (hash_set(edit, field, digits, HASH_KEEPS) != HASH_NO_MEMORY) {
        bool keeps = had_deadlines && !edit->revived;
        const struct bytes set[] = {BYTES("HSET"), spot->key->name, field, digits};
        const struct bytes keep[] = {BYTES("HSETEX"), spot->key->name, BYTES("KEEPTTL"),
                                     BYTES("FIELDS"), BYTES("1"),      field,
                                     digits};
        if (keeps ? hash_store(call, spot, edit, event, keep, ARRAY_LEN(keep))
                  : hash_store(call, spot, edit, event, set, ARRAY_LEN(set)))
            return true;
    } else {
        hash_edit_drop(edit);
    }
    reply_no_memory(call->reply);
    return false;
}

void hash_hincrby(struct call *call) {
    struct spot spot;
    struct hash_edit edit;
    struct hash_item item;
    int64_t increment, sum = 0;
    if (!number_parse_i64(call->argv[3], &increment)) {
        reply_not_integer(call->reply);
        return;
    }
    if (!hash_seek(call, &spot, &edit)) return;
    bool found = hash_get(&edit.value, call->argv[2], edit.now_ms, &item);
    if (found && !number_parse_i64(item.value, &sum)) {
        reply_error(call->reply, "ERR hash value is not an integer");
    } else if (__builtin_add_overflow(sum, increment, &sum)) {
        reply_error(call->reply, "ERR increment or decrement would overflow");
    } else {
        char digits[NUMBER_I64_MAX];
        size_t length = number_format_i64(digits, sum);
        if (store_sum(call, &spot, &edit, bytes_make(digits, length), "hincrby"))
            reply_integer(call->reply, sum);
    }
}

static bool parse_increment(struct call *call, long double *increment) {
    if (!number_parse_long_double(call->argv[3], increment))
        reply_not_float(call->reply);
    else if (!isfinite(*increment))
        reply_error(call->reply, "ERR value is NaN or Infinity");
    else
        return true;
    return false;
}

void hash_hincrbyfloat(struct call *call) {
    struct spot spot;
    struct hash_edit edit;
    struct hash_item item;
    long double increment, sum = 0;
    if (!parse_increment(call, &increment) || !hash_seek(call, &spot, &edit)) return;
    bool found = hash_get(&edit.value, call->argv[2], edit.now_ms, &item);
    if (found && !number_parse_long_double(item.value, &sum)) {
        reply_error(call->reply, "ERR hash value is not a float");
    } else if (!isfinite(sum += increment)) {
        reply_error(call->reply, "ERR increment would produce NaN or Infinity");
    } else {
        char digits[NUMBER_LONG_DOUBLE_MAX];
        struct bytes text =
            bytes_make(digits, number_format_long_double(digits, sizeof digits, sum));
        if (store_sum(call, &spot, &edit, text, "hincrbyfloat")) reply_bulk(call->reply, text);
    }
}
