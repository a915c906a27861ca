/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>

/* The sinks behind base/log.h, with lines as Redis' users know them: "PID:M dd Mon yyyy
 * hh:mm:ss.mmm * text". */

/* From now on log lines go to this file, or to standard output for NULL or "". The file is opened
 * anew for each line, so that it can be renamed away at any time. Returns false, with errno set,
 * and changes nothing, when it cannot be opened. */
bool logfile_open(const char *path);

/* Lines go to syslog as well. `facility` is "user" or "local0" to "local7"; false when it is none
 * of them. */
bool logfile_syslog(bool enabled, const char *ident, const char *facility);

/* Writes to the log's destination with nothing but async-signal-safe calls, for the crash handler:
 * the descriptor to write to, which the caller closes if it is not 1. */
int logfile_crash_fd(void);
