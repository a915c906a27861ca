/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void appends_and_consumes(void **state) {
    struct buffer b = {0};
    assert_true(buffer_append(&b, "", 0));
    assert_null(b.data);
    for (int i = 0; i < 1000; i++)
        assert_true(buffer_append(&b, "0123456789", 10));
    assert_int_equal(b.len, 10000);
    buffer_consume(&b, 9995);
    assert_true(bytes_equal(buffer_bytes(&b), BYTES("56789")));
    buffer_consume(&b, 5);
    assert_int_equal(b.len, 0);
    buffer_free(&b);
    assert_null(b.data);
}

static void prints_across_growth(void **state) {
    struct buffer b = {0};
    for (int i = 0; i < 200; i++)
        assert_true(buffer_printf(&b, "%d,", i));
    assert_memory_equal(b.data, "0,1,2,3,", 8);
    assert_memory_equal(b.data + b.len - 8, "198,199,", 8);
    buffer_free(&b);
}

static void refuses_absurd_sizes(void **state) {
    struct buffer b = {0};
    assert_true(buffer_append(&b, "x", 1));
    assert_false(buffer_reserve(&b, SIZE_MAX));
    assert_false(buffer_reserve(&b, SIZE_MAX - 1));
    assert_true(bytes_equal(buffer_bytes(&b), BYTES("x")));
    buffer_free(&b);
}

static void *no_memory(void *pointer, size_t size) {
    return NULL;
}

static void survives_lack_of_memory(void **state) {
    struct buffer b = {0};
    assert_true(buffer_append(&b, "kept", 4));
    char filler[4096] = {0};
    buffer_set_realloc(no_memory);
    assert_false(buffer_append(&b, filler, sizeof filler));
    assert_false(buffer_printf(&b, "%4096d", 1));
    buffer_set_realloc(NULL);
    assert_true(bytes_equal(buffer_bytes(&b), BYTES("kept")));
    buffer_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_and_consumes),
        cmocka_unit_test(prints_across_growth),
        cmocka_unit_test(refuses_absurd_sizes),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
