/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Active expiry without an index: each bucket of the table carries a lower bound of its entries'
 * expiries in units of 128 ms, so the sweep reads one cache line for twelve keys and touches only
 * entries of buckets where something is due.
 *
 * The bound has 16 bits and is compared by signed difference: it reaches 70 minutes ahead. What
 * expires later is noted as due then, and noted anew when the sweep comes by. If the sweep has not
 * come by for an hour, or the clock has jumped, one pass ignores the bounds.
 */
#include "keyspace/expire.h"
#include "keyspace/keyspace_priv.h"

#define UNIT_SHIFT 7
#define HORIZON    32000

static uint16_t coarse(int64_t ms) {
    uint16_t units = (uint16_t)((uint64_t)ms >> UNIT_SHIFT);
    return units ? units : UINT16_MAX; /* 0 means none; one earlier is still a lower bound */
}

void due_note(struct table_bucket *bucket, int64_t expiry, int64_t now_ms) {
    int64_t horizon = now_ms + ((int64_t)HORIZON << UNIT_SHIFT);
    uint16_t due = coarse(MAX(MIN(expiry, horizon), now_ms - (1 << UNIT_SHIFT)));
    if (!bucket->due || (int16_t)(due - bucket->due) < 0) bucket->due = due;
}

bool expire_is_due(const struct table_bucket *bucket, int64_t now_ms) {
    return bucket->due && (int16_t)(coarse(now_ms) - bucket->due) > 0;
}

static void remove_expired(struct view *view, struct slice *slice, struct table_segment *segment,
                           struct table_bucket *bucket, unsigned index) {
    struct entry *e = arena_at(&slice->arena, bucket->ref[index]);
    struct key key = key_make(entry_key(e));
    struct spot spot = {&key, slice, {segment, bucket, index, key.hash}, e};
    view->counters->expired++;
    spot_remove(view, &spot, CAUSE_EXPIRED, (struct event){EVENT_EXPIRED, "expired"});
}

unsigned expire_bucket(struct view *view, struct slice *slice, struct table_segment *segment,
                       struct table_bucket *bucket) {
    unsigned removed = 0;
    bucket->due = 0;
    for (unsigned i = 0; i < TABLE_SLOTS; i++)
        if (bucket->tag[i]) __builtin_prefetch(arena_at(&slice->arena, bucket->ref[i]));
    for (unsigned i = 0; i < TABLE_SLOTS; i++) {
        if (!bucket->tag[i]) continue;
        int64_t expiry = entry_expiry(arena_at(&slice->arena, bucket->ref[i]));
        if (expiry == EXPIRY_NONE) continue;
        if (view->now_ms > expiry) {
            remove_expired(view, slice, segment, bucket, i);
            removed++;
        } else {
            due_note(bucket, expiry, view->now_ms);
        }
    }
    return removed;
}
