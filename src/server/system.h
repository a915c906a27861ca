/* SPDX-License-Identifier: BSD-3-Clause */
/* What the system gives the server, and what it should be told about that. */
#pragma once

#include "base/buffer.h"

#include <stdbool.h>

/* Raises the limit of open files for `maxclients`, or lowers `maxclients` to what is possible.
 * false: not even a few clients are possible, `error` says so. */
bool system_make_room_for_clients(struct buffer *error);

/* Logs settings of the system that will cost somebody an evening. */
void system_warn(void);
