/* SPDX-License-Identifier: BSD-3-Clause */
/* Pinned objects: who changes one lets its readers finish first, who removes one leaves it to them.
 * The type is a made-up one that counts its objects. */
#include "keyspace/janitor.h"
#include "keyspace/pin.h"
#include "keyspace_world.h"
#include "sys/memory.h"
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

static atomic_int objects;
static unsigned finished;

static void object_free(void *object) {
    objects--;
    memory_free(object);
}

static size_t object_memory(const void *object) {
    return memory_usable(object);
}

static size_t object_effort(const void *object) {
    return 1;
}

static const struct value_ops ops = {
    .name = "list", .free = object_free, .memory = object_memory, .free_effort = object_effort};

static const struct event silent;
static const struct edit edit = {{EVENT_LIST, "rpush"}, NULL, 0};

static void finish_pin(struct pin *pin) {
    assert_false(pin->pinned);
    assert_true(objects > 0);
    finished++;
}

/* A keyspace with an object under "key", which is pinned so many times. */
static struct world *begin(struct pin *pins, unsigned count) {
    value_register(TYPE_LIST, &ops);
    finished = 0;
    struct world *w = world_create(2, 1);
    struct key key = key_make(BYTES("key"));
    struct spot spot;
    struct value value = {.type = TYPE_LIST, .large = true, .object = memory_alloc(8)};
    objects++;
    keyspace_seek(&w->view, &key, &spot);
    assert_true(keyspace_put(&w->view, &spot, &value, &edit));
    for (unsigned i = 0; i < count; i++) {
        pins[i] = (struct pin){.value = value, .finish = finish_pin};
        assert_true(pin_begin(&pins[i], w->keyspace));
        assert_true(pins[i].pinned);
    }
    return w;
}

static void end(struct world *w) {
    while (janitor_pending(w->keyspace->janitor))
        sched_yield();
    assert_int_equal(objects, 0);
    world_check(w);
    world_free(w);
}

static void remove_key(struct world *w, const char *name) {
    struct key key = key_make(bytes_of(name));
    struct spot spot;
    assert_non_null(keyspace_seek_whole(&w->view, &key, &spot));
    keyspace_remove(&w->view, &spot, silent);
}

static void who_changes_it_lets_readers_finish(void **state) {
    struct pin pins[3];
    struct world *w = begin(pins, 3);
    struct key key = key_make(BYTES("key"));
    struct spot spot;
    pin_end(&pins[1]);
    assert_non_null(keyspace_seek_whole(&w->view, &key, &spot));
    assert_non_null(keyspace_find(&w->view, &key));
    assert_int_equal(finished, 0);
    assert_non_null(keyspace_seek(&w->view, &key, &spot));
    assert_int_equal(finished, 2);
    assert_non_null(keyspace_seek(&w->view, &key, &spot));
    assert_int_equal(finished, 2);
    pin_end(&pins[0]);
    pin_end(&pins[2]);
    assert_int_equal(objects, 1);
    remove_key(w, "key");
    end(w);
}

static void the_last_reader_frees_what_was_removed(void **state) {
    static const unsigned orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}};
    for (unsigned i = 0; i < 3; i++) {
        struct pin pins[3];
        struct world *w = begin(pins, 3);
        remove_key(w, "key");
        for (unsigned j = 0; j < 3; j++) {
            const struct pin *pin = &pins[orders[i][j]];
            assert_true(pin->pinned && objects == 1);
            pin_end(&pins[orders[i][j]]);
        }
        assert_int_equal(finished, 0);
        end(w);
    }
}

static void a_reader_follows_a_rename(void **state) {
    struct pin pin;
    struct world *w = begin(&pin, 1);
    struct key from = key_make(BYTES("key")), to = key_make(BYTES("other"));
    struct spot source, target;
    keyspace_seek_whole(&w->view, &to, &target);
    keyspace_seek_whole(&w->view, &from, &source);
    assert_true(keyspace_rename(&w->view, &source, &target));
    assert_int_equal(finished, 0);
    keyspace_seek(&w->view, &to, &target);
    assert_int_equal(finished, 1);
    pin_end(&pin);
    remove_key(w, "other");
    end(w);
}

static void what_goes_with_its_database_is_kept(void **state) {
    for (unsigned async = 0; async < 2; async++) {
        struct pin pin;
        struct world *w = begin(&pin, 1);
        assert_int_equal(keyspace_flush(&w->view, async), 1);
        while (janitor_pending(w->keyspace->janitor))
            sched_yield();
        assert_true(pin.pinned && objects == 1);
        pin_end(&pin);
        end(w);
    }
}

static void what_expires_is_kept(void **state) {
    struct pin pins[2];
    struct world *w = begin(pins, 2);
    struct key key = key_make(BYTES("key"));
    struct spot spot;
    keyspace_seek_whole(&w->view, &key, &spot);
    assert_true(keyspace_set_expiry(&w->view, &spot, w->view.now_ms + 5, silent));
    w->view.now_ms += 6;
    assert_null(keyspace_find(&w->view, &key));
    assert_true(pins[0].pinned && pins[1].pinned && objects == 1);
    pin_end(&pins[0]);
    assert_int_equal(objects, 1);
    pin_end(&pins[1]);
    end(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_changes_it_lets_readers_finish),
        cmocka_unit_test(the_last_reader_frees_what_was_removed),
        cmocka_unit_test(a_reader_follows_a_rename),
        cmocka_unit_test(what_goes_with_its_database_is_kept),
        cmocka_unit_test(what_expires_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
