/* SPDX-License-Identifier: BSD-3-Clause */
/* The handlers of cmd/script_table.c. */
#pragma once

#include "exec/call.h"

void script_eval(struct call *call);
void script_eval_ro(struct call *call);
void script_evalsha(struct call *call);
void script_evalsha_ro(struct call *call);
void script_debug(struct call *call);
void script_exists(struct call *call);
void script_flush(struct call *call);
void script_help(struct call *call);
void script_kill(struct call *call);
void script_load(struct call *call);
void script_show(struct call *call);
