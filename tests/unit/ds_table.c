/* SPDX-License-Identifier: BSD-3-Clause */
/* The table against a plain array: block `id` is in the table if and only if refs[id] says so. */
#include "base/ensure.h"
#include "base/random.h"
#include "ds/table.h"
#include "sys/chunk.h"
#include "sys/memory.h"
#include "sys/readers.h"
#include "sys/thread.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

#define MANY 200000u

struct item {
    uint32_t mark; /* never 0xff in its lowest byte */
    uint32_t id;
    uint32_t spare;
} __attribute__((packed, aligned(ARENA_UNIT)));

struct model {
    struct arena arena;
    struct table table;
    struct random random;
    uint32_t count;
    arena_ref refs[MANY];
};

/* How ids become hashes; a test sets it before it begins. */
static uint64_t (*hash_id)(uint32_t id);

static uint64_t well_spread(uint32_t id) {
    struct random random;
    random_seed(&random, id);
    return random_next(&random);
}

/* All in one bucket of its segment, under one tag. */
static uint64_t one_bucket(uint32_t id) {
    return (well_spread(id) & ~0xffffffffffull) | 0x4200000007ull;
}

/* Nearly all in one half of every split: the segments come out of very different depths. */
static uint64_t lopsided(uint32_t id) {
    uint64_t hash = well_spread(id);
    return id % 16 ? hash & ~0x00ffc00000000000ull : hash;
}

static uint64_t hash_of(const void *block) {
    return hash_id(((const struct item *)block)->id);
}

static size_t size_of(const void *block) {
    return sizeof(struct item);
}

static bool is_id(const void *context, const void *block) {
    return ((const struct item *)block)->id == *(const uint32_t *)context;
}

static bool find(const struct model *m, uint32_t id, struct table_slot *slot) {
    return table_find(&m->table, hash_id(id), is_id, &id, slot);
}

static bool insert(struct model *m, uint32_t id) {
    arena_ref ref = arena_alloc(&m->arena, sizeof(struct item));
    if (ref == ARENA_NONE) return false;
    *(struct item *)arena_at(&m->arena, ref) = (struct item){.mark = 1, .id = id};
    struct table_slot slot;
    if (!table_insert(&m->table, hash_id(id), ref, &slot)) {
        arena_free(&m->arena, ref, sizeof(struct item));
        return false;
    }
    assert_int_equal(table_ref(&slot), ref);
    m->refs[id] = ref;
    m->count++;
    return true;
}

static void take_out(struct model *m, uint32_t id) {
    struct table_slot slot;
    assert_true(find(m, id, &slot));
    assert_int_equal(table_ref(&slot), m->refs[id]);
    table_remove(&m->table, &slot);
    arena_free(&m->arena, m->refs[id], sizeof(struct item));
    m->refs[id] = ARENA_NONE;
    m->count--;
}

static void moved(void *context, arena_ref from, arena_ref to) {
    struct model *m = context;
    const struct item *item = arena_at(&m->arena, to);
    table_moved(&m->table, hash_id(item->id), from, to);
    assert_int_equal(m->refs[item->id], from);
    m->refs[item->id] = to;
}

/* How the tables of the tests grow: main() goes through all of them with both. */
static enum table_growth growth;

static struct model *model_create(uint64_t seed, uint64_t (*hash)(uint32_t id)) {
    struct model *m = memory_need(sizeof *m);
    hash_id = hash;
    random_seed(&m->random, seed);
    table_init(&m->table, &m->arena, hash_of, growth);
    for (uint32_t id = 0; id < MANY; id++)
        m->refs[id] = ARENA_NONE;
    return m;
}

static void model_free(struct model *m) {
    table_clear(&m->table);
    assert_int_equal(m->table.memory, 0);
    arena_clear(&m->arena);
    memory_free(m);
    assert_int_equal(chunk_bytes_used(), 0);
}

