/* SPDX-License-Identifier: BSD-3-Clause */
#include "ds/tree.h"

#include "base/random.h"
#include "sys/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- the three ways that trees are used ---- */

struct scored {
    double score;
    uint32_t tie;
} __attribute__((packed, aligned(4)));

/* Large, for many leaves. */
struct chunk {
    uint64_t id;
    uint32_t elements;
    char rest[52];
};

struct entry {
    uint64_t id[2];
    uint64_t payload;
};

static uint64_t chunk_weight(const void *item) {
    return ((const struct chunk *)item)->elements;
}

static const struct tree_kind scored_kind = {sizeof(struct scored), sizeof(struct scored), NULL};
static const struct tree_kind chunk_kind = {sizeof(struct chunk), 0, chunk_weight};
static const struct tree_kind entry_kind = {sizeof(struct entry), sizeof(uint64_t[2]), NULL};

static int compare_scored(const void *context, const void *probe, const void *key) {
    const struct scored *a = probe, *b = key;
    if (a->score != b->score) return a->score < b->score ? -1 : 1;
    return (a->tie > b->tie) - (a->tie < b->tie);
}

static int compare_score(const void *context, const void *probe, const void *key) {
    double a = *(const double *)probe, b = ((const struct scored *)key)->score;
    return (a > b) - (a < b);
}

static int compare_entry(const void *context, const void *probe, const void *key) {
    const uint64_t *a = probe, *b = key;
    if (a[0] != b[0]) return a[0] < b[0] ? -1 : 1;
    return (a[1] > b[1]) - (a[1] < b[1]);
}

/* ---- the model: an array ---- */

#define MODEL_MAX 20000

struct model {
    char *items; /* MODEL_MAX + 1 of them */
    size_t size, count;
};

struct pair {
    struct tree tree;
    struct model model;
    struct random random;
};

static void pair_init(struct pair *pair, const struct tree_kind *kind, uint64_t seed) {
    tree_init(&pair->tree, kind);
    pair->model =
        (struct model){malloc((MODEL_MAX + 1) * (size_t)kind->item_size), kind->item_size, 0};
    random_seed(&pair->random, seed);
}

static void pair_free(struct pair *pair) {
    tree_clear(&pair->tree, NULL, NULL);
    tree_check(&pair->tree);
    free(pair->model.items);
}

static void *model_at(const struct model *model, size_t index) {
    return model->items + index * model->size;
}

static void model_insert(struct model *model, size_t index, const void *item) {
    memmove(model_at(model, index + 1), model_at(model, index),
            (model->count - index) * model->size);
    memcpy(model_at(model, index), item, model->size);
    model->count++;
}

static void model_remove(struct model *model, size_t index, size_t count) {
    memmove(model_at(model, index), model_at(model, index + count),
            (model->count - index - count) * model->size);
    model->count -= count;
}

static uint64_t model_weight(const struct pair *pair, size_t index) {
    const struct tree_kind *kind = pair->tree.kind;
    return kind->weight ? kind->weight(model_at(&pair->model, index)) : 1;
}

static uint64_t model_rank(const struct pair *pair, size_t index) {
    uint64_t rank = 0;
    for (size_t i = 0; i < index; i++)
        rank += model_weight(pair, i);
    return rank;
}

/* The cursor is where the model's index is. */
static void assert_at(struct pair *pair, struct tree_cursor *cursor, size_t index) {
    assert_int_equal(tree_rank(cursor), model_rank(pair, index));
    const void *item = tree_item(cursor);
    if (index == pair->model.count)
        assert_null(item);
    else
        assert_memory_equal(item, model_at(&pair->model, index), pair->model.size);
    assert_int_equal(tree_rank(cursor), model_rank(pair, index));
}

static void assert_same(struct pair *pair) {
    struct tree_cursor cursor;
    size_t i = 0;
    tree_check(&pair->tree);
    assert_int_equal(pair->tree.count, pair->model.count);
    for (void *item = tree_first(&pair->tree, &cursor); item; item = tree_next(&cursor), i++)
        assert_memory_equal(item, model_at(&pair->model, i), pair->model.size);
    assert_int_equal(i, pair->model.count);
    assert_null(tree_next(&cursor));
    for (void *item = tree_last(&pair->tree, &cursor); item; item = tree_prev(&cursor))
        assert_memory_equal(item, model_at(&pair->model, --i), pair->model.size);
    assert_int_equal(i, 0);
}

