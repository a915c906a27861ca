/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/families.h"
#include "cmd/sort.h"

static const struct command_arg offset_count_args[] = {
    {"offset", ARG_INTEGER},
    {"count", ARG_INTEGER},
    {0},
};

static const struct command_arg sort_order_args[] = {
    {"asc", ARG_PURE_TOKEN, .token = "ASC"},
    {"desc", ARG_PURE_TOKEN, .token = "DESC"},
    {0},
};

static const struct command_arg sort_args[] = {
    {"key", ARG_KEY},
    {"by-pattern", ARG_PATTERN, .token = "BY", .flags = ARG_OPTIONAL, .display = "pattern"},
    {"limit", ARG_BLOCK, .token = "LIMIT", .flags = ARG_OPTIONAL, .sub = offset_count_args},
    {"get-pattern", ARG_PATTERN, .token = "GET",
     .flags = ARG_OPTIONAL | ARG_MULTIPLE | ARG_MULTIPLE_TOKEN, .display = "pattern"},
    {"order", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = sort_order_args},
    {"sorting", ARG_PURE_TOKEN, .token = "ALPHA", .flags = ARG_OPTIONAL},
    {"destination", ARG_KEY, .token = "STORE", .flags = ARG_OPTIONAL, .key_spec = 2},
    {0},
};

static const struct command_arg sort_ro_args[] = {
    {"key", ARG_KEY},
    {"by-pattern", ARG_PATTERN, .token = "BY", .flags = ARG_OPTIONAL, .display = "pattern"},
    {"limit", ARG_BLOCK, .token = "LIMIT", .flags = ARG_OPTIONAL, .sub = offset_count_args},
    {"get-pattern", ARG_PATTERN, .token = "GET",
     .flags = ARG_OPTIONAL | ARG_MULTIPLE | ARG_MULTIPLE_TOKEN, .display = "pattern"},
    {"order", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = sort_order_args},
    {"sorting", ARG_PURE_TOKEN, .token = "ALPHA", .flags = ARG_OPTIONAL},
    {0},
};

const struct command sort_commands[] = {
    {
        .name = "sort",
        .run = sort_sort,
        .arity = -2,
        .flags = CMD_WRITE | CMD_DENYOOM | CMD_MOVABLE_KEYS | CMD_EXCLUSIVE,
        .categories = CAT_SET | CAT_SORTEDSET | CAT_LIST | CAT_DANGEROUS,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1},
                 {.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_UNKNOWN,
                  .find = KEY_FIND_UNKNOWN,
                  .notes = "Keys that BY and GET make up follow from the elements, so they are not "
                           "known beforehand."},
                 {.flags = KEY_OW | KEY_UPDATE,
                  .search = KEY_SEARCH_UNKNOWN,
                  .find = KEY_FIND_UNKNOWN,
                  .notes = "STORE may stand anywhere among the options."}},
        .find_keys = sort_find_keys,
        .needs_exclusive = sort_needs_exclusive,
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(N+M*log(M)), N being the number of elements and M that of those shown; "
                      "O(N) without sorting",
        .summary = "Shows the elements of a list, a set or a sorted set in order, or stores them "
                   "as a list.",
        .args = sort_args,
    },
    {
        .name = "sort_ro",
        .run = sort_sort_ro,
        .arity = -2,
        .flags = CMD_READONLY | CMD_MOVABLE_KEYS | CMD_EXCLUSIVE,
        .categories = CAT_SET | CAT_SORTEDSET | CAT_LIST | CAT_DANGEROUS,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1},
                 {.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_UNKNOWN,
                  .find = KEY_FIND_UNKNOWN,
                  .notes = "Keys that BY and GET make up follow from the elements, so they are not "
                           "known beforehand."}},
        .group = "generic",
        .since = "7.0.0",
        .complexity = "O(N+M*log(M)), N being the number of elements and M that of those shown; "
                      "O(N) without sorting",
        .summary = "Shows the elements of a list, a set or a sorted set in order.",
        .args = sort_ro_args,
    },
    {0},
};
