/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/replication.h"

static const struct command_arg host_port_args[] = {
    {"host", ARG_STRING},
    {"port", ARG_INTEGER},
    {0},
};

static const struct command_arg replicaof_args_no_one_args[] = {
    {"no", ARG_PURE_TOKEN, .token = "NO"},
    {"one", ARG_PURE_TOKEN, .token = "ONE"},
    {0},
};

static const struct command_arg replicaof_args_args[] = {
    {"host-port", ARG_BLOCK, .sub = host_port_args},
    {"no-one", ARG_BLOCK, .sub = replicaof_args_no_one_args},
    {0},
};

static const struct command_arg replicaof_args[] = {
    {"args", ARG_ONE_OF, .sub = replicaof_args_args},
    {0},
};

static const struct command_arg failover_target_args[] = {
    {"host", ARG_STRING},
    {"port", ARG_INTEGER},
    {"force", ARG_PURE_TOKEN, .token = "FORCE", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg failover_args[] = {
    {"target", ARG_BLOCK, .token = "TO", .flags = ARG_OPTIONAL, .sub = failover_target_args},
    {"abort", ARG_PURE_TOKEN, .token = "ABORT", .flags = ARG_OPTIONAL},
    {"milliseconds", ARG_INTEGER, .token = "TIMEOUT", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg replicationid_offset_args[] = {
    {"replicationid", ARG_STRING},
    {"offset", ARG_INTEGER},
    {0},
};

const struct command replication_commands[] = {
    {
        .name = "replicaof",
        .run = replication_replicaof,
        .arity = 3,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "server",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Makes the server a replica of another one, or of none.",
        .args = replicaof_args,
    },
    {
        .name = "slaveof",
        .run = replication_replicaof,
        .arity = 3,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Makes the server a replica of another one, or of none.",
        .args = replicaof_args,
        .deprecated_since = "5.0.0",
        .replaced_by = "`REPLICAOF`",
        .doc_flags = 1,
    },
    {
        .name = "failover",
        .run = replication_failover,
        .arity = -1,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "6.2.0",
        .complexity = "O(1)",
        .summary = "Lets a replica take this server's place.",
        .args = failover_args,
    },
    {
        .name = "sync",
        .run = replication_refuse,
        .arity = 1,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING | CMD_NO_MULTI,
        .categories = 0,
        .group = "server",
        .since = "1.0.0",
        .summary = "Is what a replica of old says to its primary.",
    },
    {
        .name = "psync",
        .run = replication_refuse,
        .arity = -3,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING | CMD_NO_MULTI,
        .categories = 0,
        .group = "server",
        .since = "2.8.0",
        .summary = "Is what a replica says to its primary.",
        .args = replicationid_offset_args,
    },
    {
        .name = "replconf",
        .run = replication_refuse,
        .arity = -1,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY,
        .categories = 0,
        .group = "server",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Is what a replica tells its primary about itself.",
        .doc_flags = 2,
    },
    {0},
};
