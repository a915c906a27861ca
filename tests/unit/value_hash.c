/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/hash.h"

#include "base/ensure.h"
#include "base/number.h"
#include "sys/memory.h"
#include "value/hash_large.h"
#include "value/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FIELDS 1200
#define START  1700000000000ll

/* A hash as the keyspace keeps it, and what must be in it. */
struct kept {
    struct value value;
    struct buffer bytes;
    bool exists;
    int64_t now_ms;
    struct expected {
        bool there;
        int value; /* which of the values */
        int64_t deadline;
    } expected[FIELDS];
};

static struct buffer scratch;

static void store(struct kept *kept, struct hash_edit *edit) {
    assert_true(hash_edit_end(edit));
    struct value value = edit->value;
    if (!value.large && value.small.data != kept->bytes.data) {
        buffer_clear(&kept->bytes);
        assert_true(buffer_append_bytes(&kept->bytes, value.small));
        value.small = buffer_bytes(&kept->bytes);
    }
    kept->value = value;
    kept->exists = hash_length(&value) > 0;
    if (!kept->exists && value.large) hash_large_free(value.object);
}

static void drop(struct kept *kept) {
    if (kept->exists && kept->value.large) hash_large_free(kept->value.object);
    buffer_free(&kept->bytes);
    *kept = (struct kept){.now_ms = START};
}

static void begin(const struct kept *kept, struct hash_edit *edit) {
    hash_edit_begin(edit, kept->exists ? &kept->value : NULL, &scratch, kept->now_ms);
}

static struct bytes field_of(unsigned i, char text[400]) {
    int length = snprintf(text, 400, i % 2 ? "f%u" : "%u", i);
    if (i % 300 == 299) memset(text + length, 'x', 300), length += 300;
    return bytes_make(text, (size_t)length);
}

/* Values of all sizes at which blocks and packs are laid out differently. */
static struct bytes value_of(int i, char text[400]) {
    static const int sizes[] = {0, 1, 20, 63, 64, 250, 251, 255, 256, 300};
    if (i < 1000) return bytes_make(text, (size_t)snprintf(text, 400, "%d", i));
    memset(text, 'a' + i % 26, 400);
    return bytes_make(text, (size_t)sizes[i % (int)ARRAY_LEN(sizes)]);
}

/* The number in a field's name, whatever follows it. */
static unsigned index_of(struct bytes field) {
    unsigned n = 0;
    for (size_t i = field.data[0] == 'f'; i < field.len && field.data[i] != 'x'; i++)
        n = n * 10 + (unsigned)(field.data[i] - '0');
    return n;
}

static bool is_alive(const struct kept *kept, unsigned i) {
    const struct expected *e = &kept->expected[i];
    return e->there && (e->deadline == HASH_STAYS || kept->now_ms <= e->deadline);
}

struct comparing {
    const struct kept *kept;
    unsigned seen[FIELDS];
};

static bool compare_field(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    struct comparing *comparing = context;
    unsigned i = index_of(field);
    char text[400];
    comparing->seen[i]++;
    assert_true(bytes_equal(value, value_of(comparing->kept->expected[i].value, text)));
    assert_true(deadline == comparing->kept->expected[i].deadline);
    return true;
}

static void compare(const struct kept *kept) {
    static struct comparing comparing;
    memset(&comparing, 0, sizeof comparing);
    comparing.kept = kept;
    unsigned all = 0, alive = 0;
    if (kept->exists) hash_each(&kept->value, kept->now_ms, compare_field, &comparing);
    for (unsigned i = 0; i < FIELDS; i++) {
        char text[400], value[400];
        struct hash_item item;
        struct bytes field = field_of(i, text);
        bool found = kept->exists && hash_get(&kept->value, field, kept->now_ms, &item);
        assert_true(found == is_alive(kept, i) && comparing.seen[i] == is_alive(kept, i));
        if (found) {
            assert_true(bytes_equal(item.value, value_of(kept->expected[i].value, value)));
            assert_true(item.deadline == kept->expected[i].deadline);
        }
        all += kept->expected[i].there;
        alive += is_alive(kept, i);
    }
    assert_true((kept->exists ? hash_length(&kept->value) : 0) == all);
    assert_true((kept->exists ? hash_count_alive(&kept->value, kept->now_ms) : 0) == alive);
    if (kept->exists && kept->value.large) {
        const struct hash_large *large = kept->value.object;
        unsigned timed = 0;
        for (unsigned i = 0; i < FIELDS; i++)
            timed += kept->expected[i].there && kept->expected[i].deadline != HASH_STAYS;
        assert_true(large->with_deadline == timed);
        table_check(&large->members.table);
    }
}

