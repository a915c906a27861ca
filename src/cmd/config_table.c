/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/config.h"
#include "cmd/families.h"

static const struct command_arg get_args[] = {
    {"parameter", ARG_STRING, .flags = ARG_MULTIPLE},
    {0},
};

static const struct command_history get_history[] = {
    {"7.0.0", "Takes several patterns."},
    {0},
};

static const struct command_arg set_data_args[] = {
    {"parameter", ARG_STRING},
    {"value", ARG_STRING},
    {0},
};

static const struct command_arg set_args[] = {
    {"data", ARG_BLOCK, .flags = ARG_MULTIPLE, .sub = set_data_args},
    {0},
};

static const struct command_history set_history[] = {
    {"7.0.0", "Sets several directives at once."},
    {0},
};

static const char *const everywhere_tips[] = {
    "request_policy:all_nodes",
    "response_policy:all_succeeded",
    NULL,
};

#define ADMIN_FLAGS (CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_EXCLUSIVE)

static const struct command subcommands[] = {
    {
        .name = "get",
        .run = config_command_get,
        .arity = -3,
        .flags = ADMIN_FLAGS,
        .group = "server",
        .since = "2.0.0",
        .complexity = "O(N) in the number of directives",
        .summary = "Shows directives and their values.",
        .args = get_args,
        .history = get_history,
    },
    {
        .name = "help",
        .run = config_command_help,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .group = "server",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Lists the subcommands.",
    },
    {
        .name = "resetstat",
        .run = config_command_resetstat,
        .arity = 2,
        .flags = ADMIN_FLAGS,
        .group = "server",
        .since = "2.0.0",
        .complexity = "O(1)",
        .summary = "Starts the counters of INFO from zero.",
        .tips = everywhere_tips,
    },
    {
        .name = "rewrite",
        .run = config_command_rewrite,
        .arity = 2,
        .flags = ADMIN_FLAGS,
        .group = "server",
        .since = "2.8.0",
        .complexity = "O(1)",
        .summary = "Writes changed directives back into the configuration file.",
        .tips = everywhere_tips,
    },
    {
        .name = "set",
        .run = config_command_set,
        .arity = -4,
        .flags = ADMIN_FLAGS,
        .group = "server",
        .since = "2.0.0",
        .complexity = "O(N) in the number of directives",
        .summary = "Changes directives while the server runs.",
        .args = set_args,
        .history = set_history,
        .tips = everywhere_tips,
    },
    {0},
};

const struct command config_commands[] = {
    {
        .name = "config",
        .arity = -2,
        .group = "server",
        .since = "2.0.0",
        .complexity = "Depends on the subcommand.",
        .summary = "Shows and changes the server's configuration.",
        .subcommands = subcommands,
    },
    {0},
};
