/* SPDX-License-Identifier: BSD-3-Clause */
/* Users and their rules: what rules do, which are refused, and that a user told as rules is the
 * same user when these are applied. */
#include "base/ensure.h"
#include "base/random.h"
#include "exec/acl_user.h"
#include "sys/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void run(struct call *call) {}

static const struct command config_subcommands[] = {
    {.name = "get", .run = run, .arity = -3, .flags = CMD_ADMIN},
    {.name = "set", .run = run, .arity = -4, .flags = CMD_ADMIN},
    {0},
};

static const struct command table[] = {
    {.name = "get", .run = run, .arity = 2, .flags = CMD_READONLY | CMD_FAST},
    {.name = "set", .run = run, .arity = -3, .flags = CMD_WRITE},
    {.name = "mget", .run = run, .arity = -2, .flags = CMD_READONLY | CMD_FAST},
    {.name = "select", .run = run, .arity = 2, .flags = CMD_FAST, .categories = CAT_CONNECTION},
    {.name = "config", .arity = -2, .subcommands = config_subcommands},
    {0},
};

static struct commands commands;

static int setup(void **state) {
    commands_add(&commands, table);
    return 0;
}

static int teardown(void **state) {
    commands_free(&commands);
    return 0;
}

/* ---- helpers ---- */

static enum acl_error apply(struct user *user, const char *rule) {
    return user_apply(user, &commands, false, bytes_of(rule));
}

static bool has(const struct user *user, const char *name) {
    const struct registered *item = commands_find(&commands, bytes_of(name));
    return selector_has_command(&user->selectors[0], item->id);
}

static bool has_config(const struct user *user, const char *name) {
    const struct registered *config = commands_find(&commands, BYTES("config"));
    const struct registered *item = commands_find_sub(&commands, config, bytes_of(name));
    return selector_has_command(&user->selectors[0], item->id);
}

static void assert_described(const struct user *user, const char *text) {
    struct buffer out = {0};
    assert_true(user_describe(user, &out) && buffer_append_char(&out, 0));
    assert_string_equal(out.data, text);
    buffer_free(&out);
}

static struct user *new_user(void) {
    struct user *user = user_create(BYTES("alice"), false);
    assert_non_null(user);
    return user;
}

/* The user that the description makes. */
static struct user *read_back(const struct buffer *description) {
    struct bytes words[512], rest = bytes_skip(buffer_bytes(description), strlen("user alice "));
    unsigned count = 0;
    while (rest.len) {
        const char *space = memchr(rest.data, ' ', rest.len);
        size_t len = space ? (size_t)(space - rest.data) : rest.len;
        assert_true(count < ARRAY_LEN(words));
        words[count++] = bytes_make(rest.data, len);
        rest = bytes_skip(rest, len + (space != NULL));
    }
    struct acl_rules rules;
    assert_int_equal(acl_rules_merge(words, count, &rules), ACL_MERGED);
    struct user *user = new_user();
    for (unsigned i = 0; i < rules.count; i++)
        assert_int_equal(user_apply(user, &commands, false, rules.items[i]), ACL_OK);
    acl_rules_free(&rules);
    return user;
}

/* ---- tests ---- */

static void a_new_user_may_do_nothing(void **state) {
    struct user *user = new_user();
    assert_described(user, "user alice off resetchannels -@all");
    assert_false(user_has_password(user, BYTES("")));
    user_free(user);
}

static void commands_and_subcommands(void **state) {
    struct user *user = new_user();
    assert_int_equal(apply(user, "+@read"), ACL_OK);
    assert_true(has(user, "get") && has(user, "mget") && !has(user, "set"));
    assert_int_equal(apply(user, "-GET"), ACL_OK);
    assert_false(has(user, "get"));
    assert_int_equal(apply(user, "+config|get"), ACL_OK);
    assert_true(has_config(user, "get") && !has_config(user, "set") && !has(user, "config"));
    assert_described(user, "user alice off resetchannels -@all +@read -get +config|get");
    assert_int_equal(apply(user, "+config"), ACL_OK);
    assert_true(has_config(user, "set"));
    assert_int_equal(apply(user, "+select|0"), ACL_OK);
    assert_false(has(user, "select"));
    assert_described(user, "user alice off resetchannels -@all +@read -get +config +select|0");
    assert_int_equal(apply(user, "-select"), ACL_OK);
    assert_int_equal(user->selectors[0].first_args.len, 0);
    user_free(user);
}

