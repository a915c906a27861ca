/* SPDX-License-Identifier: BSD-3-Clause */
/* The input is a list of steps for a table over an arena: three bytes each, what to do and with
 * which of 4096 blocks. Hashes are made so that many blocks share buckets. After each input the
 * whole is checked against an array. */
#include "base/ensure.h"
#include "ds/table.h"
#include "sys/memory.h"
#include <string.h>

#define IDS 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct item {
    uint32_t mark; /* 0xff in its lowest byte never */
    uint16_t id;
    uint16_t size;
    char fill[];
} __attribute__((packed, aligned(ARENA_UNIT)));

static struct arena arena;
static struct table table;
static arena_ref refs[IDS];
static uint32_t count;

static uint64_t hash_id(uint16_t id) {
    uint64_t hash = id * 0x9e3779b97f4a7c15u;
    return id % 4 ? hash : hash & ~0xfffff0ffull; /* few buckets for some of them */
}

static uint64_t hash_of(const void *block) {
    return hash_id(((const struct item *)block)->id);
}

static size_t size_of(const void *block) {
    return ((const struct item *)block)->size;
}

static bool is_id(const void *context, const void *block) {
    return ((const struct item *)block)->id == *(const uint16_t *)context;
}

static bool find(uint16_t id, struct table_slot *slot) {
    bool found = table_find(&table, hash_id(id), is_id, &id, slot);
    ensure(found == (refs[id] != ARENA_NONE));
    ensure(!found || table_ref(slot) == refs[id]);
    return found;
}

static void lay_out(arena_ref ref, uint16_t id, uint16_t size) {
    struct item *item = arena_at(&arena, ref);
    *item = (struct item){.mark = 1, .id = id, .size = size};
    memset(item->fill, (char)id, size - sizeof *item);
}

static void insert(uint16_t id, uint16_t size) {
    struct table_slot slot;
    arena_ref ref = arena_alloc(&arena, size);
    ensure(ref != ARENA_NONE);
    lay_out(ref, id, size);
    ensure(table_insert(&table, hash_id(id), ref, &slot));
    refs[id] = ref;
    count++;
}

static void verify(const struct item *item, uint16_t id) {
    ensure(item->id == id);
    for (size_t i = 0; i < item->size - sizeof *item; i++)
        ensure(item->fill[i] == (char)id);
}

static void take_out(struct table_slot *slot, uint16_t id) {
    const struct item *item = table_block(&table, slot);
    verify(item, id);
    table_remove(&table, slot);
    arena_free(&arena, refs[id], item->size);
    refs[id] = ARENA_NONE;
    count--;
}

static void resize(struct table_slot *slot, uint16_t id, uint16_t size) {
    struct item *item = table_block(&table, slot);
    verify(item, id);
    if (arena_resize(&arena, refs[id], item->size, size)) lay_out(refs[id], id, size);
}

static void moved(void *context, arena_ref from, arena_ref to) {
    uint16_t id = ((const struct item *)arena_at(&arena, to))->id;
    ensure(refs[id] == from);
    table_moved(&table, hash_id(id), from, to);
    refs[id] = to;
}

static uint32_t visited;

static void visit(void *context, void *block) {
    visited++;
}

static void step(uint8_t what, uint16_t number) {
    uint16_t id = number % IDS, size = (uint16_t)(12 + (what >> 4) * (number >> 4 & 0x1ff));
    struct table_slot slot;
    switch (what & 15) {
    case 13: arena_compact(&arena, size_of, moved, NULL); break;
    case 14:
        if (table.directory) table_shrink(&table, number % table_directory_size(&table));
        break;
    case 15: table_scan(&table, (uint64_t)number << (what >> 4) * 3, visit, NULL); break;
    default:
        if (!find(id, &slot))
            insert(id, size);
        else if (what & 1)
            take_out(&slot, id);
        else
            resize(&slot, id, size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    memset(&arena, 0, sizeof arena);
    memset(refs, 0xff, sizeof refs);
    table_init(&table, &arena, hash_of, size % 2 ? TABLE_WIDE : TABLE_TIGHT);
    count = 0;
    for (; size >= 3; data += 3, size -= 3)
        step(data[0], (uint16_t)(data[1] | data[2] << 8));

    struct table_slot slot;
    for (unsigned id = 0; id < IDS; id++)
        if (find((uint16_t)id, &slot)) verify(table_block(&table, &slot), (uint16_t)id);
    table_check(&table);
    arena_check(&arena, size_of);
    ensure(table.count == count);
    visited = 0;
    for (uint64_t cursor = 0; (cursor = table_scan(&table, cursor, visit, NULL));)
        continue;
    ensure(visited == count);
    table_clear(&table);
    arena_clear(&arena);
    return 0;
}
