/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/cluster.h"

static const struct command_arg slot_args[] = {
    {"slot", ARG_INTEGER},
    {0},
};

static const char *const cluster_myshardid_tips[] = {
    "nondeterministic_output",
    NULL,
};

static const struct command_arg cluster_reset_reset_type_args[] = {
    {"hard", ARG_PURE_TOKEN, .token = "HARD"},
    {"soft", ARG_PURE_TOKEN, .token = "SOFT"},
    {0},
};

static const struct command_arg cluster_reset_args[] = {
    {"reset-type", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = cluster_reset_reset_type_args},
    {0},
};

static const struct command_history cluster_shards_history[] = {
    {"9.1.0", "Shows the ids of shards and the availability zones of nodes."},
    {0},
};

static const struct command_arg start_slot_end_slot_args[] = {
    {"start-slot", ARG_INTEGER},
    {"end-slot", ARG_INTEGER},
    {0},
};

static const struct command_arg cluster_slot_stats_filter_orderby_order_args[] = {
    {"asc", ARG_PURE_TOKEN, .token = "ASC"},
    {"desc", ARG_PURE_TOKEN, .token = "DESC"},
    {0},
};

static const struct command_arg cluster_slot_stats_filter_orderby_args[] = {
    {"metric", ARG_STRING},
    {"limit", ARG_INTEGER, .token = "LIMIT", .flags = ARG_OPTIONAL},
    {"order", ARG_ONE_OF, .flags = ARG_OPTIONAL,
     .sub = cluster_slot_stats_filter_orderby_order_args},
    {0},
};

static const struct command_arg cluster_slot_stats_filter_args[] = {
    {"slotsrange", ARG_BLOCK, .token = "SLOTSRANGE", .sub = start_slot_end_slot_args},
    {"orderby", ARG_BLOCK, .token = "ORDERBY", .sub = cluster_slot_stats_filter_orderby_args},
    {0},
};

static const struct command_arg cluster_slot_stats_args[] = {
    {"filter", ARG_ONE_OF, .sub = cluster_slot_stats_filter_args},
    {0},
};

static const char *const cluster_slot_stats_tips[] = {
    "nondeterministic_output",
    "request_policy:all_shards",
    NULL,
};

static const struct command_arg cluster_flushslot_flush_type_args[] = {
    {"async", ARG_PURE_TOKEN, .token = "ASYNC"},
    {"sync", ARG_PURE_TOKEN, .token = "SYNC"},
    {0},
};

static const struct command_arg cluster_flushslot_args[] = {
    {"slot", ARG_INTEGER},
    {"flush-type", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = cluster_flushslot_flush_type_args},
    {0},
};

static const struct command_arg node_id_args[] = {
    {"node-id", ARG_STRING},
    {0},
};

static const struct command_arg cluster_setslot_subcommand_args[] = {
    {"importing", ARG_STRING, .token = "IMPORTING", .display = "node-id"},
    {"migrating", ARG_STRING, .token = "MIGRATING", .display = "node-id"},
    {"node", ARG_STRING, .token = "NODE", .display = "node-id"},
    {"stable", ARG_PURE_TOKEN, .token = "STABLE"},
    {0},
};

static const struct command_arg cluster_setslot_args[] = {
    {"slot", ARG_INTEGER},
    {"subcommand", ARG_ONE_OF, .sub = cluster_setslot_subcommand_args},
    {"timeout", ARG_INTEGER, .token = "TIMEOUT", .flags = ARG_OPTIONAL, .since = "8.0.0"},
    {0},
};

static const struct command_history cluster_setslot_history[] = {
    {"8.0.0", "Takes TIMEOUT."},
    {0},
};

static const struct command_arg key_args[] = {
    {"key", ARG_STRING},
    {0},
};

static const struct command_arg cluster_addslotsrange_args[] = {
    {"range", ARG_BLOCK, .flags = ARG_MULTIPLE, .sub = start_slot_end_slot_args},
    {0},
};

static const struct command_arg cluster_migrateslots_migration_group_args[] = {
    {"slotsrange-token", ARG_PURE_TOKEN, .token = "SLOTSRANGE"},
    {"range", ARG_BLOCK, .flags = ARG_MULTIPLE, .sub = start_slot_end_slot_args},
    {"node-token", ARG_PURE_TOKEN, .token = "NODE"},
    {"node-id", ARG_STRING},
    {0},
};

