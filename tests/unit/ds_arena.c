/* SPDX-License-Identifier: BSD-3-Clause */
/* The arena against a plain array of blocks: what was written stays, whatever else happens. */
#include "base/ensure.h"
#include "base/random.h"
#include "ds/arena.h"
#include "sys/chunk.h"
#include "sys/memory.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MAX_BLOCKS 3000

/* What a test's block begins with. `size` is shifted since the lowest byte must not be 0xff. */
struct head {
    uint32_t size_shifted;
    uint32_t id;
} __attribute__((packed, aligned(ARENA_UNIT)));

struct block {
    arena_ref ref;
    uint32_t size; /* 0 = there is none */
};

struct model {
    struct arena arena;
    struct random random;
    struct block blocks[MAX_BLOCKS];
};

static size_t size_of(const void *block) {
    return ((const struct head *)block)->size_shifted >> 8;
}

static char pattern(uint32_t id, size_t at) {
    return (char)(id * 31 + at * 7 + (at >> 8));
}

static void fill(const struct model *m, uint32_t id, size_t from) {
    const struct block *b = &m->blocks[id];
    char *at = arena_at(&m->arena, b->ref);
    *(struct head *)(void *)at = (struct head){b->size << 8 | 1, id};
    for (size_t i = MAX(from, sizeof(struct head)); i < b->size; i++)
        at[i] = pattern(id, i);
}

static void verify(const struct model *m, uint32_t id, size_t size) {
    const char *at = arena_at(&m->arena, m->blocks[id].ref);
    assert_int_equal(((const struct head *)(const void *)at)->id, id);
    for (size_t i = sizeof(struct head); i < size; i++)
        if (at[i] != pattern(id, i)) fail_msg("block %u of %zu bytes differs at %zu", id, size, i);
}

/* What the block adds to arena_live(). */
static size_t weight(const struct model *m, uint32_t id) {
    const struct block *b = &m->blocks[id];
    return b->size > ARENA_SMALL_MAX ? memory_usable(arena_at(&m->arena, b->ref))
                                     : arena_cost(b->size);
}

static void verify_all(const struct model *m) {
    size_t live = 0;
    for (uint32_t id = 0; id < MAX_BLOCKS; id++) {
        if (!m->blocks[id].size) continue;
        verify(m, id, m->blocks[id].size);
        live += weight(m, id);
    }
    arena_check(&m->arena, size_of);
    assert_int_equal(arena_live(&m->arena), live);
    assert_true(arena_held(&m->arena) >= live);
}

/* ---- steps ---- */

static uint32_t random_size(struct random *random) {
    static const uint32_t borders[] = {8,    9,    12,   13,   255,  256,   257,  260,
                                       4091, 4092, 4093, 4096, 4097, 16384, 16385};
    switch (random_below(random, 8)) {
    case 0: return borders[random_below(random, ARRAY_LEN(borders))];
    case 1: return 8 + (uint32_t)random_below(random, 20000 - 8);
    case 2: return 8 + (uint32_t)random_below(random, 4096);
    default: return 8 + (uint32_t)random_below(random, 150);
    }
}

static bool try_alloc(struct model *m, uint32_t id, uint32_t size) {
    arena_ref ref = arena_alloc(&m->arena, size);
    if (ref == ARENA_NONE) return false;
    m->blocks[id] = (struct block){ref, size};
    fill(m, id, 0);
    return true;
}

static void drop(struct model *m, uint32_t id) {
    verify(m, id, m->blocks[id].size);
    arena_free(&m->arena, m->blocks[id].ref, m->blocks[id].size);
    m->blocks[id].size = 0;
}

static void resize(struct model *m, uint32_t id, uint32_t size) {
    struct block *b = &m->blocks[id];
    uint32_t old = b->size;
    bool done = arena_resize(&m->arena, b->ref, old, size);
    verify(m, id, done ? MIN(old, size) : old);
    if (!done) return;
    b->size = size;
    fill(m, id, old);
}

static void moved(void *context, arena_ref from, arena_ref to) {
    struct model *m = context;
    const struct head *head = arena_at(&m->arena, to);
    assert_int_equal(m->blocks[head->id].ref, from);
    m->blocks[head->id].ref = to;
}

