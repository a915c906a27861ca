/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands are data: each family in cmd/ has one table of these, next to its handlers. Dispatch,
 * COMMAND, ACL, help and the tests read nothing else.
 */
#pragma once

#include "base/bytes.h"
#include <stdbool.h>
#include <stdint.h>

struct call;

/* What COMMAND INFO shows as flags, in its order. */
#define CMD_WRITE             (1ull << 0)
#define CMD_READONLY          (1ull << 1)
#define CMD_DENYOOM           (1ull << 2)
#define CMD_MODULE            (1ull << 3)
#define CMD_ADMIN             (1ull << 4)
#define CMD_PUBSUB            (1ull << 5)
#define CMD_NOSCRIPT          (1ull << 6)
#define CMD_BLOCKING          (1ull << 7)
#define CMD_LOADING           (1ull << 8)
#define CMD_STALE             (1ull << 9)
#define CMD_SKIP_MONITOR      (1ull << 10)
#define CMD_SKIP_COMMANDLOG   (1ull << 11)
#define CMD_ASKING            (1ull << 12)
#define CMD_FAST              (1ull << 13)
#define CMD_NO_AUTH           (1ull << 14)
#define CMD_NO_MANDATORY_KEYS (1ull << 15)
#define CMD_NO_ASYNC_LOADING  (1ull << 16)
#define CMD_NO_MULTI          (1ull << 17)
#define CMD_MOVABLE_KEYS      (1ull << 18)
#define CMD_ALLOW_BUSY        (1ull << 19)
/* Ours, not shown. A command without keys and without these flags locks nothing. */
#define CMD_EXCLUSIVE      (1ull << 32) /* has all keys or none to lock: runs in exclusive mode */
#define CMD_UNLOCKED       (1ull << 33) /* locks what it needs itself (SCAN, RANDOMKEY ...) */
#define CMD_SENTINEL_ONLY  (1ull << 34)
#define CMD_ELEMENT        (1ull << 40) /* the argument behind its only key names an element of it */
#define CMD_ELEMENT_BEHIND (1ull << 41) /* no, the one after that does */
#define CMD_NO_UNDO        (1ull << 42) /* a script that has run it cannot be taken back */
#define CMD_SUBSCRIBED     (1ull << 35) /* RESP2 clients that have subscriptions may use it */
#define CMD_NOT_QUEUED     (1ull << 36) /* runs at once within MULTI */
#define CMD_EXEC           (1ull << 37) /* runs the commands of a transaction, with their locks */
#define CMD_SCRIPT         (1ull << 38) /* runs a script */
#define CMD_MAY_REPLICATE  (1ull << 39) /* others see that it ran: it is paused when writes are */

#define CMD_CHANNEL          (1ull << 48) /* its first argument is a channel */
#define CMD_CHANNELS         (1ull << 49) /* all of its arguments are */
#define CMD_CHANNEL_PATTERNS (1ull << 50) /* or they are patterns */
#define CMD_ALL_DATABASES    (1ull << 51) /* it works on all databases */

/* ACL categories beyond those that follow from the flags (write, read, fast/slow, admin, pubsub,
 * blocking, dangerous follow as in Redis: see exec/categories.c). */
#define CAT_KEYSPACE    (1u << 0)
#define CAT_READ        (1u << 1)
#define CAT_WRITE       (1u << 2)
#define CAT_SET         (1u << 3)
#define CAT_SORTEDSET   (1u << 4)
#define CAT_LIST        (1u << 5)
#define CAT_HASH        (1u << 6)
#define CAT_STRING      (1u << 7)
#define CAT_BITMAP      (1u << 8)
#define CAT_HYPERLOGLOG (1u << 9)
#define CAT_GEO         (1u << 10)
#define CAT_STREAM      (1u << 11)
#define CAT_PUBSUB      (1u << 12)
#define CAT_ADMIN       (1u << 13)
#define CAT_FAST        (1u << 14)
#define CAT_SLOW        (1u << 15)
#define CAT_BLOCKING    (1u << 16)
#define CAT_DANGEROUS   (1u << 17)
#define CAT_CONNECTION  (1u << 18)
#define CAT_TRANSACTION (1u << 19)
#define CAT_SCRIPTING   (1u << 20)

