/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys go when their time has come: at the next look, or when the sweep comes by. The clock is
 * ours. */
#include "keyspace/maintain.h"
#include "keyspace/policy.h"
#include "keyspace_world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define TICK_MS   10
#define LAG_MS    1000 /* what the sweep may be late */
#define MINUTE_MS 60000
#define HOUR_MS   3600000ll

#define NAME_MAX_BYTES 32

static struct key numbered(char *room, unsigned number) {
    int len = snprintf(room, NAME_MAX_BYTES, "key:%u", number);
    return key_make(bytes_make(room, (size_t)len));
}

/* `count` keys that expire after between `from` and `to` milliseconds. */
static void fill(struct world *w, unsigned first, unsigned count, int64_t from, int64_t to) {
    struct random random;
    random_seed(&random, first);
    for (unsigned i = 0; i < count; i++) {
        char room[NAME_MAX_BYTES];
        struct key key = numbered(room, first + i);
        int64_t after = from + (int64_t)random_below(&random, (uint64_t)(to - from));
        world_set(w, &key, BYTES("value"), w->view.now_ms + after);
    }
}

static void tick(struct world *w, int64_t ms, unsigned times) {
    for (unsigned i = 0; i < times; i++) {
        w->view.now_ms += ms;
        keyspace_maintain(w->keyspace, 0, w->view.now_ms);
    }
}

struct overdue {
    int64_t before_ms;
    unsigned count;
};

static void look_at(void *context, void *block) {
    struct overdue *overdue = context;
    const struct entry *e = block;
    overdue->count += entry_has_expiry(e) && entry_expiry(e) < overdue->before_ms;
}

/* How many entries are still there that expired more than `lag` ago. */
static unsigned count_overdue(const struct world *w, int64_t lag) {
    struct overdue overdue = {.before_ms = w->view.now_ms - lag};
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        const struct table *table = &w->keyspace->database[w->view.db]->slices[p].table;
        uint64_t cursor = 0;
        do
            cursor = table_scan(table, cursor, look_at, &overdue);
        while (cursor);
    }
    return overdue.count;
}

static uint64_t keys(const struct world *w) {
    return keyspace_size(w->keyspace, w->view.db).keys;
}

/* ---- at the next look ---- */

static void a_key_is_there_until_its_time_has_passed(void **state) {
    struct world *w = world_create(1, 1);
    struct key key = key_make(BYTES("key"));
    int64_t expiry = w->view.now_ms + 500;
    world_set(w, &key, BYTES("value"), expiry);
    w->view.now_ms = expiry;
    assert_non_null(keyspace_find(&w->view, &key));
    w->view.now_ms = expiry + 1;
    assert_null(keyspace_find(&w->view, &key));
    assert_int_equal(keys(w), 0);
    struct keyspace_counters counters = keyspace_counters_sum(w->keyspace);
    assert_int_equal(counters.expired, 1);
    assert_int_equal(counters.expired_lazily, 1);
    assert_int_equal(counters.hits, 1);
    assert_int_equal(counters.misses, 1);
    world_check(w);
    world_free(w);
}

static void any_time_can_be_an_expiry(void **state) {
    struct world *w = world_create(1, 1);
    static const int64_t times[] = {INT64_MIN + 2, -1, 0, 1, WORLD_BEGAN_MS, INT64_MAX};
    for (unsigned i = 0; i < ARRAY_LEN(times); i++) {
        char room[NAME_MAX_BYTES];
        struct key key = numbered(room, i);
        world_set(w, &key, BYTES("value"), times[i]);
    }
    world_check(w);
    tick(w, TICK_MS, 100);
    assert_int_equal(keys(w), 1);
    world_check(w);
    world_free(w);
}

/* ---- the sweep ---- */

