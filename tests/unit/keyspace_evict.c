/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeping within maxmemory, under all policies. What is resident is what we say, so that the
 * figures are the keyspace's own; one test asks the kernel. */
#include "keyspace/evict.h"
#include "keyspace/maintain.h"
#include "keyspace/policy.h"
#include "keyspace_world.h"
#include "sys/memory.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define KEYS 20000u

static const struct keyspace *measured;

static size_t live_bytes(void) {
    return (size_t)keyspace_counters_sum(measured).live_bytes;
}

static size_t held_by_arenas(void) {
    size_t sum = 0;
    for (unsigned db = 0; db < measured->databases; db++)
        for (unsigned p = 0; p < PARTITION_COUNT; p++)
            sum += arena_held_racy(&measured->database[db]->slices[p].arena);
    return sum;
}

struct watch {
    unsigned evicted, persistent; /* keys that went; of these, without an expiry */
    bool gone[KEYS];
};

static unsigned number_of(const struct key *key) {
    unsigned number;
    memcpy(&number, key->name.data, sizeof number);
    return number;
}

static void watch(void *context, const struct change *change) {
    struct watch *w = context;
    if (change->kind != CHANGE_REMOVE) return;
    assert_int_equal(change->cause, CAUSE_EVICTED);
    assert_string_equal(change->event.name, "evicted");
    w->evicted++;
    w->persistent += number_of(change->key) % 2;
    w->gone[number_of(change->key)] = true;
}

static struct key numbered(char *room, unsigned number) {
    memcpy(room, &number, sizeof number);
    return key_make(bytes_make(room, 12));
}

/* Keys of even numbers have an expiry: the larger the number, the later. */
static struct world *fill(struct watch *watched) {
    static char value[100];
    struct world *w = world_create(2, 1);
    measured = w->keyspace;
    evict_measure_with(live_bytes);
    memset(watched, 0, sizeof *watched);
    keyspace_subscribe(w->keyspace, watch, watched, NULL);
    for (unsigned i = 0; i < KEYS; i++) {
        char room[12] = "";
        struct key key = numbered(room, i);
        int64_t expiry = w->view.now_ms + 1000000 + i * 100;
        w->view.db = i / 2 % 2;
        world_set(w, &key, bytes_make(value, sizeof value), i % 2 ? EXPIRY_NONE : expiry);
    }
    w->view.db = 0;
    return w;
}

static void finish(struct world *w) {
    world_check(w);
    evict_measure_with(NULL);
    world_free(w);
}

static void limit_to(int64_t percent_of_live, int64_t policies) {
    int64_t live = keyspace_counters_sum(measured).live_bytes;
    policy.maxmemory = live * percent_of_live / 100;
    policy.maxmemory_policy = policies;
    usleep(6000); /* the evictor looks every five milliseconds */
}

static void make_room(struct world *w) {
    for (unsigned i = 0; i < 1000; i++)
        assert_true(keyspace_make_room(&w->view));
    int64_t live = keyspace_counters_sum(w->keyspace).live_bytes;
    assert_true(live <= policy.maxmemory);
    assert_true(live > policy.maxmemory * 85 / 100);
}

/* Uses the keys of every tenth number. */
static void use_some(struct world *w, unsigned times) {
    for (unsigned use = 0; use < times; use++) {
        for (unsigned i = 0; i < KEYS; i += 10) {
            char room[12] = "";
            struct key key = numbered(room, i);
            w->view.db = i / 2 % 2;
            keyspace_find(&w->view, &key);
        }
    }
    w->view.db = 0;
}

static unsigned count_gone(const struct watch *watched, unsigned first, unsigned step) {
    unsigned gone = 0;
    for (unsigned i = first; i < KEYS; i += step)
        gone += watched->gone[i];
    return gone;
}

