/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/check.h"
#include "base/ensure.h"
#include "server/check_data.h"
#include "server/check_home.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int check(int argc, char **argv) {
    int status = 0;
    bool repair = argc > 0 && strcmp(argv[0], "--repair") == 0;
    argc -= repair;
    argv += repair;
    if (argc < 1 || argv[0][0] == '-') {
        fprintf(stderr, "strata: check takes files, folders or homes; strata help check says "
                        "more\n");
        return 2;
    }
    for (int i = 0; i < argc; i++) {
        bool is_home = strncmp(argv[i], "dir:", 4) == 0;
        if (repair && !is_home) {
            fprintf(stderr, "strata: only homes (dir:PATH) can be repaired\n");
            return 2;
        }
        int one = is_home ? check_home(argv[i], repair) : check_data(argv[i]);
        status = MAX(status, one);
    }
    return status;
}
