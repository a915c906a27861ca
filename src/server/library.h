/* SPDX-License-Identifier: BSD-3-Clause */
/* Libraries of functions in snapshots and in the journal: what these ask for, of
 * script/functions.h. In exclusive mode, or before the workers run. */
#pragma once

#include "base/bytes.h"
#include <stdbool.h>

/* Gives the code of each to `write`. */
bool library_write_all(void *context, bool (*write)(void *to, struct bytes code), void *to);

/* Forgets all. */
void library_clear(void);

/* Loads one; false: it has been logged why not. */
bool library_read(void *context, struct bytes code);

struct journal;

/* From now on the journal has all libraries after each change of them. It outlives them. */
void library_keep(struct journal *journal);
