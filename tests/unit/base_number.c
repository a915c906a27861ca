/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/number.h"

#include "base/ensure.h"
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void reads_integers(void **state) {
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"7", 7},
        {"-1", -1},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      "-0",
                                      "01",
                                      "-01",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "1e3",
                                      "0x",
                                      "--1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "18446744073709551615",
                                      "99999999999999999999"};
    int64_t value = 0;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(number_parse_i64(bytes_of(good[i].text), &value));
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(number_parse_i64(bytes_of(bad[i]), &value));
    uint64_t unsigned_value;
    assert_true(number_parse_u64(BYTES("18446744073709551615"), &unsigned_value));
    assert_true(unsigned_value == UINT64_MAX);
    assert_false(number_parse_u64(BYTES("18446744073709551616"), &unsigned_value));
    assert_false(number_parse_u64(BYTES("-1"), &unsigned_value));
}

static void check_integer(int64_t value) {
    char expected[32], text[NUMBER_I64_MAX];
    int len = snprintf(expected, sizeof expected, "%lld", (long long)value);
    assert_int_equal(number_format_i64(text, value), len);
    assert_memory_equal(text, expected, (size_t)len);
    int64_t again;
    assert_true(number_parse_i64(bytes_make(text, (size_t)len), &again));
    assert_true(again == value);
}

static void writes_integers(void **state) {
    struct random random;
    random_seed(&random, 3);
    check_integer(0);
    check_integer(INT64_MIN);
    check_integer(INT64_MAX);
    for (int64_t power = 1; power < INT64_MAX / 10; power *= 10) {
        check_integer(power);
        check_integer(power - 1);
        check_integer(-power);
    }
    for (int i = 0; i < 100000; i++)
        check_integer((int64_t)random_next(&random) >> random_below(&random, 64));
    char text[NUMBER_U64_MAX];
    assert_int_equal(number_format_u64(text, UINT64_MAX), 20);
    assert_memory_equal(text, "18446744073709551615", 20);
}

static void reads_memory_sizes(void **state) {
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {
        {"0", 0},        {"100", 100},       {"5b", 5},          {"1k", 1000},        {"1Kb", 1024},
        {"3m", 3000000}, {"64mb", 64 << 20}, {"1g", 1000000000}, {"2GB", 2ull << 30}, {"", 0}};
    static const char *const bad[] = {
        "1t",           "-1", "+1", " 1", "1 kb", "1.5g", "1kbx", "0x10", "18446744073709551616",
        "17179869184gb"};
    uint64_t value;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(number_parse_memory(bytes_of(good[i].text), &value));
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(number_parse_memory(bytes_of(bad[i]), &value));
}

static void check_double(const char *text, const char *expected) {
    double value;
    char out[NUMBER_DOUBLE_MAX];
    assert_true(number_parse_double(bytes_of(text), &value));
    size_t len = number_format_double(out, value);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(out, expected, len);
}

static void reads_and_writes_doubles(void **state) {
    static const char *const pairs[][2] = {
        {"3", "3"},
        {"+3.0", "3"},
        {"-0", "-0"},
        {".5", "0.5"},
        {"5.", "5"},
        {"1e3", "1000"},
        {"0e999999999999", "0"},
        {"inf", "inf"},
        {"-Infinity", "-inf"},
        {"0.1", "0.1"},
        {"1.5e-5", "0.000015"},
        {"0.000001", "0.000001"},
        {"1.5e-6", "1.5e-6"},
        {"0.00001234567890123", "1.234567890123e-5"},
        {"4.9e-324", "5e-324"},
        {"1.7976931348623157e308", "1.7976931348623157e+308"},
        {"1e18", "1000000000000000000"},
        {"1e19", "1e+19"},
        {"4611686018427387904", "4611686018427387904"},
        {"4611686018427388928", "4611686018427389000"},
        {"9007199254740993", "9007199254740992"},
        {"15000000.5", "15000000.5"},
        {"123456789012345678901234567890", "1.2345678901234568e+29"},
        {"0.30000000000000004", "0.30000000000000004"},
        {"179769313486231570000e288", "1.7976931348623157e+308"},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        check_double(pairs[i][0], pairs[i][1]);
    char out[NUMBER_DOUBLE_MAX];
    assert_int_equal(number_format_double(out, NAN), 3);
    assert_memory_equal(out, "nan", 3);
}

static void refuses_what_is_no_double(void **state) {
    static const char *const bad[] = {"",     ".",     "-",   "e5",    "1e",     "1e+",    "nan",
                                      "0x10", " 1",    "1 ",  "1e400", "-1e400", "1e-400", "2e-324",
                                      "1_0",  "infin", "--1", "1.2.3", "1e5.0",  "inf "};
    double value = 42;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(number_parse_double(bytes_of(bad[i]), &value));
    assert_false(number_parse_double(BYTES("1\0"), &value));
    assert_true(value == 42);
}

static double random_finite(struct random *random) {
    for (;;) {
        uint64_t bits = random_next(random);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) return value;
    }
}

