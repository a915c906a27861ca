/* SPDX-License-Identifier: BSD-3-Clause */
#include "keyspace_world.h"
#include "keyspace/policy.h"
#include "sys/chunk.h"
#include "sys/memory.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct world *world_create(unsigned databases, unsigned workers) {
    static struct policy initial;
    if (!initial.maxmemory_policy) initial = policy;
    policy = initial;
    struct world *w = memory_need(sizeof *w);
    w->gate = gate_create(workers, 0);
    assert_non_null(w->gate);
    w->keyspace = keyspace_create(
        &(struct keyspace_options){.databases = databases, .workers = workers, .gate = w->gate});
    assert_non_null(w->keyspace);
    w->view = (struct view){.keyspace = w->keyspace,
                            .counters = keyspace_counters_of(w->keyspace, 0),
                            .now_ms = WORLD_BEGAN_MS};
    return w;
}

void world_drop(struct world *w) {
    keyspace_free(w->keyspace);
    gate_free(w->gate);
    memory_free(w);
}

void world_free(struct world *w) {
    world_drop(w);
    assert_int_equal(chunk_bytes_used(), 0);
}

struct sums {
    uint64_t with_expiry, objects;
};

static void check_bucket(const struct slice *slice, const struct table_bucket *bucket,
                         struct sums *sums) {
    for (unsigned i = 0; i < TABLE_SLOTS; i++) {
        if (!bucket->tag[i]) continue;
        const struct entry *e = arena_at(&slice->arena, bucket->ref[i]);
        sums->objects += entry_is_object(e);
        if (!entry_has_expiry(e)) continue;
        sums->with_expiry++;
        assert_int_not_equal(bucket->due, 0);
    }
}

static void check_slice(const struct slice *slice) {
    const struct table *table = &slice->table;
    table_check(table);
    arena_check(&slice->arena, entry_block_size);
    struct sums sums = {0};
    for (unsigned i = 0, next; i < table_directory_size(table); i = next) {
        const struct table_segment *segment = table_segment_at(table, i, &next);
        for (unsigned b = 0; b < segment->buckets; b++)
            check_bucket(slice, &segment->bucket[b], &sums);
    }
    assert_int_equal(slice->volatile_keys, sums.with_expiry);
    assert_int_equal(slice->objects, sums.objects);
}

void world_check(const struct world *w) {
    const struct keyspace *ks = w->keyspace;
    int64_t live = 0;
    for (unsigned db = 0; db < ks->databases; db++) {
        for (unsigned p = 0; p < PARTITION_COUNT; p++) {
            const struct slice *slice = &ks->database[db]->slices[p];
            live += (int64_t)arena_live(&slice->arena);
            if (slice->table.count) assert_true(ks->database[db]->used);
            if (slice->table.hash_of) check_slice(slice);
        }
    }
    assert_int_equal(keyspace_counters_sum(ks).live_bytes, live);
}

void world_set(struct world *w, const struct key *key, struct bytes value, int64_t expiry) {
    struct spot spot;
    keyspace_seek(&w->view, key, &spot);
    assert_true(keyspace_store_string(&w->view, &spot,
                                      &(struct string_store){.value = value, .expiry = expiry}));
}

void world_expect_same(struct world *one, struct world *other, const struct key *key) {
    const struct entry *a = keyspace_peek(&one->view, key);
    const struct entry *b = keyspace_peek(&other->view, key);
    assert_int_equal(a != NULL, b != NULL);
    if (!a) return;
    assert_true(bytes_equal(entry_string(a), entry_string(b)));
    assert_int_equal(entry_expiry(a), entry_expiry(b));
}

struct key world_key(unsigned number, size_t len, char *room) {
    memset(room, 'k', len);
    for (unsigned attempt = 0;; attempt++) {
        uint16_t digits[2] = {(uint16_t)number, (uint16_t)attempt};
        memcpy(room, digits, MIN(sizeof digits, len));
        struct key key = key_make(bytes_make(room, len));
        if (key_partition(&key) < 4 || len < sizeof digits) return key;
    }
}
