/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/families.h"
#include "cmd/function.h"

static const struct command_arg fcall_args[] = {
    {"function", ARG_STRING},
    {"numkeys", ARG_INTEGER},
    {"key", ARG_KEY, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {"arg", ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

static const struct command_arg library_name_args[] = {
    {"library-name", ARG_STRING},
    {0},
};

static const char *const function_delete_tips[] = {
    "request_policy:all_shards",
    "response_policy:all_succeeded",
    NULL,
};

static const struct command_arg function_list_args[] = {
    {"library-name-pattern", ARG_STRING, .token = "LIBRARYNAME", .flags = ARG_OPTIONAL},
    {"withcode", ARG_PURE_TOKEN, .token = "WITHCODE", .flags = ARG_OPTIONAL},
    {0},
};

static const char *const function_list_tips[] = {
    "nondeterministic_output_order",
    NULL,
};

static const char *const function_stats_tips[] = {
    "nondeterministic_output",
    "request_policy:all_shards",
    "response_policy:special",
    NULL,
};

static const struct command_arg function_flush_flush_type_args[] = {
    {"async", ARG_PURE_TOKEN, .token = "ASYNC"},
    {"sync", ARG_PURE_TOKEN, .token = "SYNC"},
    {0},
};

static const struct command_arg function_flush_args[] = {
    {"flush-type", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = function_flush_flush_type_args},
    {0},
};

static const char *const function_kill_tips[] = {
    "request_policy:all_shards",
    "response_policy:one_succeeded",
    NULL,
};

static const struct command_arg function_load_args[] = {
    {"replace", ARG_PURE_TOKEN, .token = "REPLACE", .flags = ARG_OPTIONAL},
    {"function-code", ARG_STRING},
    {0},
};

static const struct command_arg function_restore_policy_args[] = {
    {"flush", ARG_PURE_TOKEN, .token = "FLUSH"},
    {"append", ARG_PURE_TOKEN, .token = "APPEND"},
    {"replace", ARG_PURE_TOKEN, .token = "REPLACE"},
    {0},
};

static const struct command_arg function_restore_args[] = {
    {"serialized-value", ARG_STRING},
    {"policy", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = function_restore_policy_args},
    {0},
};

static const struct command function_subcommands[] = {
    {
        .name = "delete",
        .run = function_delete,
        .arity = 3,
        .flags = CMD_EXCLUSIVE | CMD_WRITE | CMD_NOSCRIPT,
        .categories = CAT_SCRIPTING,
        .group = "scripting",
        .since = "7.0.0",
        .complexity = "O(1)",
        .summary = "Removes a library and its functions.",
        .args = library_name_args,
        .tips = function_delete_tips,
    },
    {
        .name = "help",
        .run = function_help,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_SCRIPTING,
        .group = "scripting",
        .since = "7.0.0",
        .complexity = "O(1)",
        .summary = "Lists the subcommands.",
    },
    {
        .name = "list",
        .run = function_list,
        .arity = -2,
        .flags = CMD_NOSCRIPT,
        .categories = CAT_SCRIPTING,
        .group = "scripting",
        .since = "7.0.0",
        .complexity = "O(N) with N = the number of functions.",
        .summary = "Tells of the libraries and their functions.",
        .args = function_list_args,
        .tips = function_list_tips,
    },
    {
        .name = "stats",
        .run = function_stats,
        .arity = 2,
        .flags = CMD_NOSCRIPT | CMD_ALLOW_BUSY,
        .categories = CAT_SCRIPTING,
        .group = "scripting",
        .since = "7.0.0",
        .complexity = "O(1)",
        .summary = "Tells which function runs, and how many there are.",
        .tips = function_stats_tips,
    },
    {
        .name = "dump",
        .run = function_dump,
        .arity = 2,
        .flags = CMD_NOSCRIPT,
        .categories = CAT_SCRIPTING,
        .group = "scripting",
        .since = "7.0.0",
        .complexity = "O(N) with N = the number of functions.",
        .summary = "Gives all libraries in one binary payload.",
    },
    {
        .name = "flush",
        .run = function_flush,
        .arity = -2,
        .flags = CMD_EXCLUSIVE | CMD_WRITE | CMD_NOSCRIPT,
        .categories = CAT_SCRIPTING,
        .group = "scripting",
        .since = "7.0.0",
        .complexity = "O(N) with N = the number of functions.",
        .summary = "Removes all libraries.",
        .args = function_flush_args,
        .tips = function_delete_tips,
    },
    {
        .name = "kill",
        .run = function_kill,
        .arity = 2,
        .flags = CMD_NOSCRIPT | CMD_ALLOW_BUSY,
        .categories = CAT_SCRIPTING,
        .group = "scripting",
        .since = "7.0.0",
        .complexity = "O(1)",
        .summary = "Ends a function that runs and has written nothing yet.",
        .tips = function_kill_tips,
    },
    {
        .name = "load",
        .run = function_load,
        .arity = -3,
        .flags = CMD_EXCLUSIVE | CMD_WRITE | CMD_DENYOOM | CMD_NOSCRIPT,
        .categories = CAT_SCRIPTING,
        .group = "scripting",
        .since = "7.0.0",
        .complexity = "O(1) beside the running of the code.",
        .summary = "Makes a library from its code.",
        .args = function_load_args,
        .tips = function_delete_tips,
    },
    {
        .name = "restore",
        .run = function_restore,
        .arity = -3,
        .flags = CMD_EXCLUSIVE | CMD_WRITE | CMD_DENYOOM | CMD_NOSCRIPT,
        .categories = CAT_SCRIPTING,
        .group = "scripting",
        .since = "7.0.0",
        .complexity = "O(N) with N = the number of functions in the payload.",
        .summary = "Loads the libraries of a payload of FUNCTION DUMP.",
        .args = function_restore_args,
        .tips = function_delete_tips,
    },
    {0},
};

const struct command function_commands[] = {
    {
        .name = "fcall",
        .run = function_fcall,
        .arity = -3,
        .flags = CMD_NOSCRIPT | CMD_STALE | CMD_SKIP_MONITOR | CMD_NO_MANDATORY_KEYS |
                 CMD_MOVABLE_KEYS | CMD_SCRIPT,
        .categories = CAT_SCRIPTING,
        .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_COUNT,
                  .first_index = 1,
                  .step = 1,
                  .notes =
                      "The function may do anything with the keys, so RW and UPDATE are assumed"}},
        .group = "scripting",
        .since = "7.0.0",
        .complexity = "As the function's own.",
        .summary = "Calls a function.",
        .args = fcall_args,
    },
    {
        .name = "fcall_ro",
        .run = function_fcall_ro,
        .arity = -3,
        .flags = CMD_READONLY | CMD_NOSCRIPT | CMD_STALE | CMD_SKIP_MONITOR |
                 CMD_NO_MANDATORY_KEYS | CMD_MOVABLE_KEYS | CMD_SCRIPT,
        .categories = CAT_SCRIPTING,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_COUNT,
                  .first_index = 1,
                  .step = 1,
                  .notes = "The function may do anything with the keys that reads them, so RO and "
                           "ACCESS are assumed"}},
        .group = "scripting",
        .since = "7.0.0",
        .complexity = "As the function's own.",
        .summary = "Calls a function that may only read.",
        .args = fcall_args,
    },
    {
        .name = "function",
        .run = NULL,
        .arity = -2,
        .flags = 0,
        .categories = 0,
        .group = "scripting",
        .since = "7.0.0",
        .complexity = "As the subcommand's.",
        .summary = "Commands about libraries of functions.",
        .subcommands = function_subcommands,
    },
    {0},
};
