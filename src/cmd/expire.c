/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd/expire.h"
#include "base/number.h"

/* ---- setting: EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT, PERSIST ---- */

/* Under which conditions the expiry is set. */
#define EXPIRE_NX (1u << 0) /* the key has none */
#define EXPIRE_XX (1u << 1) /* the key has one */
#define EXPIRE_GT (1u << 2) /* the new one is later; none is later than all */
#define EXPIRE_LT (1u << 3) /* the new one is earlier */

static bool parse_conditions(struct call *call, unsigned *conditions) {
    static const char *const names[] = {"nx", "xx", "gt", "lt"};
    *conditions = 0;
    for (unsigned i = 3; i < call->argc; i++) {
        unsigned which = 0;
        while (which < ARRAY_LEN(names) && !bytes_is(call->argv[i], names[which]))
            which++;
        if (which == ARRAY_LEN(names)) {
            reply_errorf(call->reply, "ERR Unsupported option %.*s", (int)call->argv[i].len,
                         call->argv[i].data);
            return false;
        }
        *conditions |= 1u << which;
    }
    if ((*conditions & EXPIRE_NX) && (*conditions & ~EXPIRE_NX)) {
        reply_error(call->reply, "ERR NX and XX, GT or LT options at the same time are not "
                                 "compatible");
        return false;
    }
    if ((*conditions & EXPIRE_GT) && (*conditions & EXPIRE_LT)) {
        reply_error(call->reply, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

/* The Unix time in ms that `text` units after `base` ms stand for; false: the error is written. */
static bool parse_moment(struct call *call, struct bytes text, int64_t unit_ms, int64_t base_ms,
                         int64_t *moment) {
    if (!number_parse_i64(text, moment)) {
        reply_not_integer(call->reply);
        return false;
    }
    if (__builtin_mul_overflow(*moment, unit_ms, moment) ||
        __builtin_add_overflow(*moment, base_ms, moment)) {
        reply_errorf(call->reply, "ERR invalid expire time in '%s' command", call->command->name);
        return false;
    }
    return true;
}

static bool conditions_hold(unsigned conditions, int64_t current, int64_t moment) {
    bool has_one = current != EXPIRY_NONE;
    if ((conditions & EXPIRE_NX) && has_one) return false;
    if ((conditions & EXPIRE_XX) && !has_one) return false;
    if ((conditions & EXPIRE_GT) && (!has_one || moment <= current)) return false;
    if ((conditions & EXPIRE_LT) && has_one && moment >= current) return false;
    return true;
}

static void expire_key(struct call *call, int64_t unit_ms, int64_t base_ms) {
    unsigned conditions;
    int64_t moment;
    if (!parse_conditions(call, &conditions)) return;
    if (!parse_moment(call, call->argv[2], unit_ms, base_ms, &moment)) return;

    struct spot spot;
    const struct entry *e = keyspace_seek_whole(&call->view, &call->keys[0], &spot);
    if (!e || !conditions_hold(conditions, entry_expiry(e), moment)) {
        reply_integer(call->reply, 0);
        return;
    }
    if (moment <= call->view.now_ms) {
        call->view.counters->expired++;
        keyspace_remove(&call->view, &spot, (struct event){EVENT_EXPIRED, "expired"});
    } else if (!keyspace_set_expiry(&call->view, &spot, moment,
                                    (struct event){EVENT_GENERIC, "expire"})) {
        reply_no_memory(call->reply);
        return;
    }
    reply_integer(call->reply, 1);
}

void expire_expire(struct call *call) {
    expire_key(call, 1000, call->view.now_ms);
}

void expire_pexpire(struct call *call) {
    expire_key(call, 1, call->view.now_ms);
}

void expire_expireat(struct call *call) {
    expire_key(call, 1000, 0);
}

void expire_pexpireat(struct call *call) {
    expire_key(call, 1, 0);
}

void expire_persist(struct call *call) {
    struct spot spot;
    const struct entry *e = keyspace_seek_whole(&call->view, &call->keys[0], &spot);
    if (!e || !entry_has_expiry(e))
        reply_integer(call->reply, 0);
    else if (!keyspace_set_expiry(&call->view, &spot, EXPIRY_NONE,
                                  (struct event){EVENT_GENERIC, "persist"}))
        reply_no_memory(call->reply);
    else
        reply_integer(call->reply, 1);
}

/* ---- asking: TTL, PTTL, EXPIRETIME, PEXPIRETIME ---- */

static int64_t rounded_seconds(int64_t ms) {
    return ms / 1000 + (ms % 1000 >= 500);
}

/* The key's expiry in ms counted from `base_ms`; -1 when it has none, -2 when there is no key. */
static int64_t expiry_since(struct call *call, int64_t base_ms) {
    const struct entry *e = keyspace_peek(&call->view, &call->keys[0]);
    if (!e) return -2;
    if (!entry_has_expiry(e)) return -1;
    return MAX(entry_expiry(e) - base_ms, (int64_t)0);
}

static void reply_seconds(struct call *call, int64_t ms) {
    reply_integer(call->reply, ms < 0 ? ms : rounded_seconds(ms));
}

void expire_ttl(struct call *call) {
    reply_seconds(call, expiry_since(call, call->view.now_ms));
}

void expire_pttl(struct call *call) {
    reply_integer(call->reply, expiry_since(call, call->view.now_ms));
}

void expire_expiretime(struct call *call) {
    reply_seconds(call, expiry_since(call, 0));
}

void expire_pexpiretime(struct call *call) {
    reply_integer(call->reply, expiry_since(call, 0));
}
