/* SPDX-License-Identifier: BSD-3-Clause */
#include "keyspace/pin_priv.h"
#include "keyspace/undo_priv.h"
#include "sys/readers.h"

static inline bool is_key(const void *context, const void *block) {
    const struct bytes *name = context;
    const struct entry *e = block;
    struct bytes key = entry_decode(e).key;
    return bytes_equal_short(key, *name);
}

/* Fills in the spot, whether or not the key is there. */
static inline struct entry *find(const struct view *view, const struct key *key,
                                 struct spot *spot) {
    spot->key = key;
    spot->slice = slice_of(view, key);
    spot->entry = NULL;
    if (table_find(&spot->slice->table, key->hash, is_key, &key->name, &spot->slot))
        spot->entry = table_block(&spot->slice->table, &spot->slot);
    return spot->entry;
}

void spot_find(const struct view *view, const struct key *key, struct spot *spot) {
    find(view, key, spot);
}

static inline bool is_expired(const struct entry *e, int64_t now_ms) {
    return UNLIKELY(entry_has_expiry(e)) && now_ms > entry_expiry(e);
}

static __attribute__((noinline)) void expire(struct view *view, struct spot *spot) {
    view->counters->expired++;
    view->counters->expired_lazily++;
    spot_remove(view, spot, CAUSE_EXPIRED, (struct event){EVENT_EXPIRED, "expired"});
}

static inline struct entry *find_alive(struct view *view, const struct key *key,
                                       struct spot *spot) {
    struct entry *e = find(view, key, spot);
    if (e && is_expired(e, view->now_ms)) expire(view, spot);
    return spot->entry;
}

/* Stores the clock even if it is the same: whether it is cannot be predicted where keys are used
 * about once a second. */
static inline void touch(const struct view *view, struct entry *e) {
    if (UNLIKELY(view->no_touch)) return;
    entry_set_clock(e, clock_touched(entry_clock(e), view->now_ms));
}

static inline void count(struct view *view, const struct key *key, const struct entry *e) {
    if (LIKELY(e != NULL)) {
        view->counters->hits++;
        return;
    }
    view->counters->misses++;
    keyspace_notify(view, key, (struct event){EVENT_KEY_MISS, "keymiss"});
}

struct entry *keyspace_find(struct view *view, const struct key *key) {
    struct spot spot;
    struct entry *e = find_alive(view, key, &spot);
    if (e) touch(view, e);
    count(view, key, e);
    return e;
}

struct entry *keyspace_peek(struct view *view, const struct key *key) {
    struct spot spot;
    struct entry *e = find_alive(view, key, &spot);
    count(view, key, e);
    return e;
}

struct entry *keyspace_look(struct view *view, const struct key *key) {
    struct spot spot;
    return find_alive(view, key, &spot);
}

static inline struct entry *seek(struct view *view, const struct key *key, struct spot *spot,
                                 bool elements) {
    struct entry *e = find_alive(view, key, spot);
    if (!e) {
        if (UNLIKELY(view->undoes)) undo_keep(view, spot, elements);
        return NULL;
    }
    spot_keep(view, spot, elements);
    touch(view, e);
    return e;
}

struct entry *keyspace_seek_whole(struct view *view, const struct key *key, struct spot *spot) {
    return seek(view, key, spot, false);
}

struct entry *keyspace_seek(struct view *view, const struct key *key, struct spot *spot) {
    struct entry *e = seek(view, key, spot, true);
    if (e) entry_finish_pins(e);
    return e;
}

struct entry *keyspace_seek_read(struct view *view, const struct key *key, struct spot *spot) {
    struct entry *e = keyspace_seek(view, key, spot);
    count(view, key, e);
    return e;
}

bool keyspace_holds(struct keyspace *keyspace, uint32_t db, const struct key *key, int64_t now_ms) {
    struct view view = {.keyspace = keyspace, .db = db};
    struct spot spot;
    const struct entry *e = find(&view, key, &spot);
    return e && !is_expired(e, now_ms);
}

