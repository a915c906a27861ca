/* SPDX-License-Identifier: BSD-3-Clause */
/* The handlers of cmd/function_table.c. */
#pragma once

#include "exec/call.h"

void function_fcall(struct call *call);
void function_fcall_ro(struct call *call);
void function_delete(struct call *call);
void function_dump(struct call *call);
void function_flush(struct call *call);
void function_help(struct call *call);
void function_kill(struct call *call);
void function_list(struct call *call);
void function_load(struct call *call);
void function_restore(struct call *call);
void function_stats(struct call *call);
