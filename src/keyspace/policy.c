/* SPDX-License-Identifier: BSD-3-Clause */
#include "keyspace/policy.h"
#include "config/config.h"
#include "keyspace/change.h"

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

struct event_letter {
    char letter;
    uint32_t bits;
};

#define EVENTS_ALL                                                                                 \
    (EVENT_GENERIC | EVENT_STRING | EVENT_LIST | EVENT_SET | EVENT_HASH | EVENT_ZSET |             \
     EVENT_EXPIRED | EVENT_EVICTED | EVENT_STREAM | EVENT_MODULE)

/* In the order that CONFIG GET shows them. */
static const struct event_letter letters[] = {
    {'A', EVENTS_ALL},      {'g', EVENT_GENERIC},   {'$', EVENT_STRING},   {'l', EVENT_LIST},
    {'s', EVENT_SET},       {'h', EVENT_HASH},      {'z', EVENT_ZSET},     {'x', EVENT_EXPIRED},
    {'e', EVENT_EVICTED},   {'t', EVENT_STREAM},    {'d', EVENT_MODULE},   {'n', EVENT_NEW},
    {'K', NOTIFY_KEYSPACE}, {'E', NOTIFY_KEYEVENT}, {'m', EVENT_KEY_MISS}, {0},
};

static bool set_events(const struct config_row *row, const struct bytes *words, unsigned count,
                       struct buffer *error) {
    uint32_t bits = 0;
    struct bytes text = count ? words[0] : BYTES("");
    for (size_t i = 0; i < text.len; i++) {
        const struct event_letter *at = letters;
        while (at->letter && at->letter != text.data[i])
            at++;
        if (!at->letter) {
            buffer_append_bytes(error,
                                BYTES("Invalid event class character. Use 'Ag$lshzxeKEtmdn'."));
            return false;
        }
        bits |= at->bits;
    }
    policy.notify_events = bits;
    return true;
}

static void get_events(const struct config_row *row, struct buffer *out) {
    uint32_t left = (uint32_t)policy.notify_events;
    bool all = (left & EVENTS_ALL) == EVENTS_ALL;
    for (const struct event_letter *at = letters; at->letter; at++) {
        if ((left & at->bits) != at->bits) continue;
        if (at->bits == EVENT_NEW && all) continue; /* the field does not show it beside A */
        buffer_append(out, &at->letter, 1);
        left &= ~at->bits;
    }
}

static const struct config_row rows[] = {
    {"maxmemory", .type = CONFIG_MEMORY, .value = &policy.maxmemory, .initial = "0",
     .max = INT64_MAX},
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
    {"notify-keyspace-events", .type = CONFIG_SPECIAL, .initial = "", .set = set_events,
     .get = get_events},
    {0},
};

void policy_register(void) {
    config_register(rows);
}
