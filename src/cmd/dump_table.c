/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/dump.h"
#include "cmd/families.h"

static const struct command_arg key_args[] = {
    {"key", ARG_KEY},
    {0},
};

static const char *const dump_tips[] = {
    "nondeterministic_output",
    NULL,
};

static const struct command_arg restore_args[] = {
    {"key", ARG_KEY},
    {"ttl", ARG_INTEGER},
    {"serialized-value", ARG_STRING},
    {"replace", ARG_PURE_TOKEN, .token = "REPLACE", .flags = ARG_OPTIONAL, .since = "3.0.0"},
    {"absttl", ARG_PURE_TOKEN, .token = "ABSTTL", .flags = ARG_OPTIONAL, .since = "5.0.0"},
    {"seconds", ARG_INTEGER, .token = "IDLETIME", .flags = ARG_OPTIONAL, .since = "5.0.0"},
    {"frequency", ARG_INTEGER, .token = "FREQ", .flags = ARG_OPTIONAL, .since = "5.0.0"},
    {0},
};

static const struct command_history restore_history[] = {
    {"3.0.0", "Added the REPLACE modifier."},
    {"5.0.0", "Added the ABSTTL modifier."},
    {"5.0.0", "Added the IDLETIME and FREQ options."},
    {0},
};

static const struct command_arg migrate_key_selector_args[] = {
    {"key", ARG_KEY},
    {"empty-string", ARG_PURE_TOKEN, .token = ""},
    {0},
};

static const struct command_arg username_password_args[] = {
    {"username", ARG_STRING},
    {"password", ARG_STRING},
    {0},
};

static const struct command_arg migrate_authentication_args[] = {
    {"auth", ARG_STRING, .token = "AUTH", .since = "4.0.7", .display = "password"},
    {"auth2", ARG_BLOCK, .token = "AUTH2", .since = "6.0.0", .sub = username_password_args},
    {0},
};

static const struct command_arg migrate_args[] = {
    {"host", ARG_STRING},
    {"port", ARG_INTEGER},
    {"key-selector", ARG_ONE_OF, .sub = migrate_key_selector_args},
    {"destination-db", ARG_INTEGER},
    {"timeout", ARG_INTEGER},
    {"copy", ARG_PURE_TOKEN, .token = "COPY", .flags = ARG_OPTIONAL, .since = "3.0.0"},
    {"replace", ARG_PURE_TOKEN, .token = "REPLACE", .flags = ARG_OPTIONAL, .since = "3.0.0"},
    {"authentication", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = migrate_authentication_args},
    {"keys", ARG_KEY, .token = "KEYS", .flags = ARG_OPTIONAL | ARG_MULTIPLE, .key_spec = 1,
     .since = "3.0.6", .display = "key"},
    {0},
};

static const struct command_history migrate_history[] = {
    {"3.0.0", "Takes COPY and REPLACE."},
    {"3.0.6", "Takes KEYS."},
    {"4.0.7", "Takes AUTH."},
    {"6.0.0", "Takes AUTH2."},
    {0},
};

const struct command dump_commands[] = {
    {
        .name = "dump",
        .run = dump_dump,
        .arity = 2,
        .flags = CMD_READONLY,
        .categories = CAT_KEYSPACE,
        .keys = {{.flags = KEY_RO | KEY_ACCESS,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "generic",
        .since = "2.6.0",
        .complexity = "O(1) to find the key, and O(N) for N bytes of value",
        .summary = "Shows a key's value as bytes that RESTORE understands.",
        .args = key_args,
        .tips = dump_tips,
    },
    {
        .name = "migrate",
        .run = dump_migrate,
        .arity = -6,
        .flags = CMD_WRITE | CMD_MOVABLE_KEYS | CMD_NO_UNDO,
        .categories = CAT_KEYSPACE | CAT_DANGEROUS,
        .keys = {{.flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 3,
                  .find = KEY_FIND_RANGE,
                  .step = 1},
                 {.flags = KEY_RW | KEY_ACCESS | KEY_DELETE | KEY_INCOMPLETE,
                  .search = KEY_SEARCH_KEYWORD,
                  .keyword = "KEYS",
                  .index = -2,
                  .find = KEY_FIND_RANGE,
                  .last = -1,
                  .step = 1}},
        .group = "generic",
        .since = "2.6.0",
        .complexity = "DUMP here, RESTORE over there, DEL here, and sending O(N) bytes in between",
        .summary = "Moves keys to another server, or copies them there.",
        .find_keys = dump_migrate_keys,
        .args = migrate_args,
        .history = migrate_history,
        .tips = dump_tips,
    },
    {
        .name = "restore",
        .run = dump_restore,
        .arity = -4,
        .flags = CMD_WRITE | CMD_DENYOOM,
        .categories = CAT_KEYSPACE | CAT_DANGEROUS,
        .keys = {{.flags = KEY_OW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "generic",
        .since = "2.6.0",
        .complexity =
            "O(1) to make the key, and O(N) for N bytes of value, O(N*log(N)) for sorted sets",
        .summary = "Creates a key from what DUMP has shown.",
        .args = restore_args,
        .history = restore_history,
    },
    {
        .name = "restore-asking",
        .run = dump_restore,
        .arity = -4,
        .flags = CMD_WRITE | CMD_DENYOOM | CMD_ASKING,
        .categories = CAT_KEYSPACE | CAT_DANGEROUS,
        .keys = {{.flags = KEY_OW | KEY_UPDATE,
                  .search = KEY_SEARCH_INDEX,
                  .index = 1,
                  .find = KEY_FIND_RANGE,
                  .step = 1}},
        .group = "server",
        .since = "3.0.0",
        .complexity =
            "O(1) to make the key, and O(N) for N bytes of value, O(N*log(N)) for sorted sets",
        .summary = "Is RESTORE, among the nodes of a cluster.",
        .args = restore_args,
        .history = restore_history,
        .doc_flags = 2,
    },
    {0},
};