static void check_round_trip(double value) {
    char text[NUMBER_DOUBLE_MAX], terminated[NUMBER_DOUBLE_MAX + 1] = {0};
    size_t len = number_format_double(text, value);
    assert_in_range(len, 1, NUMBER_DOUBLE_MAX);
    double again;
    assert_true(number_parse_double(bytes_make(text, len), &again));
    assert_memory_equal(&again, &value, sizeof value);
    memcpy(terminated, text, len);
    again = strtod(terminated, NULL);
    assert_memory_equal(&again, &value, sizeof value);
}

static void doubles_survive_the_round_trip(void **state) {
    struct random random;
    random_seed(&random, 5);
    for (int i = 0; i < 200000; i++)
        check_round_trip(random_finite(&random));
    for (int i = 0; i < 100000; i++)
        check_round_trip((random_double(&random) - 0.5) *
                         pow(10, (double)random_below(&random, 40) - 20));
    for (int e = -1074; e < 1024; e++)
        check_round_trip(ldexp(1, e));
}

/* The fast path and strtod() must agree. */
static void reads_decimals_exactly(void **state) {
    struct random random;
    random_seed(&random, 6);
    for (int i = 0; i < 100000; i++) {
        char text[64];
        uint64_t digits = random_next(&random) >> random_below(&random, 64);
        int len = snprintf(text, sizeof text, "%llu.%llue%d", (unsigned long long)digits,
                           (unsigned long long)random_below(&random, 100000),
                           (int)random_below(&random, 60) - 30);
        double value, expected = strtod(text, NULL);
        assert_true(number_parse_double(bytes_make(text, (size_t)len), &value));
        assert_memory_equal(&value, &expected, sizeof value);
    }
}

static void reads_very_long_numbers(void **state) {
    static char text[20000];
    memset(text, '0', sizeof text);
    text[sizeof text - 1] = '7';
    double value;
    assert_true(number_parse_double(bytes_make(text, sizeof text), &value));
    assert_true(value == 7);
    memset(text, '1', sizeof text);
    assert_false(number_parse_double(bytes_make(text, sizeof text), &value));
    long double long_value;
    assert_false(number_parse_long_double(bytes_make(text, sizeof text), &long_value));
}

static void check_long_double(const char *text, const char *expected) {
    static char out[NUMBER_LONG_DOUBLE_MAX];
    long double value;
    assert_true(number_parse_long_double(bytes_of(text), &value));
    size_t len = number_format_long_double(out, sizeof out, value);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(out, expected, len);
}

static void reads_and_writes_long_doubles(void **state) {
    check_long_double("0.1", "0.1");
    check_long_double("3.0", "3");
    check_long_double("-0", "0");
    check_long_double("-1e-18", "0");
    check_long_double("1e22", "10000000000000000000000");
    check_long_double("0x1.8p1", "3");
    check_long_double("1e-400", "0");
    static const char *const bad[] = {"",          " 1", "1 ",      "\t1", "nan",
                                      "1e5000000", "0x", "1e-5000", "abc"};
    long double value;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(number_parse_long_double(bytes_of(bad[i]), &value));
    char out[8];
    assert_int_equal(number_format_long_double(out, sizeof out, 1e10L), 0);
    assert_int_equal(number_format_long_double(out, sizeof out, (long double)INFINITY), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_integers),
        cmocka_unit_test(writes_integers),
        cmocka_unit_test(reads_memory_sizes),
        cmocka_unit_test(reads_and_writes_doubles),
        cmocka_unit_test(refuses_what_is_no_double),
        cmocka_unit_test(doubles_survive_the_round_trip),
        cmocka_unit_test(reads_decimals_exactly),
        cmocka_unit_test(reads_very_long_numbers),
        cmocka_unit_test(reads_and_writes_long_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
