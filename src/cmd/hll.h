/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of the commands on HyperLogLogs. */
#pragma once

#include "exec/call.h"

void hll_pfadd(struct call *call);
void hll_pfcount(struct call *call);
void hll_pfmerge(struct call *call);
void hll_pfdebug(struct call *call);
void hll_pfselftest(struct call *call);
