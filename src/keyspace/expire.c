/* SPDX-License-Identifier: BSD-3-Clause */
#include "keyspace/expire.h"
#include "ds/due.h"
#include "keyspace/pin_priv.h"
#include "keyspace/undo_priv.h"
#include "sys/thread.h"

/* ---- whole entries ---- */

static void remove_expired(struct view *view, struct slice *slice, const struct table_slot *slot) {
    struct entry *e = table_block(&slice->table, slot);
    struct key key = key_make(entry_key(e));
    struct spot spot = {&key, slice, *slot, e};
    spot.slot.hash = key.hash;
    view->counters->expired++;
    spot_remove(view, &spot, CAUSE_EXPIRED, (struct event){EVENT_EXPIRED, "expired"});
}

/* ---- elements of values ---- */

#define ELEMENTS_AT_ONCE 128 /* in one change record */
#define RECORDS_AT_ONCE  16  /* some hundred microseconds */

/* Only hashes have elements that expire. */
static const struct event elements_expired = {EVENT_EXPIRED, "hexpired"};
#define REMOVE_COMMAND BYTES("HDEL")

/* A thread's room for expiring elements. */
struct expiring {
    struct buffer key, small, names;
    size_t ends[ELEMENTS_AT_ONCE]; /* of each name in `names` */
    unsigned count;
};

static bool note_name(void *context, struct bytes name) {
    struct expiring *expiring = context;
    if (!buffer_append_bytes(&expiring->names, name)) return false;
    expiring->ends[expiring->count++] = expiring->names.len;
    return true;
}

/* Stores what is left of the value. False: nothing is, or there is no memory. */
static bool store_rest(struct view *view, struct spot *spot, const struct value *value,
                       const struct expiring *expiring, struct event event) {
    if (value_ops(value->type)->length(value) == 0) {
        keyspace_notify(view, spot->key, event);
        spot_remove(view, spot, CAUSE_EXPIRED, (struct event){EVENT_GENERIC, "del"});
        return false;
    }
    struct bytes argv[ELEMENTS_AT_ONCE + 2] = {REMOVE_COMMAND, spot->key->name};
    size_t start = 0;
    for (unsigned i = 0; i < expiring->count; i++) {
        argv[i + 2] = bytes_make(expiring->names.data + start, expiring->ends[i] - start);
        start = expiring->ends[i];
    }
    return keyspace_put(view, spot, value, &(struct edit){event, argv, expiring->count + 2});
}

static unsigned remove_elements(struct view *view, struct spot *spot, struct expiring *expiring) {
    unsigned removed = 0, count = ELEMENTS_AT_ONCE;
    for (unsigned i = 0; i < RECORDS_AT_ONCE && count == ELEMENTS_AT_ONCE; i++) {
        struct value value = entry_value(spot->entry);
        expiring->count = 0;
        buffer_clear(&expiring->names);
        count = value_ops(value.type)
                    ->expire(&value, view->now_ms, ELEMENTS_AT_ONCE, &expiring->small, note_name,
                             expiring);
        removed += count;
        struct event event = i ? (struct event){0} : elements_expired;
        if (count && !store_rest(view, spot, &value, expiring, event)) break;
    }
    view->counters->expired_elements += removed;
    return removed;
}

/* The entry moves with every change, so the key must not be its own. */
static unsigned expire_elements(struct view *view, struct spot *spot) {
    static _Thread_local struct expiring expiring;
    const struct key *own = spot->key;
    struct key key = *own;
    if (UNLIKELY(!expiring.key.data)) {
        thread_owns_buffer(&expiring.key);
        thread_owns_buffer(&expiring.names);
        thread_owns_buffer(&expiring.small);
    }
    buffer_clear(&expiring.key);
    if (!buffer_append_bytes(&expiring.key, key.name)) return 0;
    key.name = buffer_bytes(&expiring.key);
    spot->key = &key;
    spot_keep(view, spot, true);
    entry_finish_pins(spot->entry);
    unsigned removed = remove_elements(view, spot, &expiring);
    spot->key = own;
    return removed;
}

/* ---- buckets ---- */

static unsigned expire_entry(struct view *view, struct slice *slice,
                             const struct table_slot *slot) {
    struct entry *e = table_block(&slice->table, slot);
    int64_t expiry = entry_expiry(e);
    if (expiry != EXPIRY_NONE && view->now_ms > expiry) {
        remove_expired(view, slice, slot);
        return 1;
    }
    if (expiry != EXPIRY_NONE) due_note(slot->bucket, expiry, view->now_ms);
    if (LIKELY(!entry_has_deadlines(e))) return 0;
    struct key key = key_make(entry_key(e));
    struct spot spot = {&key, slice, *slot, e};
    spot.slot.hash = key.hash;
    unsigned removed = value_deadline(e) < view->now_ms ? expire_elements(view, &spot) : 0;
    if (spot.entry) note_deadline(&spot, view->now_ms);
    return removed;
}

unsigned expire_bucket(struct view *view, struct slice *slice, struct table_segment *segment,
                       struct table_bucket *bucket) {
    unsigned removed = 0;
    bucket->due = 0;
    for (unsigned i = 0; i < TABLE_SLOTS; i++)
        if (bucket->tag[i]) __builtin_prefetch(arena_at(&slice->arena, bucket->ref[i]));
    for (unsigned i = 0; i < TABLE_SLOTS; i++)
        if (bucket->tag[i])
            removed += expire_entry(view, slice, &(struct table_slot){segment, bucket, i, 0});
    return removed;
}
