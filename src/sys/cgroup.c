/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/cgroup_priv.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

/* The start of a small file, as a string. */
static bool read_text(const char *path, char *out, size_t cap) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, out, cap - 1);
    close(fd);
    if (n <= 0) return false;
    out[n] = 0;
    return true;
}

/* The path of our group below the root, "" when there is none to be seen: the line "0::/path". */
static void own_group(char *out, size_t cap) {
    char text[4096];
    out[0] = 0;
    if (!read_text("/proc/self/cgroup", text, sizeof text)) return;
    char *line = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
    if (!line) return;
    line = strchr(line, '/');
    snprintf(out, cap, "%.*s", (int)strcspn(line, "\n"), line);
}

/* Reads a file of our group and of each group above, from the innermost out. */
static void for_each_group(const char *file, void (*see)(const char *text, void *), void *context) {
    char group[2048], path[PATH_MAX], text[128];
    own_group(group, sizeof group);
    for (;;) {
        snprintf(path, sizeof path, CGROUP_ROOT "%s/%s", group, file);
        if (read_text(path, text, sizeof text)) see(text, context);
        char *slash = strrchr(group, '/');
        if (!slash) return;
        *slash = 0;
    }
}

static void lower_memory(const char *text, void *context) {
    uint64_t *lowest = context;
    char *end;
    uint64_t limit = strtoull(text, &end, 10);
    if (end != text && limit < *lowest) *lowest = limit; /* "max" is no number */
}

uint64_t cgroup_memory_limit(void) {
    uint64_t lowest = UINT64_MAX;
    char text[128];
    for_each_group("memory.max", lower_memory, &lowest);
    if (read_text(CGROUP_ROOT "/memory/memory.limit_in_bytes", text, sizeof text))
        lower_memory(text, &lowest);
    return lowest;
}

static void lower_cpu(const char *text, void *context) {
    double *lowest = context, quota, period;
    if (sscanf(text, "%lf %lf", &quota, &period) != 2 || quota <= 0 || period <= 0) return;
    if (*lowest == 0 || quota / period < *lowest) *lowest = quota / period;
}

double cgroup_cpu_limit(void) {
    double lowest = 0;
    char quota[32], period[32], both[80];
    for_each_group("cpu.max", lower_cpu, &lowest);
    if (read_text(CGROUP_ROOT "/cpu/cpu.cfs_quota_us", quota, sizeof quota) &&
        read_text(CGROUP_ROOT "/cpu/cpu.cfs_period_us", period, sizeof period)) {
        snprintf(both, sizeof both, "%s %s", quota, period);
        lower_cpu(both, &lowest);
    }
    return lowest;
}