static const struct command_arg cluster_migrateslots_args[] = {
    {"migration-group", ARG_BLOCK, .flags = ARG_MULTIPLE,
     .sub = cluster_migrateslots_migration_group_args},
    {0},
};

static const struct command_history cluster_count_failure_reports_history[] = {
    {"9.0.0", "Leaves out nodes that have failed."},
    {0},
};

static const struct command_arg cluster_failover_options_args[] = {
    {"force", ARG_PURE_TOKEN, .token = "FORCE"},
    {"takeover", ARG_PURE_TOKEN, .token = "TAKEOVER"},
    {0},
};

static const struct command_arg cluster_failover_args[] = {
    {"options", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = cluster_failover_options_args},
    {0},
};

static const struct command_arg cluster_replicate_args_no_one_args[] = {
    {"no", ARG_PURE_TOKEN, .token = "NO"},
    {"one", ARG_PURE_TOKEN, .token = "ONE"},
    {0},
};

static const struct command_arg cluster_replicate_args_args[] = {
    {"node-id", ARG_STRING},
    {"no-one", ARG_BLOCK, .since = "9.0.0", .sub = cluster_replicate_args_no_one_args},
    {0},
};

static const struct command_arg cluster_replicate_args[] = {
    {"args", ARG_ONE_OF, .sub = cluster_replicate_args_args},
    {0},
};

static const struct command_history cluster_replicate_history[] = {
    {"9.0.0", "Takes NO ONE."},
    {0},
};

static const struct command_arg cluster_delslots_args[] = {
    {"slot", ARG_INTEGER, .flags = ARG_MULTIPLE},
    {0},
};

static const struct command_arg slot_count_args[] = {
    {"slot", ARG_INTEGER},
    {"count", ARG_INTEGER},
    {0},
};

static const struct command_arg cluster_meet_args[] = {
    {"ip", ARG_STRING},
    {"port", ARG_INTEGER},
    {"cluster-bus-port", ARG_INTEGER, .flags = ARG_OPTIONAL, .since = "4.0.0"},
    {0},
};

static const struct command_history cluster_meet_history[] = {
    {"4.0.0", "Takes cluster_bus_port."},
    {0},
};

static const struct command_arg config_epoch_args[] = {
    {"config-epoch", ARG_INTEGER},
    {0},
};

static const struct command_history cluster_slots_history[] = {
    {"4.0.0", "Shows the ids of nodes."},
    {"7.0.0", "Shows more about how to reach nodes."},
    {"9.1.0", "Shows availability zones."},
    {0},
};

