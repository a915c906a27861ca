/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/debug.h"
#include "cmd/families.h"

const struct command debug_commands[] = {
    {
        .name = "debug",
        .run = debug_run,
        .arity = -2,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_EXCLUSIVE,
        .categories = 0,
        .group = "server",
        .since = "1.0.0",
        .complexity = "That of the subcommand.",
        .summary = "Does what tests and the curious need.",
        .doc_flags = 2,
    },
    {0},
};
