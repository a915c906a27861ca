/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/bitmap.h"
#include "cmd/families.h"

static const struct command_arg bitcount_range_end_unit_block_unit_args[] = {
    {"byte", ARG_PURE_TOKEN, .token = "BYTE"},
    {"bit", ARG_PURE_TOKEN, .token = "BIT"},
    {0},
};

static const struct command_arg bitcount_range_end_unit_block_args[] = {
    {"end", ARG_INTEGER},
    {"unit", ARG_ONE_OF, .flags = ARG_OPTIONAL, .since = "7.0.0",
     .sub = bitcount_range_end_unit_block_unit_args},
    {0},
};

static const struct command_arg bitcount_range_args[] = {
    {"start", ARG_INTEGER},
    {"end-unit-block", ARG_BLOCK, .flags = ARG_OPTIONAL, .sub = bitcount_range_end_unit_block_args},
    {0},
};

static const struct command_arg bitcount_args[] = {
    {"key", ARG_KEY},
    {"range", ARG_BLOCK, .flags = ARG_OPTIONAL, .sub = bitcount_range_args},
    {0},
};

static const struct command_history bitcount_history[] = {
    {"7.0.0", "Takes BYTE and BIT."},
    {"8.0.0", "The end may be left out, the range then reaches to the last byte."},
    {0},
};

static const struct command_arg encoding_offset_args[] = {
    {"encoding", ARG_STRING},
    {"offset", ARG_INTEGER},
    {0},
};

static const struct command_arg bitfield_operation_write_overflow_block_args[] = {
    {"wrap", ARG_PURE_TOKEN, .token = "WRAP"},
    {"sat", ARG_PURE_TOKEN, .token = "SAT"},
    {"fail", ARG_PURE_TOKEN, .token = "FAIL"},
    {0},
};

static const struct command_arg encoding_offset_value_args[] = {
    {"encoding", ARG_STRING},
    {"offset", ARG_INTEGER},
    {"value", ARG_INTEGER},
    {0},
};

static const struct command_arg encoding_offset_increment_args[] = {
    {"encoding", ARG_STRING},
    {"offset", ARG_INTEGER},
    {"increment", ARG_INTEGER},
    {0},
};

static const struct command_arg bitfield_operation_write_write_operation_args[] = {
    {"set-block", ARG_BLOCK, .token = "SET", .sub = encoding_offset_value_args},
    {"incrby-block", ARG_BLOCK, .token = "INCRBY", .sub = encoding_offset_increment_args},
    {0},
};

static const struct command_arg bitfield_operation_write_args[] = {
    {"overflow-block", ARG_ONE_OF, .token = "OVERFLOW", .flags = ARG_OPTIONAL,
     .sub = bitfield_operation_write_overflow_block_args},
    {"write-operation", ARG_ONE_OF, .sub = bitfield_operation_write_write_operation_args},
    {0},
};

static const struct command_arg bitfield_operation_args[] = {
    {"get-block", ARG_BLOCK, .token = "GET", .sub = encoding_offset_args},
    {"write", ARG_BLOCK, .sub = bitfield_operation_write_args},
    {0},
};

static const struct command_arg bitfield_args[] = {
    {"key", ARG_KEY},
    {"operation", ARG_ONE_OF, .flags = ARG_OPTIONAL | ARG_MULTIPLE, .sub = bitfield_operation_args},
    {0},
};

static const struct command_arg bitfield_ro_args[] = {
    {"key", ARG_KEY},
    {"get-block", ARG_BLOCK, .token = "GET",
     .flags = ARG_OPTIONAL | ARG_MULTIPLE | ARG_MULTIPLE_TOKEN, .sub = encoding_offset_args},
    {0},
};

static const struct command_arg bitop_operation_args[] = {
    {"and", ARG_PURE_TOKEN, .token = "AND"},
    {"or", ARG_PURE_TOKEN, .token = "OR"},
    {"xor", ARG_PURE_TOKEN, .token = "XOR"},
    {"not", ARG_PURE_TOKEN, .token = "NOT"},
    {0},
};

