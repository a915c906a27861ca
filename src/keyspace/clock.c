/* SPDX-License-Identifier: BSD-3-Clause */
#include "keyspace/clock.h"
#include "base/ensure.h"
#include "base/random.h"
#include "keyspace/keyspace_priv.h"

#define LFU_INITIAL  5u
#define MINUTES_MASK 0xffffu

static _Thread_local struct random dice;

static uint32_t minutes(int64_t now_ms) {
    return (uint32_t)(now_ms / 60000) & MINUTES_MASK;
}

uint32_t clock_fresh(int64_t now_ms) {
    if (policy_is_lfu()) return minutes(now_ms) << 8 | LFU_INITIAL;
    return clock_seconds(now_ms);
}

/* What the clock has gone on since `then`, by the bits of `mask`. Workers read the time one after
 * the other, and it may be set back: what seems to lie less than an hour ahead is now. */
static uint32_t elapsed_since(uint32_t then, uint32_t now, uint32_t mask, uint32_t hour) {
    uint32_t elapsed = (now - then) & mask;
    return elapsed > mask - hour ? 0 : elapsed;
}

uint32_t clock_frequency(uint32_t clock, int64_t now_ms) {
    uint32_t counter = clock & 0xff;
    uint32_t elapsed = elapsed_since(clock >> 8, minutes(now_ms), MINUTES_MASK, 60);
    int64_t decay = policy.lfu_decay_time;
    uint64_t periods = decay ? elapsed / (uint64_t)decay : 0;
    return periods > counter ? 0 : counter - (uint32_t)periods;
}

/* The counter is logarithmic: it grows with a probability that falls with its value. */
static uint32_t count_use(uint32_t counter) {
    if (counter == 255) return counter;
    if (UNLIKELY(!dice.state[0])) random_seed(&dice, (uintptr_t)&dice);
    double base = counter > LFU_INITIAL ? counter - LFU_INITIAL : 0;
    double chance = 1.0 / (base * (double)policy.lfu_log_factor + 1);
    return random_double(&dice) < chance ? counter + 1 : counter;
}

uint32_t clock_counted(uint32_t clock, int64_t now_ms) {
    return minutes(now_ms) << 8 | count_use(clock_frequency(clock, now_ms));
}

uint32_t clock_idle_seconds(uint32_t clock, int64_t now_ms) {
    return elapsed_since(clock, clock_seconds(now_ms), CLOCK_MASK, 3600);
}

uint32_t clock_idle_for(uint64_t idle, int64_t now_ms) {
    return (clock_seconds(now_ms) - (uint32_t)MIN(idle, (uint64_t)CLOCK_MASK - 3600)) & CLOCK_MASK;
}

uint32_t clock_frequent(uint8_t counter, int64_t now_ms) {
    return minutes(now_ms) << 8 | counter;
}

uint64_t clock_coldness(uint32_t clock, int64_t now_ms) {
    if (policy_is_lfu()) return 255 - clock_frequency(clock, now_ms);
    return clock_idle_seconds(clock, now_ms);
}
