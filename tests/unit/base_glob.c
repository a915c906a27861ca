/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/glob.h"

#include "base/random.h"
#include "sys/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static bool match(const char *pattern, const char *text) {
    return glob_match(bytes_of(pattern), bytes_of(text), false);
}

static bool match_nocase(const char *pattern, const char *text) {
    return glob_match(bytes_of(pattern), bytes_of(text), true);
}

static void matches_the_usual(void **state) {
    assert_true(match("", ""));
    assert_true(match("*", ""));
    assert_true(match("*", "anything"));
    assert_true(match("user:*:name", "user:42:name"));
    assert_true(match("h?llo", "hello"));
    assert_true(match("h[ae]llo", "hallo"));
    assert_true(match("h[a-c]llo", "hbllo"));
    assert_true(match("h[^e]llo", "hallo"));
    assert_true(match("a**b", "ab"));
    assert_true(match("a*", "a"));
    assert_true(match("*a*b*a", "xaybzbaaba"));
    assert_false(match("a*b", "abc"));
    assert_false(match("", "a"));
    assert_false(match("?", ""));
    assert_false(match("h[^e]llo", "hello"));
    assert_false(match("abc", "ab"));
}

/* What other servers answer, oddities included: clients may lean on it. */
static void gives_meaning_to_the_unfinished(void **state) {
    assert_false(match("**", ""));
    assert_true(match("[abc", "b"));
    assert_false(match("[", "["));
    assert_true(match("[^", "x"));
    assert_false(match("[]", "]"));
    assert_true(match("[^]", "]"));
    assert_true(match("[a-]", "a"));
    assert_true(match("[a-]", "]"));
    assert_true(match("[a-", "-"));
    assert_true(match("[z-a]", "m"));
    assert_true(match("[\\]]", "]"));
    assert_true(match("a\\", "a\\"));
    assert_true(match("\\*", "*"));
    assert_false(match("\\*", "a"));
}

static void folds_case_on_demand(void **state) {
    assert_true(match_nocase("SET*", "setex"));
    assert_true(match_nocase("[A-Z]", "q"));
    assert_true(match_nocase("\\S", "s"));
    assert_false(match_nocase("[\\S]", "s"));
    assert_false(match_nocase("[a-Z]", "b"));
    assert_false(match("SET", "set"));
}

static void takes_any_byte(void **state) {
    assert_true(glob_match(BYTES("a?b"), BYTES("a\0b"), false));
    assert_true(glob_match(BYTES("[\x80-\xff]"), BYTES("\xc3"), false));
    assert_false(glob_match(BYTES("a\0b"), BYTES("a\0c"), false));
}

/* The definition, by recursion: only for the stars; single elements are the same code's business.
 */
static bool model(const char *pattern, const char *text) {
    if (!*pattern) return !*text;
    if (*pattern == '*') return model(pattern + 1, text) || (*text && model(pattern, text + 1));
    return *text && (*pattern == '?' || *pattern == *text) && model(pattern + 1, text + 1);
}

static void backtracks_like_the_definition(void **state) {
    struct random random;
    random_seed(&random, 7);
    for (int round = 0; round < 200000; round++) {
        char pattern[9] = {0}, text[9] = {0};
        for (uint64_t i = random_below(&random, 9); i-- > 0;)
            pattern[i] = "ab*?"[random_below(&random, 4)];
        for (uint64_t i = 1 + random_below(&random, 8); i-- > 0;)
            text[i] = "ab"[random_below(&random, 2)];
        assert_int_equal(match(pattern, text), model(pattern, text));
    }
}

static void does_not_blow_up(void **state) {
    char pattern[200], text[10000];
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[sizeof pattern - 1] = 'b';
    memset(text, 'a', sizeof text);
    int64_t start = clock_mono_us();
    assert_false(
        glob_match(bytes_make(pattern, sizeof pattern), bytes_make(text, sizeof text), false));
    assert_true(clock_mono_us() - start < 1000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_usual),
        cmocka_unit_test(gives_meaning_to_the_unfinished),
        cmocka_unit_test(folds_case_on_demand),
        cmocka_unit_test(takes_any_byte),
        cmocka_unit_test(backtracks_like_the_definition),
        cmocka_unit_test(does_not_blow_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
