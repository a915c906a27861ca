/* SPDX-License-Identifier: BSD-3-Clause */
/* The keyspace's directives: what may be evicted, how hard expiry works. Changed in exclusive mode
 * only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define POLICY_LRU      1
#define POLICY_LFU      2
#define POLICY_TTL      4
#define POLICY_RANDOM   8
#define POLICY_VOLATILE 16 /* only keys with an expiry */
#define POLICY_ALL      32
#define POLICY_NONE     64

struct policy {
    int64_t maxmemory; /* bytes; 0 = no limit */
    int64_t maxmemory_policy;
    int64_t maxmemory_samples;
    int64_t lfu_log_factor, lfu_decay_time;
    int64_t active_expire_effort;
    bool lazyfree_lazy_user_flush;
    bool lazyfree_lazy_user_del;
    bool active_expire; /* DEBUG SET-ACTIVE-EXPIRE */
};

extern struct policy policy;

static inline bool policy_is_lfu(void) {
    return (policy.maxmemory_policy & POLICY_LFU) != 0;
}

/* Registers the rows of these directives. */
void policy_register(void);
