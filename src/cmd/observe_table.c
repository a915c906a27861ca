/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/families.h"
#include "cmd/observe.h"

static const struct command_arg slowlog_get_args[] = {
    {"count", ARG_INTEGER, .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_history slowlog_get_history[] = {
    {"4.0.0", "Shows the client's address and name."},
    {0},
};

static const char *const slowlog_get_tips[] = {
    "request_policy:all_nodes",
    "nondeterministic_output",
    NULL,
};

static const char *const slowlog_len_tips[] = {
    "request_policy:all_nodes",
    "response_policy:agg_sum",
    "nondeterministic_output",
    NULL,
};

static const char *const slowlog_reset_tips[] = {
    "request_policy:all_nodes",
    "response_policy:all_succeeded",
    NULL,
};

static const struct command slowlog_subcommands[] = {
    {
        .name = "get",
        .run = observe_slowlog_get,
        .arity = -2,
        .flags = CMD_ADMIN | CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "2.2.12",
        .complexity = "O(N) in the number of entries shown.",
        .summary = "Shows the latest slow commands.",
        .args = slowlog_get_args,
        .history = slowlog_get_history,
        .tips = slowlog_get_tips,
    },
    {
        .name = "help",
        .run = observe_slowlog_help,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "6.2.0",
        .complexity = "O(1)",
        .summary = "Lists the subcommands.",
    },
    {
        .name = "len",
        .run = observe_slowlog_len,
        .arity = 2,
        .flags = CMD_ADMIN | CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "2.2.12",
        .complexity = "O(1)",
        .summary = "Counts the slow commands on record.",
        .tips = slowlog_len_tips,
    },
    {
        .name = "reset",
        .run = observe_slowlog_reset,
        .arity = 2,
        .flags = CMD_ADMIN | CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "2.2.12",
        .complexity = "O(N) in the number of entries.",
        .summary = "Forgets the slow commands on record.",
        .tips = slowlog_reset_tips,
    },
    {0},
};

static const struct command_arg commandlog_get_type_args[] = {
    {"slow", ARG_PURE_TOKEN, .token = "SLOW"},
    {"large-request", ARG_PURE_TOKEN, .token = "LARGE-REQUEST"},
    {"large-reply", ARG_PURE_TOKEN, .token = "LARGE-REPLY"},
    {0},
};

static const struct command_arg commandlog_get_args[] = {
    {"count", ARG_INTEGER},
    {"type", ARG_ONE_OF, .sub = commandlog_get_type_args},
    {0},
};

static const struct command_arg commandlog_len_args[] = {
    {"type", ARG_ONE_OF, .sub = commandlog_get_type_args},
    {0},
};

static const struct command commandlog_subcommands[] = {
    {
        .name = "get",
        .run = observe_commandlog_get,
        .arity = 4,
        .flags = CMD_ADMIN | CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "8.1.0",
        .complexity = "O(N) in the number of entries shown.",
        .summary = "Shows the latest entries of one log.",
        .args = commandlog_get_args,
        .tips = slowlog_get_tips,
    },
    {
        .name = "help",
        .run = observe_commandlog_help,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "8.1.0",
        .complexity = "O(1)",
        .summary = "Lists the subcommands.",
    },
    {
        .name = "len",
        .run = observe_commandlog_len,
        .arity = 3,
        .flags = CMD_ADMIN | CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "8.1.0",
        .complexity = "O(1)",
        .summary = "Counts the entries of one log.",
        .args = commandlog_len_args,
        .tips = slowlog_len_tips,
    },
    {
        .name = "reset",
        .run = observe_commandlog_reset,
        .arity = 3,
        .flags = CMD_ADMIN | CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "8.1.0",
        .complexity = "O(N) in the number of entries.",
        .summary = "Forgets the entries of one log.",
        .args = commandlog_len_args,
        .tips = slowlog_reset_tips,
    },
    {0},
};

static const char *const latency_doctor_tips[] = {
    "nondeterministic_output",
    "request_policy:all_nodes",
    "response_policy:special",
    NULL,
};

static const struct command_arg event_args[] = {
    {"event", ARG_STRING},
    {0},
};

static const struct command_arg latency_histogram_args[] = {
    {"command", ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

static const struct command_arg latency_reset_args[] = {
    {"event", ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

static const char *const latency_reset_tips[] = {
    "request_policy:all_nodes",
    "response_policy:agg_sum",
    NULL,
};

static const struct command latency_subcommands[] = {
    {
        .name = "doctor",
        .run = observe_latency_doctor,
        .arity = 2,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(1)",
        .summary = "Says in words what made the server wait.",
        .tips = latency_doctor_tips,
    },
    {
        .name = "graph",
        .run = observe_latency_graph,
        .arity = 3,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(1)",
        .summary = "Draws the latencies of one event.",
        .args = event_args,
        .tips = latency_doctor_tips,
    },
    {
        .name = "help",
        .run = observe_latency_help,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(1)",
        .summary = "Lists the subcommands.",
    },
    {
        .name = "histogram",
        .run = observe_latency_histogram,
        .arity = -2,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_EXCLUSIVE,
        .categories = 0,
        .group = "server",
        .since = "7.0.0",
        .complexity = "O(N) in the number of commands shown.",
        .summary = "Shows how long commands took, as cumulative histograms.",
        .args = latency_histogram_args,
        .tips = latency_doctor_tips,
    },
    {
        .name = "history",
        .run = observe_latency_history,
        .arity = 3,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(1)",
        .summary = "Shows when one event took how long.",
        .args = event_args,
        .tips = latency_doctor_tips,
    },
    {
        .name = "latest",
        .run = observe_latency_latest,
        .arity = 2,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(1)",
        .summary = "Shows the latest latency of each event.",
        .tips = latency_doctor_tips,
    },
    {
        .name = "reset",
        .run = observe_latency_reset,
        .arity = -2,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(1)",
        .summary = "Forgets the latencies of some events or all.",
        .args = latency_reset_args,
        .tips = latency_reset_tips,
    },
    {0},
};

static const struct command_arg hotkeys_list_args[] = {
    {"count", ARG_INTEGER, .token = "COUNT", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command hotkeys_subcommands[] = {
    {
        .name = "help",
        .run = observe_hotkeys_help,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "0.1.0",
        .complexity = "O(1)",
        .summary = "Lists the subcommands.",
    },
    {
        .name = "list",
        .run = observe_hotkeys_list,
        .arity = -2,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_EXCLUSIVE,
        .categories = 0,
        .group = "server",
        .since = "0.1.0",
        .complexity = "O(1)",
        .summary = "Shows the keys that are used most.",
        .args = hotkeys_list_args,
        .tips = latency_doctor_tips,
    },
    {
        .name = "reset",
        .run = observe_hotkeys_reset,
        .arity = 2,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_EXCLUSIVE,
        .categories = 0,
        .group = "server",
        .since = "0.1.0",
        .complexity = "O(1)",
        .summary = "Forgets which keys were used.",
        .tips = slowlog_reset_tips,
    },
    {0},
};

const struct command observe_commands[] = {
    {
        .name = "hotkeys",
        .run = NULL,
        .arity = -2,
        .flags = 0,
        .categories = 0,
        .group = "server",
        .since = "0.1.0",
        .complexity = "That of the subcommand.",
        .summary = "Looks at the keys that are used most.",
        .subcommands = hotkeys_subcommands,
    },
    {
        .name = "monitor",
        .run = observe_monitor,
        .arity = 1,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = 0,
        .group = "server",
        .since = "1.0.0",
        .summary = "Shows all commands of all clients as they run.",
    },
    {
        .name = "slowlog",
        .run = NULL,
        .arity = -2,
        .flags = 0,
        .categories = 0,
        .group = "server",
        .since = "2.2.12",
        .complexity = "That of the subcommand.",
        .summary = "Looks at the commands that took long.",
        .subcommands = slowlog_subcommands,
    },
    {
        .name = "commandlog",
        .run = NULL,
        .arity = -2,
        .flags = 0,
        .categories = 0,
        .group = "server",
        .since = "8.1.0",
        .complexity = "That of the subcommand.",
        .summary = "Looks at the commands that took long or were large.",
        .subcommands = commandlog_subcommands,
    },
    {
        .name = "latency",
        .run = NULL,
        .arity = -2,
        .flags = 0,
        .categories = 0,
        .group = "server",
        .since = "2.8.13",
        .complexity = "That of the subcommand.",
        .summary = "Looks at what made the server wait.",
        .subcommands = latency_subcommands,
    },
    {0},
};
