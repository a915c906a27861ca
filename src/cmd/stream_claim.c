/* SPDX-License-Identifier: BSD-3-Clause */
/* XCLAIM and XAUTOCLAIM: pending entries change their consumer. */
#include "base/ensure.h"
#include "cmd/stream.h"
#include "cmd/stream_common.h"

struct claim {
    struct call *call;
    struct spot spot;
    struct stream *stream;
    struct stream_group *group;
    struct stream_consumer *consumer;
    int64_t idle_ms; /* entries delivered since are left where they are */
    int64_t delivered_ms;
    int64_t deliveries; /* negative: not given */
    struct stream_id last;
    bool force, only_ids;
};

/* ---- what both do ---- */

static bool begin(struct claim *claim) {
    struct call *call = claim->call;
    claim->consumer = stream_need_consumer(call, &claim->spot, claim->group, call->argv[3]);
    if (claim->consumer)
        claim->consumer->seen_ms = call->view.now_ms;
    else
        reply_no_memory(call->reply);
    return claim->consumer != NULL;
}

static void drop_deleted(struct claim *claim, struct stream_id id) {
    stream_pending_remove(claim->group, id);
    stream_tell_acknowledged(claim->call, &claim->spot, claim->group, id);
}

/* Gives the entry, which exists, to the consumer, and answers it. False: no memory. */
static bool take(struct claim *claim, struct stream_id id) {
    struct call *call = claim->call;
    struct stream_pending *pending =
        stream_pending_give(claim->group, claim->consumer, id, call->view.now_ms);
    if (!pending) return false;
    pending->delivered_ms = claim->delivered_ms;
    if (claim->deliveries >= 0)
        pending->deliveries = (uint64_t)claim->deliveries;
    else if (!claim->only_ids)
        pending->deliveries++;
    if (claim->only_ids)
        stream_reply_id(call->reply, id);
    else
        stream_reply_entry_of(call->reply, claim->stream, id);
    claim->consumer->active_ms = call->view.now_ms;
    stream_tell_claimed(call, &claim->spot, claim->group, pending);
    return true;
}

static bool is_idle(const struct claim *claim, const struct stream_pending *pending) {
    return claim->idle_ms == 0 ||
           claim->call->view.now_ms - pending->delivered_ms >= claim->idle_ms;
}

static bool parse_number(struct call *call, struct bytes text, const char *what, int64_t *out) {
    if (number_parse_i64(text, out)) return true;
    reply_errorf(call->reply, "ERR Invalid %s", what);
    return false;
}

/* ---- XCLAIM ---- */

/* The option at *at, which moves to its last word. */
static bool parse_option(struct claim *claim, unsigned *at) {
    struct call *call = claim->call;
    struct bytes word = call->argv[*at];
    bool more = *at + 1 < call->argc;
    if (bytes_is(word, "force")) {
        claim->force = true;
    } else if (bytes_is(word, "justid")) {
        claim->only_ids = true;
    } else if (more && bytes_is(word, "idle")) {
        if (!parse_number(call, call->argv[++*at], "IDLE option argument for XCLAIM",
                          &claim->delivered_ms))
            return false;
        claim->delivered_ms =
            (int64_t)((uint64_t)call->view.now_ms - (uint64_t)claim->delivered_ms);
    } else if (more && bytes_is(word, "time")) {
        return parse_number(call, call->argv[++*at], "TIME option argument for XCLAIM",
                            &claim->delivered_ms);
    } else if (more && bytes_is(word, "retrycount")) {
        return parse_number(call, call->argv[++*at], "RETRYCOUNT option argument for XCLAIM",
                            &claim->deliveries);
    } else if (more && bytes_is(word, "lastid")) {
        return stream_parse_id(call, call->argv[++*at], &claim->last);
    } else {
        reply_errorf(call->reply, "ERR Unrecognized XCLAIM option '%.*s'", (int)word.len,
                     word.data);
        return false;
    }
    return true;
}

/* IDs, up to the first argument that is none, then options; *ids is how many IDs. */
static bool parse_claim(struct claim *claim, unsigned *ids) {
    struct call *call = claim->call;
    int64_t now = call->view.now_ms;
    struct stream_id id;
    if (!parse_number(call, call->argv[4], "min-idle-time argument for XCLAIM", &claim->idle_ms))
        return false;
    claim->idle_ms = MAX(claim->idle_ms, (int64_t)0);
    claim->delivered_ms = claim->deliveries = -1;
    unsigned at = 5;
    while (at < call->argc && stream_id_parse(call->argv[at], 0, &id, NULL))
        at++;
    *ids = at - 5;
    for (; at < call->argc; at++)
        if (!parse_option(claim, &at)) return false;
    if (claim->delivered_ms < 0 || claim->delivered_ms > now) claim->delivered_ms = now;
    return true;
}

/* False: no memory. *shown counts what has been answered. */
static bool claim_one(struct claim *claim, struct stream_id id, unsigned *shown) {
    const struct stream_pending *pending = stream_pending_find(claim->group, id);
    if (!pending && !claim->force) return true;
    if (!stream_has(claim->stream, id)) {
        if (pending) drop_deleted(claim, id);
        return true;
    }
    if (pending && !is_idle(claim, pending)) return true;
    *shown += 1;
    return take(claim, id);
}

