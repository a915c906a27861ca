/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/ensure.h"

#include "base/log.h"

#include <stdlib.h>

void ensure_failed(const char *file, int line, const char *expression) {
    log_warning("=== ASSERTION FAILED === %s:%d: %s", file, line, expression);
    abort();
}
