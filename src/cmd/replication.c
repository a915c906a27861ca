/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/replication.h"

void replication_replicaof(struct call *call) {
    if (bytes_is(call->argv[1], "no") && bytes_is(call->argv[2], "one"))
        reply_ok(call->reply);
    else
        reply_error(call->reply, "ERR Strata has no replication: it cannot be a replica");
}

void replication_failover(struct call *call) {
    for (unsigned i = 1; i < call->argc; i++)
        if (bytes_is(call->argv[i], "abort")) {
            reply_error(call->reply, "ERR No failover in progress.");
            return;
        }
    reply_error(call->reply, "ERR FAILOVER requires connected replicas.");
}

void replication_refuse(struct call *call) {
    reply_error(call->reply, "ERR Strata has no replication: it cannot have replicas");
}
