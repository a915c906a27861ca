/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/process.h"

#include "base/bytes.h"
#include "sys/file.h"
#include "sys/logfile.h"
#include "sys/memory.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int process_daemonize(void) {
    pid_t child = fork();
    if (child < 0) return -errno;
    if (child > 0) _exit(0);
    setsid();
    memory_after_fork();
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0) return -errno;
    for (int standard = 0; standard <= 2; standard++)
        dup2(fd, standard);
    if (fd > 2) close(fd);
    return 0;
}

int process_pidfile_write(const char *path) {
    char text[16];
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    int fd = file_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0) return fd;
    int error = file_write_full(fd, bytes_make(text, (size_t)n));
    file_close(fd);
    return error;
}

void process_pidfile_remove(const char *path) {
    file_unlink(path);
}

/* Where the hard limit may not be raised, as much as it allows is still better than before. */
size_t process_raise_open_files(size_t wanted) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    if (limit.rlim_cur < wanted) {
        struct rlimit raised = limit;
        raised.rlim_cur = wanted;
        if (raised.rlim_max < wanted) raised.rlim_max = wanted;
        if (setrlimit(RLIMIT_NOFILE, &raised) != 0) {
            limit.rlim_cur = limit.rlim_max;
            setrlimit(RLIMIT_NOFILE, &limit);
        }
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur;
}

/* ---- the title ---- */

/* The kernel shows the memory that the arguments were in, and the environment behind them; `copy`
 * has them now. */
static struct {
    char *start, *copy;
    size_t size;
} title_room;

/* Makes room longer by the strings that follow right behind it. Returns how many they are. */
static int add_to_room(char **strings) {
    int count = 0;
    for (; strings && strings[count] == title_room.start + title_room.size; count++)
        title_room.size += strlen(strings[count]) + 1;
    return count;
}

static void move_to_copy(char **strings, int count) {
    for (int i = 0; i < count; i++)
        strings[i] = title_room.copy + (strings[i] - title_room.start);
}

void process_keep_arguments(int argc, char **argv) {
    if (!argc) return;
    title_room.start = argv[0];
    int arguments = add_to_room(argv), variables = add_to_room(environ);
    title_room.copy = memory_need(title_room.size);
    memcpy(title_room.copy, title_room.start, title_room.size);
    move_to_copy(argv, arguments);
    move_to_copy(environ, variables);
}

void process_set_title(struct bytes title) {
    if (!title_room.size) return;
    size_t length = title.len < title_room.size ? title.len : title_room.size - 1;
    memset(title_room.start, 0, title_room.size);
    if (length) memcpy(title_room.start, title.data, length);
}

/* ---- signals ---- */

static int stop_event = -1;
static _Atomic int stop_requests, stop_signal;

int process_stop_requests(void) {
    return stop_requests;
}

int process_stop_signal(void) {
    return stop_signal;
}

static void on_stop(int signal_number) {
    int before = atomic_fetch_add(&stop_requests, 1);
    if (before > 0 && signal_number == SIGINT) _exit(1);
    stop_signal = signal_number;
    int saved = errno;
    uint64_t one = 1;
    ssize_t written = write(stop_event, &one, sizeof one);
    (void)written; /* the counter is full: the reader will wake up anyway */
    errno = saved;
}

int process_catch_stop(void) {
    stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop_event < 0) return -errno;
    struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    /* What others send to have a log opened anew. */
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    return stop_event;
}

enum { FRAMES_MAX = 64 };

static char crash_version[64];
static void put_text(int fd, const char *text) {
    ssize_t written = write(fd, text, strlen(text));
    (void)written;
}

/* printf() may lock or allocate. */
static void put_number(int fd, const char *before, uint64_t value, unsigned base) {
    char text[24], *p = text + sizeof text;
    *--p = 0;
    do {
        *--p = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    put_text(fd, before);
    put_text(fd, p);
}

/* SA_RESETHAND has restored the default action, so a crash in here ends the process too. */
static void on_crash(int signal_number, siginfo_t *info, void *context) {
    void *frames[FRAMES_MAX];
    int fd = logfile_crash_fd();
    put_text(fd, "\n=== CRASH: strata ");
    put_text(fd, crash_version);
    put_number(fd, ", pid ", (uint64_t)getpid(), 10);
    put_number(fd, ", signal ", (uint64_t)signal_number, 10);
    put_number(fd, ", code ", (uint64_t)(uint32_t)info->si_code, 10);
    put_number(fd, ", address 0x", (uint64_t)(uintptr_t)info->si_addr, 16);
    put_text(fd, "\n");
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), fd);
    put_text(fd, "=== END OF CRASH REPORT\n");
    raise(signal_number);
}

void process_catch_crashes(const char *version) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    static char stack[64 * 1024]; /* for the main thread, should its own have overflowed */
    snprintf(crash_version, sizeof crash_version, "%s", version);
    void *frame;
    backtrace(&frame, 1); /* loads what it needs now, not in the handler */
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    struct sigaction action = {.sa_sigaction = on_crash,
                               .sa_flags = SA_SIGINFO | SA_RESETHAND | SA_NODEFER | SA_ONSTACK};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigaction(faults[i], &action, NULL);
}

bool process_is_supervised(void) {
    return getenv("NOTIFY_SOCKET") != NULL;
}

/* A datagram to the socket that systemd names: the whole of its protocol that we need. */
bool process_notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@') address.sun_path[0] = 0; /* an abstract name */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, len);
    close(fd);
    return sent >= 0;
}
