/* SPDX-License-Identifier: BSD-3-Clause */
/* Taking back: random changes against a record of what there was, and what an image costs. The type
 * with objects is a made-up one that counts them. */
#include "base/random.h"
#include "keyspace/janitor.h"
#include "keyspace/undo.h"
#include "keyspace_world.h"
#include "sys/memory.h"
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

#define DATABASES 2
#define KEYS      60
#define LATER     (WORLD_BEGAN_MS + 1000000)

/* ---- a type ---- */

struct object {
    int64_t number, spare; /* none is so small that two lie in 16 bytes */
};

static atomic_int objects;
static unsigned copies;

static struct object *object_create(int64_t number) {
    struct object *object = memory_alloc(sizeof *object);
    if (!object) return NULL;
    *object = (struct object){.number = number};
    objects++;
    return object;
}

static void object_free(void *object) {
    objects--;
    memory_free(object);
}

static void *object_copy(const void *object) {
    copies++;
    return object_create(((const struct object *)object)->number);
}

static size_t object_memory(const void *object) {
    (void)object;
    return sizeof(struct object);
}

static size_t object_effort(const void *object) {
    (void)object;
    return 1;
}

static const struct value_ops ops = {.name = "stream",
                                     .free = object_free,
                                     .copy = object_copy,
                                     .memory = object_memory,
                                     .free_effort = object_effort};

static const struct event silent;
static const struct edit edit = {{EVENT_STREAM, "xadd"}, NULL, 0};

/* ---- a keyspace ---- */

static struct key keys[KEYS];
static unsigned permissions;
static bool permits;

static bool permission(void *context) {
    (void)context;
    permissions++;
    return permits;
}

static struct world *begin(void) {
    static char names[KEYS][8];
    value_register(TYPE_STREAM, &ops);
    for (unsigned i = 0; i < KEYS; i++)
        keys[i] = world_key(i, 8, names[i]);
    permits = true;
    permissions = copies = 0;
    return world_create(DATABASES, 1);
}

static void end(struct world *w) {
    for (w->view.db = 0; w->view.db < DATABASES; w->view.db++)
        keyspace_flush(&w->view, false);
    while (janitor_pending(w->keyspace->janitor))
        sched_yield();
    assert_int_equal(objects, 0);
    world_check(w);
    world_free(w);
}

static void put_object(struct view *view, struct spot *spot, int64_t number) {
    struct value value = {.type = TYPE_STREAM, .large = true, .object = object_create(number)};
    assert_true(keyspace_put(view, spot, &value, &edit));
}

static void remove_key(struct view *view, const struct key *key) {
    struct spot spot;
    if (keyspace_seek_whole(view, key, &spot)) keyspace_remove(view, &spot, silent);
}

static struct object *object_at(const struct world *w, const struct key *key) {
    struct view view = w->view;
    const struct entry *e = keyspace_look(&view, key);
    return e && entry_is_object(e) ? entry_object(e) : NULL;
}

/* ---- random changes ---- */

static struct random dice = {.state = {7}};

static void set(struct view *view, struct spot *spot) {
    char value[300];
    size_t length = random_below(&dice, sizeof value);
    memset(value, (int)random_below(&dice, 256), length);
    int64_t expiries[] = {EXPIRY_NONE, EXPIRY_KEEP, LATER + (int64_t)random_below(&dice, 1000)};
    assert_true(keyspace_store_string(view, spot,
                                      &(struct string_store){
                                          .value = bytes_make(value, length),
                                          .expiry = expiries[random_below(&dice, 3)],
                                      }));
}

static void edit_in_place(struct view *view, struct spot *spot) {
    if (!spot->entry) {
        put_object(view, spot, (int64_t)random_below(&dice, 1000));
    } else if (entry_is_object(spot->entry)) {
        ((struct object *)entry_object(spot->entry))->number++;
        keyspace_edited(view, spot, &edit);
    } else {
        assert_true(
            keyspace_write_range(view, spot, random_below(&dice, 400), BYTES("piece"), silent));
    }
}

