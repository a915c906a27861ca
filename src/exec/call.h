/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A call: one command being run for one session. What a handler gets, and all it needs.
 *
 * The dispatcher has checked arity, authentication and flags, has hashed the keys and holds their
 * partitions. A handler reads argv and keys, works on the keyspace through `view`, and writes
 * exactly one reply.
 */
#pragma once

#include "exec/command.h"
#include "keyspace/gate.h"
#include "keyspace/keyspace.h"
#include "proto/reply.h"

struct session;
struct exec;

struct call {
    const struct bytes *argv;
    unsigned argc;
    const struct key *keys; /* in the order of the command's key specs */
    unsigned key_count;
    struct view view;
    struct reply *reply;
    const struct command *command; /* the subcommand, where there is one */
    struct session *session;
    struct exec *exec;
    const struct gate_hold *hold; /* partitions that are locked for it; NULL: none or all */
    unsigned worker;
    bool no_wait;      /* nobody may wait for keys here: in MULTI, in scripts */
    bool from_script;  /* a script calls it */
    bool runs_again;   /* for somebody who waits (exec/blocking.h) */
    bool waits;        /* and goes on waiting */
    uint64_t redacted; /* a bit for each of the first 64 arguments that no log may show */
};

/* Keeps an argument (a password) out of the logs. */
static inline void call_redact(struct call *call, unsigned position) {
    if (position < 64) call->redacted |= 1ull << position;
}

/* The reply of a container's HELP: its head line, `lines` (NULL-terminated, details indented by
 * four spaces), and HELP itself. */
void call_help(struct call *call, const char *const *lines);

/* "unknown subcommand or wrong number of arguments", for a handler that sees what arity can't. */
void call_subcommand_error(struct call *call);

/* "wrong number of arguments for '...' command", the same. */
void call_arity_error(struct call *call);
