/* SPDX-License-Identifier: BSD-3-Clause */
/* A home in a directory: every call of the system that an operation makes fails in turn. */
#include "base/ensure.h"
#include "base/random.h"
#include "home/home.h"
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], url[80];
static struct home *home;

/* ---- calls that fail, and what has been called ---- */

static int calls_left, failure; /* the call that comes when none is left fails */
static bool writes_half;        /* so that the next one writes the rest, or fails */
static char called[256];        /* a letter for each call, in order */

static bool fails(char letter) {
    size_t n = strlen(called);
    if (n + 1 < sizeof called) memcpy(called + n, (char[2]){letter}, 2);
    if (calls_left-- != 0) return false;
    errno = failure;
    return true;
}

static size_t share(size_t n) {
    return writes_half ? (n + 1) / 2 : n;
}

static int call_open(const char *path, int flags, mode_t mode) {
    return fails('o') ? -1 : open(path, flags, mode);
}

static ssize_t call_write(int fd, const void *data, size_t n) {
    return fails('w') ? -1 : write(fd, data, share(n));
}

static ssize_t call_writev(int fd, const struct iovec *parts, int count) {
    if (fails('w')) return -1;
    return writes_half ? write(fd, parts->iov_base, share(parts->iov_len))
                       : writev(fd, parts, count);
}

static bool refuses_direct; /* as some file systems do, when it comes to writing */

static bool refused(int fd) {
    if (!refuses_direct || !(fcntl(fd, F_GETFL) & O_DIRECT)) return false;
    errno = EINVAL;
    return true;
}

static ssize_t call_pwrite(int fd, const void *data, size_t n, off_t offset) {
    return fails('p') || refused(fd) ? -1 : pwrite(fd, data, share(n), offset);
}

static ssize_t call_pwrite_synced(int fd, const void *data, size_t n, off_t offset) {
    if (fails('P') || refused(fd)) return -1;
    return file_system_calls.pwrite_synced(fd, data, share(n), offset);
}

static int call_fsync(int fd) {
    return fails('s') ? -1 : fsync(fd);
}

static int call_fdatasync(int fd) {
    return fails('d') ? -1 : fdatasync(fd);
}

static int call_close(int fd) {
    int result = close(fd);
    return fails('c') ? -1 : result;
}

static int call_rename(const char *from, const char *to) {
    return fails('r') ? -1 : rename(from, to);
}

static int call_link(const char *from, const char *to) {
    return fails('l') ? -1 : link(from, to);
}

static int call_unlink(const char *path) {
    return fails('u') ? -1 : unlink(path);
}

static int call_mkdir(const char *path, mode_t mode) {
    return fails('m') ? -1 : mkdir(path, mode);
}

static struct file_calls failing;

