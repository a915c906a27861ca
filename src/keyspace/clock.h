/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The 24 bits that tell how an entry has been used, as Redis keeps them: seconds of its last use
 * (LRU policies), or 16 bits of minutes and a logarithmic counter (LFU policies; after Morris,
 * "Counting large numbers of events in small registers", 1978).
 */
#pragma once

#include <stdint.h>

uint32_t clock_idle_seconds(uint32_t clock, int64_t now_ms);

/* The counter with the decay since its last use taken off, 0 to 255. */
uint32_t clock_frequency(uint32_t clock, int64_t now_ms);

/* A clock of which these two would tell just that, for as long as the policy stays of its kind. */
uint32_t clock_idle_for(uint64_t seconds, int64_t now_ms);
uint32_t clock_frequent(uint8_t counter, int64_t now_ms);