static void relocate(struct view *view, struct spot *spot, unsigned how) {
    struct view target = *view;
    struct spot to;
    if (!spot->entry) return;
    if (how == 0) {
        target.db = 1 - view->db;
        if (keyspace_seek_whole(&target, spot->key, &to)) return;
        assert_true(keyspace_move(view, spot, &target, &to));
        return;
    }
    const struct key *from = spot->key, *other = &keys[random_below(&dice, KEYS)];
    if (other == from) return;
    keyspace_seek_whole(&target, other, &to);
    keyspace_seek_whole(view, from, spot);
    assert_true(how == 1 ? keyspace_rename(view, spot, &to)
                         : keyspace_copy(&target, spot->entry, NULL, &to, &(struct edit){silent}));
}

static void change(struct view *view) {
    const struct key *key = &keys[random_below(&dice, KEYS)];
    struct spot spot;
    unsigned what = (unsigned)random_below(&dice, 8);
    view->db = (uint32_t)random_below(&dice, DATABASES);
    if (what < 3)
        keyspace_seek(view, key, &spot);
    else
        keyspace_seek_whole(view, key, &spot);
    switch (what) {
    case 0: edit_in_place(view, &spot); break;
    case 1:
    case 2: set(view, &spot); break;
    case 3:
        if (spot.entry) keyspace_remove(view, &spot, silent);
        break;
    case 4:
        if (spot.entry)
            keyspace_set_expiry(view, &spot, random_below(&dice, 2) ? LATER : EXPIRY_NONE, silent);
        break;
    default: relocate(view, &spot, what - 5); break;
    }
}

/* What a key is, for comparison. */
struct seen {
    uint32_t head;
    int64_t expiry, number;
    size_t length;
    uint64_t hash;
};

static void look(const struct world *w, struct seen seen[DATABASES][KEYS]) {
    memset(seen, 0, DATABASES * sizeof *seen);
    struct view view = w->view;
    for (view.db = 0; view.db < DATABASES; view.db++) {
        for (unsigned i = 0; i < KEYS; i++) {
            struct seen *s = &seen[view.db][i];
            const struct entry *e = keyspace_look(&view, &keys[i]);
            if (!e) continue;
            s->head = e->head;
            s->expiry = entry_expiry(e);
            if (entry_is_object(e)) {
                s->number = ((struct object *)entry_object(e))->number;
            } else {
                s->length = entry_string(e).len;
                s->hash = hash_bytes(entry_string(e).data, s->length);
            }
        }
    }
}

static void random_changes_are_taken_back(void **state) {
    static struct seen before[DATABASES][KEYS], after[DATABASES][KEYS];
    struct world *w = begin();
    for (unsigned round = 0; round < 300; round++) {
        for (unsigned i = 0; i < 20; i++)
            change(&w->view);
        uint64_t changes = keyspace_changes(w->keyspace);
        look(w, before);
        keyspace_undo_begin(&w->view, permission, NULL);
        for (unsigned i = (unsigned)random_below(&dice, 200); i-- > 0;)
            change(&w->view);
        w->view.db = 0;
        bool back = random_below(&dice, 3) > 0;
        if (back) assert_true(keyspace_undo(&w->view));
        keyspace_undo_end(&w->view);
        world_check(w);
        if (!back) continue;
        look(w, after);
        assert_memory_equal(before, after, sizeof before);
        assert_int_equal(keyspace_changes(w->keyspace), changes);
    }
    assert_int_equal(permissions, 0);
    end(w);
}

/* ---- what it costs ---- */

