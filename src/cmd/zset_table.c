/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/families.h"
#include "cmd/zset.h"

static const struct command_arg zadd_condition_args[] = {
    {"nx", ARG_PURE_TOKEN, .token = "NX"},
    {"xx", ARG_PURE_TOKEN, .token = "XX"},
    {0},
};

static const struct command_arg zadd_comparison_args[] = {
    {"gt", ARG_PURE_TOKEN, .token = "GT"},
    {"lt", ARG_PURE_TOKEN, .token = "LT"},
    {0},
};

static const struct command_arg score_member_args[] = {
    {"score", ARG_DOUBLE},
    {"member", ARG_STRING},
    {0},
};

static const struct command_arg zadd_args[] = {
    {"key", ARG_KEY},
    {"condition", ARG_ONE_OF, .flags = ARG_OPTIONAL, .since = "3.0.2", .sub = zadd_condition_args},
    {"comparison", ARG_ONE_OF, .flags = ARG_OPTIONAL, .since = "6.2.0",
     .sub = zadd_comparison_args},
    {"change", ARG_PURE_TOKEN, .token = "CH", .flags = ARG_OPTIONAL, .since = "3.0.2"},
    {"increment", ARG_PURE_TOKEN, .token = "INCR", .flags = ARG_OPTIONAL, .since = "3.0.2"},
    {"data", ARG_BLOCK, .flags = ARG_MULTIPLE, .sub = score_member_args},
    {0},
};

static const struct command_history zadd_history[] = {
    {"2.4.0", "Takes several members."},
    {"3.0.2", "Takes XX, NX, CH and INCR."},
    {"6.2.0", "Takes GT and LT."},
    {0},
};

static const struct command_arg key_args[] = {
    {"key", ARG_KEY},
    {0},
};

static const struct command_arg key_min_max_args[] = {
    {"key", ARG_KEY},
    {"min", ARG_DOUBLE},
    {"max", ARG_DOUBLE},
    {0},
};