static void evict_under(int64_t policies, struct watch *watched) {
    struct world *w = fill(watched);
    policy.maxmemory_policy = policies;
    if (policies & POLICY_LFU) /* the clocks are read another way from now on */
        for (unsigned i = 0; i < KEYS; i++) {
            char room[12] = "";
            struct key key = numbered(room, i);
            w->view.db = i / 2 % 2;
            keyspace_find(&w->view, &key);
        }
    w->view.now_ms += 200000;
    use_some(w, policies & POLICY_LFU ? 100 : 1);
    w->view.now_ms += 5000;
    limit_to(75, policies);
    make_room(w);
    assert_int_equal(keyspace_counters_sum(w->keyspace).evicted, watched->evicted);
    assert_true(watched->evicted > KEYS / 5);
    if (policies & POLICY_VOLATILE) assert_int_equal(watched->persistent, 0);
    if (policies & POLICY_ALL) assert_true(watched->persistent > watched->evicted / 4);
    finish(w);
}

static void allkeys_lru_takes_what_was_not_used(void **state) {
    struct watch watched;
    evict_under(POLICY_ALL | POLICY_LRU, &watched);
    assert_true(count_gone(&watched, 0, 10) < 10);
}

static void volatile_lru_takes_what_was_not_used(void **state) {
    struct watch watched;
    evict_under(POLICY_VOLATILE | POLICY_LRU, &watched);
    assert_true(count_gone(&watched, 0, 10) < 100);
}

static void allkeys_lfu_takes_what_was_used_rarely(void **state) {
    struct watch watched;
    evict_under(POLICY_ALL | POLICY_LFU, &watched);
    assert_true(count_gone(&watched, 0, 10) < 10);
}

static void volatile_lfu_takes_what_was_used_rarely(void **state) {
    struct watch watched;
    evict_under(POLICY_VOLATILE | POLICY_LFU, &watched);
    assert_true(count_gone(&watched, 0, 10) < 100);
}

static void allkeys_random_takes_any(void **state) {
    struct watch watched;
    evict_under(POLICY_ALL | POLICY_RANDOM, &watched);
    unsigned used = count_gone(&watched, 0, 10);
    assert_true(used > KEYS / 10 / 6 && used < KEYS / 10 / 2);
}

static void volatile_random_takes_any(void **state) {
    struct watch watched;
    evict_under(POLICY_VOLATILE | POLICY_RANDOM, &watched);
    assert_true(count_gone(&watched, 0, 10) > KEYS / 10 / 3);
}

static void volatile_ttl_takes_what_expires_soonest(void **state) {
    struct watch watched;
    evict_under(POLICY_VOLATILE | POLICY_TTL, &watched);
    unsigned sooner = 0;
    for (unsigned i = 0; i < KEYS / 2; i++)
        sooner += watched.gone[i];
    assert_true(sooner > watched.evicted * 3 / 4);
}

static void noeviction_refuses(void **state) {
    struct watch watched;
    struct world *w = fill(&watched);
    limit_to(110, POLICY_NONE);
    assert_true(keyspace_make_room(&w->view));
    limit_to(90, POLICY_NONE);
    assert_false(keyspace_make_room(&w->view));
    assert_int_equal(watched.evicted, 0);
    policy.maxmemory = 0;
    assert_true(keyspace_make_room(&w->view));
    finish(w);
}

static void nothing_that_may_go_is_a_refusal(void **state) {
    struct watch watched;
    struct world *w = fill(&watched);
    for (unsigned i = 0; i < KEYS; i += 2) {
        char room[12] = "";
        struct key key = numbered(room, i);
        struct spot spot;
        w->view.db = i / 2 % 2;
        keyspace_seek(&w->view, &key, &spot);
        assert_true(keyspace_set_expiry(&w->view, &spot, EXPIRY_NONE, (struct event){0}));
    }
    limit_to(50, POLICY_VOLATILE | POLICY_LRU);
    assert_false(keyspace_make_room(&w->view));
    assert_int_equal(watched.evicted, 0);
    finish(w);
}

