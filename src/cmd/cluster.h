/* SPDX-License-Identifier: BSD-3-Clause */
/* What clusters are asked: this is none. */
#pragma once

#include "exec/call.h"

extern const struct command cluster_commands[];

/* READONLY, READWRITE: OK, as nothing redirects. */
void cluster_readonly(struct call *call);
void cluster_readwrite(struct call *call);
void cluster_disabled(struct call *call);
void cluster_keyslot(struct call *call);
