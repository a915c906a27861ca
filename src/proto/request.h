/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests: bytes in, commands out. RESP arrays of bulk strings and inline commands.
 *
 * The parser copies nothing: arguments are slices of the input, valid while the input stays where
 * it is (those of inline commands: until the batch is used again). It parses as many requests as
 * the input holds (a pipeline is a batch) and remembers how far it came in a request that is not
 * complete, so that a large request costs linear time however it trickles in.
 *
 * What a peer announces costs nothing; only what has arrived does: memory is at most about three
 * times the input, in the batch.
 *
 * A parser and a batch belong to one thread.
 */
#pragma once

#include "base/args.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_BATCH_MAX 64

/* What a peer that has not authenticated may announce, whatever the other limits are. */
#define REQUEST_UNAUTHENTICATED_ARGS 10
#define REQUEST_UNAUTHENTICATED_BULK 16384

struct request {
    const struct bytes *argv; /* argv[0] is the command's name */
    uint32_t argc;            /* at least 1 */
    size_t end;               /* offset in the input just after this request */
};

/* Requests parsed from one input. A zeroed struct is an empty batch. Reused from input to input,
 * one a worker is enough. Callers read `items`, `count` and `consumed`; the rest is the parser's.
 */
struct request_batch {
    struct request items[REQUEST_BATCH_MAX];
    unsigned count;
    size_t consumed;      /* bytes of input that the batch (and skipped empty requests) took */
    struct buffer slices; /* of struct bytes: the arguments of all items, one after the other */
    struct buffer inline_text; /* what the arguments of inline commands point into */
    struct args line;          /* scratch for one inline command */
    char error[48];
};

struct request_limits {
    size_t bulk_max;      /* proto-max-bulk-len */
    uint32_t args_max;    /* arguments of one request; INT32_MAX as Redis has it */
    size_t inline_max;    /* bytes of a line (inline, or a length) that has not ended; 64 KiB */
    bool unauthenticated; /* REQUEST_UNAUTHENTICATED_* hold too, and a batch is one request, since
                             that one may authenticate the peer for the next */
};

/* How far an incomplete request has come; a zeroed struct is a fresh one. Offsets count from the
 * start of that request. Owns nothing. */
struct request_parser {
    uint32_t args_left; /* arguments that are not complete */
    size_t at;          /* where the first of them starts; 0 = the request's head is not complete */
    size_t wanted; /* bytes that the request has at least: with fewer there is no use in trying */
};

enum request_status {
    REQUEST_OK,       /* batch->count >= 0 requests; more input is needed for the next one */
    REQUEST_FULL,     /* the batch is full, the input may hold more: consume and parse again */
    REQUEST_INVALID,  /* protocol error after batch->count good requests: run those, answer `error`,
                         close */
    REQUEST_NO_MEMORY /* as INVALID */
};

/* Parses from the start of `input`, which is where the last consumed request ended. The input grows
 * at its end from call to call and may move. `error` is set on INVALID and NO_MEMORY: a text for
 * reply_error_bytes ("ERR Protocol error: ..."), with a final zero after it, valid as long as the
 * batch is not used again.
 *
 * Who consumes less than batch->consumed, or drops input, goes on with a zeroed parser. */
enum request_status request_parse(struct request_parser *parser,
                                  const struct request_limits *limits, struct bytes input,
                                  struct request_batch *batch, struct bytes *error);

/* Bytes that the incomplete request has at least, from its start; 0 when there is none. It is the
 * peer's word, up to bulk_max more than has arrived: fit to size a buffer by, with pages that cost
 * nothing before they are written. */
static inline size_t request_wanted(const struct request_parser *parser) {
    return parser->wanted;
}

/* The batch is empty and may be used again. */
void request_batch_free(struct request_batch *batch);
