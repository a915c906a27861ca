/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Broadcasting: who wants to know of all keys that start with a prefix.
 *
 * A changed key is looked up by its beginnings, one for each length that some prefix has, so the
 * number of prefixes does not matter, and is remembered with each prefix that it has. At the end of
 * the turn the members of each prefix get one message with all its keys.
 */
#include "base/hash.h"
#include "exec/tracking_priv.h"
#include "sys/memory.h"
#include <stdlib.h>

struct changed_key {
    struct index_node in_share;
    uint64_t author; /* the address of who changed it last; 0 = nobody */
    size_t length;
    char name[];
};

static struct bytes changed_name(const struct changed_key *changed) {
    return bytes_make(changed->name, changed->length);
}

/* ---- the registry: in exclusive mode ---- */

static uint64_t name_hash(struct bytes name) {
    return hash_bytes(name.data, name.len);
}

static struct prefix *find(const struct tracking_registry *registry, struct bytes name) {
    struct index_node *node;
    INDEX_FOREACH_HASH(node, &registry->prefixes, name_hash(name)) {
        struct prefix *prefix = CONTAINER_OF(node, struct prefix, in_registry);
        if (bytes_equal(prefix->name, name)) return prefix;
    }
    return NULL;
}

/* False: no memory. */
static bool add_length(struct tracking_registry *registry, size_t length) {
    for (unsigned i = 0; i < registry->length_count; i++) {
        if (registry->lengths[i].length != length) continue;
        registry->lengths[i].prefixes++;
        return true;
    }
    if (registry->length_count == registry->length_capacity) {
        unsigned capacity = MAX(4u, registry->length_capacity * 2);
        struct prefix_length *grown =
            memory_realloc(registry->lengths, capacity * sizeof *registry->lengths);
        if (!grown) return false;
        registry->lengths = grown;
        registry->length_capacity = capacity;
    }
    registry->lengths[registry->length_count++] = (struct prefix_length){length, 1};
    return true;
}

static void remove_length(struct tracking_registry *registry, size_t length) {
    for (unsigned i = 0; i < registry->length_count; i++) {
        if (registry->lengths[i].length != length) continue;
        if (--registry->lengths[i].prefixes == 0)
            registry->lengths[i] = registry->lengths[--registry->length_count];
        return;
    }
}

static struct prefix *prefix_create(struct tracking_registry *registry, struct bytes name) {
    size_t size = sizeof(struct prefix) + registry->worker_count * sizeof(struct prefix_share);
    struct prefix *prefix = memory_alloc_zero(size + name.len);
    if (!prefix) return NULL;
    char *text = (char *)prefix + size;
    if (name.len) memcpy(text, name.data, name.len);
    prefix->name = bytes_make(text, name.len);
    prefix->references = 1;
    for (unsigned i = 0; i < registry->worker_count; i++) {
        list_init(&prefix->by_worker[i].members);
        list_init(&prefix->by_worker[i].in_dirty);
    }
    if (!add_length(registry, name.len)) {
        memory_free(prefix);
        return NULL;
    }
    if (index_add(&registry->prefixes, &prefix->in_registry, name_hash(name))) return prefix;
    remove_length(registry, name.len);
    memory_free(prefix);
    return NULL;
}

static void prefix_release(struct prefix *prefix) {
    if (atomic_fetch_sub(&prefix->references, 1) == 1) memory_free(prefix);
}

static void forget_changed(struct prefix_share *share) {
    for (size_t b = 0; b < share->changed.bucket_count; b++)
        for (struct index_node *node = share->changed.buckets[b], *next; node; node = next) {
            next = node->next;
            memory_free(CONTAINER_OF(node, struct changed_key, in_share));
        }
    index_free(&share->changed);
    list_remove(&share->in_dirty);
}

static void drop_if_unused(struct tracking_registry *registry, struct prefix *prefix) {
    if (prefix->members) return;
    for (unsigned i = 0; i < registry->worker_count; i++)
        forget_changed(&prefix->by_worker[i]);
    index_remove(&registry->prefixes, &prefix->in_registry);
    remove_length(registry, prefix->name.len);
    prefix_release(prefix);
}

