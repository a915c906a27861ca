/* SPDX-License-Identifier: BSD-3-Clause */
/* The runs of a sparse HyperLogLog. */
#pragma once

#include "value/hll.h"

#define SPARSE_VALUE_MAX 32u
#define SPARSE_VALUE_RUN 4u  /* longest run of a value */
#define SPARSE_ZERO_RUN  64u /* longest run of zeros in one byte */

struct run {
    uint8_t value;
    uint8_t size; /* bytes */
    uint32_t length;
};

/* The run at `at`, which is before the end. False: it is cut off. */
static inline bool run_read(struct bytes hll, size_t at, struct run *run) {
    uint8_t head = (uint8_t)hll.data[at];
    if (head & 0x80) {
        *run = (struct run){(uint8_t)((head >> 2 & 31) + 1), 1, (head & 3u) + 1};
        return true;
    }
    if (!(head & 0x40)) {
        *run = (struct run){0, 1, head + 1u};
        return true;
    }
    if (at + 1 == hll.len) return false;
    *run = (struct run){0, 2, ((head & 63u) << 8 | (uint8_t)hll.data[at + 1]) + 1};
    return true;
}

/* For reading all runs, which must be of all registers:
 *     struct runs runs = runs_of(hll);
 *     while (runs_next(&runs)) ... runs.first, runs.run
 *     if (!runs.valid) ... */
struct runs {
    struct bytes hll;
    size_t at;
    uint32_t first; /* register of the run */
    struct run run;
    bool valid; /* at the end */
};

static inline struct runs runs_of(struct bytes hll) {
    return (struct runs){.hll = hll, .at = HLL_HEADER};
}

static inline bool runs_next(struct runs *runs) {
    runs->first += runs->run.length;
    runs->valid = runs->at == runs->hll.len && runs->first == HLL_REGISTERS;
    if (runs->at == runs->hll.len || !run_read(runs->hll, runs->at, &runs->run)) return false;
    runs->at += runs->run.size;
    return runs->first + runs->run.length <= HLL_REGISTERS;
}

enum hll_outcome hll_sparse_raise(struct buffer *hll, struct hll_mark mark, uint64_t sparse_max,
                                  bool *promote);

/* Four registers lie in three bytes. */
static inline void dense_unpack(const uint8_t *bytes, uint8_t registers[4]) {
    uint32_t packed = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16;
    for (unsigned i = 0; i < 4; i++)
        registers[i] = packed >> 6 * i & 63;
}

static inline const uint8_t *dense_registers(struct bytes hll) {
    return (const uint8_t *)hll.data + HLL_HEADER;
}
