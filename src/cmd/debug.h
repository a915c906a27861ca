/* SPDX-License-Identifier: BSD-3-Clause */
/* DEBUG and its parts. All of it runs in exclusive mode. */
#pragma once

#include "exec/exec.h"

void debug_run(struct call *call); /* the handler of DEBUG */

/* A subcommand; the arguments are in number what its row says. */
void debug_digest(struct call *call);
void debug_digest_value(struct call *call);
void debug_protocol(struct call *call);