static void step(struct model *m, unsigned alloc_percent) {
    uint32_t id = (uint32_t)random_below(&m->random, MAX_BLOCKS);
    if (!m->blocks[id].size) {
        if (random_below(&m->random, 100) < alloc_percent)
            assert_true(try_alloc(m, id, random_size(&m->random)));
    } else if (random_below(&m->random, 100) >= alloc_percent) {
        drop(m, id);
    } else if (random_below(&m->random, 4) == 0) {
        resize(m, id, random_size(&m->random));
    }
    if (random_below(&m->random, 50) == 0) arena_compact(&m->arena, size_of, moved, m);
}

static struct model *model_create(uint64_t seed) {
    struct model *m = memory_need(sizeof *m);
    random_seed(&m->random, seed);
    return m;
}

static void model_free(struct model *m) {
    arena_clear(&m->arena);
    assert_int_equal(arena_held(&m->arena), 0);
    memory_free(m);
    assert_int_equal(chunk_bytes_used(), 0);
}

static void blocks_keep_their_contents(void **state) {
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct model *m = model_create(seed);
        for (unsigned phase = 0; phase < 6; phase++) {
            unsigned alloc_percent = phase % 2 ? 20 : 80;
            for (unsigned i = 0; i < 4000; i++) {
                step(m, alloc_percent);
                if (i % 64 == 0) arena_check(&m->arena, size_of);
            }
            verify_all(m);
        }
        model_free(m);
    }
}

/* Also the last byte of blocks of odd sizes. */
static void a_copy_holds_the_same(void **state) {
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct model *m = model_create(seed), *copy = memory_need(sizeof *copy);
        for (unsigned i = 0; i < 4000; i++)
            step(m, 70);
        *copy = *m;
        assert_true(arena_copy(&m->arena, &copy->arena));
        verify_all(copy);
        arena_clear(&m->arena);
        memory_free(m);
        for (unsigned i = 0; i < 4000; i++)
            step(copy, 30);
        verify_all(copy);
        model_free(copy);
    }
}

static void every_step_of_a_small_arena_keeps_the_invariants(void **state) {
    struct model *m = model_create(77);
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t id = (uint32_t)random_below(&m->random, 40);
        if (!m->blocks[id].size)
            assert_true(try_alloc(m, id, 8 + (uint32_t)random_below(&m->random, 1200)));
        else if (random_below(&m->random, 2))
            drop(m, id);
        else
            resize(m, id, 8 + (uint32_t)random_below(&m->random, 1200));
        if (i % 16 == 0) arena_compact(&m->arena, size_of, moved, m);
        arena_check(&m->arena, size_of);
    }
    verify_all(m);
    model_free(m);
}

static void each_size_can_be_had_and_given_back(void **state) {
    struct model *m = model_create(3);
    for (uint32_t size = 8; size <= 20000; size += size < 600 ? 1 : 37) {
        assert_true(try_alloc(m, 0, size));
        assert_true(arena_cost(size) >= size);
        verify(m, 0, size);
        drop(m, 0);
        arena_check(&m->arena, size_of);
        assert_int_equal(arena_live(&m->arena), 0);
    }
    model_free(m);
}

static void a_large_block_grows_under_its_reference(void **state) {
    struct model *m = model_create(4);
    assert_true(try_alloc(m, 0, 5000));
    arena_ref ref = m->blocks[0].ref;
    for (uint32_t size = 5000; size < 3000000; size += size / 9) {
        resize(m, 0, size);
        assert_int_equal(m->blocks[0].size, size);
    }
    assert_int_equal(m->blocks[0].ref, ref);
    resize(m, 0, 4097);
    assert_int_equal(m->blocks[0].size, 4097);
    assert_true(weight(m, 0) < 10000);
    assert_false(arena_resize(&m->arena, ref, 4097, 4096));
    model_free(m);
}

static void a_hole_is_filled_by_a_block_of_its_size(void **state) {
    for (uint32_t size = 8; size <= ARENA_SMALL_MAX; size += size < 600 ? 2 : 14) {
        struct model *m = model_create(size);
        for (uint32_t id = 0; id < 100; id++)
            assert_true(try_alloc(m, id, size));
        size_t held = arena_held(&m->arena);
        for (unsigned i = 0; i < 100; i++) {
            uint32_t id = (uint32_t)random_below(&m->random, 100);
            drop(m, id);
            assert_true(try_alloc(m, id, size));
        }
        assert_int_equal(arena_held(&m->arena), held);
        model_free(m);
    }
}

