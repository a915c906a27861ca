/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/clock.h"

#include <stdatomic.h>
#include <time.h>

static int64_t read_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_wall_us(void) {
    return read_ns(CLOCK_REALTIME) / 1000;
}

int64_t clock_wall_ms(void) {
    return read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_mono_ns(void) {
    return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_mono_us(void) {
    return read_ns(CLOCK_MONOTONIC) / 1000;
}

#if defined(__aarch64__)
static double measure_rate(void) {
    uint64_t hertz;
    __asm__("mrs %0, cntfrq_el0" : "=r"(hertz));
    return (double)hertz / 1e6;
}
#else
/* Long against the time of a clock call, so that the error stays below a part in ten thousand. */
static double measure_rate(void) {
    static const int64_t duration_ns = 2000000;
    int64_t start_ns = clock_mono_ns(), now_ns;
    uint64_t start = clock_ticks(), now;
    do {
        now_ns = clock_mono_ns();
        now = clock_ticks();
    } while (now_ns - start_ns < duration_ns);
    return (double)(now - start) * 1000.0 / (double)(now_ns - start_ns);
}
#endif

double clock_ticks_per_us(void) {
    static _Atomic double rate;
    double known = atomic_load_explicit(&rate, memory_order_relaxed);
    if (known == 0) {
        known = measure_rate();
        atomic_store_explicit(&rate, known, memory_order_relaxed);
    }
    return known;
}
