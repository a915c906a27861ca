/* SPDX-License-Identifier: BSD-3-Clause */
/* Which events a subscriber sees, in which order: what clients get as keyspace notifications. */
#include "keyspace_world.h"
#include "sys/memory.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct stage {
    struct world *world;
    struct buffer seen; /* "event=key@db ..." */
};

static void note(void *context, const struct change *c) {
    struct stage *stage = context;
    if (!c->event.class) return;
    buffer_printf(&stage->seen, "%s%s=%.*s@%u", stage->seen.len ? " " : "", c->event.name,
                  c->key ? (int)c->key->name.len : 0, c->key ? c->key->name.data : "", c->db);
}

static int begin(void **state) {
    static struct stage stage;
    stage = (struct stage){.world = world_create(2, 1)};
    keyspace_subscribe(stage.world->keyspace, note, &stage, NULL);
    keyspace_want_events(stage.world->keyspace, UINT32_MAX);
    *state = &stage;
    return 0;
}

static int end(void **state) {
    struct stage *stage = *state;
    buffer_free(&stage->seen);
    world_free(stage->world);
    return 0;
}

static void expect(struct stage *stage, const char *events) {
    if (!bytes_equal(buffer_bytes(&stage->seen), bytes_of(events)))
        fail_msg("'%.*s' instead of '%s'", (int)stage->seen.len, stage->seen.data, events);
    buffer_clear(&stage->seen);
}

/* Not inlined: of a literal shorter than its registers, the hash would make the compiler warn. */
static __attribute__((noinline)) struct key named(const char *name) {
    return key_make(bytes_of(name));
}

static void store(struct stage *stage, const char *name, int64_t expiry) {
    struct key key = named(name);
    struct spot spot;
    keyspace_seek(&stage->world->view, &key, &spot);
    struct string_store store = {
        .value = BYTES("value"), .expiry = expiry, .event = {EVENT_STRING, "set"}};
    assert_true(keyspace_store_string(&stage->world->view, &spot, &store));
}

static void a_store_tells_of_new_keys(void **state) {
    store(*state, "key", EXPIRY_NONE);
    expect(*state, "new=key@0 set=key@0");
    store(*state, "key", EXPIRY_NONE);
    expect(*state, "set=key@0");
}

static void a_range_tells_of_new_keys(void **state) {
    struct stage *stage = *state;
    struct key key = named("key");
    struct spot spot;
    struct event append = {EVENT_STRING, "append"};
    keyspace_seek(&stage->world->view, &key, &spot);
    assert_true(keyspace_write_range(&stage->world->view, &spot, 0, BYTES("a"), append));
    assert_true(keyspace_write_range(&stage->world->view, &spot, 1, BYTES("b"), append));
    expect(stage, "new=key@0 append=key@0 append=key@0");
}

static void misses_are_told_by_reads_alone(void **state) {
    struct stage *stage = *state;
    struct key key = named("key");
    struct spot spot;
    keyspace_find(&stage->world->view, &key);
    keyspace_peek(&stage->world->view, &key);
    keyspace_seek_read(&stage->world->view, &key, &spot);
    expect(stage, "keymiss=key@0 keymiss=key@0 keymiss=key@0");
    keyspace_seek(&stage->world->view, &key, &spot);
    expect(stage, "");
}

static void an_expired_key_is_told_before_its_miss(void **state) {
    struct stage *stage = *state;
    struct key key = named("key");
    store(stage, "key", stage->world->view.now_ms + 10);
    stage->world->view.now_ms += 11;
    expect(stage, "new=key@0 set=key@0");
    keyspace_find(&stage->world->view, &key);
    expect(stage, "expired=key@0 keymiss=key@0");
    store(stage, "key", stage->world->view.now_ms + 10);
    stage->world->view.now_ms += 11;
    store(stage, "key", EXPIRY_NONE);
    expect(stage, "new=key@0 set=key@0 expired=key@0 new=key@0 set=key@0");
}

static bool store_several(struct stage *stage, const char *const *names, unsigned count,
                          int64_t expiry) {
    struct key keys[4];
    struct bytes values[8];
    for (unsigned i = 0; i < count; i++) {
        keys[i] = named(names[i]);
        values[2 * i] = i % 2 ? BYTES("a value that is much longer than the other") : BYTES("v");
    }
    struct string_batch batch = {.keys = keys,
                                 .values = values,
                                 .count = count,
                                 .expiry = expiry,
                                 .event = {EVENT_STRING, "set"},
                                 .then = {EVENT_GENERIC, "expire"}};
    return keyspace_store_strings(&stage->world->view, &batch);
}