static void references_are_used_again(void **state) {
    struct model *m = model_create(5);
    for (unsigned round = 0; round < 3; round++) {
        for (uint32_t id = 0; id < 500; id++)
            assert_true(try_alloc(m, id, 4097 + id));
        for (uint32_t id = 0; id < 500; id += 1 + round)
            drop(m, id);
        assert_true(m->arena.count <= 500);
        for (uint32_t id = 0; id < 500; id++)
            if (m->blocks[id].size) drop(m, id);
        assert_int_equal(arena_held(&m->arena), 0);
    }
    model_free(m);
}

/* ---- compaction ---- */

static unsigned compact_while_sparse(struct model *m, unsigned percent) {
    unsigned steps = 0;
    while (arena_is_sparse(&m->arena, percent) && arena_compact(&m->arena, size_of, moved, m)) {
        steps++;
        arena_check(&m->arena, size_of);
        assert_true(steps < 10000);
    }
    return steps;
}

static void compaction_gives_memory_back(void **state) {
    struct model *m = model_create(6);
    for (uint32_t id = 0; id < MAX_BLOCKS; id++)
        assert_true(try_alloc(m, id, 40 + (uint32_t)random_below(&m->random, 400)));
    for (uint32_t id = 0; id < MAX_BLOCKS; id++)
        if (random_below(&m->random, 4)) drop(m, id);
    size_t before = arena_held(&m->arena);
    compact_while_sparse(m, 8);
    verify_all(m);
    assert_true(arena_held(&m->arena) < before / 2);
    assert_true(arena_held(&m->arena) < arena_live(&m->arena) * 115 / 100 + 2 * CHUNK_SIZE);
    model_free(m);
}

static void compaction_stops_where_blocks_fit_no_closer(void **state) {
    struct model *m = model_create(7);
    /* Seven to a chunk; a tenth of each is left over and fits none of them. */
    for (uint32_t id = 0; id < 700; id++)
        assert_true(try_alloc(m, id, 2100));
    assert_true(compact_while_sparse(m, 8) < 60);
    assert_int_equal(compact_while_sparse(m, 8), 0);
    /* But when more becomes free, it goes on. */
    for (uint32_t id = 0; id < 700; id++)
        if (id % 2) drop(m, id);
    compact_while_sparse(m, 8);
    assert_true(arena_held(&m->arena) < arena_live(&m->arena) * 125 / 100);
    verify_all(m);
    model_free(m);
}

/* ---- no memory ---- */

/* A story that opens, fills, compacts and drains chunks; the same each time. */
static void story(struct model *m) {
    for (unsigned i = 0; i < 1500; i++) {
        uint32_t id = (uint32_t)random_below(&m->random, 60), size = random_size(&m->random);
        if (!m->blocks[id].size)
            try_alloc(m, id, size);
        else if (random_below(&m->random, 3))
            resize(m, id, size);
        else
            drop(m, id);
        if (i % 10 == 0) arena_compact(&m->arena, size_of, moved, m);
        if (memory_failed() && i % 16 == 0) verify_all(m);
    }
}

static void no_memory_changes_nothing(void **state) {
    unsigned failures = 0;
    for (unsigned countdown = 0;; countdown++) {
        struct model *m = model_create(8);
        memory_fail_after(countdown);
        story(m);
        bool failed = memory_failed();
        memory_fail_never();
        verify_all(m);
        story(m);
        verify_all(m);
        model_free(m);
        if (!failed) break;
        failures++;
    }
    assert_true(failures > 40);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_keep_their_contents),
        cmocka_unit_test(a_copy_holds_the_same),
        cmocka_unit_test(every_step_of_a_small_arena_keeps_the_invariants),
        cmocka_unit_test(each_size_can_be_had_and_given_back),
        cmocka_unit_test(a_large_block_grows_under_its_reference),
        cmocka_unit_test(a_hole_is_filled_by_a_block_of_its_size),
        cmocka_unit_test(references_are_used_again),
        cmocka_unit_test(compaction_gives_memory_back),
        cmocka_unit_test(compaction_stops_where_blocks_fit_no_closer),
        cmocka_unit_test(no_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
