/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/families.h"
#include "cmd/stream.h"

static const struct command_arg xadd_trim_strategy_args[] = {
    {"maxlen", ARG_PURE_TOKEN, .token = "MAXLEN"},
    {"minid", ARG_PURE_TOKEN, .token = "MINID", .since = "6.2.0"},
    {0},
};

static const struct command_arg xadd_trim_operator_args[] = {
    {"equal", ARG_PURE_TOKEN, .token = "="},
    {"approximately", ARG_PURE_TOKEN, .token = "~"},
    {0},
};

static const struct command_arg xadd_trim_args[] = {
    {"strategy", ARG_ONE_OF, .sub = xadd_trim_strategy_args},
    {"operator", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = xadd_trim_operator_args},
    {"threshold", ARG_STRING},
    {"count", ARG_INTEGER, .token = "LIMIT", .flags = ARG_OPTIONAL, .since = "6.2.0"},
    {0},
};

static const struct command_arg references_args[] = {
    {"keepref", ARG_PURE_TOKEN, .token = "KEEPREF"},
    {"delref", ARG_PURE_TOKEN, .token = "DELREF"},
    {"acked", ARG_PURE_TOKEN, .token = "ACKED"},
    {0},
};

static const struct command_arg xadd_id_selector_args[] = {
    {"auto-id", ARG_PURE_TOKEN, .token = "*"},
    {"id", ARG_STRING},
    {0},
};

static const struct command_arg field_value_args[] = {
    {"field", ARG_STRING},
    {"value", ARG_STRING},
    {0},
};

static const struct command_arg xadd_args[] = {
    {"key", ARG_KEY},
    {"nomkstream", ARG_PURE_TOKEN, .token = "NOMKSTREAM", .flags = ARG_OPTIONAL, .since = "6.2.0"},
    {"condition", ARG_ONE_OF, .flags = ARG_OPTIONAL, .since = "8.2.0", .sub = references_args},
    {"trim", ARG_BLOCK, .flags = ARG_OPTIONAL, .sub = xadd_trim_args},
    {"id-selector", ARG_ONE_OF, .sub = xadd_id_selector_args},
    {"data", ARG_BLOCK, .flags = ARG_MULTIPLE, .sub = field_value_args},
    {0},
};

static const struct command_history xadd_history[] = {
    {"6.2.0", "Takes NOMKSTREAM, MINID and LIMIT."},
    {"7.0.0", "Takes IDs of the form `<ms>-*`."},
    {"8.2.0", "Takes KEEPREF, DELREF and ACKED."},
    {0},
};

static const char *const xadd_tips[] = {
    "nondeterministic_output",
    NULL,
};

static const struct command_arg key_args[] = {
    {"key", ARG_KEY},
    {0},
};