static void verify(const struct model *m, uint32_t ids) {
    table_check(&m->table);
    arena_check(&m->arena, size_of);
    assert_int_equal(m->table.count, m->count);
    for (uint32_t id = 0; id < ids; id++) {
        struct table_slot slot;
        bool found = find(m, id, &slot);
        assert_int_equal(found, m->refs[id] != ARENA_NONE);
        if (found) assert_int_equal(table_ref(&slot), m->refs[id]);
    }
}

static void shrink_fully(struct model *m) {
    for (unsigned index = 0, next; index < table_directory_size(&m->table);) {
        if (table_shrink(&m->table, index)) {
            index = 0;
            continue;
        }
        table_segment_at(&m->table, index, &next);
        index = next;
    }
}

/* One random change among the ids from `first` on; as many of them are in the table as `percent`
 * says, in time. */
static void change(struct model *m, uint32_t first, uint32_t ids, unsigned percent) {
    uint32_t id = first + (uint32_t)random_below(&m->random, ids);
    bool there = m->refs[id] != ARENA_NONE, wanted = random_below(&m->random, 100) < percent;
    if (wanted && !there)
        assert_true(insert(m, id));
    else if (!wanted && there)
        take_out(m, id);
}

/* ---- finding, growing, shrinking ---- */

static void all_is_found_while_it_grows_and_shrinks(void **state) {
    struct model *m = model_create(1, well_spread);
    verify(m, 100);
    for (uint32_t id = 0; id < MANY; id++) {
        assert_true(insert(m, id));
        if ((id & (id - 1)) == 0) verify(m, id + 10);
    }
    verify(m, MANY);
    double per_block = (double)m->table.memory / MANY;
    assert_true(per_block < (growth == TABLE_WIDE ? 9 : 7.5));
    for (uint32_t id = 0; id < MANY; id++)
        if (id % 10) take_out(m, id);
    shrink_fully(m);
    verify(m, MANY);
    assert_true((double)m->table.memory / m->count < 12);
    for (uint32_t id = 0; id < MANY; id += 10)
        take_out(m, id);
    shrink_fully(m);
    assert_int_equal(m->table.memory, 0);
    verify(m, 100);
    model_free(m);
}

static void random_changes(uint64_t (*hash)(uint32_t id), uint32_t ids, unsigned rounds) {
    struct model *m = model_create(2, hash);
    static const unsigned percents[] = {90, 10, 60, 2, 95, 0};
    for (unsigned round = 0; round < rounds; round++) {
        for (uint32_t i = 0; i < ids; i++) {
            change(m, 0, ids, percents[round % ARRAY_LEN(percents)]);
            if (i % 16 == 0 && m->table.directory)
                table_shrink(&m->table,
                             (unsigned)random_below(&m->random, table_directory_size(&m->table)));
            if (i % 64 == 0) arena_compact(&m->arena, size_of, moved, m);
        }
        verify(m, ids);
    }
    model_free(m);
}

static void random_changes_of_a_small_table(void **state) {
    random_changes(well_spread, 300, 30);
}

static void random_changes_of_a_large_table(void **state) {
    random_changes(well_spread, 30000, 6);
}

static void hashes_that_share_a_bucket_are_all_found(void **state) {
    random_changes(one_bucket, 1000, 6);
}

static void hashes_that_share_a_bucket_fill_many_segments(void **state) {
    random_changes(one_bucket, 6000, 6);
}

static void lopsided_hashes_are_all_found(void **state) {
    random_changes(lopsided, 20000, 6);
}

/* What no segment could ever hold is refused, not looped over. */
static uint64_t all_equal(uint32_t id) {
    return 0x1234567890abcdefull;
}

static void equal_hashes_are_refused_when_a_segment_is_full(void **state) {
    struct model *m = model_create(3, all_equal);
    uint32_t id = 0;
    while (id < 3000 && insert(m, id))
        id++;
    assert_int_equal(id, TABLE_MAX_BUCKETS * TABLE_SLOTS);
    assert_true(m->table.depth == TABLE_MAX_DEPTH);
    for (uint32_t i = 0; i < id; i += 3)
        take_out(m, i);
    struct table_slot slot;
    for (uint32_t i = 0; i < id; i++)
        assert_int_equal(find(m, i, &slot), i % 3 != 0);
    model_free(m);
}

