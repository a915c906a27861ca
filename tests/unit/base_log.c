/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct {
    enum log_level level;
    char line[2048];
    int count;
} seen;

static void remember(enum log_level level, const char *line, void *context) {
    assert_ptr_equal(context, &seen);
    seen.level = level;
    strncpy(seen.line, line, sizeof seen.line - 1);
    seen.count++;
}

static int evaluated;

static int evaluate(void) {
    return ++evaluated;
}

static void tests_the_level_first(void **state) {
    log_set_sink(remember, &seen);
    log_set_level(LOG_LEVEL_NOTICE);
    log_verbose("%d", evaluate());
    assert_int_equal(evaluated, 0);
    assert_int_equal(seen.count, 0);
    log_notice("%d apples", evaluate());
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.level, LOG_LEVEL_NOTICE);
    assert_string_equal(seen.line, "1 apples");
    log_set_level(LOG_LEVEL_NOTHING);
    log_warning("unheard");
    assert_int_equal(seen.count, 1);
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("heard");
    assert_string_equal(seen.line, "heard");
    log_set_sink(NULL, NULL);
}

static void cuts_long_lines(void **state) {
    log_set_sink(remember, &seen);
    log_warning("%5000d", 1);
    assert_true(strlen(seen.line) > 500 && strlen(seen.line) < 1100);
    log_set_sink(NULL, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tests_the_level_first),
        cmocka_unit_test(cuts_long_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
