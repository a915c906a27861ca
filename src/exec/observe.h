/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is remembered of commands that were slow or large, and how long commands take: the data
 * behind COMMANDLOG, SLOWLOG, LATENCY and INFO latencystats.
 *
 * The logs and the latency events are shared by all workers behind a lock of their own, since what
 * they record is rare; any thread may call these functions. Histograms are a worker's own and are
 * summed in exclusive mode.
 */
#pragma once

#include "base/buffer.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stdint.h>

struct call;
struct command;
struct exec;

/* ---- the command logs ---- */

enum commandlog { COMMANDLOG_SLOW, COMMANDLOG_LARGE_REQUEST, COMMANDLOG_LARGE_REPLY };
#define COMMANDLOG_COUNT 3

struct commandlog_entry {
    uint64_t id;
    int64_t time_s;           /* Unix time */
    int64_t value;            /* microseconds, or bytes of request or reply */
    const struct bytes *argv; /* as shown: long arguments and long lines are cut already */
    unsigned argc;
    struct bytes peer;
    struct bytes name; /* of the client, may be empty */
};

typedef void commandlog_visitor(void *context, const struct commandlog_entry *entry);

uint64_t commandlog_length(struct exec *exec, enum commandlog log);
void commandlog_reset(struct exec *exec, enum commandlog log);

/* Newest first, at most `count` entries. `fn` runs under the log's lock. */
void commandlog_each(struct exec *exec, enum commandlog log, uint64_t count, commandlog_visitor *fn,
                     void *context);

/* ---- latency events ---- */

#define LATENCY_SAMPLES 160

/* One second's worst latency. */
struct latency_sample {
    uint32_t time_s; /* Unix time */
    uint32_t ms;
};

struct latency_event {
    const char *name;                               /* "command" or "fast-command" */
    struct latency_sample samples[LATENCY_SAMPLES]; /* a ring: oldest at `first` */
    unsigned first, count;
    uint32_t max_ms;
    uint64_t sum_ms, total; /* of all samples since the last reset */
};

/* latency-monitor-threshold in ms, 0 = off. */
int64_t latency_threshold_ms(void);

/* Visitors run under the lock of the events, and call nothing of this header. */
typedef void latency_visitor(void *context, const struct latency_event *event);
void latency_each(struct exec *exec, latency_visitor *fn, void *context);

/* Calls fn for one event, any case; false when there is none of that name. */
bool latency_find(struct exec *exec, struct bytes name, latency_visitor *fn, void *context);

/* Forgets one event, or all; returns how many there were. */
unsigned latency_reset(struct exec *exec, struct bytes name);
unsigned latency_reset_all(struct exec *exec);

/* ---- how long commands take ---- */

/* Durations in nanoseconds, log-linear: each power of two is cut in 32, so a value is known to 3%;
 * the last bucket has all from one second up. */
#define HISTOGRAM_SUB_BITS 5
#define HISTOGRAM_MAX_BITS 30
#define HISTOGRAM_BUCKETS  ((HISTOGRAM_MAX_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
    uint64_t total;
    uint64_t counts[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t ns) {
    if (ns < (1u << HISTOGRAM_SUB_BITS)) return (unsigned)ns;
    unsigned power = 63 - (unsigned)__builtin_clzll(ns);
    if (power >= HISTOGRAM_MAX_BITS) return HISTOGRAM_BUCKETS - 1;
    unsigned shift = power - HISTOGRAM_SUB_BITS;
    return (unsigned)(((shift + 1) << HISTOGRAM_SUB_BITS) +
                      ((ns >> shift) & ((1u << HISTOGRAM_SUB_BITS) - 1)));
}

static inline void histogram_add(struct histogram *h, uint64_t ns, unsigned count) {
    h->total += count;
    h->counts[histogram_bucket(ns)] += count;
}

/* The largest duration that falls into the bucket. */
uint64_t histogram_upper_ns(unsigned bucket);

/* The duration that `percentile` (0 to 100) of the values do not exceed; 0 when it is empty. */
uint64_t histogram_percentile_ns(const struct histogram *h, double percentile);

/* Sums all workers' durations of a command into `out`. false: it has not run since the last reset,
 * or latency-tracking is off. Exclusive mode. */
bool exec_histogram(struct exec *exec, const struct command *command, struct histogram *out);
