/* SPDX-License-Identifier: BSD-3-Clause */
/* CONFIG GET and CONFIG SET. */
#include "base/ensure.h"
#include "config/config.h"
#include "sys/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define FAILED(name, why) "ERR CONFIG SET failed (possibly related to argument '" name "') - " why

static int64_t port, limit, fixed, guarded, hidden, applied;
static char *name_text;
static int64_t pair[2];
static bool apply_fails;
static struct buffer error;

/* Counts, and refuses ports above 9000. */
static bool apply_port(const struct config_row *row, struct buffer *why) {
    applied++;
    if (!apply_fails || port <= 9000) return true;
    buffer_printf(why, "Unable to listen on this port. Check server logs.");
    return false;
}

static bool set_pair(const struct config_row *row, const struct bytes *words, unsigned count,
                     struct buffer *why) {
    if (count != 2 || words[0].len != 1 || words[1].len != 1) {
        buffer_printf(why, "two digits");
        return false;
    }
    pair[0] = words[0].data[0] - '0';
    pair[1] = words[1].data[0] - '0';
    return true;
}

static void get_pair(const struct config_row *row, struct buffer *out) {
    buffer_printf(out, "%d %d", (int)pair[0], (int)pair[1]);
}

static const struct config_row rows[] = {
    {.name = "port",
     .alias = "old-port",
     .type = CONFIG_INTEGER,
     .value = &port,
     .initial = "6379",
     .max = 65535,
     .apply = apply_port},
    {.name = "maxmemory", .type = CONFIG_MEMORY, .value = &limit, .initial = "0"},
    {.name = "fixed",
     .type = CONFIG_INTEGER,
     .flags = CONFIG_IMMUTABLE,
     .value = &fixed,
     .initial = "1"},
    {.name = "guarded",
     .type = CONFIG_INTEGER,
     .flags = CONFIG_PROTECTED,
     .value = &guarded,
     .initial = "1"},
    {.name = "hidden",
     .type = CONFIG_INTEGER,
     .flags = CONFIG_HIDDEN,
     .value = &hidden,
     .initial = "1"},
    {.name = "name-text", .type = CONFIG_TEXT, .value = &name_text, .initial = "me"},
    {.name = "pair",
     .type = CONFIG_SPECIAL,
     .flags = CONFIG_WORDS,
     .initial = "1 2",
     .set = set_pair,
     .get = get_pair},
    {NULL},
};

static int begin(void **state) {
    applied = 0;
    apply_fails = false;
    config_register_inert();
    config_register(rows);
    return 0;
}

static int end(void **state) {
    config_free();
    buffer_free(&error);
    return 0;
}

static bool set_words(bool local, unsigned count, va_list list) {
    struct bytes words[16];
    for (unsigned i = 0; i < count; i++)
        words[i] = bytes_of(va_arg(list, const char *));
    return config_set(words, count, local, &error);
}

static void set(unsigned count, ...) {
    va_list list;
    va_start(list, count);
    if (!set_words(false, count, list)) fail_msg("%.*s", (int)error.len, error.data);
    va_end(list);
}

static void refuse(const char *expected, unsigned count, ...) {
    va_list list;
    va_start(list, count);
    assert_false(set_words(true, count, list));
    va_end(list);
    if (!bytes_equal(buffer_bytes(&error), bytes_of(expected)))
        fail_msg("'%.*s' instead of '%s'", (int)error.len, error.data, expected);
    buffer_clear(&error);
}

/* The listing as "name=value name=value". */
static void expect_listing(const char *expected, unsigned count, ...) {
    struct bytes patterns[8];
    struct buffer shown = {0};
    struct config_listing listing;
    va_list list;
    va_start(list, count);
    for (unsigned i = 0; i < count; i++)
        patterns[i] = bytes_of(va_arg(list, const char *));
    va_end(list);
    assert_true(config_get(patterns, count, &listing));
    for (size_t i = 0; i < listing.count; i++) {
        struct bytes name = listing.pairs[i].name, value = listing.pairs[i].value;
        buffer_printf(&shown, "%s%.*s=%.*s", i ? " " : "", (int)name.len, name.data, (int)value.len,
                      value.data);
    }
    if (!bytes_equal(buffer_bytes(&shown), bytes_of(expected)))
        fail_msg("'%.*s' instead of '%s'", (int)shown.len, shown.data, expected);
    config_listing_free(&listing);
    buffer_free(&shown);
}

