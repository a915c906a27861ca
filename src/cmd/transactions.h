/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of MULTI, EXEC, DISCARD, WATCH and UNWATCH. */
#pragma once

#include "exec/call.h"

void transactions_multi(struct call *call);
void transactions_exec(struct call *call);
void transactions_discard(struct call *call);
void transactions_watch(struct call *call);
void transactions_unwatch(struct call *call);
