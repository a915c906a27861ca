/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WATCH: whether any of the keys that a session has named changed since.
 *
 * The watches of a key belong to the lock of its partition. A session's own worker adds and forgets
 * them; whoever changes the key, on whatever worker, breaks them. A session one watch of which is
 * broken will not run its transaction, so what else it watches does not matter any more.
 */
#pragma once

#include "exec/call.h"
#include "exec/keys.h"

struct exec;
struct session;

/* Watches a key in the database of call->view; its partition is locked. Twice is once. False: no
 * memory. */
bool watch_key(struct call *call, const struct key *key);

/* Appends keys that are in the partitions of all that the session watches, not necessarily the keys
 * themselves. False: no memory. */
bool watch_collect(const struct session *session, struct key_list *keys);

/* Did a watched key change or expire? The partitions of watch_collect() are locked. */
bool watch_is_broken(struct call *call);

/* Forgets all watches: of a session whose partitions are locked already, or of one that has none
 * locked. */
void watch_forget_locked(struct session *session);
void watch_forget(struct session *session);

/* Own worker or exclusive mode: how many keys it watches; none once one of them has changed. */
unsigned watch_count(const struct session *session);
bool watch_has_changed(const struct session *session);
size_t watch_memory(const struct session *session);

/* For INFO. Exclusive mode. */
struct watch_totals {
    uint64_t sessions, keys;
};
struct watch_totals watch_sum(const struct exec *exec);
