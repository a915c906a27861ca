/* SPDX-License-Identifier: BSD-3-Clause */
/* Sorted sets of either form. */
#include "value/zset.h"
#include "base/ensure.h"
#include "value/zset_priv.h"
#include <math.h>

/* ---- reading ---- */

static struct zset *large_of(const struct value *set) {
    return set->object;
}

/* The block of a large set's member, or NULL. */
static void *find_block(const struct zset *set, struct bytes member) {
    struct table_slot slot;
    return members_find(&set->members, member, members_hash(member), &slot);
}

struct value zset_empty(void) {
    static const char pack[PACK_EMPTY_SIZE] = {PACK_EMPTY_SIZE, 0, 0, 0, 0, 0, (char)0xff};
    return (struct value){.type = TYPE_ZSET, .small = bytes_make(pack, sizeof pack)};
}

uint64_t zset_count(const struct value *set) {
    return set->large ? members_count(&large_of(set)->members) : zset_pack_count(set->small);
}

bool zset_score(const struct value *set, struct bytes member, double *score) {
    if (set->large) {
        const void *block = find_block(large_of(set), member);
        if (block) *score = zset_block_score(block);
        return block != NULL;
    }
    size_t at = zset_pack_find(set->small, member);
    if (at) *score = zset_pack_score(set->small, pack_next(set->small, at));
    return at != PACK_NONE;
}

bool zset_rank(const struct value *set, struct bytes member, uint64_t *rank, double *score) {
    if (set->large) {
        struct table_slot slot;
        const void *block =
            members_find(&large_of(set)->members, member, members_hash(member), &slot);
        if (!block) return false;
        *score = zset_block_score(block);
        *rank = zset_large_rank(large_of(set), &slot);
        return true;
    }
    size_t at = zset_pack_find(set->small, member);
    if (!at) return false;
    *score = zset_pack_score(set->small, pack_next(set->small, at));
    *rank = zset_pack_rank(set->small, at);
    return true;
}

/* ---- walking ---- */

/* How many elements ahead of the walk blocks are fetched into the cache: about as many as are shown
 * in the time of one miss. */
#define AHEAD 8

static void prefetch(const struct zset_cursor *cursor, unsigned index) {
    if (index >= cursor->place.leaf->node.count) return;
    const struct zset_place *place = tree_item_at(&cursor->place, index);
    __builtin_prefetch(zset_block(cursor->large, place));
}

static void prefetch_ahead(const struct zset_cursor *cursor) {
    unsigned here = cursor->place.index;
    prefetch(cursor, cursor->reverse ? here - AHEAD : here + AHEAD);
}

static void seek_large(struct zset_cursor *cursor, uint64_t rank) {
    struct zset *set = (struct zset *)cursor->large;
    cursor->next = tree_at(&set->tree, rank, &cursor->place, NULL);
    if (!cursor->next) return;
    for (unsigned i = 1; i < AHEAD; i++)
        prefetch(cursor, cursor->place.index + (cursor->reverse ? -i : i));
}

static void seek_small(struct zset_cursor *cursor, uint64_t rank) {
    uint64_t count = zset_pack_count(cursor->pack);
    cursor->at = rank < count ? pack_seek(cursor->pack, (int64_t)rank * 2) : PACK_NONE;
}

void zset_seek(struct zset_cursor *cursor, const struct value *set, uint64_t rank, bool reverse) {
    cursor->reverse = reverse;
    cursor->large = set->large ? set->object : NULL;
    cursor->pack = set->small;
    if (set->large)
        seek_large(cursor, rank);
    else
        seek_small(cursor, rank);
}

static bool next_small(struct zset_cursor *cursor, struct zset_item *item) {
    struct bytes pack = cursor->pack;
    size_t at = cursor->at;
    if (!at) return false;
    size_t score_at = pack_next(pack, at);
    item->member = pack_get_text(pack, at, item->text);
    item->score = zset_pack_score(pack, score_at);
    if (!cursor->reverse)
        cursor->at = pack_next(pack, score_at);
    else
        cursor->at = at == PACK_HEADER ? PACK_NONE : pack_prev(pack, pack_prev(pack, at));
    return true;
}

