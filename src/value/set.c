/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/set.h"
#include "base/number.h"
#include "sys/memory.h"
#include "value/set_priv.h"

/* ---- large sets ---- */

static size_t size_of(const void *block) {
    return members_name_size(members_name(block).len);
}

static const struct members_kind kind = {.size_of = size_of};

struct members *set_members_create(void) {
    struct members *members = memory_alloc(sizeof *members);
    if (members) members_init(members, &kind, NULL);
    return members;
}

void set_members_free(void *members) {
    members_clear(members);
    memory_free(members);
}

static void *copy(const void *object) {
    struct members *members = set_members_create();
    if (members && members_copy(object, members)) return members;
    memory_free(members);
    return NULL;
}

static size_t memory(const void *object) {
    return sizeof(struct members) + members_memory(object);
}

static size_t free_effort(const void *object) {
    return members_free_effort(object);
}

static const struct table *elements(const void *object) {
    const struct members *members = object;
    return &members->table;
}

/* ---- reading ---- */

uint64_t set_length(const struct value *set) {
    if (set->large) return members_count(set_members(set));
    return set_is_integers(set) ? integers_count(set->small) : pack_count(set->small);
}

static bool has_integer(struct bytes integers, struct bytes member) {
    int64_t number;
    uint32_t index;
    return number_parse_i64(member, &number) && integers_find(integers, number, &index);
}

bool set_has(const struct value *set, struct bytes member) {
    if (set->large) return members_has(set_members(set), member);
    if (set_is_integers(set)) return has_integer(set->small, member);
    return pack_find(set->small, pack_first(set->small), member, 0) != PACK_NONE;
}

struct visiting {
    set_visitor *visit;
    void *context;
};

static bool visit_block(void *context, const void *block) {
    struct visiting *visiting = context;
    return visiting->visit(visiting->context, members_name(block));
}

static void each_integer(struct bytes integers, set_visitor *visit, void *context) {
    char text[NUMBER_I64_MAX];
    for (uint32_t i = 0, count = integers_count(integers); i < count; i++) {
        size_t length = number_format_i64(text, integers_at(integers, i));
        if (!visit(context, bytes_make(text, length))) return;
    }
}

void set_each(const struct value *set, set_visitor *visit, void *context) {
    if (set->large) {
        members_each(set_members(set), visit_block, &(struct visiting){visit, context});
    } else if (set_is_integers(set)) {
        each_integer(set->small, visit, context);
    } else {
        char text[PACK_TEXT_MAX];
        for (size_t at = pack_first(set->small); at; at = pack_next(set->small, at))
            if (!visit(context, pack_get_text(set->small, at, text))) return;
    }
}

static void scan_block(void *context, void *block) {
    visit_block(context, block);
}

uint64_t set_scan(const struct value *set, uint64_t cursor, uint64_t count, set_visitor *visit,
                  void *context) {
    if (set->large)
        return members_scan(set_members(set), cursor, count, scan_block,
                            &(struct visiting){visit, context});
    set_each(set, visit, context);
    return 0;
}

/* ---- as a value ---- */

static const char *encoding(const struct value *set) {
    static const char *const names[] = {
        [SET_LISTPACK] = "listpack", [SET_INTSET] = "intset", [SET_HASHTABLE] = "hashtable"};
    return names[set->form];
}

static const struct value_ops ops = {
    .name = "set",
    .free = set_members_free,
    .copy = copy,
    .restore = set_members_restore,
    .memory = memory,
    .free_effort = free_effort,
    .elements = elements,
    .length = set_length,
    .encoding = encoding,
};

void set_register(void) {
    value_register(TYPE_SET, &ops);
}
