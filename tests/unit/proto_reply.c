/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/ensure.h"
#include "proto/reply.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct buffer out;
static struct reply reply;

static void begin(uint8_t resp) {
    buffer_free(&out);
    reply = (struct reply){.out = &out, .resp = resp};
}

static void expect_bytes(struct bytes expected) {
    assert_false(reply.failed);
    if (!bytes_equal(buffer_bytes(&out), expected))
        fail_msg("'%.*s' instead of '%s'", (int)out.len, out.data, expected.data);
}

#define EXPECT(literal) expect_bytes(BYTES(literal))

/* The same call in both protocols. */
#define EXPECT_BOTH(call, resp2, resp3)                                                            \
    do {                                                                                           \
        begin(2);                                                                                  \
        call;                                                                                      \
        EXPECT(resp2);                                                                             \
        begin(3);                                                                                  \
        call;                                                                                      \
        EXPECT(resp3);                                                                             \
    } while (0)

#define EXPECT_SAME(call, expected) EXPECT_BOTH(call, expected, expected)

static void test_strings(void **state) {
    EXPECT_SAME(reply_ok(&reply), "+OK\r\n");
    EXPECT_SAME(reply_simple(&reply, "QUEUED"), "+QUEUED\r\n");
    EXPECT_SAME(reply_bulk(&reply, BYTES("")), "$0\r\n\r\n");
    EXPECT_SAME(reply_bulk(&reply, (struct bytes){0}), "$0\r\n\r\n");
    EXPECT_SAME(reply_bulk(&reply, BYTES("a\0\r\nb")), "$5\r\na\0\r\nb\r\n");
    EXPECT_SAME(reply_bulk_text(&reply, "0123456789"), "$10\r\n0123456789\r\n");
    EXPECT_SAME(reply_bulk_printf(&reply, "%d-%s", 7, "x"), "$3\r\n7-x\r\n");
    EXPECT_SAME(reply_bulk_printf(&reply, "%s", ""), "$0\r\n\r\n");
    EXPECT_BOTH(reply_verbatim(&reply, "txt", BYTES("abc")), "$3\r\nabc\r\n", "=7\r\ntxt:abc\r\n");
}

static void test_integers(void **state) {
    EXPECT_SAME(reply_integer(&reply, 0), ":0\r\n");
    EXPECT_SAME(reply_integer(&reply, 9), ":9\r\n");
    EXPECT_SAME(reply_integer(&reply, 10), ":10\r\n");
    EXPECT_SAME(reply_integer(&reply, -1), ":-1\r\n");
    EXPECT_SAME(reply_integer(&reply, INT64_MAX), ":9223372036854775807\r\n");
    EXPECT_SAME(reply_integer(&reply, INT64_MIN), ":-9223372036854775808\r\n");
    EXPECT_SAME(reply_bulk_integer(&reply, -12), "$3\r\n-12\r\n");
    EXPECT_SAME(reply_bulk_integer(&reply, INT64_MIN), "$20\r\n-9223372036854775808\r\n");
    EXPECT_BOTH(reply_big_number(&reply, BYTES("12345678901234567890")),
                "$20\r\n12345678901234567890\r\n", "(12345678901234567890\r\n");
}

static void test_nothing_and_truth(void **state) {
    EXPECT_BOTH(reply_null(&reply), "$-1\r\n", "_\r\n");
    EXPECT_BOTH(reply_null_array(&reply), "*-1\r\n", "_\r\n");
    EXPECT_BOTH(reply_bool(&reply, true), ":1\r\n", "#t\r\n");
    EXPECT_BOTH(reply_bool(&reply, false), ":0\r\n", "#f\r\n");
}