/* ---- steps ---- */

static void set(struct kept *kept, unsigned i, int value, int64_t deadline) {
    char text[400], value_text[400];
    struct hash_edit edit;
    struct expected *e = &kept->expected[i];
    bool alive = is_alive(kept, i);
    begin(kept, &edit);
    enum hash_outcome outcome =
        hash_set(&edit, field_of(i, text), value_of(value, value_text), deadline);
    assert_true(outcome == (alive ? HASH_CHANGED : HASH_ADDED));
    assert_true(edit.revived == (e->there && !alive));
    store(kept, &edit);
    if (deadline == HASH_KEEPS) deadline = alive ? e->deadline : HASH_STAYS;
    *e = (struct expected){true, value, deadline};
}

static void set_deadline(struct kept *kept, unsigned i, int64_t deadline) {
    char text[400];
    struct hash_edit edit;
    bool alive = is_alive(kept, i);
    if (!kept->exists) return;
    begin(kept, &edit);
    enum hash_outcome outcome = hash_set_deadline(&edit, field_of(i, text), deadline);
    assert_true(outcome == (alive ? HASH_CHANGED : HASH_ABSENT));
    store(kept, &edit);
    if (alive) kept->expected[i].deadline = deadline;
}

static void remove_one(struct kept *kept, unsigned i) {
    char text[400];
    struct hash_edit edit;
    bool alive = is_alive(kept, i);
    if (!kept->exists) return;
    begin(kept, &edit);
    assert_true(hash_remove(&edit, field_of(i, text)) == (alive ? HASH_CHANGED : HASH_ABSENT));
    store(kept, &edit);
    if (alive) kept->expected[i] = (struct expected){.deadline = HASH_STAYS};
}

static bool note_expired(void *context, struct bytes field) {
    struct kept *kept = context;
    unsigned i = index_of(field);
    assert_true(kept->expected[i].there && !is_alive(kept, i));
    kept->expected[i] = (struct expected){.deadline = HASH_STAYS};
    return true;
}

/* As the keyspace does it: until nothing is due. What is due by less than a moment may stay. */
#define MOMENT_MS 256
static void expire_all(struct kept *kept) {
    const struct value_ops *ops = value_ops(TYPE_HASH);
    for (unsigned i = 0; kept->exists && ops->deadline(&kept->value) < kept->now_ms; i++) {
        struct value value = kept->value;
        ops->expire(&value, kept->now_ms, 50, &scratch, note_expired, kept);
        struct hash_edit edit;
        hash_edit_begin(&edit, &value, &scratch, kept->now_ms);
        store(kept, &edit);
        assert_true(i < 200);
    }
    for (unsigned i = 0; i < FIELDS; i++) {
        const struct expected *e = &kept->expected[i];
        assert_true(e->there == is_alive(kept, i) || e->deadline > kept->now_ms - MOMENT_MS);
    }
}

static int64_t some_time(const struct kept *kept, struct random *random) {
    static const uint64_t spans[] = {100, 10000, 1000000, 100000000};
    return kept->now_ms + 1 +
           (int64_t)random_below(random, spans[random_below(random, ARRAY_LEN(spans))]);
}

