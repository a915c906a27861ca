/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/args.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* The arguments of a line joined with '|', or "!" for an error. */
static void check(struct bytes line, const char *expected) {
    struct args args = {0};
    struct buffer joined = {0};
    if (args_split(&args, line) != ARGS_OK) buffer_append_char(&joined, '!');
    for (size_t i = 0; i < args.count; i++) {
        if (i) buffer_append_char(&joined, '|');
        buffer_append_bytes(&joined, args.items[i]);
    }
    buffer_append_char(&joined, 0);
    assert_string_equal(joined.data, expected);
    args_free(&args);
    buffer_free(&joined);
}

static void splits_at_space(void **state) {
    check(BYTES(""), "");
    check(BYTES(" \t\r\n\v\f "), "");
    check(BYTES("get key"), "get|key");
    check(BYTES("  get\t key \r"), "get|key");
    check(BYTES("a\vb \v\fc"), "a\vb|c");
    check(BYTES("a\\ b"), "a\\|b");
}

static void unquotes(void **state) {
    check(BYTES("\"a b\" c"), "a b|c");
    check(BYTES("\"\\n\\r\\t\\b\\a\\\"\\\\\\q\""), "\n\r\t\b\a\"\\q");
    check(BYTES("\"\\x41\\x7a\\xg1\\x4\""), "Azxg1x4");
    check(BYTES("'a\\'b\\n\"'"), "a'b\\n\"");
    check(BYTES("\"\" ''"), "|");
    check(BYTES("a\"b c\"d it's' it''s"), "ab cd|its|its");
}

static void reports_unclosed_quotes(void **state) {
    check(BYTES("\"abc"), "!");
    check(BYTES("ok 'abc"), "!");
    check(BYTES("\""), "!");
    check(BYTES("\"abc\\\" "), "!");
    check(BYTES("'\\'"), "\\");
    check(BYTES("\"a\\\""), "a\\");
}

static void is_reusable(void **state) {
    struct args args = {0};
    for (int i = 0; i < 100; i++) {
        assert_int_equal(args_split(&args, BYTES("a b c d e f g h i j k l m n o p q r s t")),
                         ARGS_OK);
        assert_int_equal(args.count, 20);
        assert_int_equal(args_split(&args, BYTES("a 'b")), ARGS_UNBALANCED);
        assert_int_equal(args.count, 0);
    }
    args_free(&args);
}

static void quoting_is_undone_by_splitting(void **state) {
    struct random random;
    random_seed(&random, 1);
    struct args args = {0};
    struct buffer quoted = {0};
    for (int round = 0; round < 20000; round++) {
        static const char alphabet[] = "ab\"'\\ \n\r\t\a\bx4f\x01\xff";
        char text[12];
        size_t len = random_below(&random, sizeof text + 1);
        for (size_t i = 0; i < len; i++)
            text[i] = alphabet[random_below(&random, sizeof alphabet)];
        buffer_clear(&quoted);
        assert_true(buffer_append_char(&quoted, ' '));
        assert_true(args_quote(&quoted, bytes_make(text, len)));
        assert_int_equal(args_split(&args, buffer_bytes(&quoted)), ARGS_OK);
        assert_int_equal(args.count, 1);
        assert_true(bytes_equal(args.items[0], bytes_make(text, len)));
    }
    args_free(&args);
    buffer_free(&quoted);
}

static void knows_what_needs_quotes(void **state) {
    assert_true(args_need_quotes(BYTES("")));
    assert_true(args_need_quotes(BYTES("a b")));
    assert_true(args_need_quotes(BYTES("a'b")));
    assert_true(args_need_quotes(BYTES("\xc3\xa9")));
    assert_false(args_need_quotes(BYTES("/var/lib/strata-1.rdb")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_at_space),
        cmocka_unit_test(unquotes),
        cmocka_unit_test(reports_unclosed_quotes),
        cmocka_unit_test(is_reusable),
        cmocka_unit_test(quoting_is_undone_by_splitting),
        cmocka_unit_test(knows_what_needs_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
