/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Readers without a lock: threads that look, for a microsecond or two, at a structure that others
 * change under a lock. What they find may be out of date or half changed, so it is good for hints
 * only; but the memory that they look at is still there.
 *
 * Who takes memory out of such a structure lets no pointer to it be found any more and then calls
 * readers_wait() before freeing it: read-copy-update (McKenney, Slingwine, "Read-copy update: using
 * execution history to solve concurrency problems", 1998) in its simplest form, in which the writer
 * waits. Pointers to what may be taken out are stored and loaded sequentially consistent, so that
 * either the reader misses the pointer or the writer sees the reader.
 */
#pragma once

#include <stdbool.h>

/* Between the two the caller only looks: it waits for nobody, and it does not nest. False: there
 * are too many threads that have ever read, and this one is not to look. */
bool readers_enter(void);
void readers_leave(void);

/* Returns when all who were reading when it was called have left. Costs a load for each thread that
 * reads; waiting is rare. */
void readers_wait(void);
