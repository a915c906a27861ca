/* SPDX-License-Identifier: BSD-3-Clause */
/* What is asked of primaries and replicas: this server is a primary without replicas. */
#pragma once

#include "exec/call.h"

extern const struct command replication_commands[];

/* REPLICAOF NO ONE is OK, since it is so. */
void replication_replicaof(struct call *call);
void replication_failover(struct call *call);

/* SYNC, PSYNC, REPLCONF: what replicas say. */
void replication_refuse(struct call *call);