/* ---- deadlines ---- */

static void check_due(const struct model *m, uint32_t ids) {
    for (uint32_t id = 0; id < ids; id++) {
        struct table_slot slot;
        if (m->refs[id] == ARENA_NONE || id % 5) continue;
        assert_true(find(m, id, &slot));
        assert_true(slot.bucket->due && (int16_t)(slot.bucket->due - (1 + id % 1000)) <= 0);
    }
}

static void rebuilding_keeps_the_earliest_deadline(void **state) {
    struct model *m = model_create(4, well_spread);
    for (uint32_t id = 0; id < 20000; id++) {
        assert_true(insert(m, id));
        if (id % 5) continue;
        struct table_slot slot;
        assert_true(find(m, id, &slot));
        uint16_t due = (uint16_t)(1 + id % 1000);
        if (!slot.bucket->due || due < slot.bucket->due) slot.bucket->due = due;
    }
    check_due(m, 20000);
    for (uint32_t id = 0; id < 20000; id++)
        if (id % 7) take_out(m, id);
    shrink_fully(m);
    check_due(m, 20000);
    model_free(m);
}

/* ---- scanning ---- */

struct scan {
    bool seen[MANY];
};

static void see(void *context, void *block) {
    struct scan *scan = context;
    scan->seen[((const struct item *)block)->id] = true;
}

/* Ids below `kept` stay from the first call to the last; the `others` come and go. */
static void scan_while_changing(uint64_t seed, uint64_t (*hash)(uint32_t id), uint32_t kept,
                                uint32_t others) {
    struct model *m = model_create(seed, hash);
    struct scan *scan = memory_need(sizeof *scan);
    for (uint32_t id = 0; id < kept; id++)
        assert_true(insert(m, id));
    unsigned calls = 0, percent = 50, changes = 0;
    uint64_t cursor = 0;
    do {
        cursor = (seed % 2 ? table_scan : table_scan_freely)(&m->table, cursor, see, scan);
        assert_int_equal(cursor >> TABLE_CURSOR_BITS, 0);
        if (calls % 50 == 0) {
            percent = random_below(&m->random, 2) ? 98 : 2;
            changes = (unsigned)random_below(&m->random, others / 25);
        }
        for (unsigned i = 0; i < changes; i++)
            change(m, kept, others, percent);
        for (unsigned i = 0; percent < 50 && i < 20; i++)
            table_shrink(&m->table,
                         (unsigned)random_below(&m->random, table_directory_size(&m->table)));
        assert_true(++calls < 100000);
    } while (cursor);
    for (uint32_t id = 0; id < kept; id++)
        if (!scan->seen[id]) fail_msg("seed %lu: %u was not visited", (unsigned long)seed, id);
    memory_free(scan);
    model_free(m);
}

static void a_scan_sees_all_that_stays(void **state) {
    for (uint64_t seed = 1; seed <= 12; seed++) {
        scan_while_changing(seed, well_spread, 2000, 20000);
        scan_while_changing(seed, well_spread, 300, 3000);
        scan_while_changing(seed, well_spread, 10, 200);
        scan_while_changing(seed, lopsided, 1000, 10000);
    }
}

static void a_scan_sees_all_that_shares_a_bucket(void **state) {
    for (uint64_t seed = 1; seed <= 4; seed++)
        scan_while_changing(seed, one_bucket, 200, 2000);
}

static unsigned visits;

static void count_visit(void *context, void *block) {
    visits++;
}

static void a_scan_at_rest_sees_each_block_once(void **state) {
    struct model *m = model_create(5, well_spread);
    for (uint32_t id = 0; id < 50000; id++) {
        assert_true(insert(m, id));
        if (id % 5000 && id > 200) continue;
        visits = 0;
        for (uint64_t cursor = 0; (cursor = table_scan(&m->table, cursor, count_visit, NULL));)
            continue;
        assert_int_equal(visits, id + 1);
    }
    model_free(m);
}

