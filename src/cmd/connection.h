/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of what clients say to get and keep a connection. */
#pragma once

#include "exec/call.h"

void connection_auth(struct call *call);
void connection_echo(struct call *call);
void connection_hello(struct call *call);
void connection_ping(struct call *call);
void connection_quit(struct call *call);
void connection_reset(struct call *call);
void connection_select(struct call *call);
