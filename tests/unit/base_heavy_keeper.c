/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/heavy_keeper.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define ITEMS 200000
#define ADDED 2000000

static struct heavy_keeper keeper;
static struct random dice;
static uint32_t truth[ITEMS];

static int start(void **state) {
    memset(&keeper, 0, sizeof keeper);
    memset(truth, 0, sizeof truth);
    random_seed(&dice, 42);
    return 0;
}

static uint64_t hash_of(unsigned item) {
    struct random scramble;
    random_seed(&scramble, item);
    return random_next(&scramble);
}

static int place_of(uint64_t hash) {
    for (int i = 0; i < HEAVY_KEEPER_PLACES; i++)
        if (keeper.counts[i] && keeper.hashes[i] == hash) return i;
    return -1;
}

static void add(unsigned item) {
    bool fresh;
    int place = heavy_keeper_add(&keeper, hash_of(item), &dice, &fresh);
    if (place >= 0) assert_true(keeper.hashes[place] == hash_of(item));
    truth[item]++;
}

/* Item n comes about 1/n as often as item 1: as many uses fall on each doubling of the numbers. */
static unsigned zipf(void) {
    double item = 1;
    for (double power = random_double(&dice) * 17.6; power > 0; power -= 1)
        item *= power >= 1 ? 2 : 1 + power;
    return (unsigned)item - 1;
}

static void finds_the_most_frequent(void **state) {
    for (int i = 0; i < ADDED; i++) {
        unsigned item = zipf();
        add(item < ITEMS ? item : ITEMS - 1);
    }
    for (unsigned item = 0; item < 30; item++) {
        int place = place_of(hash_of(item));
        assert_true(place >= 0);
        assert_in_range(keeper.counts[place], truth[item] * 9 / 10, truth[item]);
    }
}

static void is_not_impressed_by_many_rare_items(void **state) {
    for (int i = 0; i < ADDED; i++)
        add(i % 50 ? 1 + (unsigned)random_below(&dice, ITEMS - 1) : 0);
    int place = place_of(hash_of(0));
    assert_true(place >= 0);
    assert_in_range(keeper.counts[place], truth[0] * 9 / 10, truth[0]);
}

static void forgets_by_halves(void **state) {
    for (int i = 0; i < 1000; i++)
        add(7);
    heavy_keeper_halve(&keeper);
    assert_int_equal(keeper.counts[place_of(hash_of(7))], 500);
    for (int i = 0; i < 10; i++)
        heavy_keeper_halve(&keeper);
    assert_int_equal(place_of(hash_of(7)), -1);
    add(8);
    assert_true(place_of(hash_of(8)) >= 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(finds_the_most_frequent, start),
        cmocka_unit_test_setup(is_not_impressed_by_many_rare_items, start),
        cmocka_unit_test_setup(forgets_by_halves, start),
    };
    return cmocka_run_group_tests_name("base_heavy_keeper", tests, NULL, NULL);
}
