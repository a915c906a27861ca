/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of the commands on streams. */
#pragma once

#include "exec/call.h"

void stream_xack(struct call *call);
void stream_xackdel(struct call *call);
void stream_xadd(struct call *call);
void stream_xautoclaim(struct call *call);
void stream_xclaim(struct call *call);
void stream_xdel(struct call *call);
void stream_xdelex(struct call *call);
void stream_xgroup_create(struct call *call);
void stream_xgroup_createconsumer(struct call *call);
void stream_xgroup_delconsumer(struct call *call);
void stream_xgroup_destroy(struct call *call);
void stream_xgroup_help(struct call *call);
void stream_xgroup_setid(struct call *call);
void stream_xinfo_consumers(struct call *call);
void stream_xinfo_groups(struct call *call);
void stream_xinfo_help(struct call *call);
void stream_xinfo_stream(struct call *call);
void stream_xlen(struct call *call);
void stream_xpending(struct call *call);
void stream_xrange(struct call *call);
void stream_xread(struct call *call);
void stream_xreadgroup(struct call *call);
void stream_xrevrange(struct call *call);
void stream_xsetid(struct call *call);
void stream_xtrim(struct call *call);

/* Where XREAD and XREADGROUP have their keys. */
int stream_read_keys(const struct bytes *argv, unsigned argc, unsigned *positions,
                     unsigned capacity);
