/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of the commands on strings. */
#pragma once

#include "exec/call.h"

void string_get(struct call *call);
void string_set(struct call *call);
void string_setnx(struct call *call);
void string_setex(struct call *call);
void string_psetex(struct call *call);
void string_getset(struct call *call);
void string_getex(struct call *call);
void string_getdel(struct call *call);
void string_delifeq(struct call *call);
void string_mget(struct call *call);
void string_mset(struct call *call);
void string_msetnx(struct call *call);
void string_msetex(struct call *call);
void string_strlen(struct call *call);
void string_getrange(struct call *call);
void string_setrange(struct call *call);
void string_append(struct call *call);
void string_incr(struct call *call);
void string_decr(struct call *call);
void string_incrby(struct call *call);
void string_decrby(struct call *call);
void string_incrbyfloat(struct call *call);
void string_lcs(struct call *call);

/* What SET does with its key: it looks at the old value only with GET. */
uint32_t string_set_key_flags(const struct bytes *argv, unsigned argc);
