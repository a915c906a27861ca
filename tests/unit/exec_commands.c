/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void run(struct call *call) {
    (void)call;
}

static const struct command subcommands[] = {
    {.name = "id", .run = run, .arity = 2},
    {.name = "setname", .run = run, .arity = 3},
    {.name = "a-very-long-subcommand", .run = run, .arity = -2},
    {0},
};

static const struct command table[] = {
    {.name = "get", .run = run, .arity = 2},
    {.name = "set", .run = run, .arity = -3},
    {.name = "mget", .run = run, .arity = -2},
    {.name = "getrange", .run = run, .arity = 4},
    {.name = "zrevrangebyscore", .run = run, .arity = -4},
    {.name = "georadiusbymember_ro", .run = run, .arity = -5},
    {.name = "client", .arity = -2, .subcommands = subcommands},
    {0},
};

static struct commands commands;

static int setup(void **state) {
    (void)state;
    commands_add(&commands, table);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    commands_free(&commands);
    return 0;
}

static const char *found(struct bytes name) {
    const struct registered *item = commands_find(&commands, name);
    return item ? item->command->name : NULL;
}

static void finds_names_in_any_case(void **state) {
    for (const struct command *command = table; command->name; command++) {
        char text[64];
        size_t n = strlen(command->name);
        for (size_t i = 0; i < n; i++)
            text[i] = i % 2 ? bytes_upper(command->name[i]) : command->name[i];
        assert_ptr_equal(found(bytes_of(command->name)), command->name);
        assert_ptr_equal(found(bytes_make(text, n)), command->name);
    }
}

static void refuses_what_only_looks_alike(void **state) {
    assert_null(found(BYTES("")));
    assert_null(found(BYTES("ge")));
    assert_null(found(BYTES("gett")));
    assert_null(found(BYTES("get\0")));
    assert_null(found(BYTES("\xc7\xc5\xd4")));
    assert_null(found(BYTES("GETRANG\x05")));
    assert_null(found(BYTES("georadiusbymemberXro")));
    assert_null(found(BYTES("georadiusXymember_ro")));
    assert_null(found(BYTES("zrevrangebyscorE\0")));
    assert_null(found(BYTES("id")));
    /* Only letters have two cases: '@' is not '`', nor '[' '{'. */
    assert_null(found(BYTES("georadiusbymember\x7fro")));
}

static void finds_subcommands_in_their_container_alone(void **state) {
    const struct registered *client = commands_find(&commands, BYTES("CLIENT"));
    assert_int_equal(client->sub_count, 3);
    const struct registered *sub = commands_find_sub(&commands, client, BYTES("SetName"));
    assert_ptr_equal(sub->command, &subcommands[1]);
    assert_ptr_equal(sub->parent, client);
    assert_non_null(commands_find_sub(&commands, client, BYTES("A-VERY-LONG-SUBCOMMAND")));
    assert_null(commands_find_sub(&commands, client, BYTES("get")));
    char name[32];
    commands_full_name(sub, name, sizeof name);
    assert_string_equal(name, "client|setname");
}

static void leads_back_from_the_table(void **state) {
    for (const struct command *command = table; command->name; command++)
        assert_ptr_equal(commands_of(&commands, command)->command, command);
    assert_ptr_equal(commands_of(&commands, &subcommands[2])->command, &subcommands[2]);
    static const struct command stranger = {.name = "get"};
    assert_null(commands_of(&commands, &stranger));
}

static void checks_the_number_of_arguments(void **state) {
    const struct registered *get = commands_find(&commands, BYTES("get"));
    const struct registered *set = commands_find(&commands, BYTES("set"));
    assert_false(registered_accepts(get, 1));
    assert_true(registered_accepts(get, 2));
    assert_false(registered_accepts(get, 3));
    assert_false(registered_accepts(set, 2));
    assert_true(registered_accepts(set, 3));
    assert_true(registered_accepts(set, 1000000));
}

static void renames(void **state) {
    assert_false(commands_rename(&commands, BYTES("nosuch"), BYTES("x")));
    assert_false(commands_rename(&commands, BYTES("get"), BYTES("MGET")));
    assert_true(commands_rename(&commands, BYTES("GET"), BYTES("Fetch-A-Value-By-Key")));
    assert_null(found(BYTES("get")));
    assert_string_equal(found(BYTES("fetch-a-value-by-key")), "get");
    assert_true(commands_rename(&commands, BYTES("client"), BYTES("")));
    assert_null(found(BYTES("client")));
    assert_string_equal(found(BYTES("set")), "set");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_names_in_any_case, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_only_looks_alike, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_subcommands_in_their_container_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(leads_back_from_the_table, setup, teardown),
        cmocka_unit_test_setup_teardown(checks_the_number_of_arguments, setup, teardown),
        cmocka_unit_test_setup_teardown(renames, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