/* The cursor at the model's index, come by in one of several ways. */
static void go_to(struct pair *pair, struct tree_cursor *cursor, size_t index) {
    uint64_t offset, weight = index < pair->model.count ? model_weight(pair, index) : 1;
    uint64_t into = random_below(&pair->random, weight);
    tree_at(&pair->tree, model_rank(pair, index) + into, cursor, &offset);
    if (index == pair->model.count) return;
    assert_int_equal(offset, into);
    switch (random_below(&pair->random, 4)) {
    case 0:
        if (tree_prev(cursor)) tree_next(cursor);
        break;
    case 1:
        tree_next(cursor);
        tree_prev(cursor);
        break;
    default: break;
    }
}

/* ---- random edits ---- */

static void remove_some(struct pair *pair, size_t index, size_t most) {
    struct tree_cursor cursor;
    go_to(pair, &cursor, index);
    size_t count = MIN(random_below(&pair->random, most) + 1, pair->model.count - index);
    if (count == 1)
        tree_remove_at(&cursor);
    else
        assert_int_equal(tree_remove_run(&cursor, count, NULL, NULL), count);
    model_remove(&pair->model, index, count);
    assert_at(pair, &cursor, index);
}

/* Mostly one, at times many. */
static size_t random_run(struct pair *pair) {
    return random_below(&pair->random, 400) ? 1 : 400;
}

