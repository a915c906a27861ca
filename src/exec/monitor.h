/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MONITOR: sessions that are shown every command that runs.
 *
 * A command is shown while its keys are locked, to the monitors of all workers, so that all of them
 * see commands on the same key in the order in which they ran. It costs nothing but a test as long
 * as nobody looks.
 */
#pragma once

#include <stdbool.h>

struct session;

/* The session's own worker. Once more, or of a session that is none: nothing. False: no memory. */
bool monitor_start(struct session *session);
void monitor_stop(struct session *session);
