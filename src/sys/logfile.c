/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/logfile.h"

#include "base/log.h"
#include "sys/clock.h"
#include "sys/memory.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static _Atomic(char *) log_path; /* NULL = standard output */
static _Atomic bool to_syslog;

static int open_log(const char *path) {
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

int logfile_crash_fd(void) {
    const char *path = log_path;
    int fd = path ? open_log(path) : STDOUT_FILENO;
    return fd < 0 ? STDOUT_FILENO : fd;
}

/* Returns the length, final newline included. */
static size_t compose(enum log_level level, const char *text, char *out, size_t cap) {
    static const char marks[] = {'.', '-', '*', '#'};
    char date[32];
    int64_t now_ms = clock_wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm local;
    localtime_r(&seconds, &local);
    strftime(date, sizeof date, "%d %b %Y %H:%M:%S", &local);
    /* M: a master, as opposed to a replica. */
    int n = snprintf(out, cap, "%d:M %s.%03d %c %s\n", (int)getpid(), date, (int)(now_ms % 1000),
                     marks[level], text);
    if (n >= (int)cap) {
        n = (int)cap - 1;
        out[n - 1] = '\n';
    }
    return (size_t)n;
}

/* One write per line, at the end of the file, so that lines of several threads do not mix. A line
 * that cannot be written is lost: there is nowhere to say so. */
static void write_line(enum log_level level, const char *text, void *context) {
    static const int priorities[] = {LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING};
    char line[1200];
    size_t len = compose(level, text, line, sizeof line);
    int fd = logfile_crash_fd();
    ssize_t written = write(fd, line, len);
    (void)written;
    if (fd != STDOUT_FILENO) close(fd);
    if (to_syslog) syslog(priorities[level], "%s", text);
}

bool logfile_open(const char *path) {
    char *copy = NULL;
    if (path && *path) {
        int fd = open_log(path);
        if (fd < 0) return false;
        close(fd);
        copy = memory_strdup_need(path);
    }
    memory_free(atomic_exchange(&log_path, copy));
    log_set_sink(write_line, NULL);
    return true;
}

static int facility_of(const char *name) {
    if (strcasecmp(name, "user") == 0) return LOG_USER;
    bool local = strncasecmp(name, "local", 5) == 0 && name[5] >= '0' && name[5] <= '7' && !name[6];
    return local ? LOG_LOCAL0 + (name[5] - '0') * (LOG_LOCAL1 - LOG_LOCAL0) : -1;
}

bool logfile_syslog(bool enabled, const char *ident, const char *facility) {
    static char kept[64]; /* openlog() keeps the pointer */
    int code = facility_of(facility);
    if (code < 0) return false;
    if (enabled) {
        snprintf(kept, sizeof kept, "%s", ident);
        openlog(kept, LOG_PID | LOG_NDELAY | LOG_NOWAIT, code);
    }
    to_syslog = enabled;
    return true;
}
