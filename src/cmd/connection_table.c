/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/connection.h"
#include "cmd/families.h"

static const struct command_arg auth_args[] = {
    {"username", ARG_STRING, .flags = ARG_OPTIONAL, .since = "6.0.0"},
    {"password", ARG_STRING},
    {0},
};

static const struct command_history auth_history[] = {
    {"6.0.0", "Takes a username."},
    {0},
};

static const struct command_arg echo_args[] = {
    {"message", ARG_STRING},
    {0},
};

static const struct command_arg hello_arguments_auth_args[] = {
    {"username", ARG_STRING},
    {"password", ARG_STRING},
    {0},
};

static const struct command_arg hello_arguments_args[] = {
    {"protover", ARG_INTEGER},
    {"auth", ARG_BLOCK, .token = "AUTH", .flags = ARG_OPTIONAL, .sub = hello_arguments_auth_args},
    {"clientname", ARG_STRING, .token = "SETNAME", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg hello_args[] = {
    {"arguments", ARG_BLOCK, .flags = ARG_OPTIONAL, .sub = hello_arguments_args},
    {0},
};

static const struct command_history hello_history[] = {
    {"8.1.0", "Shows `availability_zone` when that is configured."},
    {"6.2.0", "`protover` may be left out."},
    {0},
};

static const struct command_arg ping_args[] = {
    {"message", ARG_STRING, .flags = ARG_OPTIONAL},
    {0},
};

static const char *const ping_tips[] = {"request_policy:all_shards",
                                        "response_policy:all_succeeded", NULL};

static const struct command_arg select_args[] = {
    {"index", ARG_INTEGER},
    {0},
};

const struct command connection_commands[] = {
    {
        .name = "auth",
        .run = connection_auth,
        .arity = -2,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "1.0.0",
        .complexity = "O(N) where N is the number of passwords defined for the user",
        .summary = "Proves who the client is.",
        .args = auth_args,
        .history = auth_history,
    },
    {
        .name = "echo",
        .run = connection_echo,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Returns its argument.",
        .args = echo_args,
    },
    {
        .name = "hello",
        .run = connection_hello,
        .arity = -1,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "6.0.0",
        .complexity = "O(1)",
        .summary = "Agrees on the protocol, and may authenticate and name the connection.",
        .args = hello_args,
        .history = hello_history,
    },
    {
        .name = "ping",
        .run = connection_ping,
        .arity = -1,
        .flags = CMD_FAST | CMD_SUBSCRIBED,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Answers that the server is there.",
        .args = ping_args,
        .tips = ping_tips,
    },
    {
        .name = "quit",
        .run = connection_quit,
        .arity = -1,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY |
                 CMD_SUBSCRIBED | CMD_NOT_QUEUED,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Closes the connection.",
    },
    {
        .name = "reset",
        .run = connection_reset,
        .arity = 1,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY |
                 CMD_SUBSCRIBED | CMD_NOT_QUEUED,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "6.2.0",
        .complexity = "O(1)",
        .summary = "Makes the connection as if it were new.",
    },
    {
        .name = "select",
        .run = connection_select,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY,
        .databases = {.first = 1, .count = 1, .selects = true},
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Chooses the database that commands work on.",
        .args = select_args,
    },
    {0},
};