static void test_doubles(void **state) {
    EXPECT_BOTH(reply_double(&reply, 1.5), "$3\r\n1.5\r\n", ",1.5\r\n");
    EXPECT_BOTH(reply_double(&reply, 3), "$1\r\n3\r\n", ",3\r\n");
    EXPECT_BOTH(reply_double(&reply, 1e300), "$6\r\n1e+300\r\n", ",1e+300\r\n");
    EXPECT_BOTH(reply_double(&reply, 1e-7), "$4\r\n1e-7\r\n", ",1e-7\r\n");
    EXPECT_BOTH(reply_double(&reply, INFINITY), "$3\r\ninf\r\n", ",inf\r\n");
    EXPECT_BOTH(reply_double(&reply, -INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n");
    EXPECT_BOTH(reply_double(&reply, NAN), "$3\r\nnan\r\n", ",nan\r\n");
    EXPECT_SAME(reply_long_double(&reply, 1.5L), "$3\r\n1.5\r\n");
}

static void test_aggregates(void **state) {
    EXPECT_SAME(reply_array(&reply, 0), "*0\r\n");
    EXPECT_SAME(reply_array(&reply, 4294967296), "*4294967296\r\n");
    EXPECT_BOTH(reply_map(&reply, 6), "*12\r\n", "%6\r\n");
    EXPECT_BOTH(reply_set(&reply, 3), "*3\r\n", "~3\r\n");
    EXPECT_BOTH(reply_push(&reply, 2), "*2\r\n", ">2\r\n");
    begin(3);
    reply_attribute(&reply, 1);
    EXPECT("|1\r\n");
}

static void write_nested(void) {
    reply_ok(&reply);
    size_t outer = reply_open(&reply);
    size_t map = reply_open(&reply);
    reply_bulk_text(&reply, "k");
    reply_integer(&reply, 1);
    reply_close_map(&reply, map, 1);
    size_t set = reply_open(&reply);
    reply_close_set(&reply, set, 0);
    for (int i = 0; i < 10; i++)
        reply_bool(&reply, true);
    reply_close_array(&reply, outer, 12);
    reply_ok(&reply);
}

#define TEN(text) text text text text text text text text text text

static void test_sizes_known_afterwards(void **state) {
    EXPECT_BOTH(write_nested(),
                "+OK\r\n*12\r\n*2\r\n$1\r\nk\r\n:1\r\n*0\r\n" TEN(":1\r\n") "+OK\r\n",
                "+OK\r\n*12\r\n%1\r\n$1\r\nk\r\n:1\r\n~0\r\n" TEN("#t\r\n") "+OK\r\n");
}

static void test_errors(void **state) {
    EXPECT_SAME(reply_error(&reply, "ERR no"), "-ERR no\r\n");
    EXPECT_SAME(reply_error(&reply, "ERR a\r\nb\nc\rd"), "-ERR a  b c d\r\n");
    EXPECT_SAME(reply_error(&reply, "ERR a\r\n\n"), "-ERR a\r\n");
    EXPECT_SAME(reply_error(&reply, ""), "-\r\n");
    EXPECT_SAME(reply_error_bytes(&reply, BYTES("ERR a\0b")), "-ERR a\0b\r\n");
    EXPECT_SAME(reply_errorf(&reply, "ERR '%s' %d", "x\ny", 3), "-ERR 'x y' 3\r\n");
    EXPECT_SAME(reply_wrong_type(&reply),
                "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
    EXPECT_SAME(reply_syntax_error(&reply), "-ERR syntax error\r\n");
    EXPECT_SAME(reply_not_integer(&reply), "-ERR value is not an integer or out of range\r\n");
    EXPECT_SAME(reply_not_float(&reply), "-ERR value is not a valid float\r\n");
    EXPECT_SAME(reply_no_such_key(&reply), "-ERR no such key\r\n");
    EXPECT_SAME(reply_index_out_of_range(&reply), "-ERR index out of range\r\n");
    begin(2);
    reply_no_memory(&reply);
    assert_true(bytes_starts_with(buffer_bytes(&out), BYTES("-OOM ")));
}

static void test_errors_are_counted(void **state) {
    begin(2);
    reply_ok(&reply);
    assert_int_equal(reply.errors, 0);
    size_t mark = reply_open(&reply);
    reply_syntax_error(&reply);
    assert_int_equal(reply.error_at, 5);
    reply_close_array(&reply, mark, 1);
    reply_ok(&reply);
    assert_int_equal(reply.errors, 1);
    assert_int_equal(reply.error_at, 9);
    assert_int_equal(out.data[reply.error_at], '-');
}

static void test_muted(void **state) {
    begin(2);
    reply_ok(&reply);
    reply.muted = true;
    size_t mark = reply_open(&reply);
    reply_bulk(&reply, BYTES("abc"));
    reply_bulk_printf(&reply, "%d", 1);
    reply_errorf(&reply, "ERR %d", 1);
    reply_close_array(&reply, mark, 3);
    assert_int_equal(reply.errors, 1);
    assert_true(reply.error_at == SIZE_MAX);
    reply.muted = false;
    reply_raw(&reply, BYTES(":1\r\n"));
    reply_raw(&reply, BYTES(""));
    EXPECT("+OK\r\n:1\r\n");
}

static void *no_memory(void *pointer, size_t size) {
    return NULL;
}

static void write_each(void) {
    reply_ok(&reply);
    reply_integer(&reply, -1);
    reply_bulk_printf(&reply, "%0200d", 1);
    reply_errorf(&reply, "ERR %0200d", 1);
    reply_verbatim(&reply, "txt", BYTES("abc"));
    reply_map(&reply, 1);
    reply_close_array(&reply, reply_open(&reply), 1);
}

/* Wherever the buffer's end is met, it stays failed and nothing is written beyond it. */
static void test_no_memory(void **state) {
    for (size_t room = 64; room < 480; room++) {
        begin(3);
        assert_true(buffer_reserve(&out, room));
        buffer_set_realloc(no_memory);
        for (int i = 0; i < 8; i++)
            write_each();
        size_t len = out.len;
        write_each();
        buffer_set_realloc(NULL);
        assert_true(reply.failed);
        assert_int_equal(out.len, len);
    }
    begin(2);
}

static void test_many_elements(void **state) {
    enum { COUNT = 300000 };
    begin(2);
    size_t mark = reply_open(&reply);
    for (int i = 0; i < COUNT; i++)
        reply_bulk(&reply, BYTES("0123456789"));
    reply_close_array(&reply, mark, COUNT);
    assert_int_equal(out.len, 9 + 17 * COUNT);
    assert_true(bytes_starts_with(buffer_bytes(&out), BYTES("*300000\r\n$10\r\n0123456789\r\n$")));
    begin(2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_nothing_and_truth),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_aggregates),
        cmocka_unit_test(test_sizes_known_afterwards),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_errors_are_counted),
        cmocka_unit_test(test_muted),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_many_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
