/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the commands on sets have in common. */
#pragma once

#include "cmd/shared_collection.h"
#include "value/set.h"

/* Ends an edit of the set at the spot: stores what has become of it, or removes the key if nothing
 * has. `argv` is a command that makes this change; `event` NULL: it is none that clients see.
 * False: no memory, nothing has been answered. */
bool set_store(struct call *call, struct spot *spot, struct set_edit *edit, const char *event,
               const struct bytes *argv, unsigned argc);
