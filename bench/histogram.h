/* SPDX-License-Identifier: BSD-3-Clause */
/* Latencies in nanoseconds, with an error below 1.6 %: 64 buckets for each power of two. */
#pragma once

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 60 * 64 };

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total, max;
};

static inline unsigned histogram_bucket(uint64_t value) {
    if (value < 64) return (unsigned)value;
    unsigned shift = 63 - 6 - (unsigned)__builtin_clzll(value);
    return (shift + 1) * 64 + (unsigned)((value >> shift) & 63);
}

/* `times` equal values. */
static inline void histogram_add(struct histogram *histogram, uint64_t value, unsigned times) {
    histogram->counts[histogram_bucket(value)] += times;
    histogram->total += times;
    if (value > histogram->max) histogram->max = value;
}

/* The value that a share (0 to 1) of all values does not exceed. */
static inline uint64_t histogram_quantile(const struct histogram *histogram, double share) {
    uint64_t wanted = (uint64_t)(share * (double)histogram->total), seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (histogram->counts[i] && seen >= wanted) {
            return i < 64 ? i : (uint64_t)(64 + i % 64) << (i / 64 - 1);
        }
    }
    return histogram->max;
}
