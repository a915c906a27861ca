/* SPDX-License-Identifier: BSD-3-Clause */
/* The registry of topics, and who listens to them. */
#include "exec/pubsub.h"
#include "exec/pubsub_priv.h"
#include "sys/memory.h"

/* ---- topics: with the registry locked ---- */

struct topic *topic_find(const struct pubsub *pubsub, enum topic_kind kind, struct bytes name) {
    struct index_node *node;
    INDEX_FOREACH_HASH(node, &pubsub->topics, topic_hash(kind, name)) {
        struct topic *topic = CONTAINER_OF(node, struct topic, in_registry);
        if (topic->kind == kind && bytes_equal(topic->name, name)) return topic;
    }
    return NULL;
}

static struct topic *topic_create(struct pubsub *pubsub, enum topic_kind kind, struct bytes name) {
    size_t size = sizeof(struct topic) + pubsub->worker_count * sizeof(struct topic_listeners);
    struct topic *topic = memory_alloc_zero(size + name.len);
    if (!topic) return NULL;
    if (!index_add(&pubsub->topics, &topic->in_registry, topic_hash(kind, name))) {
        memory_free(topic);
        return NULL;
    }
    char *text = (char *)topic + size;
    if (name.len) memcpy(text, name.data, name.len);
    topic->name = bytes_make(text, name.len);
    topic->kind = kind;
    topic->references = 1;
    for (unsigned i = 0; i < pubsub->worker_count; i++)
        list_init(&topic->by_worker[i].list);
    list_init(&topic->in_patterns);
    if (kind == TOPIC_PATTERN) list_append(&pubsub->patterns, &topic->in_patterns);
    pubsub->counts[kind]++;
    return topic;
}

void topic_release(struct topic *topic) {
    if (atomic_fetch_sub(&topic->references, 1) == 1) memory_free(topic);
}

static void topic_forget(struct pubsub *pubsub, struct topic *topic) {
    index_remove(&pubsub->topics, &topic->in_registry);
    list_remove(&topic->in_patterns);
    pubsub->counts[topic->kind]--;
    topic_release(topic);
}

/* ---- subscriptions ---- */

static struct pubsub_worker *worker_of(const struct session *session) {
    return &session->exec->pubsub->workers[session->worker];
}

static uint64_t subscription_hash(const struct session *session, enum topic_kind kind,
                                  struct bytes name) {
    return topic_hash(kind, name) ^ session->id * 0x9e3779b97f4a7c15u;
}

static struct subscription *find(const struct session *session, enum topic_kind kind,
                                 struct bytes name) {
    struct index_node *node;
    uint64_t hash = subscription_hash(session, kind, name);
    INDEX_FOREACH_HASH(node, &worker_of(session)->subscriptions, hash) {
        struct subscription *s = CONTAINER_OF(node, struct subscription, in_worker);
        if (s->session == session && s->topic->kind == kind && bytes_equal(s->topic->name, name))
            return s;
    }
    return NULL;
}

static struct subscriber *need_subscriber(struct session *session) {
    if (session->subscriber) return session->subscriber;
    struct subscriber *subscriber = memory_alloc_zero(sizeof *subscriber);
    if (!subscriber) return NULL;
    for (unsigned kind = 0; kind < TOPIC_KINDS; kind++)
        list_init(&subscriber->list[kind]);
    return session->subscriber = subscriber;
}

/* False: no memory. */
static bool join(struct pubsub *pubsub, struct subscription *s, enum topic_kind kind,
                 struct bytes name) {
    pthread_rwlock_wrlock(&pubsub->lock);
    struct topic *topic = topic_find(pubsub, kind, name);
    if (!topic) topic = topic_create(pubsub, kind, name);
    if (topic) {
        struct topic_listeners *own = &topic->by_worker[s->session->worker];
        list_append(&own->list, &s->in_topic);
        own->count++;
        topic->listeners++;
        s->topic = topic;
        s->since = topic->messages;
    }
    pthread_rwlock_unlock(&pubsub->lock);
    return topic != NULL;
}

static void leave(struct pubsub *pubsub, struct subscription *s) {
    struct topic *topic = s->topic;
    pthread_rwlock_wrlock(&pubsub->lock);
    list_remove(&s->in_topic);
    topic->by_worker[s->session->worker].count--;
    if (--topic->listeners == 0) topic_forget(pubsub, topic);
    pthread_rwlock_unlock(&pubsub->lock);
}

bool pubsub_subscribe(struct session *session, enum topic_kind kind, struct bytes name) {
    struct pubsub *pubsub = session->exec->pubsub;
    if (find(session, kind, name)) return true;
    bool was_subscribed = pubsub_is_subscribed(session);
    struct subscriber *subscriber = need_subscriber(session);
    struct subscription *s = subscriber ? memory_alloc_zero(sizeof *s) : NULL;
    if (!s) return false;
    s->session = session;
    uint64_t hash = subscription_hash(session, kind, name);
    if (!index_add(&worker_of(session)->subscriptions, &s->in_worker, hash)) {
        memory_free(s);
        return false;
    }
    if (!join(pubsub, s, kind, name)) {
        index_remove(&worker_of(session)->subscriptions, &s->in_worker);
        memory_free(s);
        return false;
    }
    list_append(&subscriber->list[kind], &s->in_session);
    subscriber->count[kind]++;
    if (!was_subscribed) pubsub->clients++;
    return true;
}

