/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/transactions.h"
#include "exec/transaction.h"
#include "exec/watch.h"

void transactions_multi(struct call *call) {
    if (transaction_begin(call->session))
        reply_ok(call->reply);
    else
        reply_no_memory(call->reply);
}

void transactions_exec(struct call *call) {
    if (transaction_is_open(call->session))
        transaction_exec(call);
    else
        reply_error(call->reply, "ERR EXEC without MULTI");
}

void transactions_discard(struct call *call) {
    if (!transaction_is_open(call->session)) {
        reply_error(call->reply, "ERR DISCARD without MULTI");
        return;
    }
    transaction_end(call->session);
    watch_forget(call->session);
    reply_ok(call->reply);
}

void transactions_watch(struct call *call) {
    for (unsigned i = 0; i < call->key_count; i++) {
        if (watch_key(call, &call->keys[i])) continue;
        reply_no_memory(call->reply);
        return;
    }
    reply_ok(call->reply);
}

void transactions_unwatch(struct call *call) {
    watch_forget(call->session);
    reply_ok(call->reply);
}
