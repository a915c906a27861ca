/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants of a hash in an edit:
 *   1. VALUE_DEADLINES and small: a pack of triples; otherwise and small: a pack of pairs.
 *   2. A hash without HASH_TABLE is within the limits of a "listpack", or was when it last grew.
 *   3. A small hash has at most SMALL_BYTES, and one with HASH_TABLE at most COSTLY_BYTES and no
 *      more fields than a "listpack" may have.
 */
#include "value/hash_priv.h"
#include "value/limits.h"

#define SMALL_BYTES                                                                                \
    (128u * 1024)                /* beyond, looking through it costs more than the memory saved    \
                                  */
#define COSTLY_BYTES (8u * 1024) /* what large hashes take up at least, about */

static const char no_fields[PACK_EMPTY_SIZE] = {PACK_EMPTY_SIZE, 0, 0, 0, 0, 0, (char)0xff};

/* ---- beginning and end ---- */

void hash_edit_begin(struct hash_edit *edit, const struct value *old, struct buffer *pack,
                     int64_t now_ms) {
    *edit = (struct hash_edit){.pack = pack, .now_ms = now_ms};
    if (old)
        edit->value = *old;
    else
        edit->value =
            (struct value){.type = TYPE_HASH, .small = bytes_make(no_fields, sizeof no_fields)};
}

void hash_edit_expect(struct hash_edit *edit, uint64_t fields, size_t longest) {
    if (fields > (uint64_t)value_limits.hash_max_listpack_entries ||
        longest > (uint64_t)value_limits.hash_max_listpack_value)
        edit->value.form |= HASH_TABLE;
}

void hash_edit_drop(struct hash_edit *edit) {
    if (edit->owned) hash_large_free(edit->value.object);
    edit->owned = false;
}

/* ---- the buffer of a small hash ---- */

static void note_bytes(struct hash_edit *edit) {
    edit->value.small = buffer_bytes(edit->pack);
}

/* Has the small hash's bytes in the buffer. */
static bool make_own(struct hash_edit *edit) {
    if (edit->copied) return true;
    buffer_clear(edit->pack);
    if (!buffer_append_bytes(edit->pack, edit->value.small)) return false;
    note_bytes(edit);
    return edit->copied = true;
}

/* The pack where it lies, for an edit that leaves its size as it is. */
static struct buffer in_place(const struct value *hash) {
    return (struct buffer){.data = (char *)(uintptr_t)hash->small.data,
                           .len = hash->small.len,
                           .cap = hash->small.len};
}

static bool replace_text(struct hash_edit *edit, size_t at, struct bytes text) {
    if (pack_size_at(edit->value.small, at) == pack_element_size(text)) {
        struct buffer pack = in_place(&edit->value);
        return pack_replace(&pack, at, text);
    }
    bool done = make_own(edit) && pack_replace(edit->pack, at, text);
    if (done) note_bytes(edit);
    return done;
}

static bool replace_integer(struct hash_edit *edit, size_t at, int64_t number) {
    if (pack_size_at(edit->value.small, at) == pack_integer_size(number)) {
        struct buffer pack = in_place(&edit->value);
        return pack_replace_integer(&pack, at, number);
    }
    bool done = make_own(edit) && pack_replace_integer(edit->pack, at, number);
    if (done) note_bytes(edit);
    return done;
}

/* ---- pairs and triples ---- */

struct rebuilding {
    struct buffer pack;
    bool triples, failed;
};

static int64_t stored_deadline(int64_t deadline) {
    return deadline == HASH_STAYS ? 0 : deadline;
}

static bool rebuild_field(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    struct rebuilding *rebuilding = context;
    struct buffer *pack = &rebuilding->pack;
    rebuilding->failed =
        !pack_append(pack, field) || !pack_append(pack, value) ||
        (rebuilding->triples && !pack_append_integer(pack, stored_deadline(deadline)));
    return !rebuilding->failed;
}

