/* SPDX-License-Identifier: BSD-3-Clause */
/* Taking elements out of sorted sets. */
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/shared_zset.h"
#include "cmd/zset.h"
#include "exec/blocking.h"

/* The first of the keys that is a sorted set. True: found, or answered (*found is NULL). */
static bool first_set(struct call *call, struct spot *spot, const struct key **found) {
    *found = NULL;
    for (unsigned i = 0; i < call->key_count; i++) {
        if (!collection_seek(call, &call->keys[i], TYPE_ZSET, spot)) return true;
        if (!spot->entry) continue;
        *found = &call->keys[i];
        return true;
    }
    return false;
}

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
static bool parse_mpop(struct call *call, unsigned first, bool *highest, int64_t *count) {
    int64_t number;
    if (!parse_positive(call, call->argv[first], "ERR numkeys should be greater than 0", &number))
        return false;
    *count = 1;
    unsigned left = call->argc - first - 1; /* keys and options */
    if (number >= left) {
        reply_syntax_error(call->reply);
        return false;
    }
    const struct bytes *options = &call->argv[first + 1 + (unsigned)number];
    left -= (unsigned)number;
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

/* Pops from the first of call->keys that has elements. False: there is none, and nothing has been
 * answered. */
static bool mpop_first(struct call *call, bool highest, uint64_t count) {
    struct spot spot;
    const struct key *key;
    if (!first_set(call, &spot, &key)) return false;
    if (!key) return true;
    size_t before = call->reply->out->len;
    reply_array(call->reply, 2);
    reply_bulk(call->reply, key->name);
    struct value set = entry_value(spot.entry);
    count = MIN(count, zset_count(&set));
    reply_array(call->reply, count);
    if (!zset_pop(call, &spot, highest, count, true)) collection_reply_no_memory(call, before);
    return true;
}

void zset_zmpop(struct call *call) {
    bool highest;
    int64_t count;
    if (!parse_mpop(call, 1, &highest, &count)) return;
    if (!mpop_first(call, highest, (uint64_t)count)) reply_null_array(call->reply);
}

/* ---- waiting for elements ---- */

static void wait_for_any(struct call *call, int64_t deadline_ms) {
    const struct blocking_request request = {
        .deadline_ms = deadline_ms, .type = TYPE_ZSET, .any_key = true};
    blocking_wait(call, &request);
}

static void pop_or_wait(struct call *call, bool highest) {
    int64_t deadline_ms;
    struct spot spot;
    const struct key *key;
    if (!blocking_deadline_seconds(call, call->argv[call->argc - 1], &deadline_ms)) return;
    if (!first_set(call, &spot, &key)) {
        wait_for_any(call, deadline_ms);
        return;
    }
    if (!key) return;
    size_t before = call->reply->out->len;
    reply_array(call->reply, 3);
    reply_bulk(call->reply, key->name);
    if (!zset_pop(call, &spot, highest, 1, false)) collection_reply_no_memory(call, before);
}

void zset_bzpopmin(struct call *call) {
    pop_or_wait(call, false);
}

void zset_bzpopmax(struct call *call) {
    pop_or_wait(call, true);
}

void zset_bzmpop(struct call *call) {
    bool highest;
    int64_t count, deadline_ms;
    if (!parse_mpop(call, 2, &highest, &count)) return;
    if (!blocking_deadline_seconds(call, call->argv[1], &deadline_ms)) return;
    if (!mpop_first(call, highest, (uint64_t)count)) wait_for_any(call, deadline_ms);
}