static const struct command_arg bitop_args[] = {
    {"operation", ARG_ONE_OF, .sub = bitop_operation_args},
    {"destkey", ARG_KEY},
    {"key", ARG_KEY, .flags = ARG_MULTIPLE, .key_spec = 1},
    {0},
};

static const struct command_arg bitpos_args[] = {
    {"key", ARG_KEY},
    {"bit", ARG_INTEGER},
    {"range", ARG_BLOCK, .flags = ARG_OPTIONAL, .sub = bitcount_range_args},
    {0},
};

static const struct command_history bitpos_history[] = {
    {"7.0.0", "Takes BYTE and BIT."},
    {0},
};

static const struct command_arg key_offset_args[] = {
    {"key", ARG_KEY},
    {"offset", ARG_INTEGER},
    {0},
};

static const struct command_arg key_offset_value_args[] = {
    {"key", ARG_KEY},
    {"offset", ARG_INTEGER},
    {"value", ARG_INTEGER},
    {0},
};

const struct command bitmap_commands[] = {
    {
        .name = "bitcount",
        .run = bitmap_bitcount,
        .arity = -2,
        .flags = CMD_READONLY,
        .categories = CAT_BITMAP,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "bitmap",
        .since = "2.6.0",
        .complexity = "O(N)",
        .summary = "Counts the bits that are set.",
        .args = bitcount_args,
        .history = bitcount_history,
    },
    {
        .name = "bitfield",
        .run = bitmap_bitfield,
        .arity = -2,
        .flags = CMD_WRITE | CMD_DENYOOM,
        .key_flags = bitmap_bitfield_key_flags,
        .categories = CAT_BITMAP,
        .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_UPDATE | KEY_VARIABLE_FLAGS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1,
                  .notes = "GET operations read the value"}},
        .group = "bitmap",
        .since = "3.2.0",
        .complexity = "O(N) where N is the number of operations",
        .summary = "Reads and changes integers of any width within a string.",
        .args = bitfield_args,
    },
    {
        .name = "bitfield_ro",
        .run = bitmap_bitfield_ro,
        .arity = -2,
        .flags = CMD_READONLY | CMD_FAST,
        .categories = CAT_BITMAP,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "bitmap",
        .since = "6.0.0",
        .complexity = "O(N) where N is the number of operations",
        .summary = "Reads integers of any width within a string.",
        .args = bitfield_ro_args,
    },
    {
        .name = "bitop",
        .run = bitmap_bitop,
        .arity = -4,
        .flags = CMD_WRITE | CMD_DENYOOM,
        .categories = CAT_BITMAP,
        .keys = {{.flags = KEY_OW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 2,
                  .find = KEY_FIND_RANGE,
                  .step = 1},
                 {.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 3,
                  .find = KEY_FIND_RANGE,
                  .last = -1,
                  .step = 1}},
        .group = "bitmap",
        .since = "2.6.0",
        .complexity = "O(N)",
        .summary = "Combines the bits of strings and stores the result.",
        .args = bitop_args,
    },
    {
        .name = "bitpos",
        .run = bitmap_bitpos,
        .arity = -3,
        .flags = CMD_READONLY,
        .categories = CAT_BITMAP,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "bitmap",
        .since = "2.8.7",
        .complexity = "O(N)",
        .summary = "Finds the first bit that is set, or the first that is clear.",
        .args = bitpos_args,
        .history = bitpos_history,
    },
    {
        .name = "getbit",
        .run = bitmap_getbit,
        .arity = 3,
        .flags = CMD_READONLY | CMD_FAST,
        .categories = CAT_BITMAP,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "bitmap",
        .since = "2.2.0",
        .complexity = "O(1)",
        .summary = "Answers one bit of a string.",
        .args = key_offset_args,
    },
    {
        .name = "setbit",
        .run = bitmap_setbit,
        .arity = 4,
        .flags = CMD_WRITE | CMD_DENYOOM,
        .categories = CAT_BITMAP,
        .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "bitmap",
        .since = "2.2.0",
        .complexity = "O(1)",
        .summary = "Gives one bit of a string its value and answers the old one.",
        .args = key_offset_value_args,
    },
    {0},
};
