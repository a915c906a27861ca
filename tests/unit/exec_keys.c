/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/args.h"
#include "base/buffer.h"
#include "exec/exec.h"
#include "exec/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define INDEX(i)    .search = KEY_SEARCH_INDEX, .index = (i)
#define RANGE(l, s) .find = KEY_FIND_RANGE, .last = (l), .step = (s)

static const struct command get = {.keys = {{.flags = KEY_RO, INDEX(1), RANGE(0, 1)}}};
static const struct command mget = {.keys = {{.flags = KEY_RO, INDEX(1), RANGE(-1, 1)}}};
static const struct command mset = {.keys = {{.flags = KEY_OW, INDEX(1), RANGE(-1, 2)}}};
static const struct command blpop = {.keys = {{.flags = KEY_RW, INDEX(1), RANGE(-2, 1)}}};
static const struct command copy = {
    .keys = {{.flags = KEY_RO, INDEX(1), RANGE(0, 1)}, {.flags = KEY_OW, INDEX(2), RANGE(0, 1)}}};
static const struct command xread = {.keys = {{.flags = KEY_RO,
                                               .search = KEY_SEARCH_KEYWORD,
                                               .keyword = "STREAMS",
                                               .index = 1,
                                               RANGE(-1, 1),
                                               .limit = 2}}};
static const struct command migrate = {.keys = {{.flags = KEY_RW, INDEX(3), RANGE(0, 1)},
                                                {.flags = KEY_RW | KEY_INCOMPLETE,
                                                 .search = KEY_SEARCH_KEYWORD,
                                                 .keyword = "KEYS",
                                                 .index = -2,
                                                 RANGE(-1, 1)}}};
static const struct command zunion = {
    .keys = {{.flags = KEY_RO, INDEX(1), .find = KEY_FIND_COUNT, .first_index = 1, .step = 1}}};
static const struct command publish = {.keys = {{.flags = KEY_NOT_KEY, INDEX(1), RANGE(0, 1)}}};
static const struct command ping = {.name = "ping"};

/* Takes every other word from the second on; "bad" is bad. */
static int find_odd(const struct bytes *argv, unsigned argc, unsigned *positions,
                    unsigned capacity) {
    unsigned count = 0;
    if (argc > 1 && bytes_is(argv[1], "bad")) return -1;
    for (unsigned i = 1; i < argc; i += 2, count++)
        if (positions && count < capacity) positions[count] = i;
    return (int)count;
}

static const struct command eval = {
    .flags = CMD_SCRIPT,
    .keys = {{.flags = KEY_RW, INDEX(2), .find = KEY_FIND_COUNT, .first_index = 1, .step = 1}}};
static const struct command custom = {.find_keys = find_odd,
                                      .keys = {{.flags = KEY_RW, INDEX(1), RANGE(0, 1)}}};
static const struct command incomplete = {
    .find_keys = find_odd, .keys = {{.flags = KEY_RW | KEY_INCOMPLETE, INDEX(1), RANGE(0, 1)}}};

/* The keys of a line joined with spaces, or "!" when it makes no sense. */
static void check(const struct command *command, const char *line, const char *expected) {
    struct args args = {0};
    struct buffer keys = {0};
    unsigned positions[8];
    assert_int_equal(args_split(&args, bytes_of(line)), ARGS_OK);
    int count = exec_find_keys(command, args.items, (unsigned)args.count, positions, NULL,
                               ARRAY_LEN(positions));
    if (count < 0) buffer_append_char(&keys, '!');
    for (int i = 0; i < count; i++) {
        if (i) buffer_append_char(&keys, ' ');
        buffer_append_bytes(&keys, args.items[positions[i]]);
    }
    buffer_append_char(&keys, 0);
    assert_string_equal(keys.data, expected);
    assert_int_equal(exec_find_keys(command, args.items, (unsigned)args.count, NULL, NULL, 0),
                     count);
    args_free(&args);
    buffer_free(&keys);
}

static void finds_by_position(void **state) {
    check(&get, "get a", "a");
    check(&mget, "mget a b c", "a b c");
    check(&mset, "mset a 1 b 2", "a b");
    check(&blpop, "blpop a b 0", "a b");
    check(&copy, "copy a b", "a b");
    check(&ping, "ping a", "");
    check(&publish, "publish channel x", "");
}

static void refuses_too_few_words(void **state) {
    check(&get, "get", "!");
    check(&mget, "mget", "!");
    check(&copy, "copy a", "!");
    check(&blpop, "blpop a", "!");
}

static void finds_by_keyword(void **state) {
    check(&xread, "xread count 2 streams a b 0 0", "a b");
    check(&xread, "xread STREAMS a 0", "a");
    check(&xread, "xread count 2", "");
    check(&xread, "xread count streams", "");
    check(&migrate, "migrate h 1 k 0 5", "k");
    check(&migrate, "migrate h 1 k 0 5 KEYS a b", "k a b");
    check(&migrate, "migrate h 1 k 0 5 KEYS keys b", "k b");
}

static void finds_by_count(void **state) {
    check(&zunion, "zunion 2 a b weights 1 2", "a b");
    check(&zunion, "zunion 0 a", "!");
    check(&eval, "eval script 0 a", "");
    check(&eval, "eval script 1 a", "a");
    check(&zunion, "zunion 3 a b", "!");
    check(&zunion, "zunion -1 a", "!");
    check(&zunion, "zunion x a", "!");
    check(&zunion, "zunion 99999999999999999999 a", "!");
    check(&zunion, "zunion 9223372036854775807 a", "!");
}

static void asks_the_command_itself(void **state) {
    check(&custom, "custom a 1 b 2", "a b");
    check(&custom, "custom bad", "bad");
    check(&incomplete, "incomplete a", "a");
    check(&incomplete, "incomplete bad", "!");
}

static void tells_how_keys_are_found(void **state) {
    assert_int_equal(keys_mode_of(&ping), KEYS_NONE);
    assert_int_equal(keys_mode_of(&get), KEYS_ONE);
    assert_int_equal(keys_mode_of(&mget), KEYS_SPECS);
    assert_int_equal(keys_mode_of(&copy), KEYS_SPECS);
    assert_int_equal(keys_mode_of(&publish), KEYS_SPECS);
    assert_int_equal(keys_mode_of(&custom), KEYS_CUSTOM);
}

static void tells_each_keys_flags(void **state) {
    struct bytes argv[] = {BYTES("copy"), BYTES("a"), BYTES("b")};
    uint32_t flags[2];
    assert_int_equal(exec_find_keys(&copy, argv, 3, NULL, flags, 2), 2);
    assert_int_equal(flags[0], KEY_RO);
    assert_int_equal(flags[1], KEY_OW);
}

static void counts_more_than_it_can_write(void **state) {
    struct bytes argv[] = {BYTES("mget"), BYTES("a"), BYTES("b"), BYTES("c")};
    unsigned positions[2] = {0};
    assert_int_equal(exec_find_keys(&mget, argv, 4, positions, NULL, 1), 3);
    assert_int_equal(positions[0], 1);
    assert_int_equal(positions[1], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_position),       cmocka_unit_test(refuses_too_few_words),
        cmocka_unit_test(finds_by_keyword),        cmocka_unit_test(finds_by_count),
        cmocka_unit_test(asks_the_command_itself), cmocka_unit_test(tells_how_keys_are_found),
        cmocka_unit_test(tells_each_keys_flags),   cmocka_unit_test(counts_more_than_it_can_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
