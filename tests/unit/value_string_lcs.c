/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/string_lcs.h"

#include "base/ensure.h"
#include "base/random.h"
#include "sys/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SIZE 200

static unsigned table[SIZE + 1][SIZE + 1];

/* The textbook's table, to compare with. */
static void fill_table(struct bytes a, struct bytes b) {
    for (size_t i = 1; i <= a.len; i++)
        for (size_t j = 1; j <= b.len; j++)
            table[i][j] = a.data[i - 1] == b.data[j - 1] ? table[i - 1][j - 1] + 1
                                                         : MAX(table[i - 1][j], table[i][j - 1]);
}

/* Walks back in the table, and sees that the walk gives the same bytes at the same places. */
static void check_walk(const struct lcs *lcs) {
    struct lcs_walk walk = lcs_walk_start(lcs);
    struct lcs_match match;
    size_t i = lcs->a.len, j = lcs->b.len;
    while (lcs_walk_next(lcs, &walk, &match)) {
        for (size_t left = match.length; left;) {
            if (lcs->a.data[i - 1] == lcs->b.data[j - 1]) {
                left--, i--, j--;
                assert_true(i == match.a_at + left && j == match.b_at + left);
            } else {
                assert_true(left == match.length);
                if (table[i - 1][j] > table[i][j - 1])
                    i--;
                else
                    j--;
            }
        }
    }
    assert_int_equal(table[i][j], 0);
}

static struct bytes random_string(struct random *random, char *out, unsigned letters) {
    size_t len = random_below(random, SIZE + 1);
    for (size_t i = 0; i < len; i++)
        out[i] = (char)random_below(random, letters);
    return bytes_make(out, len);
}

static void agrees_with_the_table(void **state) {
    struct random random;
    char one[SIZE], other[SIZE];
    random_seed(&random, 1);
    for (int round = 0; round < 300; round++) {
        unsigned letters = 1u << random_below(&random, 9);
        struct bytes a = random_string(&random, one, letters);
        struct bytes b = random_string(&random, other, letters);
        struct lcs lcs, length_only;
        fill_table(a, b);
        assert_true(lcs_make(&lcs, a, b, true));
        assert_true(lcs_make(&length_only, a, b, false));
        assert_int_equal(lcs.length, table[a.len][b.len]);
        assert_int_equal(length_only.length, lcs.length);
        check_walk(&lcs);
        lcs_free(&lcs);
        lcs_free(&length_only);
    }
}

static void survives_without_memory(void **state) {
    struct lcs lcs;
    for (unsigned allowed = 0; allowed < 2; allowed++) {
        memory_fail_after(allowed);
        bool made = lcs_make(&lcs, BYTES("some"), BYTES("same"), true);
        memory_fail_never();
        assert_false(made);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_table),
        cmocka_unit_test(survives_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