static int open_home(void **state) {
    struct buffer error = {0};
    failing = file_system_calls;
    failing.open = call_open;
    failing.write = call_write;
    failing.writev = call_writev;
    failing.pwrite = call_pwrite;
    failing.pwrite_synced = call_pwrite_synced;
    failing.fsync = call_fsync;
    failing.fdatasync = call_fdatasync;
    failing.close = call_close;
    failing.rename = call_rename;
    failing.link = call_link;
    failing.unlink = call_unlink;
    failing.mkdir = call_mkdir;
    snprintf(folder, sizeof folder, "/tmp/strata-home-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(url, sizeof url, "dir:%s/home", folder);
    home = home_open(url, HOME_USE, &error);
    assert_non_null(home);
    return 0;
}

static int close_home(void **state) {
    char command[128];
    file_calls = &file_system_calls;
    home_close(home);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void begin_failing(int after, int error) {
    calls_left = after;
    failure = error;
    *called = 0;
    file_calls = &failing;
}

/* Was the call reached that was to fail? */
static bool end_failing(void) {
    file_calls = &file_system_calls;
    return calls_left < 0;
}

/* ---- looking ---- */

#define OLD "the old content"
#define NEW "the new content, which is longer"

static bool holds(const char *name, const char *content) {
    char room[256];
    ssize_t n = home_get(home, name, 0, room, sizeof room);
    if (!content) return n == -ENOENT;
    return n == (ssize_t)strlen(content) && memcmp(room, content, (size_t)n) == 0;
}

/* What was written has been synced before it got its name, and the directory after that. */
static void expect_synced(char naming) {
    const char *named = strchr(called, naming), *written = strrchr(called, 'w');
    assert_non_null(named);
    assert_non_null(written);
    const char *synced = strchr(written, 's');
    assert_true(synced && synced < named);
    assert_non_null(strchr(named, 's'));
}

static const int errors[] = {EIO, ENOSPC, EDQUOT, EROFS};

/* Runs the operation with each of its calls failing, until none is left that could. `prepare`
 * brings about what is there before. */
static void fail_each_call(void (*prepare)(void), int (*operation)(void),
                           void (*check)(int status, bool failed)) {
    for (int half = 0; half < 2; half++) {
        bool reached = true;
        for (int after = 0; reached; after++) {
            prepare();
            writes_half = half;
            begin_failing(after, errors[(size_t)after % ARRAY_LEN(errors)]);
            int status = operation();
            reached = end_failing();
            check(status, reached);
            assert_true(after < 100);
        }
    }
}

/* ---- put ---- */

static void put_old(void) {
    assert_int_equal(home_put(home, "a/b/object", BYTES(OLD)), 0);
}

static int put_other(void) {
    return home_put(home, "a/b/object", BYTES(NEW));
}

static void check_put(int status, bool failed) {
    if (!failed) assert_int_equal(status, 0);
    if (status == 0) {
        assert_true(holds("a/b/object", NEW));
        expect_synced('r');
    } else {
        assert_true(holds("a/b/object", OLD) || holds("a/b/object", NEW));
    }
}

static void put_is_old_or_new(void **state) {
    fail_each_call(put_old, put_other, check_put);
}

/* ---- put_new, append_new ---- */

static void remove_new(void) {
    home_delete(home, "new/object");
}

static int put_new(void) {
    return home_put_new(home, "new/object", BYTES(NEW));
}

static void check_new(int status, bool failed) {
    if (!failed) assert_int_equal(status, 0);
    if (status == 0) {
        assert_true(holds("new/object", NEW));
        expect_synced('l');
        assert_int_equal(home_put_new(home, "new/object", BYTES(OLD)), -EEXIST);
        assert_true(holds("new/object", NEW));
    } else {
        assert_true(holds("new/object", NULL) || holds("new/object", NEW));
    }
}

static void put_new_is_whole_or_not(void **state) {
    fail_each_call(remove_new, put_new, check_new);
}

static int append_new(void) {
    int error = 0;
    struct home_writer *writer = home_append_new(home, "new/object", BYTES(NEW), &error);
    assert_int_equal(writer != NULL, error == 0);
    home_writer_close(writer);
    return error;
}

static void append_new_is_whole_or_not(void **state) {
    fail_each_call(remove_new, append_new, check_new);
}

/* ---- writers of what has no name ---- */

static int publish(void) {
    int error = 0;
    struct home_writer *writer = home_create(home, &error);
    if (!writer) return error;
    for (size_t i = 0; !error && i < strlen(NEW); i += 8) {
        struct iovec part = {(char *)NEW + i, MIN(strlen(NEW) - i, (size_t)8)};
        error = home_writer_write(writer, &part, 1, false);
    }
    if (!error) return home_writer_publish(writer, "a/b/object");
    home_writer_close(writer);
    return error;
}

static void what_is_published_is_whole(void **state) {
    fail_each_call(put_old, publish, check_put);
}

/* ---- appending ---- */

static struct home_writer *writer;
static unsigned written;

static int append(size_t size, bool sync) {
    static char text[10] = "0123456789";
    struct iovec parts[] = {{text, size}, {text + size, sizeof text - size}};
    return home_writer_write(writer, parts, 2, sync);
}

static void begin_appending(void) {
    int error;
    remove_new();
    writer = home_append_new(home, "new/object", BYTES("head"), &error);
    assert_non_null(writer);
    for (written = 0; written < 4; written++)
        assert_int_equal(append(5, true), 0);
}

/* So often that it is written in blocks, with room ahead. */
static void begin_appending_blocks(void) {
    begin_appending();
    for (; written < 40; written++) {
        assert_int_equal(append(written % 10, written % 2), 0);
        assert_int_equal(home_writer_sync(writer), 0);
        home_writer_prepare(writer);
    }
}

static int append_some(void) {
    int error = append(3, false);
    if (!error) error = append(10, true);
    home_writer_prepare(writer);
    if (!error) error = append(0, false);
    return error ? error : home_writer_sync(writer);
}

static void check_appended(int status, bool failed) {
    char room[1000];
    home_writer_close(writer);
    ssize_t n = home_get(home, "new/object", 0, room, sizeof room);
    unsigned there = written + (status ? 0 : 3);
    assert_true(n >= 4 + 10 * (ssize_t)there && memcmp(room, "head", 4) == 0);
    for (unsigned i = 0; i < there; i++)
        assert_memory_equal(room + 4 + (size_t)i * 10, "0123456789", 10);
    assert_int_equal(status != 0, failed);
    if (!status) assert_int_equal(n, 4 + 10 * there);
    if (!status) assert_int_equal(called[strlen(called) - 1], 'd');
}

static void what_was_synced_stays(void **state) {
    fail_each_call(begin_appending, append_some, check_appended);
    fail_each_call(begin_appending_blocks, append_some, check_appended);
}

/* Then it is all that a sync has to bring to the disk. */
static void a_write_syncs_when_all_before_it_is(void **state) {
    writes_half = false;
    begin_appending_blocks();
    begin_failing(-1, 0);
    assert_int_equal(append(5, true) || append(5, true), 0);
    assert_string_equal(called, "PP");
    assert_int_equal(append(5, false) || append(5, true) || append(5, true), 0);
    assert_string_equal(called, "PPppdP");
    assert_int_equal(home_writer_write(writer, NULL, 0, true), 0);
    assert_string_equal(called, "PPppdPd");
    end_failing();
    home_writer_close(writer);
}

/* Such a write syncs only what it writes itself of the page cache. */
static void what_goes_through_the_page_cache_is_synced_apart(void **state) {
    writes_half = false;
    refuses_direct = true;
    begin_failing(-1, 0);
    begin_appending_blocks();
    begin_failing(-1, 0);
    assert_int_equal(append(5, true), 0);
    assert_string_equal(called, "pd");
    end_failing();
    refuses_direct = false;
    home_writer_close(writer);
}

static void expect_zeros(uint64_t from, size_t count) {
    char *zeros = calloc(1, count), *found = malloc(count);
    assert_int_equal(home_get(home, "new/object", from, found, count), count);
    assert_memory_equal(found, zeros, count);
    free(zeros);
    free(found);
}

/* Zeros stand behind what is written, which the end of writing takes away. Without room on the disk
 * for them, all is as it is without them. */
static void room_is_made_ahead(void **state) {
    writes_half = false;
    for (int room = 0; room < 3; room++) { /* for none of the zeros, for some, for all */
        begin_appending();
        for (; written < 7; written++)
            assert_int_equal(append(5, true), 0);
        home_writer_prepare(writer);
        char nothing;
        assert_int_equal(home_get(home, "new/object", 74, &nothing, 1), 0);
        assert_int_equal(append(5, true), 0); /* the eighth */
        begin_failing(room < 2 ? room : 100, ENOSPC);
        home_writer_prepare(writer);
        assert_int_equal(called[0], 'p');
        end_failing();
        assert_int_equal(append(5, true), 0);
        if (room) expect_zeros(94, room == 1 ? 256 << 10 : 2 << 20);
        home_writer_close(writer);
        assert_int_equal(home_get(home, "new/object", 94, &nothing, 1), 0);
    }
}

/* Pieces of all sizes, synced or not, in whatever way the file system lets them be written. */
static void append_pieces(struct random *random, char *shadow, char *found, size_t most) {
    size_t n = (size_t)home_get(home, "new/object", 0, shadow, most);
    for (size_t longest = 9000; n + longest < most;
         longest = random_below(random, 8) ? 9000 : 600000) {
        size_t size = random_below(random, longest), first = random_below(random, size + 1);
        for (size_t i = 0; i < size; i++)
            shadow[n + i] = (char)random_next(random);
        struct iovec parts[] = {{shadow + n, first}, {shadow + n + first, size - first}};
        n += size;
        assert_int_equal(home_writer_write(writer, parts, 2, random_below(random, 4)), 0);
        if (random_below(random, 2)) home_writer_prepare(writer);
        if (random_below(random, 64)) continue;
        assert_int_equal(home_get(home, "new/object", 0, found, n), n);
        assert_memory_equal(found, shadow, n);
    }
    home_writer_close(writer);
    assert_int_equal(home_get(home, "new/object", 0, found, most), n);
    assert_memory_equal(found, shadow, n);
}

static void what_is_appended_is_there(void **state) {
    enum { MOST = 8 << 20 };
    char *shadow = malloc(MOST), *found = malloc(MOST);
    for (unsigned way = 0; way < 4; way++) {
        struct random random;
        random_seed(&random, way);
        writes_half = way & 1;
        refuses_direct = way & 2;
        begin_failing(-1, 0);
        begin_appending();
        append_pieces(&random, shadow, found, MOST);
        end_failing();
    }
    refuses_direct = false;
    free(shadow);
    free(found);
}

static void what_is_deleted_is_noticed(void **state) {
    begin_appending();
    assert_int_equal(home_delete(home, "new/object"), 0);
    assert_int_equal(append_some(), -ENOENT);
    home_writer_close(writer);
}

/* ---- the lock, and what is left over ---- */

static void what_has_no_name_goes(void **state) {
    char path[PATH_MAX];
    int error;
    struct buffer text = {0};
    struct home_writer *lost = home_create(home, &error);
    assert_non_null(lost);
    assert_null(home_open(url, HOME_USE, &text));
    assert_non_null(memmem(text.data, text.len, "another server", 14));
    snprintf(path, sizeof path, "%s/home/tmp/12345", folder);
    assert_int_equal(file_write_atomic(path, BYTES("left over")), 0);
    home_writer_close(lost);
    home_close(home);
    home = home_open(url, HOME_USE, &text);
    assert_non_null(home);
    assert_int_equal(file_size(path), -ENOENT);
    buffer_free(&text);
}

static void a_home_that_cannot_be_written_is_refused(void **state) {
    home_close(home);
    for (int after = 0, reached = true; reached; after++) {
        struct buffer text = {0};
        begin_failing(after, EROFS);
        home = home_open(url, HOME_USE, &text);
        reached = end_failing();
        assert_int_equal(home == NULL, text.len > 0);
        if (reached && home) home_close(home); /* a close, or what is for people alone */
        buffer_free(&text);
    }
    assert_non_null(home);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_home, close_home)
    const struct CMUnitTest tests[] = {
        TEST(put_is_old_or_new),
        TEST(put_new_is_whole_or_not),
        TEST(append_new_is_whole_or_not),
        TEST(what_is_published_is_whole),
        TEST(what_was_synced_stays),
        TEST(a_write_syncs_when_all_before_it_is),
        TEST(what_goes_through_the_page_cache_is_synced_apart),
        TEST(room_is_made_ahead),
        TEST(what_is_appended_is_there),
        TEST(what_is_deleted_is_noticed),
        TEST(what_has_no_name_goes),
        TEST(a_home_that_cannot_be_written_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