/* Before the first of the session's prefixes that is above it; NULL: it is one of them. */
static struct list_node *place_of(struct tracking *tracking, struct bytes name) {
    struct membership *m;
    LIST_FOREACH(m, &tracking->memberships, in_session) {
        int order = bytes_compare(m->prefix->name, name);
        if (order == 0) return NULL;
        if (order > 0) return m->in_session.prev;
    }
    return tracking->memberships.prev;
}

bool prefix_join(struct session *session, struct bytes name) {
    struct tracking_registry *registry = session->exec->tracking;
    struct list_node *place = place_of(session->tracking, name);
    if (!place) return true;
    struct membership *m = memory_alloc_zero(sizeof *m);
    struct prefix *prefix = find(registry, name);
    if (m && !prefix) prefix = prefix_create(registry, name);
    if (!m || !prefix) {
        memory_free(m);
        return false;
    }
    m->prefix = prefix;
    m->session = session;
    prefix->members++;
    list_append(&prefix->by_worker[session->worker].members, &m->in_share);
    list_insert_after(place, &m->in_session);
    return true;
}

void prefix_leave_all(struct session *session) {
    struct membership *m, *next;
    LIST_FOREACH_SAFE(m, next, &session->tracking->memberships, in_session) {
        list_remove(&m->in_share);
        list_remove(&m->in_session);
        m->prefix->members--;
        drop_if_unused(session->exec->tracking, m->prefix);
        memory_free(m);
    }
}

void tracking_each_prefix(const struct session *session, prefix_visitor *fn, void *context) {
    if (!session->tracking) return;
    const struct membership *m;
    LIST_FOREACH(m, &session->tracking->memberships, in_session) {
        if (!fn(context, m->prefix->name)) return;
    }
}

/* ---- changes ---- */

static struct changed_key *find_changed(const struct prefix_share *share, const struct key *key) {
    struct index_node *node;
    INDEX_FOREACH_HASH(node, &share->changed, key->hash) {
        struct changed_key *changed = CONTAINER_OF(node, struct changed_key, in_share);
        if (bytes_equal(changed_name(changed), key->name)) return changed;
    }
    return NULL;
}

static void note(struct exec_worker *w, struct prefix_share *share, const struct key *key,
                 uint64_t author) {
    struct changed_key *changed = find_changed(share, key);
    if (!changed) {
        changed = memory_alloc(sizeof *changed + key->name.len);
        if (!changed) return;
        changed->length = key->name.len;
        if (key->name.len) memcpy(changed->name, key->name.data, key->name.len);
        if (!index_add(&share->changed, &changed->in_share, key->hash)) {
            memory_free(changed);
            return;
        }
        if (!list_linked(&share->in_dirty))
            list_append(&tracking_worker(w)->dirty, &share->in_dirty);
    }
    changed->author = author;
}

void prefix_note(struct exec_worker *w, const struct key *key, const struct session *author) {
    const struct tracking_registry *registry = w->exec->tracking;
    uint64_t address = author ? session_address(author) : 0;
    for (unsigned i = 0; i < registry->length_count; i++) {
        size_t length = registry->lengths[i].length;
        if (length > key->name.len) continue;
        struct prefix *prefix = find(registry, bytes_make(key->name.data, length));
        if (prefix) note(w, &prefix->by_worker[w->index], key, address);
    }
}

/* ---- the end of the turn ---- */

/* The keys of a share, ascending. */
struct gathered {
    struct changed_key **keys;
    size_t count;
};

static int by_name(const void *a, const void *b) {
    const struct changed_key *const *left = a, *const *right = b;
    return bytes_compare(changed_name(*left), changed_name(*right));
}

static bool gather(const struct prefix_share *share, struct gathered *out) {
    struct index_node *node;
    *out = (struct gathered){.keys = memory_alloc(share->changed.count * sizeof *out->keys)};
    if (!out->keys) return false;
    INDEX_FOREACH(node, &share->changed) {
        out->keys[out->count++] = CONTAINER_OF(node, struct changed_key, in_share);
    }
    qsort(out->keys, out->count, sizeof *out->keys, by_name);
    return true;
}

