/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A user: passwords, and selectors that say what it may do. How rules change one, and how it is
 * told as rules again.
 *
 * A user belongs to who made it. Nothing here knows of sessions or of other users.
 */
#pragma once

#include "base/buffer.h"
#include "exec/commands.h"

/* ---- texts: a list of texts, each with a number, in one block ---- */

struct tagged_text {
    uint32_t tag;
    struct bytes text; /* a view into the list */
};

/* False: no memory. */
bool texts_add(struct buffer *texts, uint32_t tag, struct bytes text);

/* Walks the list: *at begins as 0. False: that was all. */
bool texts_next(const struct buffer *texts, size_t *at, struct tagged_text *out);

/* ---- selectors ---- */

#define SELECTOR_ALL_COMMANDS  (1u << 0)
#define SELECTOR_ALL_KEYS      (1u << 1)
#define SELECTOR_ALL_CHANNELS  (1u << 2)
#define SELECTOR_ALL_DATABASES (1u << 3)
#define SELECTOR_EVERYTHING                                                                        \
    (SELECTOR_ALL_COMMANDS | SELECTOR_ALL_KEYS | SELECTOR_ALL_CHANNELS | SELECTOR_ALL_DATABASES)

/* What a pattern allows to do with keys: the tags in `keys`. */
#define KEY_MAY_READ  1u
#define KEY_MAY_WRITE 2u

struct selector {
    uint32_t flags;
    bool from_all;                        /* `rules` come after +@all, not after -@all */
    uint64_t commands[COMMANDS_MAX / 64]; /* a bit for each id of a struct registered */
    struct buffer rules;                  /* " +get -@read": those about commands, in their order */
    struct buffer first_args; /* texts: what else is allowed of the command whose id is the tag */
    struct buffer keys;       /* texts: patterns */
    struct buffer channels;   /* texts: patterns */
    struct buffer databases;  /* of int32_t, ascending */
};

static inline bool selector_has_command(const struct selector *selector, unsigned id) {
    return selector->commands[id / 64] >> (id % 64) & 1;
}

/* ---- users ---- */

#define PASSWORD_HASH_LENGTH 64 /* hex digits of a SHA-256 */

struct user {
    struct bytes name; /* owned, and ends in a zero */
    bool enabled, no_password;
    bool unrestricted;          /* one selector allows everything */
    struct buffer hashes;       /* of passwords, PASSWORD_HASH_LENGTH each */
    struct selector *selectors; /* at least one: the first has the user's own rules */
    unsigned selector_count;
};

/* May do nothing, but listen to all channels where acl-pubsub-default says so. NULL: no memory. */
struct user *user_create(struct bytes name, bool all_channels);
struct user *user_copy(const struct user *user);
void user_free(struct user *user); /* NULL is fine */

/* Exchanges all but the names. */
void user_exchange(struct user *a, struct user *b);

/* No spaces, no zero bytes. */
bool user_valid_name(struct bytes name);

/* Its password, or does it need none? In a time that depends on the given password and the number
 * of hashes alone. */
bool user_has_password(const struct user *user, struct bytes password);

/* ---- acl_rules.c ---- */

enum acl_error {
    ACL_OK,
    ACL_NO_MEMORY,
    ACL_UNKNOWN_COMMAND,
    ACL_SYNTAX,
    ACL_AFTER_ALL_KEYS,
    ACL_AFTER_ALL_CHANNELS,
    ACL_NO_SUCH_PASSWORD,
    ACL_BAD_HASH,
    ACL_FIRST_ARG_OF_SUBCOMMAND,
    ACL_BAD_DATABASE,
};
const char *acl_error_text(enum acl_error error);

/* Applies one rule. After an error the user may have half of a selector: who minds works on a
 * copy. `all_channels` is what "reset" and new selectors begin with. */
enum acl_error user_apply(struct user *user, const struct commands *commands, bool all_channels,
                          struct bytes rule);

/* Puts rules together that one selector in parentheses was cut into. `rules` gets as many views as
 * there are rules left, into `words` or into `text`. */
enum acl_merge { ACL_MERGED, ACL_UNMATCHED, ACL_MERGE_NO_MEMORY };
struct acl_rules {
    struct bytes *items;
    unsigned count;
    struct buffer text;
    struct bytes unmatched; /* ACL_UNMATCHED: where the selector begins */
};
enum acl_merge acl_rules_merge(const struct bytes *words, unsigned count, struct acl_rules *out);
void acl_rules_free(struct acl_rules *rules);

/* ---- acl_describe.c: false = no memory ---- */

/* "user alice on nopass ~* &* +@all (~a resetchannels -@all +get)": behind the name are rules that
 * make this user of a new one. */
bool user_describe(const struct user *user, struct buffer *out);

/* ACL GETUSER's fields: "~a %R~b", "&news", "alldbs", "-@all +get". */
bool selector_describe_keys(const struct selector *selector, struct buffer *out);
bool selector_describe_channels(const struct selector *selector, struct buffer *out);
bool selector_describe_databases(const struct selector *selector, struct buffer *out);
bool selector_describe_commands(const struct selector *selector, struct buffer *out);