static void any_cursor_comes_to_an_end(void **state) {
    struct model *m = model_create(6, well_spread);
    assert_int_equal(table_scan(&m->table, UINT64_MAX, count_visit, NULL), 0);
    for (uint32_t id = 0; id < 20000; id++) {
        assert_true(insert(m, id));
        if (id % 100) continue;
        unsigned calls = 0;
        uint64_t cursor = random_next(&m->random) >> random_below(&m->random, 64);
        if (id == 0) cursor = UINT64_MAX;
        while ((cursor = table_scan(&m->table, cursor, count_visit, NULL)))
            assert_true(++calls < 20000);
    }
    model_free(m);
}

/* A table takes blocks as before, and what is too much can be given back. */
static void growing_widely(void **state) {
    struct model *m = model_create(9, well_spread);
    table_grow_widely(true);
    for (uint32_t id = 0; id < MANY; id++)
        assert_true(insert(m, id));
    table_grow_widely(false);
    verify(m, MANY);
    uint64_t wide = m->table.memory;
    assert_true(wide <= MANY * sizeof(struct table_bucket) / TABLE_SLOTS * 2);
    shrink_fully(m);
    verify(m, MANY);
    assert_true(m->table.memory <= wide);
    model_free(m);
}

/* Bytes of a table that grew by itself. */
static uint64_t memory_when_grown(uint32_t count) {
    struct model *m = model_create(9, well_spread);
    for (uint32_t id = 0; id < count; id++)
        assert_true(insert(m, id));
    uint64_t memory = m->table.memory;
    model_free(m);
    return memory;
}

static void what_is_reserved_is_not_rebuilt(void **state) {
    static const uint32_t counts[] = {100, 500, 1000, 1500, 30000, 150000};
    for (unsigned i = 0; i < ARRAY_LEN(counts); i++) {
        uint64_t grown = memory_when_grown(counts[i]);
        struct model *m = model_create(9, well_spread);
        table_reserve(&m->table, counts[i]);
        uint64_t reserved = m->table.memory;
        for (uint32_t id = 0; id < counts[i]; id++)
            assert_true(insert(m, id));
        verify(m, counts[i]);
        assert_in_range(m->table.memory, reserved, reserved + reserved / 20);
        assert_true(reserved <= grown * (growth == TABLE_WIDE ? 14 : 13) / 10);
        table_reserve(&m->table, MANY); /* it is not empty */
        assert_in_range(m->table.memory, reserved, reserved + reserved / 20);
        model_free(m);
    }
}

/* ---- no memory ---- */

static void nothing_is_reserved_without_memory(void **state) {
    bool failed = true;
    for (unsigned countdown = 0; failed; countdown++) {
        struct model *m = model_create(9, well_spread);
        memory_fail_after(countdown);
        table_reserve(&m->table, 5000);
        failed = memory_failed();
        memory_fail_never();
        assert_int_equal(failed, m->table.directory == NULL);
        for (uint32_t id = 0; id < 5000; id++)
            assert_true(insert(m, id));
        verify(m, 5000);
        model_free(m);
    }
}

static void no_memory_changes_nothing(void **state) {
    unsigned failures = 0;
    for (unsigned countdown = 0;; countdown++) {
        struct model *m = model_create(7, countdown % 2 ? well_spread : lopsided);
        memory_fail_after(countdown);
        unsigned refused = 0;
        for (uint32_t id = 0; id < 6000; id++)
            refused += !insert(m, id);
        bool failed = memory_failed();
        verify(m, 6000);
        for (uint32_t id = 0; id < 6000; id++)
            if (id % 8 && m->refs[id] != ARENA_NONE) take_out(m, id);
        shrink_fully(m); /* what needs memory is left as it is */
        verify(m, 6000);
        memory_fail_never();
        shrink_fully(m);
        for (uint32_t id = 0; id < 6000; id++)
            if (m->refs[id] == ARENA_NONE) assert_true(insert(m, id));
        verify(m, 6000);
        model_free(m);
        if (!failed) break;
        assert_true(refused || countdown > 20);
        failures++;
    }
    assert_true(failures > 30);
}

