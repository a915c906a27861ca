/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands within a command: those of a transaction, and those that a script calls.
 *
 * The outer command's handler runs them with the locks that the outer command has, for its session
 * and at its time. Who waits for keys that they change is served when the outermost command is
 * over, and its partitions still are locked. A nested command that finds nothing to wait for
 * answers what its deadline would.
 *
 * All of a session's state is the session's as ever, the database that it has selected too: a
 * script puts that back. What RESP the reply is written in `reply` says; it may be a private one.
 */
#pragma once

#include "exec/call.h"
#include "exec/keys.h"

struct nested {
    struct call *outer;
    bool script;    /* called by a script: what scripts may not do is refused, in their words */
    bool read_only; /* scripts: so are writes */
    bool allow_oom; /* scripts: what needs memory is not refused when there is none */
    bool wrote;     /* set when a command that may write has been run */

    /* Called before each command that changes data or sends messages. False: it is not run. May be
     * NULL. */
    bool (*before_write)(struct nested *nested, uint64_t flags);
};

enum nested_result {
    NESTED_DONE,   /* the command was run, or refused: `reply` has one reply more */
    NESTED_BEYOND, /* nothing was done: it needs partitions that the outer command has not locked.
                      Everything may be run in exclusive mode. */
    NESTED_STOPPED /* nothing was done: before_write has said so */
};

/* Looks a command line up and runs it. argc is at least 1. */
enum nested_result exec_nested(struct nested *nested, const struct bytes *argv, unsigned argc,
                               struct reply *reply);

/* The same for a command that has been looked up and checked: no error keeps it from running. Its
 * keys are what keys_collect() finds. */
struct nested_command {
    const struct registered *found;
    const struct bytes *argv;
    unsigned argc;
    const struct key *keys;
    unsigned key_count;
};
enum nested_result exec_nested_run(struct nested *nested, const struct nested_command *command,
                                   struct reply *reply);

/* Has the outer command, which is CMD_SCRIPT, begun without room under maxmemory? */
bool nested_lacks_room(const struct call *outer);
