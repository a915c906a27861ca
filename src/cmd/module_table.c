/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/module.h"

static const char *const module_list_tips[] = {
    "nondeterministic_output_order",
    NULL,
};

static const struct command_arg module_load_args[] = {
    {"path", ARG_STRING},
    {"arg", ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

static const struct command_arg name_value_args[] = {
    {"name", ARG_STRING},
    {"value", ARG_STRING},
    {0},
};

static const struct command_arg module_loadex_args[] = {
    {"path", ARG_STRING},
    {"configs", ARG_BLOCK, .token = "CONFIG",
     .flags = ARG_OPTIONAL | ARG_MULTIPLE | ARG_MULTIPLE_TOKEN, .sub = name_value_args},
    {"args", ARG_STRING, .token = "ARGS", .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

static const struct command_arg name_args[] = {
    {"name", ARG_STRING},
    {0},
};

static const struct command module_subcommands[] = {
    {
        .name = "help",
        .run = module_help,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Tells what the subcommands do.",
    },
    {
        .name = "list",
        .run = module_list,
        .arity = 2,
        .flags = CMD_ADMIN | CMD_NOSCRIPT,
        .categories = 0,
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(N)",
        .summary = "Returns the modules that are loaded.",
        .tips = module_list_tips,
    },
    {
        .name = "load",
        .run = module_refuse,
        .arity = -3,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(1)",
        .summary = "Loads a module.",
        .args = module_load_args,
    },
    {
        .name = "loadex",
        .run = module_refuse,
        .arity = -3,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "server",
        .since = "7.0.0",
        .complexity = "O(1)",
        .summary = "Loads a module, with settings.",
        .args = module_loadex_args,
    },
    {
        .name = "unload",
        .run = module_refuse,
        .arity = 3,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(1)",
        .summary = "Unloads a module.",
        .args = name_args,
    },
    {0},
};

const struct command module_commands[] = {
    {
        .name = "module",
        .run = NULL,
        .arity = -2,
        .flags = 0,
        .categories = 0,
        .group = "server",
        .since = "4.0.0",
        .complexity = "Depends on the subcommand.",
        .summary = "Holds the commands that deal with modules.",
        .subcommands = module_subcommands,
    },
    {0},
};