void stream_xclaim(struct call *call) {
    struct claim claim = {.call = call};
    unsigned count, shown = 0;
    if (!stream_seek_group(call, &claim.spot, &claim.stream, &claim.group)) return;
    if (!parse_claim(&claim, &count)) return;
    const struct stream_id *ids = stream_parse_ids(call, 5, count);
    if (!ids || !begin(&claim)) return;
    if (stream_id_compare(claim.last, claim.group->last) > 0) {
        claim.group->last = claim.last;
        stream_tell_progress(call, &claim.spot, claim.group);
    }
    size_t before = call->reply->out->len, mark = reply_open(call->reply);
    for (unsigned i = 0; i < count; i++) {
        if (claim_one(&claim, ids[i], &shown)) continue;
        call->reply->out->len = before;
        reply_no_memory(call->reply);
        return;
    }
    reply_close_array(call->reply, mark, shown);
}

/* ---- XAUTOCLAIM ---- */

#define ATTEMPTS_EACH 10 /* pending entries looked at for each that may be claimed */
#define COUNT_MAX     (INT64_MAX / 16)

struct auto_claim {
    struct claim claim;
    struct stream_id from;
    int64_t count;
};

static bool parse_auto(struct auto_claim *this) {
    struct call *call = this->claim.call;
    this->count = 100;
    if (!parse_number(call, call->argv[4], "min-idle-time argument for XAUTOCLAIM",
                      &this->claim.idle_ms))
        return false;
    this->claim.idle_ms = MAX(this->claim.idle_ms, (int64_t)0);
    this->claim.deliveries = -1;
    this->claim.delivered_ms = call->view.now_ms;
    if (!stream_parse_start(call, call->argv[5], &this->from)) return false;
    for (unsigned i = 6; i < call->argc; i++) {
        if (i + 1 < call->argc && bytes_is(call->argv[i], "count")) {
            bool parsed = number_parse_i64(call->argv[++i], &this->count);
            if (parsed && this->count >= 1 && this->count <= COUNT_MAX) continue;
            reply_error(call->reply, "ERR COUNT must be > 0");
            return false;
        }
        if (!bytes_is(call->argv[i], "justid")) {
            reply_syntax_error(call->reply);
            return false;
        }
        this->claim.only_ids = true;
    }
    return true;
}

/* The entries that were pending and are no longer there. */
struct deleted {
    struct buffer ids;
    size_t count;
};

/* Claims from this->from on, which ends at the next one to look at, 0-0 when that was all. Returns
 * how many were claimed and answered. */
static uint64_t claim_from(struct auto_claim *this, struct deleted *deleted) {
    struct claim *claim = &this->claim;
    struct tree_cursor cursor;
    uint64_t shown = 0;
    int64_t attempts = MIN(this->count, INT64_MAX / ATTEMPTS_EACH) * ATTEMPTS_EACH;
    const struct stream_pending *pending = stream_pending_seek(claim->group, this->from, &cursor);
    for (; pending && attempts-- > 0 && this->count > 0; pending = tree_item(&cursor)) {
        struct stream_id id = pending->id;
        if (!stream_has(claim->stream, id)) {
            if (!buffer_append(&deleted->ids, &id, sizeof id)) break;
            deleted->count++;
            drop_deleted(claim, id);
            stream_pending_seek(claim->group, id, &cursor);
            this->count--;
            continue;
        }
        bool idle = is_idle(claim, pending);
        if (idle && !take(claim, id)) break; /* gives none away, so the cursor stays good */
        tree_next(&cursor);
        shown += idle;
        this->count -= idle;
    }
    this->from = pending ? pending->id : STREAM_ID_MIN;
    return shown;
}

/* The cursor comes first, and is known last. */
static void reply_auto(struct auto_claim *this) {
    struct reply *reply = this->claim.call->reply;
    struct deleted deleted = {0};
    size_t start = reply->out->len;
    reply_array(reply, 3);
    size_t head = reply->out->len, mark = reply_open(reply);
    uint64_t shown = claim_from(this, &deleted);
    reply_close_array(reply, mark, shown);
    struct buffer claimed = {0};
    bool kept = buffer_append(&claimed, reply->out->data + head, reply->out->len - head);
    reply->out->len = head;
    stream_reply_id(reply, this->from);
    reply_raw(reply, buffer_bytes(&claimed));
    reply_array(reply, deleted.count);
    for (size_t i = 0; i < deleted.count; i++)
        stream_reply_id(reply, ((const struct stream_id *)(void *)deleted.ids.data)[i]);
    if (!kept) {
        reply->out->len = start;
        reply_no_memory(reply);
    }
    buffer_free(&claimed);
    buffer_free(&deleted.ids);
}

void stream_xautoclaim(struct call *call) {
    struct auto_claim this = {.claim.call = call};
    struct claim *claim = &this.claim;
    if (!parse_auto(&this)) return;
    if (!stream_seek_group(call, &claim->spot, &claim->stream, &claim->group)) return;
    if (begin(claim)) reply_auto(&this);
}
