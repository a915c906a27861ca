/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts the RESP2 replies in a stream that arrives in pieces, and says of each what it was. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a stream stands between two pieces. A zeroed struct is the start of a stream. */
struct reply_parser {
    size_t skip;       /* bytes of a bulk string that are still to come, its line end included */
    uint64_t elements; /* of arrays that are open */
};

enum reply_kind { REPLY_VALUE, REPLY_NIL, REPLY_ERROR };

struct reply_sink {
    void (*reply)(void *argument, enum reply_kind kind, const char *line, size_t size);
    void *argument;
};

/* Calls the sink for each reply that ends in this piece (an array is one reply; for an error `line`
 * is its text). Returns how many bytes it used: the caller puts the rest before the next piece.
 * SIZE_MAX: this is no RESP2. */
size_t replies_parse(struct reply_parser *parser, const char *data, size_t size,
                     const struct reply_sink *sink);
