/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

/* Wall time is the Unix time that clients see, and may jump. Monotonic time only measures. Any
 * thread. */
int64_t clock_wall_ms(void);
int64_t clock_wall_us(void);
int64_t clock_mono_us(void);
int64_t clock_mono_ns(void);

/* The processor's constant-rate counter: the cheapest way (a few nanoseconds) to measure one
 * command. */
static inline uint64_t clock_ticks(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return (uint64_t)clock_mono_ns();
#endif
}

/* How many of them make a microsecond. The first call measures for a few milliseconds where the
 * machine does not say. */
double clock_ticks_per_us(void);
