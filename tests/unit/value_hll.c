/* SPDX-License-Identifier: BSD-3-Clause */
/* HyperLogLogs against plain registers. */
#include "value/hll.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void check_same(const struct buffer *hll, const uint8_t *registers) {
    uint8_t seen[HLL_REGISTERS] = {0};
    uint64_t count;
    assert_true(hll_is_fit(buffer_bytes(hll)));
    assert_true(hll_merge(seen, buffer_bytes(hll)));
    assert_memory_equal(seen, registers, sizeof seen);
    assert_true(hll_count(buffer_bytes(hll), &count));
    assert_int_equal(count, hll_count_registers(registers));
}

static void test_model(void **state) {
    static const uint64_t limits[] = {0, 30, 3000, 20000};
    for (unsigned round = 0; round < 4; round++) {
        uint8_t registers[HLL_REGISTERS] = {0};
        struct buffer hll = {0};
        assert_true(hll_init(&hll));
        for (uint64_t i = 0; i < 20000; i++) {
            uint64_t element = i * 0x9e3779b97f4a7c15 + round;
            struct hll_mark mark = hll_mark_of(bytes_make(&element, sizeof element));
            bool higher = mark.value > registers[mark.index];
            assert_int_equal(hll_raise(&hll, mark, limits[round]), higher ? HLL_CHANGED : HLL_SAME);
            if (higher) registers[mark.index] = mark.value;
            if (i < 40 || i % 1000 == 0) check_same(&hll, registers);
        }
        assert_true(hll_is_dense(buffer_bytes(&hll)) == (limits[round] <= 3000));
        if (limits[round] > 3000) assert_int_equal(hll_make_dense(&hll), HLL_CHANGED);
        check_same(&hll, registers);
        buffer_free(&hll);
    }
}

static void test_value_beyond_sparse(void **state) {
    struct buffer hll = {0};
    uint8_t registers[HLL_REGISTERS] = {0};
    assert_true(hll_init(&hll));
    assert_int_equal(hll_raise(&hll, (struct hll_mark){16383, 32}, 3000), HLL_CHANGED);
    assert_false(hll_is_dense(buffer_bytes(&hll)));
    assert_int_equal(hll_raise(&hll, (struct hll_mark){16383, 33}, 3000), HLL_CHANGED);
    assert_true(hll_is_dense(buffer_bytes(&hll)));
    registers[16383] = 33;
    check_same(&hll, registers);
    buffer_free(&hll);
}

/* Whatever follows a sparse header, nothing but it is read. */
static void test_corrupt(void **state) {
    static const struct bytes bodies[] = {
        {"", 0},         {"\x7f", 1}, {"\x7f\xff\x00", 3},
        {"\x7f\xfe", 2}, {"\x83", 1}, {"\x7f\xff\x7f", 3},
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct buffer hll = {0};
        uint8_t registers[HLL_REGISTERS] = {0};
        uint64_t count;
        assert_true(hll_init(&hll));
        hll.len = HLL_HEADER;
        assert_true(buffer_append_bytes(&hll, bodies[i]));
        char *exact = test_malloc(hll.len);
        memcpy(exact, hll.data, hll.len);
        struct bytes copy = bytes_make(exact, hll.len);
        assert_true(hll_is_fit(copy));
        assert_false(hll_count(copy, &count));
        assert_false(hll_merge(registers, copy));
        assert_int_equal(hll_make_dense(&hll), HLL_CORRUPT);
        enum hll_outcome outcome = hll_raise(&hll, (struct hll_mark){16383, 3}, 3000);
        assert_true(outcome == HLL_CORRUPT || outcome == HLL_CHANGED);
        test_free(exact);
        buffer_free(&hll);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_value_beyond_sparse),
        cmocka_unit_test(test_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
