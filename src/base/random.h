/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

/* Fast pseudo-random numbers for sampling, never for secrets (those come from sys/entropy.h). One
 * generator per thread: xoshiro256** 1.0, Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", ACM TOMS 47 (2021). */
struct random {
    uint64_t state[4];
};

/* Expands the seed with splitmix64, so that any seed is fine, zero too. */
void random_seed(struct random *random, uint64_t seed);

static inline uint64_t random_rotate(uint64_t x, int k) {
    return (x << k) | (x >> (64 - k));
}

static inline uint64_t random_next(struct random *random) {
    uint64_t *s = random->state;
    uint64_t result = random_rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = random_rotate(s[3], 45);
    return result;
}

/* Uniform in [0, n), n > 0, without bias: Lemire, "Fast random integer generation in an interval",
 * ACM TOMACS 29 (2019). */
static inline uint64_t random_below(struct random *random, uint64_t n) {
    unsigned __int128 product = (unsigned __int128)random_next(random) * n;
    if (__builtin_expect((uint64_t)product < n, 0)) {
        uint64_t threshold = -n % n;
        while ((uint64_t)product < threshold)
            product = (unsigned __int128)random_next(random) * n;
    }
    return (uint64_t)(product >> 64);
}

/* Uniform in [0, 1). */
static inline double random_double(struct random *random) {
    return (double)(random_next(random) >> 11) * 0x1.0p-53;
}
