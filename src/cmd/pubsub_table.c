/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/families.h"
#include "cmd/pubsub.h"

static const struct command_arg channels_args[] = {
    {"channel", ARG_STRING, .flags = ARG_MULTIPLE},
    {0},
};

static const struct command_arg optional_channels_args[] = {
    {"channel", ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

static const struct command_arg patterns_args[] = {
    {"pattern", ARG_PATTERN, .flags = ARG_MULTIPLE},
    {0},
};

static const struct command_arg optional_patterns_args[] = {
    {"pattern", ARG_PATTERN, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

static const struct command_arg shard_channels_args[] = {
    {"shardchannel", ARG_STRING, .flags = ARG_MULTIPLE},
    {0},
};

static const struct command_arg optional_shard_channels_args[] = {
    {"shardchannel", ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

static const struct command_arg publish_args[] = {
    {"channel", ARG_STRING},
    {"message", ARG_STRING},
    {0},
};

static const struct command_arg spublish_args[] = {
    {"shardchannel", ARG_STRING},
    {"message", ARG_STRING},
    {0},
};

static const struct command_arg pattern_args[] = {
    {"pattern", ARG_PATTERN, .flags = ARG_OPTIONAL},
    {0},
};

static const struct command subcommands[] = {
    {
        .name = "channels",
        .run = message_channels,
        .arity = -2,
        .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE,
        .group = "pubsub",
        .since = "2.8.0",
        .complexity = "O(N) where N is the number of active channels, and assuming constant "
                      "time pattern matching (relatively short channels and patterns)",
        .summary = "Names the channels that have subscribers.",
        .args = pattern_args,
    },
    {
        .name = "help",
        .run = message_help,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .group = "pubsub",
        .since = "6.2.0",
        .complexity = "O(1)",
        .summary = "Shows the subcommands.",
    },
    {
        .name = "numpat",
        .run = message_numpat,
        .arity = 2,
        .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE,
        .group = "pubsub",
        .since = "2.8.0",
        .complexity = "O(1)",
        .summary = "Counts the different patterns that clients have subscribed to.",
    },
    {
        .name = "numsub",
        .run = message_numsub,
        .arity = -2,
        .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE,
        .group = "pubsub",
        .since = "2.8.0",
        .complexity = "O(N) for the NUMSUB subcommand, where N is the number of requested "
                      "channels",
        .summary = "Counts the subscribers of channels.",
        .args = optional_channels_args,
    },
    {
        .name = "shardchannels",
        .run = message_shardchannels,
        .arity = -2,
        .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE,
        .group = "pubsub",
        .since = "7.0.0",
        .complexity = "O(N) where N is the number of active shard channels, and assuming "
                      "constant time pattern matching (relatively short shard channels).",
        .summary = "Names the shard channels that have subscribers.",
        .args = pattern_args,
    },
    {
        .name = "shardnumsub",
        .run = message_shardnumsub,
        .arity = -2,
        .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE,
        .group = "pubsub",
        .since = "7.0.0",
        .complexity = "O(N) for the SHARDNUMSUB subcommand, where N is the number of "
                      "requested shard channels",
        .summary = "Counts the subscribers of shard channels.",
        .args = optional_shard_channels_args,
    },
    {0},
};

const struct command pubsub_commands[] = {
    {
        .name = "psubscribe",
        .run = message_psubscribe,
        .arity = -2,
        .flags = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_SUBSCRIBED |
                 CMD_CHANNELS | CMD_CHANNEL_PATTERNS,
        .group = "pubsub",
        .since = "2.0.0",
        .complexity = "O(N) where N is the number of patterns to subscribe to.",
        .summary = "Asks for the messages of all channels that match patterns.",
        .args = patterns_args,
    },
    {
        .name = "publish",
        .run = message_publish,
        .arity = 3,
        .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_MAY_REPLICATE | CMD_CHANNEL,
        .group = "pubsub",
        .since = "2.0.0",
        .complexity = "O(N+M) where N is the number of clients subscribed to the receiving "
                      "channel and M is the total number of subscribed patterns (by any client).",
        .summary = "Sends a message to the subscribers of a channel.",
        .args = publish_args,
    },
    {
        .name = "pubsub",
        .arity = -2,
        .group = "pubsub",
        .since = "2.8.0",
        .complexity = "Depends on subcommand.",
        .summary = "Shows who listens to what.",
        .subcommands = subcommands,
    },
    {
        .name = "punsubscribe",
        .run = message_punsubscribe,
        .arity = -1,
        .flags = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_SUBSCRIBED,
        .group = "pubsub",
        .since = "2.0.0",
        .complexity = "O(N) where N is the number of patterns to unsubscribe.",
        .summary = "Ends subscriptions to patterns.",
        .args = optional_patterns_args,
    },
    {
        .name = "spublish",
        .run = message_spublish,
        .arity = 3,
        .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_MAY_REPLICATE | CMD_CHANNEL,
        .keys = {{KEY_NOT_KEY, KEY_SEARCH_INDEX, 1, .find = KEY_FIND_RANGE, .last = 0, .step = 1}},
        .group = "pubsub",
        .since = "7.0.0",
        .complexity = "O(N) where N is the number of clients subscribed to the receiving "
                      "shard channel.",
        .summary = "Sends a message to the subscribers of a shard channel.",
        .args = spublish_args,
    },
    {
        .name = "ssubscribe",
        .run = message_ssubscribe,
        .arity = -2,
        .flags =
            CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_SUBSCRIBED | CMD_CHANNELS,
        .keys = {{KEY_NOT_KEY, KEY_SEARCH_INDEX, 1, .find = KEY_FIND_RANGE, .last = -1, .step = 1}},
        .group = "pubsub",
        .since = "7.0.0",
        .complexity = "O(N) where N is the number of shard channels to subscribe to.",
        .summary = "Asks for the messages of shard channels.",
        .args = shard_channels_args,
    },
    {
        .name = "subscribe",
        .run = message_subscribe,
        .arity = -2,
        .flags =
            CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_SUBSCRIBED | CMD_CHANNELS,
        .group = "pubsub",
        .since = "2.0.0",
        .complexity = "O(N) where N is the number of channels to subscribe to.",
        .summary = "Asks for the messages of channels.",
        .args = channels_args,
    },
    {
        .name = "sunsubscribe",
        .run = message_sunsubscribe,
        .arity = -1,
        .flags = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_SUBSCRIBED,
        .keys = {{KEY_NOT_KEY, KEY_SEARCH_INDEX, 1, .find = KEY_FIND_RANGE, .last = -1, .step = 1}},
        .group = "pubsub",
        .since = "7.0.0",
        .complexity = "O(N) where N is the number of shard channels to unsubscribe.",
        .summary = "Ends subscriptions to shard channels.",
        .args = optional_shard_channels_args,
    },
    {
        .name = "unsubscribe",
        .run = message_unsubscribe,
        .arity = -1,
        .flags = CMD_PUBSUB | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_SUBSCRIBED,
        .group = "pubsub",
        .since = "2.0.0",
        .complexity = "O(N) where N is the number of channels to unsubscribe.",
        .summary = "Ends subscriptions to channels.",
        .args = optional_channels_args,
    },
    {0},
};
