/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of the commands that treat keys whatever they hold. */
#pragma once

#include "exec/call.h"

void key_del(struct call *call);
void key_unlink(struct call *call);
void key_exists(struct call *call);
void key_type(struct call *call);
void key_touch(struct call *call);
void key_rename(struct call *call);
void key_renamenx(struct call *call);
void key_copy(struct call *call);
void key_move(struct call *call);
void key_randomkey(struct call *call);
void key_keys(struct call *call);
void key_scan(struct call *call);
