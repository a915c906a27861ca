/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/check.h"
#include "base/ensure.h"
#include "server/check_data.h"

#include <stdio.h>

int check(int argc, char **argv) {
    int status = 0;
    if (argc < 1 || argv[0][0] == '-') {
        fprintf(stderr, "strata: check takes files or folders; strata help check says more\n");
        return 2;
    }
    for (int i = 0; i < argc; i++) {
        int one = check_data(argv[i]);
        status = MAX(status, one);
    }
    return status;
}
