/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/check.h"
#include "base/ensure.h"
#include "server/check_data.h"
#include "server/check_home.h"
#include "sys/file.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The URL of a home, or the path of a directory that looks like one. */
static bool is_home(const char *name, char url[PATH_MAX]) {
    char lock[PATH_MAX];
    bool is_url = strncmp(name, "dir:", 4) == 0;
    int n = snprintf(url, PATH_MAX, "%s%s", is_url ? "" : "dir:", name);
    if (is_url || n >= PATH_MAX) return is_url;
    n = snprintf(lock, sizeof lock, "%s/LOCK", name);
    return n < PATH_MAX && file_size(lock) >= 0;
}

static int check_one(const char *name, bool repair) {
    char url[PATH_MAX];
    if (is_home(name, url)) return check_home(url, repair);
    if (!repair) return check_data(name);
    fprintf(stderr, "strata: %s is no home, and only homes can be repaired\n", name);
    return 2;
}

int check(int argc, char **argv) {
    int status = 0, subjects = 0;
    bool repair = false;
    for (int i = 0; i < argc; i++) {
        bool is_repair = strcmp(argv[i], "--repair") == 0;
        repair |= is_repair;
        if (!is_repair && argv[i][0] == '-') subjects = INT_MIN;
        subjects += !is_repair;
    }
    if (subjects < 1) {
        fprintf(stderr, "strata: check takes files, folders or homes; strata help check says "
                        "more\n");
        return 2;
    }
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--repair") == 0) continue;
        int one = check_one(argv[i], repair);
        status = MAX(status, one);
    }
    return status;
}
