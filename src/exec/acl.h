/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Access control: the users, what a session may do, and what was denied to whom.
 *
 * Users change in exclusive mode only, and all workers read them inside the gate. The default user
 * is always there; a session is its until it authenticates as another. A user that goes takes its
 * sessions along, and one that may no longer listen to a channel those that are subscribed to it.
 *
 * A user has selectors (exec/acl_user.h), and may run a command that one of them alone allows:
 * the command, its keys, its channels and its databases.
 */
#pragma once

#include "base/ensure.h"
#include "exec/acl_user.h"
#include "exec/session.h"

struct call;
struct exec;
struct registered;

/* ---- may it? ---- */

/* Of several selectors that deny a command, the one that gives the highest reason is believed. */
enum acl_reason {
    ACL_ALLOWED,
    ACL_DATABASE,
    ACL_COMMAND,
    ACL_KEY,
    ACL_CHANNEL,
    ACL_AUTH,
    ACL_CERTIFICATE
};
#define ACL_REASONS 7

struct acl_denial {
    enum acl_reason reason;
    unsigned at; /* the argument that is denied: a key, a channel, a database; 0 = the command */
};

/* A command line of the right arity, in a database. */
struct acl_line {
    const struct registered *found;
    const struct bytes *argv;
    unsigned argc;
    uint32_t db;
};

/* May the user run a command line, of any arity? Says nothing to anybody: for who only asks, ACL
 * DRYRUN and acl_check_cmd of scripts. `why`, unless NULL, gets what would be said against it;
 * nothing when there is no memory. */
bool acl_would_allow(const struct exec *exec, const struct user *user,
                     const struct command *command, const struct bytes *argv, unsigned argc,
                     uint32_t db, struct buffer *why);

enum acl_context { ACL_TOPLEVEL, ACL_MULTI, ACL_SCRIPT };

bool acl_permit_slow(struct session *session, const struct acl_line *line, enum acl_context context,
                     struct acl_denial *denial);

/* May the session run it? Own worker. Denials are counted and logged; the caller writes the error.
 * Who may do everything costs a test of a flag. */
static inline bool acl_permit(struct session *session, const struct acl_line *line,
                              enum acl_context context, struct acl_denial *denial) {
    return LIKELY(session->flags & SESSION_UNRESTRICTED) ||
           acl_permit_slow(session, line, context, denial);
}

/* May the command read keys that its arguments do not name, whichever they are? One selector alone
 * has to allow the command line and the reading of every key. Own worker; counts and logs nothing.
 */
bool acl_permits_any_key(const struct call *call);

/* Why it was denied, as errors say it without their code: "User bob has no permissions to run the
 * 'get' command". `in_detail` names keys, channels and databases. False: no memory. */
bool acl_denial_text(const struct user *user, const struct acl_line *line,
                     const struct acl_denial *denial, bool in_detail, struct buffer *out);

/* ---- users ---- */

const struct user *acl_find(const struct exec *exec, struct bytes name); /* NULL: no such user */
const struct user *acl_default_user(const struct exec *exec);

/* In the order of their names. */
typedef void acl_user_visitor(const struct user *user, void *context);
void acl_each(const struct exec *exec, acl_user_visitor *fn, void *context);

/* Must who connects authenticate before anything else? */
bool acl_is_closed(const struct exec *exec);

/* Why the password is wrong is not told. `how` is the command that brought it, for the log. */
bool acl_authenticate(struct session *session, struct bytes name, struct bytes password,
                      struct bytes how);

/* ---- changing users: exclusive mode ---- */

/* ACL SETUSER: makes the user if it is not there. All rules or none. `error` gets the whole error
 * reply, with its code. */
bool acl_set_user(struct exec *exec, struct bytes name, const struct bytes *rules, unsigned count,
                  struct buffer *error);

/* ACL DELUSER, of any user but the default one. False: no such user. */
bool acl_delete_user(struct exec *exec, struct bytes name);

/* `requirepass`: the default user's only password, empty for none. False: no memory. */
bool acl_set_default_password(struct exec *exec, struct bytes password);

/* Is there an aclfile, without which there is nothing to load and save? */
bool acl_has_file(void);

/* ACL LOAD: the users in the aclfile instead of all others. */
bool acl_load_file(struct exec *exec, struct buffer *error);

/* ACL SAVE. Needs no exclusive mode. */
bool acl_save_file(const struct exec *exec, struct buffer *error);

/* ---- ACL LOG: any thread inside the gate ---- */

struct acl_log_entry {
    uint64_t id, count;
    enum acl_reason reason;
    enum acl_context context;
    struct bytes object, user, client; /* the client as CLIENT LIST tells it */
    int64_t created_ms, last_ms;       /* clock_wall_ms */
};

/* Newest first, at most `count`. `fn` runs under the log's lock. */
typedef void acl_log_visitor(const struct acl_log_entry *entry, void *context);
void acl_log_each(const struct exec *exec, uint64_t count, acl_log_visitor *fn, void *context);
void acl_log_reset(struct exec *exec);

/* ---- directives ---- */

/* aclfile, acllog-max-len, acl-pubsub-default and user: before any file is loaded, since each
 * `user` line stands for itself. */
void acl_register_directives(void);
