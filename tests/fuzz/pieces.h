/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes that come in pieces, as files give them. */
#pragma once

#include "base/ensure.h"
#include "journal/rdb_file.h"

struct pieces {
    struct bytes left;
    size_t most; /* that one read gives */
};

static ssize_t pieces_next(void *context, void *out, size_t size) {
    struct pieces *pieces = context;
    size_t n = MIN(MIN(size, pieces->most), pieces->left.len);
    if (n) memcpy(out, pieces->left.data, n);
    pieces->left = bytes_skip(pieces->left, n);
    return (ssize_t)n;
}

static inline struct rdb_input pieces_read(struct pieces *pieces) {
    return (struct rdb_input){pieces_next, pieces};
}
