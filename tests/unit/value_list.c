/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists against an array of strings, at random, over all sizes of nodes. */
#include "base/ensure.h"
#include "base/random.h"
#include "value/limits.h"
#include "value/list.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* after those above */
#include <cmocka.h>

#define MODEL_MAX 600u

/* Element n is text of a length that n gives, so that the model is numbers alone. */
static char texts[256][12000];

static struct bytes text_of(unsigned n) {
    static const size_t lengths[] = {1, 2, 3, 5, 20, 60, 70, 300, 2000, 9000};
    size_t length = n % 32 == 31 ? lengths[n / 32 % 10] : lengths[n % 6];
    if (!texts[n][0]) {
        memset(texts[n], 'a' + (int)(n % 26), sizeof texts[n]);
        texts[n][0] = (char)(n + 1);
    }
    return bytes_make(texts[n], length);
}

struct pair {
    struct value value; /* large: owned; small: in `bytes` */
    struct buffer bytes, scratch;
    bool exists;
    unsigned model[MODEL_MAX];
    unsigned count;
};

static void insert_model(struct pair *p, unsigned index, unsigned n) {
    memmove(p->model + index + 1, p->model + index, (p->count - index) * sizeof *p->model);
    p->model[index] = n;
    p->count++;
}

static void remove_model(struct pair *p, unsigned index, unsigned count) {
    memmove(p->model + index, p->model + index + count,
            (p->count - index - count) * sizeof *p->model);
    p->count -= count;
}

static void begin(struct pair *p, struct list_edit *edit) {
    assert_true(list_edit_begin(edit, p->exists ? &p->value : NULL, &p->scratch));
}

static void *kept; /* an object that is not freed */

static void free_object(void *object) {
    if (object != kept) value_ops(TYPE_LIST)->free(object);
}

/* What the keyspace does. */
static void store(struct pair *p, struct list_edit *edit) {
    struct value old = p->value, new = list_edit_value(edit);
    bool had_object = p->exists && old.large;
    if (had_object && (p->count == 0 || !new.large || new.object != old.object))
        free_object(old.object);
    if (p->count == 0 && new.large && !(had_object && new.object == old.object))
        free_object(new.object);
    p->exists = p->count > 0;
    if (!p->exists) return;
    if (!new.large) {
        buffer_clear(&p->bytes);
        assert_true(buffer_append_bytes(&p->bytes, new.small));
        new.small = buffer_bytes(&p->bytes);
    }
    p->value = new;
}

static void compare_with_model(struct pair *p) {
    struct list_cursor cursor;
    if (!p->exists) return;
    assert_int_equal(list_length(&p->value), p->count);
    list_seek(&p->value, 0, &cursor);
    for (unsigned i = 0; i < p->count; i++) {
        assert_true(list_item_is(&cursor, text_of(p->model[i])));
        assert_int_equal(list_next(&cursor), i + 1 < p->count);
    }
    list_seek(&p->value, p->count - 1, &cursor);
    for (unsigned i = p->count; i-- > 0;) {
        assert_true(list_item_is(&cursor, text_of(p->model[i])));
        assert_int_equal(list_prev(&cursor), i > 0);
    }
}

static void check_copy(const struct pair *p) {
    if (!p->exists || !p->value.large) return;
    const struct value_ops *ops = value_ops(TYPE_LIST);
    struct value copy = p->value;
    copy.object = ops->copy(p->value.object);
    assert_int_equal(list_length(&copy), p->count);
    assert_string_equal(ops->encoding(&copy), ops->encoding(&p->value));
    ops->free(copy.object);
}

static void push(struct pair *p, struct random *r) {
    struct list_edit edit;
    unsigned n = (unsigned)random_below(r, 256), count = 1 + (unsigned)random_below(r, 20);
    enum list_end end = random_below(r, 2) ? LIST_LEFT : LIST_RIGHT;
    struct bytes text = text_of(n);
    if (p->count + count > MODEL_MAX) return;
    begin(p, &edit);
    assert_true(list_edit_prepare(&edit, count, count * text.len, text.len));
    for (unsigned i = 0; i < count; i++) {
        assert_true(list_edit_push(&edit, end, text));
        insert_model(p, end == LIST_LEFT ? 0 : p->count, n);
    }
    store(p, &edit);
}

static void take(struct pair *p, struct random *r) {
    struct list_edit edit;
    if (!p->count) return;
    unsigned start = (unsigned)random_below(r, p->count);
    unsigned count = 1 + (unsigned)random_below(r, MIN(p->count - start, 40u));
    if (random_below(r, 2)) start = random_below(r, 2) ? 0 : p->count - count;
    begin(p, &edit);
    list_edit_remove(&edit, start, count);
    remove_model(p, start, count);
    list_edit_shrink(&edit);
    store(p, &edit);
}