static void step(struct kept *kept, struct random *random, unsigned range, bool timed) {
    unsigned i = (unsigned)random_below(random, range);
    int value = (int)random_below(random, 1100);
    uint64_t dice = random_below(random, timed ? 100 : 60);
    if (dice < 40)
        set(kept, i, value, random_below(random, 4) ? HASH_STAYS : HASH_KEEPS);
    else if (dice < 60)
        remove_one(kept, i);
    else if (dice < 75)
        set(kept, i, value, some_time(kept, random));
    else if (dice < 90)
        set_deadline(kept, i, random_below(random, 4) ? some_time(kept, random) : HASH_STAYS);
    else
        kept->now_ms += (int64_t)random_below(random, random_below(random, 50) ? 300 : 5000000);
}

static void holds_what_a_plain_array_holds(void **state) {
    static const unsigned ranges[] = {10, 100, 600, FIELDS};
    static struct kept kept;
    struct random random;
    random_seed(&random, 3);
    for (unsigned round = 0; round < 16; round++) {
        kept.now_ms = START;
        for (unsigned i = 0; i < FIELDS; i++)
            kept.expected[i].deadline = HASH_STAYS;
        for (unsigned n = 0; n < 3000; n++) {
            step(&kept, &random, ranges[round % ARRAY_LEN(ranges)], round >= 4);
            if (n % 700 == 0) expire_all(&kept);
            if (n % 500 == 0) compare(&kept);
        }
        compare(&kept);
        drop(&kept);
    }
}

static void copies(void **state) {
    static struct kept kept, copy;
    struct random random;
    random_seed(&random, 4);
    kept.now_ms = START;
    for (unsigned i = 0; i < FIELDS; i++)
        kept.expected[i].deadline = HASH_STAYS;
    for (unsigned n = 0; n < 4000; n++)
        step(&kept, &random, FIELDS, true);
    assert_true(kept.value.large);
    copy = kept;
    copy.bytes = (struct buffer){0};
    copy.value.object = value_ops(TYPE_HASH)->copy(kept.value.object);
    assert_non_null(copy.value.object);
    compare(&copy);
    copy.now_ms += 200000000;
    expire_all(&copy);
    compare(&copy);
    compare(&kept);
    drop(&copy);
    drop(&kept);
}

/* ---- names and forms ---- */

static void names_follow_the_limits(void **state) {
    static struct kept kept;
    const struct value_ops *ops = value_ops(TYPE_HASH);
    kept.now_ms = START;
    for (unsigned i = 0; i < FIELDS; i++)
        kept.expected[i].deadline = HASH_STAYS;
    for (unsigned i = 0; i < 513; i++) {
        assert_true(!kept.exists || !strcmp(ops->encoding(&kept.value), "listpack"));
        set(&kept, i == 299 ? 600 : i, 7, HASH_STAYS);
    }
    assert_string_equal(ops->encoding(&kept.value), "hashtable");
    assert_true(kept.value.large);
    drop(&kept);

    kept.expected[1].deadline = kept.expected[2].deadline = HASH_STAYS;
    set(&kept, 1, 7, HASH_STAYS);
    set_deadline(&kept, 1, START + 1000);
    assert_string_equal(ops->encoding(&kept.value), "hashtable");
    assert_true(!kept.value.large && hash_has_deadlines(&kept.value));
    assert_true(ops->deadline(&kept.value) == START + 1000);
    set_deadline(&kept, 1, HASH_STAYS);
    assert_false(hash_has_deadlines(&kept.value));
    assert_string_equal(ops->encoding(&kept.value), "hashtable");
    drop(&kept);
}

/* ---- chance ---- */

static bool take(void *context, struct bytes field, struct bytes value, int64_t deadline) {
    ((unsigned *)context)[index_of(field)]++;
    return true;
}

/* Every third field has expired. */
static void fill(struct kept *kept, unsigned count) {
    kept->now_ms = START;
    for (unsigned i = 0; i < FIELDS; i++)
        kept->expected[i].deadline = HASH_STAYS;
    for (unsigned i = 0; i < count; i++)
        set(kept, i, 1, i % 3 ? HASH_STAYS : START + 10);
    kept->now_ms += 20;
}

static void assert_even(const unsigned *counts, unsigned count, double expected) {
    for (unsigned i = 0; i < count; i++) {
        double off = counts[i] - expected;
        assert_true(i % 3 ? off * off < 36 * expected : counts[i] == 0);
    }
}

