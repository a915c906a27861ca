/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/exec_priv.h"

void rate_sample(struct rate *rate, int64_t now_us, uint64_t count) {
    int64_t elapsed = now_us - rate->last_us;
    if (elapsed <= 0) return;
    uint64_t grown = count >= rate->last ? count - rate->last : count;
    rate->per_second[rate->next] = (uint64_t)((double)grown * 1e6 / (double)elapsed);
    rate->next = (rate->next + 1) % RATE_SAMPLES;
    rate->last = count;
    rate->last_us = now_us;
}

uint64_t rate_mean(const struct rate *rate) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < RATE_SAMPLES; i++)
        sum += rate->per_second[i];
    return sum / RATE_SAMPLES;
}