/* Makes the pack one of triples, or of pairs: then no field has a deadline. */
static bool rebuild(struct hash_edit *edit, bool triples) {
    struct rebuilding rebuilding = {.triples = triples};
    rebuilding.failed = !pack_init(&rebuilding.pack);
    if (!rebuilding.failed) hash_each(&edit->value, HASH_ALL, rebuild_field, &rebuilding);
    bool done = !rebuilding.failed && buffer_reserve(edit->pack, rebuilding.pack.len);
    if (done) {
        buffer_clear(edit->pack);
        buffer_append_bytes(edit->pack, buffer_bytes(&rebuilding.pack));
        note_bytes(edit);
        edit->copied = true;
        edit->value.form = (uint8_t)(HASH_TABLE | (triples ? VALUE_DEADLINES : 0));
    }
    buffer_free(&rebuilding.pack);
    return done;
}

static bool stop_at_deadline(void *context, struct bytes field, struct bytes value,
                             int64_t deadline) {
    (void)field, (void)value;
    return !(*(bool *)context = deadline != HASH_STAYS);
}

static bool any_deadline(const struct value *hash) {
    if (hash->large) return hash_large_of(hash)->with_deadline > 0;
    bool found = false;
    hash_each(hash, HASH_ALL, stop_at_deadline, &found);
    return found;
}

bool hash_edit_end(struct hash_edit *edit) {
    if (LIKELY(!hash_has_deadlines(&edit->value)) || any_deadline(&edit->value)) return true;
    if (!edit->value.large) return rebuild(edit, false);
    edit->value.form = HASH_TABLE;
    return true;
}

/* ---- small and large ---- */

struct enlarging {
    struct hash_large *hash;
    int64_t now_ms;
    bool failed;
};

static bool enlarge_by(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    struct enlarging *enlarging = context;
    bool revived;
    enlarging->failed = hash_large_set(enlarging->hash, field, value, deadline, enlarging->now_ms,
                                       &revived) == HASH_NO_MEMORY;
    return !enlarging->failed;
}

static bool make_large(struct hash_edit *edit) {
    struct enlarging enlarging = {hash_large_create(edit->now_ms), edit->now_ms, false};
    if (!enlarging.hash) return false;
    hash_each(&edit->value, HASH_ALL, enlarge_by, &enlarging);
    if (enlarging.failed) {
        hash_large_free(enlarging.hash);
        return false;
    }
    edit->value.large = edit->owned = true;
    edit->value.object = enlarging.hash;
    edit->value.small = bytes_make(NULL, 0);
    return true;
}

/* Gives a small hash the name, and the shape, that go with `fields` and `bytes` more. */
static bool fit(struct hash_edit *edit, uint64_t fields, size_t bytes) {
    struct value *hash = &edit->value;
    bool many = hash_length(hash) + fields > (uint64_t)value_limits.hash_max_listpack_entries;
    if (many) hash->form |= HASH_TABLE;
    size_t most = hash->form & HASH_TABLE ? COSTLY_BYTES : SMALL_BYTES;
    return (!many && hash->small.len + bytes <= most) || make_large(edit);
}

/* ---- fields ---- */

static enum hash_outcome set_large(struct hash_edit *edit, struct bytes field, struct bytes value,
                                   int64_t deadline) {
    if (UNLIKELY(deadline != HASH_STAYS && deadline != HASH_KEEPS))
        edit->value.form |= VALUE_DEADLINES;
    return hash_large_set(edit->value.object, field, value, deadline, edit->now_ms, &edit->revived);
}

static enum hash_outcome append(struct hash_edit *edit, struct bytes field, struct bytes value,
                                int64_t deadline) {
    if (!make_own(edit)) return HASH_NO_MEMORY;
    size_t before = edit->pack->len;
    bool done = pack_append(edit->pack, field) && pack_append(edit->pack, value) &&
                (!hash_has_deadlines(&edit->value) ||
                 pack_append_integer(edit->pack, stored_deadline(deadline)));
    if (!done && edit->pack->len != before) pack_delete(edit->pack, before - 1, 2);
    note_bytes(edit);
    return done ? HASH_ADDED : HASH_NO_MEMORY;
}

