/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/command.h"
#include "cmd/families.h"

static const char *const command_tips[] = {
    "nondeterministic_output_order",
    NULL,
};

static const struct command_arg command_docs_args[] = {
    {"command-name", ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

static const struct command_arg command_getkeys_args[] = {
    {"command", ARG_STRING},
    {"arg", ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

static const struct command_history command_info_history[] = {
    {"7.0.0", "Without names, describes all commands."},
    {0},
};

static const struct command_arg command_list_filterby_args[] = {
    {"module-name", ARG_STRING, .token = "MODULE"},
    {"category", ARG_STRING, .token = "ACLCAT"},
    {"pattern", ARG_PATTERN, .token = "PATTERN"},
    {0},
};

static const struct command_arg command_list_args[] = {
    {"filterby", ARG_ONE_OF, .token = "FILTERBY", .flags = ARG_OPTIONAL,
     .sub = command_list_filterby_args},
    {0},
};

static const struct command command_subcommands[] = {
    {
        .name = "count",
        .run = command_count,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_CONNECTION,
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(1)",
        .summary = "Counts the commands.",
    },
    {
        .name = "docs",
        .run = command_docs,
        .arity = -2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_CONNECTION,
        .group = "server",
        .since = "7.0.0",
        .complexity = "O(N) in the number of commands asked for.",
        .summary = "Tells the syntax and history of commands.",
        .args = command_docs_args,
        .tips = command_tips,
    },
    {
        .name = "getkeys",
        .run = command_getkeys,
        .arity = -3,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_CONNECTION,
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(N) in the number of arguments.",
        .summary = "Finds the keys in a command line.",
        .args = command_getkeys_args,
    },
    {
        .name = "getkeysandflags",
        .run = command_getkeysandflags,
        .arity = -3,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_CONNECTION,
        .group = "server",
        .since = "7.0.0",
        .complexity = "O(N) in the number of arguments.",
        .summary = "Finds the keys in a command line, and what is done with each.",
        .args = command_getkeys_args,
    },
    {
        .name = "help",
        .run = command_help,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_CONNECTION,
        .group = "server",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Lists the subcommands.",
    },
    {
        .name = "info",
        .run = command_info,
        .arity = -2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_CONNECTION,
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(N) in the number of commands asked for.",
        .summary = "Describes commands as clients need it: arity, flags, keys.",
        .args = command_docs_args,
        .history = command_info_history,
        .tips = command_tips,
    },
    {
        .name = "list",
        .run = command_list,
        .arity = -2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_CONNECTION,
        .group = "server",
        .since = "7.0.0",
        .complexity = "O(N) in the number of commands.",
        .summary = "Lists the names of commands.",
        .args = command_list_args,
        .tips = command_tips,
    },
    {0},
};

const struct command command_commands[] = {
    {
        .name = "command",
        .run = command_all,
        .arity = -1,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_CONNECTION,
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(N) in the number of commands.",
        .summary = "Describes all commands.",
        .tips = command_tips,
        .subcommands = command_subcommands,
    },
    {0},
};