static void shrinking_without_memory_changes_nothing(void **state) {
    for (unsigned countdown = 0; countdown < 60; countdown++) {
        struct model *m = model_create(8, well_spread);
        for (uint32_t id = 0; id < 8000; id++)
            assert_true(insert(m, id));
        for (uint32_t id = 0; id < 8000; id++)
            if (id % 20) take_out(m, id);
        memory_fail_after(countdown);
        shrink_fully(m);
        memory_fail_never();
        verify(m, 8000);
        model_free(m);
    }
}

/* ---- hints ---- */

struct hinting {
    const struct model *model;
    atomic_bool ends;
};

/* Looks at what is being changed; the address sanitizer sees whether it has been freed. */
static __attribute__((no_sanitize("thread"))) void ask(const struct table *table, uint64_t hash) {
    const struct table_bucket *bucket = table_home_bucket(table, hash);
    if (bucket) table_prefetch_block_in(table, bucket, hash);
}

static void keep_asking(void *argument) {
    struct hinting *hinting = argument;
    for (uint32_t id = 0; !atomic_load(&hinting->ends); id = (id + 64) % MANY) {
        assert_true(readers_enter());
        for (uint32_t i = 0; i < 64; i++)
            ask(&hinting->model->table, hash_id((id + i) % MANY));
        readers_leave();
    }
}

static void hints_while_it_changes(void **state) {
    struct model *m = model_create(11, well_spread);
    struct hinting hinting = {.model = m};
    struct thread thread;
    assert_int_equal(thread_start("hints", keep_asking, &hinting, &thread), 0);
    for (unsigned round = 0; round < 4; round++) {
        for (uint32_t id = 0; id < 20000; id++)
            assert_true(insert(m, id));
        for (uint32_t id = 0; id < 20000; id++)
            if (round % 2 || id % 8) take_out(m, id);
        while (arena_compact(&m->arena, size_of, moved, m)) {
        }
        shrink_fully(m);
        verify(m, 20000);
        for (uint32_t id = 0; id < 20000; id++)
            if (m->refs[id] != ARENA_NONE) take_out(m, id);
        table_clear(&m->table);
    }
    atomic_store(&hinting.ends, true);
    thread_join(&thread);
    model_free(m);
}

static int tight(void **state) {
    growth = TABLE_TIGHT;
    return 0;
}

static int wide(void **state) {
    growth = TABLE_WIDE;
    return 0;
}

#define IN_BOTH(test) cmocka_unit_test_setup(test, tight), cmocka_unit_test_setup(test, wide)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_BOTH(all_is_found_while_it_grows_and_shrinks),
        IN_BOTH(random_changes_of_a_small_table),
        IN_BOTH(random_changes_of_a_large_table),
        IN_BOTH(hashes_that_share_a_bucket_are_all_found),
        IN_BOTH(hashes_that_share_a_bucket_fill_many_segments),
        IN_BOTH(lopsided_hashes_are_all_found),
        IN_BOTH(equal_hashes_are_refused_when_a_segment_is_full),
        IN_BOTH(rebuilding_keeps_the_earliest_deadline),
        IN_BOTH(a_scan_sees_all_that_stays),
        IN_BOTH(a_scan_sees_all_that_shares_a_bucket),
        IN_BOTH(a_scan_at_rest_sees_each_block_once),
        IN_BOTH(any_cursor_comes_to_an_end),
        IN_BOTH(growing_widely),
        IN_BOTH(what_is_reserved_is_not_rebuilt),
        IN_BOTH(nothing_is_reserved_without_memory),
        IN_BOTH(no_memory_changes_nothing),
        IN_BOTH(shrinking_without_memory_changes_nothing),
        IN_BOTH(hints_while_it_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
