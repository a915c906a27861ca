/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/bits_field.h"

#include "base/ensure.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct bits_type type_of(const char *text) {
    struct bits_type type;
    assert_true(bits_type_parse(bytes_of(text), &type));
    return type;
}

static void parses_types(void **state) {
    static const char *const bad[] = {
        "",   "i",   "u",   "u64", "i65", "u0",  "i0",  "U8",
        "x8", "u08", "u+8", "u 8", "8",   "i-1", "u8 ", "i99999999999999999999"};
    struct bits_type type;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(bits_type_parse(bytes_of(bad[i]), &type));
    type = type_of("u63");
    assert_false(type.is_signed);
    assert_int_equal(type.width, 63);
    type = type_of("i64");
    assert_true(type.is_signed);
    assert_int_equal(type.width, 64);
}

/* What is put comes back, and no other bit changes. */
static void puts_and_gets(void **state) {
    enum { SIZE = 24 };
    struct random random;
    random_seed(&random, 1);
    for (int round = 0; round < 20000; round++) {
        char data[SIZE], before[SIZE], window[BITS_WINDOW];
        for (int i = 0; i < SIZE; i++)
            before[i] = data[i] = (char)random_next(&random);
        struct bits_type type = {.is_signed = random_below(&random, 2)};
        type.width = (uint8_t)(1 + random_below(&random, type.is_signed ? 64 : 63));
        uint64_t offset = random_below(&random, SIZE * 8 - type.width + 1);
        int64_t value;
        bits_fit(type, BITS_WRAP, (int64_t)random_next(&random), &value);

        size_t size = bits_put(bytes_make(data, SIZE), offset, type, value, window);
        assert_true(offset / 8 + size <= SIZE);
        memcpy(data + offset / 8, window, size);
        assert_true(bits_get(bytes_make(data, SIZE), offset, type) == value);
        for (uint64_t i = 0; i < SIZE * 8; i++) {
            bool differs = (data[i / 8] ^ before[i / 8]) >> (7 - i % 8) & 1;
            if (i < offset || i >= offset + type.width) assert_false(differs);
        }
    }
}

static void reads_zeros_behind_the_end(void **state) {
    struct bytes b = BYTES("\xff");
    assert_true(bits_get(b, 0, type_of("u16")) == 0xff00);
    assert_true(bits_get(b, 4, type_of("i8")) == -16);
    assert_true(bits_get(b, 8, type_of("i64")) == 0);
    assert_true(bits_get(bytes_make(NULL, 0), UINT32_MAX, type_of("u63")) == 0);
}

static void check_add(const char *type, int64_t value, int64_t increment, int64_t wrapped,
                      int64_t saturated) {
    int64_t out = 0;
    assert_true(bits_add(type_of(type), BITS_WRAP, value, increment, &out));
    assert_true(out == wrapped);
    assert_true(bits_add(type_of(type), BITS_SATURATE, value, increment, &out));
    assert_true(out == saturated);
    bool fits = wrapped == saturated;
    assert_int_equal(bits_add(type_of(type), BITS_FAIL, value, increment, &out), fits);
}

static void adds_with_overflow(void **state) {
    check_add("u8", 250, 5, 255, 255);
    check_add("u8", 250, 10, 4, 255);
    check_add("u8", 5, -10, 251, 0);
    check_add("i8", 127, 1, -128, 127);
    check_add("i8", -128, -1, 127, -128);
    check_add("i1", 0, -1, -1, -1);
    check_add("i1", 0, 1, -1, 0);
    check_add("u1", 1, 1, 0, 1);
    check_add("u63", INT64_MAX, INT64_MAX, INT64_MAX - 1, INT64_MAX);
    check_add("i64", INT64_MAX, 1, INT64_MIN, INT64_MAX);
    check_add("i64", INT64_MIN, -1, INT64_MAX, INT64_MIN);
    check_add("i64", INT64_MIN, INT64_MIN, 0, INT64_MIN);
}

static void fits_what_is_set(void **state) {
    int64_t out;
    assert_true(bits_fit(type_of("u8"), BITS_WRAP, 300, &out) && out == 44);
    assert_true(bits_fit(type_of("u8"), BITS_SATURATE, 300, &out) && out == 255);
    assert_false(bits_fit(type_of("u8"), BITS_FAIL, 300, &out));
    assert_true(bits_fit(type_of("u8"), BITS_SATURATE, -1, &out) && out == 255);
    assert_true(bits_fit(type_of("i8"), BITS_SATURATE, -300, &out) && out == -128);
    assert_true(bits_fit(type_of("i8"), BITS_FAIL, -128, &out) && out == -128);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_types),
        cmocka_unit_test(puts_and_gets),
        cmocka_unit_test(reads_zeros_behind_the_end),
        cmocka_unit_test(adds_with_overflow),
        cmocka_unit_test(fits_what_is_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
