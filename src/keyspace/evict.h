/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeping within maxmemory, which limits resident memory.
 *
 * The kernel is asked for the resident size at most every few milliseconds. From it follows how
 * many bytes of entries there may be: the limit, less what is resident and not entries (tables,
 * buffers, the binary, free space in arenas), but for what compaction or the allocator will give
 * back anyway. Between two looks only the entries' bytes are counted, which costs an addition a
 * change.
 */
#pragma once

#include "keyspace/keyspace.h"
#include <stdbool.h>

struct evictor;

struct evictor *evictor_create(const struct keyspace *keyspace);
void evictor_free(struct evictor *evictor);

/* Before a command that may need memory; inside the gate, no partition locked. Evicts a bounded
 * number of keys as the policy says. False: over the limit and nothing may be evicted; the command
 * must be refused. */
bool keyspace_make_room(struct view *view);

/* For when nobody writes: evicts, for half a millisecond at most, what is over the limit. Inside
 * the gate, no partition locked. True: there is more to evict. */
bool keyspace_evict_some(struct view *view);

/* For tests: what tells the resident size, instead of the kernel; NULL = the kernel again. */
void evict_measure_with(size_t (*resident)(void));