/* Another worker may be changing the table: a hint is worth looking only if nobody is at it. */
static inline bool try_partition(const struct view *view, const struct key *key) {
    const struct keyspace *ks = view->keyspace;
    return !gate_is_shared(ks->gate) ||
           partition_try_lock(ks->gate, view->worker, key_partition(key));
}

static inline void release_partition(const struct view *view, const struct key *key) {
    const struct keyspace *ks = view->keyspace;
    if (gate_is_shared(ks->gate)) partition_unlock(ks->gate, view->worker, key_partition(key));
}

void keyspace_prefetch_bucket(const struct view *view, const struct key *key) {
    table_prefetch_bucket(&slice_of(view, key)->table, key->hash);
}

void keyspace_prefetch_entry(const struct view *view, const struct key *key) {
    table_prefetch_block(&slice_of(view, key)->table, key->hash);
}

/* As many as have their lines in the first cache together with the requests that they are of. */
#define ASKED_AT_ONCE (size_t)64

/* The loops are short because a prefetch that misses the TLB holds up all that comes after it until
 * its page is found: only the few dozen instructions that the processor looks ahead can overlap
 * with that, so they had better be further prefetches. */
static inline __attribute__((always_inline)) void
prefetch_some(const struct view *view, const struct key *keys, size_t count) {
    const struct table_bucket *buckets[ASKED_AT_ONCE];
    uint64_t last = ~keys[0].hash;
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = keys[i].hash;
        const struct table *table = &slice_of(view, &keys[i])->table;
        buckets[i] = hash == last ? NULL : table_home_bucket(table, hash);
        __builtin_prefetch(buckets[i]);
        last = hash;
    }
    for (size_t i = 0; i < count; i++)
        if (buckets[i])
            table_prefetch_block_in(&slice_of(view, &keys[i])->table, buckets[i], keys[i].hash);
}

/* Others may be changing what it looks at, and locking each partition would cost more than is won:
 * what comes of that is a hint that is of no use. So the thread sanitizer need not look. */
__attribute__((no_sanitize("thread"))) void
keyspace_prefetch(const struct view *view, const struct key *keys, size_t count) {
    bool shared = gate_is_shared(view->keyspace->gate);
    if (shared && !readers_enter()) return;
    for (size_t done = 0; done < count; done += ASKED_AT_ONCE)
        prefetch_some(view, keys + done, MIN(count - done, ASKED_AT_ONCE));
    if (shared) readers_leave();
}

/* What finds the key's elements by name; NULL: nothing does. */
static const struct table *elements_of(const struct view *view, const struct key *key) {
    struct spot spot;
    const struct entry *e = find(view, key, &spot);
    if (!e || !entry_is_object(e)) return NULL;
    const struct value_ops *ops = value_ops(entry_type(e));
    return ops->elements ? ops->elements(entry_object(e)) : NULL;
}

void keyspace_prefetch_element_buckets(const struct view *view, const struct key *key,
                                       const struct bytes *names, uint64_t *hashes,
                                       unsigned count) {
    const struct table *table = NULL;
    bool tried = try_partition(view, key);
    if (tried) table = elements_of(view, key);
    for (unsigned i = 0; i < count; i++) {
        hashes[i] = table ? hash_bytes(names[i].data, names[i].len) : 0;
        if (table) table_prefetch_bucket(table, hashes[i]);
    }
    if (tried) release_partition(view, key);
}

void keyspace_prefetch_elements(const struct view *view, const struct key *key,
                                const uint64_t *hashes, unsigned count) {
    if (!try_partition(view, key)) return;
    const struct table *table = elements_of(view, key);
    for (unsigned i = 0; table && i < count; i++)
        if (hashes[i]) table_prefetch_block(table, hashes[i]);
    release_partition(view, key);
}
