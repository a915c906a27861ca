/* SPDX-License-Identifier: BSD-3-Clause */
/* How messages get to those who listen. */
#include "base/glob.h"
#include "exec/pubsub_priv.h"
#include "sys/memory.h"

/* ---- messages, in the form of RESP2: that of RESP3 has another first byte ---- */

/* An array of these as bulk strings. NULL: no memory. */
static struct message *message_encode(const struct bytes *parts, unsigned count) {
    size_t size = 4;
    for (unsigned i = 0; i < count; i++)
        size += parts[i].len + BULK_EXTRA;
    struct message *message = message_create(size);
    if (!message) return NULL;
    char *at = message->data;
    *at++ = '*';
    *at++ = (char)('0' + count);
    *at++ = '\r';
    *at++ = '\n';
    for (unsigned i = 0; i < count; i++)
        at = message_put_bulk(at, parts[i]);
    message->length = (size_t)(at - message->data);
    return message;
}

/* ---- to sessions of this worker ---- */

/* The running session is in the middle of its reply. */
static void send_one(struct exec_worker *w, struct session *session, const struct message *m) {
    struct bytes text = message_bytes(m);
    struct bytes head = session->resp == 3 ? BYTES(">") : BYTES("*");
    if (session == w->running) {
        outbox_put_to_self(w, head);
        outbox_put_to_self(w, bytes_skip(text, 1));
    } else if (session->resp == 3) {
        connection_send(session->connection, head);
        connection_send(session->connection, bytes_skip(text, 1));
    } else {
        connection_send(session->connection, text);
    }
}

static void send_here(struct exec_worker *w, const struct topic *topic, const struct message *m,
                      uint64_t number) {
    const struct subscription *s;
    LIST_FOREACH(s, &topic->by_worker[w->index].list, in_topic) {
        if (s->since < number) send_one(w, s->session, m);
    }
}

/* ---- to other workers ---- */

/* On the worker of those who listen. */
static void deliver(struct exec_worker *w, struct parcel *parcel) {
    struct delivery *d = CONTAINER_OF(parcel, struct delivery, parcel);
    if (w) send_here(w, d->topic, d->message, d->number);
    topic_release(d->topic);
    message_release(d->message);
    memory_free(d);
}

static void send_there(struct exec_worker *w, unsigned target, struct topic *topic,
                       struct message *message, uint64_t number) {
    struct delivery *d = memory_alloc(sizeof *d);
    if (!d) return;
    atomic_fetch_add(&topic->references, 1);
    *d = (struct delivery){.topic = topic, .message = message_keep(message), .number = number};
    outbox_put(w, target, &d->parcel, deliver);
}

/* ---- publishing ---- */

/* Returns how many listen. */
static uint64_t publish_to(struct exec_worker *w, struct topic *topic, const struct bytes *parts,
                           unsigned count) {
    struct message *message = message_encode(parts, count);
    uint64_t number = atomic_fetch_add(&topic->messages, 1) + 1;
    if (!message) return topic->listeners;
    for (unsigned i = 0; i < w->exec->worker_count; i++)
        if (i != w->index && topic->by_worker[i].count) send_there(w, i, topic, message, number);
    send_here(w, topic, message, number);
    message_release(message);
    return topic->listeners;
}

/* No pattern but the empty one has the channel without a name. */
static bool matches(struct bytes pattern, struct bytes channel) {
    return channel.len ? glob_match(pattern, channel, false) : pattern.len == 0;
}

static uint64_t publish_to_patterns(struct exec_worker *w, struct bytes channel,
                                    struct bytes text) {
    uint64_t listeners = 0;
    struct topic *topic;
    LIST_FOREACH(topic, &w->exec->pubsub->patterns, in_patterns) {
        if (!matches(topic->name, channel)) continue;
        struct bytes parts[] = {BYTES("pmessage"), topic->name, channel, text};
        listeners += publish_to(w, topic, parts, ARRAY_LEN(parts));
    }
    return listeners;
}

uint64_t pubsub_publish(struct exec *exec, enum topic_kind kind, struct bytes channel,
                        struct bytes text) {
    const struct worker *self = worker_current();
    if (!pubsub_has_listeners(exec) || !self) return 0;
    struct exec_worker *w = &exec->workers[worker_index(self)];
    struct pubsub *pubsub = exec->pubsub;
    uint64_t listeners = 0;
    pthread_rwlock_rdlock(&pubsub->lock);
    struct topic *topic = topic_find(pubsub, kind, channel);
    if (topic) {
        struct bytes name = kind == TOPIC_SHARD ? BYTES("smessage") : BYTES("message");
        struct bytes parts[] = {name, channel, text};
        listeners = publish_to(w, topic, parts, ARRAY_LEN(parts));
    }
    if (kind == TOPIC_CHANNEL) listeners += publish_to_patterns(w, channel, text);
    pthread_rwlock_unlock(&pubsub->lock);
    return listeners;
}
