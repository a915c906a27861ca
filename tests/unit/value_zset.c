/* SPDX-License-Identifier: BSD-3-Clause */
#include "value/zset.h"

#include "base/ensure.h"
#include "base/random.h"
#include "sys/memory.h"
#include "value/limits.h"
#include "value/zset_build.h"
#include "value/zset_priv.h"
#include "value/zset_range.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- the model: an array in order ---- */

#define MODEL_MAX 2000
#define NAME_SIZE 320

struct element {
    double score;
    size_t size;
    char name[NAME_SIZE];
};

struct model {
    struct element elements[MODEL_MAX];
    unsigned count;
};

static struct bytes name_of(const struct element *element) {
    return bytes_make(element->name, element->size);
}

static int compare(const void *one, const void *other) {
    const struct element *a = one, *b = other;
    if (a->score != b->score) return a->score < b->score ? -1 : 1;
    return bytes_compare(name_of(a), name_of(b));
}

static void model_sort(struct model *model) {
    qsort(model->elements, model->count, sizeof *model->elements, compare);
}

static struct element *model_find(struct model *model, struct bytes name) {
    for (unsigned i = 0; i < model->count; i++)
        if (bytes_equal(name_of(&model->elements[i]), name)) return &model->elements[i];
    return NULL;
}

static void model_set(struct model *model, struct bytes name, double score) {
    struct element *element = model_find(model, name);
    if (!element) {
        element = &model->elements[model->count++];
        element->size = name.len;
        memcpy(element->name, name.data, name.len);
    }
    element->score = score;
    model_sort(model);
}

static void model_remove(struct model *model, unsigned first, unsigned end) {
    memmove(&model->elements[first], &model->elements[end],
            (model->count - end) * sizeof *model->elements);
    model->count -= end - first;
}

/* ---- a set as the keyspace keeps it: its small bytes are its own ---- */

struct kept {
    struct value value;
    struct buffer bytes;
    bool exists;
};

static struct buffer scratch;

static void keep(struct kept *kept, const struct zset_edit *edit) {
    struct value value = edit->value;
    if (!value.large) {
        buffer_clear(&kept->bytes);
        assert_true(buffer_append_bytes(&kept->bytes, value.small));
        value.small = buffer_bytes(&kept->bytes);
    }
    kept->value = value;
    kept->exists = zset_count(&value) > 0;
    if (!kept->exists && value.large) zset_large_free(value.object);
}

static void drop(struct kept *kept) {
    if (kept->exists && kept->value.large) zset_large_free(kept->value.object);
    buffer_free(&kept->bytes);
    *kept = (struct kept){0};
}

static void begin(const struct kept *kept, struct zset_edit *edit) {
    assert_true(zset_edit_begin(edit, kept->exists ? &kept->value : NULL, &scratch));
}

/* ---- do they hold the same ---- */

static size_t block_size(const void *block) {
    return members_name_size(members_name(block).len) + sizeof(double);
}

static void check_large(const struct zset *set) {
    arena_check(&set->members.arena, block_size);
    table_check(&set->members.table);
    tree_check(&set->tree);
    assert_true(set->tree.count == set->members.table.count);
}

static void check_walk(const struct model *model, const struct value *set, uint64_t from,
                       bool reverse) {
    struct zset_cursor cursor;
    struct zset_item item;
    zset_seek(&cursor, set, from, reverse);
    for (unsigned i = (unsigned)from; i < model->count; i = reverse ? i - 1 : i + 1) {
        assert_true(zset_next(&cursor, &item));
        assert_true(bytes_equal(item.member, name_of(&model->elements[i])));
        assert_true(item.score == model->elements[i].score);
    }
    assert_false(zset_next(&cursor, &item));
}

static void check_same(const struct model *model, const struct kept *kept) {
    struct value set = kept->exists ? kept->value : zset_empty();
    assert_true(zset_count(&set) == model->count);
    if (kept->exists && set.large) check_large(set.object);
    if (set.large) assert_true(zset_is_skiplist(&set));
    check_walk(model, &set, 0, false);
    if (model->count) check_walk(model, &set, model->count - 1, true);
    for (unsigned i = 0; i < model->count; i += 7) {
        uint64_t rank;
        double score;
        assert_true(zset_rank(&set, name_of(&model->elements[i]), &rank, &score));
        assert_true(rank == i && score == model->elements[i].score);
        assert_true(zset_score(&set, name_of(&model->elements[i]), &score));
        assert_true(score == model->elements[i].score);
    }
}

