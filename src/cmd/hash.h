/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of the commands on hashes. */
#pragma once

#include "exec/call.h"

void hash_hdel(struct call *call);
void hash_hexists(struct call *call);
void hash_hexpire(struct call *call);
void hash_hexpireat(struct call *call);
void hash_hexpiretime(struct call *call);
void hash_hget(struct call *call);
void hash_hgetall(struct call *call);
void hash_hgetdel(struct call *call);
void hash_hgetex(struct call *call);
void hash_hincrby(struct call *call);
void hash_hincrbyfloat(struct call *call);
void hash_hkeys(struct call *call);
void hash_hlen(struct call *call);
void hash_hmget(struct call *call);
void hash_hmset(struct call *call);
void hash_hpersist(struct call *call);
void hash_hpexpire(struct call *call);
void hash_hpexpireat(struct call *call);
void hash_hpexpiretime(struct call *call);
void hash_hpttl(struct call *call);
void hash_hrandfield(struct call *call);
void hash_hscan(struct call *call);
void hash_hset(struct call *call);
void hash_hsetex(struct call *call);
void hash_hsetnx(struct call *call);
void hash_hstrlen(struct call *call);
void hash_httl(struct call *call);
void hash_hvals(struct call *call);
