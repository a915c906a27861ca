/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The timers of a worker: a binary heap of pointers, earliest first. A zeroed struct is empty.
 */
#pragma once

#include "net/net.h"

struct timers {
    struct net_timer **heap; /* heap[i]->heap_index is i + 1 */
    size_t count, capacity;
};

/* Arms or moves. False = no memory, and then it is not armed. */
bool timers_arm(struct timers *timers, struct net_timer *timer, int64_t due_us);
void timers_cancel(struct timers *timers, struct net_timer *timer);

/* When the earliest is due; INT64_MAX = there is none. */
static inline int64_t timers_next(const struct timers *timers) {
    return timers->count ? timers->heap[0]->due_us : INT64_MAX;
}

/* Fires those that are due at now_us, at most as many as are armed now, so that timers that arm
 * themselves for the past don't hold the loop. Each is disarmed before it fires. */
void timers_fire(struct timers *timers, int64_t now_us);

/* Those that are armed are forgotten. */
void timers_free(struct timers *timers);
