/* SPDX-License-Identifier: BSD-3-Clause */
/* What the journal says happens again: on any number of threads the same. */
#include "base/random.h"
#include "journal/format.h"
#include "journal/replay.h"
#include "keyspace_world.h"
#include "sys/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { KEYS = 500, DATABASES = 3, THREADS = 3, FRAMES = 40, FRAME_UNITS = 500 };

/* ---- a world whose changes become a frame ---- */

struct story {
    struct world *world;
    struct buffer records, units;
    uint64_t count;
};

static void note(void *context, const struct change *change) {
    struct story *story = context;
    if (change->kind != CHANGE_NOTICE) assert_true(record_write(&story->records, change));
}

static void end_unit(struct story *story) {
    char head[UNIT_HEAD_MAX];
    if (!story->records.len) return;
    unit_head_write(head, story->world->view.now_ms, story->records.len);
    buffer_append(&story->units, head, unit_head_size(story->records.len));
    buffer_append_bytes(&story->units, buffer_bytes(&story->records));
    buffer_clear(&story->records);
    story->count++;
}

/* ---- what happens ---- */

static struct random random_state;

static unsigned below(unsigned n) {
    return (unsigned)random_below(&random_state, n);
}

static struct key random_key(char room[16]) {
    snprintf(room, 16, "key:%u", below(KEYS));
    return key_make(bytes_of(room));
}

static void store(struct world *world, const struct key *key, int64_t expiry) {
    char value[64];
    int length = snprintf(value, sizeof value, "value %u", below(UINT32_MAX));
    world_set(world, key, bytes_make(value, (size_t)length), expiry);
}

/* As a command would that reads one key and writes another. */
static bool copy(const struct view *view, struct bytes from, struct bytes to) {
    struct view own = *view;
    struct key source = key_make(from), target = key_make(to);
    struct spot spot;
    char text[64] = "nothing";
    const struct entry *e = keyspace_peek(&own, &source);
    if (e) snprintf(text, sizeof text, "%.*s", (int)entry_string(e).len, entry_string(e).data);
    keyspace_seek(&own, &target, &spot);
    return keyspace_store_string(
        &own, &spot, &(struct string_store){.value = bytes_of(text), .expiry = EXPIRY_NONE});
}

static void copy_by_command(struct story *story, const struct key *key) {
    char room[16];
    struct key from = random_key(room);
    const struct bytes argv[] = {BYTES("COPY"), from.name, key->name};
    size_t before = story->records.len;
    assert_true(copy(&story->world->view, from.name, key->name));
    story->records.len = before;
    note(story, &(struct change){.kind = CHANGE_COMMAND,
                                 .db = story->world->view.db,
                                 .key = key,
                                 .argv = argv,
                                 .argc = 3});
}

static void rename_to(struct story *story, const struct key *key) {
    struct view *view = &story->world->view;
    char room[16];
    struct key from = random_key(room);
    struct spot source, target;
    if (bytes_equal(from.name, key->name) || !keyspace_seek(view, &from, &source)) return;
    keyspace_seek(view, key, &target);
    keyspace_seek(view, &from, &source);
    assert_true(keyspace_rename(view, &source, &target));
}

static void change_existing(struct story *story, const struct key *key, unsigned what) {
    struct view *view = &story->world->view;
    struct spot spot;
    if (!keyspace_seek(view, key, &spot)) return;
    if (what < 10)
        keyspace_remove(view, &spot, (struct event){0});
    else if (what < 20)
        assert_true(keyspace_set_expiry(view, &spot, view->now_ms + below(500), (struct event){0}));
    else
        assert_true(keyspace_write_range(view, &spot, 10, bytes_of("range"), (struct event){0}));
}

static void change(struct story *story) {
    struct world *world = story->world;
    char room[16];
    struct key key = random_key(room);
    unsigned what = below(100);
    world->view.db = below(DATABASES);
    if (what < 30)
        change_existing(story, &key, what);
    else
        store(world, &key, what < 50 ? world->view.now_ms + below(1000) : EXPIRY_NONE);
    if (below(100) == 0) rename_to(story, &key);
    if (below(100) == 0) copy_by_command(story, &key);
    if (below(2000) == 0) keyspace_swap(&world->view, 0, 1);
    if (below(3000) == 0) keyspace_flush(&world->view, false);
}

/* ---- and again ---- */

static bool run_copy(void *context, unsigned hand, const struct view *view,
                     const struct bytes *argv, unsigned argc) {
    assert_true(hand <= THREADS && argc == 3);
    return copy(view, argv[1], argv[2]);
}

