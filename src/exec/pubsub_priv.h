/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Topics, subscriptions and messages on their way. Invariants:
 *   1. A topic is in the registry while it has a subscription, and lives as long as it is there or
 *      some message for it is on its way.
 *   2. A worker's list of a topic is changed by that worker's thread alone, and with the registry
 *      locked for writing: the worker itself reads it without a lock, others with the registry
 *      locked for reading.
 *   3. A subscription gets the messages whose number is above the one that it began with.
 */
#pragma once

#include "base/buffer.h"
#include "base/index.h"
#include "base/list.h"
#include "exec/exec_priv.h"
#include "exec/pubsub.h"

struct topic_listeners {
    struct list_node list; /* subscriptions, in the order of their coming */
    unsigned count;
};

struct topic {
    struct index_node in_registry;
    struct list_node in_patterns; /* of a pattern */
    enum topic_kind kind;
    atomic_uint references;
    _Atomic uint64_t messages; /* the number of the last one */
    unsigned listeners;
    struct bytes name; /* follows the struct */
    struct topic_listeners by_worker[];
};

struct subscription {
    struct index_node in_worker; /* by session, kind and name */
    struct list_node in_topic, in_session;
    struct topic *topic;
    struct session *session;
    uint64_t since;
};

/* A session's subscriptions; made with the first one. */
struct subscriber {
    struct list_node list[TOPIC_KINDS];
    unsigned count[TOPIC_KINDS];
};

/* A message for one topic's listeners at another worker. */
struct delivery {
    struct parcel parcel;
    struct topic *topic;
    struct message *message;
    uint64_t number;
};

/* A worker's own. */
struct pubsub_worker {
    struct index subscriptions;
} __attribute__((aligned(64)));

struct pubsub {
    pthread_rwlock_t lock;
    struct index topics; /* by kind and name */
    struct list_node patterns;
    _Atomic uint64_t counts[TOPIC_KINDS];
    _Atomic uint64_t clients;
    unsigned worker_count;
    struct pubsub_worker *workers;
};

static inline uint64_t topic_hash(enum topic_kind kind, struct bytes name) {
    return hash_bytes(name.data, name.len) + (uint64_t)kind;
}

/* With the registry locked. NULL: nobody listens. */
struct topic *topic_find(const struct pubsub *pubsub, enum topic_kind kind, struct bytes name);
void topic_release(struct topic *topic);
