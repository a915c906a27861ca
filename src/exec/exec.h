/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Running commands: sessions, dispatch, statistics of commands. The service that net calls.
 */
#pragma once

#include "exec/call.h"
#include "exec/command.h"
#include "exec/session.h"
#include "keyspace/gate.h"
#include "keyspace/keyspace.h"
#include "net/net.h"

struct exec;

struct exec_options {
    struct keyspace *keyspace;
    struct gate *gate;
    unsigned workers;
};

/* All of exec's directives, before anything is loaded. */
void exec_register_directives(void);

struct exec *exec_create(const struct exec_options *options);
void exec_free(struct exec *exec);

/* Fills in the service that net calls; `net` itself is told afterwards (CLIENT KILL, SHUTDOWN). */
void exec_service(struct exec *exec, struct net_service *service);
void exec_attach_net(struct exec *exec, struct net *net);
struct net *exec_net(const struct exec *exec);
struct keyspace *exec_keyspace(const struct exec *exec);
struct gate *exec_gate(const struct exec *exec);

/* ---- the command commands: filled at start-up by cmd/, then only read ---- */

/* Tables end with a NULL name and live as long as the program. */
void exec_register(struct exec *exec, const struct command *table);

/* rename-command: an empty new name removes the command. false: no such command, or taken. */
bool exec_rename(struct exec *exec, struct bytes name, struct bytes new_name);

/* By the name clients use now (renamed or not), any case. NULL = unknown. */
const struct command *exec_find_command(const struct exec *exec, struct bytes name);
const struct command *exec_find_subcommand(const struct command *parent, struct bytes name);

/* The command that a line calls, with its subcommand if there is one; NULL = unknown. */
const struct command *exec_find_called(const struct exec *exec, const struct bytes *argv,
                                       unsigned argc);

/* All ACL categories of a command: those of its table and those that follow from its flags. */
uint32_t exec_command_categories(const struct command *command);

/* Their names, in the order of their bits; ends with NULL. */
extern const char *const exec_category_names[];

/* The bit of a category; 0 = there is none of that name. */
uint32_t exec_category_named(struct bytes name);
void exec_each_command(const struct exec *exec,
                       void (*fn)(const struct command *, const char *name, void *),
                       void *argument);

/* Keys of a command line by its specs: positions in argv, and each one's KEY_ flags (may be NULL).
 * Returns how many; -1 when the arguments make no sense for the command. `positions` may be NULL to
 * count only. */
int exec_find_keys(const struct command *command, const struct bytes *argv, unsigned argc,
                   unsigned *positions, uint32_t *flags, unsigned capacity);

/* The full name for people and logs: "client|setname". Writes at most `size` bytes. */
void exec_command_name(const struct exec *exec, const struct command *command, char *out,
                       size_t size);

/* ---- per-command statistics: a worker's own, summed in exclusive mode ---- */

struct command_stats {
    uint64_t calls, microseconds, rejected, failed;
};
struct command_stats exec_command_stats(const struct exec *exec, const struct command *command);
void exec_reset_stats(struct exec *exec);

/* ---- sessions ---- */

/* In the order of their ids, without those that are being killed. Exclusive mode; `fn` may kill. */
void exec_each_session(struct exec *exec, void (*fn)(struct session *, void *), void *argument);
struct session *exec_find_session(struct exec *exec, uint64_t id);
unsigned exec_session_count(const struct exec *exec);

/* Closes a session's connection: at once, or when the replies written so far are sent. Its own
 * worker does it, soon. Exclusive mode. */
void session_kill(struct session *session, bool after_reply);

/* CLIENT PAUSE: until `until_ms` (clock_wall_ms), all commands or writes only. Of two pauses the
 * later end counts, and the stricter kind. Exclusive mode. */
void exec_pause(struct exec *exec, int64_t until_ms, bool writes_only);
void exec_unpause(struct exec *exec);

/* Are writes paused at the moment? Then nothing expires and nothing is evicted either. */
bool exec_writes_paused(const struct exec *exec, int64_t now_ms);

/* For tests of scripts: whether they may call DEBUG. */
void exec_let_scripts_debug(struct exec *exec, bool may);

/* ---- INFO: each folder brings its own sections ---- */

typedef void info_writer(struct exec *exec, struct buffer *out, void *context);

/* `section` is shown as written and asked for in any case. Sections show in the order that Redis'
 * users know, others after those. `flags`: shown by default, or only by "all" and "everything". */
#define INFO_DEFAULT 1u
#define INFO_ALL     2u
void info_register(struct exec *exec, const char *section, uint32_t flags, info_writer *writer,
                   void *context);

/* How long the first worker had something to do, in all. For writers. */
uint64_t exec_active_us(const struct exec *exec);

/* Several writers may add to one section: they are called in the order of registration. No section
 * named = "default". Exclusive mode, since writers read all workers' counters. */
void info_write(struct exec *exec, struct buffer *out, const struct bytes *sections,
                unsigned count);
