/* SPDX-License-Identifier: BSD-3-Clause */
/* Estimates: Ertl's "improved raw estimator" (algorithm 6 of the paper that hll.h names). */
#include "value/hll_priv.h"
#include <math.h>

#define HASH_REST (64 - HLL_BITS) /* bits of a hash that do not choose the register */

/* How many registers have each value. */
struct histogram {
    uint32_t registers[64];
};

static double sigma(double x) {
    if (x == 1.0) return INFINITY;
    double y = 1.0, z = x, before;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double tau(double x) {
    if (x == 0.0 || x == 1.0) return 0.0;
    double y = 1.0, z = 1.0 - x, before;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
    } while (z != before);
    return z / 3.0;
}

static uint64_t estimate(const struct histogram *histogram) {
    const double m = HLL_REGISTERS;
    const double alpha = 0.721347520444481703680; /* 1 / (2 ln 2) */
    double z = m * tau((m - histogram->registers[HASH_REST + 1]) / m);
    for (unsigned value = HASH_REST; value >= 1; value--)
        z = (z + histogram->registers[value]) * 0.5;
    z += m * sigma(histogram->registers[0] / m);
    return (uint64_t)llroundl(alpha * m * m / z);
}

bool hll_count(struct bytes hll, uint64_t *count) {
    struct histogram histogram = {0};
    if (hll_is_dense(hll)) {
        const uint8_t *packed = dense_registers(hll);
        for (size_t i = 0; i < HLL_REGISTERS; i += 4, packed += 3) {
            uint8_t four[4];
            dense_unpack(packed, four);
            for (unsigned j = 0; j < 4; j++)
                histogram.registers[four[j]]++;
        }
    } else {
        struct runs runs = runs_of(hll);
        while (runs_next(&runs))
            histogram.registers[runs.run.value] += runs.run.length;
        if (!runs.valid) return false;
    }
    *count = estimate(&histogram);
    return true;
}

uint64_t hll_count_registers(const uint8_t registers[HLL_REGISTERS]) {
    struct histogram histogram = {0};
    for (size_t i = 0; i < HLL_REGISTERS; i++)
        histogram.registers[registers[i] & 63]++;
    return estimate(&histogram);
}

bool hll_cached(struct bytes hll, uint64_t *count) {
    memcpy(count, hll.data + HLL_CACHE, HLL_CACHE_SIZE);
    return !(*count >> 63);
}

void hll_write_cache(uint8_t cache[HLL_CACHE_SIZE], uint64_t count) {
    memcpy(cache, &count, HLL_CACHE_SIZE);
}
