/* SPDX-License-Identifier: BSD-3-Clause */
/* Who tracks, and which keys they have read. */
#include "exec/tracking.h"
#include "exec/tracking_priv.h"
#include "sys/entropy.h"
#include "sys/memory.h"

#define TRIM_EFFORT 100 /* keys that are dropped before one command */

/* ---- the filter ---- */

/* How many tracked keys have a hash that begins so: most keys that change are tracked by nobody,
 * which one look here tells. A cell belongs to the partition's lock, as the keys that it counts;
 * one that is full stays so, at least until FLUSHALL. */
#define FILTER_BITS 22
#define FILTER_FULL UINT8_MAX

static uint8_t filter[1u << FILTER_BITS];

static inline uint8_t *filter_cell(uint64_t hash) {
    return &filter[hash >> (64 - FILTER_BITS)];
}

static void filter_add(uint64_t hash) {
    uint8_t *cell = filter_cell(hash);
    if (*cell < FILTER_FULL) ++*cell;
}

static void filter_remove(uint64_t hash) {
    uint8_t *cell = filter_cell(hash);
    if (*cell < FILTER_FULL) --*cell;
}

void tracking_prefetch(const struct exec_worker *w) {
    if (LIKELY(!atomic_load_explicit(&w->exec->tracking->keys, memory_order_relaxed))) return;
    for (size_t i = 0; i < w->keys.count; i++)
        __builtin_prefetch(filter_cell(w->keys.items[i].hash));
}

/* ---- the keys: with their partition locked ---- */

static struct tracked_partition *partition_of(const struct exec *exec, const struct key *key) {
    return &exec->tracking->partitions[key_partition(key)];
}

static struct tracked_key *find(const struct tracked_partition *partition, const struct key *key) {
    struct index_node *node;
    if (LIKELY(!*filter_cell(key->hash))) return NULL;
    INDEX_FOREACH_HASH(node, &partition->keys, key->hash) {
        struct tracked_key *tracked = CONTAINER_OF(node, struct tracked_key, in_table);
        if (bytes_equal(bytes_make(tracked->name, tracked->length), key->name)) return tracked;
    }
    return NULL;
}

static void tracked_free(struct tracked_key *tracked) {
    if (tracked->capacity) memory_free(tracked->readers.many);
    memory_free(tracked);
}

/* With its first reader. False: no memory. */
static bool add_key(struct tracking_registry *registry, struct tracked_partition *partition,
                    const struct key *key, uint64_t reader) {
    struct tracked_key *tracked = memory_alloc(sizeof *tracked + key->name.len);
    if (!tracked) return false;
    *tracked = (struct tracked_key){.length = key->name.len, .count = 1};
    tracked->readers.one = reader;
    if (key->name.len) memcpy(tracked->name, key->name.data, key->name.len);
    if (!index_add(&partition->keys, &tracked->in_table, key->hash)) {
        memory_free(tracked);
        return false;
    }
    filter_add(key->hash);
    atomic_fetch_add_explicit(&registry->keys, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&registry->attention, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&registry->items, 1, memory_order_relaxed);
    return true;
}

static bool need_reader(struct tracked_key *tracked) {
    if (tracked->count < MAX(tracked->capacity, 1u)) return true;
    unsigned capacity = tracked->capacity ? tracked->capacity * 2 : 4;
    uint64_t *old = tracked->capacity ? tracked->readers.many : NULL;
    uint64_t *grown = memory_realloc(old, capacity * sizeof *grown);
    if (!grown) return false;
    if (!old) grown[0] = tracked->readers.one;
    tracked->readers.many = grown;
    tracked->capacity = capacity;
    return true;
}

/* Where the reader is, or would go. */
static unsigned reader_position(const struct tracked_key *tracked, uint64_t reader) {
    const uint64_t *readers = tracked_readers(tracked);
    unsigned low = 0, high = tracked->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (readers[middle] < reader)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* False: no memory. */
static bool add_reader(struct tracking_registry *registry, struct tracked_key *tracked,
                       uint64_t reader) {
    unsigned at = reader_position(tracked, reader);
    if (at < tracked->count && tracked_readers(tracked)[at] == reader) return true;
    if (!need_reader(tracked)) return false;
    uint64_t *many = tracked->readers.many;
    memmove(many + at + 1, many + at, (tracked->count - at) * sizeof *many);
    many[at] = reader;
    tracked->count++;
    atomic_fetch_add_explicit(&registry->items, 1, memory_order_relaxed);
    return true;
}

/* Takes the key out of the table, and tells its readers. */
static void invalidate(struct exec_worker *w, struct tracked_partition *partition,
                       struct tracked_key *tracked, const struct session *author) {
    struct tracking_registry *registry = w->exec->tracking;
    filter_remove(tracked->in_table.hash);
    index_remove(&partition->keys, &tracked->in_table);
    atomic_fetch_sub_explicit(&registry->keys, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&registry->attention, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&registry->items, tracked->count, memory_order_relaxed);
    invalidation_send_all(w, tracked, author);
    tracked_free(tracked);
}

static void forget_keys(struct tracking_registry *registry) {
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        struct index *keys = &registry->partitions[p].keys;
        for (size_t b = 0; b < keys->bucket_count; b++)
            for (struct index_node *node = keys->buckets[b], *next; node; node = next) {
                next = node->next;
                *filter_cell(node->hash) = 0;
                tracked_free(CONTAINER_OF(node, struct tracked_key, in_table));
            }
        index_free(keys);
    }
    registry->attention -= registry->keys;
    registry->keys = registry->items = 0;
}

