/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/client.h"
#include "cmd/families.h"

static const struct command_arg client_caching_mode_args[] = {
    {"yes", ARG_PURE_TOKEN, .token = "YES"},
    {"no", ARG_PURE_TOKEN, .token = "NO"},
    {0},
};

static const struct command_arg client_caching_args[] = {
    {"mode", ARG_ONE_OF, .sub = client_caching_mode_args},
    {0},
};

static const struct command_arg client_capa_args[] = {
    {"capability", ARG_STRING, .flags = ARG_MULTIPLE},
    {0},
};

static const struct command_arg client_import_source_enabled_args[] = {
    {"on", ARG_PURE_TOKEN, .token = "ON"},
    {"off", ARG_PURE_TOKEN, .token = "OFF"},
    {0},
};

static const struct command_arg client_import_source_args[] = {
    {"enabled", ARG_ONE_OF, .sub = client_import_source_enabled_args},
    {0},
};

static const char *const client_info_tips[] = {"nondeterministic_output", NULL};

static const struct command_arg client_kill_filter_new_format_client_type_args[] = {
    {"normal", ARG_PURE_TOKEN, .token = "NORMAL"},
    {"master", ARG_PURE_TOKEN, .token = "MASTER", .since = "3.2.0"},
    {"primary", ARG_PURE_TOKEN, .token = "PRIMARY", .since = "8.0.0"},
    {"slave", ARG_PURE_TOKEN, .token = "SLAVE"},
    {"replica", ARG_PURE_TOKEN, .token = "REPLICA", .since = "5.0.0"},
    {"pubsub", ARG_PURE_TOKEN, .token = "PUBSUB"},
    {0},
};

static const struct command_arg client_kill_filter_new_format_skipme_args[] = {
    {"yes", ARG_PURE_TOKEN, .token = "YES"},
    {"no", ARG_PURE_TOKEN, .token = "NO"},
    {0},
};

static const struct command_arg client_kill_filter_new_format_not_client_type_args[] = {
    {"normal", ARG_PURE_TOKEN, .token = "NORMAL"},
    {"master", ARG_PURE_TOKEN, .token = "MASTER"},
    {"primary", ARG_PURE_TOKEN, .token = "PRIMARY"},
    {"slave", ARG_PURE_TOKEN, .token = "SLAVE"},
    {"replica", ARG_PURE_TOKEN, .token = "REPLICA"},
    {"pubsub", ARG_PURE_TOKEN, .token = "PUBSUB"},
    {0},
};

