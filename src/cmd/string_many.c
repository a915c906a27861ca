/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole strings, several keys at a time. */
#include "base/ensure.h"
#include "base/number.h"
#include "cmd/string.h"
#include "cmd/string_options.h"

void string_mget(struct call *call) {
    reply_array(call->reply, call->key_count);
    for (unsigned i = 0; i < call->key_count; i++) {
        const struct entry *e = keyspace_find(&call->view, &call->keys[i]);
        if (e && entry_type(e) == TYPE_STRING)
            reply_bulk(call->reply, entry_string(e));
        else
            reply_null(call->reply);
    }
}

/* Stores the value that follows each key in argv, in which the first key is argv[first]; all or
 * none. False: no memory, which has been answered. */
static bool store_all(struct call *call, unsigned first, int64_t expiry) {
    struct string_batch batch = {.keys = call->keys,
                                 .values = &call->argv[first + 1],
                                 .count = call->key_count,
                                 .expiry = expiry,
                                 .event = {EVENT_STRING, "set"}};
    if (expiry != EXPIRY_NONE && expiry != EXPIRY_KEEP)
        batch.then = (struct event){EVENT_GENERIC, "expire"};
    if (keyspace_store_strings(&call->view, &batch)) return true;
    reply_no_memory(call->reply);
    return false;
}

static bool exists(struct call *call, const struct key *key) {
    struct spot spot;
    return keyspace_seek(&call->view, key, &spot) != NULL;
}

static bool any_exists(struct call *call) {
    for (unsigned i = 0; i < call->key_count; i++)
        if (exists(call, &call->keys[i])) return true;
    return false;
}

static bool all_exist(struct call *call) {
    for (unsigned i = 0; i < call->key_count; i++)
        if (!exists(call, &call->keys[i])) return false;
    return true;
}

void string_mset(struct call *call) {
    if (call->argc % 2 == 0)
        call_arity_error(call);
    else if (store_all(call, 1, EXPIRY_NONE))
        reply_ok(call->reply);
}

void string_msetnx(struct call *call) {
    if (call->argc % 2 == 0)
        call_arity_error(call);
    else if (any_exists(call))
        reply_integer(call->reply, 0);
    else if (store_all(call, 1, EXPIRY_NONE))
        reply_integer(call->reply, 1);
}

void string_msetex(struct call *call) {
    int64_t count;
    if (!number_parse_i64(call->argv[1], &count) || count < 1 || count > INT32_MAX) {
        reply_error(call->reply, "ERR invalid numkeys value or out of range");
        return;
    }
    if (2 + 2 * count > call->argc) {
        reply_syntax_error(call->reply);
        return;
    }
    const uint32_t allowed = STRING_NX | STRING_XX | STRING_KEEPTTL | STRING_EXPIRE;
    struct string_options options;
    if (!string_options_parse(call, 2 + 2 * (unsigned)count, allowed, &options)) return;
    ensure(call->key_count == (unsigned)count);
    if ((options.given & STRING_NX && any_exists(call)) ||
        (options.given & STRING_XX && !all_exist(call)))
        reply_integer(call->reply, 0);
    else if (store_all(call, 2, options.expiry))
        reply_integer(call->reply, 1);
}
