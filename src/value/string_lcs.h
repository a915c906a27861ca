/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The longest common subsequence of two strings: its length, and the path to one of them.
 *
 * Takes time and memory of about |a| * |b| / 64 words, with the path; Hyyro, "Bit-Parallel
 * LCS-length Computation Revisited", AWOCA 2004.
 */
#pragma once

#include "base/bytes.h"
#include <stdint.h>

struct lcs {
    struct bytes a, b; /* borrowed */
    size_t length;
    size_t row_words;
    uint64_t *rows; /* NULL without path; see string_lcs.c */
};

/* False: no memory, and there is nothing to free. */
bool lcs_make(struct lcs *lcs, struct bytes a, struct bytes b, bool with_path);
void lcs_free(struct lcs *lcs);

/* A run of bytes that a and b share at a_at and b_at. */
struct lcs_match {
    size_t a_at, b_at, length;
};

/* Where a walk along the path is: as much of a and b is still before it. */
struct lcs_walk {
    size_t a_left, b_left;
};

/* The path's runs are given from the end of the strings to their start. */
static inline struct lcs_walk lcs_walk_start(const struct lcs *lcs) {
    return (struct lcs_walk){lcs->a.len, lcs->b.len};
}

/* The next run, each as long as can be; false when there is none. Needs the path. */
bool lcs_walk_next(const struct lcs *lcs, struct lcs_walk *walk, struct lcs_match *out);
