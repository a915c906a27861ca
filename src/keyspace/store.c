/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every change of one key. Invariants:
 *   1. slice.volatile_keys is the number of its entries that have an expiry.
 *   2. The bucket of such an entry has been told of the expiry (due_note), so the sweep finds it.
 *   3. counters.live_bytes moves with the arena's live bytes.
 *   4. Each function that changed something has emitted a record of it when it returns true.
 */
#include "keyspace/keyspace_priv.h"

static void count_live(struct view *view, const struct slice *slice, size_t before) {
    keyspace_live_add(view->counters, (int64_t)(arena_live(&slice->arena) - before));
}

static void spot_point(struct spot *spot) {
    spot->entry = table_block(&spot->slice->table, &spot->slot);
}

static void note_expiry(struct view *view, struct spot *spot, bool had, int64_t expiry) {
    bool has = expiry != EXPIRY_NONE;
    if (has != had) volatile_add(spot->slice, has - had);
    if (has) due_note(spot->slot.bucket, expiry, view->now_ms);
}

/* A block of the right size in the table under the spot's key; it has still to be laid out. The
 * entry that was there, if any, is kept beside it in *old until the caller frees it. */
static struct entry *place(const struct view *view, struct spot *spot, size_t size,
                           arena_ref *old) {
    struct slice *slice = spot->slice;
    slice_prepare(view, slice);
    arena_ref ref = arena_alloc(&slice->arena, size);
    if (ref == ARENA_NONE) return NULL;
    struct entry *e = arena_at(&slice->arena, ref);
    if (spot->entry) {
        *old = table_ref(&spot->slot);
        table_replace(&spot->slot, ref);
        return e;
    }
    *old = ARENA_NONE;
    if (table_insert(&slice->table, spot->key->hash, ref, &spot->slot)) return e;
    arena_free(&slice->arena, ref, size);
    return NULL;
}

static void free_old(struct slice *slice, arena_ref old) {
    if (old != ARENA_NONE)
        arena_free(&slice->arena, old, entry_size(arena_at(&slice->arena, old)));
}

/* Makes the spot's entry a string of `size` bytes with this head and expiry. Returns where the
 * value goes; the old value's first bytes are kept when `keep`. NULL = no memory. */
static char *shape_string(const struct view *view, struct spot *spot, uint32_t head, size_t size,
                          int64_t expiry, bool keep) {
    struct slice *slice = spot->slice;
    struct bytes key = spot->key->name;
    size_t wanted = entry_size_for(key.len, size, expiry != EXPIRY_NONE, false);
    if (spot->entry && !entry_is_object(spot->entry)) {
        arena_ref ref = table_ref(&spot->slot);
        uint32_t old_head = spot->entry->head;
        size_t before = entry_string(spot->entry).len;
        if (entry_rewrite(spot->entry, head, size, expiry)) {
            size_t had = wanted - size + before;
            if (arena_resize(&slice->arena, ref, had, wanted)) {
                spot_point(spot);
                return (char *)entry_string(spot->entry).data;
            }
            entry_rewrite(spot->entry, old_head, before, expiry);
        }
    }
    arena_ref old;
    struct entry *e = place(view, spot, wanted, &old);
    if (!e) return NULL;
    char *value = entry_lay_out(e, head, key, size, expiry);
    if (keep && old != ARENA_NONE) {
        struct bytes kept = entry_string(arena_at(&slice->arena, old));
        memcpy(value, kept.data, MIN(kept.len, size));
    }
    free_old(slice, old);
    spot_point(spot);
    return value;
}

static uint32_t string_head(const struct view *view, const struct entry *old, bool raw) {
    uint32_t clock = old ? entry_clock(old) : clock_fresh(view->now_ms);
    return TYPE_STRING | (raw ? ENTRY_RAW : 0) | clock << ENTRY_CLOCK_SHIFT;
}

static void emit_stored(struct view *view, const struct spot *spot, struct event event,
                        bool created) {
    view->counters->changes++;
    if (LIKELY(!view->keyspace->subscriber_count)) return;
    if (created) keyspace_notify(view, spot->key, (struct event){EVENT_NEW, "new"});
    emit(view, &(struct change){.kind = CHANGE_STORE,
                                .event = event,
                                .db = view->db,
                                .key = spot->key,
                                .entry = spot->entry});
}

bool keyspace_store_string(struct view *view, struct spot *spot, const struct string_store *store) {
    struct entry *old = spot->entry;
    int64_t had = old ? entry_expiry(old) : EXPIRY_NONE;
    int64_t expiry = store->expiry == EXPIRY_KEEP ? had : store->expiry;
    size_t live = arena_live(&spot->slice->arena);
    uint32_t head = string_head(view, old, store->raw);
    char *value = shape_string(view, spot, head, store->value.len, expiry, false);
    if (!value) return false;
    memcpy(value, store->value.data, store->value.len);
    if (UNLIKELY(had != EXPIRY_NONE || expiry != EXPIRY_NONE))
        note_expiry(view, spot, had != EXPIRY_NONE, expiry);
    count_live(view, spot->slice, live);
    emit_stored(view, spot, store->event, !old);
    return true;
}

