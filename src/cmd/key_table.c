/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/families.h"
#include "cmd/key.h"

static const struct command_arg del_args[] = {
    {"key", ARG_KEY, .flags = ARG_MULTIPLE},
    {0},
};

static const char *const del_tips[] = {
    "request_policy:multi_shard",
    "response_policy:agg_sum",
    NULL,
};

static const struct command_history exists_history[] = {
    {"3.0.3", "Takes any number of keys."},
    {0},
};

static const struct command_arg key_args[] = {
    {"key", ARG_KEY},
    {0},
};

static const struct command_arg rename_args[] = {
    {"key", ARG_KEY},
    {"newkey", ARG_KEY, .key_spec = 1},
    {0},
};

static const struct command_history renamenx_history[] = {
    {"3.2.0", "A key renamed to itself is no longer an error."},
    {0},
};

static const struct command_arg copy_args[] = {
    {"source", ARG_KEY},
    {"destination", ARG_KEY, .key_spec = 1},
    {"destination-db", ARG_INTEGER, .token = "DB", .flags = ARG_OPTIONAL},
    {"replace", ARG_PURE_TOKEN, .token = "REPLACE", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg key_db_args[] = {
    {"key", ARG_KEY},
    {"db", ARG_INTEGER},
    {0},
};

static const char *const randomkey_tips[] = {
    "request_policy:all_shards",
    "response_policy:special",
    "nondeterministic_output",
    NULL,
};

static const struct command_arg pattern_args[] = {
    {"pattern", ARG_PATTERN},
    {0},
};

static const char *const keys_tips[] = {
    "request_policy:all_shards",
    "nondeterministic_output_order",
    NULL,
};

static const struct command_arg scan_args[] = {
    {"cursor", ARG_INTEGER},
    {"pattern", ARG_PATTERN, .token = "MATCH", .flags = ARG_OPTIONAL},
    {"count", ARG_INTEGER, .token = "COUNT", .flags = ARG_OPTIONAL},
    {"type", ARG_STRING, .token = "TYPE", .flags = ARG_OPTIONAL, .since = "6.0.0"},
    {0},
};

static const struct command_history scan_history[] = {
    {"6.0.0", "Takes TYPE."},
    {0},
};

static const char *const scan_tips[] = {
    "nondeterministic_output",
    "request_policy:special",
    "response_policy:special",
    NULL,
};

const struct command key_commands[] = {
    {
        .name = "del",
        .run = key_del,
        .arity = -2,
        .flags = CMD_WRITE,
        .categories = CAT_KEYSPACE,
        .keys = {{.flags = KEY_RM | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .last = -1,
                  .step = 1}},
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(N) in the number of keys, and for each key that holds a collection O(M) "
                      "in its elements.",
        .summary = "Removes keys with their values.",
        .args = del_args,
        .tips = del_tips,
    },
    {
        .name = "unlink",
        .run = key_unlink,
        .arity = -2,
        .flags = CMD_WRITE | CMD_FAST,
        .categories = CAT_KEYSPACE,
        .keys = {{.flags = KEY_RM | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .last = -1,
                  .step = 1}},
        .group = "generic",
        .since = "4.0.0",
        .complexity = "O(1) per key; the memory is given back elsewhere.",
        .summary = "Removes keys now and gives their memory back in the background.",
        .args = del_args,
        .tips = del_tips,
    },
    {
        .name = "exists",
        .run = key_exists,
        .arity = -2,
        .flags = CMD_READONLY | CMD_FAST,
        .categories = CAT_KEYSPACE,
        .keys = {{.flags = KEY_RO,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .last = -1,
                  .step = 1}},
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(N) in the number of named keys.",
        .summary = "Counts how many of the named keys exist.",
        .args = del_args,
        .history = exists_history,
        .tips = del_tips,
    },
    {
        .name = "type",
        .run = key_type,
        .arity = 2,
        .flags = CMD_READONLY | CMD_FAST,
        .categories = CAT_KEYSPACE,
        .keys = {{.flags = KEY_RO,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Names the type of the value that a key holds.",
        .args = key_args,
    },
    {
        .name = "touch",
        .run = key_touch,
        .arity = -2,
        .flags = CMD_READONLY | CMD_FAST,
        .categories = CAT_KEYSPACE,
        .keys = {{.flags = KEY_RO,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .last = -1,
                  .step = 1}},
        .group = "generic",
        .since = "3.2.1",
        .complexity = "O(N) in the number of named keys.",
        .summary = "Marks keys as used just now, and counts those that exist.",
        .args = del_args,
        .tips = del_tips,
    },
    {
        .name = "rename",
        .run = key_rename,
        .arity = 3,
        .flags = CMD_WRITE,
        .categories = CAT_KEYSPACE,
        .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1},
                 {.flags = KEY_OW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Gives a key another name, in place of whatever had that name.",
        .args = rename_args,
    },
    {
        .name = "renamenx",
        .run = key_renamenx,
        .arity = 3,
        .flags = CMD_WRITE | CMD_FAST,
        .categories = CAT_KEYSPACE,
        .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1},
                 {.flags = KEY_OW | KEY_INSERT,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Gives a key another name, provided that nothing has that name yet.",
        .args = rename_args,
        .history = renamenx_history,
    },
    {
        .name = "copy",
        .run = key_copy,
        .arity = -3,
        .flags = CMD_WRITE | CMD_DENYOOM,
        .categories = CAT_KEYSPACE,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1},
                 {.flags = KEY_OW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "generic",
        .since = "6.2.0",
        .complexity = "O(1) for a string, O(N) in the elements of a collection.",
        .summary = "Stores a copy of a key's value under another key.",
        .args = copy_args,
    },
    {
        .name = "move",
        .run = key_move,
        .arity = 3,
        .flags = CMD_WRITE | CMD_FAST,
        .categories = CAT_KEYSPACE,
        .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Takes a key to another database.",
        .args = key_db_args,
    },
    {
        .name = "randomkey",
        .run = key_randomkey,
        .arity = 1,
        .flags = CMD_READONLY | CMD_UNLOCKED,
        .categories = CAT_KEYSPACE,
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Picks a key of the database at random.",
        .tips = randomkey_tips,
    },
    {
        .name = "keys",
        .run = key_keys,
        .arity = 2,
        .flags = CMD_READONLY | CMD_UNLOCKED,
        .categories = CAT_KEYSPACE | CAT_DANGEROUS,
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(N) in the number of keys of the database.",
        .summary = "Lists the keys whose names match a pattern.",
        .args = pattern_args,
        .tips = keys_tips,
    },
    {
        .name = "scan",
        .run = key_scan,
        .arity = -2,
        .flags = CMD_READONLY | CMD_UNLOCKED,
        .categories = CAT_KEYSPACE,
        .group = "generic",
        .since = "2.8.0",
        .complexity = "O(1) a call, O(N) for the walk over all N keys.",
        .summary = "Walks over the keys of the database, some with each call.",
        .args = scan_args,
        .history = scan_history,
        .tips = scan_tips,
    },
    {0},
};
