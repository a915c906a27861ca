/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/acl.h"
#include "cmd/families.h"

static const struct command_arg deluser_args[] = {
    {"username", ARG_STRING, .flags = ARG_MULTIPLE},
    {0},
};

static const char *const node_tips[] = {
    "request_policy:all_nodes",
    "response_policy:all_succeeded",
    NULL,
};

static const struct command_arg genpass_args[] = {
    {"bits", ARG_INTEGER, .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg username_args[] = {
    {"username", ARG_STRING},
    {0},
};

static const struct command_history getuser_history[] = {
    {"6.2.0", "Shows the patterns of channels."},
    {"7.0.0", "Shows selectors, and patterns as one text instead of an array."},
    {"9.1.0", "Shows databases."},
    {0},
};

static const struct command_arg cat_args[] = {
    {"category", ARG_STRING, .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg dryrun_args[] = {
    {"username", ARG_STRING},
    {"command", ARG_STRING},
    {"arg", ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

static const struct command_arg log_operation_args[] = {
    {"count", ARG_INTEGER},
    {"reset", ARG_PURE_TOKEN, .token = "RESET"},
    {0},
};

static const struct command_arg log_args[] = {
    {"operation", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = log_operation_args},
    {0},
};

static const struct command_history log_history[] = {
    {"7.2.0", "Shows entry-id, timestamp-created and timestamp-last-updated."},
    {0},
};

static const struct command_arg setuser_args[] = {
    {"username", ARG_STRING},
    {"rule", ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

static const struct command_history setuser_history[] = {
    {"6.2.0", "Added patterns of channels."},
    {"7.0.0", "Added selectors and permissions to read or write keys."},
    {"9.1.0", "Added rules about databases."},
    {0},
};

static const struct command subcommands[] = {
    {
        .name = "deluser",
        .run = acl_deluser,
        .arity = -3,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_EXCLUSIVE,
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(1) for each user, plus a look at each connection.",
        .summary = "Removes users, and closes their connections.",
        .args = deluser_args,
        .tips = node_tips,
    },
    {
        .name = "genpass",
        .run = acl_genpass,
        .arity = -2,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(1)",
        .summary = "Makes up a password that nobody can guess.",
        .args = genpass_args,
    },
    {
        .name = "getuser",
        .run = acl_getuser,
        .arity = 3,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(N) where N is the number of passwords, rules and patterns of the user.",
        .summary = "Describes one user.",
        .args = username_args,
        .history = getuser_history,
    },
    {
        .name = "list",
        .run = acl_list,
        .arity = 2,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(N) where N is the number of users.",
        .summary = "Lists all users as the rules that make them.",
    },
    {
        .name = "load",
        .run = acl_load,
        .arity = 2,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_EXCLUSIVE,
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(N) where N is the number of users in the file.",
        .summary = "Reads the users from the ACL file again.",
    },
    {
        .name = "users",
        .run = acl_users,
        .arity = 2,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(N) where N is the number of users.",
        .summary = "Lists the names of all users.",
    },
    {
        .name = "whoami",
        .run = acl_whoami,
        .arity = 2,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(1)",
        .summary = "Tells which user the connection is authenticated as.",
    },
    {
        .name = "cat",
        .run = acl_cat,
        .arity = -2,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(1) since there are only so many categories and commands.",
        .summary = "Lists the categories, or the commands of one.",
        .args = cat_args,
    },
    {
        .name = "dryrun",
        .run = acl_dryrun,
        .arity = -4,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .group = "server",
        .since = "7.0.0",
        .complexity = "O(1).",
        .summary = "Tells whether a user may run a command, without running it.",
        .args = dryrun_args,
    },
    {
        .name = "help",
        .run = acl_help,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(1)",
        .summary = "Lists the subcommands.",
    },
    {
        .name = "log",
        .run = acl_log,
        .arity = -2,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(N) where N is the number of entries shown.",
        .summary = "Lists what was denied lately, or forgets it.",
        .args = log_args,
        .history = log_history,
    },
    {
        .name = "save",
        .run = acl_save,
        .arity = 2,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(N) where N is the number of users.",
        .summary = "Writes the users to the ACL file.",
        .tips = node_tips,
    },
    {
        .name = "setuser",
        .run = acl_setuser,
        .arity = -3,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_EXCLUSIVE,
        .group = "server",
        .since = "6.0.0",
        .complexity = "O(N) where N is the number of rules.",
        .summary = "Makes a user, or changes what one may do.",
        .args = setuser_args,
        .history = setuser_history,
        .tips = node_tips,
    },
    {0},
};

const struct command acl_commands[] = {
    {
        .name = "acl",
        .arity = -2,
        .group = "server",
        .since = "6.0.0",
        .complexity = "Depends on the subcommand.",
        .summary = "Commands about users and what they may do.",
        .subcommands = subcommands,
    },
    {0},
};