static void renamed_commands_keep_their_names(void **state) {
    struct user *user = new_user();
    assert_true(commands_rename(&commands, BYTES("get"), BYTES("fetch")));
    assert_int_equal(apply(user, "+get"), ACL_OK);
    assert_int_equal(apply(user, "+fetch"), ACL_UNKNOWN_COMMAND);
    assert_true(has(user, "fetch"));
    assert_true(commands_rename(&commands, BYTES("fetch"), BYTES("get")));
    user_free(user);
}

static void passwords(void **state) {
    struct user *user = new_user();
    assert_int_equal(apply(user, ">one"), ACL_OK);
    assert_int_equal(apply(user, ">two"), ACL_OK);
    assert_true(user_has_password(user, BYTES("one")) && user_has_password(user, BYTES("two")));
    assert_false(user_has_password(user, BYTES("on")));
    assert_int_equal(apply(user, "<one"), ACL_OK);
    assert_int_equal(apply(user, "<one"), ACL_NO_SUCH_PASSWORD);
    assert_false(user_has_password(user, BYTES("one")));
    assert_true(user_has_password(user, BYTES("two")));
    assert_int_equal(apply(user, "nopass"), ACL_OK);
    assert_true(user_has_password(user, BYTES("anything")));
    assert_int_equal(apply(user, "resetpass"), ACL_OK);
    assert_false(user_has_password(user, BYTES("two")));
    user_free(user);
}

static void rules_that_are_refused(void **state) {
    static const struct {
        const char *rule;
        enum acl_error error;
    } refused[] = {
        {"nonsense", ACL_SYNTAX},
        {"+nosuch", ACL_UNKNOWN_COMMAND},
        {"+@nosuch", ACL_UNKNOWN_COMMAND},
        {"-select|0", ACL_UNKNOWN_COMMAND},
        {"+config|get|x", ACL_FIRST_ARG_OF_SUBCOMMAND},
        {"+get|", ACL_SYNTAX},
        {"+get|a b", ACL_SYNTAX},
        {"~a b", ACL_SYNTAX},
        {"%~a", ACL_SYNTAX},
        {"%RR~a", ACL_SYNTAX},
        {"&a b", ACL_SYNTAX},
        {"db=", ACL_SYNTAX},
        {"db=0,", ACL_SYNTAX},
        {"db=2147483648", ACL_BAD_DATABASE},
        {"db=-1", ACL_BAD_DATABASE},
        {"#abc", ACL_BAD_HASH},
        {"(on)", ACL_SYNTAX},
        {"(~a))", ACL_SYNTAX},
        {"(+nosuch)", ACL_UNKNOWN_COMMAND},
    };
    struct user *user = new_user();
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        assert_int_equal(apply(user, refused[i].rule), refused[i].error);
    assert_described(user, "user alice off resetchannels -@all");
    apply(user, "allkeys");
    apply(user, "allchannels");
    assert_int_equal(apply(user, "~a"), ACL_AFTER_ALL_KEYS);
    assert_int_equal(apply(user, "&a"), ACL_AFTER_ALL_CHANNELS);
    user_free(user);
}

static void who_may_do_everything_is_known(void **state) {
    struct user *user = new_user();
    const char *const rules[] = {"allkeys", "allchannels", "+@all"};
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        assert_false(user->unrestricted);
        apply(user, rules[i]);
    }
    assert_true(user->unrestricted);
    apply(user, "-get");
    assert_false(user->unrestricted);
    apply(user, "(~* &* +@all)");
    assert_true(user->unrestricted);
    apply(user, "clearselectors");
    assert_false(user->unrestricted);
    user_free(user);
}

