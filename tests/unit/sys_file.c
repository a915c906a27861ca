/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/file.h"

#include "base/ensure.h"
#include "base/log.h"
#include "sys/logfile.h"
#include "sys/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/strata-file-XXXXXX";
static char target[64];

static int make_folder(void **state) {
    snprintf(target, sizeof target, "%s/target", mkdtemp(folder));
    return 0;
}

static int remove_folder(void **state) {
    unlink(target);
    return rmdir(folder);
}

static void check_content(const char *expected) {
    struct buffer content = {0};
    assert_int_equal(file_read_all(target, &content), 0);
    assert_true(bytes_equal(buffer_bytes(&content), bytes_of(expected)));
    buffer_free(&content);
}

static int count_files(void) {
    DIR *dir = opendir(folder);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void replaces_whole_files(void **state) {
    assert_int_equal(file_write_atomic(target, BYTES("old")), 0);
    check_content("old");
    assert_int_equal(chmod(target, 0600), 0);
    assert_int_equal(file_write_atomic(target, BYTES("")), 0);
    check_content("");
    struct stat info;
    assert_int_equal(stat(target, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(count_files(), 1);

    assert_int_equal(chmod(target, 0664), 0);
    mode_t mask = umask(077);
    assert_int_equal(file_write_atomic(target, BYTES("as it was")), 0);
    umask(mask);
    assert_int_equal(stat(target, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0664);
}

static void follows_links(void **state) {
    char link[sizeof target + 8];
    struct stat info;
    snprintf(link, sizeof link, "%s.link", target);
    assert_int_equal(file_write_atomic(target, BYTES("old")), 0);
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(file_write_atomic(link, BYTES("new")), 0);
    check_content("new");
    assert_true(lstat(link, &info) == 0 && S_ISLNK(info.st_mode));
    unlink(link);
}

static void reads_what_says_no_size(void **state) {
    struct buffer content = {0};
    assert_int_equal(file_read_all("/proc/self/status", &content), 0);
    assert_true(content.len > 100);
    buffer_free(&content);
    assert_int_equal(file_read_all("/nowhere/at/all", &content), -ENOENT);
    assert_int_equal(file_read_all("/tmp", &content), -EISDIR);
    buffer_free(&content);
}

/* A system that fails the nth call, or does less than asked. */
static int calls_until_failure;
static int failure;

static bool fails(void) {
    if (calls_until_failure-- != 0) return false;
    errno = failure;
    return true;
}

static int failing_open(const char *path, int flags, mode_t mode) {
    return fails() ? -1 : file_system_calls.open(path, flags, mode);
}

static ssize_t failing_write(int fd, const void *data, size_t n) {
    return fails() ? -1 : file_system_calls.write(fd, data, MIN(n, (size_t)2));
}

static int failing_fsync(int fd) {
    return fails() ? -1 : file_system_calls.fsync(fd);
}

static int failing_close(int fd) {
    int result = file_system_calls.close(fd);
    return fails() ? -1 : result;
}

static int failing_rename(const char *from, const char *to) {
    return fails() ? -1 : file_system_calls.rename(from, to);
}

static struct file_calls failing_calls(void) {
    struct file_calls calls = file_system_calls;
    calls.open = failing_open;
    calls.write = failing_write;
    calls.fsync = failing_fsync;
    calls.close = failing_close;
    calls.rename = failing_rename;
    return calls;
}

/* Whichever call fails, the file is the old or the new one, whole, and nothing else is left. */
static void leaves_no_half_file(void **state) {
    struct file_calls calls = failing_calls();
    failure = EIO;
    int error = -EIO;
    for (int n = 0; error; n++) {
        file_calls = &file_system_calls;
        assert_int_equal(file_write_atomic(target, BYTES("before")), 0);
        calls_until_failure = n;
        file_calls = &calls;
        error = file_write_atomic(target, BYTES("after it"));
        bool reached = calls_until_failure < 0;
        file_calls = &file_system_calls;
        assert_true(error == 0 || error == -EIO);
        assert_int_equal(count_files(), 1);
        struct buffer content = {0};
        assert_int_equal(file_read_all(target, &content), 0);
        bool is_new = bytes_equal(buffer_bytes(&content), BYTES("after it"));
        assert_true(is_new || (error && bytes_equal(buffer_bytes(&content), BYTES("before"))));
        buffer_free(&content);
        if (!reached) assert_int_equal(error, 0);
        if (reached && error == 0) error = -EIO; /* the failed call did not matter; try the next */
    }
}

static void goes_on_after_interruptions(void **state) {
    struct file_calls calls = failing_calls();
    failure = EINTR;
    calls_until_failure = 2;
    file_calls = &calls;
    assert_int_equal(file_write_atomic(target, BYTES("interrupted")), 0);
    file_calls = &file_system_calls;
    check_content("interrupted");
}

static ssize_t short_writev(int fd, const struct iovec *parts, int count) {
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len)
            return file_system_calls.write(fd, parts[i].iov_base, MIN(parts[i].iov_len, (size_t)3));
    return 0;
}

static ssize_t short_pwrite(int fd, const void *data, size_t n, off_t offset) {
    return file_system_calls.pwrite_synced(fd, data, MIN(n, (size_t)3), offset);
}

static void writes_and_syncs_at_once(void **state) {
    struct file_calls calls = file_system_calls;
    calls.pwrite_synced = short_pwrite;
    int fd = file_open(target, O_RDWR | O_CREAT | O_TRUNC, 0644);
    file_calls = &calls;
    assert_int_equal(file_pwrite_synced(fd, BYTES("lo, world"), 3), 0);
    assert_int_equal(file_pwrite_synced(fd, BYTES("hel"), 0), 0);
    file_calls = &file_system_calls;
    int closed = file_open(target, O_RDONLY, 0);
    assert_int_equal(file_pwrite_synced(closed, BYTES("x"), 0), -EBADF);
    assert_int_equal(file_close(closed), 0);
    assert_int_equal(file_close(fd), 0);
    assert_int_equal(file_set_direct(fd, true), -EBADF);
    check_content("hello, world");
}

static void gathers(void **state) {
    struct file_calls calls = file_system_calls;
    calls.writev = short_writev;
    char hello[] = "hello", comma[] = ", ", world[] = "world";
    struct iovec parts[] = {{hello, 5}, {NULL, 0}, {comma, 2}, {world, 5}};
    int fd = file_open(target, O_RDWR | O_CREAT | O_TRUNC, 0644);
    file_calls = &calls;
    assert_int_equal(file_writev_full(fd, parts, 4), 0);
    file_calls = &file_system_calls;
    char text[32];
    assert_int_equal(file_pread_full(fd, text, sizeof text, 2), 10);
    assert_memory_equal(text, "llo, world", 10);
    assert_int_equal(file_truncate(fd, 5), 0);
    assert_int_equal(file_sync_data(fd), 0);
    assert_int_equal(file_close(fd), 0);
    check_content("hello");
}

static int ranges, range_error;

static int note_range(int fd, off_t offset, off_t size, unsigned flags) {
    ranges++;
    errno = range_error;
    return range_error ? -1 : 0;
}

static void lets_long_files_flow(void **state) {
    const uint64_t step = 4 << 20;
    struct file_flow flow = {0};
    struct file_calls calls = file_system_calls;
    calls.sync_range = note_range;
    file_calls = &calls;
    int fd = file_open(target, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ranges = range_error = 0;
    assert_int_equal(file_flow(fd, &flow, step - 1), 0);
    assert_int_equal(ranges, 0); /* little has been written */
    assert_int_equal(file_flow(fd, &flow, step), 0);
    assert_int_equal(ranges, 1); /* begun */
    assert_int_equal(file_flow(fd, &flow, 2 * step + 5), 0);
    assert_int_equal(ranges, 3); /* begun, and what was begun before waited for */
    assert_true(flow.settled == step && flow.begun == 2 * step + 5);
    range_error = EINVAL; /* the file system cannot */
    assert_int_equal(file_flow(fd, &flow, 4 * step), 0);
    range_error = EIO;
    assert_int_equal(file_flow(fd, &flow, 6 * step), -EIO);
    assert_int_equal(file_close(fd), 0);
    file_calls = &file_system_calls;
}

static void survives_lack_of_memory(void **state) {
    struct buffer content = {0};
    assert_int_equal(file_write_atomic(target, BYTES("text")), 0);
    memory_fail_after(0);
    int error = file_read_all(target, &content);
    memory_fail_never();
    assert_int_equal(error, -ENOMEM);
    buffer_free(&content);
}

static void logs_lines_to_a_file_that_may_move(void **state) {
    char moved[80];
    snprintf(moved, sizeof moved, "%s.1", target);
    unlink(target);
    assert_false(logfile_open("/nowhere/at/all.log"));
    assert_true(logfile_open(target));
    log_notice("first %d", 1);
    assert_int_equal(rename(target, moved), 0);
    log_warning("second");
    log_verbose("too quiet");
    struct buffer content = {0};
    assert_int_equal(file_read_all(target, &content), 0);
    assert_true(buffer_append_char(&content, 0));
    int pid, day, year, hour, minute, second, ms;
    char role, month[4], mark, rest[16];
    assert_int_equal(sscanf(content.data, "%d:%c %d %3s %d %d:%d:%d.%3d %c %15s", &pid, &role, &day,
                            month, &year, &hour, &minute, &second, &ms, &mark, rest),
                     11);
    assert_int_equal(pid, getpid());
    assert_int_equal(role, 'M');
    assert_int_equal(mark, '#');
    assert_string_equal(rest, "second");
    assert_int_equal(content.data[content.len - 2], '\n');
    buffer_free(&content);
    unlink(moved);
    log_set_sink(NULL, NULL);
    assert_false(logfile_syslog(false, "strata", "mail"));
    assert_true(logfile_syslog(false, "strata", "local7"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaces_whole_files),
        cmocka_unit_test(follows_links),
        cmocka_unit_test(reads_what_says_no_size),
        cmocka_unit_test(leaves_no_half_file),
        cmocka_unit_test(goes_on_after_interruptions),
        cmocka_unit_test(writes_and_syncs_at_once),
        cmocka_unit_test(gathers),
        cmocka_unit_test(lets_long_files_flow),
        cmocka_unit_test(survives_lack_of_memory),
        cmocka_unit_test(logs_lines_to_a_file_that_may_move),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
