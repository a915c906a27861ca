/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DEBUG DIGEST and DIGEST-VALUE: 20 bytes that are the same on servers that hold the same data, by
 * the scheme that Redis and Valkey have in common.
 *
 * What has an order is folded in: digest = SHA1(digest xor SHA1(data)). What has none is added:
 * digest = digest xor SHA1(data). Numbers are 32 bits, big-endian.
 */
#include "cmd/debug.h"
#include <arpa/inet.h>
#include <openssl/sha.h>
#include <stdio.h>

struct digest {
    uint8_t bytes[SHA_DIGEST_LENGTH];
};

static void add(struct digest *digest, const void *data, size_t len) {
    struct digest hash;
    SHA1(data, len, hash.bytes);
    for (unsigned i = 0; i < sizeof hash.bytes; i++)
        digest->bytes[i] ^= hash.bytes[i];
}

static void fold(struct digest *digest, const void *data, size_t len) {
    struct digest sum = *digest;
    add(&sum, data, len);
    SHA1(sum.bytes, sizeof sum.bytes, digest->bytes);
}

static void fold_number(struct digest *digest, uint32_t n) {
    uint32_t wire = htonl(n);
    fold(digest, &wire, sizeof wire);
}

static void fold_value(struct digest *digest, const struct entry *e) {
    struct bytes value = entry_string(e);
    fold_number(digest, entry_type(e));
    fold(digest, value.data, value.len);
    if (entry_has_expiry(e)) add(digest, "!!expire!!", 10);
}

static void reply_digest(struct reply *reply, const struct digest *digest) {
    char text[2 * sizeof digest->bytes + 1];
    for (unsigned i = 0; i < sizeof digest->bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", digest->bytes[i]);
    reply_simple(reply, text);
}

static void add_entry(void *context, const struct entry *e) {
    struct digest *whole = context, one = {0};
    struct bytes name = entry_key(e);
    fold(&one, name.data, name.len);
    fold_value(&one, e);
    add(whole, one.bytes, sizeof one.bytes);
}

void debug_digest(struct call *call) {
    struct digest whole = {0};
    struct view view = call->view;
    for (view.db = 0; view.db < keyspace_databases(view.keyspace); view.db++) {
        if (!keyspace_size(view.keyspace, view.db).keys) continue;
        fold_number(&whole, view.db);
        keyspace_scan(&view, 0, UINT64_MAX, add_entry, &whole);
    }
    reply_digest(call->reply, &whole);
}

void debug_digest_value(struct call *call) {
    reply_array(call->reply, call->argc - 2);
    for (unsigned i = 2; i < call->argc; i++) {
        struct digest digest = {0};
        struct key key = key_make(call->argv[i]);
        const struct entry *e = keyspace_peek(&call->view, &key);
        if (e) fold_value(&digest, e);
        reply_digest(call->reply, &digest);
    }
}
