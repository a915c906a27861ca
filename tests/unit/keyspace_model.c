/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random commands on a keyspace, on a plain array that does the same (the model), and on a second
 * array that knows nothing but the change records (the replica). All three must always be equal:
 * so the keyspace does what it says, and its records tell all that it does.
 */
#include "keyspace/maintain.h"
#include "keyspace_world.h"
#include "sys/memory.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define DATABASES 3u
#define KEYS      1200u

struct cell {
    bool there;
    bool raw;
    int64_t expiry;
    struct bytes value; /* owned */
};

struct state {
    struct cell cells[DATABASES][KEYS];
};

struct trial {
    struct world *world;
    struct random random;
    struct key keys[KEYS];
    struct state model, replica;
    uint64_t records;
    char *bytes; /* what values are cut from */
};

#define MOST_BYTES (1u << 20)

/* ---- states ---- */

static void cell_clear(struct cell *cell) {
    free((char *)cell->value.data);
    *cell = (struct cell){.expiry = EXPIRY_NONE};
}

/* Beside the seam of memory.h: the model never runs out. */
static char *copy_of(struct bytes value, size_t size) {
    char *copy = calloc(1, size + 1);
    assert_non_null(copy);
    if (value.len) memcpy(copy, value.data, MIN(value.len, size));
    return copy;
}

static void cell_set(struct cell *cell, struct bytes value, int64_t expiry) {
    char *copy = copy_of(value, value.len);
    cell_clear(cell);
    *cell = (struct cell){.there = true, .expiry = expiry, .value = {copy, value.len}};
}

static void cell_write(struct cell *cell, size_t offset, struct bytes piece) {
    size_t size = MAX(cell->value.len, offset + piece.len);
    char *grown = copy_of(cell->value, size);
    if (piece.len) memcpy(grown + offset, piece.data, piece.len);
    int64_t expiry = cell->there ? cell->expiry : EXPIRY_NONE;
    cell_clear(cell);
    *cell = (struct cell){.there = true, .expiry = expiry, .value = {grown, size}};
}

static void cell_move(struct cell *from, struct cell *to) {
    cell_clear(to);
    *to = *from;
    *from = (struct cell){.expiry = EXPIRY_NONE};
}

static void state_clear_db(struct state *s, uint32_t db) {
    for (unsigned i = 0; i < KEYS; i++)
        cell_clear(&s->cells[db][i]);
}

static void state_swap(struct state *s, uint32_t one, uint32_t other) {
    for (unsigned i = 0; i < KEYS; i++) {
        struct cell kept = s->cells[one][i];
        s->cells[one][i] = s->cells[other][i];
        s->cells[other][i] = kept;
    }
}

/* ---- the replica ---- */

static unsigned number_of(const struct trial *t, const struct key *key) {
    for (unsigned i = 0; i < KEYS; i++)
        if (t->keys[i].hash == key->hash && bytes_equal(t->keys[i].name, key->name)) return i;
    fail_msg("a record names a key that nobody uses");
    return 0;
}

static void replay(void *context, const struct change *c) {
    struct trial *t = context;
    struct cell(*cells)[KEYS] = t->replica.cells;
    struct cell *cell = c->key ? &cells[c->db][number_of(t, c->key)] : NULL;
    t->records++;
    switch (c->kind) {
    case CHANGE_STORE: cell_set(cell, entry_string(c->entry), entry_expiry(c->entry)); break;
    case CHANGE_RANGE: {
        struct bytes written = bytes_skip(entry_string(c->entry), c->offset);
        written.len = c->length;
        cell_write(cell, c->offset, written);
        break;
    }
    case CHANGE_EXPIRY: cell->expiry = entry_expiry(c->entry); break;
    case CHANGE_REMOVE:
        assert_true(cell->there);
        if (c->cause == CAUSE_EXPIRED) {
            assert_true(cell->expiry != EXPIRY_NONE);
            assert_true(cell->expiry < t->world->view.now_ms);
        }
        cell_clear(cell);
        break;
    case CHANGE_RENAME: cell_move(&cells[c->db][number_of(t, c->other)], cell); break;
    case CHANGE_FLUSH: state_clear_db(&t->replica, c->db); break;
    case CHANGE_SWAP: state_swap(&t->replica, c->db, c->other_db); break;
    default: fail_msg("a record of kind %d", c->kind);
    }
}

