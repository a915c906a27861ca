/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

/* What a process asks of its system. Start-up and main thread only. int results: 0, or a negative
 * errno. */

/* Goes on in the background, in a session of its own, standard descriptors on /dev/null. Before any
 * thread. */
int process_daemonize(void);

int process_pidfile_write(const char *path);
void process_pidfile_remove(const char *path);

/* Raises the limit of open files to at least `wanted`, or as near as the system allows, and returns
 * the limit in force. */
size_t process_raise_open_files(size_t wanted);

/* Moves the arguments and the environment elsewhere, so that a title may take their place. First of
 * all, in main(). Any one thread may set the title. */
void process_keep_arguments(int argc, char **argv);

/* What ps shows instead of the arguments, cut to the room that they took. */
void process_set_title(struct bytes title);

/* Makes SIGINT and SIGTERM write to an eventfd, which is returned (or a negative errno), and count
 * process_stop_requests. A second SIGINT ends the process at once. SIGPIPE, SIGHUP, SIGUSR1 and
 * SIGUSR2 are ignored. */
int process_catch_stop(void);

/* How many times stopping was asked for, and the last signal. */
int process_stop_requests(void);
int process_stop_signal(void);

/* Logs signal, version and a backtrace when the process crashes, then lets it die of the signal,
 * core dump included. */
void process_catch_crashes(const char *version);

/* Tells systemd, if it started us: "READY=1", "STOPPING=1", "STATUS=...". Returns whether somebody
 * was told. */
bool process_notify(const char *state);

/* Did systemd ask to be notified? */
bool process_is_supervised(void);
