/* SPDX-License-Identifier: BSD-3-Clause */
/* Taking elements out of sorted sets. */
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/shared_zset.h"
#include "cmd/zset.h"

/* Pops and answers a list of elements. */
static void pop_list(struct call *call, struct spot *spot, bool highest, uint64_t count,
                     bool pairs) {
    size_t before = call->reply->out->len;
    struct value set = entry_value(spot->entry);
    count = MIN(count, zset_count(&set));
    reply_array(call->reply, pairs ? count : count * 2);
    if (!zset_pop(call, spot, highest, count, pairs)) collection_reply_no_memory(call, before);
}

static void pop_one(struct call *call, struct spot *spot, bool highest) {
    size_t before = call->reply->out->len;
    reply_array(call->reply, 2);
    if (!zset_pop(call, spot, highest, 1, false)) collection_reply_no_memory(call, before);
}

static void pop(struct call *call, bool highest) {
    int64_t count = 1;
    if (call->argc > 3) {
        reply_syntax_error(call->reply);
        return;
    }
    bool counted = call->argc == 3;
    if (counted && (!number_parse_i64(call->argv[2], &count) || count < 0)) {
        reply_error(call->reply, "ERR value is out of range, must be positive");
        return;
    }
    struct spot spot;
    if (!collection_seek(call, &call->keys[0], TYPE_ZSET, &spot)) return;
    if (!spot.entry || count == 0)
        reply_array(call->reply, 0);
    else if (counted)
        pop_list(call, &spot, highest, (uint64_t)count, call->reply->resp != 2);
    else
        pop_one(call, &spot, highest);
}

void zset_zpopmin(struct call *call) {
    pop(call, false);
}

void zset_zpopmax(struct call *call) {
    pop(call, true);
}

/* ---- ZMPOP ---- */

static bool parse_positive(struct call *call, struct bytes text, const char *error, int64_t *out) {
    if (number_parse_i64(text, out) && *out > 0) return true;
    reply_error(call->reply, error);
    return false;
}

/* numkeys key ... MIN|MAX [COUNT n], from argv[first] on. */
static bool parse_mpop(struct call *call, unsigned first, unsigned *keys, bool *highest,
                       int64_t *count) {
    int64_t number;
    if (!parse_positive(call, call->argv[first], "ERR numkeys should be greater than 0", &number))
        return false;
    *count = 1;
    unsigned left = call->argc - first - 1; /* keys and options */
    if (number >= left) {
        reply_syntax_error(call->reply);
        return false;
    }
    *keys = (unsigned)number;
    const struct bytes *options = &call->argv[first + 1 + *keys];
    left -= *keys;
    *highest = bytes_is(options[0], "max");
    bool valid = *highest || bytes_is(options[0], "min");
    if (valid && left >= 3 && bytes_is(options[1], "count")) {
        if (!parse_positive(call, options[2], "ERR count should be greater than 0", count))
            return false;
        left -= 2;
    }
    if (valid && left == 1) return true;
    reply_syntax_error(call->reply);
    return false;
}

void zset_zmpop(struct call *call) {
    unsigned keys;
    bool highest;
    int64_t count;
    if (!parse_mpop(call, 1, &keys, &highest, &count)) return;
    for (unsigned i = 0; i < keys; i++) {
        struct spot spot;
        if (!collection_seek(call, &call->keys[i], TYPE_ZSET, &spot)) return;
        if (!spot.entry) continue;
        size_t before = call->reply->out->len;
        reply_array(call->reply, 2);
        reply_bulk(call->reply, call->keys[i].name);
        struct value set = entry_value(spot.entry);
        uint64_t most = MIN((uint64_t)count, zset_count(&set));
        reply_array(call->reply, most);
        if (!zset_pop(call, &spot, highest, most, true)) collection_reply_no_memory(call, before);
        return;
    }
    reply_null_array(call->reply);
}
