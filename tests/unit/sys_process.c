/* SPDX-License-Identifier: BSD-3-Clause */
/* process, thread, clock and entropy. */
#include "sys/process.h"

#include "base/ensure.h"
#include "base/log.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/file.h"
#include "sys/logfile.h"
#include "sys/memory.h"
#include "sys/thread.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void tells_time(void **state) {
    int64_t ms = clock_wall_ms(), us = clock_wall_us();
    assert_true(ms > INT64_C(1600000000000));
    assert_in_range(us / 1000 - ms, 0, 1000);
    /* A busy machine may stop us between the readings of the two clocks, but not each time. */
    bool agree = false;
    for (int attempt = 0; attempt < 20 && !agree; attempt++) {
        int64_t start_us = clock_mono_us();
        uint64_t start = clock_ticks();
        usleep(20000);
        double measured = (double)(clock_ticks() - start) / clock_ticks_per_us();
        double expected = (double)(clock_mono_us() - start_us);
        assert_true(expected >= 20000);
        agree = measured > expected * 0.8 && measured < expected * 1.2;
    }
    assert_true(agree);
}

static void draws_entropy(void **state) {
    char first[41], second[41];
    entropy_hex(first, 20);
    entropy_hex(second, 20);
    assert_int_equal(strlen(first), 40);
    assert_int_equal(strspn(first, "0123456789abcdef"), 40);
    assert_string_not_equal(first, second);
}

static void look_around(void *arg) {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    bool *good = arg;
    char name[16];
    pthread_getname_np(pthread_self(), name, sizeof name);
    *good = sigismember(&mask, SIGTERM) && !sigismember(&mask, SIGSEGV) &&
            !sigismember(&mask, SIGUSR2) && strcmp(name, "a name that is ") == 0;
}

static void starts_threads(void **state) {
    struct thread thread;
    bool good = false;
    assert_int_equal(thread_start("a name that is too long", look_around, &good, &thread), 0);
    thread_join(&thread);
    assert_true(good);
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    assert_false(sigismember(&mask, SIGTERM));
    memory_fail_after(0);
    assert_int_equal(thread_start("none", look_around, &good, &thread), -ENOMEM);
    memory_fail_never();
}

static void counts_cores(void **state) {
    assert_in_range(cpu_count(), 1, 4096);
}

static void waits_until_a_deadline(void **state) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
    pthread_mutex_lock(&mutex);
    int64_t until_us = clock_mono_us() + 2000;
    while (thread_wait_until(&changed, &mutex, until_us)) {
    }
    assert_true(clock_mono_us() >= until_us);
    assert_false(thread_lock_until(&mutex, until_us));
    pthread_mutex_unlock(&mutex);
    assert_true(thread_lock_until(&mutex, until_us));
}

static void be_brief(void *arg) {
    bool *good = arg;
    int policy = sched_getscheduler(0), nice = getpriority(PRIO_PROCESS, 0);
    thread_is_brief();
    *good = sched_getscheduler(0) == policy && getpriority(PRIO_PROCESS, 0) == nice;
}

static void is_brief_at_the_same_priority(void **state) {
    struct thread thread;
    bool good = false;
    assert_int_equal(thread_start("brief", be_brief, &good, &thread), 0);
    thread_join(&thread);
    assert_true(good);
}

static void hears_requests_to_stop(void **state) {
    int event = process_catch_stop();
    assert_true(event >= 0);
    assert_int_equal(process_stop_requests(), 0);
    raise(SIGPIPE);
    raise(SIGHUP);
    raise(SIGTERM);
    uint64_t count = 0;
    assert_int_equal(read(event, &count, sizeof count), sizeof count);
    assert_int_equal(count, 1);
    assert_int_equal(process_stop_requests(), 1);
    assert_int_equal(process_stop_signal(), SIGTERM);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
}

static void writes_a_pidfile(void **state) {
    char path[] = "/tmp/strata-pid-XXXXXX", expected[16];
    close(mkstemp(path));
    assert_int_equal(process_pidfile_write(path), 0);
    struct buffer content = {0};
    assert_int_equal(file_read_all(path, &content), 0);
    snprintf(expected, sizeof expected, "%d\n", (int)getpid());
    assert_true(bytes_equal(buffer_bytes(&content), bytes_of(expected)));
    buffer_free(&content);
    process_pidfile_remove(path);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(process_pidfile_write("/nowhere/at/all"), -ENOENT);
}

static void raises_the_limit_of_files(void **state) {
    size_t now = process_raise_open_files(64);
    assert_true(now >= 64);
    assert_true(process_raise_open_files(now) >= now);
}

static void tells_systemd(void **state) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    unsetenv("NOTIFY_SOCKET");
    assert_false(process_is_supervised());
    assert_false(process_notify("READY=1"));
    int len = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "strata-test-%d",
                       (int)getpid());
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    char name[sizeof address.sun_path + 1], text[32];
    snprintf(name, sizeof name, "@%s", address.sun_path + 1);
    setenv("NOTIFY_SOCKET", name, 1);
    assert_true(process_is_supervised());
    assert_true(process_notify("READY=1"));
    assert_int_equal(recv(fd, text, sizeof text, 0), 7);
    assert_memory_equal(text, "READY=1", 7);
    unsetenv("NOTIFY_SOCKET");
    close(fd);
}

/* Runs fn in a child, with the log in a file; returns what it died of, and the log. */
static int die_of(void (*fn)(void), struct buffer *log) {
    char path[] = "/tmp/strata-crash-XXXXXX";
    close(mkstemp(path));
    pid_t child = fork();
    if (child == 0) {
        logfile_open(path);
        process_catch_crashes("1.2.3");
        fn();
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(file_read_all(path, log), 0);
    assert_true(buffer_append_char(log, 0));
    unlink(path);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void fail_an_assertion(void) {
    int answer = 41;
    ensure(answer == 42);
}

static void fault(void) {
    raise(SIGSEGV);
}

static void reports_crashes(void **state) {
    struct buffer log = {0};
    assert_int_equal(die_of(fail_an_assertion, &log), SIGABRT);
    assert_non_null(strstr(log.data, "sys_process.c"));
    assert_non_null(strstr(log.data, "answer == 42"));
    assert_non_null(strstr(log.data, "strata 1.2.3"));
    assert_non_null(strstr(log.data, "END OF CRASH REPORT"));
    buffer_clear(&log);
    assert_int_equal(die_of(fault, &log), SIGSEGV);
    assert_non_null(strstr(log.data, "signal 11"));
    buffer_free(&log);
}

static void goes_into_the_background(void **state) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        int error = process_daemonize();
        pid_t self = getpid();
        bool good = error == 0 && getsid(0) == self && memory_resident() > 0;
        ssize_t written = write(ends[1], &good, sizeof good);
        _exit(written == sizeof good ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    bool good = false;
    assert_int_equal(read(ends[0], &good, sizeof good), sizeof good);
    assert_true(good);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_time),
        cmocka_unit_test(draws_entropy),
        cmocka_unit_test(starts_threads),
        cmocka_unit_test(counts_cores),
        cmocka_unit_test(waits_until_a_deadline),
        cmocka_unit_test(is_brief_at_the_same_priority),
        cmocka_unit_test(hears_requests_to_stop),
        cmocka_unit_test(writes_a_pidfile),
        cmocka_unit_test(raises_the_limit_of_files),
        cmocka_unit_test(tells_systemd),
        cmocka_unit_test(reports_crashes),
        cmocka_unit_test(goes_into_the_background),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
