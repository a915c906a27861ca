/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of the commands about when keys expire. */
#pragma once

#include "exec/call.h"

void expire_expire(struct call *call);
void expire_pexpire(struct call *call);
void expire_expireat(struct call *call);
void expire_pexpireat(struct call *call);
void expire_ttl(struct call *call);
void expire_pttl(struct call *call);
void expire_expiretime(struct call *call);
void expire_pexpiretime(struct call *call);
void expire_persist(struct call *call);