/* The last ones are found too, however few they are. */
static void everything_may_go(void **state) {
    static const int64_t kinds[] = {POLICY_LRU, POLICY_LFU, POLICY_RANDOM};
    for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
        struct watch watched;
        struct world *w = fill(&watched);
        limit_to(0, POLICY_ALL | kinds[i]);
        policy.maxmemory = 1;
        for (unsigned calls = 0; watched.evicted < KEYS; calls++) {
            assert_true(keyspace_make_room(&w->view));
            assert_true(calls < KEYS);
        }
        assert_int_equal(watched.evicted, KEYS);
        assert_int_equal(keyspace_size(w->keyspace, 0).keys, 0);
        assert_int_equal(keyspace_size(w->keyspace, 1).keys, 0);
        finish(w);
    }
}

static void writing_on_and_on_stays_within_the_limit(void **state) {
    struct watch watched;
    struct world *w = fill(&watched);
    struct random random;
    static char value[1000];
    random_seed(&random, 1);
    evict_measure_with(held_by_arenas);
    limit_to(500, POLICY_ALL | POLICY_LRU);
    for (unsigned i = 0; i < 200000; i++) {
        char room[12] = "";
        struct key key = numbered(room, (unsigned)random_below(&random, KEYS));
        assert_true(keyspace_make_room(&w->view));
        world_set(w, &key, bytes_make(value, random_below(&random, sizeof value)), EXPIRY_NONE);
        if (i % 100 == 0) keyspace_maintain(w->keyspace, 0, w->view.now_ms);
        w->view.now_ms++;
    }
    assert_true(watched.evicted > KEYS);
    assert_true(held_by_arenas() < (size_t)policy.maxmemory * 120 / 100);
    finish(w);
}

/* A key that another worker used a moment ago, by its clock a little later than ours. */
static void a_clock_that_lags_does_not_make_a_hot_key_cold(void **state) {
    struct watch watched;
    struct world *w = fill(&watched);
    w->view.now_ms += 100000;
    use_some(w, 1);
    w->view.now_ms -= 2000;
    limit_to(75, POLICY_ALL | POLICY_LRU);
    make_room(w);
    assert_true(count_gone(&watched, 0, 10) < 10);
    finish(w);
}

/* Under a sanitizer, memory that was freed stays resident. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define RESIDENT_MEMORY_SHRINKS

/* What the kernel calls resident does not shrink at once when large values go. */
static void large_values_do_not_go_in_heaps(void **state) {
    static char value[20000];
    struct world *w = world_create(1, 1);
    for (unsigned i = 0; i < 3000; i++) {
        char room[12] = "";
        struct key key = numbered(room, i);
        world_set(w, &key, bytes_make(value, sizeof value), EXPIRY_NONE);
    }
    policy.maxmemory = (int64_t)memory_resident() - 1000000;
    policy.maxmemory_policy = POLICY_ALL | POLICY_LRU;
    for (unsigned i = 0; i < 100; i++) {
        assert_true(keyspace_make_room(&w->view));
        usleep(2000);
    }
    uint64_t evicted = keyspace_counters_sum(w->keyspace).evicted;
    assert_true(evicted >= 20 && evicted < 300);
    world_free(w);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allkeys_lru_takes_what_was_not_used),
        cmocka_unit_test(volatile_lru_takes_what_was_not_used),
        cmocka_unit_test(allkeys_lfu_takes_what_was_used_rarely),
        cmocka_unit_test(volatile_lfu_takes_what_was_used_rarely),
        cmocka_unit_test(allkeys_random_takes_any),
        cmocka_unit_test(volatile_random_takes_any),
        cmocka_unit_test(volatile_ttl_takes_what_expires_soonest),
        cmocka_unit_test(noeviction_refuses),
        cmocka_unit_test(nothing_that_may_go_is_a_refusal),
        cmocka_unit_test(everything_may_go),
        cmocka_unit_test(writing_on_and_on_stays_within_the_limit),
        cmocka_unit_test(a_clock_that_lags_does_not_make_a_hot_key_cold),
#ifdef RESIDENT_MEMORY_SHRINKS
        cmocka_unit_test(large_values_do_not_go_in_heaps),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