/* ---- reading ---- */

static bool tracks_now(const struct tracking *tracking) {
    bool caching = tracking->flags & TRACKING_CACHING;
    if (tracking->flags & TRACKING_BROADCAST) return false;
    if (tracking->flags & TRACKING_OPT_IN) return caching;
    if (tracking->flags & TRACKING_OPT_OUT) return !caching;
    return true;
}

/* A script is skipped: the commands that it calls count. */
void tracking_read(const struct call *call, uint64_t flags) {
    if (!(flags & CMD_READONLY) || flags & CMD_SKIP_MONITOR) return;
    if (!tracks_now(call->session->tracking)) return;
    uint64_t reader = session_address(call->session);
    for (unsigned i = 0; i < call->key_count; i++) {
        struct tracked_partition *partition = partition_of(call->exec, &call->keys[i]);
        struct tracked_key *tracked = find(partition, &call->keys[i]);
        if (tracked)
            add_reader(call->exec->tracking, tracked, reader);
        else
            add_key(call->exec->tracking, partition, &call->keys[i], reader);
    }
}

/* ---- changes ---- */

static void key_changed(struct exec_worker *w, const struct key *key,
                        const struct session *author) {
    struct tracking_registry *registry = w->exec->tracking;
    if (registry->prefixes.count) prefix_note(w, key, author);
    if (!atomic_load_explicit(&registry->keys, memory_order_relaxed)) return;
    struct tracked_partition *partition = partition_of(w->exec, key);
    struct tracked_key *tracked = find(partition, key);
    if (tracked) invalidate(w, partition, tracked, author);
}

static void look_at(struct exec_worker *w, const struct change *change) {
    const struct session *served = tracking_worker(w)->served;
    const struct session *author = served ? served : w->running;
    if (change->cause != CAUSE_COMMAND) author = NULL;
    switch (change->kind) {
    case CHANGE_STORE:
    case CHANGE_RANGE:
    case CHANGE_COMMAND:
    case CHANGE_EXPIRY:
    case CHANGE_REMOVE: key_changed(w, change->key, author); break;
    case CHANGE_RENAME:
        key_changed(w, change->other, author);
        key_changed(w, change->key, author);
        break;
    case CHANGE_FLUSH:
        forget_keys(w->exec->tracking);
        invalidation_send_flush(w);
        break;
    case CHANGE_SWAP:
    case CHANGE_NOTICE: break;
    }
}

/* The subscriber of change records. */
static void changed(void *context, const struct change *change) {
    struct exec *exec = context;
    const struct worker *self = worker_current();
    if (self) look_at(&exec->workers[worker_index(self)], change);
}

void tracking_serve(struct exec_worker *w, const struct session *session) {
    tracking_worker(w)->served = session;
}

/* ---- the bound of the table ---- */

static struct tracked_key *any_key(const struct index *keys, struct random *random) {
    size_t bucket = random_below(random, keys->bucket_count);
    while (!keys->buckets[bucket])
        bucket = (bucket + 1) & (keys->bucket_count - 1);
    return CONTAINER_OF(keys->buckets[bucket], struct tracked_key, in_table);
}

/* The worker holds no partition. False: there was none in this one. */
static bool drop_any_of(struct exec_worker *w, unsigned partition) {
    struct tracked_partition *p = &w->exec->tracking->partitions[partition];
    struct key in_partition = {.hash = (uint64_t)partition << (64 - PARTITION_BITS)};
    struct gate *gate = w->exec->gate;
    struct gate_hold hold;
    bool shared = gate_is_shared(gate);
    if (shared) gate_lock(gate, w->index, &hold, &in_partition, 1);
    bool any = p->keys.count != 0;
    if (any) invalidate(w, p, any_key(&p->keys, &tracking_worker(w)->random), NULL);
    if (shared) gate_unlock(gate, &hold);
    return any;
}

static void drop_any(struct exec_worker *w) {
    unsigned first = (unsigned)random_below(&tracking_worker(w)->random, PARTITION_COUNT);
    for (unsigned i = 0; i < PARTITION_COUNT; i++)
        if (drop_any_of(w, (first + i) % PARTITION_COUNT)) return;
}

/* Keys whose readers have all gone are dropped, too, so that writes do not look for them. */
static uint64_t most_keys(const struct tracking_registry *registry) {
    if (!atomic_load_explicit(&registry->clients, memory_order_relaxed)) return 0;
    int64_t most = exec_settings.tracking_table_max_keys;
    return most ? (uint64_t)most : UINT64_MAX;
}

