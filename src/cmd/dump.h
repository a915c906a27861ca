/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of DUMP and RESTORE. */
#pragma once

#include "exec/call.h"

void dump_dump(struct call *call);
void dump_restore(struct call *call);
