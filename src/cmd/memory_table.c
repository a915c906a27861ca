/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/families.h"
#include "cmd/memory.h"

static const char *const memory_doctor_tips[] = {
    "nondeterministic_output",
    "request_policy:all_shards",
    "response_policy:special",
    NULL,
};

static const char *const memory_purge_tips[] = {
    "request_policy:all_shards",
    "response_policy:all_succeeded",
    NULL,
};

static const struct command_arg memory_usage_args[] = {
    {"key", ARG_KEY},
    {"count", ARG_INTEGER, .token = "SAMPLES", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command memory_subcommands[] = {
    {
        .name = "doctor",
        .run = memory_doctor,
        .arity = 2,
        .flags = CMD_EXCLUSIVE,
        .categories = 0,
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(1)",
        .summary = "Says in words what is wrong with the memory.",
        .tips = memory_doctor_tips,
    },
    {
        .name = "help",
        .run = memory_help,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(1)",
        .summary = "Lists the subcommands.",
    },
    {
        .name = "malloc-stats",
        .run = memory_malloc_stats,
        .arity = 2,
        .flags = CMD_LOADING,
        .categories = 0,
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(N) in the size of what is allocated.",
        .summary = "Shows the report of the memory allocator.",
        .tips = memory_doctor_tips,
    },
    {
        .name = "purge",
        .run = memory_trim,
        .arity = 2,
        .flags = CMD_LOADING,
        .categories = 0,
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(N) in the size of what is allocated.",
        .summary = "Has the allocator give unused pages back.",
        .tips = memory_purge_tips,
    },
    {
        .name = "stats",
        .run = memory_show_stats,
        .arity = 2,
        .flags = CMD_EXCLUSIVE,
        .categories = 0,
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(1)",
        .summary = "Shows what takes how much memory.",
        .tips = memory_doctor_tips,
    },
    {
        .name = "usage",
        .run = memory_usage,
        .arity = -3,
        .flags = CMD_READONLY,
        .categories = 0,
        .keys = {{.flags = KEY_RO,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(N) in the number of samples.",
        .summary = "Estimates the bytes that a key takes.",
        .args = memory_usage_args,
    },
    {0},
};

const struct command memory_commands[] = {
    {
        .name = "memory",
        .run = NULL,
        .arity = -2,
        .flags = 0,
        .categories = 0,
        .group = "server",
        .since = "4.0.0",
        .complexity = "That of the subcommand.",
        .summary = "Looks at where the memory goes.",
        .subcommands = memory_subcommands,
    },
    {0},
};
