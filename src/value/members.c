/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants:
 *   1. Every live block of the arena is in the table, once, under the hash of its name.
 *   2. Names differ.
 */
#include "value/members.h"
#include "sys/memory.h"
#include "value/choose.h"

#define TIDY_EVERY     64u /* removals that pay for a step */
#define TIDY_STEPS_MAX 32u
#define SPARSE_PERCENT 25u /* free space that starts compaction */
#define SPARSE_TABLE   2u  /* slots per member, from which on segments are looked at */

_Thread_local struct members_keeper *members_keeper;

static uint64_t hash_of(const void *block) {
    return members_hash(members_name(block));
}

void *members_write_name(void *block, struct bytes name) {
    uint8_t *at = block;
    if (LIKELY(name.len < MEMBERS_WIDE)) {
        *at++ = (uint8_t)name.len;
    } else {
        uint32_t size = (uint32_t)name.len;
        *at++ = MEMBERS_WIDE;
        memcpy(at, &size, sizeof size);
        at += sizeof size;
    }
    if (name.len) memcpy(at, name.data, name.len);
    return at + name.len;
}

/* ---- life ---- */

void members_init(struct members *members, const struct members_kind *kind, void *owner) {
    *members = (struct members){.kind = kind, .owner = owner};
    table_init(&members->table, &members->arena, hash_of, TABLE_WIDE);
}

void members_clear(struct members *members) {
    table_clear(&members->table);
    arena_clear(&members->arena);
}

bool members_copy(const struct members *members, struct members *copy) {
    if (!arena_copy(&members->arena, &copy->arena)) return false;
    if (table_copy(&members->table, &copy->table)) return true;
    arena_clear(&copy->arena);
    return false;
}

size_t members_memory(const struct members *members) {
    return arena_held(&members->arena) + members->table.memory;
}

size_t members_free_effort(const struct members *members) {
    const size_t segment = TABLE_MAX_BUCKETS * sizeof(struct table_bucket);
    return members->arena.count + members->table.memory / segment + 1;
}

/* ---- changing ---- */

void *members_add(struct members *members, uint64_t hash, size_t size, struct table_slot *slot) {
    arena_ref ref = arena_alloc(&members->arena, size);
    if (ref == ARENA_NONE) return NULL;
    if (table_insert(&members->table, hash, ref, slot)) return arena_at(&members->arena, ref);
    arena_free(&members->arena, ref, size);
    return NULL;
}

void *members_resize(struct members *members, struct table_slot *slot, size_t size, size_t keep) {
    struct arena *arena = &members->arena;
    arena_ref old = table_ref(slot);
    size_t had = members->kind->size_of(arena_at(arena, old));
    if (arena_resize(arena, old, had, size)) return arena_at(arena, old);
    arena_ref ref = arena_alloc(arena, size);
    if (ref == ARENA_NONE) return NULL;
    memcpy(arena_at(arena, ref), arena_at(arena, old), keep);
    arena_free(arena, old, had);
    table_replace(slot, ref);
    return arena_at(arena, ref);
}

void members_remove(struct members *members, struct table_slot *slot) {
    arena_ref ref = table_ref(slot);
    const void *block = arena_at(&members->arena, ref);
    members_keep(members, members_name(block), slot->hash, block);
    table_remove(&members->table, slot);
    arena_free(&members->arena, ref, members->kind->size_of(block));
    members->removed++;
}

static void block_moved(void *context, arena_ref from, arena_ref to) {
    struct members *members = context;
    table_moved(&members->table, hash_of(arena_at(&members->arena, to)), from, to);
    if (members->kind->moved) members->kind->moved(members->owner, from, to);
}

static bool table_is_sparse(const struct table *table) {
    uint64_t slots = table->memory / sizeof(struct table_bucket) * TABLE_SLOTS;
    return slots > table->count * SPARSE_TABLE && slots > TABLE_SLOTS * 4;
}

static void tidy_step(struct members *members) {
    struct table *table = &members->table;
    if (arena_is_sparse(&members->arena, SPARSE_PERCENT))
        arena_compact(&members->arena, members->kind->size_of, block_moved, members);
    if (!table_is_sparse(table)) return;
    if (members->shrink_at >= table_directory_size(table)) members->shrink_at = 0;
    if (table_shrink(table, members->shrink_at)) return;
    table_segment_at(table, members->shrink_at, &members->shrink_at);
}

