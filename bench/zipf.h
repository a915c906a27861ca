/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers below a limit where rank r comes with probability proportional to 1 / r^exponent. */
#pragma once

#include <stdint.h>

struct zipf {
    uint64_t limit;
    double exponent, start, end, threshold;
};

/* exponent > 0. */
void zipf_init(struct zipf *zipf, uint64_t limit, double exponent);

/* A rank from 0, the most frequent. `random` is the state of the caller's generator. */
uint64_t zipf_next(const struct zipf *zipf, uint64_t *random);

/* xorshift64*: the generator of all random choices of the load. The state is never 0. */
static inline uint64_t random_next(uint64_t *state) {
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1du;
}

/* Uniform below a limit of 32 bits. */
static inline uint64_t random_below(uint64_t *state, uint64_t limit) {
    return ((random_next(state) >> 32) * limit) >> 32;
}