/* ---- comparing ---- */

static void assert_cell(const struct cell *cell, const struct entry *e) {
    assert_int_equal(cell->there, e != NULL);
    if (!e) return;
    assert_true(bytes_equal(cell->value, entry_string(e)));
    assert_true(cell->expiry == entry_expiry(e));
}

/* The model forgets a key at the first look after its time, as the keyspace does. */
static struct cell *model_cell(struct trial *t, uint32_t db, unsigned number) {
    struct cell *cell = &t->model.cells[db][number];
    if (cell->there && cell->expiry != EXPIRY_NONE && t->world->view.now_ms > cell->expiry)
        cell_clear(cell);
    return cell;
}

static void compare_key(struct trial *t, uint32_t db, unsigned number) {
    struct view view = t->world->view;
    view.db = db;
    const struct entry *e = keyspace_peek(&view, &t->keys[number]);
    assert_cell(model_cell(t, db, number), e);
    assert_cell(&t->replica.cells[db][number], e);
}

static void compare_all(struct trial *t) {
    world_check(t->world);
    for (uint32_t db = 0; db < DATABASES; db++) {
        uint64_t keys = 0, with_expiry = 0;
        for (unsigned i = 0; i < KEYS; i++) {
            compare_key(t, db, i);
            keys += t->model.cells[db][i].there;
            with_expiry +=
                t->model.cells[db][i].there && t->model.cells[db][i].expiry != EXPIRY_NONE;
        }
        struct keyspace_size size = keyspace_size(t->world->keyspace, db);
        assert_int_equal(size.keys, keys);
        assert_int_equal(size.volatile_keys, with_expiry);
    }
}

/* ---- commands ---- */

static uint64_t below(struct trial *t, uint64_t n) {
    return random_below(&t->random, n);
}

static struct bytes random_value(struct trial *t) {
    static const unsigned borders[] = {0,   1,   4,    12,   44,   253,  254,  255,
                                       256, 257, 4000, 4070, 4085, 4096, 4097, 5000};
    size_t len;
    switch (below(t, 64)) {
    case 0: len = below(t, MOST_BYTES); break;
    case 1: len = below(t, 20000); break;
    case 2:
    case 3:
    case 4: len = below(t, 4200); break;
    default: len = below(t, 2) ? below(t, 200) : borders[below(t, ARRAY_LEN(borders))];
    }
    return bytes_make(len ? t->bytes + below(t, MOST_BYTES - len + 1) : NULL, len);
}

static int64_t random_expiry(struct trial *t) {
    switch (below(t, 4)) {
    case 0: return EXPIRY_NONE;
    case 1: return t->world->view.now_ms + (int64_t)below(t, 500);
    case 2: return t->world->view.now_ms + (int64_t)below(t, 100000);
    default: return t->world->view.now_ms + (int64_t)below(t, 100ull * 365 * 86400000);
    }
}

static bool do_store(struct trial *t, struct view *view, unsigned number) {
    struct spot spot;
    struct string_store store = {.value = random_value(t), .expiry = random_expiry(t)};
    if (below(t, 3) == 0) store.expiry = EXPIRY_KEEP;
    keyspace_seek(view, &t->keys[number], &spot);
    if (!keyspace_store_string(view, &spot, &store)) return false;
    struct cell *cell = model_cell(t, view->db, number);
    int64_t kept = cell->there ? cell->expiry : EXPIRY_NONE;
    cell_set(cell, store.value, store.expiry == EXPIRY_KEEP ? kept : store.expiry);
    assert_cell(cell, spot.entry);
    return true;
}

static bool do_write(struct trial *t, struct view *view, unsigned number) {
    struct spot spot;
    struct bytes piece = random_value(t);
    const struct entry *e = keyspace_seek(view, &t->keys[number], &spot);
    size_t len = e ? entry_string(e).len : 0;
    size_t offset = below(t, 3) ? len : below(t, 2 * len + 100);
    if (offset + piece.len > 2 * MOST_BYTES) return true;
    if (!keyspace_write_range(view, &spot, offset, piece, (struct event){0})) return false;
    struct cell *cell = model_cell(t, view->db, number);
    cell_write(cell, offset, piece);
    assert_cell(cell, spot.entry);
    return true;
}