/* The field is at this place. */
static enum hash_outcome overwrite(struct hash_edit *edit, size_t at, struct bytes value,
                                   int64_t deadline) {
    at = pack_next(edit->value.small, at);
    int64_t old = hash_pack_deadline(&edit->value, at);
    bool expired = hash_has_expired(old, edit->now_ms);
    if (deadline == HASH_KEEPS) deadline = expired ? HASH_STAYS : old;
    /* With this room, nothing below fails. */
    size_t room = pack_element_size(value) + pack_integer_size(INT64_MAX);
    if (deadline != old) {
        if (!make_own(edit) || !buffer_reserve(edit->pack, room)) return HASH_NO_MEMORY;
        note_bytes(edit);
    }
    if (!replace_text(edit, at, value)) return HASH_NO_MEMORY;
    if (deadline != old)
        replace_integer(edit, pack_next(edit->value.small, at), stored_deadline(deadline));
    if (expired) edit->revived = true;
    return expired ? HASH_ADDED : HASH_CHANGED;
}

static bool is_too_long(struct bytes text) {
    return text.len > (uint64_t)value_limits.hash_max_listpack_value;
}

enum hash_outcome hash_set(struct hash_edit *edit, struct bytes field, struct bytes value,
                           int64_t deadline) {
    if (edit->value.large) return set_large(edit, field, value, deadline);
    if (is_too_long(field) || is_too_long(value)) edit->value.form |= HASH_TABLE;
    bool timed = deadline != HASH_STAYS && deadline != HASH_KEEPS;
    if (timed && !hash_has_deadlines(&edit->value) && !rebuild(edit, true)) return HASH_NO_MEMORY;
    size_t at = hash_pack_find(&edit->value, field);
    size_t bytes = pack_element_size(value) + (at ? 0 : pack_element_size(field));
    if (!fit(edit, at ? 0 : 1, bytes)) return HASH_NO_MEMORY;
    if (edit->value.large) return set_large(edit, field, value, deadline);
    if (at) return overwrite(edit, at, value, deadline);
    return append(edit, field, value, deadline == HASH_KEEPS ? HASH_STAYS : deadline);
}

enum hash_outcome hash_set_deadline(struct hash_edit *edit, struct bytes field, int64_t deadline) {
    struct hash_item item;
    if (!hash_get(&edit->value, field, edit->now_ms, &item)) return HASH_ABSENT;
    if (item.deadline == deadline) return HASH_CHANGED;
    if (edit->value.large) {
        /* Setting may free the block that the value lies in. */
        struct buffer value = {0};
        enum hash_outcome outcome = HASH_NO_MEMORY;
        if (buffer_append_bytes(&value, item.value))
            outcome = set_large(edit, field, buffer_bytes(&value), deadline);
        buffer_free(&value);
        return outcome;
    }
    if (!hash_has_deadlines(&edit->value) && !rebuild(edit, true)) return HASH_NO_MEMORY;
    size_t at = pack_next(edit->value.small, hash_pack_find(&edit->value, field));
    at = pack_next(edit->value.small, at);
    return replace_integer(edit, at, stored_deadline(deadline)) ? HASH_CHANGED : HASH_NO_MEMORY;
}

static enum hash_outcome remove_if(struct hash_edit *edit, struct bytes field, bool expired) {
    struct value *hash = &edit->value;
    if (hash->large) return hash_large_remove(hash->object, field, expired, edit->now_ms);
    size_t at = hash_pack_find(hash, field);
    if (!at) return HASH_ABSENT;
    int64_t deadline = hash_pack_deadline(hash, pack_next(hash->small, at));
    if (hash_has_expired(deadline, edit->now_ms) != expired) return HASH_ABSENT;
    if (!make_own(edit)) return HASH_NO_MEMORY;
    pack_delete(edit->pack, at, hash_stride(hash));
    note_bytes(edit);
    return HASH_CHANGED;
}

enum hash_outcome hash_remove(struct hash_edit *edit, struct bytes field) {
    return remove_if(edit, field, false);
}

enum hash_outcome hash_remove_expired(struct hash_edit *edit, struct bytes field) {
    return remove_if(edit, field, true);
}