/* All keys but those that `skipped` changed. NULL: there are none, or no memory. */
static struct message *encode(const struct gathered *gathered, uint64_t skipped) {
    struct bytes *names = memory_alloc(gathered->count * sizeof *names);
    size_t count = 0;
    for (size_t i = 0; names && i < gathered->count; i++)
        if (!skipped || gathered->keys[i]->author != skipped)
            names[count++] = changed_name(gathered->keys[i]);
    struct message *message = count ? invalidation_encode(names, count) : NULL;
    memory_free(names);
    return message;
}

static bool changed_by(const struct gathered *gathered, uint64_t author) {
    for (size_t i = 0; i < gathered->count; i++)
        if (gathered->keys[i]->author == author) return true;
    return false;
}

static void send_to_member(struct exec_worker *w, struct session *session,
                           const struct gathered *gathered, struct message *all) {
    uint64_t address = session_address(session);
    if (!(session->tracking->flags & TRACKING_NO_LOOP) || !changed_by(gathered, address)) {
        invalidation_send(w, session, all);
        return;
    }
    struct message *others = encode(gathered, address);
    if (!others) return;
    invalidation_send(w, session, others);
    message_release(others);
}

struct to_members {
    struct parcel parcel;
    struct prefix *prefix;
    struct message *names;
};

static void arrive_at_members(struct exec_worker *w, struct parcel *parcel) {
    struct to_members *p = CONTAINER_OF(parcel, struct to_members, parcel);
    const struct membership *m;
    if (w) {
        LIST_FOREACH(m, &p->prefix->by_worker[w->index].members, in_share) {
            invalidation_send(w, m->session, p->names);
        }
    }
    message_release(p->names);
    prefix_release(p->prefix);
    memory_free(p);
}

static void post_to_members(struct exec_worker *w, unsigned target, struct prefix *prefix,
                            struct message *names) {
    struct to_members *p = memory_alloc(sizeof *p);
    if (!p) return;
    atomic_fetch_add(&prefix->references, 1);
    p->prefix = prefix;
    p->names = message_keep(names);
    outbox_put(w, target, &p->parcel, arrive_at_members);
}

static void send_changes(struct exec_worker *w, struct prefix *prefix) {
    struct prefix_share *own = &prefix->by_worker[w->index];
    struct gathered gathered;
    const struct membership *m;
    if (!gather(own, &gathered)) return;
    struct message *all = encode(&gathered, 0);
    if (all) {
        LIST_FOREACH(m, &own->members, in_share) {
            send_to_member(w, m->session, &gathered, all);
        }
        for (unsigned i = 0; i < w->exec->worker_count; i++)
            if (i != w->index && !list_empty(&prefix->by_worker[i].members))
                post_to_members(w, i, prefix, all);
        message_release(all);
    }
    memory_free(gathered.keys);
}

static int by_prefix(const void *a, const void *b) {
    const struct prefix *const *left = a, *const *right = b;
    return bytes_compare((*left)->name, (*right)->name);
}

void tracking_broadcast(struct exec_worker *w) {
    struct list_node *dirty = &tracking_worker(w)->dirty;
    if (LIKELY(list_empty(dirty))) return;
    struct list_node *node;
    size_t count = 0, n = 0;
    for (node = dirty->next; node != dirty; node = node->next)
        count++;
    struct prefix **prefixes = memory_alloc(count * sizeof(struct prefix *));
    if (!prefixes) return; /* at the end of the next turn, then */
    for (node = dirty->next; node != dirty; node = node->next) {
        struct prefix_share *own = CONTAINER_OF(node, struct prefix_share, in_dirty);
        prefixes[n++] = CONTAINER_OF(own - w->index, struct prefix, by_worker);
    }
    qsort(prefixes, count, sizeof(struct prefix *), by_prefix);
    for (size_t i = 0; i < count; i++) {
        send_changes(w, prefixes[i]);
        forget_changed(&prefixes[i]->by_worker[w->index]);
    }
    memory_free(prefixes);
}
