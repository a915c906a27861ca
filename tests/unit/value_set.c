/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/set.h"

#include "base/ensure.h"
#include "base/number.h"
#include "sys/memory.h"
#include "value/limits.h"
#include "value/set_integers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A set as the keyspace keeps it: its small bytes are its own. */
struct kept {
    struct value value;
    struct buffer bytes;
    bool exists;
};

static struct buffer scratch;

static void keep(struct kept *kept, const struct set_edit *edit) {
    struct value value = edit->value;
    if (!value.large) {
        buffer_clear(&kept->bytes);
        assert_true(buffer_append_bytes(&kept->bytes, value.small));
        value.small = buffer_bytes(&kept->bytes);
    }
    kept->value = value;
    kept->exists = set_length(&value) > 0;
    if (!kept->exists && value.large) value_ops(TYPE_SET)->free(value.object);
}

static void drop(struct kept *kept) {
    if (kept->exists && kept->value.large) value_ops(TYPE_SET)->free(kept->value.object);
    buffer_free(&kept->bytes);
    *kept = (struct kept){0};
}

static void begin(const struct kept *kept, struct set_edit *edit, struct bytes first) {
    if (kept->exists)
        set_edit_begin(edit, &kept->value, &scratch);
    else
        set_edit_begin_new(edit, set_form_new(first, 1), &scratch);
}

/* ---- a set against a plain array ---- */

#define NAMES 1500

/* Integers, strings of several lengths. */
static struct bytes name_of(unsigned i, char text[400]) {
    int length = snprintf(text, 400, i % 3 ? "%d" : "m%d", (int)i - 700);
    if (i % 400 == 399) memset(text + length, 'x', 300), length += 300;
    return bytes_make(text, (size_t)length);
}

/* The index of a name, from the number in it. */
static unsigned index_of(struct bytes name) {
    int64_t number;
    const char *end = memchr(name.data, 'x', name.len);
    if (end) name.len = (size_t)(end - name.data);
    if (name.data[0] == 'm') name = bytes_skip(name, 1);
    assert_true(number_parse_i64(name, &number));
    return (unsigned)(number + 700);
}

static bool note_seen(void *context, struct bytes member) {
    ((unsigned *)context)[index_of(member)]++;
    return true;
}

static void compare(const struct kept *kept, const bool *there) {
    unsigned seen[NAMES] = {0}, count = 0;
    if (kept->exists) set_each(&kept->value, note_seen, seen);
    for (unsigned i = 0; i < NAMES; i++) {
        char text[400];
        struct bytes name = name_of(i, text);
        assert_true(seen[i] == there[i]);
        assert_true((kept->exists && set_has(&kept->value, name)) == there[i]);
        count += there[i];
    }
    assert_true((kept->exists ? set_length(&kept->value) : 0) == count);
}

static void change(struct kept *kept, bool *there, unsigned i, bool add) {
    char text[400];
    struct set_edit edit;
    struct bytes name = name_of(i, text);
    if (!add && !kept->exists) return;
    begin(kept, &edit, name);
    enum set_outcome outcome = add ? set_add(&edit, name) : set_remove(&edit, name);
    assert_true(outcome == (there[i] == add ? SET_SAME : SET_DONE));
    if (outcome == SET_DONE) keep(kept, &edit);
    there[i] = add;
}

static void holds_what_a_plain_array_holds(void **state) {
    static const unsigned ranges[] = {10, 100, 300, NAMES};
    struct random random;
    random_seed(&random, 3);
    for (unsigned round = 0; round < 12; round++) {
        bool there[NAMES] = {false};
        struct kept kept = {0};
        unsigned range = ranges[round % ARRAY_LEN(ranges)];
        bool numbers = round % 3 == 0;
        for (unsigned step = 0; step < 4000; step++) {
            unsigned i = (unsigned)random_below(&random, range);
            if (numbers && i % 3 == 0) i++;
            change(&kept, there, MIN(i, NAMES - 1u), random_below(&random, 100) < 60 - step / 100);
            if (step % 500 == 0) compare(&kept, there);
        }
        compare(&kept, there);
        drop(&kept);
    }
}

/* ---- names ---- */

static const char *encoding(const struct kept *kept) {
    return value_ops(TYPE_SET)->encoding(&kept->value);
}

static void add_text(struct kept *kept, const char *format, unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++) {
        char text[400];
        struct set_edit edit;
        struct bytes name = bytes_make(text, (size_t)snprintf(text, sizeof text, format, i));
        begin(kept, &edit, name);
        assert_true(set_add(&edit, name) == SET_DONE);
        keep(kept, &edit);
    }
}

static void names_follow_the_limits(void **state) {
    struct kept kept = {0};
    add_text(&kept, "%u", 0, 512);
    assert_string_equal(encoding(&kept), "intset");
    add_text(&kept, "%u", 512, 513);
    assert_string_equal(encoding(&kept), "hashtable");
    drop(&kept);

    add_text(&kept, "%u", 0, 127);
    add_text(&kept, "m%u", 0, 1);
    assert_string_equal(encoding(&kept), "listpack");
    add_text(&kept, "m%u", 1, 2);
    assert_string_equal(encoding(&kept), "hashtable");
    drop(&kept);

    add_text(&kept, "%065u", 0, 1);
    assert_string_equal(encoding(&kept), "hashtable");
    assert_false(kept.value.large); /* a few long members are not worth a table */
    drop(&kept);

    value_limits.set_max_intset_entries = value_limits.set_max_listpack_entries = 100000;
    add_text(&kept, "%u", 0, 40000);
    assert_string_equal(encoding(&kept), "intset");
    assert_true(kept.value.large); /* but many are, whatever the limits */
    add_text(&kept, "m%u", 0, 1);
    assert_string_equal(encoding(&kept), "listpack");
    drop(&kept);
    value_limits.set_max_intset_entries = 512;
    value_limits.set_max_listpack_entries = 128;
}

