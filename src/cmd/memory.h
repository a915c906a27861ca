/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of MEMORY, and the figures that it shares with INFO. */
#pragma once

#include "exec/exec.h"
#include "sys/memory.h"

void memory_doctor(struct call *call);
void memory_help(struct call *call);
void memory_malloc_stats(struct call *call);
void memory_show_stats(struct call *call);
void memory_trim(struct call *call);
void memory_usage(struct call *call);

/* In bytes. */
struct memory_figures {
    size_t used;     /* all that was asked for and not given back */
    size_t peak;     /* the most of that when anybody looked */
    size_t startup;  /* of that, what there was before any data */
    size_t clients;  /* what connections hold */
    size_t dataset;  /* what came since the start and is no client's: keys, values, their tables */
    size_t overhead; /* all the rest */
    size_t resident; /* as the kernel counts it */
    struct memory_stats allocator;
};

/* Exclusive mode. */
struct memory_figures memory_measure(struct exec *exec);

/* "a / b", and 0 for b = 0. */
static inline double memory_ratio(double a, double b) {
    return b != 0 ? a / b : 0;
}

static inline int64_t memory_difference(size_t a, size_t b) {
    return (int64_t)a - (int64_t)b;
}
