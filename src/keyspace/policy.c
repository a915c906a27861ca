/* SPDX-License-Identifier: BSD-3-Clause */
#include "keyspace/policy.h"
#include "config/config.h"

struct policy policy = {.maxmemory_policy = POLICY_NONE,
                        .maxmemory_samples = 5,
                        .lfu_log_factor = 10,
                        .lfu_decay_time = 1,
                        .active_expire_effort = 1,
                        .lazyfree_lazy_user_flush = true,
                        .lazyfree_lazy_user_del = true,
                        .active_expire = true};

static const struct config_choice policies[] = {
    {"volatile-lru", POLICY_VOLATILE | POLICY_LRU},
    {"volatile-lfu", POLICY_VOLATILE | POLICY_LFU},
    {"volatile-random", POLICY_VOLATILE | POLICY_RANDOM},
    {"volatile-ttl", POLICY_VOLATILE | POLICY_TTL},
    {"allkeys-lru", POLICY_ALL | POLICY_LRU},
    {"allkeys-lfu", POLICY_ALL | POLICY_LFU},
    {"allkeys-random", POLICY_ALL | POLICY_RANDOM},
    {"noeviction", POLICY_NONE},
    {0},
};

static const struct config_row rows[] = {
    {"maxmemory", .type = CONFIG_MEMORY, .value = &policy.maxmemory, .initial = "0"},
    {"maxmemory-policy", .type = CONFIG_CHOICE, .value = &policy.maxmemory_policy,
     .initial = "noeviction", .choices = policies},
    {"maxmemory-samples", .type = CONFIG_INTEGER, .value = &policy.maxmemory_samples,
     .initial = "5", .min = 1, .max = 64},
    {"lfu-log-factor", .type = CONFIG_INTEGER, .value = &policy.lfu_log_factor, .initial = "10",
     .max = INT32_MAX},
    {"lfu-decay-time", .type = CONFIG_INTEGER, .value = &policy.lfu_decay_time, .initial = "1",
     .max = INT32_MAX},
    {"active-expire-effort", .type = CONFIG_INTEGER, .value = &policy.active_expire_effort,
     .initial = "1", .min = 1, .max = 10},
    {"lazyfree-lazy-user-flush", .type = CONFIG_BOOL, .value = &policy.lazyfree_lazy_user_flush,
     .initial = "yes"},
    {"lazyfree-lazy-user-del", .type = CONFIG_BOOL, .value = &policy.lazyfree_lazy_user_del,
     .initial = "yes"},
    {0},
};

void policy_register(void) {
    config_register(rows);
}
