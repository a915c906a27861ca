/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of CLIENT's subcommands. */
#pragma once

#include "exec/call.h"

void client_caching(struct call *call);
void client_capa(struct call *call);
void client_getname(struct call *call);
void client_getredir(struct call *call);
void client_help(struct call *call);
void client_id(struct call *call);
void client_import_source(struct call *call);
void client_info(struct call *call);
void client_kill(struct call *call);
void client_list(struct call *call);
void client_no_evict(struct call *call);
void client_no_touch(struct call *call);
void client_durability(struct call *call);
void client_pause(struct call *call);
void client_reply(struct call *call);
void client_setinfo(struct call *call);
void client_setname(struct call *call);
void client_tracking(struct call *call);
void client_trackinginfo(struct call *call);
void client_unblock(struct call *call);
void client_unpause(struct call *call);
