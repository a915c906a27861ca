/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transactions: the commands that a session queues between MULTI and EXEC.
 *
 * What is queued is copied. EXEC locks the partitions of all keys that its commands have and that
 * the session watches (exec/watch.h); with a command that needs more, it runs in exclusive mode.
 *
 * All for the session's own worker, except where it says otherwise.
 */
#pragma once

#include "exec/call.h"
#include "exec/commands.h"
#include "exec/keys.h"

struct session;

/* MULTI. The session has none. False: no memory. */
bool transaction_begin(struct session *session);

/* Forgets the commands, if there are any. What is watched is no business of this. */
void transaction_end(struct session *session);

/* EXEC: answers, and ends the transaction, which there is, and all watches. */
void transaction_exec(struct call *call);

/* Own worker or exclusive mode. */
bool transaction_is_open(const struct session *session);
unsigned transaction_length(const struct session *session);
size_t transaction_memory(const struct session *session);