static void several_strings_are_told_one_by_one(void **state) {
    struct stage *stage = *state;
    const char *const names[] = {"one", "two", "one"};
    store(stage, "two", EXPIRY_NONE);
    buffer_clear(&stage->seen);
    assert_true(store_several(stage, names, 3, stage->world->view.now_ms + 10));
    expect(stage, "new=one@0 set=one@0 expire=one@0 set=two@0 expire=two@0 set=one@0 expire=one@0");
    world_check(stage->world);
}

/* Wherever memory ends, all keys are as they were. */
static void several_strings_are_stored_whole_or_not_at_all(void **state) {
    struct stage *stage = *state;
    const char *const names[] = {"one", "two", "one", "three"};
    store(stage, "two", stage->world->view.now_ms + 10);
    buffer_clear(&stage->seen);
    bool stored = false;
    for (unsigned countdown = 0; !stored; countdown++) {
        memory_fail_after(countdown);
        stored = store_several(stage, names, 4, EXPIRY_NONE);
        memory_fail_never();
        world_check(stage->world);
        if (stored) break;
        expect(stage, "");
        struct key one = named("one"), two = named("two");
        struct spot spot;
        spot_find(&stage->world->view, &one, &spot);
        assert_null(spot.entry);
        spot_find(&stage->world->view, &two, &spot);
        assert_true(bytes_equal(entry_string(spot.entry), BYTES("value")));
        assert_true(entry_has_expiry(spot.entry));
    }
}

static void moving_is_told_in_both_databases(void **state) {
    struct stage *stage = *state;
    struct view *view = &stage->world->view, other = *view;
    struct key key = named("key");
    struct spot from, to;
    other.db = 1;
    store(stage, "key", view->now_ms + 10);
    buffer_clear(&stage->seen);
    keyspace_seek(&other, &key, &to);
    keyspace_seek(view, &key, &from);
    assert_true(keyspace_move(view, &from, &other, &to));
    expect(stage, "new=key@1 move_from=key@0 move_to=key@1");
    assert_null(keyspace_seek(view, &key, &from));
    assert_true(entry_has_expiry(keyspace_seek(&other, &key, &to)));
    world_check(stage->world);
}

static void rename_and_copy_make_new_keys(void **state) {
    struct stage *stage = *state;
    struct view *view = &stage->world->view, other = *view;
    struct key one = named("one"), two = named("two");
    struct spot from, to;
    other.db = 1;
    for (unsigned i = 0; i < 2; i++) {
        store(stage, "one", EXPIRY_NONE);
        buffer_clear(&stage->seen);
        keyspace_seek(view, &two, &to);
        keyspace_seek(view, &one, &from);
        assert_true(keyspace_rename(view, &from, &to));
        expect(stage, "new=two@0 rename_from=one@0 rename_to=two@0");
        keyspace_seek(&other, &one, &to);
        keyspace_seek(view, &two, &from);
        assert_true(keyspace_copy(&other, from.entry, NULL, &to,
                                  &(struct edit){{EVENT_GENERIC, "copy_to"}}));
        expect(stage, "new=one@1 copy_to=one@1");
    }
}

static void events_that_nobody_wants_are_not_made(void **state) {
    struct stage *stage = *state;
    struct key key = named("nothing");
    keyspace_want_events(stage->world->keyspace, EVENT_GENERIC | EVENT_STRING);
    store(stage, "key", EXPIRY_NONE);
    keyspace_find(&stage->world->view, &key);
    keyspace_notify(&stage->world->view, &key, (struct event){EVENT_GENERIC, "expire"});
    keyspace_notify(&stage->world->view, &key, (struct event){0});
    expect(stage, "set=key@0 expire=nothing@0");
}

#define EVENT_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        EVENT_TEST(a_store_tells_of_new_keys),
        EVENT_TEST(a_range_tells_of_new_keys),
        EVENT_TEST(misses_are_told_by_reads_alone),
        EVENT_TEST(an_expired_key_is_told_before_its_miss),
        EVENT_TEST(several_strings_are_told_one_by_one),
        EVENT_TEST(several_strings_are_stored_whole_or_not_at_all),
        EVENT_TEST(moving_is_told_in_both_databases),
        EVENT_TEST(rename_and_copy_make_new_keys),
        EVENT_TEST(events_that_nobody_wants_are_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