static void selectors_in_pieces(void **state) {
    const struct bytes words[] = {BYTES("on"), BYTES("(+get"), BYTES("~a"), BYTES("&b)"),
                                  BYTES("(~c)")};
    struct acl_rules rules;
    assert_int_equal(acl_rules_merge(words, ARRAY_LEN(words), &rules), ACL_MERGED);
    assert_int_equal(rules.count, 3);
    assert_true(bytes_equal(rules.items[1], BYTES("(+get ~a &b)")));
    acl_rules_free(&rules);
    assert_int_equal(acl_rules_merge(words, 3, &rules), ACL_UNMATCHED);
    assert_true(bytes_equal(rules.unmatched, BYTES("(+get")));
    acl_rules_free(&rules);
}

/* ---- random rules ---- */

static const char *const random_rules[] = {
    "on",
    "off",
    "nopass",
    "resetpass",
    ">a",
    ">b",
    "<a",
    "reset",
    "+get",
    "-get",
    "+set",
    "-set",
    "+config|get",
    "-config|get",
    "+config|set",
    "+config",
    "-config",
    "+select|0",
    "+select|1",
    "+select",
    "-select",
    "+get|x",
    "+@read",
    "-@read",
    "+@write",
    "+@fast",
    "-@fast",
    "+@admin",
    "-@slow",
    "+@all",
    "-@all",
    "~a",
    "~b*",
    "%R~a",
    "%W~a",
    "%R~c",
    "%W~c",
    "allkeys",
    "resetkeys",
    "&a",
    "&b*",
    "allchannels",
    "resetchannels",
    "db=0",
    "db=3,1,2,1",
    "alldbs",
    "resetdbs",
    "(+get ~a)",
    "(%R~a &b db=2)",
    "(~* &* +@all -get)",
    "(+select|0 ~x)",
    "%RW~*",
    "clearselectors",
    "~(x)",
    "~",
};

static void compare_selectors(const struct selector *a, const struct selector *b) {
    assert_memory_equal(a->commands, b->commands, sizeof a->commands);
    /* "+@all -get +get" and "%RW~*" are all of it too, without being known as such. */
    const uint32_t known = SELECTOR_ALL_CHANNELS | SELECTOR_ALL_DATABASES;
    assert_int_equal(a->flags & known, b->flags & known);
    assert_int_equal(a->first_args.len, b->first_args.len);
}

static void what_is_told_makes_the_same_user(void **state) {
    struct random random;
    random_seed(&random, 7);
    for (unsigned round = 0; round < 3000; round++) {
        struct user *user = new_user();
        for (unsigned i = random_below(&random, 20); i; i--)
            apply(user, random_rules[random_below(&random, ARRAY_LEN(random_rules))]);
        struct buffer told = {0}, again = {0};
        assert_true(user_describe(user, &told));
        struct user *copy = read_back(&told);
        assert_true(user_describe(copy, &again));
        assert_int_equal(again.len, told.len);
        assert_memory_equal(again.data, told.data, told.len);
        assert_int_equal(copy->selector_count, user->selector_count);
        for (unsigned i = 0; i < user->selector_count; i++)
            compare_selectors(&user->selectors[i], &copy->selectors[i]);
        buffer_free(&told);
        buffer_free(&again);
        user_free(user);
        user_free(copy);
    }
}

/* Whatever fails, a user is left that can be told and freed. */
static void without_memory(void **state) {
    for (unsigned countdown = 0; countdown < 40; countdown++) {
        struct user *user = new_user();
        memory_fail_after(countdown);
        bool all = true;
        for (size_t i = 0; all && i < ARRAY_LEN(random_rules); i++)
            all = apply(user, random_rules[i]) != ACL_NO_MEMORY;
        struct user *copy = all ? user_copy(user) : NULL;
        memory_fail_never();
        user_free(copy);
        user_free(user);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_user_may_do_nothing),
        cmocka_unit_test(commands_and_subcommands),
        cmocka_unit_test(renamed_commands_keep_their_names),
        cmocka_unit_test(passwords),
        cmocka_unit_test(rules_that_are_refused),
        cmocka_unit_test(who_may_do_everything_is_known),
        cmocka_unit_test(selectors_in_pieces),
        cmocka_unit_test(what_is_told_makes_the_same_user),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
