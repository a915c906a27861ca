/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Deadlines without an index: what a table's owner makes of `due` in its buckets. Each bucket that
 * has blocks with a deadline carries a lower bound of these in units of 128 ms, so a sweep reads
 * one cache line for twelve blocks, and touches only blocks of buckets where something is due.
 *
 * The bound has 16 bits and is compared by signed difference: it reaches 70 minutes ahead. What is
 * due later is noted as due then, and noted anew when the sweep comes by. If the sweep has not come
 * by for DUE_BLIND_MS, or the clock has jumped, one pass must ignore the bounds: then every bucket
 * that has one may be due.
 */
#pragma once

#include "ds/table.h"

#define DUE_UNIT_SHIFT 7
#define DUE_HORIZON    32000 /* units */
#define DUE_BLIND_MS   3600000

static inline uint16_t due_coarse(int64_t ms) {
    uint16_t units = (uint16_t)((uint64_t)ms >> DUE_UNIT_SHIFT);
    return units ? units : UINT16_MAX; /* 0 means none; one earlier is still a lower bound */
}

/* Whether a block of this bucket may be due. */
static inline bool due_reached(const struct table_bucket *bucket, int64_t now_ms) {
    return bucket->due && (int16_t)(due_coarse(now_ms) - bucket->due) > 0;
}

/* Tells the bucket of a deadline of one of its blocks; one that has passed is due at once. A bound
 * that has been reached stays: it may lie too far back to be compared. */
static inline void due_note(struct table_bucket *bucket, int64_t deadline, int64_t now_ms) {
    int64_t horizon = now_ms + ((int64_t)DUE_HORIZON << DUE_UNIT_SHIFT);
    uint16_t due = due_coarse(MAX(MIN(deadline, horizon), now_ms - (1 << DUE_UNIT_SHIFT)));
    if (due_reached(bucket, now_ms)) return;
    if (!bucket->due || (int16_t)(due - bucket->due) < 0) bucket->due = due;
}

/* The last millisecond at which due_reached() says no of this bucket, which has a deadline; less
 * than a unit after that. */
static inline int64_t due_until(const struct table_bucket *bucket, int64_t now_ms) {
    int16_t ahead = (int16_t)(bucket->due - due_coarse(now_ms));
    return (((now_ms >> DUE_UNIT_SHIFT) + ahead + 1) << DUE_UNIT_SHIFT) - 1;
}
