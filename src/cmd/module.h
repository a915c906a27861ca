/* SPDX-License-Identifier: BSD-3-Clause */
/* MODULE: there are none, and none can be loaded. */
#pragma once

#include "exec/call.h"

extern const struct command module_commands[];

void module_help(struct call *call);
void module_list(struct call *call);

/* LOAD, LOADEX, UNLOAD. */
void module_refuse(struct call *call);
