/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys that are to stay as they are for a while, although nobody holds their partitions (MIGRATE).
 * Commands that name one of them and may write to it wait until the guard ends. What gets past that
 * (transactions, scripts, expiry, FLUSHALL ...) is allowed, and noticed.
 */
#pragma once

#include "exec/call.h"

struct key_guard;

/* Guards the keys in the database of call->view; their partitions are locked. NULL: no memory. */
struct key_guard *key_guard_begin(struct call *call, const struct key *keys, unsigned count);

/* Has the key at this position been changed, or gone, since the guard began or was last asked about
 * it? Its partition is locked. */
bool key_guard_was_broken(struct key_guard *guard, unsigned position);

/* Lets everybody go on. Inside the gate, or when the server has stopped. */
void key_guard_end(struct key_guard *guard);
