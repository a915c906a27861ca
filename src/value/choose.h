/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "base/random.h"
#include <stdbool.h>
#include <stdint.h>

/* Choosing some of a sequence in one pass, every choice as likely as any other: Knuth, The Art of
 * Computer Programming, volume 2, 3.4.2, algorithm S. */
struct choice {
    struct random *random;
    uint64_t wanted; /* still to be chosen */
    uint64_t rest;   /* still to come */
};

/* Is the next one among the chosen. */
static inline bool choose_next(struct choice *choice) {
    bool chosen = choice->wanted && random_below(choice->random, choice->rest) < choice->wanted;
    choice->rest--;
    choice->wanted -= chosen;
    return chosen;
}
