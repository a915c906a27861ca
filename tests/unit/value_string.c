/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/string.h"

#include "base/ensure.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void check_clip(int64_t first, int64_t last, uint64_t size, int64_t at, int64_t end) {
    assert_true(string_clip_range(&first, &last, size));
    assert_true(first == at && last == end);
}

static void clips_ranges(void **state) {
    check_clip(0, -1, 5, 0, 4);
    check_clip(-3, -2, 5, 2, 3);
    check_clip(-100, 100, 5, 0, 4);
    check_clip(-100, -5, 5, 0, 0);
}

static void finds_ranges_empty(void **state) {
    static const struct {
        int64_t first, last;
        uint64_t size;
    } empty[] = {{0, -1, 0}, {3, 2, 5},  {5, 9, 5},         {-1, -2, 5},
                 {0, 0, 0},  {2, -4, 5}, {INT64_MAX, -1, 5}};
    for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
        int64_t first = empty[i].first, last = empty[i].last;
        assert_false(string_clip_range(&first, &last, empty[i].size));
    }
    assert_true(string_range_is_reversed(-1, -2));
    assert_false(string_range_is_reversed(-2, -1));
    assert_false(string_range_is_reversed(-2, 0));
    int64_t first = INT64_MIN, last = INT64_MAX;
    assert_true(string_clip_range(&first, &last, 5));
    assert_true(first == 0 && last == 4);
}

static void adds_integers(void **state) {
    int64_t sum;
    assert_int_equal(string_add_integer(BYTES("41"), 1, &sum), STRING_SUM_OK);
    assert_true(sum == 42);
    assert_int_equal(string_add_integer(BYTES("9223372036854775807"), 1, &sum),
                     STRING_SUM_OVERFLOW);
    assert_int_equal(string_add_integer(BYTES("-9223372036854775808"), -1, &sum),
                     STRING_SUM_OVERFLOW);
    assert_int_equal(string_add_integer(BYTES(" 1"), 1, &sum), STRING_SUM_NO_NUMBER);
    assert_int_equal(string_add_integer(BYTES(""), 1, &sum), STRING_SUM_NO_NUMBER);
}

static void check_float(const char *value, const char *increment, const char *expected) {
    char out[NUMBER_LONG_DOUBLE_MAX];
    size_t length;
    assert_int_equal(string_add_float(bytes_of(value), bytes_of(increment), out, &length),
                     STRING_SUM_OK);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(out, expected, length);
}

static void adds_floats(void **state) {
    char out[NUMBER_LONG_DOUBLE_MAX];
    size_t length;
    check_float("10.5", "0.1", "10.6");
    check_float("5.0e3", "2.0e2", "5200");
    check_float("0.1", "0.2", "0.3");
    check_float("0", "-0", "0");
    assert_int_equal(string_add_float(BYTES("1"), BYTES("inf"), out, &length), STRING_SUM_OVERFLOW);
    assert_int_equal(string_add_float(BYTES("1e4932"), BYTES("1e4932"), out, &length),
                     STRING_SUM_OVERFLOW);
    assert_int_equal(string_add_float(BYTES("x"), BYTES("1"), out, &length), STRING_SUM_NO_NUMBER);
    assert_int_equal(string_add_float(BYTES("1"), BYTES("nan"), out, &length),
                     STRING_SUM_NO_NUMBER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clips_ranges),
        cmocka_unit_test(finds_ranges_empty),
        cmocka_unit_test(adds_integers),
        cmocka_unit_test(adds_floats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
