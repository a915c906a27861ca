/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/object.h"
#include "cmd/shared_entry.h"
#include "keyspace/clock.h"
#include "keyspace/policy.h"

/* The key's entry; NULL: the reply is written. Counts as a read, although a miss is no event. */
static const struct entry *find(struct call *call) {
    struct keyspace_counters *counters = call->view.counters;
    const struct entry *e = keyspace_look(&call->view, &call->keys[0]);
    (*(e ? &counters->hits : &counters->misses))++;
    if (!e) reply_null(call->reply);
    return e;
}

void object_encoding(struct call *call) {
    const struct entry *e = find(call);
    if (e) reply_bulk_text(call->reply, entry_encoding(e));
}

void object_refcount(struct call *call) {
    if (find(call)) reply_integer(call->reply, 1);
}

/* An entry's clock tells either how long ago or how often, by the policy in force. */
#define WHEN_POLICIES_CHANGE                                                                       \
    " Please note that when switching between policies at runtime LRU and LFU data will take "     \
    "some time to adjust."

void object_idletime(struct call *call) {
    const struct entry *e = find(call);
    if (!e) return;
    if (policy_is_lfu())
        reply_error(
            call->reply,
            "ERR An LFU maxmemory policy is selected, idle time not tracked." WHEN_POLICIES_CHANGE);
    else
        reply_integer(call->reply, clock_idle_seconds(entry_clock(e), call->view.now_ms));
}

void object_freq(struct call *call) {
    const struct entry *e = find(call);
    if (!e) return;
    if (!policy_is_lfu())
        reply_error(call->reply, "ERR An LFU maxmemory policy is not selected, access frequency "
                                 "not tracked." WHEN_POLICIES_CHANGE);
    else
        reply_integer(call->reply, clock_frequency(entry_clock(e), call->view.now_ms));
}

void object_help(struct call *call) {
    static const char *const lines[] = {
        "ENCODING <key>",
        "    The form in which the value of <key> is kept.",
        "FREQ <key>",
        "    How often <key> is used, on a logarithmic scale from 0 to 255, under an LFU policy.",
        "IDLETIME <key>",
        "    Seconds since <key> was last used, unless under an LFU policy.",
        "REFCOUNT <key>",
        "    References to the value of <key>: always 1.",
        NULL,
    };
    call_help(call, lines);
}