bool zset_next(struct zset_cursor *cursor, struct zset_item *item) {
    if (!cursor->large) return next_small(cursor, item);
    const struct zset_place *place = cursor->next;
    if (!place) return false;
    item->member = members_name(zset_block(cursor->large, place));
    item->score = place->score;
    cursor->next = cursor->reverse ? tree_prev(&cursor->place) : tree_next(&cursor->place);
    if (cursor->next) prefetch_ahead(cursor);
    return true;
}

struct scanning {
    zset_visitor *visit;
    void *context;
};

static void visit_block(void *context, void *block) {
    const struct scanning *scanning = context;
    scanning->visit(scanning->context, members_name(block), zset_block_score(block));
}

uint64_t zset_scan(const struct value *set, uint64_t cursor, uint64_t count, zset_visitor *visit,
                   void *context) {
    if (set->large) {
        struct scanning scanning = {visit, context};
        return members_scan(&large_of(set)->members, cursor, count, visit_block, &scanning);
    }
    struct zset_cursor walk;
    struct zset_item item;
    zset_seek(&walk, set, 0, false);
    while (zset_next(&walk, &item))
        visit(context, item.member, item.score);
    return 0;
}

/* ---- changing ---- */

static void show_pack(struct zset_edit *edit) {
    edit->value.small = buffer_bytes(edit->pack);
}

static bool make_large(struct zset_edit *edit) {
    struct zset *set = zset_large_from_pack(edit->value.small);
    if (!set) return false;
    edit->value =
        (struct value){.type = TYPE_ZSET, .form = ZSET_SKIPLIST, .large = true, .object = set};
    edit->owned = true;
    return true;
}

bool zset_edit_begin(struct zset_edit *edit, const struct value *old, struct buffer *pack) {
    *edit = (struct zset_edit){.pack = pack};
    if (old && old->large) {
        edit->value = *old;
        return true;
    }
    edit->value = (struct value){.type = TYPE_ZSET, .form = old ? old->form : 0};
    buffer_clear(pack);
    if (!(old ? buffer_append_bytes(pack, old->small) : pack_init(pack))) return false;
    show_pack(edit);
    return true;
}

void zset_edit_drop(struct zset_edit *edit) {
    if (edit->owned) zset_large_free(edit->value.object);
    edit->owned = false;
}

bool zset_edit_expect(struct zset_edit *edit, uint64_t count, size_t longest) {
    if (edit->value.large) return true;
    if (zset_is_long(longest)) edit->value.form = ZSET_SKIPLIST;
    return !zset_is_many(count) || make_large(edit);
}

/* What the score of a member that is there becomes. */
static enum zset_outcome judge(double present, double *score, unsigned flags) {
    if (flags & ZSET_NX) return ZSET_REFUSED;
    double new = (flags & ZSET_INCR) ? present + *score : *score;
    if (isnan(new)) return ZSET_NAN;
    if (((flags & ZSET_LT) && new >= present) || ((flags & ZSET_GT) && new <= present))
        return ZSET_REFUSED;
    *score = new;
    return new == present ? ZSET_SAME : ZSET_UPDATED;
}

static enum zset_outcome add_large(struct zset *set, struct bytes member, double *score,
                                   unsigned flags) {
    struct table_slot slot;
    uint64_t hash = members_hash(member);
    const void *block = members_find(&set->members, member, hash, &slot);
    if (!block) {
        if (flags & ZSET_XX) return ZSET_REFUSED;
        return zset_large_insert(set, member, hash, *score) ? ZSET_ADDED : ZSET_NO_MEMORY;
    }
    double new = *score;
    enum zset_outcome outcome = judge(zset_block_score(block), &new, flags);
    if (outcome == ZSET_UPDATED && !zset_large_update(set, &slot, new)) return ZSET_NO_MEMORY;
    *score = new;
    return outcome;
}

/* The set is small, and may stay so if this member is added. */
static bool may_stay_small(const struct zset_edit *edit, struct bytes member) {
    const struct value *set = &edit->value;
    if (zset_is_many(zset_pack_count(set->small) + 1)) return false;
    return !zset_is_skiplist(set) || set->small.len + zset_pack_growth(member) <= ZSET_COSTLY_BYTES;
}

