/* SPDX-License-Identifier: BSD-3-Clause */
/* The headers too small for a program of their own: bytes, ensure, hash, list, random. */
#include "base/bytes.h"
#include "base/ensure.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void compares_bytes(void **state) {
    assert_true(bytes_equal(BYTES(""), (struct bytes){0}));
    assert_true(bytes_is(BYTES("WithScores"), "withscores"));
    assert_false(bytes_is(BYTES("with"), "withscores"));
    assert_true(bytes_compare(BYTES("a"), BYTES("ab")) < 0);
    assert_true(bytes_compare(BYTES("b"), BYTES("ab")) > 0);
    assert_true(bytes_compare(BYTES("\xff"), BYTES("a")) > 0);
    assert_int_equal(bytes_compare(BYTES("a\0b"), BYTES("a\0b")), 0);
    assert_true(bytes_compare(BYTES(""), (struct bytes){0}) == 0);
    assert_true(bytes_starts_with(BYTES("key:1"), BYTES("key")));
    assert_false(bytes_starts_with(BYTES("ke"), BYTES("key")));
    assert_true(bytes_equal(bytes_skip(BYTES("key:1"), 4), BYTES("1")));
}

static void computes_sizes(void **state) {
    assert_int_equal(ALIGN_UP((size_t)17, 16), 32);
    assert_int_equal(ALIGN_UP((size_t)32, 16), 32);
    int evaluated = 0;
    assert_int_equal(MAX(++evaluated, 0), 1);
    assert_int_equal(MIN(1, 2), 1);
}

struct item {
    int value;
    struct list_node link;
};

static void links_lists(void **state) {
    struct list_node list;
    struct item items[5] = {0}, *item, *following;
    list_init(&list);
    assert_true(list_empty(&list));
    for (int i = 0; i < 5; i++) {
        items[i].value = i;
        list_append(&list, &items[i].link);
    }
    list_remove(&items[0].link);
    assert_false(list_linked(&items[0].link));
    list_remove(&items[0].link);
    list_prepend(&list, &items[0].link);
    int expected = 0;
    LIST_FOREACH(item, &list, link) assert_int_equal(item->value, expected++);
    assert_int_equal(expected, 5);
    assert_int_equal(LIST_FIRST(&list, struct item, link)->value, 0);
    assert_int_equal(LIST_LAST(&list, struct item, link)->value, 4);
    LIST_FOREACH_SAFE(item, following, &list, link) list_remove(&item->link);
    assert_true(list_empty(&list));
}

static void hashes_under_a_secret(void **state) {
    uint64_t before = hash_bytes("key", 3);
    hash_seed("0123456789abcdef", 16);
    uint64_t after = hash_bytes("key", 3);
    assert_true(before != after);
    assert_true(after == hash_bytes("key", 3));
    assert_true(after != hash_bytes("kez", 3));
    hash_seed("0123456789abcdeg", 16);
    assert_true(after != hash_bytes("key", 3));
}

static void draws_evenly(void **state) {
    enum { SIDES = 6, ROLLS = 60000 };
    struct random random, same;
    random_seed(&random, 0);
    random_seed(&same, 0);
    int counts[SIDES] = {0};
    for (int i = 0; i < ROLLS; i++) {
        uint64_t roll = random_below(&random, SIDES);
        assert_true(roll == random_below(&same, SIDES));
        counts[roll]++;
    }
    for (int i = 0; i < SIDES; i++)
        assert_in_range(counts[i], ROLLS / SIDES * 95 / 100, ROLLS / SIDES * 105 / 100);
    assert_int_equal(random_below(&random, 1), 0);
    double d = random_double(&random);
    assert_true(d >= 0 && d < 1);
}

/* The first outputs of the authors' own program for the state 1, 2, 3, 4. */
static void is_xoshiro256starstar(void **state) {
    struct random random = {{1, 2, 3, 4}};
    static const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_true(random_next(&random) == expected[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_bytes), cmocka_unit_test(computes_sizes),
        cmocka_unit_test(links_lists),    cmocka_unit_test(hashes_under_a_secret),
        cmocka_unit_test(draws_evenly),   cmocka_unit_test(is_xoshiro256starstar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
