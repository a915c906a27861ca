/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of access control share. */
#pragma once

#include "exec/acl.h"
#include "exec/exec_priv.h"

/* ---- acl_user.c ---- */

/* A selector that allows nothing yet; valid until the next one is added. NULL: no memory. */
struct selector *user_add_selector(struct user *user, bool all_channels);

/* Drops all but the first so many. */
void user_drop_selectors(struct user *user, unsigned keep);

/* ---- acl_check.c ---- */

/* Does a selector allow to subscribe to the channel, or to the pattern? */
bool user_may_listen(const struct user *user, struct bytes channel, bool is_pattern);

/* ---- acl.c ---- */

/* Users in the order of their names. */
struct user_list {
    struct user **items; /* owned, as are the users */
    unsigned count, capacity;
};

struct acl_log {
    pthread_mutex_t lock;
    struct list_node entries; /* newest first */
    uint64_t count, next_id;
};

struct acl {
    struct user_list users;
    struct user *default_user;      /* one of them, and always the same one */
    struct buffer default_password; /* `requirepass` as it was applied last; empty = none */
    struct acl_log log;
};

struct user *user_list_find(const struct user_list *list, struct bytes name);

/* Takes the user. False: no memory, and it has not. */
bool user_list_add_take(struct user_list *list, struct user *user);
void user_list_free(struct user_list *list);

/* The default user as it is where nothing is said of it: it may do everything, without a password.
 * NULL: no memory. */
struct user *acl_make_default(void);

/* Puts the user in place of the one of its name, if there is one, and tells the sessions. Exclusive
 * mode, or at start-up. False: no memory. */
bool acl_put_take(struct exec *exec, struct user *user, struct buffer *error);

/* Is there but the default user, who may do everything (its password is `requirepass`)? */
bool acl_is_pristine(const struct exec *exec);

/* Puts these users in place of all others, and empties the list. What is missing in it is gone. */
void acl_replace_users(struct exec *exec, struct user_list *users);

/* ---- acl_file.c ---- */

/* At start-up: the users of aclfile, or those of `user` lines. `error` is for people. */
bool acl_load_configured(struct exec *exec, struct buffer *error);

/* ---- acl_log.c ---- */

void acl_log_init(struct acl_log *log);
void acl_log_free(struct acl_log *log);

/* What was denied to the session, or (ACL_AUTH, ACL_CERTIFICATE) to who says to be
 * `user`. */
void acl_log_add(struct session *session, enum acl_reason reason, enum acl_context context,
                 struct bytes object, struct bytes user);

/* ---- acl_settings.c ---- */

struct acl_settings {
    char *file; /* "" = none */
    int64_t log_max;
    int64_t all_channels; /* what new users may listen to: 1 all, 0 nothing */
};
extern struct acl_settings acl_settings;

/* `user` lines of the configuration: the name, and its rules. */
struct acl_user_line {
    struct bytes *words; /* of one line; owned, with their bytes */
    unsigned count;
};
const struct acl_user_line *acl_user_lines(unsigned *count);