static enum zset_outcome add_new(struct zset_edit *edit, struct bytes member, double *score,
                                 unsigned flags) {
    if (flags & ZSET_XX) return ZSET_REFUSED;
    if (zset_is_long(member.len)) edit->value.form = ZSET_SKIPLIST;
    bool whole = !zset_is_skiplist(&edit->value);
    if (may_stay_small(edit, member) && zset_pack_insert(edit->pack, member, *score, whole)) {
        show_pack(edit);
        return ZSET_ADDED;
    }
    if (!make_large(edit)) return ZSET_NO_MEMORY;
    return add_large(large_of(&edit->value), member, score, flags);
}

enum zset_outcome zset_add(struct zset_edit *edit, struct bytes member, double *score,
                           unsigned flags) {
    if (LIKELY(edit->value.large)) return add_large(large_of(&edit->value), member, score, flags);
    struct bytes pack = edit->value.small;
    size_t at = zset_pack_find(pack, member);
    if (!at) return add_new(edit, member, score, flags);
    double new = *score;
    enum zset_outcome outcome = judge(zset_pack_score(pack, pack_next(pack, at)), &new, flags);
    if (outcome == ZSET_UPDATED) {
        /* With this much to spare the insertion cannot fail. */
        if (!buffer_reserve(edit->pack, NUMBER_DOUBLE_MAX + PACK_EMPTY_SIZE)) return ZSET_NO_MEMORY;
        zset_pack_delete(edit->pack, at, 1);
        ensure(zset_pack_insert(edit->pack, member, new, !zset_is_skiplist(&edit->value)));
        show_pack(edit);
    }
    *score = new;
    return outcome;
}

bool zset_remove(struct zset_edit *edit, struct bytes member) {
    if (edit->value.large) {
        struct zset *set = edit->value.object;
        struct table_slot slot;
        if (!members_find(&set->members, member, members_hash(member), &slot)) return false;
        zset_large_remove(set, &slot);
        return true;
    }
    size_t at = zset_pack_find(edit->value.small, member);
    if (!at) return false;
    zset_pack_delete(edit->pack, at, 1);
    show_pack(edit);
    return true;
}

#define REBUILT_MIN 4096u

/* Where few are left of many, these are put into a set of their own: whoever stores it has the old
 * one freed, which takes nobody's time. False: not here. */
static bool rebuild_without(struct zset_edit *edit, uint64_t first, uint64_t end) {
    const struct zset *set = edit->value.object;
    uint64_t gone = end - first, left = set->tree.count - gone;
    if (edit->owned || gone < REBUILT_MIN || left > gone / 2) return false;
    struct zset *rest = zset_large_without(set, first, end);
    if (!rest) return false;
    edit->value.object = rest;
    return edit->owned = true;
}

void zset_remove_ranks(struct zset_edit *edit, uint64_t first, uint64_t end) {
    if (first >= end) return;
    if (edit->value.large) {
        if (rebuild_without(edit, first, end)) return;
        zset_large_remove_ranks(edit->value.object, first, end);
        return;
    }
    zset_pack_delete(edit->pack, pack_seek(edit->value.small, (int64_t)first * 2), end - first);
    show_pack(edit);
}

/* ---- what the rest of the house may do ---- */

static size_t memory(const void *object) {
    const struct zset *set = object;
    return sizeof *set + members_memory(&set->members) + tree_memory(&set->tree);
}

static size_t free_effort(const void *object) {
    const struct zset *set = object;
    return members_free_effort(&set->members) + tree_memory(&set->tree) / TREE_LEAF_BYTES;
}

static const struct table *elements(const void *object) {
    const struct zset *set = object;
    return &set->members.table;
}

static const char *encoding(const struct value *value) {
    return zset_is_skiplist(value) ? "skiplist" : "listpack";
}

static const struct value_ops ops = {
    .name = "zset",
    .free = zset_large_free,
    .copy = zset_large_copy,
    .restore = zset_large_restore,
    .memory = memory,
    .free_effort = free_effort,
    .elements = elements,
    .length = zset_count,
    .encoding = encoding,
};

void zset_register(void) {
    value_register(TYPE_ZSET, &ops);
}