/* Where keys stand, as COMMAND INFO's key specifications say it. */
#define KEY_RO             (1u << 0)
#define KEY_RW             (1u << 1)
#define KEY_OW             (1u << 2)
#define KEY_RM             (1u << 3)
#define KEY_ACCESS         (1u << 4)
#define KEY_UPDATE         (1u << 5)
#define KEY_INSERT         (1u << 6)
#define KEY_DELETE         (1u << 7)
#define KEY_NOT_KEY        (1u << 8)
#define KEY_INCOMPLETE     (1u << 9)
#define KEY_VARIABLE_FLAGS (1u << 10)

enum key_search { KEY_SEARCH_NONE, KEY_SEARCH_INDEX, KEY_SEARCH_KEYWORD, KEY_SEARCH_UNKNOWN };
enum key_find { KEY_FIND_NONE, KEY_FIND_RANGE, KEY_FIND_COUNT, KEY_FIND_UNKNOWN };

struct key_spec {
    uint32_t flags;
    enum key_search search;
    int index;           /* INDEX: position; KEYWORD: where to start (negative = from the end) */
    const char *keyword; /* KEYWORD */
    enum key_find find;
    int last, step, limit;        /* RANGE, relative to the first */
    int count_index, first_index; /* COUNT, relative; step is `step` */
    const char *notes;
};

/* Which arguments are databases: `count` of them from position `first` on, or each behind the
 * keyword from there on, where only one other word may stand besides. */
struct database_args {
    uint8_t first, count; /* first 0: none */
    bool selects;         /* commands that follow run in the one at position 1 */
    const char *keyword, *other;
};

enum arg_type {
    ARG_STRING,
    ARG_INTEGER,
    ARG_DOUBLE,
    ARG_KEY,
    ARG_PATTERN,
    ARG_UNIX_TIME,
    ARG_PURE_TOKEN,
    ARG_ONE_OF,
    ARG_BLOCK
};
#define ARG_OPTIONAL       (1u << 0)
#define ARG_MULTIPLE       (1u << 1)
#define ARG_MULTIPLE_TOKEN (1u << 2)

/* The syntax as COMMAND DOCS tells it; arrays end with a NULL name. */
struct command_arg {
    const char *name;
    enum arg_type type;
    const char *token;
    uint32_t flags;
    int key_spec; /* of an ARG_KEY: index of its key spec */
    const char *since;
    const char *summary;
    const struct command_arg *sub;
    const char *deprecated_since;
    const char *display; /* display_text when it differs from the name */
};

struct command_history {
    const char *since, *what;
};

typedef void command_handler(struct call *call);

/* Finds the keys of commands whose specs can't tell them all (SORT, MIGRATE ...): writes positions
 * in argv to `positions`, returns how many, -1 for bad syntax. */
typedef int command_keys(const struct bytes *argv, unsigned argc, unsigned *positions,
                         unsigned capacity);

/* What a command with these arguments does with the keys of a spec that has KEY_VARIABLE_FLAGS. */
typedef uint32_t command_key_flags(const struct bytes *argv, unsigned argc);

/* Does this command line need what CMD_EXCLUSIVE gives. */
typedef bool command_needs(const struct bytes *argv, unsigned argc);

/* Tables end with a NULL name. */
struct command {
    const char *name;     /* lower case; of a subcommand without its parent's name */
    command_handler *run; /* NULL: a container, which only has subcommands */
    int arity;            /* negative: at least; counts the command's and subcommand's names */
    uint64_t flags;
    uint32_t categories;
    struct key_spec keys[4]; /* ends at the first with search NONE */
    command_keys *find_keys;
    command_needs *needs_exclusive; /* NULL: always, with CMD_EXCLUSIVE */
    command_key_flags *key_flags;
    struct database_args databases;
    const char *group, *since, *complexity, *summary;
    const struct command_arg *args;
    const struct command_history *history;
    const char *const *tips; /* NULL-terminated */
    const struct command *subcommands;
    const char *deprecated_since, *replaced_by;
    uint32_t doc_flags; /* 1 deprecated, 2 syscmd */
};

/* May a line that calls it have so many words? */
static inline bool command_takes(const struct command *command, unsigned argc) {
    return command->arity < 0 ? argc >= (unsigned)-command->arity
                              : argc == (unsigned)command->arity;
}