static const struct command_arg client_kill_filter_new_format_args[] = {
    {"client-id", ARG_INTEGER, .token = "ID", .flags = ARG_OPTIONAL | ARG_MULTIPLE,
     .since = "2.8.12"},
    {"client-type", ARG_ONE_OF, .token = "TYPE", .flags = ARG_OPTIONAL, .since = "2.8.12",
     .sub = client_kill_filter_new_format_client_type_args},
    {"username", ARG_STRING, .token = "USER", .flags = ARG_OPTIONAL},
    {"addr", ARG_STRING, .token = "ADDR", .flags = ARG_OPTIONAL, .display = "ip:port"},
    {"laddr", ARG_STRING, .token = "LADDR", .flags = ARG_OPTIONAL, .since = "6.2.0",
     .display = "ip:port"},
    {"skipme", ARG_ONE_OF, .token = "SKIPME", .flags = ARG_OPTIONAL,
     .sub = client_kill_filter_new_format_skipme_args},
    {"maxage", ARG_INTEGER, .token = "MAXAGE", .flags = ARG_OPTIONAL, .since = "8.0.0"},
    {"name", ARG_STRING, .token = "NAME", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"idle", ARG_INTEGER, .token = "IDLE", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"flags", ARG_STRING, .token = "FLAGS", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"lib-name", ARG_STRING, .token = "LIB-NAME", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"lib-ver", ARG_STRING, .token = "LIB-VER", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"db", ARG_INTEGER, .token = "DB", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"capa", ARG_STRING, .token = "CAPA", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"ip", ARG_STRING, .token = "IP", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"not-client-type", ARG_ONE_OF, .token = "NOT-TYPE", .flags = ARG_OPTIONAL, .since = "9.0.0",
     .sub = client_kill_filter_new_format_not_client_type_args},
    {"not-client-id", ARG_INTEGER, .token = "NOT-ID", .flags = ARG_OPTIONAL | ARG_MULTIPLE,
     .since = "9.0.0"},
    {"not-username", ARG_STRING, .token = "NOT-USER", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"not-addr", ARG_STRING, .token = "NOT-ADDR", .flags = ARG_OPTIONAL, .since = "9.0.0",
     .display = "ip:port"},
    {"not-laddr", ARG_STRING, .token = "NOT-LADDR", .flags = ARG_OPTIONAL, .since = "9.0.0",
     .display = "ip:port"},
    {"not-name", ARG_STRING, .token = "NOT-NAME", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"not-flags", ARG_STRING, .token = "NOT-FLAGS", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"not-lib-name", ARG_STRING, .token = "NOT-LIB-NAME", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"not-lib-ver", ARG_STRING, .token = "NOT-LIB-VER", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"not-db", ARG_INTEGER, .token = "NOT-DB", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"not-capa", ARG_STRING, .token = "NOT-CAPA", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"not-ip", ARG_STRING, .token = "NOT-IP", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {0},
};

static const struct command_arg client_kill_filter_args[] = {
    {"old-format", ARG_STRING, .deprecated_since = "2.8.12", .display = "ip:port"},
    {"new-format", ARG_ONE_OF, .flags = ARG_MULTIPLE, .sub = client_kill_filter_new_format_args},
    {0},
};

static const struct command_arg client_kill_args[] = {
    {"filter", ARG_ONE_OF, .sub = client_kill_filter_args},
    {0},
};

static const struct command_history client_kill_history[] = {
    {"2.8.12", "Takes filters."},
    {"2.8.12", "Added `ID`."},
    {"3.2.0", "`TYPE` knows `master`."},
    {"5.0.0", "`TYPE` knows `replica`, which was `slave`."},
    {"6.2.0", "Added `LADDR`."},
    {"8.0.0", "Added `MAXAGE`."},
    {"8.0.0", "`TYPE` knows `primary`, which was `master`."},
    {"8.1.0", "`ID` takes several."},
    {"9.0.0", "Added `NAME`, `IDLE`, `FLAGS`, `LIB-NAME`, `LIB-VER`, `DB`, `CAPA` and `IP`, and "
              "the opposites of most filters, with `NOT-` before."},
    {0},
};

static const struct command_arg client_list_client_type_args[] = {
    {"normal", ARG_PURE_TOKEN, .token = "NORMAL"},
    {"master", ARG_PURE_TOKEN, .token = "MASTER"},
    {"replica", ARG_PURE_TOKEN, .token = "REPLICA"},
    {"pubsub", ARG_PURE_TOKEN, .token = "PUBSUB"},
    {0},
};

static const struct command_arg client_list_args[] = {
    {"client-type", ARG_ONE_OF, .token = "TYPE", .flags = ARG_OPTIONAL, .since = "5.0.0",
     .sub = client_list_client_type_args},
    {"client-id", ARG_INTEGER, .token = "ID", .flags = ARG_OPTIONAL | ARG_MULTIPLE,
     .since = "6.2.0"},
    {"username", ARG_STRING, .token = "USER", .flags = ARG_OPTIONAL, .since = "8.1.0"},
    {"addr", ARG_STRING, .token = "ADDR", .flags = ARG_OPTIONAL, .since = "8.1.0",
     .display = "ip:port"},
    {"laddr", ARG_STRING, .token = "LADDR", .flags = ARG_OPTIONAL, .since = "8.1.0",
     .display = "ip:port"},
    {"skipme", ARG_ONE_OF, .token = "SKIPME", .flags = ARG_OPTIONAL, .since = "8.1.0",
     .sub = client_kill_filter_new_format_skipme_args},
    {"maxage", ARG_INTEGER, .token = "MAXAGE", .flags = ARG_OPTIONAL, .since = "8.1.0"},
    {"name", ARG_STRING, .token = "NAME", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"idle", ARG_INTEGER, .token = "IDLE", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"flags", ARG_STRING, .token = "FLAGS", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"lib-name", ARG_STRING, .token = "LIB-NAME", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"lib-ver", ARG_STRING, .token = "LIB-VER", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"db", ARG_INTEGER, .token = "DB", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"capa", ARG_STRING, .token = "CAPA", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"ip", ARG_STRING, .token = "IP", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"not-client-type", ARG_ONE_OF, .token = "NOT-TYPE", .flags = ARG_OPTIONAL, .since = "9.0.0",
     .sub = client_list_client_type_args},
    {"not-client-id", ARG_INTEGER, .token = "NOT-ID", .flags = ARG_OPTIONAL | ARG_MULTIPLE,
     .since = "9.0.0"},
    {"not-username", ARG_STRING, .token = "NOT-USER", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"not-addr", ARG_STRING, .token = "NOT-ADDR", .flags = ARG_OPTIONAL, .since = "9.0.0",
     .display = "ip:port"},
    {"not-laddr", ARG_STRING, .token = "NOT-LADDR", .flags = ARG_OPTIONAL, .since = "9.0.0",
     .display = "ip:port"},
    {"not-name", ARG_STRING, .token = "NOT-NAME", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"not-flags", ARG_STRING, .token = "NOT-FLAGS", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"not-lib-name", ARG_STRING, .token = "NOT-LIB-NAME", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"not-lib-ver", ARG_STRING, .token = "NOT-LIB-VER", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"not-db", ARG_INTEGER, .token = "NOT-DB", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"not-capa", ARG_STRING, .token = "NOT-CAPA", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {"not-ip", ARG_STRING, .token = "NOT-IP", .flags = ARG_OPTIONAL, .since = "9.0.0"},
    {0},
};

static const struct command_history client_list_history[] = {
    {"2.8.12", "Shows `id`."},
    {"5.0.0", "Added `TYPE`."},
    {"6.0.0", "Shows `user`."},
    {"6.2.0", "Added `ID`; shows `argv-mem`, `tot-mem`, `laddr` and `redir`."},
    {"7.0.0", "Shows `resp`, `multi-mem`, `rbs` and `rbp`."},
    {"7.0.3", "Shows `ssub`."},
    {"8.0.0", "`TYPE` knows `primary`, which was `master`."},
    {"8.1.0", "Added `USER`, `ADDR`, `LADDR`, `SKIPME` and `MAXAGE`."},
    {"9.0.0", "Added `NAME`, `IDLE`, `FLAGS`, `LIB-NAME`, `LIB-VER`, `DB`, `CAPA` and `IP`, and "
              "the opposites of most filters, with `NOT-` before."},
    {0},
};

static const struct command_arg client_pause_mode_args[] = {
    {"write", ARG_PURE_TOKEN, .token = "WRITE"},
    {"all", ARG_PURE_TOKEN, .token = "ALL"},
    {0},
};

static const struct command_arg client_pause_args[] = {
    {"timeout", ARG_INTEGER},
    {"mode", ARG_ONE_OF, .flags = ARG_OPTIONAL, .since = "6.2.0", .sub = client_pause_mode_args},
    {0},
};

static const struct command_history client_pause_history[] = {
    {"6.2.0", "Added the mode, and `WRITE`."},
    {0},
};

static const struct command_arg client_reply_action_args[] = {
    {"on", ARG_PURE_TOKEN, .token = "ON"},
    {"off", ARG_PURE_TOKEN, .token = "OFF"},
    {"skip", ARG_PURE_TOKEN, .token = "SKIP"},
    {0},
};

static const struct command_arg client_reply_args[] = {
    {"action", ARG_ONE_OF, .sub = client_reply_action_args},
    {0},
};

static const struct command_arg client_setinfo_attr_args[] = {
    {"libname", ARG_STRING, .token = "LIB-NAME"},
    {"libver", ARG_STRING, .token = "LIB-VER"},
    {0},
};

static const struct command_arg client_setinfo_args[] = {
    {"attr", ARG_ONE_OF, .sub = client_setinfo_attr_args},
    {0},
};

static const char *const client_setinfo_tips[] = {"request_policy:all_nodes",
                                                  "response_policy:all_succeeded", NULL};

static const struct command_arg client_setname_args[] = {
    {"connection-name", ARG_STRING},
    {0},
};

static const struct command_arg client_tracking_args[] = {
    {"status", ARG_ONE_OF, .sub = client_import_source_enabled_args},
    {"client-id", ARG_INTEGER, .token = "REDIRECT", .flags = ARG_OPTIONAL},
    {"prefix", ARG_STRING, .token = "PREFIX",
     .flags = ARG_OPTIONAL | ARG_MULTIPLE | ARG_MULTIPLE_TOKEN},
    {"bcast", ARG_PURE_TOKEN, .token = "BCAST", .flags = ARG_OPTIONAL},
    {"optin", ARG_PURE_TOKEN, .token = "OPTIN", .flags = ARG_OPTIONAL},
    {"optout", ARG_PURE_TOKEN, .token = "OPTOUT", .flags = ARG_OPTIONAL},
    {"noloop", ARG_PURE_TOKEN, .token = "NOLOOP", .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg client_unblock_unblock_type_args[] = {
    {"timeout", ARG_PURE_TOKEN, .token = "TIMEOUT"},
    {"error", ARG_PURE_TOKEN, .token = "ERROR"},
    {0},
};

static const struct command_arg client_unblock_args[] = {
    {"client-id", ARG_INTEGER},
    {"unblock-type", ARG_ONE_OF, .flags = ARG_OPTIONAL, .sub = client_unblock_unblock_type_args},
    {0},
};

static const struct command subcommands[] = {
    {
        .name = "caching",
        .run = client_caching,
        .arity = 3,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "6.0.0",
        .complexity = "O(1)",
        .summary = "Tells whether the keys that the next command reads are tracked.",
        .args = client_caching_args,
    },
    {
        .name = "capa",
        .run = client_capa,
        .arity = -3,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "8.0.0",
        .complexity = "O(1)",
        .summary = "Tells the server what the client is capable of.",
        .args = client_capa_args,
    },
    {
        .name = "durability",
        .run = client_durability,
        .arity = 3,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "9.1.0",
        .complexity = "O(1)",
        .summary = "Chooses what the connection's replies wait for.",
    },
    {
        .name = "getname",
        .run = client_getname,
        .arity = 2,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "2.6.9",
        .complexity = "O(1)",
        .summary = "Returns the connection's name.",
    },
    {
        .name = "getredir",
        .run = client_getredir,
        .arity = 2,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "6.0.0",
        .complexity = "O(1)",
        .summary = "Returns which client gets this one's tracking messages.",
    },
    {
        .name = "help",
        .run = client_help,
        .arity = 2,
        .flags = CMD_LOADING | CMD_STALE,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Tells what the subcommands do.",
    },
    {
        .name = "id",
        .run = client_id,
        .arity = 2,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "5.0.0",
        .complexity = "O(1)",
        .summary = "Returns the connection's number, which is never used again.",
    },
    {
        .name = "import-source",
        .run = client_import_source,
        .arity = 3,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "8.1.0",
        .complexity = "O(1)",
        .summary = "Marks the connection as the source of an import.",
        .args = client_import_source_args,
    },
    {
        .name = "info",
        .run = client_info,
        .arity = 2,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "6.2.0",
        .complexity = "O(1)",
        .summary = "Returns a line about this connection.",
        .tips = client_info_tips,
    },
    {
        .name = "kill",
        .run = client_kill,
        .arity = -3,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_EXCLUSIVE,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "2.4.0",
        .complexity = "O(N) where N is the number of client connections",
        .summary = "Closes connections.",
        .args = client_kill_args,
        .history = client_kill_history,
    },
    {
        .name = "list",
        .run = client_list,
        .arity = -2,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_EXCLUSIVE,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "2.4.0",
        .complexity = "O(N) where N is the number of client connections",
        .summary = "Returns a line about each connection.",
        .args = client_list_args,
        .history = client_list_history,
        .tips = client_info_tips,
    },
    {
        .name = "no-evict",
        .run = client_no_evict,
        .arity = 3,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "7.0.0",
        .complexity = "O(1)",
        .summary = "Spares the connection when clients are evicted.",
        .args = client_import_source_args,
    },
    {
        .name = "no-touch",
        .run = client_no_touch,
        .arity = 3,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "7.2.0",
        .complexity = "O(1)",
        .summary = "Chooses whether reads count as use of a key.",
        .args = client_import_source_args,
    },
    {
        .name = "pause",
        .run = client_pause,
        .arity = -3,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_EXCLUSIVE,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Holds back commands for a while.",
        .args = client_pause_args,
        .history = client_pause_history,
    },
    {
        .name = "reply",
        .run = client_reply,
        .arity = 3,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_NO_MULTI | CMD_ALLOW_BUSY,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "3.2.0",
        .complexity = "O(1)",
        .summary = "Chooses whether commands are answered.",
        .args = client_reply_args,
    },
    {
        .name = "setinfo",
        .run = client_setinfo,
        .arity = 4,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "7.2.0",
        .complexity = "O(1)",
        .summary = "Names the client library and its version.",
        .args = client_setinfo_args,
        .tips = client_setinfo_tips,
    },
    {
        .name = "setname",
        .run = client_setname,
        .arity = 3,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "2.6.9",
        .complexity = "O(1)",
        .summary = "Names the connection.",
        .args = client_setname_args,
        .tips = client_setinfo_tips,
    },
    {
        .name = "tracking",
        .run = client_tracking,
        .arity = -3,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "6.0.0",
        .complexity = "O(1), and O(N) in the number of prefixes.",
        .summary = "Lets the client know when what it has read changes.",
        .args = client_tracking_args,
    },
    {
        .name = "trackinginfo",
        .run = client_trackinginfo,
        .arity = 2,
        .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "6.2.0",
        .complexity = "O(1)",
        .summary = "Returns the state of tracking for the connection.",
    },
    {
        .name = "unblock",
        .run = client_unblock,
        .arity = -3,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_EXCLUSIVE,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "5.0.0",
        .complexity = "O(log N) where N is the number of client connections",
        .summary = "Ends the wait of a blocked client.",
        .args = client_unblock_args,
    },
    {
        .name = "unpause",
        .run = client_unpause,
        .arity = 2,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_EXCLUSIVE,
        .categories = CAT_CONNECTION,
        .group = "connection",
        .since = "6.2.0",
        .complexity = "O(N) Where N is the number of paused clients",
        .summary = "Lets the commands that are held back go on.",
    },
    {0},
};

const struct command client_commands[] = {
    {
        .name = "client",
        .arity = -2,
        .group = "connection",
        .since = "2.4.0",
        .complexity = "Depends on the subcommand.",
        .summary = "Commands about client connections.",
        .subcommands = subcommands,
    },
    {0},
};