static const struct command_arg zdiff_args[] = {
    {"numkeys", ARG_INTEGER},
    {"key", ARG_KEY, .flags = ARG_MULTIPLE},
    {"withscores", ARG_PURE_TOKEN, .token = "WITHSCORES", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg zdiffstore_args[] = {
    {"destination", ARG_KEY},
    {"numkeys", ARG_INTEGER},
    {"key", ARG_KEY, .flags = ARG_MULTIPLE, .key_spec = 1},
    {0},
};

static const struct command_arg key_increment_member_args[] = {
    {"key", ARG_KEY},
    {"increment", ARG_INTEGER},
    {"member", ARG_STRING},
    {0},
};

static const struct command_arg zinter_aggregate_args[] = {
    {"sum", ARG_PURE_TOKEN, .token = "SUM"},
    {"min", ARG_PURE_TOKEN, .token = "MIN"},
    {"max", ARG_PURE_TOKEN, .token = "MAX"},
    {0},
};

static const struct command_arg zinter_args[] = {
    {"numkeys", ARG_INTEGER},
    {"key", ARG_KEY, .flags = ARG_MULTIPLE},
    {"weight", ARG_INTEGER, .token = "WEIGHTS", .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {"aggregate", ARG_ONE_OF, .token = "AGGREGATE", .flags = ARG_OPTIONAL,
     .sub = zinter_aggregate_args},
    {"withscores", ARG_PURE_TOKEN, .token = "WITHSCORES", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg zintercard_args[] = {
    {"numkeys", ARG_INTEGER},
    {"key", ARG_KEY, .flags = ARG_MULTIPLE},
    {"limit", ARG_INTEGER, .token = "LIMIT", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg zinterstore_args[] = {
    {"destination", ARG_KEY},
    {"numkeys", ARG_INTEGER},
    {"key", ARG_KEY, .flags = ARG_MULTIPLE, .key_spec = 1},
    {"weight", ARG_INTEGER, .token = "WEIGHTS", .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {"aggregate", ARG_ONE_OF, .token = "AGGREGATE", .flags = ARG_OPTIONAL,
     .sub = zinter_aggregate_args},
    {0},
};

static const struct command_arg key_min_max_args_2[] = {
    {"key", ARG_KEY},
    {"min", ARG_STRING},
    {"max", ARG_STRING},
    {0},
};

static const struct command_arg zmpop_where_args[] = {
    {"min", ARG_PURE_TOKEN, .token = "MIN"},
    {"max", ARG_PURE_TOKEN, .token = "MAX"},
    {0},
};

static const struct command_arg zmpop_args[] = {
    {"numkeys", ARG_INTEGER},
    {"key", ARG_KEY, .flags = ARG_MULTIPLE},
    {"where", ARG_ONE_OF, .sub = zmpop_where_args},
    {"count", ARG_INTEGER, .token = "COUNT", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg bzmpop_args[] = {
    {"timeout", ARG_DOUBLE},
    {"numkeys", ARG_INTEGER},
    {"key", ARG_KEY, .flags = ARG_MULTIPLE},
    {"where", ARG_ONE_OF, .sub = zmpop_where_args},
    {"count", ARG_INTEGER, .token = "COUNT", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg bzpopmin_args[] = {
    {"key", ARG_KEY, .flags = ARG_MULTIPLE},
    {"timeout", ARG_DOUBLE},
    {0},
};

static const struct command_history bzpopmin_history[] = {
    {"6.0.0", "The timeout is a number of seconds with a fraction, not a whole one."},
    {0},
};

static const struct command_arg zmscore_args[] = {
    {"key", ARG_KEY},
    {"member", ARG_STRING, .flags = ARG_MULTIPLE},
    {0},
};

static const struct command_arg zpopmax_args[] = {
    {"key", ARG_KEY},
    {"count", ARG_INTEGER, .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg zrandmember_options_args[] = {
    {"count", ARG_INTEGER},
    {"withscores", ARG_PURE_TOKEN, .token = "WITHSCORES", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg zrandmember_args[] = {
    {"key", ARG_KEY},
    {"options", ARG_BLOCK, .flags = ARG_OPTIONAL, .sub = zrandmember_options_args},
    {0},
};

static const char *const zrandmember_tips[] = {
    "nondeterministic_output",
    NULL,
};

static const struct command_arg zrange_sortby_args[] = {
    {"byscore", ARG_PURE_TOKEN, .token = "BYSCORE"},
    {"bylex", ARG_PURE_TOKEN, .token = "BYLEX"},
    {0},
};

static const struct command_arg offset_count_args[] = {
    {"offset", ARG_INTEGER},
    {"count", ARG_INTEGER},
    {0},
};

static const struct command_arg zrange_args[] = {
    {"key", ARG_KEY},
    {"start", ARG_STRING},
    {"stop", ARG_STRING},
    {"sortby", ARG_ONE_OF, .flags = ARG_OPTIONAL, .since = "6.2.0", .sub = zrange_sortby_args},
    {"rev", ARG_PURE_TOKEN, .token = "REV", .flags = ARG_OPTIONAL, .since = "6.2.0"},
    {"limit", ARG_BLOCK, .token = "LIMIT", .flags = ARG_OPTIONAL, .since = "6.2.0",
     .sub = offset_count_args},
    {"withscores", ARG_PURE_TOKEN, .token = "WITHSCORES", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_history zrange_history[] = {
    {"6.2.0", "Takes REV, BYSCORE, BYLEX and LIMIT."},
    {0},
};

static const struct command_arg zrangebylex_args[] = {
    {"key", ARG_KEY},
    {"min", ARG_STRING},
    {"max", ARG_STRING},
    {"limit", ARG_BLOCK, .token = "LIMIT", .flags = ARG_OPTIONAL, .sub = offset_count_args},
    {0},
};

static const struct command_arg zrangebyscore_args[] = {
    {"key", ARG_KEY},
    {"min", ARG_DOUBLE},
    {"max", ARG_DOUBLE},
    {"withscores", ARG_PURE_TOKEN, .token = "WITHSCORES", .flags = ARG_OPTIONAL, .since = "2.0.0"},
    {"limit", ARG_BLOCK, .token = "LIMIT", .flags = ARG_OPTIONAL, .sub = offset_count_args},
    {0},
};

static const struct command_history zrangebyscore_history[] = {
    {"2.0.0", "Takes WITHSCORES."},
    {0},
};

static const struct command_arg zrangestore_args[] = {
    {"dst", ARG_KEY},
    {"src", ARG_KEY, .key_spec = 1},
    {"min", ARG_STRING},
    {"max", ARG_STRING},
    {"sortby", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = zrange_sortby_args},
    {"rev", ARG_PURE_TOKEN, .token = "REV", .flags = ARG_OPTIONAL},
    {"limit", ARG_BLOCK, .token = "LIMIT", .flags = ARG_OPTIONAL, .sub = offset_count_args},
    {0},
};

static const struct command_arg zrank_args[] = {
    {"key", ARG_KEY},
    {"member", ARG_STRING},
    {"withscore", ARG_PURE_TOKEN, .token = "WITHSCORE", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_history zrank_history[] = {
    {"7.2.0", "Takes WITHSCORE."},
    {0},
};

static const struct command_history zrem_history[] = {
    {"2.4.0", "Takes several members."},
    {0},
};

static const struct command_arg key_start_stop_args[] = {
    {"key", ARG_KEY},
    {"start", ARG_INTEGER},
    {"stop", ARG_INTEGER},
    {0},
};

static const struct command_arg zrevrange_args[] = {
    {"key", ARG_KEY},
    {"start", ARG_INTEGER},
    {"stop", ARG_INTEGER},
    {"withscores", ARG_PURE_TOKEN, .token = "WITHSCORES", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg zrevrangebylex_args[] = {
    {"key", ARG_KEY},
    {"max", ARG_STRING},
    {"min", ARG_STRING},
    {"limit", ARG_BLOCK, .token = "LIMIT", .flags = ARG_OPTIONAL, .sub = offset_count_args},
    {0},
};

static const struct command_arg zrevrangebyscore_args[] = {
    {"key", ARG_KEY},
    {"max", ARG_DOUBLE},
    {"min", ARG_DOUBLE},
    {"withscores", ARG_PURE_TOKEN, .token = "WITHSCORES", .flags = ARG_OPTIONAL},
    {"limit", ARG_BLOCK, .token = "LIMIT", .flags = ARG_OPTIONAL, .sub = offset_count_args},
    {0},
};

static const struct command_history zrevrangebyscore_history[] = {
    {"2.1.6", "Limits can be exclusive."},
    {0},
};

static const struct command_arg zscan_args[] = {
    {"key", ARG_KEY},
    {"cursor", ARG_INTEGER},
    {"pattern", ARG_PATTERN, .token = "MATCH", .flags = ARG_OPTIONAL},
    {"count", ARG_INTEGER, .token = "COUNT", .flags = ARG_OPTIONAL},
    {"noscores", ARG_PURE_TOKEN, .token = "NOSCORES", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_history zscan_history[] = {
    {"8.0.0", "Takes NOSCORES."},
    {0},
};

static const struct command_arg key_member_args[] = {
    {"key", ARG_KEY},
    {"member", ARG_STRING},
    {0},
};

const struct command zset_commands[] = {
    {
        .name = "bzpopmin",
        .run = zset_bzpopmin,
        .arity = -3,
        .flags = CMD_WRITE | CMD_BLOCKING | CMD_FAST,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .last = -2,
                  .step = 1}},
        .group = "sorted-set",
        .since = "5.0.0",
        .complexity = "O(log(N)) with N the number of members",
        .summary = "Takes the lowest member of the first of several sorted sets that has any; "
                   "waits for one.",
        .args = bzpopmin_args,
        .history = bzpopmin_history,
    },
    {
        .name = "bzpopmax",
        .run = zset_bzpopmax,
        .arity = -3,
        .flags = CMD_WRITE | CMD_BLOCKING | CMD_FAST,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .last = -2,
                  .step = 1}},
        .group = "sorted-set",
        .since = "5.0.0",
        .complexity = "O(log(N)) with N the number of members",
        .summary = "Takes the highest member of the first of several sorted sets that has any; "
                   "waits for one.",
        .args = bzpopmin_args,
        .history = bzpopmin_history,
    },
    {
        .name = "bzmpop",
        .run = zset_bzmpop,
        .arity = -5,
        .flags = CMD_WRITE | CMD_BLOCKING | CMD_MOVABLE_KEYS,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_COUNT,
                  .first_index = 1,
                  .step = 1}},
        .group = "sorted-set",
        .since = "7.0.0",
        .complexity = "O(K)+O(M*log(N)), where K is the number of keys, M the number of members "
                      "taken and N the size of the set.",
        .summary =
            "Takes members from the first of several sorted sets that has any; waits for them.",
        .args = bzmpop_args,
    },
    {
        .name = "zadd",
        .run = zset_zadd,
        .arity = -4,
        .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_ELEMENT | CMD_ELEMENT_BEHIND,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "1.2.0",
        .complexity = "O(log(N)) for each member, where N is the size of the sorted set.",
        .summary = "Adds members to a sorted set, or gives those that are there new scores; "
                   "creates the set if there is none.",
        .args = zadd_args,
        .history = zadd_history,
    },
    {
        .name = "zcard",
        .run = zset_zcard,
        .arity = 2,
        .flags = CMD_READONLY | CMD_FAST,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "1.2.0",
        .complexity = "O(1)",
        .summary = "Tells how many members a sorted set has.",
        .args = key_args,
    },
    {
        .name = "zcount",
        .run = zset_zcount,
        .arity = 4,
        .flags = CMD_READONLY | CMD_FAST,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "2.0.0",
        .complexity = "O(log(N)), where N is the size of the sorted set.",
        .summary = "Counts the members whose scores lie in a range.",
        .args = key_min_max_args,
    },
    {
        .name = "zdiff",
        .run = zset_zdiff,
        .arity = -3,
        .flags = CMD_READONLY | CMD_MOVABLE_KEYS,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_COUNT,
                  .first_index = 1,
                  .step = 1}},
        .group = "sorted-set",
        .since = "6.2.0",
        .complexity = "O(L + (N-K)log(N)) at worst, where L is the number of members in all the "
                      "sets, N the size of the first, and K the size of the result.",
        .summary = "Shows what the first sorted set has and none of the others.",
        .args = zdiff_args,
    },
    {
        .name = "zdiffstore",
        .run = zset_zdiffstore,
        .arity = -4,
        .flags = CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_OW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1},
                 {.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_COUNT,
                  .first_index = 1,
                  .step = 1}},
        .group = "sorted-set",
        .since = "6.2.0",
        .complexity = "O(L + (N-K)log(N)) at worst, where L is the number of members in all the "
                      "sets, N the size of the first, and K the size of the result.",
        .summary = "Stores under a key what the first sorted set has and none of the others.",
        .args = zdiffstore_args,
    },
    {
        .name = "zincrby",
        .run = zset_zincrby,
        .arity = 4,
        .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST | CMD_ELEMENT | CMD_ELEMENT_BEHIND,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "1.2.0",
        .complexity = "O(log(N)), where N is the size of the sorted set.",
        .summary = "Adds a number to the score of a member, which starts from 0 if it is new.",
        .args = key_increment_member_args,
    },
    {
        .name = "zinter",
        .run = zset_zinter,
        .arity = -3,
        .flags = CMD_READONLY | CMD_MOVABLE_KEYS,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_COUNT,
                  .first_index = 1,
                  .step = 1}},
        .group = "sorted-set",
        .since = "6.2.0",
        .complexity = "O(N*K)+O(M*log(M)) at worst, where N is the size of the smallest of K sets "
                      "and M that of the result.",
        .summary = "Shows what several sorted sets have in common.",
        .args = zinter_args,
    },
    {
        .name = "zintercard",
        .run = zset_zintercard,
        .arity = -3,
        .flags = CMD_READONLY | CMD_MOVABLE_KEYS,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_COUNT,
                  .first_index = 1,
                  .step = 1}},
        .group = "sorted-set",
        .since = "7.0.0",
        .complexity = "O(N*K) at worst, where N is the size of the smallest of K sets.",
        .summary = "Counts what several sorted sets have in common.",
        .args = zintercard_args,
    },
    {
        .name = "zinterstore",
        .run = zset_zinterstore,
        .arity = -4,
        .flags = CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_OW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1},
                 {.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_COUNT,
                  .first_index = 1,
                  .step = 1}},
        .group = "sorted-set",
        .since = "2.0.0",
        .complexity = "O(N*K)+O(M*log(M)) at worst, where N is the size of the smallest of K sets "
                      "and M that of the result.",
        .summary = "Stores under a key what several sorted sets have in common.",
        .args = zinterstore_args,
    },
    {
        .name = "zlexcount",
        .run = zset_zlexcount,
        .arity = 4,
        .flags = CMD_READONLY | CMD_FAST,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "2.8.9",
        .complexity = "O(log(N)), where N is the size of the sorted set.",
        .summary =
            "Counts the members between two others, in a sorted set whose scores are all the same.",
        .args = key_min_max_args_2,
    },
    {
        .name = "zmpop",
        .run = zset_zmpop,
        .arity = -4,
        .flags = CMD_WRITE | CMD_MOVABLE_KEYS,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_COUNT,
                  .first_index = 1,
                  .step = 1}},
        .group = "sorted-set",
        .since = "7.0.0",
        .complexity = "O(K) + O(M*log(N)), where K is the number of keys, N the size of the sorted "
                      "set and M the number of members taken.",
        .summary = "Takes members with the lowest or highest scores out of the first sorted set "
                   "that has any.",
        .args = zmpop_args,
    },
    {
        .name = "zmscore",
        .run = zset_zmscore,
        .arity = -3,
        .flags = CMD_READONLY | CMD_FAST | CMD_ELEMENT,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "6.2.0",
        .complexity = "O(N), where N is the number of members asked for.",
        .summary = "Tells the scores of several members.",
        .args = zmscore_args,
    },
    {
        .name = "zpopmax",
        .run = zset_zpopmax,
        .arity = -2,
        .flags = CMD_WRITE | CMD_FAST,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "5.0.0",
        .complexity =
            "O(log(N)*M), where N is the size of the sorted set and M the number of members taken.",
        .summary = "Takes the members with the highest scores out of a sorted set.",
        .args = zpopmax_args,
    },
    {
        .name = "zpopmin",
        .run = zset_zpopmin,
        .arity = -2,
        .flags = CMD_WRITE | CMD_FAST,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "5.0.0",
        .complexity =
            "O(log(N)*M), where N is the size of the sorted set and M the number of members taken.",
        .summary = "Takes the members with the lowest scores out of a sorted set.",
        .args = zpopmax_args,
    },
    {
        .name = "zrandmember",
        .run = zset_zrandmember,
        .arity = -2,
        .flags = CMD_READONLY,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "6.2.0",
        .complexity = "O(N), where N is the number of members asked for.",
        .summary = "Shows members picked at random.",
        .args = zrandmember_args,
        .tips = zrandmember_tips,
    },
    {
        .name = "zrange",
        .run = zset_zrange,
        .arity = -4,
        .flags = CMD_READONLY,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "1.2.0",
        .complexity =
            "O(log(N)+M), where N is the size of the sorted set and M the number of members shown.",
        .summary = "Shows the members in a range of ranks, scores or names.",
        .args = zrange_args,
        .history = zrange_history,
    },
    {
        .name = "zrangebylex",
        .run = zset_zrangebylex,
        .arity = -4,
        .flags = CMD_READONLY,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "2.8.9",
        .complexity =
            "O(log(N)+M), where N is the size of the sorted set and M the number of members shown.",
        .summary =
            "Shows the members between two others, in a sorted set whose scores are all the same.",
        .args = zrangebylex_args,
    },
    {
        .name = "zrangebyscore",
        .run = zset_zrangebyscore,
        .arity = -4,
        .flags = CMD_READONLY,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "1.0.5",
        .complexity =
            "O(log(N)+M), where N is the size of the sorted set and M the number of members shown.",
        .summary = "Shows the members whose scores lie in a range.",
        .args = zrangebyscore_args,
        .history = zrangebyscore_history,
    },
    {
        .name = "zrangestore",
        .run = zset_zrangestore,
        .arity = -5,
        .flags = CMD_WRITE | CMD_DENYOOM,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_OW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1},
                 {.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "6.2.0",
        .complexity = "O(log(N)+M), where N is the size of the sorted set and M the number of "
                      "members stored.",
        .summary = "Stores under a key the members in a range of ranks, scores or names.",
        .args = zrangestore_args,
    },
    {
        .name = "zrank",
        .run = zset_zrank,
        .arity = -3,
        .flags = CMD_READONLY | CMD_FAST | CMD_ELEMENT,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "2.0.0",
        .complexity = "O(log(N))",
        .summary = "Tells the place of a member when the lowest score comes first.",
        .args = zrank_args,
        .history = zrank_history,
    },
    {
        .name = "zrem",
        .run = zset_zrem,
        .arity = -3,
        .flags = CMD_WRITE | CMD_FAST | CMD_ELEMENT,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RW | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "1.2.0",
        .complexity = "O(M*log(N)), where N is the size of the sorted set and M the number of "
                      "members to be removed.",
        .summary = "Removes members from a sorted set; the last one takes the key with it.",
        .args = zmscore_args,
        .history = zrem_history,
    },
    {
        .name = "zremrangebylex",
        .run = zset_zremrangebylex,
        .arity = 4,
        .flags = CMD_WRITE,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RW | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "2.8.9",
        .complexity = "O(log(N)+M), where N is the size of the sorted set and M the number of "
                      "members removed.",
        .summary = "Removes the members between two others, in a sorted set whose scores are all "
                   "the same.",
        .args = key_min_max_args_2,
    },
    {
        .name = "zremrangebyrank",
        .run = zset_zremrangebyrank,
        .arity = 4,
        .flags = CMD_WRITE,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RW | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "2.0.0",
        .complexity = "O(log(N)+M), where N is the size of the sorted set and M the number of "
                      "members removed.",
        .summary = "Removes the members in a range of ranks.",
        .args = key_start_stop_args,
    },
    {
        .name = "zremrangebyscore",
        .run = zset_zremrangebyscore,
        .arity = 4,
        .flags = CMD_WRITE,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RW | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "1.2.0",
        .complexity = "O(log(N)+M), where N is the size of the sorted set and M the number of "
                      "members removed.",
        .summary = "Removes the members whose scores lie in a range.",
        .args = key_min_max_args,
    },
    {
        .name = "zrevrange",
        .run = zset_zrevrange,
        .arity = -4,
        .flags = CMD_READONLY,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "1.2.0",
        .complexity =
            "O(log(N)+M), where N is the size of the sorted set and M the number of members shown.",
        .summary = "Shows the members in a range of ranks, the highest score first.",
        .args = zrevrange_args,
    },
    {
        .name = "zrevrangebylex",
        .run = zset_zrevrangebylex,
        .arity = -4,
        .flags = CMD_READONLY,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "2.8.9",
        .complexity =
            "O(log(N)+M), where N is the size of the sorted set and M the number of members shown.",
        .summary = "Shows the members between two others, the last one first, in a sorted set "
                   "whose scores are all the same.",
        .args = zrevrangebylex_args,
    },
    {
        .name = "zrevrangebyscore",
        .run = zset_zrevrangebyscore,
        .arity = -4,
        .flags = CMD_READONLY,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "2.2.0",
        .complexity =
            "O(log(N)+M), where N is the size of the sorted set and M the number of members shown.",
        .summary = "Shows the members whose scores lie in a range, the highest first.",
        .args = zrevrangebyscore_args,
        .history = zrevrangebyscore_history,
    },
    {
        .name = "zrevrank",
        .run = zset_zrevrank,
        .arity = -3,
        .flags = CMD_READONLY | CMD_FAST | CMD_ELEMENT,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "2.0.0",
        .complexity = "O(log(N))",
        .summary = "Tells the place of a member when the highest score comes first.",
        .args = zrank_args,
        .history = zrank_history,
    },
    {
        .name = "zscan",
        .run = zset_zscan,
        .arity = -3,
        .flags = CMD_READONLY,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "2.8.0",
        .complexity = "O(1) for each call, O(N) for all of them until the cursor is 0 again, where "
                      "N is the size of the sorted set.",
        .summary = "Goes through the members and scores of a sorted set, a part at a time.",
        .args = zscan_args,
        .history = zscan_history,
        .tips = zrandmember_tips,
    },
    {
        .name = "zscore",
        .run = zset_zscore,
        .arity = 3,
        .flags = CMD_READONLY | CMD_FAST | CMD_ELEMENT,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "sorted-set",
        .since = "1.2.0",
        .complexity = "O(1)",
        .summary = "Tells the score of a member.",
        .args = key_member_args,
    },
    {
        .name = "zunion",
        .run = zset_zunion,
        .arity = -3,
        .flags = CMD_READONLY | CMD_MOVABLE_KEYS,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_COUNT,
                  .first_index = 1,
                  .step = 1}},
        .group = "sorted-set",
        .since = "6.2.0",
        .complexity = "O(N)+O(M*log(M)), where N is the number of members in all the sets and M "
                      "the size of the result.",
        .summary = "Shows what is in any of several sorted sets.",
        .args = zinter_args,
    },
    {
        .name = "zunionstore",
        .run = zset_zunionstore,
        .arity = -4,
        .flags = CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS,
        .categories = CAT_SORTEDSET,
        .keys = {{.flags = KEY_OW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1},
                 {.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_COUNT,
                  .first_index = 1,
                  .step = 1}},
        .group = "sorted-set",
        .since = "2.0.0",
        .complexity = "O(N)+O(M*log(M)), where N is the number of members in all the sets and M "
                      "the size of the result.",
        .summary = "Stores under a key what is in any of several sorted sets.",
        .args = zinterstore_args,
    },
    {0},
};