static const struct command cluster_subcommands[] = {
    {
        .name = "addslots",
        .run = cluster_disabled,
        .arity = -3,
        .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(N)",
        .summary = "Takes slots.",
        .args = cluster_delslots_args,
    },
    {
        .name = "addslotsrange",
        .run = cluster_disabled,
        .arity = -4,
        .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "cluster",
        .since = "7.0.0",
        .complexity = "O(N)",
        .summary = "Takes ranges of slots.",
        .args = cluster_addslotsrange_args,
    },
    {
        .name = "bumpepoch",
        .run = cluster_disabled,
        .arity = 2,
        .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Begins a new epoch of the configuration.",
        .tips = cluster_myshardid_tips,
    },
    {
        .name = "cancelslotmigrations",
        .run = cluster_disabled,
        .arity = 2,
        .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "cluster",
        .since = "9.0.0",
        .complexity = "O(N)",
        .summary = "Ends the moves of slots that are under way.",
    },
    {
        .name = "count-failure-reports",
        .run = cluster_disabled,
        .arity = 3,
        .flags = CMD_ADMIN | CMD_STALE,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(N)",
        .summary = "Counts the nodes that say another one has failed.",
        .args = node_id_args,
        .history = cluster_count_failure_reports_history,
        .tips = cluster_myshardid_tips,
    },
    {
        .name = "countkeysinslot",
        .run = cluster_disabled,
        .arity = 3,
        .flags = CMD_STALE,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Counts the keys of a slot.",
        .args = slot_args,
    },
    {
        .name = "delslots",
        .run = cluster_disabled,
        .arity = -3,
        .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(N)",
        .summary = "Gives up slots.",
        .args = cluster_delslots_args,
    },
    {
        .name = "delslotsrange",
        .run = cluster_disabled,
        .arity = -4,
        .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "cluster",
        .since = "7.0.0",
        .complexity = "O(N)",
        .summary = "Gives up ranges of slots.",
        .args = cluster_addslotsrange_args,
    },
    {
        .name = "failover",
        .run = cluster_disabled,
        .arity = -2,
        .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Lets a replica take the place of its primary.",
        .args = cluster_failover_args,
    },
    {
        .name = "flushslot",
        .run = cluster_disabled,
        .arity = -3,
        .flags = CMD_WRITE | CMD_ADMIN | CMD_NO_ASYNC_LOADING,
        .categories = CAT_KEYSPACE,
        .group = "cluster",
        .since = "9.0.0",
        .complexity = "O(N)",
        .summary = "Deletes the keys of a slot.",
        .args = cluster_flushslot_args,
    },
    {
        .name = "flushslots",
        .run = cluster_disabled,
        .arity = 2,
        .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Gives up all slots.",
    },
    {
        .name = "forget",
        .run = cluster_disabled,
        .arity = 3,
        .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Removes a node from those that are known.",
        .args = node_id_args,
    },
    {
        .name = "getkeysinslot",
        .run = cluster_disabled,
        .arity = 4,
        .flags = CMD_STALE,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(N)",
        .summary = "Returns keys of a slot.",
        .args = slot_count_args,
        .tips = cluster_myshardid_tips,
    },
    {
        .name = "getslotmigrations",
        .run = cluster_disabled,
        .arity = 2,
        .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "cluster",
        .since = "9.0.0",
        .complexity = "O(N)",
        .summary = "Returns the moves of slots, those under way and the last ones.",
    },
    {
        .name = "help",
        .run = cluster_disabled,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "cluster",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Tells what the subcommands do.",
    },
    {
        .name = "info",
        .run = cluster_disabled,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Returns the state of the cluster.",
        .tips = cluster_myshardid_tips,
    },
    {
        .name = "keyslot",
        .run = cluster_keyslot,
        .arity = 3,
        .flags = CMD_STALE,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(N)",
        .summary = "Returns the slot of a key.",
        .args = key_args,
    },
    {
        .name = "links",
        .run = cluster_disabled,
        .arity = 2,
        .flags = CMD_STALE,
        .categories = 0,
        .group = "cluster",
        .since = "7.0.0",
        .complexity = "O(N)",
        .summary = "Returns the connections between this node and others.",
        .tips = cluster_myshardid_tips,
    },
    {
        .name = "meet",
        .run = cluster_disabled,
        .arity = -4,
        .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Makes this node talk to another.",
        .args = cluster_meet_args,
        .history = cluster_meet_history,
    },
    {
        .name = "migrateslots",
        .run = cluster_disabled,
        .arity = -4,
        .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "cluster",
        .since = "9.0.0",
        .complexity = "O(N)",
        .summary = "Moves slots to other nodes.",
        .args = cluster_migrateslots_args,
    },
    {
        .name = "myid",
        .run = cluster_disabled,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Returns the id of this node.",
    },
    {
        .name = "myshardid",
        .run = cluster_disabled,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "cluster",
        .since = "7.2.0",
        .complexity = "O(1)",
        .summary = "Returns the id of this node's shard.",
        .tips = cluster_myshardid_tips,
    },
    {
        .name = "nodes",
        .run = cluster_disabled,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(N)",
        .summary = "Returns the nodes that are known, a line each.",
        .tips = cluster_myshardid_tips,
    },
    {
        .name = "replicas",
        .run = cluster_disabled,
        .arity = 3,
        .flags = CMD_ADMIN | CMD_STALE,
        .categories = 0,
        .group = "cluster",
        .since = "5.0.0",
        .complexity = "O(N)",
        .summary = "Returns the replicas of a node.",
        .args = node_id_args,
        .tips = cluster_myshardid_tips,
    },
    {
        .name = "replicate",
        .run = cluster_disabled,
        .arity = -3,
        .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Makes this node the replica of another.",
        .args = cluster_replicate_args,
        .history = cluster_replicate_history,
    },
    {
        .name = "reset",
        .run = cluster_disabled,
        .arity = -2,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_STALE,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(N)",
        .summary = "Makes the node forget the cluster.",
        .args = cluster_reset_args,
    },
    {
        .name = "saveconfig",
        .run = cluster_disabled,
        .arity = 2,
        .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Writes the node's view of the cluster to disk.",
    },
    {
        .name = "set-config-epoch",
        .run = cluster_disabled,
        .arity = 3,
        .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Sets the epoch of a new node.",
        .args = config_epoch_args,
    },
    {
        .name = "setslot",
        .run = cluster_disabled,
        .arity = -4,
        .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Says whose a slot is, or that it moves.",
        .args = cluster_setslot_args,
        .history = cluster_setslot_history,
    },
    {
        .name = "shards",
        .run = cluster_disabled,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "cluster",
        .since = "7.0.0",
        .complexity = "O(N)",
        .summary = "Returns the shards, with their slots and nodes.",
        .history = cluster_shards_history,
        .tips = cluster_myshardid_tips,
    },
    {
        .name = "slaves",
        .run = cluster_disabled,
        .arity = 3,
        .flags = CMD_ADMIN | CMD_STALE,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(N)",
        .summary = "Returns the replicas of a node.",
        .args = node_id_args,
        .tips = cluster_myshardid_tips,
        .deprecated_since = "5.0.0",
        .replaced_by = "`CLUSTER REPLICAS`",
        .doc_flags = 1,
    },
    {
        .name = "slot-stats",
        .run = cluster_disabled,
        .arity = -4,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "cluster",
        .since = "8.0.0",
        .complexity = "O(N)",
        .summary = "Returns figures of slots.",
        .args = cluster_slot_stats_args,
        .tips = cluster_slot_stats_tips,
    },
    {
        .name = "slots",
        .run = cluster_disabled,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(N)",
        .summary = "Returns which nodes serve which slots.",
        .history = cluster_slots_history,
        .tips = cluster_myshardid_tips,
    },
    {
        .name = "syncslots",
        .run = cluster_disabled,
        .arity = -3,
        .flags = CMD_ADMIN | CMD_STALE | CMD_NO_ASYNC_LOADING,
        .categories = 0,
        .group = "cluster",
        .since = "9.0.0",
        .complexity = "Depends on what is said.",
        .summary = "Is said between nodes when slots move.",
        .doc_flags = 2,
    },
    {0},
};

