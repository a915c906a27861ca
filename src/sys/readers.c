/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/readers.h"
#include "base/ensure.h"
#include "sys/thread.h"
#include <sched.h>
#include <stdatomic.h>

#define READERS_MAX 256u
#define SPINS       1000u

/* A thread's: odd while it reads. Written by that thread alone. */
struct reader {
    atomic_uint turn;
} __attribute__((aligned(64)));

static struct reader readers[READERS_MAX];
static atomic_uint known; /* those of `readers` that belong to a thread */

static _Thread_local struct reader *self;

static bool register_self(void) {
    unsigned index = atomic_load(&known);
    do {
        if (index == READERS_MAX) return false;
    } while (!atomic_compare_exchange_weak(&known, &index, index + 1));
    self = &readers[index];
    return true;
}

bool readers_enter(void) {
    if (UNLIKELY(!self) && !register_self()) return false;
    atomic_store(&self->turn, atomic_load_explicit(&self->turn, memory_order_relaxed) + 1);
    return true;
}

void readers_leave(void) {
    unsigned turn = atomic_load_explicit(&self->turn, memory_order_relaxed);
    atomic_store_explicit(&self->turn, turn + 1, memory_order_release);
}

void readers_wait(void) {
    unsigned count = atomic_load(&known);
    for (unsigned i = 0; i < count; i++) {
        unsigned turn = atomic_load(&readers[i].turn);
        for (unsigned spins = 0; turn % 2 && atomic_load(&readers[i].turn) == turn; spins++)
            spins < SPINS ? thread_relax() : (void)sched_yield();
    }
}
