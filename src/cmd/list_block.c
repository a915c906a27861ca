/* SPDX-License-Identifier: BSD-3-Clause */
/* Taking elements from lists that may have none yet. */
#include "cmd/list_common.h"
#include "exec/blocking.h"

/* Waits for an element in any of the keys. */
static void wait_for_any(struct call *call, int64_t deadline_ms) {
    const struct blocking_request request = {
        .deadline_ms = deadline_ms, .type = TYPE_LIST, .any_key = true};
    blocking_wait(call, &request);
}

static void pop(struct call *call, enum list_end end) {
    int64_t deadline_ms;
    if (!blocking_deadline_seconds(call, call->argv[call->argc - 1], &deadline_ms)) return;
    if (!list_pop_first(call, end)) wait_for_any(call, deadline_ms);
}

void list_blpop(struct call *call) {
    pop(call, LIST_LEFT);
}

void list_brpop(struct call *call) {
    pop(call, LIST_RIGHT);
}

void list_blmpop(struct call *call) {
    int64_t deadline_ms;
    struct list_mpop how;
    if (!list_parse_mpop(call, 2, &how)) return;
    if (!blocking_deadline_seconds(call, call->argv[1], &deadline_ms)) return;
    if (!list_mpop_first(call, &how)) wait_for_any(call, deadline_ms);
}

static void move(struct call *call, enum list_end from, enum list_end to, unsigned timeout) {
    int64_t deadline_ms;
    if (!blocking_deadline_seconds(call, call->argv[timeout], &deadline_ms)) return;
    const struct blocking_request request = {
        .deadline_ms = deadline_ms, .type = TYPE_LIST, .key_count = 1, .null_at_once = true};
    if (!list_move(call, from, to)) blocking_wait(call, &request);
}

void list_blmove(struct call *call) {
    enum list_end from, to;
    if (list_parse_end(call, 3, &from) && list_parse_end(call, 4, &to)) move(call, from, to, 5);
}

void list_brpoplpush(struct call *call) {
    move(call, LIST_RIGHT, LIST_LEFT, 3);
}
