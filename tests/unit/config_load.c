/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading directives: files, includes, command lines, and what is said when they are wrong. */
#include "base/ensure.h"
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static bool flag;
static int64_t port, limit, share, mode, level, signals, renames;
static char *password, *addresses;
static struct buffer error;

static const struct config_choice levels[] = {{"low", 1}, {"high", 2}, {NULL, 0}};
static const struct config_choice actions[] = {{"default", 0}, {"now", 1}, {"force", 2}, {NULL, 0}};

static bool even(const struct config_row *row, struct bytes text, struct buffer *why) {
    if (text.len % 2 == 0) return true;
    buffer_printf(why, "the length must be even");
    return false;
}

static bool set_rename(const struct config_row *row, const struct bytes *words, unsigned count,
                       struct buffer *why) {
    if (count % 2) {
        buffer_printf(why, "wrong number of arguments");
        return false;
    }
    renames = count / 2;
    return true;
}

static void get_rename(const struct config_row *row, struct buffer *out) {
    buffer_printf(out, "%d", (int)renames);
}

static const struct config_row rows[] = {
    {.name = "protected", .type = CONFIG_BOOL, .value = &flag, .initial = "yes"},
    {.name = "port",
     .alias = "tcp-port",
     .type = CONFIG_INTEGER,
     .value = &port,
     .initial = "6379",
     .max = 65535},
    {.name = "maxmemory", .type = CONFIG_MEMORY, .value = &limit, .initial = "0"},
    {.name = "clients-share",
     .type = CONFIG_PERCENT_OR_MEMORY,
     .value = &share,
     .initial = "0",
     .min = -100,
     .max = INT64_MAX},
    {.name = "mode", .type = CONFIG_OCTAL, .value = &mode, .initial = "0", .max = 0777},
    {.name = "level", .type = CONFIG_CHOICE, .value = &level, .initial = "low", .choices = levels},
    {.name = "on-signal",
     .type = CONFIG_FLAGS,
     .value = &signals,
     .initial = "default",
     .choices = actions},
    {.name = "requirepass",
     .type = CONFIG_TEXT,
     .flags = CONFIG_SENSITIVE | CONFIG_EMPTY_IS_NULL,
     .value = &password,
     .initial = "",
     .check = even},
    {.name = "bind",
     .type = CONFIG_TEXT,
     .flags = CONFIG_WORDS,
     .value = &addresses,
     .initial = "* -::*"},
    {.name = "rename",
     .type = CONFIG_SPECIAL,
     .flags = CONFIG_REPEATED | CONFIG_WORDS | CONFIG_START_ONLY,
     .set = set_rename,
     .get = get_rename},
    {NULL},
};

static int begin(void **state) {
    buffer_free(&error);
    config_free();
    config_register(rows);
    config_register_inert();
    return 0;
}

static int end(void **state) {
    config_free();
    buffer_free(&error);
    return 0;
}

static void expect_error(const char *expected) {
    if (!bytes_equal(buffer_bytes(&error), bytes_of(expected)))
        fail_msg("'%.*s' instead of '%s'", (int)error.len, error.data, expected);
    buffer_clear(&error);
}

static void load(const char *text) {
    if (!config_load_text(bytes_of(text), "conf", &error))
        fail_msg("%.*s", (int)error.len, error.data);
}

static void refuse(const char *text, const char *expected) {
    assert_false(config_load_text(bytes_of(text), "conf", &error));
    expect_error(expected);
}

static void expect_shown(const char *name, const char *value) {
    struct bytes pattern = bytes_of(name);
    struct config_listing listing;
    assert_true(config_get(&pattern, 1, &listing));
    assert_int_equal(listing.count, 1);
    if (!bytes_equal(listing.pairs[0].value, bytes_of(value)))
        fail_msg("%s is '%.*s' instead of '%s'", name, (int)listing.pairs[0].value.len,
                 listing.pairs[0].value.data, value);
    config_listing_free(&listing);
}

static void test_initial_values(void **state) {
    assert_true(flag);
    assert_int_equal(port, 6379);
    assert_int_equal(level, 1);
    assert_null(password);
    assert_string_equal(addresses, "* -::*");
    expect_shown("save", "3600 1 300 100 60 10000");
}

static void test_a_file(void **state) {
    load("# a comment\n"
         "\n"
         "   # another\r\n"
         "PORT 7000\r\n"
         "\tmaxmemory  1gb  \n"
         "protected no\n"
         "clients-share 5%\n"
         "mode 755\n"
         "level HIGH\n"
         "on-signal now force\n"
         "requirepass \"a \\x62c\"\n"
         "bind 127.0.0.1 ::1\n"
         "port 7001");
    assert_int_equal(port, 7001);
    assert_int_equal(limit, 1 << 30);
    assert_false(flag);
    assert_int_equal(share, -5);
    assert_int_equal(mode, 0755);
    assert_int_equal(level, 2);
    assert_int_equal(signals, 3);
    assert_string_equal(password, "a bc");
    assert_string_equal(addresses, "127.0.0.1 ::1");
    expect_shown("clients-share", "5%");
    expect_shown("mode", "755");
    expect_shown("on-signal", "now force");
    expect_shown("tcp-port", "7001");
}

static void test_lines_add_up(void **state) {
    load("rename A B\nrename C \"\"\nsave 900 1\nsave 300 10\n");
    assert_int_equal(renames, 2);
    expect_shown("save", "900 1 300 10");
    load("save \"\"");
    expect_shown("save", "");
    load("save 60 5");
    expect_shown("save", "60 5");
    refuse("save 1", "conf:1: save 1: Invalid save parameters");
    load("save 70 6");
    expect_shown("save", "60 5 70 6");
    load("save");
    expect_shown("save", "");
}

