/* SPDX-License-Identifier: BSD-3-Clause */
/* Walking a keyspace while it changes, and drawing keys at random. */
#include "keyspace/maintain.h"
#include "keyspace_world.h"
#include "sys/memory.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define KEYS 30000u

struct seen {
    unsigned count, times[KEYS];
};

static unsigned number_of(const struct entry *e) {
    unsigned number;
    memcpy(&number, entry_key(e).data, sizeof number);
    return number;
}

static void see(void *context, const struct entry *e) {
    struct seen *seen = context;
    seen->count++;
    seen->times[number_of(e)]++;
}

static void count_one(void *context, const struct entry *e) {
    ((struct seen *)context)->count++;
}

static struct key numbered(char *room, unsigned number) {
    memcpy(room, &number, sizeof number);
    return key_make(bytes_make(room, sizeof number));
}

static void put(struct world *w, unsigned number, int64_t expiry) {
    char room[8];
    struct key key = numbered(room, number);
    world_set(w, &key, BYTES("value"), expiry);
}

static void take_out(struct world *w, unsigned number) {
    char room[8];
    struct key key = numbered(room, number);
    struct spot spot;
    if (keyspace_seek(&w->view, &key, &spot)) keyspace_remove(&w->view, &spot, (struct event){0});
}

static void a_scan_at_rest_sees_each_key_once(void **state) {
    static const unsigned counts[] = {0, 1, 10, 300, 3000, KEYS};
    struct seen *seen = memory_need(sizeof *seen);
    for (unsigned i = 0; i < ARRAY_LEN(counts); i++) {
        struct world *w = world_create(2, 1);
        for (unsigned number = 0; number < counts[i]; number++)
            put(w, number, EXPIRY_NONE);
        w->view.db = 1;
        put(w, 17, EXPIRY_NONE);
        w->view.db = 0;
        for (unsigned step = 1; step < 100000; step *= 10) {
            *seen = (struct seen){0};
            uint64_t cursor = 0;
            unsigned calls = 0;
            do {
                unsigned before = seen->count;
                cursor = keyspace_scan(&w->view, cursor, step, see, seen);
                assert_true(cursor == 0 || seen->count >= before + step);
                assert_true(cursor < INT64_MAX);
                calls++;
            } while (cursor);
            assert_int_equal(seen->count, counts[i]);
            assert_true(calls <= counts[i] / step + 1);
            for (unsigned number = 0; number < counts[i]; number++)
                assert_int_equal(seen->times[number], 1);
        }
        world_free(w);
    }
    memory_free(seen);
}

/* Every third key stays. */
static void a_scan_sees_all_that_stays(void **state) {
    struct seen *seen = memory_need(sizeof *seen);
    for (unsigned seed = 1; seed <= 4; seed++) {
        struct world *w = world_create(1, 1);
        struct random random;
        random_seed(&random, seed);
        for (unsigned number = 0; number < KEYS; number += seed % 2 ? 1 : 3)
            put(w, number, EXPIRY_NONE);
        *seen = (struct seen){0};
        uint64_t cursor = 0;
        bool removing = seed % 2;
        do {
            cursor = keyspace_scan(&w->view, cursor, 100, see, seen);
            if (random_below(&random, 40) == 0) removing = !removing;
            for (unsigned i = 0; i < 500; i++) {
                unsigned number = (unsigned)random_below(&random, KEYS);
                if (number % 3 == 0) continue;
                if (removing)
                    take_out(w, number);
                else
                    put(w, number, EXPIRY_NONE);
            }
            keyspace_maintain(w->keyspace, 0, w->view.now_ms += 10);
        } while (cursor);
        for (unsigned number = 0; number < KEYS; number += 3)
            assert_true(seen->times[number] >= 1);
        world_check(w);
        world_free(w);
    }
    memory_free(seen);
}

static void expired_keys_are_not_shown(void **state) {
    struct world *w = world_create(1, 1);
    struct seen *seen = memory_need(sizeof *seen);
    for (unsigned number = 0; number < 1000; number++)
        put(w, number, number % 2 ? w->view.now_ms + 10 : EXPIRY_NONE);
    w->view.now_ms += 11;
    assert_int_equal(keyspace_scan(&w->view, 0, UINT64_MAX, see, seen), 0);
    assert_int_equal(seen->count, 500);
    assert_int_equal(keyspace_size(w->keyspace, 0).keys, 1000);
    memory_free(seen);
    world_free(w);
}

