/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Preloaded into a server: ends it, as a crash would, at a call that it makes for its home.
 * FAILPOINT=CALL.WHEN.COUNT, as in fdatasync.before.3. WHEN is `before`, `after` or, of what
 * writes, `half`: half of the bytes are written.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum when { BEFORE, HALF, AFTER };

static char wanted_call[32];
static enum when wanted_when;
static atomic_int left = -1;

__attribute__((constructor)) static void read_failpoint(void) {
    const char *text = getenv("FAILPOINT");
    char when[16];
    int count;
    if (!text || sscanf(text, "%31[a-z].%15[a-z].%d", wanted_call, when, &count) != 3) return;
    wanted_when = *when == 'b' ? BEFORE : *when == 'h' ? HALF : AFTER;
    left = count;
}

static bool is_of_home(const char *path) {
    return strstr(path, "/home/journal") || strstr(path, "/home/tmp") ||
           strstr(path, "/home/snapshot");
}

static bool fd_is_of_home(int fd) {
    char link[32], path[4096] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return readlink(link, path, sizeof path - 1) > 0 && is_of_home(path);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Is this the call? Then it is for the caller to die after it, or in the middle. */
static bool is_due(const char *call, bool of_home) {
    if (left < 0 || !of_home || strcmp(call, wanted_call) != 0) return false;
    if (atomic_fetch_sub(&left, 1) != 1) return false;
    if (wanted_when == BEFORE) die();
    return true;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define SIMPLE(name, declared, passed, of_home)                                                    \
    int name declared {                                                                            \
        bool due = is_due(#name, of_home);                                                         \
        int result = REAL(name) passed;                                                            \
        if (due) die();                                                                            \
        return result;                                                                             \
    }

SIMPLE(fsync, (int fd), (fd), fd_is_of_home(fd))
SIMPLE(fdatasync, (int fd), (fd), fd_is_of_home(fd))
SIMPLE(ftruncate, (int fd, off_t size), (fd, size), fd_is_of_home(fd))
SIMPLE(rename, (const char *from, const char *to), (from, to), is_of_home(to))
SIMPLE(link, (const char *from, const char *to), (from, to), is_of_home(to))
SIMPLE(unlink, (const char *path), (path), is_of_home(path))
SIMPLE(mkdir, (const char *path, mode_t mode), (path, mode), is_of_home(path))

static int open_at(const char *path, int flags, mode_t mode) {
    bool due = is_due("open", flags & O_CREAT && is_of_home(path));
    int fd = REAL(open)(path, flags, mode);
    if (due) die();
    return fd;
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_at(path, flags, mode);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    bool due = is_due("writev", fd_is_of_home(fd));
    if (due && wanted_when == HALF) {
        REAL(write)(fd, parts->iov_base, parts->iov_len / 2);
        die();
    }
    ssize_t result = REAL(writev)(fd, parts, count);
    if (due) die();
    return result;
}

ssize_t write(int fd, const void *data, size_t size) {
    bool due = left >= 0 && is_due("write", fd_is_of_home(fd));
    ssize_t result = REAL(write)(fd, data, due && wanted_when == HALF ? size / 2 : size);
    if (due) die();
    return result;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    bool due = is_due("pwrite", fd_is_of_home(fd));
    ssize_t result = REAL(pwrite)(fd, data, due && wanted_when == HALF ? size / 2 : size, offset);
    if (due) die();
    return result;
}

/* Named `pwritev` in FAILPOINT. There is one part. */
ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
    bool due = is_due("pwritev", fd_is_of_home(fd));
    struct iovec part = *parts;
    if (due && wanted_when == HALF) part.iov_len /= 2;
    ssize_t result = REAL(pwritev2)(fd, &part, 1, offset, flags);
    if (due) die();
    return result;
}
