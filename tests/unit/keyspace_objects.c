/* SPDX-License-Identifier: BSD-3-Clause */
/* Collections as the keyspace sees them: small ones inside their entry, large ones behind a pointer
 * that it owns. The type is a made-up one that counts its objects. */
#include "keyspace/janitor.h"
#include "keyspace_world.h"
#include "sys/memory.h"
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

static atomic_int objects;
static size_t effort = 1;

static void *object_make(void) {
    void *object = memory_alloc(8);
    if (object) objects++;
    return object;
}

static void object_free(void *object) {
    objects--;
    memory_free(object);
}

static void *object_copy(const void *object) {
    return object_make();
}

static size_t object_memory(const void *object) {
    return memory_usable(object);
}

static size_t object_effort(const void *object) {
    return effort;
}

static const struct value_ops ops = {
    .name = "list",
    .free = object_free,
    .copy = object_copy,
    .memory = object_memory,
    .free_effort = object_effort,
};

struct last {
    enum change_kind kind;
    unsigned argc, records;
};

static void note(void *context, const struct change *c) {
    struct last *last = context;
    *last = (struct last){c->kind, c->argc, last->records + 1};
}

static struct last last;
static const struct bytes command[] = {{"RPUSH", 5}, {"key", 3}};
static const struct edit edit = {{EVENT_LIST, "rpush"}, command, 2};

static struct world *begin(void) {
    value_register(TYPE_LIST, &ops);
    effort = 1;
    last = (struct last){0};
    struct world *w = world_create(2, 1);
    keyspace_subscribe(w->keyspace, note, &last, NULL);
    return w;
}

static void finish(struct world *w) {
    world_check(w);
    world_free(w);
    assert_int_equal(objects, 0);
}

static void seek(struct world *w, const char *name, struct key *key, struct spot *spot) {
    *key = key_make(bytes_of(name));
    keyspace_seek(&w->view, key, spot);
}

static struct value small_value(struct bytes bytes) {
    return (struct value){.type = TYPE_LIST, .form = 2, .small = bytes};
}

static struct value large_value(void) {
    return (struct value){.type = TYPE_LIST, .form = 1, .large = true, .object = object_make()};
}

static void put_large(struct world *w, const char *name) {
    struct key key;
    struct spot spot;
    struct value value = large_value();
    seek(w, name, &key, &spot);
    assert_true(keyspace_put(&w->view, &spot, &value, &edit));
    assert_ptr_equal(entry_object(spot.entry), value.object);
}

static void a_value_comes_back_as_it_was_put(void **state) {
    struct world *w = begin();
    struct key key;
    struct spot spot;
    seek(w, "key", &key, &spot);
    struct value value = small_value(BYTES("some bytes"));
    assert_true(keyspace_put(&w->view, &spot, &value, &edit));
    assert_int_equal(last.kind, CHANGE_COMMAND);
    assert_int_equal(last.argc, 2);
    struct value back = entry_value(keyspace_find(&w->view, &key));
    assert_true(back.type == TYPE_LIST && back.form == 2 && !back.large);
    assert_true(bytes_equal(back.small, BYTES("some bytes")));

    struct value large = large_value();
    assert_true(keyspace_put(&w->view, &spot, &large, &edit));
    back = entry_value(keyspace_find(&w->view, &key));
    assert_true(back.form == 1 && back.large && back.object == large.object);
    unsigned records = last.records;
    keyspace_edited(&w->view, &spot, &edit);
    assert_int_equal(last.records, records + 1);
    assert_true(keyspace_put(&w->view, &spot, &large, &edit));
    assert_int_equal(objects, 1);

    assert_true(keyspace_put(&w->view, &spot, &value, &edit));
    assert_int_equal(objects, 0);
    finish(w);
}

static void an_entrys_own_bytes_can_be_put(void **state) {
    struct world *w = begin();
    struct key key;
    struct spot spot;
    seek(w, "key", &key, &spot);
    struct value value = small_value(BYTES("some bytes"));
    assert_true(keyspace_put(&w->view, &spot, &value, &edit));
    assert_true(keyspace_set_expiry(&w->view, &spot, w->view.now_ms + 5, (struct event){0}));
    struct value own = entry_value(spot.entry);
    ((char *)own.small.data)[0] = 'S';
    own.form = 3;
    assert_true(keyspace_put(&w->view, &spot, &own, &edit));
    own = entry_value(spot.entry);
    assert_true(own.form == 3 && bytes_equal(own.small, BYTES("Some bytes")));
    assert_true(entry_expiry(spot.entry) == w->view.now_ms + 5);
    finish(w);
}

static void an_object_is_freed_with_its_key(void **state) {
    struct world *w = begin();
    struct key key;
    struct spot spot;
    put_large(w, "removed");
    put_large(w, "expired");
    put_large(w, "overwritten");
    put_large(w, "replaced");
    put_large(w, "kept");
    assert_int_equal(objects, 5);
    seek(w, "removed", &key, &spot);
    keyspace_remove(&w->view, &spot, (struct event){0});
    seek(w, "expired", &key, &spot);
    assert_true(keyspace_set_expiry(&w->view, &spot, w->view.now_ms + 5, (struct event){0}));
    assert_int_equal(objects, 4);
    w->view.now_ms += 6;
    assert_null(keyspace_find(&w->view, &key));
    assert_int_equal(objects, 3);
    seek(w, "overwritten", &key, &spot);
    world_set(w, &key, BYTES("string"), EXPIRY_NONE);
    assert_int_equal(objects, 2);
    seek(w, "replaced", &key, &spot);
    struct value value = large_value();
    assert_true(keyspace_replace(&w->view, &spot, &value, w->view.now_ms + 9, &edit));
    assert_int_equal(last.kind, CHANGE_STORE);
    assert_int_equal(objects, 2);
    world_check(w);
    finish(w);
}

