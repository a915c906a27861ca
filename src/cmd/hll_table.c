/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/families.h"
#include "cmd/hll.h"

static const struct command_arg pfadd_args[] = {
    {"key", ARG_KEY},
    {"element", ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE},
    {0},
};

static const struct command_arg pfcount_args[] = {
    {"key", ARG_KEY, .flags = ARG_MULTIPLE},
    {0},
};

static const struct command_arg pfmerge_args[] = {
    {"destkey", ARG_KEY},
    {"sourcekey", ARG_KEY, .flags = ARG_OPTIONAL | ARG_MULTIPLE, .key_spec = 1},
    {0},
};

static const struct command_arg subcommand_key_args[] = {
    {"subcommand", ARG_STRING},
    {"key", ARG_KEY},
    {0},
};

const struct command hll_commands[] = {
    {
        .name = "pfadd",
        .run = hll_pfadd,
        .arity = -2,
        .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
        .categories = CAT_HYPERLOGLOG,
        .keys = {{.flags = KEY_RW | KEY_INSERT,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "hyperloglog",
        .since = "2.8.9",
        .complexity = "O(1) for each element",
        .summary = "Shows elements to a HyperLogLog, which is created if it does not exist.",
        .args = pfadd_args,
    },
    {
        .name = "pfcount",
        .run = hll_pfcount,
        .arity = -2,
        .flags = CMD_READONLY | CMD_MAY_REPLICATE,
        .categories = CAT_HYPERLOGLOG,
        .keys =
            {{.flags = KEY_RW | KEY_ACCESS,
              .search = KEY_SEARCH_INDEX,
              .index = 1,
              .find = KEY_FIND_RANGE,
              .last = -1,
              .step = 1,
              .notes =
                  "RW, since the estimate is kept in the value; the command may reach replicas"}},
        .group = "hyperloglog",
        .since = "2.8.9",
        .complexity =
            "O(1) for one key, O(N) for N keys, with a constant of thousands of registers",
        .summary =
            "Estimates how many different elements one or several HyperLogLogs have been shown.",
        .args = pfcount_args,
    },
    {
        .name = "pfmerge",
        .run = hll_pfmerge,
        .arity = -2,
        .flags = CMD_WRITE | CMD_DENYOOM,
        .categories = CAT_HYPERLOGLOG,
        .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_INSERT,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1},
                 {.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_RANGE,
                  .last = -1,
                  .step = 1}},
        .group = "hyperloglog",
        .since = "2.8.9",
        .complexity = "O(N), N being the number of keys, with a constant of thousands of registers",
        .summary = "Lets a HyperLogLog know all that others have been shown.",
        .args = pfmerge_args,
    },
    {
        .name = "pfdebug",
        .run = hll_pfdebug,
        .arity = 3,
        .flags = CMD_WRITE | CMD_DENYOOM | CMD_ADMIN,
        .categories = CAT_HYPERLOGLOG,
        .keys = {{.flags = KEY_RW | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "hyperloglog",
        .since = "2.8.9",
        .complexity = "O(1), with a constant of thousands of registers",
        .summary = "Shows or changes how a HyperLogLog is stored.",
        .args = subcommand_key_args,
        .doc_flags = 2,
    },
    {
        .name = "pfselftest",
        .run = hll_pfselftest,
        .arity = 1,
        .flags = CMD_ADMIN,
        .categories = CAT_HYPERLOGLOG,
        .group = "hyperloglog",
        .since = "2.8.9",
        .complexity = "O(1), with a constant of some milliseconds",
        .summary = "Tests HyperLogLogs with elements of its own.",
        .doc_flags = 2,
    },
    {0},
};