static void any_cursor_comes_to_an_end(void **state) {
    struct world *w = world_create(1, 1);
    struct seen *seen = memory_need(sizeof *seen);
    struct random random;
    random_seed(&random, 1);
    for (unsigned i = 0; i < 2000; i++) {
        if (i % 2) put(w, i, EXPIRY_NONE);
        uint64_t cursor = random_next(&random) >> random_below(&random, 64);
        unsigned calls = 0;
        while ((cursor = keyspace_scan(&w->view, cursor, 10, see, seen)))
            assert_true(++calls < 1000);
    }
    memory_free(seen);
    world_free(w);
}

/* ---- at random ---- */

static void a_random_key_is_any_key(void **state) {
    struct world *w = world_create(1, 1);
    struct seen *seen = memory_need(sizeof *seen);
    for (unsigned number = 0; number < 2000; number++)
        put(w, number, EXPIRY_NONE);
    for (unsigned i = 0; i < 200000; i++)
        assert_true(keyspace_random(&w->view, see, seen));
    for (unsigned number = 0; number < 2000; number++)
        assert_in_range(seen->times[number], 30, 300); /* 100 if all were equal */
    memory_free(seen);
    world_free(w);
}

static void a_random_key_is_found_among_few(void **state) {
    struct world *w = world_create(1, 1);
    struct seen *seen = memory_need(sizeof *seen);
    assert_false(keyspace_random(&w->view, see, seen));
    for (unsigned number = 0; number < KEYS; number++)
        put(w, number, EXPIRY_NONE);
    for (unsigned number = 1; number < KEYS; number++)
        take_out(w, number);
    for (unsigned i = 0; i < 100; i++)
        assert_true(keyspace_random(&w->view, see, seen));
    assert_int_equal(seen->times[0], 100);
    take_out(w, 0);
    assert_false(keyspace_random(&w->view, see, seen));
    memory_free(seen);
    world_free(w);
}

static void a_random_key_is_found_in_a_table_that_was_large(void **state) {
    struct world *w = world_create(1, 1);
    struct seen *seen = memory_need(sizeof *seen);
    char room[8];
    for (unsigned number = 0; number < KEYS; number++) {
        struct key key = world_key(number, sizeof room, room);
        world_set(w, &key, BYTES("value"), EXPIRY_NONE);
    }
    for (unsigned number = 1; number < KEYS; number++) {
        struct key key = world_key(number, sizeof room, room);
        struct spot spot;
        keyspace_seek(&w->view, &key, &spot);
        keyspace_remove(&w->view, &spot, (struct event){0});
    }
    for (unsigned i = 0; i < 100; i++)
        assert_true(keyspace_random(&w->view, count_one, seen));
    assert_int_equal(seen->count, 100);
    memory_free(seen);
    world_free(w);
}

static void a_random_key_has_not_expired(void **state) {
    struct world *w = world_create(1, 1);
    struct seen *seen = memory_need(sizeof *seen);
    for (unsigned number = 0; number < 100; number++)
        put(w, number, w->view.now_ms + 10);
    w->view.now_ms += 11;
    assert_false(keyspace_random(&w->view, see, seen));
    put(w, 100, EXPIRY_NONE);
    put(w, 101, EXPIRY_NONE);
    for (unsigned i = 0; i < 100; i++)
        keyspace_random(&w->view, see, seen);
    assert_true(seen->count > 30);
    assert_int_equal(seen->count, seen->times[100] + seen->times[101]);
    memory_free(seen);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scan_at_rest_sees_each_key_once),
        cmocka_unit_test(a_scan_sees_all_that_stays),
        cmocka_unit_test(expired_keys_are_not_shown),
        cmocka_unit_test(any_cursor_comes_to_an_end),
        cmocka_unit_test(a_random_key_is_any_key),
        cmocka_unit_test(a_random_key_is_found_among_few),
        cmocka_unit_test(a_random_key_is_found_in_a_table_that_was_large),
        cmocka_unit_test(a_random_key_has_not_expired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
