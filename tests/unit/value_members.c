/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/members.h"

#include "base/ensure.h"
#include "sys/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NAMES 4000

static size_t size_of(const void *block) {
    return members_name_size(members_name(block).len);
}

static const struct members_kind kind = {.size_of = size_of};

static struct bytes name_of(unsigned i, char text[400]) {
    int length = snprintf(text, 400, "%u", i);
    if (i % 50 == 0) memset(text + length, 'x', 300), length += 300; /* a wide size */
    return bytes_make(text, (size_t)length);
}

static bool add(struct members *members, unsigned i) {
    char text[400];
    struct bytes name = name_of(i, text);
    struct table_slot slot;
    void *block = members_add(members, members_hash(name), members_name_size(name.len), &slot);
    if (block) members_write_name(block, name);
    return block != NULL;
}

static void remove_one(struct members *members, unsigned i) {
    char text[400];
    struct bytes name = name_of(i, text);
    struct table_slot slot;
    assert_non_null(members_find(members, name, members_hash(name), &slot));
    members_remove(members, &slot);
    members_tidy(members);
}

/* The number in a block's name, whatever follows it. */
static unsigned number_of(const void *block) {
    struct bytes name = members_name(block);
    unsigned n = 0;
    for (size_t i = 0; i < name.len && name.data[i] != 'x'; i++)
        n = n * 10 + (unsigned)(name.data[i] - '0');
    return n;
}

static void check(const struct members *members) {
    table_check(&members->table);
    arena_check(&members->arena, size_of);
}

static bool note_seen(void *context, const void *block) {
    ((unsigned *)context)[number_of(block)]++;
    return true;
}

static void note_scanned(void *context, void *block) {
    note_seen(context, block);
}

static void holds_what_a_plain_array_holds(void **state) {
    static bool there[NAMES];
    struct members members;
    struct random random;
    members_init(&members, &kind, NULL);
    random_seed(&random, 1);
    for (unsigned round = 0; round < 60000; round++) {
        /* It grows, shrinks, and grows again. */
        bool grows = round / 15000 % 2 == 0;
        unsigned i = (unsigned)random_below(&random, NAMES);
        if (there[i] && random_below(&random, grows ? 4 : 1) == 0) {
            remove_one(&members, i);
            there[i] = false;
        } else if (!there[i] && random_below(&random, grows ? 1 : 8) == 0) {
            assert_true(add(&members, i));
            there[i] = true;
        }
        if (round % 5000) continue;
        check(&members);
        unsigned seen[NAMES] = {0}, scanned[NAMES] = {0};
        members_each(&members, note_seen, seen);
        for (uint64_t cursor = 0;;) {
            cursor = members_scan(&members, cursor, 10, note_scanned, scanned);
            if (!cursor) break;
        }
        for (i = 0; i < NAMES; i++)
            assert_true(seen[i] == there[i] && scanned[i] == there[i]);
    }
    members_clear(&members);
}

static void gives_memory_back(void **state) {
    struct members members;
    members_init(&members, &kind, NULL);
    for (unsigned i = 0; i < 20000; i++)
        assert_true(add(&members, i));
    size_t full = members_memory(&members);
    for (unsigned i = 0; i < 19000; i++)
        remove_one(&members, i);
    assert_true(members_memory(&members) < full / 6);
    check(&members);
    members_clear(&members);
}

static void copies_or_leaves_nothing(void **state) {
    struct members members, copy;
    members_init(&members, &kind, NULL);
    for (unsigned i = 0; i < NAMES; i++)
        assert_true(add(&members, i));
    members_init(&copy, &kind, NULL);
    assert_true(members_copy(&members, &copy));
    unsigned seen[NAMES] = {0};
    members_each(&copy, note_seen, seen);
    for (unsigned i = 0; i < NAMES; i++)
        assert_true(seen[i] == 1);
    check(&copy);
    members_clear(&copy);
    for (unsigned n = 0;; n++) {
        members_init(&copy, &kind, NULL);
        memory_fail_after(n);
        bool copied = members_copy(&members, &copy);
        memory_fail_never();
        if (copied) break;
        assert_true(members_memory(&copy) == 0);
    }
    members_clear(&copy);
    members_clear(&members);
}

/* Pearson's test: the sum is not more than 5 standard deviations above its mean. */
static void assert_uniform(const unsigned *drawn, unsigned count, double expected) {
    double sum = 0, mean = count - 1;
    for (unsigned i = 0; i < count; i++)
        sum += ((double)drawn[i] - expected) * ((double)drawn[i] - expected) / expected;
    assert_true(sum <= mean + 5 * sqrt(2 * mean));
}

/* Sizes at which some segments have just split, and others are full. */
static void draws_each_as_likely(void **state) {
    static const unsigned sizes[] = {1, 2, 30, 700, 1500, 2900, NAMES};
    struct random random;
    random_seed(&random, 7);
    for (unsigned s = 0; s < ARRAY_LEN(sizes); s++) {
        static unsigned drawn[NAMES], sampled[NAMES];
        struct members members;
        unsigned count = sizes[s];
        memset(drawn, 0, sizeof drawn);
        memset(sampled, 0, sizeof sampled);
        members_init(&members, &kind, NULL);
        for (unsigned i = 0; i < count; i++)
            assert_true(add(&members, i));
        for (unsigned i = 0; i < count * 100; i++) {
            struct table_slot slot;
            const void *block = members_random(&members, &random, &slot);
            assert_ptr_equal(block, table_block(&members.table, &slot));
            drawn[number_of(block)]++;
        }
        assert_uniform(drawn, count, 100);
        unsigned wanted = s % 2 ? count / 10 + 1 : count / 2 + 1; /* both ways of sampling */
        for (unsigned i = 0; i < 200; i++)
            assert_true(members_sample(&members, wanted, &random, note_seen, sampled));
        assert_uniform(sampled, count, 200.0 * wanted / count);
        members_clear(&members);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_a_plain_array_holds),
        cmocka_unit_test(gives_memory_back),
        cmocka_unit_test(copies_or_leaves_nothing),
        cmocka_unit_test(draws_each_as_likely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
