/* SPDX-License-Identifier: BSD-3-Clause */
/* The keys that somebody waits for: a chained hash table for each partition. */
#include "base/ensure.h"
#include "exec/blocking_priv.h"
#include "sys/memory.h"

#define FIRST_BUCKETS 8u

static struct waiting_table *table_of(struct blocking *blocking, const struct key *key) {
    return &blocking->tables[key_partition(key)];
}

static struct waiting_key **bucket_of(const struct waiting_table *table, uint64_t hash) {
    return &table->buckets[hash & (table->bucket_count - 1)];
}

struct waiting_key *waiting_key_find(struct blocking *blocking, uint32_t db,
                                     const struct key *key) {
    const struct waiting_table *table = table_of(blocking, key);
    if (!table->count) return NULL;
    struct waiting_key *w = *bucket_of(table, key->hash);
    while (w && (w->db != db || w->key.hash != key->hash || !bytes_equal(w->key.name, key->name)))
        w = w->next;
    return w;
}

/* Without memory the table stays as it is, and gets slower. */
static void grow(struct waiting_table *table) {
    unsigned count = table->bucket_count ? table->bucket_count * 2 : FIRST_BUCKETS;
    struct waiting_key **buckets = memory_alloc_zero(count * sizeof(struct waiting_key *));
    if (!buckets) return;
    struct waiting_table grown = {buckets, count, table->count};
    for (unsigned i = 0; i < table->bucket_count; i++) {
        for (struct waiting_key *w = table->buckets[i], *next; w; w = next) {
            next = w->next;
            struct waiting_key **bucket = bucket_of(&grown, w->key.hash);
            w->next = *bucket;
            *bucket = w;
        }
    }
    memory_free(table->buckets);
    *table = grown;
}

static struct waiting_key *add(struct blocking *blocking, uint32_t db, const struct key *key) {
    struct waiting_table *table = table_of(blocking, key);
    if (table->count >= table->bucket_count) grow(table);
    struct waiting_key *w = table->buckets ? memory_alloc(sizeof *w + key->name.len) : NULL;
    if (!w) return NULL;
    struct waiting_key **bucket = bucket_of(table, key->hash);
    *w = (struct waiting_key){
        .next = *bucket, .key = {{(char *)(w + 1), key->name.len}, key->hash}, .db = db};
    if (key->name.len) memcpy(w + 1, key->name.data, key->name.len);
    list_init(&w->waiters);
    list_init(&w->marked);
    *bucket = w;
    table->count++;
    atomic_fetch_add(&blocking->keys, 1);
    return w;
}

void waiting_key_release(struct blocking *blocking, struct waiting_key *key) {
    if (key->pins || list_linked(&key->marked) || !list_empty(&key->waiters)) return;
    struct waiting_table *table = table_of(blocking, &key->key);
    struct waiting_key **at = bucket_of(table, key->key.hash);
    while (*at != key)
        at = &(*at)->next;
    *at = key->next;
    memory_free(key);
    atomic_fetch_sub(&blocking->keys, 1);
    if (--table->count > 0) return;
    memory_free(table->buckets);
    *table = (struct waiting_table){0};
}

static void count_on_delete(struct blocking *blocking, struct waiting_key *key, int change) {
    bool before = key->on_delete > 0;
    key->on_delete += (unsigned)change;
    if (before != (key->on_delete > 0))
        atomic_fetch_add(&blocking->keys_on_delete, (uint64_t)change);
}

bool waiting_key_join(struct blocking *blocking, struct wait_link *link, const struct key *key) {
    struct waiter *waiter = link->waiter;
    struct waiting_key *w = waiting_key_find(blocking, waiter->db, key);
    if (!w && !(w = add(blocking, waiter->db, key))) return false;
    if (!list_empty(&w->waiters) &&
        LIST_LAST(&w->waiters, struct wait_link, in_key)->waiter == waiter)
        return true; /* the key is named twice */
    list_append(&w->waiters, &link->in_key);
    link->key = w;
    if (waiter->request.on_delete) count_on_delete(blocking, w, 1);
    return true;
}

void waiting_key_leave(struct blocking *blocking, struct wait_link *link) {
    struct waiting_key *w = link->key;
    if (!w) return;
    list_remove(&link->in_key);
    link->key = NULL;
    if (link->waiter->request.on_delete) count_on_delete(blocking, w, -1);
    waiting_key_release(blocking, w);
}

void waiting_keys_each(struct blocking *blocking, waiting_key_visitor *visit, void *context) {
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        const struct waiting_table *table = &blocking->tables[p];
        for (unsigned i = 0; i < table->bucket_count; i++)
            for (struct waiting_key *w = table->buckets[i]; w; w = w->next)
                visit(context, w);
    }
}