static void draws_evenly_what_has_not_expired(void **state) {
    static const unsigned sizes[] = {9, 90, 900};
    static struct kept kept;
    struct random random;
    random_seed(&random, 6);
    for (unsigned s = 0; s < ARRAY_LEN(sizes); s++) {
        unsigned size = sizes[s], alive = size / 3 * 2;
        unsigned one[FIELDS] = {0}, repeated[FIELDS] = {0}, sampled[FIELDS] = {0};
        fill(&kept, size);
        for (unsigned i = 0; i < alive * 100; i++)
            assert_true(hash_random(&kept.value, kept.now_ms, &random, take, one));
        assert_even(one, size, 100);
        assert_true(hash_repeat(&kept.value, alive * 100, kept.now_ms, &random, take, repeated));
        assert_even(repeated, size, 100);
        for (unsigned i = 0; i < 500; i++)
            assert_true(hash_sample(&kept.value, alive / 3, kept.now_ms, &random, take, sampled));
        assert_even(sampled, size, 500.0 * (alive / 3) / alive);
        kept.now_ms = START;
        drop(&kept);
    }
}

static void draws_the_last_one_left(void **state) {
    static struct kept kept;
    unsigned drawn[FIELDS] = {0};
    struct random random;
    random_seed(&random, 8);
    kept.now_ms = START;
    for (unsigned i = 0; i < FIELDS; i++)
        kept.expected[i].deadline = HASH_STAYS;
    for (unsigned i = 0; i < 1000; i++)
        set(&kept, i, 1, START + 10);
    kept.now_ms += 20;
    assert_false(hash_random(&kept.value, kept.now_ms, &random, take, drawn));
    assert_true(hash_repeat(&kept.value, 1000, kept.now_ms, &random, take, drawn));
    assert_true(drawn[500] == 0);
    set(&kept, 500, 1, HASH_STAYS);
    assert_true(hash_random(&kept.value, kept.now_ms, &random, take, drawn));
    assert_true(hash_repeat(&kept.value, 1000, kept.now_ms, &random, take, drawn));
    assert_true(drawn[500] == 1001);
    drop(&kept);
}

/* ---- want of memory ---- */

static void want_of_memory_changes_nothing(void **state) {
    static struct kept kept;
    struct random random;
    random_seed(&random, 9);
    for (unsigned round = 0; round < 300; round++) {
        kept.now_ms = START;
        for (unsigned i = 0; i < FIELDS; i++)
            kept.expected[i].deadline = HASH_STAYS;
        for (unsigned n = 0; n < 300; n++)
            step(&kept, &random, round % 2 ? 20 : FIELDS, true);
        for (unsigned n = 0; n < 20; n++) {
            char text[400], value_text[400];
            struct hash_edit edit;
            unsigned i = (unsigned)random_below(&random, FIELDS);
            int value = (int)random_below(&random, 1100);
            int64_t deadline = n % 2 ? HASH_STAYS : some_time(&kept, &random);
            buffer_free(&scratch);
            begin(&kept, &edit);
            memory_fail_after((unsigned)random_below(&random, 4));
            enum hash_outcome outcome =
                hash_set(&edit, field_of(i, text), value_of(value, value_text), deadline);
            memory_fail_never();
            if (outcome == HASH_NO_MEMORY) {
                hash_edit_drop(&edit);
            } else {
                store(&kept, &edit);
                kept.expected[i] = (struct expected){true, value, deadline};
            }
        }
        compare(&kept);
        drop(&kept);
    }
}

static int free_scratch(void **state) {
    buffer_free(&scratch);
    return 0;
}

int main(void) {
    hash_register();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_a_plain_array_holds),
        cmocka_unit_test(copies),
        cmocka_unit_test(names_follow_the_limits),
        cmocka_unit_test(draws_evenly_what_has_not_expired),
        cmocka_unit_test(draws_the_last_one_left),
        cmocka_unit_test(want_of_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, free_scratch);
}