static bool in_scores(const struct zset_scores *limits, double score) {
    return (limits->low_open ? score > limits->low : score >= limits->low) &&
           (limits->high_open ? score < limits->high : score <= limits->high);
}

static void check_ranges(struct random *random, const struct model *model,
                         const struct value *set) {
    struct zset_scores limits = {.low = (double)random_below(random, 40) - 20,
                                 .high = (double)random_below(random, 40) - 20,
                                 .low_open = random_below(random, 2),
                                 .high_open = random_below(random, 2)};
    struct zset_ranks ranks = zset_ranks_of_scores(set, &limits);
    unsigned count = 0;
    for (unsigned i = 0; i < model->count; i++) {
        bool inside = in_scores(&limits, model->elements[i].score);
        if (inside) assert_true(i >= ranks.first && i < ranks.end);
        count += inside;
    }
    assert_true(ranks.end - ranks.first == count);
}

/* ---- random commands ---- */

static double random_score(struct random *random) {
    switch (random_below(random, 8)) {
    case 0: return INFINITY;
    case 1: return -INFINITY;
    case 2: return random_double(random) * 100 - 50;
    case 3: return (double)random_next(random);
    default: return (double)random_below(random, 30) - 15;
    }
}

/* Few of them, so that they meet; some are integers, or too long for a "listpack". */
static struct bytes random_name(struct random *random, unsigned names, char out[NAME_SIZE]) {
    unsigned n = (unsigned)random_below(random, names);
    const char *format = n % 3 == 0 ? "%u" : "member:%u";
    size_t size = (size_t)snprintf(out, NAME_SIZE, format, n);
    if (n % 41 == 40) {
        memset(out + size, 'x', 260);
        size += 260;
    }
    return bytes_make(out, size);
}

static void add_one(struct random *random, struct model *model, struct kept *kept, unsigned names) {
    char text[NAME_SIZE];
    struct bytes name = random_name(random, names, text);
    const struct element *there = model_find(model, name);
    static const unsigned choices[] = {0, 0, 0, ZSET_NX, ZSET_XX, ZSET_GT, ZSET_LT, ZSET_INCR};
    unsigned flags = choices[random_below(random, ARRAY_LEN(choices))];
    double score = random_score(random), result = score, wanted = score;
    if (there && flags == ZSET_INCR) wanted += there->score;
    bool refused = there ? flags == ZSET_NX || (flags == ZSET_GT && wanted <= there->score) ||
                               (flags == ZSET_LT && wanted >= there->score)
                         : flags == ZSET_XX;
    struct zset_edit edit;
    begin(kept, &edit);
    enum zset_outcome outcome = zset_add(&edit, name, &result, flags);
    if (isnan(wanted)) {
        assert_true(outcome == ZSET_NAN);
    } else if (refused) {
        assert_true(outcome == ZSET_REFUSED);
    } else {
        enum zset_outcome right = !there                   ? ZSET_ADDED
                                  : there->score == wanted ? ZSET_SAME
                                                           : ZSET_UPDATED;
        assert_true(outcome == right && result == wanted);
        model_set(model, name, wanted);
    }
    keep(kept, &edit);
}

static void remove_one(struct random *random, struct model *model, struct kept *kept,
                       unsigned names) {
    char text[NAME_SIZE];
    struct bytes name = random_name(random, names, text);
    struct element *there = model_find(model, name);
    struct zset_edit edit;
    begin(kept, &edit);
    assert_true(zset_remove(&edit, name) == (there != NULL));
    if (there) {
        unsigned i = (unsigned)(there - model->elements);
        model_remove(model, i, i + 1);
    }
    keep(kept, &edit);
}

static void remove_some(struct random *random, struct model *model, struct kept *kept) {
    unsigned first = (unsigned)random_below(random, model->count + 1);
    unsigned end = first + (unsigned)random_below(random, MIN(model->count - first, 60u) + 1);
    struct zset_edit edit;
    begin(kept, &edit);
    zset_remove_ranks(&edit, first, end);
    model_remove(model, first, end);
    keep(kept, &edit);
}

static void behaves_like_an_array(unsigned names, unsigned steps, uint64_t seed) {
    struct random random;
    struct model *model = calloc(1, sizeof *model);
    struct kept kept = {0};
    assert_non_null(model);
    random_seed(&random, seed);
    for (unsigned step = 0; step < steps; step++) {
        uint64_t dice = random_below(&random, 100);
        if (dice < (step / 1000 % 2 ? 35 : 75))
            add_one(&random, model, &kept, names);
        else if (dice < 98)
            remove_one(&random, model, &kept, names);
        else
            remove_some(&random, model, &kept);
        if (step % 100 == 0) check_same(model, &kept);
        if (kept.exists) check_ranges(&random, model, &kept.value);
    }
    check_same(model, &kept);
    drop(&kept);
    buffer_free(&scratch);
    free(model);
}