static void test_get(void **state) {
    expect_listing("maxmemory=0 port=6379", 2, "port", "maxmemory");
    expect_listing("PORT=6379 maxmemory=0", 3, "PORT", "maxmem[o]ry", "p?rt");
    expect_listing("port=6379", 2, "p?rt", "PORT");
    expect_listing("hidden=1", 2, "hidden", "hidde*");
    expect_listing("old-port=6379", 1, "OLD-por[t]");
    expect_listing("", 3, "nothing", "user", "");
}

static void test_set(void **state) {
    set(6, "port", "7000", "MaxMemory", "10kb", "pair", "3 4");
    assert_int_equal(port, 7000);
    assert_int_equal(limit, 10240);
    assert_int_equal(pair[0] * 10 + pair[1], 34);
    assert_int_equal(applied, 1);
    set(4, "port", "1", "old-port", "2");
    assert_int_equal(port, 2);
    set(2, "name-text", "a b");
    assert_string_equal(name_text, "a b");
}

static void test_unknown_fixed_and_twice(void **state) {
    refuse("ERR Unknown option or number of arguments for CONFIG SET - 'prot'", 2, "prot", "1");
    refuse("ERR Unknown option or number of arguments for CONFIG SET - 'user'", 2, "user", "on");
    refuse(FAILED("fixed", "can't set immutable config"), 4, "port", "1", "fixed", "2");
    refuse(FAILED("guarded", "can't set protected config"), 2, "guarded", "2");
    refuse(FAILED("PORT", "duplicate parameter"), 4, "port", "1", "PORT", "2");
    assert_int_equal(port, 6379);
    assert_int_equal(applied, 0);
}

static void test_guarded_for_local_clients(void **state) {
    assert_true(config_load_text(BYTES("enable-protected-configs local"), "conf", &error));
    struct bytes words[] = {BYTES("guarded"), BYTES("5")};
    assert_false(config_set(words, 2, false, &error));
    assert_true(config_set(words, 2, true, &error));
    assert_int_equal(guarded, 5);
}

static void test_a_bad_value_takes_all_back(void **state) {
    refuse(FAILED("maxmemory", "argument must be a memory value"), 8, "port", "7000", "name-text",
           "you", "pair", "3 4", "MAXMEMORY", "lots");
    refuse(FAILED("pair", "two digits"), 4, "port", "7000", "pair", "x");
    assert_int_equal(port, 6379);
    assert_string_equal(name_text, "me");
    assert_int_equal(pair[0] * 10 + pair[1], 12);
    assert_int_equal(applied, 0);
}

static void test_a_failed_apply_takes_all_back(void **state) {
    apply_fails = true;
    refuse(FAILED("port", "Unable to listen on this port. Check server logs."), 4, "name-text",
           "you", "port", "9001");
    assert_int_equal(port, 6379);
    assert_string_equal(name_text, "me");
    assert_int_equal(applied, 2); /* the second time with the old port */
}

static void test_no_memory(void **state) {
    struct bytes words[] = {BYTES("name-text"), BYTES("you"), BYTES("pair"), BYTES("5 6")};
    unsigned countdown = 0;
    for (bool done = false; !done; countdown++) {
        memory_fail_after(countdown);
        done = config_set(words, 4, false, &error);
        memory_fail_never();
        if (!done) assert_string_equal(name_text, "me");
        if (!done) assert_int_equal(pair[0], 1);
        buffer_clear(&error);
    }
    assert_true(countdown > 2);
    assert_string_equal(name_text, "you");
}

static void test_inert_rows_have_their_types(void **state) {
    refuse(FAILED("activedefrag", "argument must be 'yes' or 'no'"), 2, "activedefrag", "maybe");
    refuse(FAILED("rdb-version-check", "argument(s) must be one of the following: strict, relaxed"),
           2, "rdb-version-check", "x");
    refuse(FAILED("cluster-announce-client-ipv6", "Invalid IPv6 address"), 2,
           "cluster-announce-client-ipv6", "127.0.0.1");
    set(4, "activedefrag", "yes", "slave-priority", "7");
    expect_listing("activedefrag=yes replica-priority=7", 2, "activedefrag", "replica-priority");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_get),
        TEST(test_set),
        TEST(test_unknown_fixed_and_twice),
        TEST(test_guarded_for_local_clients),
        TEST(test_a_bad_value_takes_all_back),
        TEST(test_a_failed_apply_takes_all_back),
        TEST(test_no_memory),
        TEST(test_inert_rows_have_their_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
