/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every change of one key. Invariants:
 *   1. slice.volatile_keys is the number of its entries that have an expiry, deadline_values of
 *      those with elements that have a deadline.
 *   2. The bucket of such an entry has been told of both (due_note), so the sweep finds it.
 *   3. counters.live_bytes moves with the arena's live bytes.
 *   4. slice.objects is the number of its entries that an object hangs off.
 *   5. Each function that changed something has emitted a record of it when it returns true.
 */
#include "keyspace/janitor.h"
#include "keyspace/pin_priv.h"
#include "keyspace/undo_priv.h"
#include "sys/memory.h"

static void count_live(struct view *view, const struct slice *slice, size_t before) {
    keyspace_live_add(view->counters, (int64_t)(arena_live(&slice->arena) - before));
}

/* An empty view may have no address. */
static void copy_bytes(char *to, struct bytes from) {
    if (from.len) memcpy(to, from.data, from.len);
}

static void spot_point(struct spot *spot) {
    spot->entry = table_block(&spot->slice->table, &spot->slot);
}

/* `had`: the times_of() the spot's entry before it changed. */
static void note_times(const struct view *view, struct spot *spot, unsigned had) {
    unsigned has = times_of(spot->entry);
    if (LIKELY(!(had | has))) return;
    count_times(spot->slice, had, has);
    if (has & HAS_EXPIRY) due_note(spot->slot.bucket, entry_expiry(spot->entry), view->now_ms);
    if (has & HAS_DEADLINES) note_deadline(spot, view->now_ms);
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

/* Below this many allocations an object is freed at once. */
#define FREE_EFFORT_AT_ONCE 64

void object_release(const struct view *view, const struct entry *e) {
    const struct value_ops *ops = value_ops(entry_type(e));
    void *object = entry_object(e);
    size_t bytes = ops->memory(object);
    int64_t released = view->counters->released_bytes + (int64_t)bytes;
    __atomic_store_n(&view->counters->released_bytes, released, __ATOMIC_RELAXED);
    if (object_left_to_pins(object)) return;
    if (ops->free_effort(object) <= FREE_EFFORT_AT_ONCE)
        ops->free(object);
    else
        janitor_give_sized(view->keyspace->janitor, ops->free, object, bytes);
}

/* Frees the block and what hangs off it, unless that is `kept`. */
static void free_block(const struct view *view, struct slice *slice, arena_ref ref,
                       const void *kept) {
    struct entry *e = arena_at(&slice->arena, ref);
    slice->objects -= entry_is_object(e);
    if (entry_is_object(e) && entry_object(e) != kept &&
        !object_left_to_undo(view, entry_object(e)))
        object_release(view, e);
    arena_free(&slice->arena, ref, entry_size(e));
}

static void free_old(const struct view *view, struct slice *slice, arena_ref old,
                     const void *kept) {
    if (old != ARENA_NONE) free_block(view, slice, old, kept);
}

/* Makes the spot's entry one with `size` bytes of value in place, this head and this expiry.
 * Returns where the value goes; the old value's first bytes are kept when `keep`. NULL = no
 * memory. */
static char *shape_inline(const struct view *view, struct spot *spot, uint32_t head, size_t size,
                          int64_t expiry, bool keep) {
    struct slice *slice = spot->slice;
    struct bytes key = spot->key->name;
    size_t wanted = entry_size_for(key.len, size, expiry != EXPIRY_NONE, false);
    if (spot->entry && !entry_is_object(spot->entry)) {
        arena_ref ref = table_ref(&spot->slot);
        uint32_t old_head = spot->entry->head;
        int64_t old_expiry = entry_expiry(spot->entry);
        size_t before = entry_string(spot->entry).len;
        if (entry_rewrite(spot->entry, head, size, expiry)) {
            size_t had = wanted - size + before;
            if (arena_resize(&slice->arena, ref, had, wanted)) {
                spot_point(spot);
                return (char *)entry_string(spot->entry).data;
            }
            entry_rewrite(spot->entry, old_head, before, old_expiry);
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
    free_old(view, slice, old, NULL);
    spot_point(spot);
    return value;
}

/* What is new, or takes the place of what has been saved, belongs to the epoch. */
static uint32_t fresh_head(const struct view *view, const struct entry *old) {
    uint32_t clock = old ? entry_clock(old) : clock_fresh(view->now_ms);
    return view->keyspace->epoch_bit | clock << ENTRY_CLOCK_SHIFT;
}

static uint32_t string_head(const struct view *view, const struct entry *old, bool raw) {
    return TYPE_STRING | (raw ? ENTRY_RAW : 0) | fresh_head(view, old);
}

static __attribute__((noinline)) void tell_stored(struct view *view, const struct spot *spot,
                                                  struct event event, bool created) {
    if (created) keyspace_notify(view, spot->key, (struct event){EVENT_NEW, "new"});
    emit(view, &(struct change){.kind = CHANGE_STORE,
                                .event = event,
                                .db = view->db,
                                .key = spot->key,
                                .entry = spot->entry});
}

static inline void emit_stored(struct view *view, const struct spot *spot, struct event event,
                               bool created) {
    keyspace_count_changes(view->counters, 1);
    if (UNLIKELY(changes_are_heard(view->keyspace))) tell_stored(view, spot, event, created);
}

/* The commonest case: as many bytes as the string has, and no expiry before or after. Nothing has
 * to move, and nobody's figures change. False: it is another case. */
static bool overwrite(const struct view *view, struct spot *spot,
                      const struct string_store *store) {
    struct entry *e = spot->entry;
    if (!e || e->head & (ENTRY_HAS_EXPIRY | ENTRY_OBJECT) || entry_type(e) != TYPE_STRING)
        return false;
    if (store->expiry != EXPIRY_NONE && store->expiry != EXPIRY_KEEP) return false;
    struct bytes value = entry_string(e);
    if (value.len != store->value.len || store->fill) return false;
    e->head = string_head(view, e, store->raw);
    copy_bytes((char *)value.data, store->value);
    return true;
}

bool keyspace_store_string(struct view *view, struct spot *spot, const struct string_store *store) {
    struct entry *old = spot->entry;
    if (overwrite(view, spot, store)) {
        emit_stored(view, spot, store->event, false);
        return true;
    }
    unsigned had = times_of(old);
    int64_t expiry = store->expiry;
    if (expiry == EXPIRY_KEEP) expiry = old ? entry_expiry(old) : EXPIRY_NONE;
    size_t live = arena_live(&spot->slice->arena);
    uint32_t head = string_head(view, old, store->raw);
    char *value = shape_inline(view, spot, head, store->value.len, expiry, false);
    if (!value) return false;
    if (UNLIKELY(store->fill != NULL))
        store->fill(store->context, value);
    else
        copy_bytes(value, store->value);
    note_times(view, spot, had);
    count_live(view, spot->slice, live);
    emit_stored(view, spot, store->event, !old);
    return true;
}

/* ---- several strings ---- */

/* Stores one string of a batch in a block of its own; what the key had is kept in *old. */
static bool store_beside(struct view *view, const struct string_batch *batch, unsigned i,
                         arena_ref *old) {
    const struct key *key = &batch->keys[i];
    struct bytes value = batch->values[2 * (size_t)i];
    struct spot spot;
    const struct entry *had = keyspace_seek_whole(view, key, &spot);
    unsigned times = times_of(had);
    int64_t expiry = batch->expiry;
    if (expiry == EXPIRY_KEEP) expiry = had ? entry_expiry(had) : EXPIRY_NONE;
    uint32_t head = string_head(view, had, false);
    size_t live = arena_live(&spot.slice->arena);
    size_t size = entry_size_for(key->name.len, value.len, expiry != EXPIRY_NONE, false);
    struct entry *e = place(view, &spot, size, old);
    if (!e) return false;
    copy_bytes(entry_lay_out(e, head, key->name, value.len, expiry), value);
    spot_point(&spot);
    note_times(view, &spot, times);
    count_live(view, spot.slice, live);
    return true;
}

/* Gives the key back what it had. */
static void take_back(struct view *view, const struct key *key, arena_ref old) {
    struct spot spot;
    spot_find(view, key, &spot);
    if (old == ARENA_NONE) {
        spot_forget(view, &spot);
        return;
    }
    struct arena *arena = &spot.slice->arena;
    size_t live = arena_live(arena), size = entry_size(spot.entry);
    unsigned times = times_of(spot.entry);
    arena_ref ref = table_ref(&spot.slot);
    table_replace(&spot.slot, old);
    spot_point(&spot);
    note_times(view, &spot, times);
    arena_free(arena, ref, size);
    count_live(view, spot.slice, live);
}

/* Nothing can fail any more: frees what was there before, and tells. */
static void settle(struct view *view, const struct string_batch *batch, unsigned i, arena_ref old) {
    struct spot spot = {.key = &batch->keys[i], .slice = slice_of(view, &batch->keys[i])};
    size_t live = arena_live(&spot.slice->arena);
    free_old(view, spot.slice, old, NULL);
    count_live(view, spot.slice, live);
    if (changes_are_heard(view->keyspace)) spot_find(view, spot.key, &spot);
    emit_stored(view, &spot, batch->event, old == ARENA_NONE);
    if (batch->then.class) keyspace_notify(view, spot.key, batch->then);
}

#define BATCH_AT_HAND 32

bool keyspace_store_strings(struct view *view, const struct string_batch *batch) {
    arena_ref few[BATCH_AT_HAND], *old = few;
    unsigned stored = 0;
    if (batch->count > BATCH_AT_HAND && !(old = memory_alloc(batch->count * sizeof *old)))
        return false;
    while (stored < batch->count && store_beside(view, batch, stored, &old[stored]))
        stored++;
    bool all = stored == batch->count;
    if (all)
        for (unsigned i = 0; i < batch->count; i++)
            settle(view, batch, i, old[i]);
    else
        while (stored-- > 0)
            take_back(view, &batch->keys[stored], old[stored]);
    if (old != few) memory_free(old);
    return all;
}

/* ---- pieces, expiry ---- */

bool keyspace_write_range(struct view *view, struct spot *spot, size_t offset, struct bytes piece,
                          struct event event) {
    bool created = !spot->entry;
    int64_t expiry = created ? EXPIRY_NONE : entry_expiry(spot->entry);
    size_t before = created ? 0 : entry_string(spot->entry).len;
    size_t size = MAX(before, offset + piece.len);
    size_t live = arena_live(&spot->slice->arena);
    uint32_t head = string_head(view, spot->entry, true);
    char *value = shape_inline(view, spot, head, size, expiry, true);
    if (!value) return false;
    if (offset > before) memset(value + before, 0, offset - before);
    copy_bytes(value + offset, piece);
    note_times(view, spot, expiry == EXPIRY_NONE ? 0 : HAS_EXPIRY);
    count_live(view, spot->slice, live);
    keyspace_count_changes(view->counters, 1);
    if (LIKELY(!changes_are_heard(view->keyspace))) return true;
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
    slice->objects += object;
    free_old(view, slice, old, object ? entry_object(e) : NULL);
    spot_point(spot);
    return true;
}

bool keyspace_set_expiry(struct view *view, struct spot *spot, int64_t expiry, struct event event) {
    unsigned times = times_of(spot->entry);
    int64_t had = entry_expiry(spot->entry);
    size_t live = arena_live(&spot->slice->arena);
    if (had != EXPIRY_NONE && expiry != EXPIRY_NONE) {
        char *at = (char *)entry_decode(spot->entry).key.data - sizeof expiry;
        memcpy(at, &expiry, sizeof expiry);
    } else if (had != expiry && !reshape_expiry(view, spot, expiry)) {
        return false;
    }
    note_times(view, spot, times);
    count_live(view, spot->slice, live);
    keyspace_count_changes(view->counters, 1);
    if (changes_are_heard(view->keyspace))
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
    unsigned had = times_of(spot->entry);
    size_t size = entry_size_for(spot->key->name.len, v.value.len, v.expiry != EXPIRY_NONE,
                                 entry_is_object(model));
    size_t live = arena_live(&slice->arena);
    arena_ref old;
    struct entry *e = place(view, spot, size, &old);
    if (!e) return false;
    char *value = entry_lay_out(e, model->head, spot->key->name, v.value.len, v.expiry);
    memcpy(value, v.value.data, v.value.len);
    slice->objects += entry_is_object(e);
    free_old(view, slice, old, NULL);
    spot_point(spot);
    note_times(view, spot, had);
    count_live(view, slice, live);
    return true;
}

void spot_forget(struct view *view, struct spot *spot) {
    struct slice *slice = spot->slice;
    size_t live = arena_live(&slice->arena);
    arena_ref ref = table_ref(&spot->slot);
    count_times(slice, times_of(spot->entry), 0);
    slice->objects -= entry_is_object(spot->entry);
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
    spot_keep(view, spot, false);
    count_times(slice, times_of(spot->entry), 0);
    table_remove(&slice->table, &spot->slot);
    spot->entry = NULL;
    keyspace_count_changes(view->counters, 1);
    if (changes_are_heard(view->keyspace))
        emit(view, &(struct change){.kind = CHANGE_REMOVE,
                                    .cause = cause,
                                    .event = event,
                                    .db = view->db,
                                    .key = spot->key});
    free_block(view, slice, ref, NULL); /* not before: the key may have been the entry's own */
    count_live(view, slice, live);
}

void keyspace_remove(struct view *view, struct spot *spot, struct event event) {
    spot_remove(view, spot, CAUSE_COMMAND, event);
}

/* ---- collections ---- */

static void emit_edit(struct view *view, const struct spot *spot, const struct edit *edit,
                      enum change_kind kind, bool created) {
    keyspace_count_changes(view->counters, 1);
    if (LIKELY(!changes_are_heard(view->keyspace))) return;
    if (created) keyspace_notify(view, spot->key, (struct event){EVENT_NEW, "new"});
    emit(view, &(struct change){.kind = kind,
                                .event = edit->event,
                                .db = view->db,
                                .key = spot->key,
                                .entry = spot->entry,
                                .argv = edit->argv,
                                .argc = edit->argc});
}

static uint32_t value_head(const struct view *view, const struct entry *old,
                           const struct value *value) {
    return (uint32_t)value->type | (uint32_t)value->form << ENTRY_FORM_SHIFT |
           (value->large ? ENTRY_OBJECT : 0) | fresh_head(view, old);
}

static bool put_small(struct view *view, struct spot *spot, const struct value *value,
                      int64_t expiry) {
    uint32_t head = value_head(view, spot->entry, value);
    if (spot->entry && !entry_is_object(spot->entry)) {
        struct bytes own = entry_string(spot->entry);
        if (own.data == value->small.data && own.len == value->small.len)
            return entry_rewrite(spot->entry, head, own.len, expiry);
    }
    char *at = shape_inline(view, spot, head, value->small.len, expiry, false);
    if (at) copy_bytes(at, value->small);
    return at != NULL;
}

static bool put_large(struct view *view, struct spot *spot, const struct value *value,
                      int64_t expiry) {
    struct bytes key = spot->key->name;
    uint32_t head = value_head(view, spot->entry, value);
    arena_ref old;
    size_t size = entry_size_for(key.len, sizeof value->object, expiry != EXPIRY_NONE, true);
    struct entry *e = place(view, spot, size, &old);
    if (!e) return false;
    memcpy(entry_lay_out(e, head, key, sizeof value->object, expiry), &value->object,
           sizeof value->object);
    spot->slice->objects++;
    free_old(view, spot->slice, old, value->object);
    spot_point(spot);
    return true;
}

bool put_value(struct view *view, struct spot *spot, const struct value *value, int64_t expiry) {
    unsigned had = times_of(spot->entry);
    size_t live = arena_live(&spot->slice->arena);
    bool put =
        value->large ? put_large(view, spot, value, expiry) : put_small(view, spot, value, expiry);
    if (!put) return false;
    note_times(view, spot, had);
    count_live(view, spot->slice, live);
    return true;
}

/* The object is in the entry already; its form may be another. */
static void put_same(const struct view *view, struct spot *spot, const struct value *value) {
    struct entry *e = spot->entry;
    unsigned had = times_of(e);
    e->head = (e->head & ~(3u << ENTRY_FORM_SHIFT)) | (uint32_t)value->form << ENTRY_FORM_SHIFT;
    note_times(view, spot, had);
}

bool keyspace_put(struct view *view, struct spot *spot, const struct value *value,
                  const struct edit *edit) {
    bool created = !spot->entry;
    int64_t expiry = created ? EXPIRY_NONE : entry_expiry(spot->entry);
    bool same = !created && value->large && entry_is_object(spot->entry) &&
                entry_object(spot->entry) == value->object;
    if (same)
        put_same(view, spot, value);
    else if (!put_value(view, spot, value, expiry))
        return false;
    emit_edit(view, spot, edit, CHANGE_COMMAND, created);
    return true;
}

void keyspace_edited(struct view *view, struct spot *spot, const struct edit *edit) {
    note_times(view, spot, times_of(spot->entry));
    emit_edit(view, spot, edit, CHANGE_COMMAND, false);
}

bool keyspace_replace(struct view *view, struct spot *spot, const struct value *value,
                      int64_t expiry, const struct edit *edit) {
    bool created = !spot->entry;
    if (!put_value(view, spot, value, expiry)) return false;
    emit_edit(view, spot, edit, CHANGE_STORE, created || edit->anew);
    return true;
}