static const struct command_arg clusterscan_args[] = {
    {"cursor", ARG_STRING},
    {"match-pattern", ARG_PATTERN, .token = "MATCH", .flags = ARG_OPTIONAL},
    {"count", ARG_INTEGER, .token = "COUNT", .flags = ARG_OPTIONAL},
    {"type", ARG_STRING, .token = "TYPE", .flags = ARG_OPTIONAL},
    {"slot", ARG_INTEGER, .token = "SLOT", .flags = ARG_OPTIONAL},
    {0},
};

static const char *const clusterscan_tips[] = {
    "nondeterministic_output",
    "request_policy:special",
    "response_policy:special",
    NULL,
};

const struct command cluster_commands[] = {
    {
        .name = "cluster",
        .run = NULL,
        .arity = -2,
        .flags = 0,
        .categories = 0,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "Depends on the subcommand.",
        .summary = "Holds the commands that deal with clusters.",
        .subcommands = cluster_subcommands,
    },
    {
        .name = "clusterscan",
        .run = cluster_disabled,
        .arity = -2,
        .flags = CMD_READONLY,
        .categories = CAT_KEYSPACE,
        .keys = {{.flags = KEY_NOT_KEY,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "cluster",
        .since = "9.1.0",
        .complexity = "O(N)",
        .summary = "Walks over the keys of a cluster, slot by slot.",
        .args = clusterscan_args,
        .tips = clusterscan_tips,
    },
    {
        .name = "asking",
        .run = cluster_disabled,
        .arity = 1,
        .flags = CMD_FAST,
        .categories = CAT_CONNECTION,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Lets the next command through to a slot that is being moved here.",
    },
    {
        .name = "readonly",
        .run = cluster_readonly,
        .arity = 1,
        .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
        .categories = CAT_CONNECTION,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Lets a connection read from a replica.",
    },
    {
        .name = "readwrite",
        .run = cluster_readwrite,
        .arity = 1,
        .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
        .categories = CAT_CONNECTION,
        .group = "cluster",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Takes READONLY back.",
    },
    {0},
};
