/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Epochs: while a keyspace is walked, random changes of every kind happen between the steps. What
 * is shown must be, each key once, what was there when the epoch began.
 */
#include "keyspace/epoch.h"
#include "keyspace/load.h"
#include "keyspace/maintain.h"
#include "keyspace_world.h"
#include "value/list.h"
#include "value/rdb_value.h"
#include "value/types.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DATABASES 3u
#define KEYS      3000u

/* A key as it was at the instant. */
struct fact {
    char text[32]; /* "database name" */
    struct buffer value;
    bool shown;
};

struct trial {
    struct world *world;
    struct random random;
    struct fact *facts;
    size_t count;
    uint32_t db; /* being noted */
    struct buffer scratch;
    unsigned refuse; /* one of so many visits is answered EPOCH_LATER; 0 = none */
};

static struct key number_key(struct trial *t, unsigned number, char room[32]) {
    size_t n = (size_t)snprintf(room, 32, "key:%u", number);
    return key_make(bytes_make(room, n));
}

static struct key any_key(struct trial *t, char room[32]) {
    return number_key(t, (unsigned)random_below(&t->random, KEYS), room);
}

/* ---- facts ---- */

static void describe(struct fact *fact, uint32_t db, const struct entry *e) {
    struct value value = entry_value(e);
    int64_t expiry = entry_expiry(e);
    struct bytes name = entry_key(e);
    *fact = (struct fact){0};
    snprintf(fact->text, sizeof fact->text, "%u %.*s", db, (int)name.len, name.data);
    assert_true(buffer_append(&fact->value, &expiry, sizeof expiry) &&
                rdb_write_value(&value, &fact->value));
}

static void note_fact(void *context, const struct entry *e) {
    struct trial *t = context;
    t->facts = realloc(t->facts, (t->count + 1) * sizeof *t->facts);
    assert_non_null(t->facts);
    describe(&t->facts[t->count++], t->db, e);
}

static int compare_facts(const void *one, const void *other) {
    return strcmp(((const struct fact *)one)->text, ((const struct fact *)other)->text);
}

static void note_facts(struct trial *t) {
    struct view view = t->world->view;
    view.now_ms = 0; /* what has expired is shown too */
    for (t->db = 0; t->db < DATABASES; t->db++) {
        uint64_t cursor = 0;
        view.db = t->db;
        do
            cursor = keyspace_scan(&view, cursor, 100, note_fact, t);
        while (cursor);
    }
    qsort(t->facts, t->count, sizeof *t->facts, compare_facts);
}

static void show(struct trial *t, uint32_t db, const struct entry *e) {
    struct fact shown;
    describe(&shown, db, e);
    struct fact *fact = bsearch(&shown, t->facts, t->count, sizeof shown, compare_facts);
    assert_non_null(fact);
    assert_false(fact->shown);
    assert_true(bytes_equal(buffer_bytes(&fact->value), buffer_bytes(&shown.value)));
    fact->shown = true;
    buffer_free(&shown.value);
}

static void save(void *context, unsigned participant, uint32_t db, const struct entry *e) {
    show(context, db, e);
}

static enum epoch_answer visit(void *context, uint32_t db, const struct entry *e) {
    struct trial *t = context;
    if (t->refuse && random_below(&t->random, t->refuse) == 0) return EPOCH_LATER;
    show(t, db, e);
    return random_below(&t->random, 8) ? EPOCH_NEXT : EPOCH_PAUSE;
}

/* ---- changes ---- */

static void set(struct trial *t) {
    char room[32], text[600];
    struct key key = any_key(t, room);
    struct spot spot;
    memset(text, 'a' + (int)random_below(&t->random, 26), sizeof text);
    struct string_store store = {.value = bytes_make(text, random_below(&t->random, sizeof text)),
                                 .expiry = EXPIRY_NONE};
    if (random_below(&t->random, 4) == 0)
        store.expiry = t->world->view.now_ms + 1 + (int64_t)random_below(&t->random, 5000);
    keyspace_seek(&t->world->view, &key, &spot);
    assert_true(keyspace_store_string(&t->world->view, &spot, &store));
}

static void append(struct trial *t) {
    char room[32];
    struct key key = any_key(t, room);
    struct spot spot;
    const struct entry *e = keyspace_seek(&t->world->view, &key, &spot);
    if (e && entry_type(e) != TYPE_STRING) return;
    size_t end = e ? entry_string(e).len : 0;
    assert_true(
        keyspace_write_range(&t->world->view, &spot, end, BYTES("more"), (struct event){0}));
}

static void push(struct trial *t) {
    char room[32], text[200];
    struct key key = any_key(t, room);
    struct spot spot;
    struct list_edit edit;
    memset(text, 'l', sizeof text);
    struct bytes element = bytes_make(text, random_below(&t->random, sizeof text));
    const struct entry *e = keyspace_seek(&t->world->view, &key, &spot);
    if (e && entry_type(e) != TYPE_LIST) return;
    struct value value = e ? entry_value(e) : (struct value){0};
    assert_true(list_edit_begin(&edit, e ? &value : NULL, &t->scratch));
    assert_true(list_edit_prepare(&edit, 1, element.len, element.len));
    assert_true(list_edit_push(&edit, LIST_RIGHT, element));
    value = list_edit_value(&edit);
    assert_true(keyspace_put(&t->world->view, &spot, &value, &(struct edit){0}));
}

