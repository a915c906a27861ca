/* SPDX-License-Identifier: BSD-3-Clause */
/* CONFIG REWRITE: what it leaves alone, replaces and appends. */
#include "base/ensure.h"
#include "config/config.h"
#include "sys/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t port, limit, level;
static char *password, *addresses;
static struct buffer error;
static char path[] = "/tmp/config_rewrite.XXXXXX";

static const struct config_choice levels[] = {{"low", 1}, {"high", 2}, {NULL, 0}};

static const struct config_row rows[] = {
    {.name = "port",
     .alias = "old-port",
     .type = CONFIG_INTEGER,
     .value = &port,
     .initial = "6379"},
    {.name = "maxmemory", .type = CONFIG_MEMORY, .value = &limit, .initial = "0"},
    {.name = "level", .type = CONFIG_CHOICE, .value = &level, .initial = "low", .choices = levels},
    {.name = "requirepass",
     .type = CONFIG_TEXT,
     .flags = CONFIG_EMPTY_IS_NULL,
     .value = &password,
     .initial = ""},
    {.name = "bind",
     .type = CONFIG_TEXT,
     .flags = CONFIG_WORDS,
     .value = &addresses,
     .initial = "* -::*"},
    {NULL},
};

static void write_file(const char *text) {
    assert_int_equal(file_write_atomic(path, bytes_of(text)), 0);
}

static void expect_file(const char *expected) {
    struct buffer text = {0};
    assert_true(file_read_all(path, &text) >= 0);
    if (!bytes_equal(buffer_bytes(&text), bytes_of(expected)))
        fail_msg("'%.*s' instead of '%s'", (int)text.len, text.data, expected);
    buffer_free(&text);
}

static void load(const char *text) {
    write_file(text);
    config_register(rows);
    config_register_inert();
    if (!config_load_file(path, &error)) fail_msg("%.*s", (int)error.len, error.data);
}

static void set(const char *name, const char *value) {
    struct bytes words[] = {bytes_of(name), bytes_of(value)};
    if (!config_set(words, 2, false, &error)) fail_msg("%.*s", (int)error.len, error.data);
}

static void rewrite(const char *expected) {
    if (!config_rewrite(&error)) fail_msg("%.*s", (int)error.len, error.data);
    expect_file(expected);
}

static int end(void **state) {
    config_free();
    buffer_free(&error);
    return 0;
}

static void test_nothing_changed(void **state) {
    static const char text[] = "# head\n"
                               "  PORT\t7000\r\n"
                               "\n"
                               "maxmemory 1gb # no\n";
    config_register(rows);
    write_file(text);
    assert_false(config_load_file(path, &error));
    config_free();
    static const char good[] = "# head\n"
                               "  PORT\t7000\r\n"
                               "\n"
                               "maxmemory 1024mb\n"
                               "save 900 1\nsave 300 10\n"
                               "include nothing-*.conf\n"
                               "bind   127.0.0.1 '::1'\n"
                               "level high\n"
                               "level low\n";
    load(good);
    rewrite(good);
}

static void test_changed_lines_are_replaced(void **state) {
    load("# head\n"
         "old-port 7000\n"
         "# memory\n"
         "maxmemory 1gb\n"
         "maxmemory 2gb\n"
         "save 900 1\n"
         "# between\n"
         "save 300 10\n"
         "bind 127.0.0.1\n");
    set("port", "7001");
    set("maxmemory", "100mb");
    set("save", "60 5");
    set("bind", "a b");
    rewrite("# head\n"
            "old-port 7001\n"
            "# memory\n"
            "maxmemory 100mb\n"
            "save 60 5\n"
            "# between\n"
            "bind a b\n");
    set("save", "");
    set("maxmemory", "1000001");
    rewrite("# head\n"
            "old-port 7001\n"
            "# memory\n"
            "maxmemory 1000001\n"
            "save \"\"\n"
            "# between\n"
            "bind a b\n");
}

static void test_the_rest_is_appended_once(void **state) {
    load("port 7000");
    set("requirepass", "a \"b\" \x01");
    set("level", "high");
    set("maxmemory", "0");
    rewrite("port 7000\n"
            "\n"
            "# Set by CONFIG REWRITE\n"
            "level high\n"
            "requirepass \"a \\\"b\\\" \\x01\"\n");
    set("maxmemory", "2kb");
    set("requirepass", "");
    rewrite("port 7000\n"
            "\n"
            "# Set by CONFIG REWRITE\n"
            "level high\n"
            "requirepass \"\"\n"
            "maxmemory 2kb\n");
}

static void test_what_is_written_reads_back(void **state) {
    load("");
    set("requirepass", "\\ ' \t \xff #");
    set("bind", "");
    assert_true(config_rewrite(&error));
    config_free();
    config_register(rows);
    assert_true(config_load_file(path, &error));
    assert_string_equal(password, "\\ ' \t \xff #");
    assert_string_equal(addresses, "");
}

static int full_disk(int fd) {
    errno = ENOSPC;
    return -1;
}

static void test_failing_leaves_the_file(void **state) {
    load("port 7000\n");
    set("port", "7001");
    struct file_calls calls = file_system_calls;
    calls.fsync = full_disk;
    calls.fdatasync = full_disk;
    file_calls = &calls;
    assert_false(config_rewrite(&error));
    file_calls = &file_system_calls;
    assert_true(bytes_equal(buffer_bytes(&error),
                            BYTES("ERR Rewriting config file: No space left on device")));
    expect_file("port 7000\n");
}

static void test_without_a_file(void **state) {
    config_register(rows);
    assert_false(config_rewrite(&error));
    assert_true(bytes_equal(buffer_bytes(&error),
                            BYTES("ERR The server is running without a config file")));
}

static void test_a_removed_file_comes_back(void **state) {
    load("port 7000\n");
    unlink(path);
    rewrite("\n# Set by CONFIG REWRITE\nport 7000\n");
}

static int make_file(void **state) {
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
    return unlink(path);
}

#define TEST(f) cmocka_unit_test_teardown(f, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_changed),           TEST(test_changed_lines_are_replaced),
        TEST(test_the_rest_is_appended_once), TEST(test_what_is_written_reads_back),
        TEST(test_failing_leaves_the_file),   TEST(test_without_a_file),
        TEST(test_a_removed_file_comes_back),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
