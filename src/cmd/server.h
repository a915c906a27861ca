/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of the commands on the server as a whole. */
#pragma once

#include "exec/exec.h"

void server_info(struct call *call);
void server_time(struct call *call);
void server_lolwut(struct call *call);
void server_shutdown(struct call *call);
void server_role(struct call *call);
void server_dbsize(struct call *call);
void server_flushdb(struct call *call);
void server_flushall(struct call *call);
void server_swapdb(struct call *call);
void server_wait(struct call *call);
void server_waitaof(struct call *call);
