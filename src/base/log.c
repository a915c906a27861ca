/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

enum { LINE_MAX_BYTES = 1024 };

_Atomic(int) log_threshold = LOG_LEVEL_NOTICE;

static void standard_error(enum log_level level, const char *line, void *context) {
    fprintf(stderr, "%s\n", line);
}

static void (*current_sink)(enum log_level, const char *, void *) = standard_error;
static void *current_context;

void log_set_level(enum log_level level) {
    atomic_store_explicit(&log_threshold, level, memory_order_relaxed);
}

void log_set_sink(void (*sink)(enum log_level, const char *, void *), void *context) {
    current_sink = sink ? sink : standard_error;
    current_context = context;
}

void log_write(enum log_level level, const char *format, ...) {
    char line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    current_sink(level, line, current_context);
}
