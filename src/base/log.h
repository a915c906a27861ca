/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* What the program says to its operator: levels, a threshold, and one sink that sys/logfile.h or a
 * test provides. */

#include <stdbool.h>

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_VERBOSE,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_NOTHING
};

/* Lines below this level are not even formatted. */
extern _Atomic(int) log_threshold;

/* Any thread may log; one line per call, without a final newline, cut at about a kilobyte. */
#define log_debug(...)   LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_verbose(...) LOG_AT(LOG_LEVEL_VERBOSE, __VA_ARGS__)
#define log_notice(...)  LOG_AT(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_warning(...) LOG_AT(LOG_LEVEL_WARNING, __VA_ARGS__)

#define LOG_AT(level, ...) ((int)(level) >= log_threshold ? log_write(level, __VA_ARGS__) : (void)0)

void log_write(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

void log_set_level(enum log_level level);

/* Where lines go; without a sink, to standard error. `line` is valid during the call. The sink is
 * called from any thread, so it locks for itself, and it must not log. Set it before threads start.
 */
void log_set_sink(void (*sink)(enum log_level level, const char *line, void *context),
                  void *context);
