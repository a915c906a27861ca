/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests: bytes in, commands out. RESP arrays of bulk strings and inline commands.
 *
 * The parser copies nothing: arguments are slices of the input, valid while the input stays where
 * it is. It parses as many requests as the input holds (a pipeline is a batch) and remembers how
 * far it came in a request that is not complete, so that a large request costs linear time however
 * it trickles in.
 *
 * A parser and a batch belong to one thread.
 */
#pragma once

#include "base/buffer.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_BATCH_MAX 64

struct request {
    const struct bytes *argv; /* argv[0] is the command's name */
    uint32_t argc;            /* at least 1 */
    size_t end;               /* offset in the input just after this request */
};

/* Requests parsed from one input. Reused from batch to batch, one a worker is enough. */
struct request_batch {
    struct request items[REQUEST_BATCH_MAX];
    unsigned count;
    size_t consumed;     /* bytes of input that the batch (and skipped empty lines) took */
    struct bytes *args;  /* the argument slices of all items */
    size_t args_used, args_capacity;
    struct buffer inline_text; /* unquoted arguments of inline commands */
};

struct request_limits {
    size_t bulk_max;   /* proto-max-bulk-len */
    uint32_t args_max; /* multibulk count */
    size_t inline_max; /* bytes of an inline request */
};

/* How far an incomplete request has come; zero-initialised is a fresh one. Offsets count from the
 * start of that request. */
struct request_parser {
    uint32_t args_wanted, args_have;
    size_t at;     /* next byte to look at */
    size_t wanted; /* total bytes the request needs at least: no use in trying with fewer */
    uint32_t *spans; /* ... offset/length pairs of arguments parsed so far (the parser's own form) */
    size_t spans_capacity;
};

enum request_status {
    REQUEST_OK,       /* batch.count >= 0 requests; more input is needed for the next one */
    REQUEST_FULL,     /* the batch is full, the input may hold more */
    REQUEST_INVALID,  /* protocol error after batch.count good requests: run those, answer `error`,
                         close */
    REQUEST_NO_MEMORY /* as INVALID */
};

/* Parses from the start of `input`, which is where the last consumed request ended. `error` gets
 * the error text without "-" and CRLF ("ERR Protocol error: ..."), of static or batch lifetime. */
enum request_status request_parse(struct request_parser *parser,
                                  const struct request_limits *limits, struct bytes input,
                                  struct request_batch *batch, const char **error);

/* Total bytes that the incomplete request is known to need, 0 when not known: how large a buffer to
 * read into. */
size_t request_wanted(const struct request_parser *parser);

void request_parser_free(struct request_parser *parser);
void request_batch_free(struct request_batch *batch);