void tracking_trim(struct exec_worker *w) {
    struct tracking_registry *registry = w->exec->tracking;
    uint64_t most = most_keys(registry);
    for (unsigned i = 0; i < TRIM_EFFORT; i++) {
        if (atomic_load_explicit(&registry->keys, memory_order_relaxed) <= most) return;
        drop_any(w);
    }
}

/* ---- who tracks ---- */

static struct tracking *need_tracking(struct session *session) {
    if (session->tracking) return session->tracking;
    struct tracking *tracking = memory_alloc_zero(sizeof *tracking);
    if (!tracking) return NULL;
    struct exec_worker *w = session_worker(session);
    tracking->session = session;
    list_init(&tracking->memberships);
    list_append(&tracking_worker(w)->sessions, &tracking->in_worker);
    atomic_fetch_add(&session->exec->tracking->clients, 1);
    atomic_fetch_add(&session->exec->tracking->attention, 1);
    return session->tracking = tracking;
}

static bool join_prefixes(struct session *session, const struct tracking_mode *mode) {
    if (!(mode->flags & TRACKING_BROADCAST)) return true;
    if (!mode->prefix_count) return prefix_join(session, BYTES(""));
    for (unsigned i = 0; i < mode->prefix_count; i++)
        if (!prefix_join(session, mode->prefixes[i])) return false;
    return true;
}

bool tracking_start(struct session *session, const struct tracking_mode *mode) {
    struct tracking *tracking = need_tracking(session);
    if (!tracking) return false;
    tracking->flags = TRACKING_ON | mode->flags | (tracking->flags & TRACKING_CACHING);
    tracking->redirect = mode->redirect ? session_address(mode->redirect) : 0;
    if (join_prefixes(session, mode)) return true;
    tracking_stop(session);
    return false;
}

void tracking_stop(struct session *session) {
    struct tracking *tracking = session->tracking;
    if (!tracking) return;
    if (!list_empty(&tracking->memberships)) {
        gate_exclusive_begin(session->exec->gate, session->worker);
        prefix_leave_all(session);
        gate_exclusive_end(session->exec->gate, session->worker);
    }
    list_remove(&tracking->in_worker);
    atomic_fetch_sub(&session->exec->tracking->clients, 1);
    atomic_fetch_sub(&session->exec->tracking->attention, 1);
    session->tracking = NULL;
    memory_free(tracking);
}

void tracking_set_caching(struct session *session) {
    session->tracking->flags |= TRACKING_CACHING;
}

/* CLIENT CACHING is for the next request, or the next transaction; CLIENT's subcommands do not
 * count. */
static void end_caching(struct session *session, const struct registered *found) {
    bool of_client = found && found->parent && !strcmp(found->parent->command->name, "client");
    if (!of_client && !session->transaction) session->tracking->flags &= ~TRACKING_CACHING;
}

void tracking_request_done(struct exec_worker *w, struct session *session,
                           const struct registered *found) {
    if (UNLIKELY(session->tracking->flags & TRACKING_CACHING)) end_caching(session, found);
    tracking_trim(w);
}

/* ---- what is asked ---- */

uint32_t tracking_flags(const struct session *session) {
    return session->tracking ? session->tracking->flags : 0;
}

uint64_t tracking_redirect(const struct session *session) {
    return session->tracking ? address_id(session->tracking->redirect) : 0;
}

struct tracking_counts tracking_count(const struct exec *exec) {
    const struct tracking_registry *registry = exec->tracking;
    return (struct tracking_counts){registry->clients, registry->keys, registry->items,
                                    registry->prefixes.count};
}

/* ---- life ---- */

struct tracking_registry *tracking_create(struct exec *exec) {
    unsigned workers = exec->worker_count;
    struct tracking_registry *registry = memory_alloc_aligned(64, sizeof *registry);
    ensure(registry);
    memset(registry, 0, sizeof *registry);
    registry->worker_count = workers;
    registry->workers = memory_alloc_aligned(64, workers * sizeof *registry->workers);
    ensure(registry->workers);
    for (unsigned i = 0; i < workers; i++) {
        struct tracking_worker *own = &registry->workers[i];
        *own = (struct tracking_worker){0};
        list_init(&own->sessions);
        list_init(&own->dirty);
        uint64_t seed;
        entropy_fill(&seed, sizeof seed);
        random_seed(&own->random, seed);
    }
    keyspace_subscribe(exec->keyspace, changed, exec, &registry->attention);
    return registry;
}

void tracking_free(struct tracking_registry *registry) {
    forget_keys(registry);
    for (unsigned i = 0; i < registry->worker_count; i++)
        buffer_free(&registry->workers[i].to_self);
    index_free(&registry->prefixes);
    memory_free(registry->lengths);
    memory_free(registry->workers);
    memory_free(registry);
}
