/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of the commands on sorted sets. */
#pragma once

#include "exec/call.h"

void zset_bzmpop(struct call *call);
void zset_bzpopmax(struct call *call);
void zset_bzpopmin(struct call *call);
void zset_zadd(struct call *call);
void zset_zcard(struct call *call);
void zset_zcount(struct call *call);
void zset_zdiff(struct call *call);
void zset_zdiffstore(struct call *call);
void zset_zincrby(struct call *call);
void zset_zinter(struct call *call);
void zset_zintercard(struct call *call);
void zset_zinterstore(struct call *call);
void zset_zlexcount(struct call *call);
void zset_zmpop(struct call *call);
void zset_zmscore(struct call *call);
void zset_zpopmax(struct call *call);
void zset_zpopmin(struct call *call);
void zset_zrandmember(struct call *call);
void zset_zrange(struct call *call);
void zset_zrangebylex(struct call *call);
void zset_zrangebyscore(struct call *call);
void zset_zrangestore(struct call *call);
void zset_zrank(struct call *call);
void zset_zrem(struct call *call);
void zset_zremrangebylex(struct call *call);
void zset_zremrangebyrank(struct call *call);
void zset_zremrangebyscore(struct call *call);
void zset_zrevrange(struct call *call);
void zset_zrevrangebylex(struct call *call);
void zset_zrevrangebyscore(struct call *call);
void zset_zrevrank(struct call *call);
void zset_zscan(struct call *call);
void zset_zscore(struct call *call);
void zset_zunion(struct call *call);
void zset_zunionstore(struct call *call);
