/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the keyspace does between commands: expiry, shrinking tables, compacting arenas. Each worker
 * does it for its own share of the partitions, a segment or a chunk at a time under the partition's
 * lock, so that nobody waits for it longer than some tens of microseconds.
 */
#pragma once

#include "keyspace/keyspace.h"

struct sweeper;

/* From the worker's tick, about every 10 ms, outside the gate; it enters and leaves by itself.
 * Takes about 0.2 ms when nothing is to be done and at most 1 ms (`active-expire-effort` adds up to
 * another 2 ms) when much is. False: it has been through everything and found nothing to do, so
 * it rests for the next 90 ms. */
bool keyspace_maintain(struct keyspace *keyspace, unsigned worker, int64_t now_ms);

struct sweeper *sweepers_create(const struct keyspace *keyspace);
void sweepers_free(struct sweeper *sweepers);

/* One compaction step in this slice if free space is above `percent` of it. The partition is
 * locked. */
bool keyspace_compact_slice(struct slice *slice, unsigned percent);