/* Where an item of an ordered kind belongs. */
static size_t model_bound(const struct pair *pair, tree_compare *compare, const void *probe,
                          bool after) {
    size_t low = 0, high = pair->model.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare(NULL, probe, model_at(&pair->model, middle));
        if (order < 0 || (order == 0 && !after))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void insert_scored(struct pair *pair, double score) {
    struct scored item = {score, (uint32_t)random_below(&pair->random, 1000)};
    struct tree_cursor cursor;
    size_t index = model_bound(pair, compare_scored, &item, false);
    bool there = index < pair->model.count &&
                 compare_scored(NULL, &item, model_at(&pair->model, index)) == 0;
    assert_true(tree_find(&pair->tree, compare_scored, NULL, &item, &cursor) == there);
    if (random_below(&pair->random, 2)) assert_at(pair, &cursor, index);
    if (there) return;
    assert_true(tree_insert_at(&cursor, &item));
    model_insert(&pair->model, index, &item);
    assert_at(pair, &cursor, index);
}

static void bound_by_score(struct pair *pair, double score) {
    struct tree_cursor cursor;
    size_t first = model_bound(pair, compare_score, &score, false);
    size_t after = model_bound(pair, compare_score, &score, true);
    assert_true(tree_find(&pair->tree, compare_score, NULL, &score, &cursor) == (first < after));
    assert_at(pair, &cursor, first);
    tree_find_after(&pair->tree, compare_score, NULL, &score, &cursor);
    assert_at(pair, &cursor, after);
}

/* Changes the tie of an item where that leaves it in its place. */
static void replace_scored(struct pair *pair, size_t index) {
    struct scored item = *(struct scored *)model_at(&pair->model, index);
    struct tree_cursor cursor;
    item.tie++;
    if (index + 1 < pair->model.count &&
        compare_scored(NULL, &item, model_at(&pair->model, index + 1)) >= 0)
        return;
    go_to(pair, &cursor, index);
    tree_replace_at(&cursor, &item);
    memcpy(model_at(&pair->model, index), &item, sizeof item);
}

static void scored_step(struct pair *pair, bool growing) {
    double score = (double)random_below(&pair->random, 2000);
    uint64_t what = random_below(&pair->random, 20);
    if (what < (growing ? 15 : 8)) {
        insert_scored(pair, score);
    } else if (what < 17) {
        if (pair->model.count)
            remove_some(pair, random_below(&pair->random, pair->model.count), random_run(pair));
    } else if (what < 18 && pair->model.count) {
        replace_scored(pair, random_below(&pair->random, pair->model.count));
    } else {
        bound_by_score(pair, score);
    }
}

static void scores_are_ordered_like_an_array(void **state) {
    struct pair pair;
    pair_init(&pair, &scored_kind, 1);
    for (int step = 0; step < 60000; step++) {
        scored_step(&pair, step % 30000 < 15000);
        if (step % 500 == 0) assert_same(&pair);
    }
    assert_same(&pair);
    pair_free(&pair);
}

static void insert_chunk(struct pair *pair, size_t index) {
    struct tree_cursor cursor;
    struct chunk chunk = {.id = random_next(&pair->random),
                          .elements = (uint32_t)random_below(&pair->random, 50) + 1};
    go_to(pair, &cursor, index);
    assert_true(tree_insert_at(&cursor, &chunk));
    model_insert(&pair->model, index, &chunk);
    if (random_below(&pair->random, 8) == 0) assert_at(pair, &cursor, index);
}

static void reweigh_chunk(struct pair *pair, size_t index) {
    struct tree_cursor cursor;
    struct chunk *model = model_at(&pair->model, index);
    go_to(pair, &cursor, index);
    struct chunk *chunk = tree_item(&cursor);
    uint32_t elements = (uint32_t)random_below(&pair->random, 50) + 1;
    int64_t delta = (int64_t)elements - chunk->elements;
    chunk->elements = model->elements = elements;
    tree_reweigh(&cursor, delta);
    assert_at(pair, &cursor, index);
}

/* Mostly at the ends, as lists are. */
static size_t random_position(struct pair *pair, size_t bound) {
    switch (random_below(&pair->random, 4)) {
    case 0: return 0;
    case 1: return bound - 1;
    default: return random_below(&pair->random, bound);
    }
}

static void positions_and_weights_are_kept_like_an_array(void **state) {
    struct pair pair;
    pair_init(&pair, &chunk_kind, 2);
    for (int step = 0; step < 30000; step++) {
        size_t count = pair.model.count;
        uint64_t what = random_below(&pair.random, 10);
        if (what < (step % 15000 < 8000 ? 7 : 2) || !count)
            insert_chunk(&pair, random_position(&pair, count + 1));
        else if (what < 9)
            remove_some(&pair, random_position(&pair, count), random_run(&pair));
        else
            reweigh_chunk(&pair, random_below(&pair.random, count));
        if (step % 500 == 0) assert_same(&pair);
    }
    assert_same(&pair);
    pair_free(&pair);
}

static struct entry entry_make(uint64_t i) {
    return (struct entry){{i / 10, i % 10}, ~i};
}

static void ids_are_found(void **state) {
    struct tree tree;
    struct tree_cursor cursor;
    tree_init(&tree, &entry_kind);
    for (uint64_t i = 0; i < 20000; i++) {
        struct entry entry = entry_make(2 * i);
        tree_end(&tree, &cursor);
        assert_true(tree_insert_at(&cursor, &entry));
    }
    tree_check(&tree);
    for (uint64_t i = 0; i < 40000; i += 7) {
        struct entry probe = entry_make(i);
        assert_true(tree_find(&tree, compare_entry, NULL, &probe, &cursor) == (i % 2 == 0));
        assert_int_equal(tree_rank(&cursor), (i + 1) / 2);
        tree_find_after(&tree, compare_entry, NULL, &probe, &cursor);
        assert_int_equal(tree_rank(&cursor), i / 2 + 1);
        struct entry *next = tree_item(&cursor);
        assert_true(next ? next->payload == ~(i / 2 * 2 + 2) : i >= 39998);
    }
    tree_clear(&tree, NULL, NULL);
}

/* ---- an empty tree ---- */

static void an_empty_tree_has_nothing(void **state) {
    struct tree tree;
    struct tree_cursor cursor;
    struct scored probe = {0};
    tree_init(&tree, &scored_kind);
    assert_null(tree_first(&tree, &cursor));
    assert_null(tree_next(&cursor));
    assert_null(tree_prev(&cursor));
    assert_null(tree_item(&cursor));
    assert_null(tree_last(&tree, &cursor));
    assert_null(tree_at(&tree, 0, &cursor, NULL));
    assert_false(tree_find(&tree, compare_scored, NULL, &probe, &cursor));
    assert_int_equal(tree_rank(&cursor), 0);
    assert_int_equal(tree_remove_run(&cursor, 5, NULL, NULL), 0);
    tree_clear(&tree, NULL, NULL);
    assert_true(tree_append(&tree, NULL, 0));
    assert_int_equal(tree_memory(&tree), 0);
    assert_true(tree_insert_at(&cursor, &probe));
    tree_remove_at(&cursor);
    tree_check(&tree);
}

/* ---- many at once ---- */

static void fill_ascending(struct scored *items, size_t count, double from) {
    for (size_t i = 0; i < count; i++)
        items[i] = (struct scored){from + (double)i, 0};
}

static void appending_is_inserting_at_the_end(void **state) {
    struct pair pair;
    pair_init(&pair, &scored_kind, 3);
    static struct scored items[5000];
    double next = 0;
    while (pair.model.count + ARRAY_LEN(items) < MODEL_MAX) {
        size_t count = random_below(&pair.random, ARRAY_LEN(items));
        fill_ascending(items, count, next);
        next += (double)count;
        assert_true(tree_append(&pair.tree, items, count));
        memcpy(model_at(&pair.model, pair.model.count), items, count * sizeof *items);
        pair.model.count += count;
        assert_same(&pair);
    }
    assert_true(tree_memory(&pair.tree) < pair.tree.count * 13);
    pair_free(&pair);
}

static void release_scored(void *context, void *item) {
    *(double *)context += ((struct scored *)item)->score;
}

static void what_goes_is_released_once(void **state) {
    static struct scored items[10000];
    struct tree tree;
    struct tree_cursor cursor;
    double sum = 0;
    tree_init(&tree, &scored_kind);
    fill_ascending(items, ARRAY_LEN(items), 0);
    assert_true(tree_append(&tree, items, ARRAY_LEN(items)));
    tree_at(&tree, 1000, &cursor, NULL);
    assert_int_equal(tree_remove_run(&cursor, 2000, release_scored, &sum), 2000);
    assert_true(((struct scored *)tree_item(&cursor))->score == 3000);
    assert_true(sum == 2000 * 1999.5);
    tree_check(&tree);
    tree_clear(&tree, release_scored, &sum);
    assert_true(sum == 10000 * 4999.5);
    tree_check(&tree);
}

/* ---- memory ---- */

static double bytes_per_item(const struct tree *tree) {
    return (double)tree_memory(tree) / (double)tree->count;
}

static void memory_stays_near_the_items(void **state) {
    struct pair pair;
    pair_init(&pair, &scored_kind, 4);
    struct tree_cursor cursor;
    for (int i = 0; i < 100000; i++) {
        struct scored item = {random_double(&pair.random), (uint32_t)i};
        tree_find(&pair.tree, compare_scored, NULL, &item, &cursor);
        assert_true(tree_insert_at(&cursor, &item));
    }
    assert_true(bytes_per_item(&pair.tree) < 14);
    for (int i = 0; i < 300000; i++) {
        tree_at(&pair.tree, random_below(&pair.random, pair.tree.count), &cursor, NULL);
        struct scored item = {random_double(&pair.random), 0};
        tree_remove_at(&cursor);
        tree_find(&pair.tree, compare_scored, NULL, &item, &cursor);
        assert_true(tree_insert_at(&cursor, &item));
    }
    assert_true(bytes_per_item(&pair.tree) < 15.5);
    while (pair.tree.count > 100) {
        tree_at(&pair.tree, random_below(&pair.random, pair.tree.count), &cursor, NULL);
        tree_remove_at(&cursor);
    }
    assert_true(tree_memory(&pair.tree) < 8000);
    pair_free(&pair);
}

/* Every allocation of an insertion fails once; the tree is as it was, and the cursor still good. */
static void insert_under_failure(struct pair *pair, size_t index, const void *item) {
    struct tree_cursor cursor;
    go_to(pair, &cursor, index);
    for (unsigned allowed = 0;; allowed++) {
        uint64_t count = pair->tree.count;
        size_t memory = tree_memory(&pair->tree);
        memory_fail_after(allowed);
        bool done = tree_insert_at(&cursor, item);
        memory_fail_never();
        if (done) break;
        assert_true(memory_failed());
        assert_int_equal(pair->tree.count, count);
        assert_int_equal(tree_memory(&pair->tree), memory);
        tree_check(&pair->tree);
    }
    model_insert(&pair->model, index, item);
    assert_at(pair, &cursor, index);
}

static void without_memory_nothing_changes(void **state) {
    struct pair pair;
    pair_init(&pair, &chunk_kind, 5);
    for (int i = 0; i < 5000; i++) {
        struct chunk chunk = {.id = (uint64_t)i, .elements = 1 + i % 7u};
        insert_under_failure(&pair, random_position(&pair, pair.model.count + 1), &chunk);
    }
    assert_same(&pair);
    memory_fail_after(0);
    while (pair.model.count)
        remove_some(&pair, random_position(&pair, pair.model.count), 10);
    memory_fail_never();
    assert_same(&pair);
    pair_free(&pair);
}

static void appending_without_memory_changes_nothing(void **state) {
    static struct scored items[3000];
    struct tree tree;
    fill_ascending(items, ARRAY_LEN(items), 0);
    tree_init(&tree, &scored_kind);
    assert_true(tree_append(&tree, items, 100));
    unsigned allowed = 0;
    for (bool done = false; !done; allowed++) {
        memory_fail_after(allowed);
        done = tree_append(&tree, items + 100, ARRAY_LEN(items) - 100);
        memory_fail_never();
        tree_check(&tree);
        assert_int_equal(tree.count, done ? ARRAY_LEN(items) : 100);
    }
    assert_true(allowed > 20);
    tree_clear(&tree, NULL, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_tree_has_nothing),
        cmocka_unit_test(scores_are_ordered_like_an_array),
        cmocka_unit_test(positions_and_weights_are_kept_like_an_array),
        cmocka_unit_test(ids_are_found),
        cmocka_unit_test(appending_is_inserting_at_the_end),
        cmocka_unit_test(what_goes_is_released_once),
        cmocka_unit_test(memory_stays_near_the_items),
        cmocka_unit_test(without_memory_nothing_changes),
        cmocka_unit_test(appending_without_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