void members_tidy(struct members *members) {
    if (LIKELY(members->removed < TIDY_EVERY)) return;
    unsigned steps = MIN(members->removed / TIDY_EVERY, TIDY_STEPS_MAX);
    members->removed = 0;
    while (steps--)
        tidy_step(members);
}

/* ---- all ---- */

struct scanning {
    void (*visit)(void *context, void *block);
    void *context;
    uint64_t seen;
};

static void scan_one(void *context, void *block) {
    struct scanning *scanning = context;
    scanning->seen++;
    scanning->visit(scanning->context, block);
}

uint64_t members_scan(const struct members *members, uint64_t cursor, uint64_t count,
                      void (*visit)(void *context, void *block), void *context) {
    struct scanning scanning = {visit, context, 0};
    cursor &= (1ull << TABLE_CURSOR_BITS) - 1;
    do
        cursor = table_scan(&members->table, cursor, scan_one, &scanning);
    while (cursor && scanning.seen < count);
    return cursor;
}

/* ---- at random ---- */

/* A slot is drawn among those that the table would have if all its segments were as deep as its
 * directory and as large as can be; most of these do not exist, or are empty, and then it is drawn
 * again. So all slots are equally likely, whatever the sizes of their segments. */
void *members_random(const struct members *members, struct random *random,
                     struct table_slot *slot) {
    const struct table *table = &members->table;
    for (;;) {
        unsigned next, index = (unsigned)random_below(random, table_directory_size(table));
        struct table_segment *segment = table_segment_at(table, index, &next);
        unsigned most = table->depth ? TABLE_MAX_BUCKETS : segment->buckets;
        uint64_t dice =
            random_below(random, (uint64_t)most * TABLE_SLOTS << (table->depth - segment->depth));
        if (dice >= segment->buckets * TABLE_SLOTS) continue;
        struct table_bucket *bucket = &segment->bucket[dice / TABLE_SLOTS];
        unsigned i = dice % TABLE_SLOTS;
        if (!bucket->tag[i]) continue;
        void *block = arena_at(table->arena, bucket->ref[i]);
        *slot = (struct table_slot){segment, bucket, i, hash_of(block)};
        return block;
    }
}

/* References that have been drawn: open addressing, at most half full. */
struct drawn {
    arena_ref *refs;
    size_t mask;
};

static bool drawn_init(struct drawn *drawn, uint64_t count) {
    size_t size = 16;
    while (size < count * 2)
        size *= 2;
    drawn->refs = memory_alloc(size * sizeof *drawn->refs);
    if (!drawn->refs) return false;
    memset(drawn->refs, 0xff, size * sizeof *drawn->refs);
    drawn->mask = size - 1;
    return true;
}

/* False: it was there. */
static bool drawn_add(struct drawn *drawn, arena_ref ref) {
    size_t at = ref * 0x9e3779b1u & drawn->mask;
    for (; drawn->refs[at] != ARENA_NONE; at = (at + 1) & drawn->mask)
        if (drawn->refs[at] == ref) return false;
    drawn->refs[at] = ref;
    return true;
}

static bool draw_few(const struct members *members, uint64_t count, struct random *random,
                     table_visitor *visit, void *context) {
    struct drawn drawn;
    if (!drawn_init(&drawn, count)) return false;
    while (count) {
        struct table_slot slot;
        const void *block = members_random(members, random, &slot);
        if (!drawn_add(&drawn, table_ref(&slot))) continue;
        if (!visit(context, block)) break;
        count--;
    }
    memory_free(drawn.refs);
    return true;
}

struct sampling {
    struct choice choice;
    table_visitor *visit;
    void *context;
};

static bool sample_block(void *context, const void *block) {
    struct sampling *sampling = context;
    if (choose_next(&sampling->choice) && !sampling->visit(sampling->context, block)) return false;
    return sampling->choice.wanted > 0;
}

bool members_sample(const struct members *members, uint64_t count, struct random *random,
                    table_visitor *visit, void *context) {
    if (count < members_count(members) / 4) return draw_few(members, count, random, visit, context);
    struct sampling sampling = {{random, count, members_count(members)}, visit, context};
    table_each(&members->table, sample_block, &sampling);
    return true;
}