static void end(struct subscription *s) {
    struct session *session = s->session;
    struct pubsub *pubsub = session->exec->pubsub;
    session->subscriber->count[s->topic->kind]--;
    list_remove(&s->in_session);
    index_remove(&worker_of(session)->subscriptions, &s->in_worker);
    leave(pubsub, s);
    memory_free(s);
    if (!pubsub_is_subscribed(session)) pubsub->clients--;
}

void pubsub_unsubscribe(struct session *session, enum topic_kind kind, struct bytes name) {
    struct subscription *s = find(session, kind, name);
    if (s) end(s);
}

static struct subscription *oldest(const struct session *session, enum topic_kind kind) {
    if (!pubsub_subscriptions(session, kind)) return NULL;
    return LIST_FIRST(&session->subscriber->list[kind], struct subscription, in_session);
}

bool pubsub_oldest(const struct session *session, enum topic_kind kind, struct bytes *name) {
    const struct subscription *s = oldest(session, kind);
    if (s) *name = s->topic->name;
    return s != NULL;
}

void pubsub_forget(struct session *session) {
    if (!session->subscriber) return;
    struct subscription *s;
    for (unsigned kind = 0; kind < TOPIC_KINDS; kind++)
        while ((s = oldest(session, (enum topic_kind)kind)))
            end(s);
    memory_free(session->subscriber);
    session->subscriber = NULL;
}

unsigned pubsub_subscriptions(const struct session *session, enum topic_kind kind) {
    return session->subscriber ? session->subscriber->count[kind] : 0;
}

void pubsub_each_subscription(const struct session *session, subscription_visitor *fn,
                              void *context) {
    const struct subscription *s;
    for (unsigned kind = 0; session->subscriber && kind < TOPIC_KINDS; kind++) {
        LIST_FOREACH(s, &session->subscriber->list[kind], in_session)
        fn(context, (enum topic_kind)kind, s->topic->name);
    }
}

bool pubsub_is_subscribed(const struct session *session) {
    const struct subscriber *s = session->subscriber;
    return s && s->count[TOPIC_CHANNEL] + s->count[TOPIC_PATTERN] + s->count[TOPIC_SHARD] > 0;
}

/* ---- what is asked of the registry ---- */

bool pubsub_has_listeners(const struct exec *exec) {
    return atomic_load_explicit(&exec->pubsub->clients, memory_order_relaxed) != 0;
}

uint64_t pubsub_listeners(const struct exec *exec, enum topic_kind kind, struct bytes name) {
    struct pubsub *pubsub = exec->pubsub;
    pthread_rwlock_rdlock(&pubsub->lock);
    const struct topic *topic = topic_find(pubsub, kind, name);
    uint64_t listeners = topic ? topic->listeners : 0;
    pthread_rwlock_unlock(&pubsub->lock);
    return listeners;
}

void pubsub_each_topic(struct exec *exec, enum topic_kind kind, topic_visitor *fn, void *context) {
    struct pubsub *pubsub = exec->pubsub;
    struct index_node *node;
    pthread_rwlock_rdlock(&pubsub->lock);
    INDEX_FOREACH(node, &pubsub->topics) {
        const struct topic *topic = CONTAINER_OF(node, struct topic, in_registry);
        if (topic->kind == kind) fn(context, topic->name);
    }
    pthread_rwlock_unlock(&pubsub->lock);
}

struct pubsub_counts pubsub_count(const struct exec *exec) {
    const struct pubsub *pubsub = exec->pubsub;
    struct pubsub_counts counts = {.clients = pubsub->clients};
    for (unsigned kind = 0; kind < TOPIC_KINDS; kind++)
        counts.topics[kind] = pubsub->counts[kind];
    return counts;
}

/* ---- life ---- */

struct pubsub *pubsub_create(unsigned workers) {
    struct pubsub *pubsub = memory_need(sizeof *pubsub);
    *pubsub = (struct pubsub){.worker_count = workers};
    list_init(&pubsub->patterns);
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    /* Who publishes all the time must not keep others from subscribing. */
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&pubsub->lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    pubsub->workers = memory_alloc_aligned(64, workers * sizeof *pubsub->workers);
    ensure(pubsub->workers);
    for (unsigned i = 0; i < workers; i++)
        pubsub->workers[i] = (struct pubsub_worker){0};
    return pubsub;
}

void pubsub_free(struct pubsub *pubsub) {
    for (unsigned i = 0; i < pubsub->worker_count; i++)
        index_free(&pubsub->workers[i].subscriptions);
    index_free(&pubsub->topics);
    pthread_rwlock_destroy(&pubsub->lock);
    memory_free(pubsub->workers);
    memory_free(pubsub);
}
