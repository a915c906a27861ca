/* SPDX-License-Identifier: BSD-3-Clause */
/* How messages get to those who listen. */
#include "base/glob.h"
#include "base/number.h"
#include "exec/pubsub_priv.h"
#include "sys/memory.h"

/* ---- messages ---- */

#define BULK_HEAD_MAX (size_t)24 /* "$", a length, a line break */

static char *put_bulk(char *at, struct bytes text) {
    *at++ = '$';
    at += number_format_u64(at, text.len);
    *at++ = '\r';
    *at++ = '\n';
    if (text.len) memcpy(at, text.data, text.len);
    at += text.len;
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

/* An array of these as bulk strings. NULL: no memory. */
static struct message *message_encode(const struct bytes *parts, unsigned count) {
    size_t size = sizeof(struct message) + 4;
    for (unsigned i = 0; i < count; i++)
        size += BULK_HEAD_MAX + parts[i].len + 2;
    struct message *message = memory_alloc(size);
    if (!message) return NULL;
    char *at = message->data;
    *at++ = '*';
    *at++ = (char)('0' + count);
    *at++ = '\r';
    *at++ = '\n';
    for (unsigned i = 0; i < count; i++)
        at = put_bulk(at, parts[i]);
    message->length = (size_t)(at - message->data);
    message->references = 1;
    return message;
}

static void message_release(struct message *message) {
    if (atomic_fetch_sub(&message->references, 1) == 1) memory_free(message);
}

/* ---- to sessions of this worker ---- */

static void send_later(struct exec_worker *w, struct bytes text) {
    if (!buffer_append_bytes(&w->to_self, text)) connection_close(w->running->connection);
}

/* The running session is in the middle of its reply. */
static void send_one(struct exec_worker *w, struct session *session, const struct message *m) {
    struct bytes text = bytes_make(m->data, m->length);
    struct bytes head = session->resp == 3 ? BYTES(">") : BYTES("*");
    if (session == w->running) {
        send_later(w, head);
        send_later(w, bytes_skip(text, 1));
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

void pubsub_send_to_self(struct exec_worker *w, struct session *session) {
    connection_send(session->connection, buffer_bytes(&w->to_self));
    buffer_free(&w->to_self);
}

/* ---- to other workers ---- */

/* On the worker of those who listen. */
static void deliver(void *first) {
    for (struct delivery *d = first, *next; d; d = next) {
        next = d->next;
        struct exec_worker *w = &d->exec->workers[worker_index(worker_current())];
        send_here(w, d->topic, d->message, d->number);
        topic_release(d->topic);
        message_release(d->message);
        memory_free(d);
    }
}

static void drop(struct delivery *first) {
    for (struct delivery *d = first, *next; d; d = next) {
        next = d->next;
        topic_release(d->topic);
        message_release(d->message);
        memory_free(d);
    }
}

static void put_into_outbox(struct exec_worker *w, unsigned target, struct topic *topic,
                            struct message *message, uint64_t number) {
    struct pubsub_worker *own = &w->exec->pubsub->workers[w->index];
    struct outbox *outbox = &own->outboxes[target];
    struct delivery *d = memory_alloc(sizeof *d);
    if (!d) return;
    *d = (struct delivery){.exec = w->exec, .topic = topic, .message = message, .number = number};
    atomic_fetch_add(&topic->references, 1);
    atomic_fetch_add(&message->references, 1);
    if (outbox->last)
        outbox->last->next = d;
    else
        outbox->first = d;
    outbox->last = d;
    own->has_mail = true;
}

void pubsub_post(struct exec_worker *w) {
    struct pubsub_worker *own = &w->exec->pubsub->workers[w->index];
    if (LIKELY(!own->has_mail)) return;
    own->has_mail = false;
    for (unsigned i = 0; i < w->exec->worker_count; i++) {
        struct delivery *first = own->outboxes[i].first;
        if (!first) continue;
        own->outboxes[i] = (struct outbox){0};
        if (!worker_post(net_worker(w->exec->net, i), deliver, first)) drop(first);
    }
}

/* ---- publishing ---- */

/* Returns how many listen. */
static uint64_t publish_to(struct exec_worker *w, struct topic *topic, const struct bytes *parts,
                           unsigned count) {
    struct message *message = message_encode(parts, count);
    uint64_t number = atomic_fetch_add(&topic->messages, 1) + 1;
    if (!message) return topic->listeners;
    for (unsigned i = 0; i < w->exec->worker_count; i++)
        if (i != w->index && topic->by_worker[i].count)
            put_into_outbox(w, i, topic, message, number);
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
