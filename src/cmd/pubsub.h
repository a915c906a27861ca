/* SPDX-License-Identifier: BSD-3-Clause */
/* The handlers of cmd/pubsub_table.c. */
#pragma once

#include "exec/call.h"

void message_subscribe(struct call *call);
void message_unsubscribe(struct call *call);
void message_psubscribe(struct call *call);
void message_punsubscribe(struct call *call);
void message_ssubscribe(struct call *call);
void message_sunsubscribe(struct call *call);
void message_publish(struct call *call);
void message_spublish(struct call *call);
void message_channels(struct call *call);
void message_help(struct call *call);
void message_numpat(struct call *call);
void message_numsub(struct call *call);
void message_shardchannels(struct call *call);
void message_shardnumsub(struct call *call);