static void drop(struct trial *t) {
    char room[32];
    struct key key = any_key(t, room);
    struct spot spot;
    if (keyspace_seek(&t->world->view, &key, &spot))
        keyspace_remove(&t->world->view, &spot, (struct event){0});
}

static void expire(struct trial *t) {
    char room[32];
    struct key key = any_key(t, room);
    struct spot spot;
    int64_t at = random_below(&t->random, 3) ? t->world->view.now_ms + 3000 : EXPIRY_NONE;
    if (keyspace_seek(&t->world->view, &key, &spot))
        assert_true(keyspace_set_expiry(&t->world->view, &spot, at, (struct event){0}));
}

static void rename_key(struct trial *t) {
    char one[32], other[32];
    struct key from = any_key(t, one), to = any_key(t, other);
    struct spot source, target;
    if (bytes_equal(from.name, to.name)) return;
    keyspace_seek(&t->world->view, &to, &target);
    if (keyspace_seek(&t->world->view, &from, &source))
        assert_true(keyspace_rename(&t->world->view, &source, &target));
}

static void copy(struct trial *t) {
    char one[32], other[32];
    struct key from = any_key(t, one), to = any_key(t, other);
    struct view target = t->world->view;
    struct spot source, spot;
    target.db = (uint32_t)random_below(&t->random, DATABASES);
    if (bytes_equal(from.name, to.name)) return;
    keyspace_seek(&target, &to, &spot);
    if (keyspace_seek(&t->world->view, &from, &source))
        assert_true(keyspace_copy(&target, source.entry, NULL, &spot, &(struct edit){0}));
}

static void look(struct trial *t) {
    char room[32];
    struct key key = any_key(t, room);
    keyspace_find(&t->world->view, &key);
}

static void rare(struct trial *t) {
    struct view *view = &t->world->view;
    switch (random_below(&t->random, 400)) {
    case 0: keyspace_flush(view, true); break;
    case 1: keyspace_flush(view, false); break;
    case 2: keyspace_swap(view, 0, 1 + (unsigned)random_below(&t->random, DATABASES - 1)); break;
    case 3: view->now_ms += 2500; break;
    default: keyspace_maintain(view->keyspace, 0, view->now_ms); break;
    }
}

static void change(struct trial *t) {
    static void (*const changes[])(struct trial *) = {
        set, set, set, append, push, push, drop, drop, drop, expire, copy, look, rename_key};
    t->world->view.db = (uint32_t)random_below(&t->random, DATABASES);
    if (random_below(&t->random, 50) == 0)
        rare(t);
    else
        changes[random_below(&t->random, ARRAY_LEN(changes))](t);
}

/* ---- epochs ---- */

static void run_epoch(struct trial *t, unsigned changes_a_step) {
    struct epoch_walk walk = {0};
    note_facts(t);
    assert_true(keyspace_epoch_begin(t->world->keyspace, save, t));
    while (keyspace_epoch_walk(t->world->keyspace, 0, &walk, visit, t))
        for (unsigned i = 0; i < changes_a_step; i++)
            change(t);
    for (size_t i = 0; i < t->count; i++) {
        if (!t->facts[i].shown) fail_msg("%s was not shown", t->facts[i].text);
        buffer_free(&t->facts[i].value);
    }
    free(t->facts);
    t->facts = NULL;
    t->count = 0;
    keyspace_epoch_end(t->world->keyspace);
    world_check(t->world);
}

static void run(uint64_t seed, unsigned changes_a_step, unsigned refuse) {
    struct trial t = {.world = world_create(DATABASES, 1), .refuse = refuse};
    random_seed(&t.random, seed);
    for (unsigned epoch = 0; epoch < 6; epoch++) {
        for (unsigned i = 0; i < 4000; i++)
            change(&t);
        run_epoch(&t, changes_a_step);
    }
    buffer_free(&t.scratch);
    world_free(t.world);
}

static void test_nobody_writes(void **state) {
    run(1, 0, 0);
}

static void test_some_write(void **state) {
    for (uint64_t seed = 2; seed < 8; seed++)
        run(seed, 2, 0);
}

static void test_many_write(void **state) {
    for (uint64_t seed = 8; seed < 12; seed++)
        run(seed, 60, 0);
}

static void test_entries_that_come_again(void **state) {
    for (uint64_t seed = 12; seed < 16; seed++)
        run(seed, 5, 3);
}

/* Nothing is shown that was loaded or emptied in the epoch. */
static void test_no_keys(void **state) {
    struct trial t = {.world = world_create(DATABASES, 1)};
    random_seed(&t.random, 1);
    run_epoch(&t, 0);
    for (unsigned i = 0; i < 100; i++)
        set(&t);
    keyspace_empty(&t.world->view);
    run_epoch(&t, 3);
    buffer_free(&t.scratch);
    world_free(t.world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_writes), cmocka_unit_test(test_some_write),
        cmocka_unit_test(test_many_write),    cmocka_unit_test(test_entries_that_come_again),
        cmocka_unit_test(test_no_keys),
    };
    value_types_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
