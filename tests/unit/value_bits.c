/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/bits.h"

#include "base/ensure.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SIZE 300

static bool bit_at(struct bytes b, uint64_t i) {
    return i / 8 < b.len && ((uint8_t)b.data[i / 8] >> (7 - i % 8) & 1);
}

/* Random bytes with runs of zeros and ones, so that whole words are equal. */
static struct bytes random_string(struct random *random, char *out, size_t most) {
    size_t len = random_below(random, most + 1);
    for (size_t i = 0; i < len;) {
        size_t run = MIN(len - i, random_below(random, 30) + 1);
        int kind = (int)random_below(random, 3);
        for (size_t j = 0; j < run; j++)
            out[i + j] = (char)(kind == 0 ? 0 : kind == 1 ? 0xff : random_next(random));
        i += run;
    }
    return bytes_make(out, len);
}

static void counts_like_a_loop(void **state) {
    struct random random;
    char data[SIZE];
    random_seed(&random, 1);
    for (int round = 0; round < 2000; round++) {
        struct bytes b = random_string(&random, data, SIZE);
        if (!b.len) continue;
        uint64_t first = random_below(&random, b.len * 8), expected = 0, all = 0;
        uint64_t last = first + random_below(&random, b.len * 8 - first);
        for (uint64_t i = 0; i < b.len * 8; i++) {
            all += bit_at(b, i);
            if (i >= first && i <= last) expected += bit_at(b, i);
        }
        assert_true(bits_count(b) == all);
        assert_true(bits_count_range(b, first, last) == expected);
    }
    assert_true(bits_count(bytes_make(NULL, 0)) == 0);
}

static void finds_like_a_loop(void **state) {
    struct random random;
    char data[SIZE];
    random_seed(&random, 2);
    for (int round = 0; round < 5000; round++) {
        struct bytes b = random_string(&random, data, SIZE);
        if (!b.len) continue;
        bool value = random_below(&random, 2);
        uint64_t first = random_below(&random, b.len * 8);
        uint64_t last = first + random_below(&random, b.len * 8 - first);
        uint64_t expected = first;
        while (expected <= last && bit_at(b, expected) != value)
            expected++;
        if (expected > last) expected = BITS_NOT_FOUND;
        assert_true(bits_find(b, value, first, last) == expected);
    }
}

static bool combined(enum bits_operation operation, const struct bytes *sources, size_t count,
                     uint64_t i) {
    bool bit = bit_at(sources[0], i);
    for (size_t s = 1; s < count; s++) {
        bool other = bit_at(sources[s], i);
        if (operation == BITS_AND) bit &= other;
        if (operation == BITS_OR) bit |= other;
        if (operation == BITS_XOR) bit ^= other;
    }
    return operation == BITS_NOT ? !bit : bit;
}

static void check_combine(struct random *random, size_t most, char *data, char *out) {
    struct bytes sources[4];
    enum bits_operation operation = (enum bits_operation)random_below(random, 4);
    size_t count = operation == BITS_NOT ? 1 : 1 + random_below(random, 4), size = 0;
    for (size_t s = 0; s < count; s++) {
        sources[s] = random_string(random, data + s * most, most);
        size = MAX(size, sources[s].len);
    }
    bits_combine(operation, out, size, sources, count);
    struct bytes result = bytes_make(out, size);
    for (uint64_t i = 0; i < size * 8; i++)
        assert_true(bit_at(result, i) == combined(operation, sources, count, i));
}

static void combines_like_a_loop(void **state) {
    struct random random;
    char data[4 * SIZE], out[SIZE];
    random_seed(&random, 3);
    for (int round = 0; round < 1000; round++)
        check_combine(&random, SIZE, data, out);
}

static void combines_strings_of_several_blocks(void **state) {
    enum { LARGE = 100000 };
    struct random random;
    char *data = malloc(5 * LARGE);
    assert_non_null(data);
    random_seed(&random, 4);
    for (int round = 0; round < 6; round++)
        check_combine(&random, LARGE, data, data + 4 * LARGE);
    free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_like_a_loop),
        cmocka_unit_test(finds_like_a_loop),
        cmocka_unit_test(combines_like_a_loop),
        cmocka_unit_test(combines_strings_of_several_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
