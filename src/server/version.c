/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/version.h"
#include "base/identity.h"
#include "sys/memory.h"

#include <stdio.h>

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

const char *version_line(void) {
    static char line[160];
    snprintf(line, sizeof line, "strata %s (commit %s, %s, %s)", STRATA_VERSION, version_commit,
             COMPILER, memory_allocator_name());
    return line;
}