static void renames_to_integers(void **state) {
    struct kept kept = {0};
    struct set_edit edit;
    set_edit_begin_new(&edit, SET_LISTPACK, &scratch);
    for (int i = 40; i > 0; i--) {
        char text[NUMBER_I64_MAX];
        assert_true(set_add(&edit, bytes_make(text, number_format_i64(text, i * i))) == SET_DONE);
    }
    assert_true(set_edit_rename(&edit, SET_INTSET));
    keep(&kept, &edit);
    assert_string_equal(encoding(&kept), "intset");
    assert_true(integers_validate(kept.value.small));
    for (uint32_t i = 0; i < 40; i++)
        assert_true(integers_at(kept.value.small, i) == (i + 1) * (i + 1));
    drop(&kept);
}

/* ---- chance ---- */

static bool take(void *context, struct bytes member) {
    ((unsigned *)context)[index_of(member)]++;
    return true;
}

/* Counts lie within 6 standard deviations of what is expected. */
static void assert_even(const unsigned *counts, unsigned count, unsigned draws) {
    double expected = (double)draws / count, spread = 36 * expected;
    for (unsigned i = 0; i < count; i++) {
        double off = counts[700 + i] - expected;
        assert_true(off * off < spread);
    }
}

static void draws_evenly(void **state) {
    static const unsigned sizes[] = {5, 100, 400, 700};
    struct random random;
    random_seed(&random, 5);
    for (unsigned s = 0; s < ARRAY_LEN(sizes); s++) {
        unsigned size = sizes[s], drawn[NAMES] = {0}, sampled[NAMES] = {0}, popped[NAMES] = {0};
        struct kept kept = {0};
        add_text(&kept, "%u", 0, size);
        for (unsigned i = 0; i < size * 200; i++) {
            char text[PACK_TEXT_MAX];
            take(drawn, set_random(&kept.value, &random, text));
        }
        assert_even(drawn, size, size * 200);
        for (unsigned i = 0; i < 2000; i++)
            assert_true(set_sample(&kept.value, size / 5, &random, take, sampled));
        assert_even(sampled, size, 2000 * (size / 5));
        drop(&kept);
        for (unsigned i = 0; i < 400; i++) { /* the first to go of many equal sets */
            struct set_edit edit;
            add_text(&kept, "%u", 0, 5);
            set_edit_begin(&edit, &kept.value, &scratch);
            assert_true(set_pop(&edit, &random, take, popped) == SET_DONE);
            keep(&kept, &edit);
            assert_true(set_length(&kept.value) == 4);
            drop(&kept);
        }
        assert_even(popped, 5, 400);
    }
}

/* ---- want of memory ---- */

static void want_of_memory_changes_nothing(void **state) {
    struct random random;
    random_seed(&random, 9);
    for (unsigned round = 0; round < 400; round++) {
        bool there[NAMES] = {false};
        struct kept kept = {0};
        unsigned range = round % 2 ? 20 : 700;
        for (unsigned i = 0; i < range / 2; i++)
            change(&kept, there, (unsigned)random_below(&random, range), true);
        for (unsigned i = 0; i < 20; i++) {
            char text[400];
            struct set_edit edit;
            unsigned index = (unsigned)random_below(&random, NAMES);
            struct bytes name = name_of(index, text);
            buffer_free(&scratch);
            begin(&kept, &edit, name);
            memory_fail_after((unsigned)random_below(&random, 4));
            enum set_outcome outcome = set_add(&edit, name);
            memory_fail_never();
            if (outcome == SET_DONE) {
                keep(&kept, &edit);
                there[index] = true;
            } else {
                set_edit_drop(&edit);
            }
        }
        compare(&kept, there);
        drop(&kept);
    }
}

static void integers_of_all_widths(void **state) {
    static const int64_t numbers[] = {0,         -1,        32767, 32768,  -32769,   INT32_MAX,
                                      INT64_MAX, INT64_MIN, 7,     -40000, 1ll << 40};
    struct buffer set = {0};
    assert_true(integers_init(&set));
    for (unsigned i = 0; i < ARRAY_LEN(numbers); i++) {
        uint32_t index;
        assert_false(integers_find(buffer_bytes(&set), numbers[i], &index));
        assert_true(integers_insert(&set, index, numbers[i]));
        for (unsigned j = 0; j <= i; j++)
            assert_true(integers_find(buffer_bytes(&set), numbers[j], &index));
        assert_true(integers_validate(buffer_bytes(&set)));
    }
    for (unsigned i = 0; i < ARRAY_LEN(numbers); i++) {
        uint32_t index;
        assert_true(integers_find(buffer_bytes(&set), numbers[i], &index));
        integers_remove(&set, index);
        assert_true(integers_validate(buffer_bytes(&set)));
    }
    assert_false(integers_validate(bytes_make(set.data, 7)));
    assert_true(integers_count(buffer_bytes(&set)) == 0);
    buffer_free(&set);
}

static int free_scratch(void **state) {
    buffer_free(&scratch);
    return 0;
}

int main(void) {
    set_register();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_a_plain_array_holds),
        cmocka_unit_test(names_follow_the_limits),
        cmocka_unit_test(renames_to_integers),
        cmocka_unit_test(draws_evenly),
        cmocka_unit_test(want_of_memory_changes_nothing),
        cmocka_unit_test(integers_of_all_widths),
    };
    return cmocka_run_group_tests(tests, NULL, free_scratch);
}