static bool do_expiry(struct trial *t, struct view *view, unsigned number) {
    struct spot spot;
    int64_t expiry = random_expiry(t);
    if (!keyspace_seek(view, &t->keys[number], &spot)) return true;
    if (!keyspace_set_expiry(view, &spot, expiry, (struct event){0})) return false;
    model_cell(t, view->db, number)->expiry = expiry;
    return true;
}

static bool do_remove(struct trial *t, struct view *view, unsigned number) {
    struct spot spot;
    if (!keyspace_seek(view, &t->keys[number], &spot)) return true;
    keyspace_remove(view, &spot, (struct event){0});
    assert_null(spot.entry);
    cell_clear(model_cell(t, view->db, number));
    return true;
}

static bool do_rename(struct trial *t, struct view *view, unsigned number) {
    struct spot from, to;
    unsigned other = (unsigned)below(t, KEYS);
    if (other == number) return true;
    keyspace_seek(view, &t->keys[other], &to);
    if (!keyspace_seek(view, &t->keys[number], &from)) return true;
    if (!keyspace_rename(view, &from, &to)) return false;
    model_cell(t, view->db, other);
    cell_move(model_cell(t, view->db, number), model_cell(t, view->db, other));
    compare_key(t, view->db, other);
    return true;
}

static bool do_copy(struct trial *t, struct view *view, unsigned number) {
    struct spot from, to;
    struct view target = *view;
    unsigned other = (unsigned)below(t, KEYS);
    target.db = (uint32_t)below(t, DATABASES);
    if (other == number && target.db == view->db) return true;
    keyspace_seek(&target, &t->keys[other], &to);
    if (!keyspace_seek(view, &t->keys[number], &from)) return true;
    if (!keyspace_copy(&target, from.entry, NULL, &to, &(struct edit){0})) return false;
    const struct cell *source = model_cell(t, view->db, number);
    cell_set(model_cell(t, target.db, other), source->value, source->expiry);
    compare_key(t, target.db, other);
    return true;
}

static void do_flush(struct trial *t, struct view *view) {
    keyspace_flush(view, below(t, 2));
    state_clear_db(&t->model, view->db);
}

static void do_swap(struct trial *t, struct view *view) {
    unsigned one = (unsigned)below(t, DATABASES), other = (unsigned)below(t, DATABASES);
    keyspace_swap(view, one, other);
    state_swap(&t->model, one, other);
}

/* What happens between commands, and changes nothing but expired keys. */
static void do_housework(struct trial *t) {
    struct keyspace *ks = t->world->keyspace;
    struct slice *slice = &ks->database[below(t, DATABASES)]->slices[below(t, 4)];
    unsigned size = table_directory_size(&slice->table);
    switch (below(t, 8)) {
    case 0: keyspace_maintain(ks, 0, t->world->view.now_ms); break;
    case 1:
        if (size) table_shrink(&slice->table, (unsigned)below(t, size));
        break;
    default: keyspace_compact_slice(slice, 0); break;
    }
}

static bool random_command(struct trial *t) {
    struct view view = t->world->view;
    view.db = (uint32_t)below(t, DATABASES);
    unsigned number = (unsigned)below(t, KEYS), dice = (unsigned)below(t, 10000);
    if (dice < 2) do_flush(t, &view);
    if (dice >= 2 && dice < 5) do_swap(t, &view);
    if (dice % 20 == 7) do_housework(t);
    if (dice % 50 == 9) t->world->view.now_ms = view.now_ms += (int64_t)below(t, 300);
    bool done;
    switch (dice % 16) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: done = do_store(t, &view, number); break;
    case 5:
    case 6:
    case 7: done = do_write(t, &view, number); break;
    case 8:
    case 9: done = do_expiry(t, &view, number); break;
    case 10:
    case 11:
    case 12: done = do_remove(t, &view, number); break;
    case 13: done = do_rename(t, &view, number); break;
    case 14: done = do_copy(t, &view, number); break;
    default: done = true;
    }
    compare_key(t, view.db, number);
    return done;
}

/* ---- trials ---- */

