/* SPDX-License-Identifier: BSD-3-Clause */
/* The small parts of exec/ that need no server: error codes, histograms, rates, names, categories.
 */
#include "exec/exec_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- errors ---- */

static void check_code(struct bytes reply, const char *expected) {
    struct bytes code = error_code_of(reply);
    assert_int_equal(code.len, strlen(expected));
    assert_memory_equal(code.data, expected, code.len);
}

static void reads_the_code_of_an_error(void **state) {
    check_code(BYTES("-ERR no\r\n"), "ERR");
    check_code(BYTES("-WRONGTYPE Operation\r\n"), "WRONGTYPE");
    check_code(BYTES("-NOSPACE\r\n"), "ERR");
    check_code(BYTES("-THISCODEISLONGERTHANANYCODEMAYBE x\r\n"), "ERR");
    check_code(BYTES(""), "ERR");
}

static void bounds_the_number_of_codes(void **state) {
    static struct error_codes codes;
    for (unsigned i = 0; i < 1000; i++) {
        char name[16];
        int n = snprintf(name, sizeof name, "CODE%u", i);
        error_codes_add(&codes, bytes_make(name, (size_t)n), 2);
    }
    error_codes_add(&codes, BYTES("CODE0"), 1);
    assert_int_equal(codes.count, ERROR_CODES_MAX + 1);
    assert_int_equal(codes.total, 2001);
    assert_string_equal(codes.codes[0].name, "CODE0");
    assert_int_equal(codes.codes[0].count, 3);
    assert_string_equal(codes.codes[ERROR_CODES_MAX].name, "ERRORSTATS_OVERFLOW");
    assert_int_equal(codes.codes[ERROR_CODES_MAX].count, 2 * (1000 - ERROR_CODES_MAX));
}

/* ---- histograms ---- */

static void puts_durations_into_narrow_buckets(void **state) {
    unsigned before = 0;
    for (uint64_t ns = 0; ns < 1u << 30; ns += 1 + ns / 50) {
        unsigned bucket = histogram_bucket(ns);
        uint64_t upper = histogram_upper_ns(bucket);
        assert_in_range(bucket, before, HISTOGRAM_BUCKETS - 1);
        assert_in_range(upper, ns, ns + ns / 32 + 1);
        assert_int_equal(histogram_bucket(upper), bucket);
        before = bucket;
    }
    assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void tells_percentiles(void **state) {
    static struct histogram h;
    assert_int_equal(histogram_percentile_ns(&h, 50), 0);
    histogram_add(&h, 20, 990);
    for (unsigned i = 0; i < 10; i++)
        histogram_add(&h, 5000, 1);
    assert_int_equal(histogram_percentile_ns(&h, 0), 20);
    assert_int_equal(histogram_percentile_ns(&h, 50), 20);
    assert_int_equal(histogram_percentile_ns(&h, 99), 20);
    assert_in_range(histogram_percentile_ns(&h, 99.9), 5000, 5200);
    assert_in_range(histogram_percentile_ns(&h, 100), 5000, 5200);
}

/* ---- rates ---- */

static void averages_rates(void **state) {
    struct rate rate = {0};
    int64_t now = 1000000;
    uint64_t count = 0;
    rate_sample(&rate, now, count);
    for (unsigned i = 0; i < 2 * RATE_SAMPLES; i++)
        rate_sample(&rate, now += 100000, count += 50);
    assert_int_equal(rate_mean(&rate), 500);
    rate_sample(&rate, now, count + 1000);
    assert_int_equal(rate_mean(&rate), 500);
    rate_sample(&rate, now + 100000, 0); /* the counter was reset */
    assert_in_range(rate_mean(&rate), 460, 480);
}

/* ---- names, categories ---- */

static void knows_which_names_are_fit(void **state) {
    assert_true(session_valid_name(BYTES("")));
    assert_true(session_valid_name(BYTES("!worker-1~")));
    assert_false(session_valid_name(BYTES("a b")));
    assert_false(session_valid_name(BYTES("a\n")));
    assert_false(session_valid_name(BYTES("a\0")));
    assert_false(session_valid_name(BYTES("\x7f")));
    assert_false(session_valid_name(BYTES("\xc3\xa9")));
}

static void derives_categories_from_flags(void **state) {
    struct command get = {.flags = CMD_READONLY | CMD_FAST, .categories = CAT_STRING};
    assert_int_equal(exec_command_categories(&get), CAT_STRING | CAT_READ | CAT_FAST);
    struct command kill = {.flags = CMD_ADMIN, .categories = CAT_CONNECTION};
    assert_int_equal(exec_command_categories(&kill),
                     CAT_CONNECTION | CAT_ADMIN | CAT_DANGEROUS | CAT_SLOW);
    struct command eval_ro = {.flags = CMD_READONLY, .categories = CAT_SCRIPTING};
    assert_int_equal(exec_command_categories(&eval_ro), CAT_SCRIPTING | CAT_SLOW);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_code_of_an_error),
        cmocka_unit_test(bounds_the_number_of_codes),
        cmocka_unit_test(puts_durations_into_narrow_buckets),
        cmocka_unit_test(tells_percentiles),
        cmocka_unit_test(averages_rates),
        cmocka_unit_test(knows_which_names_are_fit),
        cmocka_unit_test(derives_categories_from_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
