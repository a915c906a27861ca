/* SPDX-License-Identifier: BSD-3-Clause */
/* The journal from the change to the replay, with everything broken that can break in between. */
#include "base/ensure.h"
#include "home/home.h"
#include "journal/journal.h"
#include "journal/reader.h"
#include "journal/replay.h"
#include "keyspace_world.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { KEYS = 64 };

static char folder[64], url[80];

static void remove_folder(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

static int make_folder(void **state) {
    snprintf(folder, sizeof folder, "/tmp/strata-journal-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(url, sizeof url, "dir:%s/home", folder);
    return 0;
}

static int drop_folder(void **state) {
    file_calls = &file_system_calls;
    remove_folder();
    return 0;
}

static struct home *open_home(void) {
    struct buffer error = {0};
    struct home *home = home_open(url, HOME_USE, &error);
    if (!home) fail_msg("%.*s", (int)error.len, error.data);
    return home;
}

/* ---- a world with a journal ---- */

struct kept {
    struct world *world;
    struct home *home;
    struct journal *journal;
    uint64_t last;
};

static uint64_t end_unit(void *context, int64_t now_ms) {
    return journal_end_unit(context, now_ms);
}

static void open_kept(struct kept *kept, uint64_t first, uint64_t segment_bytes) {
    kept->world = world_create(2, 1);
    kept->home = open_home();
    kept->journal = journal_create(&(struct journal_options){
        .home = kept->home, .keyspace = kept->world->keyspace, .segment_bytes = segment_bytes});
    keyspace_on_unit_end(kept->world->keyspace, end_unit, kept->journal);
    assert_int_equal(journal_start(kept->journal, first), 0);
}

static bool close_kept(struct kept *kept) {
    bool good = journal_stop(kept->journal);
    kept->last = journal_last(kept->journal);
    journal_free(kept->journal);
    home_close(kept->home);
    world_free(kept->world);
    return good;
}

static struct key key_of(unsigned number, char room[16]) {
    snprintf(room, 16, "key:%u", number % KEYS);
    return key_make(bytes_of(room));
}

/* The n-th unit: always the same, of one record or several. */
static void change(struct view *view, unsigned n) {
    char room[16], value[64];
    struct key key = key_of(n * 7, room);
    struct spot spot;
    bool there = keyspace_seek(view, &key, &spot) != NULL;
    int length = snprintf(value, sizeof value, "value %u", n);
    if (n % 5 == 4 && there) {
        keyspace_remove(view, &spot, (struct event){0});
    } else {
        const struct string_store store = {.value = bytes_make(value, (size_t)length),
                                           .expiry =
                                               n % 3 ? EXPIRY_NONE : WORLD_BEGAN_MS + 1000000 + n};
        assert_true(keyspace_store_string(view, &spot, &store));
        assert_true(keyspace_write_range(view, &spot, 20, bytes_of("range"), (struct event){0}));
    }
    keyspace_end_unit(view);
}

static void change_many(struct kept *kept, unsigned from, unsigned to) {
    for (unsigned n = from; n < to; n++) {
        change(&kept->world->view, n);
        if (n % 8 == 7) journal_wake(kept->journal);
    }
    journal_wake(kept->journal);
}

/* ---- and back ---- */

static bool no_command(void *context, unsigned hand, const struct view *view,
                       const struct bytes *argv, unsigned argc) {
    return false;
}

/* How the log ends, after applying all that it has to a fresh world. */
static enum reader_result replay_all(struct world *world, struct home *home, uint64_t *last) {
    struct segment_list list;
    struct journal_reader reader;
    struct replay *replay =
        replay_create(&(struct replay_options){.keyspace = world->keyspace, .run = no_command});
    struct frame frame;
    enum reader_result result = READ_DAMAGED;
    assert_int_equal(segment_list_read(home, &list), 0);
    if (journal_reader_begin(&reader, home, &list, 0))
        while ((result = journal_reader_next(&reader, &frame)) == READ_FRAME)
            assert_int_equal(replay_frame(replay, &frame), REPLAY_DONE);
    *last = reader.next - 1;
    assert_int_equal(replay_drain(replay), REPLAY_DONE);
    assert_int_equal(replay_counts(replay).misfits, 0);
    assert_int_equal(result == READ_DAMAGED || result == READ_FAILED, reader.error.len > 0);
    journal_reader_free(&reader);
    segment_list_free(&list);
    replay_free(replay);
    return result;
}

static void expect_same(struct world *one, struct world *other) {
    for (unsigned i = 0; i < KEYS; i++) {
        char room[16];
        struct key key = key_of(i, room);
        world_expect_same(one, other, &key);
    }
}

/* What is in the home is what the first `count` changes make. */
static void expect_changes(unsigned count) {
    struct home *home = open_home();
    struct world *world = world_create(2, 1), *model = world_create(2, 1);
    uint64_t last;
    enum reader_result result = replay_all(world, home, &last);
    assert_true(result == READ_END || result == READ_TORN);
    assert_int_equal(last, count);
    for (unsigned n = 0; n < count; n++)
        change(&model->view, n);
    expect_same(world, model);
    world_drop(world);
    world_free(model);
    home_close(home);
}

static void what_was_changed_happens_again(void **state) {
    struct kept kept;
    open_kept(&kept, 1, 0);
    change_many(&kept, 0, 1000);
    assert_true(journal_sync(kept.journal));
    change_many(&kept, 1000, 1500);
    assert_true(close_kept(&kept));
    assert_int_equal(kept.last, 1500);
    expect_changes(1500);
}

static void segments_follow_each_other(void **state) {
    struct kept kept;
    open_kept(&kept, 1, 2000);
    for (unsigned n = 0; n < 2000; n += 20) {
        change_many(&kept, n, n + 20);
        assert_true(journal_sync(kept.journal));
    }
    assert_true(journal_status(kept.journal).segments > 10);
    assert_true(journal_forget(kept.journal, 0) == 0);
    assert_true(close_kept(&kept));
    expect_changes(2000);
}

static void large_units_are_whole(void **state) {
    static char large[300000];
    struct kept kept;
    open_kept(&kept, 1, 100000);
    for (unsigned i = 0; i < 20; i++) {
        char room[16];
        struct key key = key_of(i, room);
        world_set(kept.world, &key, bytes_make(large, i * 15000), EXPIRY_NONE);
        assert_int_equal(keyspace_end_unit(&kept.world->view), i + 1);
    }
    journal_wake(kept.journal);
    assert_true(close_kept(&kept));
    struct home *home = open_home();
    struct world *world = world_create(2, 1);
    uint64_t last;
    assert_int_equal(replay_all(world, home, &last), READ_END);
    assert_int_equal(last, 20);
    for (unsigned i = 0; i < 20; i++) {
        char room[16];
        struct key key = key_of(i, room);
        assert_int_equal(entry_string(keyspace_peek(&world->view, &key)).len, i * 15000);
    }
    world_free(world);
    home_close(home);
}

static void what_a_snapshot_covers_is_forgotten(void **state) {
    struct kept kept;
    struct segment_list list;
    open_kept(&kept, 1, 1000);
    for (unsigned n = 0; n < 500; n += 10) {
        change_many(&kept, n, n + 10);
        assert_true(journal_sync(kept.journal));
    }
    assert_true(journal_forget(kept.journal, 400) > 5);
    assert_int_equal(segment_list_read(kept.home, &list), 0);
    assert_true(list.items[0].first <= 401 && list.items[1].first > 401);
    struct journal_reader reader;
    struct frame frame;
    assert_true(journal_reader_begin(&reader, kept.home, &list, 400));
    assert_int_equal(journal_reader_next(&reader, &frame), READ_FRAME);
    assert_int_equal(frame.head.first + frame.skip, 401);
    journal_reader_free(&reader);
    assert_false(journal_reader_begin(&reader, kept.home, &list, 100));
    assert_true(reader.error.len > 0);
    journal_reader_free(&reader);
    segment_list_free(&list);
    assert_true(close_kept(&kept));
}

/* ---- damage ---- */

static void segment_path(char out[PATH_MAX], unsigned first) {
    snprintf(out, PATH_MAX, "%s/home/journal/%020u.log", folder, first);
}

static void write_all(const char *path, struct bytes content) {
    int fd = file_open(path, O_WRONLY | O_TRUNC, 0);
    assert_true(fd >= 0);
    assert_int_equal(file_write_full(fd, content), 0);
    file_close(fd);
}

/* Reads what is in the home; whatever is applied is a prefix of what was done. */
static enum reader_result read_damaged(struct home *home, uint64_t *last) {
    struct world *world = world_create(2, 1);
    enum reader_result result = replay_all(world, home, last);
    struct world *model = world_create(2, 1);
    for (unsigned n = 0; n < *last; n++)
        change(&model->view, n);
    expect_same(world, model);
    world_drop(world);
    world_free(model);
    return result;
}

/* A journal of 60 units in six frames: where its segment is, and what that holds. */
static struct buffer keep_sixty(char path[PATH_MAX]) {
    struct kept kept;
    struct buffer content = {0};
    open_kept(&kept, 1, 0);
    for (unsigned n = 0; n < 60; n += 10) {
        change_many(&kept, n, n + 10);
        assert_true(journal_sync(kept.journal));
    }
    assert_true(close_kept(&kept));
    segment_path(path, 1);
    assert_int_equal(file_read_all(path, &content), 0);
    return content;
}

static void every_flipped_bit_is_found(void **state) {
    char path[PATH_MAX];
    struct buffer content = keep_sixty(path);
    struct home *home = open_home();
    for (size_t at = 0; at < content.len; at++) {
        uint64_t last;
        content.data[at] ^= (char)(1 << at % 8);
        write_all(path, buffer_bytes(&content));
        content.data[at] ^= (char)(1 << at % 8);
        enum reader_result result = read_damaged(home, &last);
        /* The last frame says that all is durable: what is flipped in it costs nothing. */
        if (at < content.len - FRAME_HEAD_SIZE)
            assert_int_equal(result, READ_DAMAGED);
        else
            assert_int_equal(last, 60);
    }
    buffer_free(&content);
    home_close(home);
}

static void every_cut_is_survived(void **state) {
    char path[PATH_MAX];
    struct buffer content = keep_sixty(path);
    struct home *home = open_home();
    uint64_t before = 60;
    for (size_t size = content.len; size-- > SEGMENT_HEAD_SIZE;) {
        uint64_t last;
        write_all(path, bytes_make(content.data, size));
        enum reader_result result = read_damaged(home, &last);
        assert_true(result == READ_TORN || result == READ_END);
        assert_true(last <= before);
        before = last;
    }
    assert_int_equal(before, 0);
    buffer_free(&content);
    home_close(home);
}

/* What a writer leaves behind that has made room and was killed. */
static void zeros_behind_the_end_are_no_damage(void **state) {
    struct kept kept;
    open_kept(&kept, 1, 0);
    change_many(&kept, 0, 60);
    assert_true(close_kept(&kept));
    char path[PATH_MAX];
    struct buffer content = {0};
    segment_path(path, 1);
    assert_int_equal(file_read_all(path, &content), 0);
    size_t size = content.len;
    struct home *home = open_home();
    uint64_t last;
    for (size_t zeros = 1; zeros < 200; zeros += 13) {
        while (content.len < size + zeros)
            assert_true(buffer_append_bytes(&content, bytes_make("", 1)));
        write_all(path, buffer_bytes(&content));
        assert_int_equal(read_damaged(home, &last), READ_END);
        assert_int_equal(last, 60);
    }
    content.data[content.len - 1] = 1;
    write_all(path, buffer_bytes(&content));
    assert_int_equal(read_damaged(home, &last), READ_TORN);
    assert_int_equal(last, 60);
    buffer_free(&content);
    home_close(home);
}

static void missing_segments_are_missed(void **state) {
    struct kept kept;
    struct segment_list list;
    uint64_t last;
    open_kept(&kept, 1, 1000);
    for (unsigned n = 0; n < 100; n += 10) {
        change_many(&kept, n, n + 10);
        assert_true(journal_sync(kept.journal));
    }
    assert_true(close_kept(&kept));
    struct home *home = open_home();
    assert_int_equal(segment_list_read(home, &list), 0);
    assert_true(list.count >= 3);
    for (size_t i = 0; i < list.count; i++) {
        char path[PATH_MAX], aside[PATH_MAX + 8];
        segment_path(path, (unsigned)list.items[i].first);
        snprintf(aside, sizeof aside, "%s.aside", path);
        assert_int_equal(file_rename(path, aside), 0);
        assert_int_equal(read_damaged(home, &last), READ_DAMAGED);
        assert_int_equal(file_rename(aside, path), 0);
    }
    assert_int_equal(read_damaged(home, &last), READ_END);
    segment_list_free(&list);
    home_close(home);
}

/* ---- faults ---- */

static struct file_calls faulty;
static _Atomic int calls_left, failure;
static enum {
    FAIL_WRITE,
    FAIL_SHORT,
    FAIL_SYNC,
    FAIL_OPEN,
    FAIL_LINK,
    FAIL_RENAME,
    FAIL_KINDS
} kind;

static bool fails(int which) {
    if ((int)kind != which || calls_left-- > 0) return false;
    errno = failure;
    return failure != 0;
}

static ssize_t faulty_writev(int fd, const struct iovec *parts, int count) {
    if (fails(FAIL_WRITE)) return -1;
    if (fails(FAIL_SHORT)) {
        if (parts->iov_len < 2 || calls_left < -1) return -1;
        return write(fd, parts->iov_base, parts->iov_len / 2);
    }
    return writev(fd, parts, count);
}

static int faulty_fdatasync(int fd) {
    return fails(FAIL_SYNC) ? -1 : fdatasync(fd);
}

static int faulty_open(const char *path, int flags, mode_t mode) {
    return flags & O_WRONLY && fails(FAIL_OPEN) ? -1 : open(path, flags, mode);
}

static int faulty_link(const char *from, const char *to) {
    return fails(FAIL_LINK) ? -1 : link(from, to);
}

static int faulty_rename(const char *from, const char *to) {
    return fails(FAIL_RENAME) ? -1 : rename(from, to);
}

static void break_calls(int which, int after, int error) {
    kind = (unsigned)which;
    calls_left = after;
    failure = error;
}

static void wait_for_failure(const struct kept *kept, uint64_t failures) {
    while (journal_status(kept->journal).failures <= failures)
        usleep(1000);
}

/* Whatever fails: nothing is said to be durable that is not, and what could not be written is, once
 * it can be again. */
static void nothing_is_lost_to_faults(void **state) {
    faulty = file_system_calls;
    faulty.writev = faulty_writev;
    faulty.fdatasync = faulty_fdatasync;
    faulty.open = faulty_open;
    faulty.link = faulty_link;
    faulty.rename = faulty_rename;
    struct kept kept;
    file_calls = &faulty;
    failure = 0;
    open_kept(&kept, 1, 3000);
    unsigned n = 0;
    for (int which = 0; which < FAIL_KINDS; which++) {
        change_many(&kept, n, n + 50);
        n += 50;
        assert_true(journal_sync(kept.journal));
        uint64_t failures = journal_status(kept.journal).failures;
        break_calls(which, 0, which == FAIL_SYNC ? EIO : ENOSPC);
        change_many(&kept, n, n + 90); /* more than a segment: one has to be opened */
        n += 90;
        journal_want(kept.journal, n);
        journal_wake(kept.journal);
        wait_for_failure(&kept, failures);
        assert_true(journal_durable(kept.journal) < n);
        assert_int_not_equal(journal_status(kept.journal).error, 0);
        change_many(&kept, n, n + 10); /* as expiry does, whatever is refused */
        n += 10;
        failure = 0;
        while (journal_durable(kept.journal) < n) {
            journal_want(kept.journal, n);
            journal_wake(kept.journal);
            usleep(1000);
        }
        assert_int_equal(journal_status(kept.journal).error, 0);
    }
    file_calls = &file_system_calls;
    assert_true(close_kept(&kept));
    expect_changes(n);
}

/* Changes, and somebody waits for each of them. */
static void want_changes(struct kept *kept, unsigned from, unsigned to) {
    for (unsigned n = from; n < to; n++) {
        change(&kept->world->view, n);
        journal_want(kept->journal, journal_last(kept->journal));
    }
}

static void wait_until_durable(const struct kept *kept) {
    while (journal_durable(kept->journal) < journal_last(kept->journal))
        usleep(100);
}

/* Opens it, and leaves a sync of four behind. */
static void open_after_four(struct kept *kept) {
    open_kept(kept, 1, 0);
    want_changes(kept, 0, 4);
    assert_false(journal_wake(kept->journal));
    wait_until_durable(kept);
}

static void who_waits_waits_for_those_of_the_last_sync(void **state) {
    struct kept kept;
    open_after_four(&kept);
    want_changes(&kept, 4, 5);
    assert_true(journal_wake(kept.journal));
    want_changes(&kept, 5, 8);
    assert_false(journal_wake(kept.journal));
    wait_until_durable(&kept);
    assert_int_equal(journal_status(kept.journal).syncs, 2);
    assert_true(close_kept(&kept));
    expect_changes(8);
}

static void nobody_waits_long_for_those_who_do_not_come(void **state) {
    struct kept kept;
    open_after_four(&kept);
    want_changes(&kept, 4, 5);
    int64_t began_us = clock_mono_us();
    while (journal_wake(kept.journal)) {
    }
    assert_in_range(clock_mono_us() - began_us, 20, 1000000);
    wait_until_durable(&kept);
    assert_true(close_kept(&kept));
    expect_changes(5);
}

static void a_second_home_is_refused(void **state) {
    struct home *home = open_home();
    struct buffer error = {0};
    assert_null(home_open(url, HOME_USE, &error));
    assert_non_null(memmem(error.data, error.len, "another server", 14));
    buffer_free(&error);
    home_close(home);
    home_close(open_home());
    assert_null(home_open("nowhere:x", HOME_USE, &error));
    buffer_free(&error);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)
    const struct CMUnitTest tests[] = {
        TEST(what_was_changed_happens_again),
        TEST(segments_follow_each_other),
        TEST(large_units_are_whole),
        TEST(what_a_snapshot_covers_is_forgotten),
        TEST(every_flipped_bit_is_found),
        TEST(every_cut_is_survived),
        TEST(zeros_behind_the_end_are_no_damage),
        TEST(missing_segments_are_missed),
        TEST(nothing_is_lost_to_faults),
        TEST(who_waits_waits_for_those_of_the_last_sync),
        TEST(nobody_waits_long_for_those_who_do_not_come),
        TEST(a_second_home_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