static struct trial *trial_create(uint64_t seed) {
    static const size_t lengths[] = {5, 6, 7, 10, 16, 30, 100, 253, 254, 255, 256, 300};
    struct trial *t = memory_need(sizeof *t);
    t->world = world_create(DATABASES, 1);
    random_seed(&t->random, seed);
    t->bytes = memory_need(MOST_BYTES);
    for (unsigned i = 0; i < MOST_BYTES; i++)
        t->bytes[i] = (char)random_next(&t->random);
    for (unsigned i = 0; i < KEYS; i++) {
        size_t len = i < 3 ? i : lengths[i % ARRAY_LEN(lengths)];
        t->keys[i] = world_key(i, len, memory_need(len + 1));
        for (unsigned db = 0; db < DATABASES; db++)
            t->model.cells[db][i].expiry = t->replica.cells[db][i].expiry = EXPIRY_NONE;
    }
    keyspace_subscribe(t->world->keyspace, replay, t, NULL);
    return t;
}

static void trial_free(struct trial *t) {
    world_free(t->world);
    for (unsigned db = 0; db < DATABASES; db++) {
        state_clear_db(&t->model, db);
        state_clear_db(&t->replica, db);
    }
    for (unsigned i = 0; i < KEYS; i++)
        memory_free((char *)t->keys[i].name.data);
    memory_free(t->bytes);
    memory_free(t);
}

static void commands_and_records_agree_with_the_model(void **state) {
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct trial *t = trial_create(seed);
        for (unsigned i = 0; i < 40000; i++) {
            assert_true(random_command(t));
            if (i % 4000 == 0) compare_all(t);
        }
        compare_all(t);
        assert_true(t->records > 10000);
        trial_free(t);
    }
}

static void a_command_without_memory_changes_nothing(void **state) {
    struct trial *t = trial_create(5);
    unsigned failures = 0;
    for (unsigned round = 0; round < 600; round++) {
        memory_fail_after((unsigned)below(t, 40));
        for (unsigned i = 0; i < 60; i++)
            failures += !random_command(t);
        memory_fail_never();
        if (round % 30 == 0) compare_all(t);
    }
    compare_all(t);
    assert_true(failures > 100);
    trial_free(t);
}

static void each_allocation_may_fail_while_it_fills(void **state) {
    for (unsigned countdown = 0; countdown < 120; countdown++) {
        struct trial *t = trial_create(6);
        memory_fail_after(countdown);
        for (unsigned i = 0; i < 300; i++)
            random_command(t);
        memory_fail_never();
        compare_all(t);
        trial_free(t);
    }
}

static void a_store_without_memory_keeps_value_and_expiry(void **state) {
    struct trial *t = trial_create(7);
    struct view *view = &t->world->view;
    static const size_t sizes[] = {0, 10, 300, 4000, 5000, 100000};
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        struct bytes value = bytes_make(t->bytes, sizes[i]);
        world_set(t->world, &t->keys[i], value, view->now_ms + 1000);
        struct spot spot;
        keyspace_seek(view, &t->keys[i], &spot);
        memory_fail_after(0);
        struct string_store store = {.value = bytes_make(t->bytes + 1, MOST_BYTES - 1),
                                     .expiry = view->now_ms + 9999};
        assert_false(keyspace_store_string(view, &spot, &store));
        assert_false(keyspace_write_range(view, &spot, MOST_BYTES, value, (struct event){0}));
        memory_fail_never();
        assert_true(entry_expiry(spot.entry) == view->now_ms + 1000);
        assert_true(bytes_equal(entry_string(spot.entry), value));
        cell_set(&t->model.cells[0][i], value, view->now_ms + 1000);
    }
    compare_all(t);
    trial_free(t);
}

static void a_keyspace_is_made_whole_or_not_at_all(void **state) {
    struct gate *gate = gate_create(1, 0);
    struct keyspace *ks = NULL;
    unsigned countdown = 0;
    while (!ks) {
        memory_fail_after(countdown++);
        ks =
            keyspace_create(&(struct keyspace_options){.databases = 3, .workers = 1, .gate = gate});
        memory_fail_never();
    }
    assert_true(countdown > 5);
    keyspace_free(ks);
    gate_free(gate);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_and_records_agree_with_the_model),
        cmocka_unit_test(a_command_without_memory_changes_nothing),
        cmocka_unit_test(each_allocation_may_fail_while_it_fills),
        cmocka_unit_test(a_store_without_memory_keeps_value_and_expiry),
        cmocka_unit_test(a_keyspace_is_made_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
