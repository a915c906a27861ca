/* SPDX-License-Identifier: BSD-3-Clause */
/* Long replies, for those who run commands (exec/stream.h). */
#pragma once

#include "exec/exec_priv.h"
#include "exec/stream.h"

/* After a command that has begun a stream: what is to be counted when that ends. A stream that ends
 * before that is not counted, since its reply is that of any command. */
void stream_account(const struct call *call, const struct registered *found,
                    const struct command_cost *cost);

/* Writes the next piece; false: it was the last. What net calls (net_service.more). */
bool stream_more(void *context, void *session, struct reply *reply);

/* The session is closed. */
void stream_forget(struct session *session);

/* Every now and then: what others have made counts as output of its client. */
void streams_tick(struct exec_worker *w);
