/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DEBUG DIGEST and DIGEST-VALUE: 20 bytes that are the same on servers that hold the same data, by
 * the scheme that Redis and Valkey have in common.
 *
 * What has an order is folded in: digest = SHA1(digest xor SHA1(data)). What has none is added:
 * digest = digest xor SHA1(data). Numbers are 32 bits, big-endian.
 */
#include "base/ensure.h"
#include "cmd/debug.h"
#include "sys/digest.h"
#include "value/hash.h"
#include "value/list.h"
#include "value/set.h"
#include "value/stream.h"
#include "value/zset.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

struct digest {
    uint8_t bytes[DIGEST_SHA1];
};

static void add(struct digest *digest, const void *data, size_t len) {
    struct digest hash;
    digest_sha1(bytes_make(data, len), hash.bytes);
    for (unsigned i = 0; i < sizeof hash.bytes; i++)
        digest->bytes[i] ^= hash.bytes[i];
}

static void fold(struct digest *digest, const void *data, size_t len) {
    struct digest sum = *digest;
    add(&sum, data, len);
    digest_sha1(bytes_make(sum.bytes, sizeof sum.bytes), digest->bytes);
}

static void fold_number(struct digest *digest, uint32_t n) {
    uint32_t wire = htonl(n);
    fold(digest, &wire, sizeof wire);
}

/* ---- values ---- */

static void fold_bytes(struct digest *digest, struct bytes bytes) {
    fold(digest, bytes.data, bytes.len);
}

static void fold_list(struct digest *digest, const struct value *list) {
    struct list_cursor cursor;
    char scratch[PACK_TEXT_MAX];
    list_seek(list, 0, &cursor);
    do
        fold_bytes(digest, pack_text(list_item(&cursor), scratch));
    while (list_next(&cursor));
}

static bool add_member(void *context, struct bytes member) {
    add(context, member.data, member.len);
    return true;
}

static void add_zset(struct digest *digest, const struct value *set) {
    struct zset_cursor cursor;
    struct zset_item item;
    zset_seek(&cursor, set, 0, false);
    while (zset_next(&cursor, &item)) {
        struct digest one = {0};
        char score[NUMBER_DOUBLE_MAX];
        fold_bytes(&one, item.member);
        fold_bytes(&one, bytes_make(score, number_format_shortest(score, item.score)));
        add(digest, one.bytes, sizeof one.bytes);
    }
}

static bool add_field(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    struct digest one = {0};
    fold_bytes(&one, field);
    fold_bytes(&one, value);
    add(context, one.bytes, sizeof one.bytes);
    return true;
}

static void fold_stream_entry(struct digest *digest, const struct stream_cursor *cursor) {
    char text[PACK_TEXT_MAX], id[STREAM_ID_TEXT_MAX + 1];
    struct stream_id at = cursor->entry.id;
    int length = snprintf(id, sizeof id, "%" PRIu64 ".%" PRIu64, at.ms, at.seq);
    fold(digest, id, (size_t)length);
    struct node_fields fields = node_fields(&cursor->node, &cursor->entry);
    for (uint64_t i = 0; i < cursor->entry.field_count; i++) {
        size_t field, value;
        node_field_next(&fields, &field, &value);
        fold_bytes(digest, pack_get_text(cursor->node.pack, field, text));
        fold_bytes(digest, pack_get_text(cursor->node.pack, value, text));
    }
}

static void fold_stream(struct digest *digest, struct stream *stream) {
    struct stream_cursor cursor;
    stream_seek(&cursor, stream, STREAM_ID_MIN, STREAM_ID_MAX, false);
    while (stream_next(&cursor))
        fold_stream_entry(digest, &cursor);
}

static void fold_value(struct digest *digest, const struct entry *e, int64_t now_ms) {
    struct value value = entry_value(e);
    fold_number(digest, value.type == TYPE_STREAM ? 6 : value.type);
    switch (value.type) {
    case TYPE_STRING: fold_bytes(digest, value.small); break;
    case TYPE_LIST: fold_list(digest, &value); break;
    case TYPE_SET: set_each(&value, add_member, digest); break;
    case TYPE_ZSET: add_zset(digest, &value); break;
    case TYPE_HASH: hash_each(&value, now_ms, add_field, digest); break;
    case TYPE_STREAM: fold_stream(digest, value.object); break;
    case TYPE_COUNT: unreachable_code();
    }
    if (entry_has_expiry(e)) add(digest, "!!expire!!", 10);
}

/* ---- answers ---- */

static void reply_digest(struct reply *reply, const struct digest *digest) {
    char text[2 * sizeof digest->bytes + 1];
    for (unsigned i = 0; i < sizeof digest->bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", digest->bytes[i]);
    reply_simple(reply, text);
}

struct whole {
    struct digest digest;
    int64_t now_ms;
};

static void add_entry(void *context, const struct entry *e) {
    struct whole *whole = context;
    struct digest one = {0};
    fold_bytes(&one, entry_key(e));
    fold_value(&one, e, whole->now_ms);
    add(&whole->digest, one.bytes, sizeof one.bytes);
}

void debug_digest(struct call *call) {
    struct whole whole = {.now_ms = call->view.now_ms};
    struct view view = call->view;
    for (view.db = 0; view.db < keyspace_databases(view.keyspace); view.db++) {
        if (!keyspace_size(view.keyspace, view.db).keys) continue;
        fold_number(&whole.digest, view.db);
        keyspace_scan(&view, 0, UINT64_MAX, add_entry, &whole);
    }
    reply_digest(call->reply, &whole.digest);
}

void debug_digest_value(struct call *call) {
    reply_array(call->reply, call->argc - 2);
    for (unsigned i = 2; i < call->argc; i++) {
        struct digest digest = {0};
        struct key key = key_make(call->argv[i]);
        const struct entry *e = keyspace_look(&call->view, &key);
        if (e) fold_value(&digest, e, call->view.now_ms);
        reply_digest(call->reply, &digest);
    }
}
