/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/families.h"
#include "cmd/script.h"

static const struct command_arg eval_args[] = {
    {"script", ARG_STRING},
    {"numkeys", ARG_INTEGER},
    {"key", ARG_KEY, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {"arg", ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

static const struct command_arg evalsha_args[] = {
    {"sha1", ARG_STRING},
    {"numkeys", ARG_INTEGER},
    {"key", ARG_KEY, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {"arg", ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

static const struct command_arg script_debug_mode_args[] = {
    {"yes", ARG_PURE_TOKEN, .token = "YES"},
    {"sync", ARG_PURE_TOKEN, .token = "SYNC"},
    {"no", ARG_PURE_TOKEN, .token = "NO"},
    {0},
};

static const struct command_arg script_debug_args[] = {
    {"mode", ARG_ONE_OF, .sub = script_debug_mode_args},
    {"engine", ARG_STRING, .flags = ARG_OPTIONAL, .since = "9.1.0"},
    {0},
};

static const struct command_arg script_exists_args[] = {
    {"sha1", ARG_STRING, .flags = ARG_MULTIPLE},
    {0},
};

static const char *const script_exists_tips[] = {
    "request_policy:all_shards",
    "response_policy:agg_logical_and",
    NULL,
};

static const struct command_arg script_flush_flush_type_args[] = {
    {"async", ARG_PURE_TOKEN, .token = "ASYNC"},
    {"sync", ARG_PURE_TOKEN, .token = "SYNC"},
    {0},
};

static const struct command_arg script_flush_args[] = {
    {"flush-type", ARG_ONE_OF, .flags = ARG_OPTIONAL, .since = "6.2.0",
     .sub = script_flush_flush_type_args},
    {0},
};

static const struct command_history script_flush_history[] = {
    {"6.2.0", "Takes ASYNC and SYNC."},
    {0},
};

static const char *const script_flush_tips[] = {
    "request_policy:all_nodes",
    "response_policy:all_succeeded",
    NULL,
};

static const char *const script_kill_tips[] = {
    "request_policy:all_shards",
    "response_policy:one_succeeded",
    NULL,
};

static const struct command_arg script_args[] = {
    {"script", ARG_STRING},
    {0},
};

static const struct command_arg sha1_args[] = {
    {"sha1", ARG_STRING},
    {0},
};

static const struct command script_subcommands[] = {
    {
        .name = "debug",
        .run = script_debug,
        .arity = -3,
        .flags = CMD_NOSCRIPT,
        .categories = CAT_SCRIPTING,
        .group = "scripting",
        .since = "3.2.0",
        .complexity = "O(1)",
        .summary = "Debugging scripts is not possible here: refused.",
        .args = script_debug_args,
    },
    {
        .name = "exists",
        .run = script_exists,
        .arity = -3,
        .flags = CMD_NOSCRIPT | CMD_STALE,
        .categories = CAT_SCRIPTING,
        .group = "scripting",
        .since = "2.6.0",
        .complexity = "O(N) with N = the number of scripts asked for.",
        .summary = "Tells which scripts are in the cache.",
        .args = script_exists_args,
        .tips = script_exists_tips,
    },
    {
        .name = "flush",
        .run = script_flush,
        .arity = -2,
        .flags = CMD_EXCLUSIVE | CMD_NOSCRIPT | CMD_STALE,
        .categories = CAT_SCRIPTING,
        .group = "scripting",
        .since = "2.6.0",
        .complexity = "O(N) with N = the number of scripts in the cache.",
        .summary = "Empties the cache of scripts.",
        .args = script_flush_args,
        .history = script_flush_history,
        .tips = script_flush_tips,
    },
    {
        .name = "help",
        .run = script_help,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_SCRIPTING,
        .group = "scripting",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Lists the subcommands.",
    },
    {
        .name = "kill",
        .run = script_kill,
        .arity = 2,
        .flags = CMD_NOSCRIPT | CMD_ALLOW_BUSY,
        .categories = CAT_SCRIPTING,
        .group = "scripting",
        .since = "2.6.0",
        .complexity = "O(1)",
        .summary = "Ends a script that runs and has written nothing yet.",
        .tips = script_kill_tips,
    },
    {
        .name = "load",
        .run = script_load,
        .arity = 3,
        .flags = CMD_NOSCRIPT | CMD_STALE,
        .categories = CAT_SCRIPTING,
        .group = "scripting",
        .since = "2.6.0",
        .complexity = "O(N) with N = the length of the script.",
        .summary = "Puts a script into the cache.",
        .args = script_args,
        .tips = script_flush_tips,
    },
    {
        .name = "show",
        .run = script_show,
        .arity = 3,
        .flags = CMD_NOSCRIPT | CMD_STALE,
        .categories = CAT_SCRIPTING,
        .group = "scripting",
        .since = "8.0.0",
        .complexity = "O(1) and the length of the script.",
        .summary = "Shows a script of the cache.",
        .args = sha1_args,
    },
    {0},
};

const struct command script_commands[] = {
    {
        .name = "eval",
        .run = script_eval,
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
                      "The script may do anything with the keys, so RW and UPDATE are assumed"}},
        .group = "scripting",
        .since = "2.6.0",
        .complexity = "As the script's own.",
        .summary = "Runs a Lua script.",
        .args = eval_args,
    },
    {
        .name = "eval_ro",
        .run = script_eval_ro,
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
                  .notes = "The script may do anything with the keys that reads them, so RO and "
                           "ACCESS are assumed"}},
        .group = "scripting",
        .since = "7.0.0",
        .complexity = "As the script's own.",
        .summary = "Runs a Lua script that may only read.",
        .args = eval_args,
    },
    {
        .name = "evalsha",
        .run = script_evalsha,
        .arity = -3,
        .flags = CMD_NOSCRIPT | CMD_STALE | CMD_SKIP_MONITOR | CMD_NO_MANDATORY_KEYS |
                 CMD_MOVABLE_KEYS | CMD_SCRIPT,
        .categories = CAT_SCRIPTING,
        .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_COUNT,
                  .first_index = 1,
                  .step = 1}},
        .group = "scripting",
        .since = "2.6.0",
        .complexity = "As the script's own.",
        .summary = "Runs a Lua script from the cache, by its SHA1 digest.",
        .args = evalsha_args,
    },
    {
        .name = "evalsha_ro",
        .run = script_evalsha_ro,
        .arity = -3,
        .flags = CMD_READONLY | CMD_NOSCRIPT | CMD_STALE | CMD_SKIP_MONITOR |
                 CMD_NO_MANDATORY_KEYS | CMD_MOVABLE_KEYS | CMD_SCRIPT,
        .categories = CAT_SCRIPTING,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_COUNT,
                  .first_index = 1,
                  .step = 1}},
        .group = "scripting",
        .since = "7.0.0",
        .complexity = "As the script's own.",
        .summary = "Runs a Lua script from the cache that may only read, by its SHA1 digest.",
        .args = evalsha_args,
    },
    {
        .name = "script",
        .run = NULL,
        .arity = -2,
        .flags = 0,
        .categories = 0,
        .group = "scripting",
        .since = "2.6.0",
        .complexity = "As the subcommand's.",
        .summary = "Commands about the cache of Lua scripts.",
        .subcommands = script_subcommands,
    },
    {0},
};