static void insert(struct pair *p, struct random *r) {
    struct list_edit edit;
    unsigned n = (unsigned)random_below(r, 256);
    bool after = random_below(r, 2);
    struct bytes text = text_of(n);
    if (!p->count || p->count == MODEL_MAX) return;
    unsigned index = (unsigned)random_below(r, p->count);
    begin(p, &edit);
    assert_true(list_edit_prepare(&edit, 1, text.len, text.len));
    assert_true(list_edit_insert(&edit, index, after, text));
    insert_model(p, index + after, n);
    store(p, &edit);
}

static void replace(struct pair *p, struct random *r) {
    struct list_edit edit;
    unsigned n = (unsigned)random_below(r, 256);
    struct bytes text = text_of(n);
    if (!p->count) return;
    unsigned index = (unsigned)random_below(r, p->count);
    begin(p, &edit);
    assert_true(list_edit_prepare(&edit, 1, text.len, text.len));
    assert_true(list_edit_replace(&edit, index, text));
    p->model[index] = n;
    list_edit_shrink(&edit);
    store(p, &edit);
}

/* Every third element, in either direction. */
static void remove_some(struct pair *p, struct random *r) {
    struct list_edit edit;
    struct list_cursor cursor;
    bool backwards = random_below(r, 2);
    if (p->count < 10) return;
    begin(p, &edit);
    struct value value = list_edit_value(&edit);
    list_seek(&value, backwards ? p->count - 1 : 0, &cursor);
    unsigned index = backwards ? p->count - 1 : 0, seen = 0;
    for (bool more = true; more; seen++) {
        if (seen % 3 == 0) {
            more = list_edit_remove_at(&edit, &cursor, backwards);
            remove_model(p, index, 1);
            index -= backwards;
        } else {
            more = backwards ? list_prev(&cursor) : list_next(&cursor);
            index += backwards ? UINT32_MAX : 1;
        }
    }
    list_edit_shrink(&edit);
    store(p, &edit);
}

static void change(struct pair *p, struct random *r) {
    static void (*const changes[])(struct pair *, struct random *) = {
        push, push, push, take, take, insert, insert, replace, replace, remove_some,
    };
    changes[random_below(r, ARRAY_LEN(changes))](p, r);
}

static void end(struct pair *p) {
    if (p->exists && p->value.large) value_ops(TYPE_LIST)->free(p->value.object);
    buffer_free(&p->bytes);
    buffer_free(&p->scratch);
    value_limits.list_max_listpack_size = -2;
}

static void run(int64_t limit, uint64_t seed) {
    struct pair p = {0};
    struct random r;
    random_seed(&r, seed);
    value_limits.list_max_listpack_size = limit;
    for (unsigned i = 0; i < 2000; i++) {
        change(&p, &r);
        compare_with_model(&p);
        if (i % 64 == 0) check_copy(&p);
    }
    end(&p);
}

static void test_model(void **state) {
    static const int64_t limits[] = {-1, -2, -3, -5, 0, 1, 4, 16, 128, 100000};
    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(limits); i++)
        run(limits[i], i);
}

/* ---- taking back ---- */

#define STEPS_MAX 20000

static struct list_step told[STEPS_MAX];
static unsigned told_count;

static bool expect_steps(struct list_keeper *keeper, const struct list *list, uint64_t going) {
    (void)keeper;
    assert_true(going > 0);
    return list == kept;
}

static void note_step(struct list_keeper *keeper, const struct list *list,
                      const struct list_step *step) {
    (void)keeper;
    if (list != kept) return;
    assert_true(told_count < STEPS_MAX);
    char *text = malloc(step->text.len + 1);
    if (step->text.len) memcpy(text, step->text.data, step->text.len);
    told[told_count] = *step;
    told[told_count++].text.data = text;
}

static void take_back(struct list *list) {
    while (told_count-- > 0) {
        assert_true(list_step_back(list, &told[told_count]));
        free((char *)(uintptr_t)told[told_count].text.data);
    }
    told_count = 0;
}

static void change_and_take_back(struct pair *p, struct random *r) {
    static struct pair before;
    struct list_keeper keeper = {expect_steps, note_step};
    before = *p;
    kept = p->value.object;
    list_keeper = &keeper;
    for (unsigned i = 0; i < 12; i++)
        change(p, r);
    list_keeper = NULL;
    if (p->exists && p->value.large) free_object(p->value.object);
    take_back(kept);
    kept = NULL;
    p->exists = true;
    p->value = before.value;
    p->count = before.count;
    memcpy(p->model, before.model, sizeof p->model);
    compare_with_model(p);
    assert_true(list_tells_steps(p->value.object));
}

static void test_steps_are_taken_back(void **state) {
    (void)state;
    unsigned taken_back = 0;
    for (int64_t limit = 3; limit < 200; limit = limit * 3) {
        struct pair p = {0};
        struct random r;
        random_seed(&r, (uint64_t)limit);
        value_limits.list_max_listpack_size = limit;
        for (unsigned i = 0; i < 1000; i++) {
            change(&p, &r);
            if (!p.exists || !p.value.large || !list_tells_steps(p.value.object)) continue;
            change_and_take_back(&p, &r);
            taken_back++;
        }
        end(&p);
    }
    assert_true(taken_back > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_model),
                                       cmocka_unit_test(test_steps_are_taken_back)};
    list_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