static void what_goes_as_a_whole_is_not_copied(void **state) {
    struct world *w = begin();
    struct spot spot, to;
    keyspace_seek(&w->view, &keys[0], &spot);
    put_object(&w->view, &spot, 5);
    const struct object *object = object_at(w, &keys[0]);
    for (unsigned taken_back = 2; taken_back-- > 0;) {
        keyspace_undo_begin(&w->view, permission, NULL);
        keyspace_seek_whole(&w->view, &keys[1], &to);
        keyspace_seek_whole(&w->view, &keys[0], &spot);
        keyspace_rename(&w->view, &spot, &to);
        remove_key(&w->view, &keys[1]);
        assert_int_equal(objects, 1);
        if (taken_back) assert_true(keyspace_undo(&w->view));
        keyspace_undo_end(&w->view);
        assert_ptr_equal(object_at(w, &keys[0]), taken_back ? object : NULL);
        assert_int_equal(objects, taken_back);
    }
    assert_int_equal(copies, 0);
    end(w);
}

static void what_is_edited_is_copied_once(void **state) {
    struct world *w = begin();
    struct spot spot;
    keyspace_seek(&w->view, &keys[0], &spot);
    put_object(&w->view, &spot, 5);
    keyspace_undo_begin(&w->view, permission, NULL);
    for (unsigned i = 0; i < 3; i++) {
        keyspace_seek(&w->view, &keys[0], &spot);
        edit_in_place(&w->view, &spot);
    }
    assert_int_equal(objects, 2);
    assert_true(keyspace_undo(&w->view));
    assert_int_equal(objects, 1);
    assert_int_equal(copies, 1);
    assert_int_equal(object_at(w, &keys[0])->number, 5);
    end(w);
}

static void too_much_is_given_up_if_that_may_be(void **state) {
    static char large[100000];
    for (permits = true;; permits = false) {
        bool given_up = permits;
        struct world *w = begin();
        permits = given_up;
        world_set(w, &keys[0], bytes_make(large, sizeof large), EXPIRY_NONE);
        world_set(w, &keys[1], BYTES("small"), EXPIRY_NONE);
        keyspace_undo_begin(&w->view, permission, NULL);
        world_set(w, &keys[1], BYTES("other"), EXPIRY_NONE);
        remove_key(&w->view, &keys[0]);
        assert_int_equal(permissions, 1);
        assert_int_equal(keyspace_undo(&w->view), !given_up);
        keyspace_undo_end(&w->view);
        assert_int_equal(keyspace_look(&w->view, &keys[0]) != NULL, !given_up);
        struct bytes value = entry_string(keyspace_look(&w->view, &keys[1]));
        assert_true(bytes_equal(value, given_up ? BYTES("other") : BYTES("small")));
        end(w);
        if (!given_up) break;
    }
}

/* Whatever fails, what has been changed is there, or what was before. */
static void without_memory_there_is_no_undo(void **state) {
    for (unsigned countdown = 0, failed = 1; failed; countdown++) {
        struct world *w = begin();
        world_set(w, &keys[0], BYTES("old"), EXPIRY_NONE);
        world_set(w, &keys[1], BYTES("old"), EXPIRY_NONE);
        keyspace_undo_begin(&w->view, permission, NULL);
        memory_fail_after(countdown);
        for (unsigned i = 0; i < 2; i++)
            remove_key(&w->view, &keys[i]);
        memory_fail_never();
        failed = memory_failed();
        assert_int_equal(permissions, failed);
        assert_int_equal(keyspace_undo_is_possible(&w->view), !failed);
        assert_int_equal(keyspace_undo(&w->view), !failed);
        assert_int_equal(keyspace_look(&w->view, &keys[0]) != NULL, !failed);
        keyspace_undo_end(&w->view);
        end(w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_changes_are_taken_back),
        cmocka_unit_test(what_goes_as_a_whole_is_not_copied),
        cmocka_unit_test(what_is_edited_is_copied_once),
        cmocka_unit_test(too_much_is_given_up_if_that_may_be),
        cmocka_unit_test(without_memory_there_is_no_undo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
