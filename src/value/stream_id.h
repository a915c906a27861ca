/* SPDX-License-Identifier: BSD-3-Clause */
/* IDs of a stream's entries: milliseconds and a sequence number, ordered by both. */
#pragma once

#include "base/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream_id {
    uint64_t ms, seq;
};

#define STREAM_ID_MIN      ((struct stream_id){0, 0})
#define STREAM_ID_MAX      ((struct stream_id){UINT64_MAX, UINT64_MAX})
#define STREAM_ID_TEXT_MAX 41u /* two numbers and a hyphen */

static inline int stream_id_compare(struct stream_id a, struct stream_id b) {
    if (a.ms != b.ms) return a.ms < b.ms ? -1 : 1;
    return (a.seq > b.seq) - (a.seq < b.seq);
}

static inline bool stream_id_is_zero(struct stream_id id) {
    return (id.ms | id.seq) == 0;
}

/* To the ID right behind or before. False at the last or the first one, which becomes the other. */
static inline bool stream_id_increment(struct stream_id *id) {
    return ++id->seq != 0 || ++id->ms != 0;
}

static inline bool stream_id_decrement(struct stream_id *id) {
    return id->seq-- != 0 || id->ms-- != 0;
}

/* Writes no final zero; returns the length. */
size_t stream_id_format(char out[STREAM_ID_TEXT_MAX], struct stream_id id);

/* "ms-seq", or "ms", which stands for the sequence number `missing`. `any` may be NULL; else
 * "ms-*" is understood too: *any says that it was that, and seq is 0. "-" and "+" are no IDs. */
bool stream_id_parse(struct bytes text, uint64_t missing, struct stream_id *out, bool *any);

/* The same, and "-" and "+" stand for the first and the last ID there can be. */
bool stream_id_parse_bound(struct bytes text, uint64_t missing, struct stream_id *out);
