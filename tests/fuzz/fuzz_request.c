/* SPDX-License-Identifier: BSD-3-Clause */
/* The request parser: whatever the input and however it is cut into pieces, it keeps its promises,
 * and the pieces give the same requests as the whole.
 *
 * An input is: a byte of flags, a byte with the number of piece sizes, those sizes (a byte each,
 * taken in turn, 0 = 256), and what the peer sends. */
#include "base/ensure.h"
#include "proto/request.h"

#include <stdint.h>
#include <stdlib.h>

enum { FLAG_UNAUTHENTICATED = 1, FLAG_SHORT_LINES = 2, FLAG_SMALL = 4 };

struct peer {
    struct request_parser parser;
    struct request_batch batch;
    struct buffer waiting;
    struct buffer seen; /* the requests, each argument with its length, then the error */
    bool closed;
};

static void note(struct peer *peer, struct bytes text) {
    ensure(buffer_append(&peer->seen, &text.len, sizeof text.len));
    ensure(buffer_append_bytes(&peer->seen, text));
}

static void note_requests(struct peer *peer, const struct request_limits *limits) {
    size_t end = 0;
    ensure(peer->batch.count <= (limits->unauthenticated ? 1 : REQUEST_BATCH_MAX));
    for (unsigned i = 0; i < peer->batch.count; i++) {
        const struct request *request = &peer->batch.items[i];
        ensure(request->argc >= 1 && request->end > end);
        end = request->end;
        note(peer, bytes_make("request", 7));
        for (uint32_t j = 0; j < request->argc; j++)
            note(peer, request->argv[j]);
    }
    ensure(end <= peer->batch.consumed && peer->batch.consumed <= peer->waiting.len);
}

/* From a copy, so that reading beyond the input is seen, and so that it moves. */
static enum request_status parse_waiting(struct peer *peer, const struct request_limits *limits) {
    size_t len = peer->waiting.len;
    char *copy = malloc(len);
    ensure(copy || len == 0);
    if (len) memcpy(copy, peer->waiting.data, len);
    struct bytes error;
    enum request_status status =
        request_parse(&peer->parser, limits, bytes_make(copy, len), &peer->batch, &error);
    note_requests(peer, limits);
    free(copy);
    buffer_consume(&peer->waiting, peer->batch.consumed);
    if (status == REQUEST_OK && peer->waiting.len)
        ensure(request_wanted(&peer->parser) > peer->waiting.len);
    else
        ensure(request_wanted(&peer->parser) == 0);
    ensure(peer->batch.slices.cap <= 16 * len + (256 << 10));
    if (status == REQUEST_INVALID) {
        ensure(bytes_starts_with(error, BYTES("ERR Protocol error: ")));
        note(peer, error);
        peer->closed = true;
    }
    return status;
}

static void feed(struct peer *peer, const struct request_limits *limits, struct bytes piece) {
    if (peer->closed) return;
    ensure(buffer_append_bytes(&peer->waiting, piece));
    enum request_status status;
    do {
        status = parse_waiting(peer, limits);
        ensure(status != REQUEST_NO_MEMORY && (status != REQUEST_FULL || peer->batch.count));
    } while (status == REQUEST_FULL);
}

static void peer_free(struct peer *peer) {
    request_batch_free(&peer->batch);
    buffer_free(&peer->waiting);
    buffer_free(&peer->seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    uint8_t flags = data[0];
    const uint8_t *sizes = data + 2;
    size_t size_count = MIN((size_t)data[1], size - 2);
    struct bytes input = bytes_make(sizes + size_count, size - 2 - size_count);
    const struct request_limits limits = {
        .bulk_max = flags & FLAG_SMALL ? 100 : 512 << 20,
        .args_max = flags & FLAG_SMALL ? 100 : INT32_MAX,
        .inline_max = flags & FLAG_SHORT_LINES ? 10 : SIZE_MAX,
        .unauthenticated = flags & FLAG_UNAUTHENTICATED,
    };
    static struct peer whole, cut;
    whole = cut = (struct peer){0};
    feed(&whole, &limits, input);
    for (size_t i = 0; input.len; i++) {
        size_t n = size_count && sizes[i % size_count] ? sizes[i % size_count] : 256;
        n = MIN(n, input.len);
        feed(&cut, &limits, bytes_make(input.data, n));
        input = bytes_skip(input, n);
    }
    /* Whether a line is too long before its end has come depends on the pieces, as it does in
     * Redis. */
    if (!(flags & FLAG_SHORT_LINES)) {
        ensure(whole.closed == cut.closed);
        ensure(bytes_equal(buffer_bytes(&whole.seen), buffer_bytes(&cut.seen)));
    }
    peer_free(&whole);
    peer_free(&cut);
    return 0;
}