static bool has_one_key(void *context, const struct bytes *argv, unsigned argc) {
    return false;
}

static struct replay *begin(struct world *world, unsigned threads) {
    struct replay *replay = replay_create(&(struct replay_options){.keyspace = world->keyspace,
                                                                   .threads = threads,
                                                                   .run = run_copy,
                                                                   .has_one_key = has_one_key});
    assert_non_null(replay);
    return replay;
}

/* At a time when nothing has expired. */
static void expect_same(struct world *one, struct world *other) {
    char room[16];
    one->view.now_ms = other->view.now_ms = WORLD_BEGAN_MS;
    for (unsigned db = 0; db < DATABASES; db++) {
        one->view.db = other->view.db = db;
        assert_int_equal(keyspace_size(one->keyspace, db).keys,
                         keyspace_size(other->keyspace, db).keys);
        for (unsigned i = 0; i < KEYS; i++) {
            snprintf(room, sizeof room, "key:%u", i);
            struct key key = key_make(bytes_of(room));
            world_expect_same(one, other, &key);
        }
    }
}

static void tell_frame(struct story *story) {
    buffer_clear(&story->units);
    story->count = 0;
    for (unsigned unit = 0; unit < FRAME_UNITS; unit++) {
        story->world->view.now_ms += below(3);
        for (unsigned left = 1 + below(4); left; left--)
            change(story);
        end_unit(story);
    }
}

static void the_same_happens_on_any_number_of_threads(void **state) {
    struct story story = {.world = world_create(DATABASES, THREADS + 1)};
    struct world *alone = world_create(DATABASES, THREADS + 1);
    struct world *shared = world_create(DATABASES, THREADS + 1);
    struct replay *one = begin(alone, 0), *many = begin(shared, THREADS);
    uint64_t units = 0;
    random_seed(&random_state, 1);
    keyspace_subscribe(story.world->keyspace, note, &story, NULL);
    for (unsigned i = 0; i < FRAMES; i++) {
        tell_frame(&story);
        units += story.count;
        struct frame frame = {.count = story.count, .units = buffer_bytes(&story.units)};
        assert_int_equal(replay_frame(one, &frame), REPLAY_DONE);
        assert_int_equal(replay_frame(many, &frame), REPLAY_DONE);
    }
    assert_int_equal(replay_drain(one), REPLAY_DONE);
    assert_int_equal(replay_drain(many), REPLAY_DONE);
    assert_int_equal(replay_counts(many).units, units);
    assert_int_equal(replay_counts(one).misfits, 0);
    assert_int_equal(replay_counts(many).misfits, 0);
    replay_free(one);
    replay_free(many);
    expect_same(story.world, alone);
    expect_same(story.world, shared);
    buffer_free(&story.records);
    buffer_free(&story.units);
    world_check(alone);
    world_check(shared);
    world_drop(alone);
    world_drop(shared);
    world_free(story.world);
}

/* A record that does not fit is counted, whoever finds it. */
static void misfits_are_counted(void **state) {
    struct story story = {.world = world_create(DATABASES, THREADS + 1)};
    struct replay *replay = begin(story.world, THREADS);
    for (unsigned i = 0; i < 3000; i++) {
        char room[16];
        struct key key = random_key(room);
        note(&story, &(struct change){.kind = CHANGE_REMOVE, .key = &key});
        end_unit(&story);
    }
    struct frame frame = {.skip = 500, .count = 2500, .units = buffer_bytes(&story.units)};
    assert_int_equal(replay_frame(replay, &frame), REPLAY_DONE);
    assert_int_equal(replay_drain(replay), REPLAY_DONE);
    assert_int_equal(replay_counts(replay).units, 2000);
    assert_int_equal(replay_counts(replay).misfits, 2000);
    replay_free(replay);
    buffer_free(&story.records);
    buffer_free(&story.units);
    world_free(story.world);
}

static void bytes_that_are_no_units_are_refused(void **state) {
    struct world *world = world_create(DATABASES, 1);
    struct replay *replay = begin(world, 0);
    struct frame frame = {.count = 1, .units = BYTES("\x09\0\0\0\0\0\0\0\0?")};
    assert_int_equal(replay_frame(replay, &frame), REPLAY_CORRUPT);
    replay_free(replay);
    world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_happens_on_any_number_of_threads),
        cmocka_unit_test(misfits_are_counted),
        cmocka_unit_test(bytes_that_are_no_units_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