bool keyspace_write_range(struct view *view, struct spot *spot, size_t offset, struct bytes piece,
                          struct event event) {
    bool created = !spot->entry;
    int64_t expiry = created ? EXPIRY_NONE : entry_expiry(spot->entry);
    size_t before = created ? 0 : entry_string(spot->entry).len;
    size_t size = MAX(before, offset + piece.len);
    size_t live = arena_live(&spot->slice->arena);
    uint32_t head = string_head(view, spot->entry, true);
    char *value = shape_string(view, spot, head, size, expiry, true);
    if (!value) return false;
    if (offset > before) memset(value + before, 0, offset - before);
    memcpy(value + offset, piece.data, piece.len);
    if (expiry != EXPIRY_NONE) note_expiry(view, spot, true, expiry);
    count_live(view, spot->slice, live);
    view->counters->changes++;
    if (LIKELY(!view->keyspace->subscriber_count)) return true;
    if (created) keyspace_notify(view, spot->key, (struct event){EVENT_NEW, "new"});
    emit(view, &(struct change){.kind = CHANGE_RANGE,
                                .event = event,
                                .db = view->db,
                                .key = spot->key,
                                .entry = spot->entry,
                                .offset = offset,
                                .length = piece.len});
    return true;
}

/* Rebuilds the entry with or without room for an expiry. */
static bool reshape_expiry(const struct view *view, struct spot *spot, int64_t expiry) {
    struct slice *slice = spot->slice;
    struct entry_view v = entry_decode(spot->entry);
    bool object = entry_is_object(spot->entry);
    size_t size = entry_size_for(v.key.len, v.value.len, expiry != EXPIRY_NONE, object);
    uint32_t head = spot->entry->head;
    arena_ref old;
    struct entry *e = place(view, spot, size, &old);
    if (!e) return false;
    /* v still points into the old block, which place() left alone */
    char *value = entry_lay_out(e, head, v.key, v.value.len, expiry);
    memcpy(value, v.value.data, v.value.len);
    free_old(slice, old);
    spot_point(spot);
    return true;
}

bool keyspace_set_expiry(struct view *view, struct spot *spot, int64_t expiry,
                         struct event event) {
    int64_t had = entry_expiry(spot->entry);
    size_t live = arena_live(&spot->slice->arena);
    if (had != EXPIRY_NONE && expiry != EXPIRY_NONE) {
        char *at = (char *)entry_decode(spot->entry).key.data - sizeof expiry;
        memcpy(at, &expiry, sizeof expiry);
    } else if (had != expiry && !reshape_expiry(view, spot, expiry)) {
        return false;
    }
    note_expiry(view, spot, had != EXPIRY_NONE, expiry);
    count_live(view, spot->slice, live);
    view->counters->changes++;
    if (view->keyspace->subscriber_count)
        emit(view, &(struct change){.kind = CHANGE_EXPIRY,
                                    .event = event,
                                    .db = view->db,
                                    .key = spot->key,
                                    .entry = spot->entry});
    return true;
}

bool put_like(struct view *view, struct spot *spot, const struct entry *model) {
    struct slice *slice = spot->slice;
    struct entry_view v = entry_decode(model);
    int64_t had = spot->entry ? entry_expiry(spot->entry) : EXPIRY_NONE;
    size_t size = entry_size_for(spot->key->name.len, v.value.len, v.expiry != EXPIRY_NONE,
                                 entry_is_object(model));
    size_t live = arena_live(&slice->arena);
    arena_ref old;
    struct entry *e = place(view, spot, size, &old);
    if (!e) return false;
    char *value = entry_lay_out(e, model->head, spot->key->name, v.value.len, v.expiry);
    memcpy(value, v.value.data, v.value.len);
    free_old(slice, old);
    spot_point(spot);
    note_expiry(view, spot, had != EXPIRY_NONE, v.expiry);
    count_live(view, slice, live);
    return true;
}

void spot_drop(struct view *view, struct spot *spot) {
    struct slice *slice = spot->slice;
    size_t live = arena_live(&slice->arena);
    arena_ref ref = table_ref(&spot->slot);
    if (entry_has_expiry(spot->entry)) volatile_add(slice, -1);
    table_remove(&slice->table, &spot->slot);
    arena_free(&slice->arena, ref, entry_size(spot->entry));
    spot->entry = NULL;
    count_live(view, slice, live);
}

void spot_remove(struct view *view, struct spot *spot, enum change_cause cause,
                 struct event event) {
    struct slice *slice = spot->slice;
    size_t live = arena_live(&slice->arena);
    arena_ref ref = table_ref(&spot->slot);
    const struct entry *e = spot->entry;
    if (entry_has_expiry(e)) volatile_add(slice, -1);
    table_remove(&slice->table, &spot->slot);
    spot->entry = NULL;
    view->counters->changes++;
    if (view->keyspace->subscriber_count)
        emit(view, &(struct change){.kind = CHANGE_REMOVE,
                                    .cause = cause,
                                    .event = event,
                                    .db = view->db,
                                    .key = spot->key});
    arena_free(&slice->arena, ref, entry_size(e)); /* the key may have been the entry's own */
    count_live(view, slice, live);
}

void keyspace_remove(struct view *view, struct spot *spot, struct event event) {
    spot_remove(view, spot, CAUSE_COMMAND, event);
}
