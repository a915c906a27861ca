/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/hash.h"
#include "sys/memory.h"
#include "value/hash_priv.h"

/* ---- small hashes ---- */

int64_t hash_pack_deadline(const struct value *hash, size_t value_at) {
    if (LIKELY(!hash_has_deadlines(hash))) return HASH_STAYS;
    int64_t deadline = pack_get(hash->small, pack_next(hash->small, value_at)).number;
    return deadline ? deadline : HASH_STAYS;
}

size_t hash_pack_next(const struct value *hash, size_t value_at) {
    size_t at = pack_next(hash->small, value_at);
    return at && hash_has_deadlines(hash) ? pack_next(hash->small, at) : at;
}

static bool get_small(const struct value *hash, struct bytes field, int64_t now_ms,
                      struct hash_item *item) {
    size_t at = hash_pack_find(hash, field);
    if (at == PACK_NONE) return false;
    at = pack_next(hash->small, at);
    item->deadline = hash_pack_deadline(hash, at);
    if (hash_has_expired(item->deadline, now_ms)) return false;
    item->value = pack_get_text(hash->small, at, item->text);
    return true;
}

static void each_small(const struct value *hash, int64_t now_ms, hash_visitor *visit,
                       void *context) {
    char field_text[PACK_TEXT_MAX], value_text[PACK_TEXT_MAX];
    for (size_t at = pack_first(hash->small), next; at; at = next) {
        size_t value_at = pack_next(hash->small, at);
        int64_t deadline = hash_pack_deadline(hash, value_at);
        next = hash_pack_next(hash, value_at);
        if (hash_has_expired(deadline, now_ms)) continue;
        struct bytes field = pack_get_text(hash->small, at, field_text);
        if (!visit(context, field, pack_get_text(hash->small, value_at, value_text), deadline))
            return;
    }
}

/* ---- reading ---- */

uint64_t hash_length(const struct value *hash) {
    if (hash->large) return members_count(&hash_large_of(hash)->members);
    return pack_count(hash->small) / hash_stride(hash);
}

bool hash_get(const struct value *hash, struct bytes field, int64_t now_ms,
              struct hash_item *item) {
    if (!hash->large) return get_small(hash, field, now_ms, item);
    const void *block = hash_large_find(hash->object, field);
    if (!block) return false;
    struct hash_field found = hash_large_field(block);
    item->value = found.value;
    item->deadline = found.deadline;
    return !hash_has_expired(found.deadline, now_ms);
}

struct visiting {
    int64_t now_ms;
    hash_visitor *visit;
    void *context;
};

static bool visit_block(void *context, const void *block) {
    const struct visiting *visiting = context;
    struct hash_field field = hash_large_field(block);
    return hash_has_expired(field.deadline, visiting->now_ms) ||
           visiting->visit(visiting->context, members_name(block), field.value, field.deadline);
}

void hash_each(const struct value *hash, int64_t now_ms, hash_visitor *visit, void *context) {
    if (!hash->large)
        each_small(hash, now_ms, visit, context);
    else
        members_each(&hash_large_of(hash)->members, visit_block,
                     &(struct visiting){now_ms, visit, context});
}

static void scan_block(void *context, void *block) {
    visit_block(context, block);
}

uint64_t hash_scan(const struct value *hash, uint64_t cursor, uint64_t count, int64_t now_ms,
                   hash_visitor *visit, void *context) {
    if (hash->large)
        return members_scan(&hash_large_of(hash)->members, cursor, count, scan_block,
                            &(struct visiting){now_ms, visit, context});
    each_small(hash, now_ms, visit, context);
    return 0;
}

static bool count_field(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    (void)field, (void)value, (void)deadline;
    ++*(uint64_t *)context;
    return true;
}

uint64_t hash_count_alive(const struct value *hash, int64_t now_ms) {
    if (!hash_has_deadlines(hash)) return hash_length(hash);
    uint64_t count = 0;
    hash_each(hash, now_ms, count_field, &count);
    return count;
}

/* ---- as a value ---- */

static void *copy(const void *object) {
    return hash_large_copy(object);
}

static bool restore(void *object, struct bytes field, const void *block, int64_t now_ms) {
    return hash_large_restore(object, field, block, now_ms);
}

static size_t memory(const void *object) {
    const struct hash_large *hash = object;
    return sizeof *hash + members_memory(&hash->members);
}

static size_t free_effort(const void *object) {
    const struct hash_large *hash = object;
    return members_free_effort(&hash->members);
}

static const struct table *elements(const void *object) {
    const struct hash_large *hash = object;
    return &hash->members.table;
}

static const char *encoding(const struct value *hash) {
    return hash->form & (HASH_TABLE | VALUE_DEADLINES) ? "hashtable" : "listpack";
}

static bool note_earliest(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    (void)field, (void)value;
    int64_t *earliest = context;
    if (deadline != HASH_STAYS) *earliest = MIN(*earliest, deadline);
    return true;
}

static int64_t deadline(const struct value *hash) {
    if (hash->large) return hash_large_deadline(hash->object);
    int64_t earliest = INT64_MAX;
    if (hash_has_deadlines(hash)) each_small(hash, HASH_ALL, note_earliest, &earliest);
    return earliest;
}

/* A small hash has so few fields that its buffer is read once for each that goes. */
static unsigned expire_small(struct hash_edit *edit, unsigned most, value_visitor *visit,
                             void *context) {
    unsigned removed = 0;
    char text[PACK_TEXT_MAX];
    for (size_t at = pack_first(edit->value.small), next; at && removed < most; at = next) {
        struct bytes pack = edit->value.small;
        size_t value_at = pack_next(pack, at);
        next = hash_pack_next(&edit->value, value_at);
        if (!hash_has_expired(hash_pack_deadline(&edit->value, value_at), edit->now_ms)) continue;
        struct bytes field = pack_get_text(pack, at, text);
        if (!visit(context, field)) break;
        if (hash_remove_expired(edit, field) != HASH_CHANGED) break;
        next = at < edit->value.small.len - 1 ? at : PACK_NONE;
        removed++;
    }
    return removed;
}

static unsigned expire(struct value *hash, int64_t now_ms, unsigned most, struct buffer *scratch,
                       value_visitor *visit, void *context) {
    struct hash_edit edit;
    unsigned removed;
    hash_edit_begin(&edit, hash, scratch, now_ms);
    if (hash->large)
        removed = hash_large_expire(hash->object, now_ms, most, visit, context);
    else
        removed = expire_small(&edit, most, visit, context);
    hash_edit_end(&edit);
    *hash = edit.value;
    return removed;
}

static const struct value_ops ops = {
    .name = "hash",
    .free = hash_large_free,
    .copy = copy,
    .restore = restore,
    .memory = memory,
    .free_effort = free_effort,
    .elements = elements,
    .length = hash_length,
    .encoding = encoding,
    .deadline = deadline,
    .expire = expire,
};

void hash_register(void) {
    value_register(TYPE_HASH, &ops);
}
