/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "exec/busy.h"
#include "exec/exec_priv.h"

/* While the gate is busy: may the request not run? Then it has been answered. */
bool busy_refuses(struct session *session, const struct registered *found,
                  const struct request *request, struct reply *reply);

void busy_reply(struct reply *reply);

/* Is this thread in the middle of a long command? Then what it serves meanwhile goes here instead
 * of dispatch_batch. */
bool busy_is_serving(void);
unsigned busy_batch(struct session *session, const struct request_batch *batch,
                    struct reply *reply);