static void small_behaves_like_an_array(void **state) {
    behaves_like_an_array(100, 6000, 1);
}

static void large_behaves_like_an_array(void **state) {
    behaves_like_an_array(1500, 10000, 2);
}

/* ---- forms ---- */

static struct value add_to_new(struct kept *kept, const char *const *names, unsigned count,
                               double score) {
    for (unsigned i = 0; i < count; i++) {
        struct zset_edit edit;
        begin(kept, &edit);
        assert_true(zset_add(&edit, bytes_of(names[i]), &score, 0) == ZSET_ADDED);
        keep(kept, &edit);
    }
    return kept->value;
}

static void a_long_member_changes_the_name_alone(void **state) {
    char text[101] = {0};
    memset(text, 'x', 100);
    const char *names[] = {"a", text, "b"};
    struct kept kept = {0};
    struct value set = add_to_new(&kept, names, 1, -0.0);
    assert_string_equal(value_ops(TYPE_ZSET)->encoding(&set), "listpack");
    set = add_to_new(&kept, names + 1, 2, -0.0);
    assert_string_equal(value_ops(TYPE_ZSET)->encoding(&set), "skiplist");
    assert_false(set.large);
    double score;
    assert_true(zset_score(&set, BYTES("a"), &score) && !signbit(score));
    assert_true(zset_score(&set, BYTES("b"), &score) && signbit(score));
    drop(&kept);
}

static void many_members_make_it_large(void **state) {
    struct kept kept = {0};
    struct zset_edit edit;
    char name[16];
    for (unsigned i = 0; i < 129; i++) {
        double score = i;
        size_t size = (size_t)snprintf(name, sizeof name, "%u", i);
        begin(&kept, &edit);
        zset_add(&edit, bytes_make(name, size), &score, 0);
        keep(&kept, &edit);
        assert_true(kept.value.large == (i >= 128));
    }
    drop(&kept);
    assert_true(zset_edit_begin(&edit, NULL, &scratch));
    assert_true(zset_edit_expect(&edit, 129, 1) && edit.value.large && edit.owned);
    zset_edit_drop(&edit);
    buffer_free(&scratch);
}

static void copies_are_equal(void **state) {
    struct random random;
    struct model *model = calloc(1, sizeof *model);
    struct kept kept = {0}, copy = {0};
    random_seed(&random, 3);
    while (model->count < 1000)
        add_one(&random, model, &kept, 1500);
    copy.value = kept.value;
    copy.value.object = zset_large_copy(kept.value.object);
    copy.exists = true;
    assert_non_null(copy.value.object);
    check_same(model, &copy);
    drop(&copy);
    drop(&kept);
    buffer_free(&scratch);
    free(model);
}

static void fill(struct zset_edit *edit, unsigned count) {
    char name[32];
    for (unsigned i = 0; i < count; i++) {
        double score = i % 100; /* many with the same */
        size_t size = (size_t)snprintf(name, sizeof name, "member:%u", i);
        assert_true(zset_add(edit, bytes_make(name, size), &score, 0) == ZSET_ADDED);
    }
}

static void memory_comes_back(void **state) {
    struct zset_edit edit;
    char name[32];
    assert_true(zset_edit_begin(&edit, NULL, &scratch));
    fill(&edit, 30000);
    size_t full = value_ops(TYPE_ZSET)->memory(edit.value.object);
    for (unsigned i = 0; i < 30000; i++) {
        size_t size = (size_t)snprintf(name, sizeof name, "member:%u", i);
        if (i % 4) assert_true(zset_remove(&edit, bytes_make(name, size)));
    }
    check_large(edit.value.object);
    assert_true(value_ops(TYPE_ZSET)->memory(edit.value.object) < full * 2 / 5);
    while (zset_count(&edit.value) > 200)
        zset_remove_ranks(&edit, 30, 130);
    check_large(edit.value.object);
    assert_true(value_ops(TYPE_ZSET)->memory(edit.value.object) < full / 20);
    zset_edit_drop(&edit);
    buffer_free(&scratch);
}

/* ---- without memory ---- */

