/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Publish and subscribe: who listens to which channels and patterns, and how messages get to them.
 *
 * Channels, patterns and shard channels are topics. All workers share one registry of topics behind
 * a lock of its own, which is the innermost of all: publishing with partitions locked is fine.
 * Messages of one publisher on one channel arrive in their order; who has been told that it is
 * subscribed gets all that is published later, who has been told that it is not gets nothing more.
 *
 * A message is encoded once, and reaches the listeners of other workers in one post for all that a
 * worker has published in a batch. What a session publishes to itself follows its reply.
 */
#pragma once

#include "base/bytes.h"
#include <stdbool.h>
#include <stdint.h>

struct exec;
struct session;

enum topic_kind { TOPIC_CHANNEL, TOPIC_PATTERN, TOPIC_SHARD };
#define TOPIC_KINDS 3

/* ---- the session's own worker ---- */

/* Subscribing twice is once. False: no memory. */
bool pubsub_subscribe(struct session *session, enum topic_kind kind, struct bytes name);

/* Nothing if it is not subscribed. */
void pubsub_unsubscribe(struct session *session, enum topic_kind kind, struct bytes name);

/* The name of the subscription of this kind that is the oldest; false: there is none. It is valid
 * while the subscription lasts. */
bool pubsub_oldest(const struct session *session, enum topic_kind kind, struct bytes *name);

/* Ends all subscriptions. */
void pubsub_forget(struct session *session);

/* Calls fn for each subscription. Own worker or exclusive mode; `fn` must not call back. */
typedef void subscription_visitor(void *context, enum topic_kind kind, struct bytes name);
void pubsub_each_subscription(const struct session *session, subscription_visitor *fn,
                              void *context);

/* Own worker or exclusive mode. */
unsigned pubsub_subscriptions(const struct session *session, enum topic_kind kind);
bool pubsub_is_subscribed(const struct session *session);

/* ---- any worker's thread ---- */

/* Is there anybody to publish to? */
bool pubsub_has_listeners(const struct exec *exec);

/* Sends a message to who listens to the channel (TOPIC_CHANNEL, and then to patterns that match it,
 * or TOPIC_SHARD), as the worker whose thread this is. Returns how many they are. Without memory
 * for it, the message is lost to some. */
uint64_t pubsub_publish(struct exec *exec, enum topic_kind kind, struct bytes channel,
                        struct bytes message);

/* How many listen to the topic. */
uint64_t pubsub_listeners(const struct exec *exec, enum topic_kind kind, struct bytes name);

/* Calls fn for each topic that somebody listens to. `fn` must not call back. */
typedef void topic_visitor(void *context, struct bytes name);
void pubsub_each_topic(struct exec *exec, enum topic_kind kind, topic_visitor *fn, void *context);

struct pubsub_counts {
    uint64_t topics[TOPIC_KINDS];
    uint64_t clients; /* that have a subscription */
};
struct pubsub_counts pubsub_count(const struct exec *exec);
