/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/families.h"
#include "cmd/shared_persistence.h"

static const struct command_arg bgsave_operation_args[] = {
    {"schedule", ARG_PURE_TOKEN, .token = "SCHEDULE", .since = "3.2.2"},
    {"cancel", ARG_PURE_TOKEN, .token = "CANCEL", .since = "8.1.0"},
    {0},
};

static const struct command_arg bgsave_args[] = {
    {"operation", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = bgsave_operation_args},
    {0},
};

static const struct command_history bgsave_history[] = {
    {"3.2.2", "Takes SCHEDULE."},
    {"8.1.0", "Takes CANCEL."},
    {0},
};

static const char *const lastsave_tips[] = {
    "nondeterministic_output",
    NULL,
};

const struct command persistence_commands[] = {
    {
        .name = "bgrewriteaof",
        .run = persistence_bgrewriteaof,
        .arity = 1,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING,
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Makes the journal short, by taking a snapshot in the background.",
    },
    {
        .name = "bgsave",
        .run = persistence_bgsave,
        .arity = -1,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING,
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Has a snapshot written to disk in the background.",
        .args = bgsave_args,
        .history = bgsave_history,
    },
    {
        .name = "save",
        .run = persistence_save,
        .arity = 1,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING | CMD_NO_MULTI,
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(N) where N is the number of keys in all databases.",
        .summary = "Writes a snapshot to disk and answers when it is there.",
    },
    {
        .name = "lastsave",
        .run = persistence_lastsave,
        .arity = 1,
        .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
        .categories = CAT_ADMIN | CAT_DANGEROUS,
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Tells when a snapshot was last written.",
        .tips = lastsave_tips,
    },
    {0},
};
