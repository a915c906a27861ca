/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/observe.h"

uint64_t histogram_upper_ns(unsigned bucket) {
    unsigned block = bucket >> HISTOGRAM_SUB_BITS;
    if (block == 0) return bucket;
    uint64_t sub = bucket & ((1u << HISTOGRAM_SUB_BITS) - 1);
    return ((sub + (1u << HISTOGRAM_SUB_BITS) + 1) << (block - 1)) - 1;
}

uint64_t histogram_percentile_ns(const struct histogram *h, double percentile) {
    uint64_t wanted = (uint64_t)((double)h->total * percentile / 100 + 0.5);
    uint64_t seen = 0;
    if (h->total == 0) return 0;
    if (wanted == 0) wanted = 1;
    for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++) {
        seen += h->counts[b];
        if (seen >= wanted) return histogram_upper_ns(b);
    }
    return histogram_upper_ns(HISTOGRAM_BUCKETS - 1);
}
