/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole strings, one key at a time. */
#include "cmd/string.h"
#include "base/ensure.h"
#include "cmd/shared_string.h"
#include "cmd/string_options.h"

static const struct event set_event = {EVENT_STRING, "set"};
static const struct event expire_event = {EVENT_GENERIC, "expire"};

void string_get(struct call *call) {
    struct bytes value;
    if (!string_read(call, &call->keys[0], &value)) return;
    if (value.data)
        reply_bulk(call->reply, value);
    else
        reply_null(call->reply);
}

void string_strlen(struct call *call) {
    struct bytes value;
    if (string_read(call, &call->keys[0], &value)) reply_integer(call->reply, (int64_t)value.len);
}

/* ---- SET and its relatives ---- */

/* Stores, and tells of an expiry that is new. */
static bool store(struct call *call, struct spot *spot, struct bytes value, int64_t expiry) {
    struct string_store what = {.value = value, .expiry = expiry, .event = set_event};
    if (!keyspace_store_string(&call->view, spot, &what)) return false;
    if (expiry != EXPIRY_NONE && expiry != EXPIRY_KEEP)
        keyspace_notify(&call->view, spot->key, expire_event);
    return true;
}

/* A key whose new expiry has passed already goes at once. */
static void expire_now(struct call *call, struct spot *spot) {
    call->view.counters->expired++;
    keyspace_remove(&call->view, spot, (struct event){EVENT_EXPIRED, "expired"});
}

static bool has_passed(const struct call *call, int64_t expiry) {
    return expiry != EXPIRY_NONE && expiry != EXPIRY_KEEP && expiry <= call->view.now_ms;
}

static bool set_until(struct call *call, struct spot *spot, struct bytes value, int64_t expiry) {
    if (LIKELY(!has_passed(call, expiry))) return store(call, spot, value, expiry);
    if (spot->entry) expire_now(call, spot);
    return true;
}

static void reply_old(struct call *call, const struct spot *spot) {
    if (spot->entry)
        reply_bulk(call->reply, string_at(spot));
    else
        reply_null(call->reply);
}

/* Takes back what has been answered since the output had `length` bytes. */
static void reply_no_memory_instead(struct call *call, size_t length) {
    call->reply->out->len = length;
    reply_no_memory(call->reply);
}

static bool condition_holds(const struct string_options *options, const struct spot *spot) {
    if (options->given & STRING_NX) return !spot->entry;
    if (options->given & STRING_XX) return spot->entry != NULL;
    if (options->given & STRING_IFEQ)
        return spot->entry && bytes_equal(string_at(spot), options->expected);
    return true;
}

static __attribute__((noinline)) void set_with_options(struct call *call) {
    const uint32_t allowed = STRING_NX | STRING_XX | STRING_IFEQ | STRING_GET | STRING_KEEPTTL;
    struct string_options options;
    if (!string_options_parse(call, 3, allowed | STRING_EXPIRE, &options)) return;

    const struct key *key = &call->keys[0];
    bool wants_old = options.given & STRING_GET;
    struct spot spot;
    struct entry *e = wants_old ? keyspace_seek_read(&call->view, key, &spot)
                                : keyspace_seek_whole(&call->view, key, &spot);
    if (e && entry_type(e) != TYPE_STRING && options.given & (STRING_GET | STRING_IFEQ)) {
        reply_wrong_type(call->reply);
        return;
    }
    size_t before = call->reply->out->len;
    bool holds = condition_holds(&options, &spot);
    if (wants_old)
        reply_old(call, &spot);
    else if (!holds)
        reply_null(call->reply);
    if (!holds) return;
    if (!set_until(call, &spot, call->argv[2], options.expiry))
        reply_no_memory_instead(call, before);
    else if (!wants_old)
        reply_ok(call->reply);
}

uint32_t string_set_key_flags(const struct bytes *argv, unsigned argc) {
    for (unsigned i = 3; i < argc; i++)
        if (bytes_is(argv[i], "get")) return KEY_RW | KEY_ACCESS | KEY_UPDATE;
    return KEY_OW | KEY_UPDATE;
}

void string_set(struct call *call) {
    if (call->argc > 3) {
        set_with_options(call);
        return;
    }
    struct spot spot;
    keyspace_seek_whole(&call->view, &call->keys[0], &spot);
    if (LIKELY(store(call, &spot, call->argv[2], EXPIRY_NONE)))
        reply_ok(call->reply);
    else
        reply_no_memory(call->reply);
}

static void set_for(struct call *call, uint32_t unit) {
    int64_t expiry;
    if (!string_expiry_parse(call, call->argv[2], unit, &expiry)) return;
    struct spot spot;
    keyspace_seek_whole(&call->view, &call->keys[0], &spot);
    if (set_until(call, &spot, call->argv[3], expiry))
        reply_ok(call->reply);
    else
        reply_no_memory(call->reply);
}

void string_setex(struct call *call) {
    set_for(call, STRING_EX);
}

void string_psetex(struct call *call) {
    set_for(call, STRING_PX);
}

void string_setnx(struct call *call) {
    struct spot spot;
    if (keyspace_seek_whole(&call->view, &call->keys[0], &spot))
        reply_integer(call->reply, 0);
    else if (store(call, &spot, call->argv[2], EXPIRY_NONE))
        reply_integer(call->reply, 1);
    else
        reply_no_memory(call->reply);
}

/* ---- reading and changing at once ---- */

/* Finds what a GET with a change to follow works on. False: it has been answered; *spot has no
 * entry when the key is absent. */
static bool seek_to_read(struct call *call, struct spot *spot) {
    return string_check(call, keyspace_seek_read(&call->view, &call->keys[0], spot));
}

void string_getset(struct call *call) {
    struct spot spot;
    if (!seek_to_read(call, &spot)) return;
    size_t before = call->reply->out->len;
    reply_old(call, &spot);
    if (!store(call, &spot, call->argv[2], EXPIRY_NONE)) reply_no_memory_instead(call, before);
}

static bool change_expiry(struct call *call, struct spot *spot,
                          const struct string_options *options) {
    if (options->given & STRING_PERSIST) {
        const struct event event = {EVENT_GENERIC, "persist"};
        return !entry_has_expiry(spot->entry) ||
               keyspace_set_expiry(&call->view, spot, EXPIRY_NONE, event);
    }
    if (options->expiry == EXPIRY_NONE) return true;
    if (!has_passed(call, options->expiry))
        return keyspace_set_expiry(&call->view, spot, options->expiry, expire_event);
    expire_now(call, spot);
    return true;
}

void string_getex(struct call *call) {
    struct string_options options;
    if (!string_options_parse(call, 2, STRING_EXPIRE | STRING_PERSIST, &options)) return;
    struct spot spot;
    if (!seek_to_read(call, &spot)) return;
    size_t before = call->reply->out->len;
    reply_old(call, &spot);
    if (spot.entry && !change_expiry(call, &spot, &options)) reply_no_memory_instead(call, before);
}

static void delete_key(struct call *call, struct spot *spot) {
    keyspace_remove(&call->view, spot, (struct event){EVENT_GENERIC, "del"});
}

void string_getdel(struct call *call) {
    struct spot spot;
    if (!seek_to_read(call, &spot)) return;
    reply_old(call, &spot);
    if (spot.entry) delete_key(call, &spot);
}

void string_delifeq(struct call *call) {
    struct spot spot;
    if (!string_seek(call, &call->keys[0], &spot)) return;
    bool equal = spot.entry && bytes_equal(string_at(&spot), call->argv[2]);
    if (equal) delete_key(call, &spot);
    reply_integer(call->reply, equal);
}
