/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Work on keys that threads share: a lane is a share of the partitions, whose items are done in the
 * order in which they were added, by one thread at a time; so none of them waits for a lock. A
 * batch of items at a time, so that the memory they look for can be asked for early. The caller's
 * thread adds, and joins in when it is far ahead of the others.
 *
 * Nobody else is in the keyspace from the first lanes_open() until lanes_drain() has returned.
 */
#pragma once

#include "base/buffer.h"
#include <stdint.h>

struct lane_batch {
    struct lane_batch *next;
    struct buffer bytes; /* what the items are made of; they move while it grows */
    unsigned count;
    _Alignas(8) char items[];
};

struct lanes_options {
    unsigned threads; /* 0: the caller's does all */
    size_t item_size; /* a multiple of 8 */

    /* Does the items of a batch in their order. `hand` says who does it: 0 to `threads`, which is
     * the caller's thread. */
    void (*work)(void *context, unsigned hand, struct lane_batch *batch);
    void *context;
};

struct lanes;

/* NULL = no memory. Where a thread cannot be started, the others do its share. */
struct lanes *lanes_create(const struct lanes_options *options);

/* Ends the threads; what has not been done is forgotten. */
void lanes_free(struct lanes *lanes);

/* A batch for an item of the partition: the caller puts the item behind the `count` that are there,
 * its bytes into `bytes`, and says so with lanes_added(). NULL = no memory. */
struct lane_batch *lanes_open(struct lanes *lanes, unsigned partition);
void lanes_added(struct lanes *lanes, unsigned partition);

/* Waits until all that was added is done. */
void lanes_drain(struct lanes *lanes);