static const struct command_arg xrange_args[] = {
    {"key", ARG_KEY},
    {"start", ARG_STRING},
    {"end", ARG_STRING},
    {"count", ARG_INTEGER, .token = "COUNT", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_history xrange_history[] = {
    {"6.2.0", "Takes intervals without their ends."},
    {0},
};

static const struct command_arg xrevrange_args[] = {
    {"key", ARG_KEY},
    {"end", ARG_STRING},
    {"start", ARG_STRING},
    {"count", ARG_INTEGER, .token = "COUNT", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg xdel_args[] = {
    {"key", ARG_KEY},
    {"id", ARG_STRING, .flags = ARG_MULTIPLE},
    {0},
};

static const struct command_arg xtrim_args[] = {
    {"key", ARG_KEY},
    {"trim", ARG_BLOCK, .sub = xadd_trim_args},
    {"condition", ARG_ONE_OF, .flags = ARG_OPTIONAL, .since = "8.2.0", .sub = references_args},
    {0},
};

static const struct command_history xtrim_history[] = {
    {"6.2.0", "Takes MINID and LIMIT."},
    {"8.2.0", "Takes KEEPREF, DELREF and ACKED."},
    {0},
};

static const struct command_arg xread_streams_args[] = {
    {"key", ARG_KEY, .flags = ARG_MULTIPLE},
    {"id", ARG_STRING, .flags = ARG_MULTIPLE},
    {0},
};

static const struct command_arg xread_args[] = {
    {"count", ARG_INTEGER, .token = "COUNT", .flags = ARG_OPTIONAL},
    {"milliseconds", ARG_INTEGER, .token = "BLOCK", .flags = ARG_OPTIONAL},
    {"streams", ARG_BLOCK, .token = "STREAMS", .sub = xread_streams_args},
    {0},
};

static const struct command_arg xgroup_create_id_selector_args[] = {
    {"id", ARG_STRING},
    {"new-id", ARG_PURE_TOKEN, .token = "$"},
    {0},
};

static const struct command_arg xgroup_create_args[] = {
    {"key", ARG_KEY},
    {"group", ARG_STRING},
    {"id-selector", ARG_ONE_OF, .sub = xgroup_create_id_selector_args},
    {"mkstream", ARG_PURE_TOKEN, .token = "MKSTREAM", .flags = ARG_OPTIONAL},
    {"entriesread", ARG_INTEGER, .token = "ENTRIESREAD", .flags = ARG_OPTIONAL,
     .display = "entries-read"},
    {0},
};

static const struct command_history xgroup_create_history[] = {
    {"7.0.0", "Takes entries_read."},
    {0},
};

static const struct command_arg key_group_consumer_args[] = {
    {"key", ARG_KEY},
    {"group", ARG_STRING},
    {"consumer", ARG_STRING},
    {0},
};

static const struct command_arg key_group_args[] = {
    {"key", ARG_KEY},
    {"group", ARG_STRING},
    {0},
};

static const struct command_arg xgroup_setid_args[] = {
    {"key", ARG_KEY},
    {"group", ARG_STRING},
    {"id-selector", ARG_ONE_OF, .sub = xgroup_create_id_selector_args},
    {"entriesread", ARG_INTEGER, .token = "ENTRIESREAD", .flags = ARG_OPTIONAL,
     .display = "entries-read"},
    {0},
};

static const struct command xgroup_subcommands[] = {
    {
        .name = "create",
        .run = stream_xgroup_create,
        .arity = -5,
        .flags = CMD_WRITE | CMD_DENYOOM,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RW | KEY_INSERT,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Creates a group of consumers.",
        .args = xgroup_create_args,
        .history = xgroup_create_history,
    },
    {
        .name = "createconsumer",
        .run = stream_xgroup_createconsumer,
        .arity = 5,
        .flags = CMD_WRITE | CMD_DENYOOM,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RW | KEY_INSERT,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "6.2.0",
        .complexity = "O(1)",
        .summary = "Creates a consumer in a group.",
        .args = key_group_consumer_args,
    },
    {
        .name = "delconsumer",
        .run = stream_xgroup_delconsumer,
        .arity = 5,
        .flags = CMD_WRITE,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RW | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Removes a consumer from a group.",
        .args = key_group_consumer_args,
    },
    {
        .name = "destroy",
        .run = stream_xgroup_destroy,
        .arity = 4,
        .flags = CMD_WRITE,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RW | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(N) with N being the entries pending in the group.",
        .summary = "Removes a group of consumers.",
        .args = key_group_args,
    },
    {
        .name = "help",
        .run = stream_xgroup_help,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_STREAM,
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Tells about the subcommands.",
    },
    {
        .name = "setid",
        .run = stream_xgroup_setid,
        .arity = -5,
        .flags = CMD_WRITE,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Sets the ID that a group has been given last.",
        .args = xgroup_setid_args,
        .history = xgroup_create_history,
    },
    {0},
};

static const struct command_arg group_consumer_args[] = {
    {"group", ARG_STRING},
    {"consumer", ARG_STRING},
    {0},
};

static const struct command_arg xreadgroup_args[] = {
    {"group-block", ARG_BLOCK, .token = "GROUP", .sub = group_consumer_args},
    {"count", ARG_INTEGER, .token = "COUNT", .flags = ARG_OPTIONAL},
    {"milliseconds", ARG_INTEGER, .token = "BLOCK", .flags = ARG_OPTIONAL},
    {"noack", ARG_PURE_TOKEN, .token = "NOACK", .flags = ARG_OPTIONAL},
    {"streams", ARG_BLOCK, .token = "STREAMS", .sub = xread_streams_args},
    {0},
};

static const struct command_arg xack_args[] = {
    {"key", ARG_KEY},
    {"group", ARG_STRING},
    {"id", ARG_STRING, .flags = ARG_MULTIPLE},
    {0},
};

static const struct command_arg xpending_filters_args[] = {
    {"min-idle-time", ARG_INTEGER, .token = "IDLE", .flags = ARG_OPTIONAL, .since = "6.2.0"},
    {"start", ARG_STRING},
    {"end", ARG_STRING},
    {"count", ARG_INTEGER},
    {"consumer", ARG_STRING, .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg xpending_args[] = {
    {"key", ARG_KEY},
    {"group", ARG_STRING},
    {"filters", ARG_BLOCK, .flags = ARG_OPTIONAL, .sub = xpending_filters_args},
    {0},
};

static const struct command_history xpending_history[] = {
    {"6.2.0", "Takes IDLE, and intervals without their ends."},
    {0},
};

static const struct command_arg xclaim_args[] = {
    {"key", ARG_KEY},
    {"group", ARG_STRING},
    {"consumer", ARG_STRING},
    {"min-idle-time", ARG_STRING},
    {"id", ARG_STRING, .flags = ARG_MULTIPLE},
    {"ms", ARG_INTEGER, .token = "IDLE", .flags = ARG_OPTIONAL},
    {"unix-time-milliseconds", ARG_UNIX_TIME, .token = "TIME", .flags = ARG_OPTIONAL},
    {"count", ARG_INTEGER, .token = "RETRYCOUNT", .flags = ARG_OPTIONAL},
    {"force", ARG_PURE_TOKEN, .token = "FORCE", .flags = ARG_OPTIONAL},
    {"justid", ARG_PURE_TOKEN, .token = "JUSTID", .flags = ARG_OPTIONAL},
    {"lastid", ARG_STRING, .token = "LASTID", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg xautoclaim_args[] = {
    {"key", ARG_KEY},
    {"group", ARG_STRING},
    {"consumer", ARG_STRING},
    {"min-idle-time", ARG_STRING},
    {"start", ARG_STRING},
    {"count", ARG_INTEGER, .token = "COUNT", .flags = ARG_OPTIONAL},
    {"justid", ARG_PURE_TOKEN, .token = "JUSTID", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_history xautoclaim_history[] = {
    {"7.0.0", "Tells which entries had been deleted."},
    {0},
};

static const struct command_history xinfo_consumers_history[] = {
    {"7.2.0", "Tells the time since the last success as `inactive`."},
    {0},
};

static const struct command_history xinfo_groups_history[] = {
    {"7.0.0", "Tells `entries-read` and `lag`."},
    {0},
};

static const struct command_arg xinfo_stream_full_block_args[] = {
    {"full", ARG_PURE_TOKEN, .token = "FULL"},
    {"count", ARG_INTEGER, .token = "COUNT", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg xinfo_stream_args[] = {
    {"key", ARG_KEY},
    {"full-block", ARG_BLOCK, .flags = ARG_OPTIONAL, .sub = xinfo_stream_full_block_args},
    {0},
};

static const struct command_history xinfo_stream_history[] = {
    {"6.0.0", "Takes FULL."},
    {"7.0.0", "Tells `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, "
              "`entries-read` and `lag`."},
    {"7.2.0", "Tells `active-time`."},
    {0},
};

static const struct command xinfo_subcommands[] = {
    {
        .name = "consumers",
        .run = stream_xinfo_consumers,
        .arity = 4,
        .flags = CMD_READONLY,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Lists the consumers of a group.",
        .args = key_group_args,
        .history = xinfo_consumers_history,
        .tips = xadd_tips,
    },
    {
        .name = "groups",
        .run = stream_xinfo_groups,
        .arity = 3,
        .flags = CMD_READONLY,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Lists the groups of a stream.",
        .args = key_args,
        .history = xinfo_groups_history,
    },
    {
        .name = "help",
        .run = stream_xinfo_help,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_STREAM,
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Tells about the subcommands.",
    },
    {
        .name = "stream",
        .run = stream_xinfo_stream,
        .arity = -3,
        .flags = CMD_READONLY,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Tells about a stream.",
        .args = xinfo_stream_args,
        .history = xinfo_stream_history,
    },
    {0},
};

static const struct command_arg xsetid_args[] = {
    {"key", ARG_KEY},
    {"last-id", ARG_STRING},
    {"entries-added", ARG_INTEGER, .token = "ENTRIESADDED", .flags = ARG_OPTIONAL,
     .since = "7.0.0"},
    {"max-deleted-id", ARG_STRING, .token = "MAXDELETEDID", .flags = ARG_OPTIONAL,
     .since = "7.0.0"},
    {0},
};

static const struct command_history xsetid_history[] = {
    {"7.0.0", "Takes entries_added and max_deleted_entry_id."},
    {0},
};

static const struct command_arg ids_args[] = {
    {"numids", ARG_INTEGER},
    {"id", ARG_STRING, .flags = ARG_MULTIPLE},
    {0},
};

static const struct command_arg xdelex_args[] = {
    {"key", ARG_KEY},
    {"condition", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = references_args},
    {"ids", ARG_BLOCK, .token = "IDS", .sub = ids_args},
    {0},
};

static const struct command_arg xackdel_args[] = {
    {"key", ARG_KEY},
    {"group", ARG_STRING},
    {"condition", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = references_args},
    {"ids", ARG_BLOCK, .token = "IDS", .sub = ids_args},
    {0},
};

const struct command stream_commands[] = {
    {
        .name = "xadd",
        .run = stream_xadd,
        .arity = -5,
        .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1,
                  .notes = "UPDATE instead of INSERT because of the trimming options."}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1) to add; O(N) to trim, N being the entries removed.",
        .summary = "Adds an entry to a stream, which is created unless that is forbidden.",
        .args = xadd_args,
        .history = xadd_history,
        .tips = xadd_tips,
    },
    {
        .name = "xlen",
        .run = stream_xlen,
        .arity = 2,
        .flags = CMD_READONLY | CMD_FAST,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RO,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Tells how many entries a stream has.",
        .args = key_args,
    },
    {
        .name = "xrange",
        .run = stream_xrange,
        .arity = -4,
        .flags = CMD_READONLY,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(N) with N being the entries returned.",
        .summary = "Returns the entries with IDs in an interval, lowest first.",
        .args = xrange_args,
        .history = xrange_history,
    },
    {
        .name = "xrevrange",
        .run = stream_xrevrange,
        .arity = -4,
        .flags = CMD_READONLY,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(N) with N being the entries returned.",
        .summary = "Returns the entries with IDs in an interval, highest first.",
        .args = xrevrange_args,
        .history = xrange_history,
    },
    {
        .name = "xdel",
        .run = stream_xdel,
        .arity = -3,
        .flags = CMD_WRITE | CMD_FAST,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RW | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1) for each entry.",
        .summary = "Removes entries from a stream and tells how many there were.",
        .args = xdel_args,
    },
    {
        .name = "xtrim",
        .run = stream_xtrim,
        .arity = -4,
        .flags = CMD_WRITE,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RW | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(N), N being the entries removed; whole nodes go at once.",
        .summary = "Removes entries from the front of a stream.",
        .args = xtrim_args,
        .history = xtrim_history,
        .tips = xadd_tips,
    },
    {
        .name = "xread",
        .run = stream_xread,
        .find_keys = stream_read_keys,
        .arity = -4,
        .flags = CMD_READONLY | CMD_BLOCKING | CMD_MOVABLE_KEYS,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_KEYWORD,
                  .keyword = "STREAMS",
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .last = -1,
                  .step = 1,
                  .limit = 2}},
        .group = "stream",
        .since = "5.0.0",
        .summary = "Returns the entries of streams behind given IDs, and may wait for some.",
        .args = xread_args,
    },
    {
        .name = "xgroup",
        .run = NULL,
        .arity = -2,
        .flags = 0,
        .categories = 0,
        .group = "stream",
        .since = "5.0.0",
        .complexity = "Depends on the subcommand.",
        .summary = "Commands on groups of consumers.",
        .subcommands = xgroup_subcommands,
    },
    {
        .name = "xreadgroup",
        .run = stream_xreadgroup,
        .find_keys = stream_read_keys,
        .arity = -7,
        .flags = CMD_WRITE | CMD_BLOCKING | CMD_MOVABLE_KEYS,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_KEYWORD,
                  .keyword = "STREAMS",
                  .index = 4,
                  .find = KEY_FIND_RANGE,
                  .last = -1,
                  .step = 1,
                  .limit = 2}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(M) for each stream, M being the entries returned.",
        .summary = "Returns new entries to a consumer of a group, or those pending for it, and may "
                   "wait for some.",
        .args = xreadgroup_args,
    },
    {
        .name = "xack",
        .run = stream_xack,
        .arity = -4,
        .flags = CMD_WRITE | CMD_FAST,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1) for each ID.",
        .summary = "Acknowledges pending entries and tells how many there were.",
        .args = xack_args,
    },
    {
        .name = "xpending",
        .run = stream_xpending,
        .arity = -3,
        .flags = CMD_READONLY,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(N), N being the entries returned, and those passed over by IDLE. O(1) for "
                      "the summary of few consumers.",
        .summary = "Tells of the entries that are pending in a group.",
        .args = xpending_args,
        .history = xpending_history,
        .tips = xadd_tips,
    },
    {
        .name = "xclaim",
        .run = stream_xclaim,
        .arity = -6,
        .flags = CMD_WRITE | CMD_FAST,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(log N) for each ID, N being the entries pending in the group.",
        .summary = "Makes pending entries another consumer's.",
        .args = xclaim_args,
        .tips = xadd_tips,
    },
    {
        .name = "xautoclaim",
        .run = stream_xautoclaim,
        .arity = -6,
        .flags = CMD_WRITE | CMD_FAST,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RW | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "6.2.0",
        .complexity = "O(1) for each entry looked at.",
        .summary = "Makes entries that have been pending for long another consumer's.",
        .args = xautoclaim_args,
        .history = xautoclaim_history,
        .tips = xadd_tips,
    },
    {
        .name = "xinfo",
        .run = NULL,
        .arity = -2,
        .flags = 0,
        .categories = 0,
        .group = "stream",
        .since = "5.0.0",
        .complexity = "Depends on the subcommand.",
        .summary = "Commands that tell about streams and their groups.",
        .subcommands = xinfo_subcommands,
    },
    {
        .name = "xsetid",
        .run = stream_xsetid,
        .arity = -3,
        .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Sets a stream's last ID. For replication.",
        .args = xsetid_args,
        .history = xsetid_history,
    },
    {
        .name = "xackdel",
        .run = stream_xackdel,
        .arity = -6,
        .flags = CMD_WRITE | CMD_FAST,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RW | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "8.2.0",
        .complexity = "O(1) for each ID.",
        .summary = "Acknowledges pending entries and deletes them.",
        .args = xackdel_args,
    },
    {
        .name = "xdelex",
        .run = stream_xdelex,
        .arity = -5,
        .flags = CMD_WRITE | CMD_FAST,
        .categories = CAT_STREAM,
        .keys = {{.flags = KEY_RW | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "stream",
        .since = "8.2.0",
        .complexity = "O(1) for each ID.",
        .summary = "Deletes entries, with a say in what becomes of their being pending.",
        .args = xdelex_args,
    },
    {0},
};
