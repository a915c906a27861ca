/* SPDX-License-Identifier: BSD-3-Clause */
/* A window over an input that is read once, from the beginning to the end: it reaches from the
 * record in hand to what is being looked at. Memory is taken in proportion to what there really is
 * to read, whatever lengths the input claims. */
#pragma once

#include "base/buffer.h"
#include "journal/rdb_file.h"

struct window {
    struct rdb_input input;
    struct buffer bytes; /* of the input, from `base` on */
    uint64_t base;
    uint64_t at;   /* the next byte to look at */
    uint64_t kept; /* from here on bytes stay in the window; the user moves it */
    bool ended;    /* nothing is behind the window */
    int status;    /* why need() failed: 0 = the input ends, or a negative errno */

    /* Bytes before `kept` are on their way out. NULL = nobody minds. */
    void (*leaving)(void *context, uint64_t until);
    void *context;
};

const char *window_need_more(struct window *window, uint64_t count);

static inline uint64_t window_end(const struct window *window) {
    return window->base + window->bytes.len;
}

/* Makes at least `count` bytes from `at` on readable at the result, which is valid until the next
 * call. NULL: see status. */
static inline const char *window_need(struct window *window, uint64_t count) {
    if (window_end(window) - window->at < count) return window_need_more(window, count);
    return window->bytes.data + (window->at - window->base);
}

/* What lies between two offsets in the window. */
static inline struct bytes window_bytes(const struct window *window, uint64_t from, uint64_t to) {
    return bytes_make(window->bytes.data + (from - window->base), (size_t)(to - from));
}