static void an_object_goes_along_with_a_rename(void **state) {
    struct world *w = begin();
    struct key one, two;
    struct spot from, to;
    put_large(w, "one");
    put_large(w, "two");
    seek(w, "two", &two, &to);
    seek(w, "one", &one, &from);
    const void *object = entry_object(from.entry);
    assert_true(keyspace_rename(&w->view, &from, &to));
    assert_int_equal(objects, 1);
    assert_ptr_equal(entry_object(keyspace_find(&w->view, &two)), object);
    assert_null(keyspace_find(&w->view, &one));
    finish(w);
}

static void a_copy_has_an_object_of_its_own(void **state) {
    struct world *w = begin();
    struct view target = w->view;
    struct key key;
    struct spot from, to;
    target.db = 1;
    put_large(w, "key");
    seek(w, "key", &key, &from);
    keyspace_seek(&target, &key, &to);
    memory_fail_after(0);
    assert_false(keyspace_copy(&target, from.entry, NULL, &to, &(struct edit){0}));
    memory_fail_after(1);
    assert_false(keyspace_copy(&target, from.entry, NULL, &to, &(struct edit){0}));
    memory_fail_never();
    assert_int_equal(objects, 1);
    assert_true(keyspace_copy(&target, from.entry, NULL, &to, &(struct edit){0}));
    assert_int_equal(objects, 2);
    assert_ptr_not_equal(entry_object(to.entry), entry_object(from.entry));
    finish(w);
}

static void without_memory_the_object_stays_with_the_caller(void **state) {
    struct world *w = begin();
    struct key key;
    struct spot spot;
    struct value value = large_value();
    seek(w, "key", &key, &spot);
    memory_fail_after(0);
    assert_false(keyspace_put(&w->view, &spot, &value, &edit));
    assert_false(keyspace_replace(&w->view, &spot, &value, w->view.now_ms, &edit));
    memory_fail_never();
    assert_int_equal(last.records, 0);
    assert_int_equal(objects, 1);
    object_free(value.object);
    finish(w);
}

static void a_flush_frees_objects(void **state) {
    for (unsigned async = 0; async < 2; async++) {
        struct world *w = begin();
        put_large(w, "one");
        put_large(w, "two");
        struct key key = key_make(BYTES("three"));
        world_set(w, &key, BYTES("string"), EXPIRY_NONE);
        assert_int_equal(keyspace_flush(&w->view, async), 3);
        while (keyspace_lazyfree_pending(w->keyspace))
            sched_yield();
        assert_int_equal(objects, 0);
        finish(w);
    }
}

static void what_takes_long_to_free_is_freed_elsewhere(void **state) {
    struct world *w = begin();
    put_large(w, "key");
    effort = 1000000;
    struct key key;
    struct spot spot;
    seek(w, "key", &key, &spot);
    keyspace_remove(&w->view, &spot, (struct event){0});
    while (keyspace_lazyfree_pending(w->keyspace))
        sched_yield();
    assert_int_equal(objects, 0);
    finish(w);
}

/* ---- the janitor ---- */

static void count_up(void *argument) {
    atomic_fetch_add((atomic_uint *)argument, 1);
}

static void the_janitor_does_all_it_was_given(void **state) {
    atomic_uint done = 0;
    struct janitor *janitor = janitor_create();
    for (unsigned i = 0; i < 1000; i++)
        janitor_give(janitor, count_up, &done);
    janitor_free(janitor);
    assert_int_equal(done, 1000);
}

static void without_memory_the_janitor_works_at_once(void **state) {
    atomic_uint done = 0;
    struct janitor *janitor = janitor_create();
    for (unsigned countdown = 0; countdown < 2; countdown++) {
        memory_fail_after(countdown);
        janitor_give(janitor, count_up, &done);
        memory_fail_never();
        assert_int_equal(done, countdown + 1);
        assert_int_equal(janitor_pending(janitor), 0);
    }
    janitor_give(janitor, count_up, &done);
    janitor_free(janitor);
    assert_int_equal(done, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_comes_back_as_it_was_put),
        cmocka_unit_test(an_entrys_own_bytes_can_be_put),
        cmocka_unit_test(an_object_is_freed_with_its_key),
        cmocka_unit_test(an_object_goes_along_with_a_rename),
        cmocka_unit_test(a_copy_has_an_object_of_its_own),
        cmocka_unit_test(without_memory_the_object_stays_with_the_caller),
        cmocka_unit_test(a_flush_frees_objects),
        cmocka_unit_test(what_takes_long_to_free_is_freed_elsewhere),
        cmocka_unit_test(the_janitor_does_all_it_was_given),
        cmocka_unit_test(without_memory_the_janitor_works_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