static void test_errors_say_where_and_why(void **state) {
    refuse("\nprot 7000", "conf:2: prot: no such directive; did you mean port?");
    refuse("maxmemroy 1", "conf:1: maxmemroy: no such directive; did you mean maxmemory?");
    refuse("completely-different-thing 1", "conf:1: completely-different-thing: no such directive");
    refuse("port", "conf:1: port: wrong number of arguments");
    refuse("port 1 2", "conf:1: port 1 2: wrong number of arguments");
    refuse("port x", "conf:1: port x: argument couldn't be parsed into an integer");
    refuse("port 65536", "conf:1: port 65536: argument must be between 0 and 65535 inclusive");
    refuse("maxmemory \"a b\"", "conf:1: maxmemory \"a b\": argument must be a memory value");
    refuse("clients-share 101%",
           "conf:1: clients-share 101%: percentage argument must be less or equal to 100");
    refuse("mode 8", "conf:1: mode 8: argument couldn't be parsed as an octal number");
    refuse("level mid", "conf:1: level mid: argument(s) must be one of the following: low, high");
    refuse("protected 1", "conf:1: protected 1: argument must be 'yes' or 'no'");
    refuse("port \"7000", "conf:1: a quote is not closed, or something follows it without a space");
    refuse("port 7000 # here", "conf:1: port 7000 # here: wrong number of arguments");
    assert_int_equal(port, 6379);
}

static void test_secrets_are_not_shown(void **state) {
    refuse("requirepass odd", "conf:1: requirepass: the length must be even");
}

static void test_zero_bytes_are_refused(void **state) {
    refuse("requirepass \"a\\x00\"", "conf:1: requirepass: argument must not contain a zero byte");
}

static bool arguments(int count, ...) {
    char *argv[32];
    va_list list;
    va_start(list, count);
    for (int i = 0; i < count; i++)
        argv[i] = va_arg(list, char *);
    va_end(list);
    return config_load_arguments(count, argv, &error);
}

static void test_command_lines(void **state) {
    assert_true(arguments(9, "--port", "7000", "--bind", "a", "b", "--save", "--requirepass",
                          "--secret", "--maxmemory=1kb"));
    assert_int_equal(port, 7000);
    assert_string_equal(addresses, "a b");
    assert_string_equal(password, "--secret");
    assert_int_equal(limit, 1024);
    expect_shown("save", "");
    assert_true(arguments(3, "--port 7001", "--save", ""));
    assert_int_equal(port, 7001);
    assert_true(arguments(3, "--save", "900", "1"));
    expect_shown("save", "900 1");
    assert_true(arguments(1, "--save"));
    expect_shown("save", "");

    assert_false(arguments(1, "--port"));
    expect_error("--port: wrong number of arguments");
    assert_false(arguments(2, "--prot", "1"));
    expect_error("--prot: no such directive; did you mean port?");
    assert_false(arguments(2, "-p", "1"));
    expect_error("-p: not an option; options look like --port 7000");
    assert_false(arguments(1, "--"));
    expect_error("--: not an option that can be read");
}

static void test_several_words_in_one_argument(void **state) {
    assert_true(arguments(4, "--save", "900 1 300 10", "--bind", "a b"));
    expect_shown("save", "900 1 300 10");
    assert_string_equal(addresses, "a b");
    assert_false(arguments(2, "--save", "900 1 x"));
    expect_error("--save \"900 1 x\": Invalid save parameters");
    assert_false(arguments(2, "--port", "1 2"));
    expect_error("--port \"1 2\": argument couldn't be parsed into an integer");
}

/* ---- files that include others ---- */

static char folder[] = "/tmp/config_load.XXXXXX";

static const char *path_of(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text) {
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_includes(void **state) {
    write_file("main.conf", "port 1\ninclude more-*.conf\ninclude none-*.conf\nlevel high\n");
    write_file("more-a.conf", "port 2\n");
    write_file("more-b.conf", "port 3\nlevel low\n");
    assert_true(config_load_file(path_of("main.conf"), &error));
    assert_int_equal(port, 3);
    assert_int_equal(level, 2);
    assert_string_equal(config_file(), path_of("main.conf"));
}

static void test_includes_that_fail(void **state) {
    char expected[512];
    write_file("loop.conf", "include loop.conf\n");
    assert_false(config_load_file(path_of("loop.conf"), &error));
    snprintf(expected, sizeof expected,
             "%s:1: include loop.conf: files include each other too deeply", path_of("loop.conf"));
    expect_error(expected);

    write_file("main.conf", "\ninclude missing.conf\n");
    assert_false(config_load_file(path_of("main.conf"), &error));
    snprintf(expected, sizeof expected, "%s:2: include missing.conf: no such file",
             path_of("main.conf"));
    expect_error(expected);

    assert_false(config_load_file(path_of("nowhere.conf"), &error));
    snprintf(expected, sizeof expected, "%s: No such file or directory", path_of("nowhere.conf"));
    expect_error(expected);
}

static int make_folder(void **state) {
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    static const char *const names[] = {"main.conf", "more-a.conf", "more-b.conf", "loop.conf"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unlink(path_of(names[i]));
    return rmdir(folder);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_initial_values),
        TEST(test_a_file),
        TEST(test_lines_add_up),
        TEST(test_errors_say_where_and_why),
        TEST(test_secrets_are_not_shown),
        TEST(test_zero_bytes_are_refused),
        TEST(test_command_lines),
        TEST(test_several_words_in_one_argument),
        TEST(test_includes),
        TEST(test_includes_that_fail),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