static void the_sweep_is_never_late(void **state) {
    struct world *w = world_create(2, 1);
    fill(w, 0, 20000, 0, 30000);
    fill(w, 20000, 2000, 30000, 100 * HOUR_MS);
    w->view.db = 1;
    fill(w, 0, 5000, 0, 30000);
    for (unsigned i = 0; i < 64; i++) {
        tick(w, TICK_MS, 50);
        for (w->view.db = 0; w->view.db < 2; w->view.db++)
            assert_int_equal(count_overdue(w, LAG_MS), 0);
    }
    w->view.db = 0;
    assert_int_equal(keys(w), 2000);
    assert_int_equal(keyspace_size(w->keyspace, 0).volatile_keys, 2000);
    assert_int_equal(keyspace_size(w->keyspace, 1).keys, 0);
    struct keyspace_counters counters = keyspace_counters_sum(w->keyspace);
    assert_int_equal(counters.expired, 25000);
    assert_int_equal(counters.expired_lazily, 0);
    world_check(w);
    world_free(w);
}

static void each_worker_sweeps_its_share(void **state) {
    struct world *w = world_create(1, 3);
    fill(w, 0, 10000, 0, 1000);
    for (unsigned i = 0; i < 250; i++) {
        w->view.now_ms += TICK_MS;
        for (unsigned worker = 0; worker < 3; worker++)
            keyspace_maintain(w->keyspace, worker, w->view.now_ms);
    }
    assert_int_equal(keys(w), 0);
    for (unsigned worker = 0; worker < 3; worker++)
        assert_true(keyspace_counters_of(w->keyspace, worker)->expired > 2000);
    world_check(w);
    world_free(w);
}

/* A bucket's bound reaches 70 minutes ahead: what lies beyond must be found all the same. */
static void far_deadlines_are_met(void **state) {
    struct world *w = world_create(1, 1);
    fill(w, 0, 3000, 0, 30 * HOUR_MS);
    for (unsigned i = 0; i < 31 * 12; i++) {
        tick(w, 5 * MINUTE_MS, 1);
        tick(w, TICK_MS, 60);
        assert_int_equal(count_overdue(w, LAG_MS), 0);
    }
    assert_int_equal(keys(w), 0);
    world_free(w);
}

static void a_deadline_that_moves_is_met(void **state) {
    struct world *w = world_create(1, 1);
    struct key key = key_make(BYTES("key"));
    struct spot spot;
    world_set(w, &key, BYTES("value"), w->view.now_ms + HOUR_MS);
    tick(w, TICK_MS, 50);
    keyspace_seek(&w->view, &key, &spot);
    assert_true(keyspace_set_expiry(&w->view, &spot, w->view.now_ms + 300, (struct event){0}));
    tick(w, TICK_MS, 20);
    assert_int_equal(keys(w), 1);
    tick(w, TICK_MS, (300 + LAG_MS) / TICK_MS);
    assert_int_equal(keys(w), 0);
    world_set(w, &key, BYTES("value"), w->view.now_ms + 300);
    keyspace_seek(&w->view, &key, &spot);
    assert_true(keyspace_set_expiry(&w->view, &spot, EXPIRY_NONE, (struct event){0}));
    tick(w, TICK_MS, 200);
    assert_int_equal(keys(w), 1);
    world_check(w);
    world_free(w);
}

static void a_clock_that_jumps_ahead_is_followed(void **state) {
    static const int64_t jumps[] = {30 * MINUTE_MS, 69 * MINUTE_MS,  71 * MINUTE_MS,
                                    3 * HOUR_MS,    140 * MINUTE_MS, 1000 * HOUR_MS};
    for (unsigned i = 0; i < ARRAY_LEN(jumps); i++) {
        struct world *w = world_create(1, 1);
        fill(w, 0, 5000, 0, 2 * jumps[i]);
        tick(w, TICK_MS, 30);
        tick(w, jumps[i], 1);
        tick(w, TICK_MS, LAG_MS / TICK_MS);
        assert_int_equal(count_overdue(w, LAG_MS), 0);
        assert_true(keys(w) > 2000);
        tick(w, jumps[i], 1);
        tick(w, TICK_MS, LAG_MS / TICK_MS);
        assert_int_equal(keys(w), 0);
        world_free(w);
    }
}

