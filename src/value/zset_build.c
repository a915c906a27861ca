/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/zset_build.h"
#include "base/ensure.h"
#include "base/hash.h"
#include "sys/memory.h"
#include "value/zset_priv.h"
#include <math.h>
#include <stdlib.h>

#define ITEMS_MIN  16u
#define ITEMS_MAX  (1u << 30) /* slots, at least twice as many, are counted in 32 bits */
#define EMPTY_SLOT 0u

double zset_aggregate(enum zset_aggregate how, double one, double other) {
    switch (how) {
    case ZSET_SUM: return isnan(one + other) ? 0 : one + other;
    case ZSET_MIN: return other < one ? other : one;
    case ZSET_MAX: return other > one ? other : one;
    }
    unreachable_code();
}

void zset_builder_free(struct zset_builder *builder) {
    buffer_free(&builder->names);
    memory_free(builder->items);
    memory_free(builder->slots);
    *builder = (struct zset_builder){0};
}

static int compare(const void *one, const void *other, void *context) {
    const struct zset_built *a = one, *b = other;
    if (a->score != b->score) return a->score < b->score ? -1 : 1;
    return bytes_compare(zset_builder_name(context, a), zset_builder_name(context, b));
}

/* ---- adding ---- */

static bool need_items(struct zset_builder *builder) {
    if (LIKELY(builder->count < builder->capacity)) return true;
    uint64_t capacity = MAX(builder->capacity * 2, ITEMS_MIN);
    if (capacity > ITEMS_MAX) return false;
    struct zset_built *items = memory_realloc(builder->items, capacity * sizeof *items);
    if (!items) return false;
    builder->items = items;
    builder->capacity = capacity;
    return true;
}

static bool add(struct zset_builder *builder, struct bytes member, uint32_t hash, double score) {
    if (!need_items(builder)) return false;
    struct zset_built *item = &builder->items[builder->count];
    *item = (struct zset_built){score, hash, (uint32_t)member.len, builder->names.len};
    if (!buffer_append_bytes(&builder->names, member)) return false;
    builder->longest = MAX(builder->longest, member.len);
    builder->ordered =
        builder->count == 0 || (builder->ordered && compare(item - 1, item, builder) < 0);
    builder->count++;
    return true;
}

bool zset_builder_add(struct zset_builder *builder, struct bytes member, double score) {
    return add(builder, member, 0, score);
}

static void slot_put(struct zset_builder *builder, uint32_t hash, uint64_t index) {
    uint32_t mask = (1u << builder->bits) - 1, at = hash & mask;
    while (builder->slots[at] != EMPTY_SLOT)
        at = (at + 1) & mask;
    builder->slots[at] = (uint32_t)index + 1;
}

/* Slots for one more item, at most half of them used. */
static bool need_slots(struct zset_builder *builder) {
    if (builder->slots && builder->count * 2 < (1u << builder->bits)) return true;
    unsigned bits = builder->slots ? builder->bits + 1 : 6;
    uint32_t *slots = memory_alloc_zero(sizeof *slots << bits);
    if (!slots) return false;
    memory_free(builder->slots);
    builder->slots = slots;
    builder->bits = bits;
    for (uint64_t i = 0; i < builder->count; i++)
        slot_put(builder, builder->items[i].hash, i);
    return true;
}

static struct zset_built *find(const struct zset_builder *builder, struct bytes member,
                               uint32_t hash) {
    uint32_t mask = (1u << builder->bits) - 1;
    for (uint32_t at = hash & mask; builder->slots[at] != EMPTY_SLOT; at = (at + 1) & mask) {
        struct zset_built *item = &builder->items[builder->slots[at] - 1];
        if (item->hash == hash && bytes_equal(zset_builder_name(builder, item), member))
            return item;
    }
    return NULL;
}

bool zset_builder_merge(struct zset_builder *builder, struct bytes member, double score,
                        enum zset_aggregate how) {
    if (!need_slots(builder)) return false;
    uint32_t hash = (uint32_t)hash_bytes(member.data, member.len);
    struct zset_built *item = find(builder, member, hash);
    if (!item) {
        if (!add(builder, member, hash, score)) return false;
        slot_put(builder, hash, builder->count - 1);
        return true;
    }
    item->score = zset_aggregate(how, item->score, score);
    builder->ordered = false;
    return true;
}

/* ---- what has been built ---- */

void zset_builder_sort(struct zset_builder *builder) {
    if (builder->count && !builder->ordered)
        qsort_r(builder->items, builder->count, sizeof *builder->items, compare, builder);
    builder->ordered = true;
}

static bool fill_pack(const struct zset_builder *builder, struct buffer *pack, bool whole) {
    if (!pack_init(pack)) return false;
    for (uint64_t i = 0; i < builder->count; i++)
        if (!zset_pack_append(pack, zset_builder_member(builder, i), builder->items[i].score,
                              whole))
            return false;
    return true;
}

static struct zset *make_large(const struct zset_builder *builder) {
    struct zset *set = zset_large_create();
    if (!set) return NULL;
    for (uint64_t i = 0; i < builder->count; i++) {
        if (zset_large_append(set, zset_builder_member(builder, i), builder->items[i].score))
            continue;
        zset_large_free(set);
        return NULL;
    }
    return set;
}

/* What a pack of the elements would have, at most. */
static uint64_t pack_bytes(const struct zset_builder *builder) {
    return builder->names.len + builder->count * zset_pack_growth(BYTES(""));
}

bool zset_builder_value(const struct zset_builder *builder, struct buffer *pack,
                        struct value *value) {
    *value = (struct value){.type = TYPE_ZSET};
    bool many = zset_is_many(builder->count), is_long = zset_is_long(builder->longest);
    if (many || is_long) value->form = ZSET_SKIPLIST;
    bool small = !many && (!is_long || pack_bytes(builder) <= ZSET_COSTLY_BYTES);
    if (small && fill_pack(builder, pack, !is_long)) {
        value->small = buffer_bytes(pack);
        return true;
    }
    value->form = ZSET_SKIPLIST;
    value->large = true;
    value->object = make_large(builder);
    return value->object != NULL;
}
