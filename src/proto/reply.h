/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replies: what a command answers, written as RESP2 or RESP3 straight into an output buffer.
 *
 * A `struct reply` belongs to one thread. When the buffer can't grow, `failed` is set, nothing more
 * is written, and whoever owns the connection closes it: half a reply must not reach a client.
 */
#pragma once

#include "base/buffer.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reply {
    struct buffer *out;
    uint8_t resp;    /* 2 or 3 */
    bool failed;     /* no memory for the output */
    bool muted;      /* CLIENT REPLY OFF/SKIP: write nothing */
    unsigned errors; /* error replies since the caller last cleared it, muted ones too */
    size_t error_at; /* offset in `out` of the last error reply (at its '-'); SIZE_MAX when it was
                        not written */
};

/* A hint: about so many bytes are going to be written. */
void reply_expect(struct reply *r, size_t bytes);

void reply_ok(struct reply *r);
void reply_simple(struct reply *r, const char *text); /* `text` has no line breaks */
void reply_integer(struct reply *r, int64_t n);
void reply_integer_digits(struct reply *r, struct bytes digits); /* one that is formatted already */
void reply_bulk(struct reply *r, struct bytes b);
void reply_bulk_text(struct reply *r, const char *text);
void reply_bulk_integer(struct reply *r, int64_t n); /* a number as a bulk string */
void reply_bulk_printf(struct reply *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void reply_null(struct reply *r);       /* $-1 or _ */
void reply_null_array(struct reply *r); /* *-1 or _ */

/* An aggregate's head; the caller writes the elements. RESP2 shows maps as flat arrays, sets and
 * pushes as arrays. `n` counts pairs for maps and attributes (which RESP2 does not have: the caller
 * asks r->resp first). */
void reply_array(struct reply *r, size_t n);
void reply_map(struct reply *r, size_t pairs);
void reply_set(struct reply *r, size_t n);
void reply_push(struct reply *r, size_t n);
void reply_attribute(struct reply *r, size_t pairs);

/* An aggregate whose size is known only after its elements: open, write elements, close. Nests, in
 * the order of brackets. Closing moves the elements once to make room for the head: cheaper to know
 * the size. */
size_t reply_open(struct reply *r);
void reply_close_array(struct reply *r, size_t mark, size_t n);
void reply_close_map(struct reply *r, size_t mark, size_t pairs);
void reply_close_set(struct reply *r, size_t mark, size_t n);

void reply_double(struct reply *r, double d);           /* , or a bulk string in RESP2 */
void reply_long_double(struct reply *r, long double d); /* human-friendly; always a bulk string */
void reply_bool(struct reply *r, bool b);               /* # or :1/:0 */
void reply_verbatim(struct reply *r, const char ext[3], struct bytes text); /* = or a bulk string */
void reply_big_number(struct reply *r, struct bytes digits);                /* ( or a bulk string */

/* An error: `text` starts with its code ("ERR ...", "WRONGTYPE ..."). Line breaks at its end are
 * dropped, others become spaces. */
void reply_error(struct reply *r, const char *text);
void reply_error_bytes(struct reply *r, struct bytes text);
void reply_errorf(struct reply *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The errors that every family gives, in Redis' words. */
void reply_wrong_type(struct reply *r);
void reply_syntax_error(struct reply *r);
void reply_not_integer(struct reply *r);
void reply_not_float(struct reply *r);
void reply_no_memory(struct reply *r); /* the data found no memory; nothing has changed */
void reply_no_such_key(struct reply *r);
void reply_index_out_of_range(struct reply *r);

/* Bytes already in RESP form. */
void reply_raw(struct reply *r, struct bytes b);