/* Each attempt fails one allocation later; whatever failed has changed nothing. */
static void lack_of_memory_changes_nothing(void **state) {
    struct random random;
    struct model *model = calloc(1, sizeof *model);
    struct kept kept = {0};
    random_seed(&random, 4);
    for (unsigned step = 0; step < 1200; step++) {
        char text[NAME_SIZE];
        struct bytes name = random_name(&random, 1200, text);
        double score = random_score(&random);
        for (unsigned countdown = 0;; countdown++) {
            struct zset_edit edit;
            double result = score;
            begin(&kept, &edit);
            memory_fail_after(countdown);
            enum zset_outcome outcome = zset_add(&edit, name, &result, 0);
            memory_fail_never();
            if (outcome != ZSET_NO_MEMORY) {
                model_set(model, name, score);
                keep(&kept, &edit);
                break;
            }
            zset_edit_drop(&edit);
        }
        if (step % 50 == 0) check_same(model, &kept);
    }
    check_same(model, &kept);
    drop(&kept);
    buffer_free(&scratch);
    free(model);
}

/* ---- limits and builders ---- */

static void limits_are_read(void **state) {
    struct zset_scores scores;
    assert_true(zset_parse_scores(BYTES("(1.5"), BYTES("+inf"), &scores));
    assert_true(scores.low == 1.5 && scores.low_open && isinf(scores.high) && !scores.high_open);
    assert_true(zset_parse_scores(BYTES(""), BYTES("1e400"), &scores));
    assert_true(scores.low == 0 && isinf(scores.high));
    static const char *const wrong[] = {"x", " 1", "1 ", "nan", "((1", "0x10", "1e", "+-1"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(zset_parse_scores(bytes_of(wrong[i]), BYTES("1"), &scores));
    struct zset_names names;
    assert_true(zset_parse_names(BYTES("[a"), BYTES("(b"), &names));
    assert_true(names.low.edge == ZSET_NAME && !names.low.open && names.high.open);
    assert_true(zset_parse_names(BYTES("-"), BYTES("+"), &names));
    assert_true(names.low.edge == ZSET_FIRST && names.high.edge == ZSET_LAST);
    assert_false(zset_parse_names(BYTES("a"), BYTES("+"), &names));
    assert_false(zset_parse_names(BYTES("-a"), BYTES("+"), &names));
    assert_false(zset_parse_names(BYTES(""), BYTES("+"), &names));
}

static void build(unsigned names, unsigned elements, enum zset_aggregate how, uint64_t seed) {
    struct random random;
    struct model *model = calloc(1, sizeof *model);
    struct zset_builder builder = {0};
    random_seed(&random, seed);
    for (unsigned i = 0; i < elements; i++) {
        char text[NAME_SIZE];
        struct bytes name = random_name(&random, names, text);
        double score = random_score(&random);
        const struct element *there = model_find(model, name);
        assert_true(zset_builder_merge(&builder, name, score, how));
        model_set(model, name, there ? zset_aggregate(how, there->score, score) : score);
    }
    zset_builder_sort(&builder);
    struct kept kept = {.exists = true};
    assert_true(zset_builder_value(&builder, &kept.bytes, &kept.value));
    check_same(model, &kept);
    zset_builder_free(&builder);
    drop(&kept);
    free(model);
}

static void builds_like_an_array(void **state) {
    for (unsigned how = ZSET_SUM; how <= ZSET_MAX; how++) {
        build(20, 50, (enum zset_aggregate)how, 10 + how);
        build(60, 200, (enum zset_aggregate)how, 20 + how);
        build(1500, 4000, (enum zset_aggregate)how, 30 + how);
    }
}

static void infinities_sum_up_to_nothing(void **state) {
    assert_true(zset_aggregate(ZSET_SUM, INFINITY, -INFINITY) == 0);
    assert_true(zset_aggregate(ZSET_MIN, 2, NAN) == 2);
    assert_true(zset_aggregate(ZSET_MAX, 2, NAN) == 2);
}

static int register_type(void **state) {
    zset_register();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_behaves_like_an_array),
        cmocka_unit_test(large_behaves_like_an_array),
        cmocka_unit_test(a_long_member_changes_the_name_alone),
        cmocka_unit_test(many_members_make_it_large),
        cmocka_unit_test(copies_are_equal),
        cmocka_unit_test(memory_comes_back),
        cmocka_unit_test(lack_of_memory_changes_nothing),
        cmocka_unit_test(limits_are_read),
        cmocka_unit_test(builds_like_an_array),
        cmocka_unit_test(infinities_sum_up_to_nothing),
    };
    return cmocka_run_group_tests(tests, register_type, NULL);
}
