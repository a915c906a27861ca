/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a command leaves to another thread while its client waits, because it speaks to somebody
 * outside (MIGRATE), or to later turns of its own worker, because it would take long (KEYS). The
 * worker serves its other clients meanwhile.
 *
 * A handler makes a task, hands it over by background_start(), and writes no reply. The task goes
 * back and forth until finish() says that it is done; then it is freed, whether its client still is
 * there or not.
 */
#pragma once

#include "base/list.h"
#include "exec/call.h"
#include <stdatomic.h>

struct background;
struct waiter;

struct background_task {
    /* On a thread of the background, outside the gate: may take its time, but has to look at
     * background_stop_flag() every now and then. NULL: there are only steps of finish(), one in
     * each turn of the loop. */
    void (*work)(struct background_task *task);

    /* On the client's worker, inside the gate, with nothing locked. Writes the reply to call->reply
     * and returns true, or false to have work() done once more. `call` has no arguments and no
     * keys; its session is NULL when the client has gone, and then nobody reads the reply. */
    bool (*finish)(struct background_task *task, struct call *call);

    void (*free)(struct background_task *task);

    /* The background's own. */
    struct exec *exec;
    struct waiter *waiter;
    struct list_node all, queued;
};

/* Takes the task over; the client waits from now on. Not where nobody may wait (call->no_wait). */
void background_start(struct call *call, struct background_task *task);

/* In finish(), around what it does to a key; the second also ends the unit of its changes. */
void background_lock(struct call *call, const struct key *key, struct gate_hold *hold);
void background_unlock(struct background_task *task, struct call *call, struct gate_hold *hold);

/* Set when the server stops. Any thread. */
const atomic_bool *background_stop_flag(const struct exec *exec);

/* No task is worked on any more when this returns: before the net is freed. */
void background_stop(struct exec *exec);
