/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/dump.h"
#include "cmd/families.h"

static const struct command_arg key_args[] = {
    {"key", ARG_KEY},
    {0},
};

static const char *const dump_tips[] = {
    "nondeterministic_output",
    NULL,
};

static const struct command_arg restore_args[] = {
    {"key", ARG_KEY},
    {"ttl", ARG_INTEGER},
    {"serialized-value", ARG_STRING},
    {"replace", ARG_PURE_TOKEN, .token = "REPLACE", .flags = ARG_OPTIONAL, .since = "3.0.0"},
    {"absttl", ARG_PURE_TOKEN, .token = "ABSTTL", .flags = ARG_OPTIONAL, .since = "5.0.0"},
    {"seconds", ARG_INTEGER, .token = "IDLETIME", .flags = ARG_OPTIONAL, .since = "5.0.0"},
    {"frequency", ARG_INTEGER, .token = "FREQ", .flags = ARG_OPTIONAL, .since = "5.0.0"},
    {0},
};

static const struct command_history restore_history[] = {
    {"3.0.0", "Added the REPLACE modifier."},
    {"5.0.0", "Added the ABSTTL modifier."},
    {"5.0.0", "Added the IDLETIME and FREQ options."},
    {0},
};

const struct command dump_commands[] = {
    {
        .name = "dump",
        .run = dump_dump,
        .arity = 2,
        .flags = CMD_READONLY,
        .categories = CAT_KEYSPACE,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "generic",
        .since = "2.6.0",
        .complexity = "O(1) to find the key, and O(N) for N bytes of value",
        .summary = "Shows a key's value as bytes that RESTORE understands.",
        .args = key_args,
        .tips = dump_tips,
    },
    {
        .name = "restore",
        .run = dump_restore,
        .arity = -4,
        .flags = CMD_WRITE | CMD_DENYOOM,
        .categories = CAT_KEYSPACE | CAT_DANGEROUS,
        .keys = {{.flags = KEY_OW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "generic",
        .since = "2.6.0",
        .complexity =
            "O(1) to make the key, and O(N) for N bytes of value, O(N*log(N)) for sorted sets",
        .summary = "Creates a key from what DUMP has shown.",
        .args = restore_args,
        .history = restore_history,
    },
    {0},
};