static void a_clock_that_is_set_back_is_followed(void **state) {
    static const int64_t jumps[] = {5, 30 * MINUTE_MS, 69 * MINUTE_MS, 71 * MINUTE_MS, 3 * HOUR_MS};
    for (unsigned i = 0; i < ARRAY_LEN(jumps); i++) {
        struct world *w = world_create(1, 1);
        fill(w, 0, 3000, 0, HOUR_MS);
        tick(w, TICK_MS, 30);
        uint64_t before = keys(w);
        w->view.now_ms -= jumps[i];
        tick(w, TICK_MS, 200);
        assert_true(keys(w) > before - 10);
        fill(w, 10000, 1000, 0, 10000);
        tick(w, TICK_MS, 1000 + LAG_MS / TICK_MS);
        assert_int_equal(count_overdue(w, LAG_MS), 0);
        for (int64_t left = jumps[i] + HOUR_MS; left > 0; left -= 10 * MINUTE_MS) {
            tick(w, 10 * MINUTE_MS, 1);
            tick(w, TICK_MS, LAG_MS / TICK_MS);
            assert_int_equal(count_overdue(w, LAG_MS), 0);
        }
        assert_int_equal(keys(w), 0);
        world_free(w);
    }
}

static void the_sweep_can_be_switched_off(void **state) {
    struct world *w = world_create(1, 1);
    policy.active_expire = false;
    fill(w, 0, 1000, 0, 100);
    tick(w, TICK_MS, 200);
    assert_int_equal(keys(w), 1000);
    policy.active_expire = true;
    tick(w, TICK_MS, 100);
    assert_int_equal(keys(w), 0);
    world_free(w);
}

/* ---- what is left behind ---- */

static size_t held(const struct world *w) {
    size_t sum = 0;
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        const struct slice *slice = &w->keyspace->database[0]->slices[p];
        sum += arena_held(&slice->arena) + slice->table.memory;
    }
    return sum;
}

static void an_empty_database_holds_nothing(void **state) {
    struct world *w = world_create(1, 1);
    fill(w, 0, 50000, 0, 1000);
    assert_true(held(w) > 1000000);
    tick(w, TICK_MS, 400);
    assert_int_equal(keys(w), 0);
    assert_int_equal(held(w), 0);
    world_free(w);
}

/* Keys in four partitions, so that their slices are large. */
static void what_expires_gives_memory_back(void **state) {
    struct world *w = world_create(1, 1);
    for (unsigned i = 0; i < 40000; i++) {
        char room[64];
        struct key key = world_key(i, 20 + i % 40, room);
        world_set(w, &key, bytes_make(room, i % 60), i % 5 ? w->view.now_ms + 100 : EXPIRY_NONE);
    }
    size_t before = held(w);
    tick(w, TICK_MS, 2000);
    assert_int_equal(keys(w), 8000);
    assert_true(held(w) < before * 30 / 100);
    world_check(w);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_there_until_its_time_has_passed),
        cmocka_unit_test(any_time_can_be_an_expiry),
        cmocka_unit_test(the_sweep_is_never_late),
        cmocka_unit_test(each_worker_sweeps_its_share),
        cmocka_unit_test(far_deadlines_are_met),
        cmocka_unit_test(a_deadline_that_moves_is_met),
        cmocka_unit_test(a_clock_that_jumps_ahead_is_followed),
        cmocka_unit_test(a_clock_that_is_set_back_is_followed),
        cmocka_unit_test(the_sweep_can_be_switched_off),
        cmocka_unit_test(an_empty_database_holds_nothing),
        cmocka_unit_test(what_expires_gives_memory_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
