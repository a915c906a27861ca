/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/families.h"
#include "cmd/server.h"

static const struct command_arg info_args[] = {
    {"section", ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

static const struct command_history info_history[] = {
    {"7.0.0", "Takes several sections."},
    {0},
};

static const char *const info_tips[] = {
    "nondeterministic_output",
    "request_policy:all_shards",
    "response_policy:special",
    NULL,
};

static const char *const time_tips[] = {
    "nondeterministic_output",
    NULL,
};

static const struct command_arg lolwut_args[] = {
    {"version", ARG_INTEGER, .token = "VERSION", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg shutdown_abort_selector_save_selector_block_save_selector_args[] = {
    {"nosave", ARG_PURE_TOKEN, .token = "NOSAVE"},
    {"save", ARG_PURE_TOKEN, .token = "SAVE"},
    {0},
};

static const struct command_arg shutdown_abort_selector_save_selector_block_args[] = {
    {"save-selector", ARG_ONE_OF, .flags = ARG_OPTIONAL,
     .sub = shutdown_abort_selector_save_selector_block_save_selector_args},
    {"now", ARG_PURE_TOKEN, .token = "NOW", .flags = ARG_OPTIONAL, .since = "7.0.0"},
    {"force", ARG_PURE_TOKEN, .token = "FORCE", .flags = ARG_OPTIONAL, .since = "7.0.0"},
    {"safe", ARG_PURE_TOKEN, .token = "SAFE", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"failover", ARG_PURE_TOKEN, .token = "FAILOVER", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {0},
};

static const struct command_arg shutdown_abort_selector_args[] = {
    {"save-selector-block", ARG_BLOCK, .sub = shutdown_abort_selector_save_selector_block_args},
    {"abort", ARG_PURE_TOKEN, .token = "ABORT", .since = "7.0.0"},
    {0},
};

static const struct command_arg shutdown_args[] = {
    {"abort-selector", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = shutdown_abort_selector_args},
    {0},
};

static const struct command_history shutdown_history[] = {
    {"7.0.0", "Takes NOW, FORCE and ABORT."},
    {"9.0.0", "Takes SAFE and FAILOVER."},
    {0},
};

static const char *const dbsize_tips[] = {
    "request_policy:all_shards",
    "response_policy:agg_sum",
    NULL,
};

static const struct command_arg flushdb_flush_type_args[] = {
    {"async", ARG_PURE_TOKEN, .token = "ASYNC", .since = "4.0.0"},
    {"sync", ARG_PURE_TOKEN, .token = "SYNC", .since = "6.2.0"},
    {0},
};

static const struct command_arg flushdb_args[] = {
    {"flush-type", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = flushdb_flush_type_args},
    {0},
};

static const struct command_history flushdb_history[] = {
    {"4.0.0", "Takes ASYNC."},
    {"6.2.0", "Takes SYNC."},
    {0},
};

static const char *const flushdb_tips[] = {
    "request_policy:all_shards",
    "response_policy:all_succeeded",
    NULL,
};

static const struct command_arg index1_index2_args[] = {
    {"index1", ARG_INTEGER},
    {"index2", ARG_INTEGER},
    {0},
};

static const struct command_arg numreplicas_timeout_args[] = {
    {"numreplicas", ARG_INTEGER},
    {"timeout", ARG_INTEGER},
    {0},
};

static const char *const wait_tips[] = {
    "request_policy:all_shards",
    "response_policy:agg_min",
    NULL,
};

static const struct command_arg numlocal_numreplicas_timeout_args[] = {
    {"numlocal", ARG_INTEGER},
    {"numreplicas", ARG_INTEGER},
    {"timeout", ARG_INTEGER},
    {0},
};

const struct command server_commands[] = {
    {
        .name = "info",
        .run = server_info,
        .arity = -1,
        .flags = CMD_LOADING | CMD_STALE | CMD_EXCLUSIVE,
        .categories = CAT_DANGEROUS,
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Tells how the server is and what it has done.",
        .args = info_args,
        .history = info_history,
        .tips = info_tips,
    },
    {
        .name = "time",
        .run = server_time,
        .arity = 1,
        .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
        .categories = 0,
        .group = "server",
        .since = "2.6.0",
        .complexity = "O(1)",
        .summary = "Tells the time of the server's clock.",
        .tips = time_tips,
    },
    {
        .name = "lolwut",
        .run = server_lolwut,
        .arity = -1,
        .flags = CMD_READONLY | CMD_FAST,
        .categories = 0,
        .group = "server",
        .since = "5.0.0",
        .summary = "Draws something, and tells the version.",
        .args = lolwut_args,
    },
    {
        .name = "shutdown",
        .run = server_shutdown,
        .arity = -1,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_NO_MULTI | CMD_ALLOW_BUSY,
        .categories = 0,
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(N) in the number of keys when it saves, otherwise O(1).",
        .summary = "Ends the server, saving first where that is configured.",
        .args = shutdown_args,
        .history = shutdown_history,
    },
    {
        .name = "role",
        .run = server_role,
        .arity = 1,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST,
        .categories = CAT_ADMIN | CAT_DANGEROUS,
        .group = "server",
        .since = "2.8.12",
        .complexity = "O(1)",
        .summary = "Tells the part that the server plays in replication.",
    },
    {
        .name = "dbsize",
        .run = server_dbsize,
        .arity = 1,
        .flags = CMD_READONLY | CMD_FAST,
        .categories = CAT_KEYSPACE,
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Counts the keys of the database.",
        .tips = dbsize_tips,
    },
    {
        .name = "flushdb",
        .run = server_flushdb,
        .arity = -1,
        .flags = CMD_WRITE | CMD_EXCLUSIVE | CMD_NO_UNDO,
        .categories = CAT_KEYSPACE | CAT_DANGEROUS,
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(N) in the number of keys of the database.",
        .summary = "Removes all keys of the database.",
        .args = flushdb_args,
        .history = flushdb_history,
        .tips = flushdb_tips,
    },
    {
        .name = "flushall",
        .run = server_flushall,
        .arity = -1,
        .flags = CMD_WRITE | CMD_EXCLUSIVE | CMD_ALL_DATABASES | CMD_NO_UNDO,
        .categories = CAT_KEYSPACE | CAT_DANGEROUS,
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(N) in the number of keys of all databases.",
        .summary = "Removes all keys of all databases.",
        .args = flushdb_args,
        .history = flushdb_history,
        .tips = flushdb_tips,
    },
    {
        .name = "swapdb",
        .run = server_swapdb,
        .arity = 3,
        .flags = CMD_WRITE | CMD_FAST | CMD_EXCLUSIVE | CMD_NO_UNDO,
        .databases = {.first = 1, .count = 2},
        .categories = CAT_KEYSPACE | CAT_DANGEROUS,
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(N) in the number of clients that watch or wait for keys of either.",
        .summary = "Lets two databases change places.",
        .args = index1_index2_args,
    },
    {
        .name = "wait",
        .run = server_wait,
        .arity = 3,
        .flags = CMD_BLOCKING,
        .categories = CAT_CONNECTION,
        .group = "generic",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Waits until replicas have acknowledged all earlier writes of this connection.",
        .args = numreplicas_timeout_args,
        .tips = wait_tips,
    },
    {
        .name = "waitaof",
        .run = server_waitaof,
        .arity = 4,
        .flags = CMD_BLOCKING,
        .categories = CAT_CONNECTION,
        .group = "generic",
        .since = "7.2.0",
        .complexity = "O(1)",
        .summary = "Waits until all earlier writes of this connection are in the journal, here or "
                   "on replicas.",
        .args = numlocal_numreplicas_timeout_args,
        .tips = wait_tips,
    },
    {0},
};
