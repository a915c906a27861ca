/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/families.h"
#include "cmd/transactions.h"

static const struct command_arg watch_args[] = {
    {"key", ARG_KEY, .flags = ARG_MULTIPLE},
    {0},
};

const struct command transaction_commands[] = {
    {
        .name = "multi",
        .run = transactions_multi,
        .arity = 1,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_MULTI | CMD_ALLOW_BUSY,
        .categories = CAT_TRANSACTION,
        .group = "transactions",
        .since = "1.2.0",
        .complexity = "O(1)",
        .summary = "Begins a transaction: commands are queued from here on.",
    },
    {
        .name = "exec",
        .run = transactions_exec,
        .arity = 1,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_SKIP_COMMANDLOG | CMD_NOT_QUEUED |
                 CMD_EXEC,
        .categories = CAT_TRANSACTION,
        .group = "transactions",
        .since = "1.2.0",
        .complexity = "That of the queued commands together",
        .summary = "Runs the queued commands, nobody else's in between, and ends the transaction.",
    },
    {
        .name = "discard",
        .run = transactions_discard,
        .arity = 1,
        .flags =
            CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY | CMD_NOT_QUEUED,
        .categories = CAT_TRANSACTION,
        .group = "transactions",
        .since = "2.0.0",
        .complexity = "O(N), N being the number of queued commands",
        .summary = "Forgets the queued commands and ends the transaction.",
    },
    {
        .name = "watch",
        .run = transactions_watch,
        .arity = -2,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_MULTI | CMD_ALLOW_BUSY,
        .categories = CAT_TRANSACTION,
        .keys = {{.flags = KEY_RO,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .last = -1,
                  .step = 1}},
        .group = "transactions",
        .since = "2.2.0",
        .complexity = "O(1) for each key",
        .summary = "Makes the next EXEC run nothing if one of the keys is changed before it.",
        .args = watch_args,
    },
    {
        .name = "unwatch",
        .run = transactions_unwatch,
        .arity = 1,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY,
        .categories = CAT_TRANSACTION,
        .group = "transactions",
        .since = "2.2.0",
        .complexity = "O(1)",
        .summary = "Forgets all watched keys.",
    },
    {0},
};
