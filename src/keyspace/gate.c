/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants:
 *   1. While somebody owns exclusive mode, every other participant's state is OUTSIDE.
 *   2. A participant waits for a partition only while its state is OUTSIDE and it holds none, so
 *      nobody who holds partitions ever waits for somebody who waits: no deadlock.
 *   3. Who asks for exclusive mode with partitions held is in the middle of a command: it is served
 *      before all who hold none, so that they do not see half of it.
 *   4. `wanted` is true from before the owner looks at the states until after it is done. A
 *      participant publishes INSIDE before it reads `wanted` (both sequentially consistent), so one
 *      of the two sees the other.
 */
#include "base/ensure.h"
#include "keyspace/keyspace_priv.h"
#include "sys/memory.h"
#include "sys/thread.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#define NOBODY UINT32_MAX

enum { OUTSIDE, INSIDE };

struct participant {
    atomic_uint state;
    bool holds; /* a partition; its own thread's alone */
} __attribute__((aligned(64)));

/* First come, first served. */
struct line {
    uint64_t ticket, serving;
};

/* Held for one command, mostly for well under a microsecond: waiting is rare and short, so it
 * polls, and taking and giving back cost one atomic exchange and one store. */
struct partition_lock {
    atomic_bool held;
} __attribute__((aligned(64)));

struct gate {
    struct gate_head head;
    atomic_bool wanted;
    atomic_uint owner;
    unsigned depth;        /* of the owner's nesting */
    struct line line[3];   /* who is first, who hold partitions, and who hold none */
    _Atomic uint64_t generation;
    struct line *owners;   /* the line that the owner stood in */
    pthread_mutex_t mutex; /* guards all but the atomics */
    pthread_cond_t changed;
    struct participant *participant;
    struct partition_lock *lock;
};

struct gate *gate_create(unsigned participants) {
    ensure(participants >= 1 && participants <= GATE_MAX_PARTICIPANTS);
    struct gate *gate = memory_alloc_zero(sizeof *gate);
    if (!gate) return NULL;
    gate->head.participants = participants;
    gate->owner = NOBODY;
    gate->participant = memory_alloc_aligned(64, participants * sizeof *gate->participant);
    gate->lock = memory_alloc_aligned(64, PARTITION_COUNT * sizeof *gate->lock);
    pthread_mutex_init(&gate->mutex, NULL);
    pthread_cond_init(&gate->changed, NULL);
    if (!gate->participant || !gate->lock) {
        memory_free(gate->participant);
        memory_free(gate->lock);
        memory_free(gate);
        return NULL;
    }
    for (unsigned i = 0; i < participants; i++) {
        atomic_init(&gate->participant[i].state, OUTSIDE);
        gate->participant[i].holds = false;
    }
    for (unsigned i = 0; i < PARTITION_COUNT; i++)
        atomic_init(&gate->lock[i].held, false);
    return gate;
}

void gate_free(struct gate *gate) {
    if (!gate) return;
    pthread_mutex_destroy(&gate->mutex);
    pthread_cond_destroy(&gate->changed);
    memory_free(gate->participant);
    memory_free(gate->lock);
    memory_free(gate);
}

static void wake_all(struct gate *gate) {
    pthread_mutex_lock(&gate->mutex);
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

void gate_enter(struct gate *gate, unsigned participant) {
    if (gate->head.participants == 1) return;
    struct participant *self = &gate->participant[participant];
    for (;;) {
        atomic_store(&self->state, INSIDE);
        if (LIKELY(!atomic_load(&gate->wanted)) || gate->owner == participant) return;
        atomic_store(&self->state, OUTSIDE);
        pthread_mutex_lock(&gate->mutex);
        pthread_cond_broadcast(&gate->changed);
        while (atomic_load(&gate->wanted))
            pthread_cond_wait(&gate->changed, &gate->mutex);
        pthread_mutex_unlock(&gate->mutex);
    }
}

void gate_leave(struct gate *gate, unsigned participant) {
    if (gate->head.participants == 1) return;
    atomic_store(&gate->participant[participant].state, OUTSIDE);
    if (UNLIKELY(atomic_load(&gate->wanted))) wake_all(gate);
}

void gate_yield(struct gate *gate, unsigned participant) {
    if (gate->head.participants == 1) return;
    if (LIKELY(!atomic_load_explicit(&gate->wanted, memory_order_relaxed))) return;
    if (gate_is_exclusive(gate, participant)) return;
    gate_leave(gate, participant);
    gate_enter(gate, participant);
}

bool gate_is_exclusive(const struct gate *gate, unsigned participant) {
    return gate->head.participants == 1 ||
           atomic_load_explicit(&gate->owner, memory_order_relaxed) == participant;
}

/* ---- partitions ---- */

#define SPINS        100
#define YIELDS       10
#define WAIT_POLL_NS 50000

static inline bool is_held(const struct partition_lock *lock) {
    return atomic_load_explicit(&lock->held, memory_order_relaxed);
}

static inline bool try_take(struct partition_lock *lock) {
    return !is_held(lock) && !atomic_exchange_explicit(&lock->held, true, memory_order_acquire);
}

static inline void give_back(struct partition_lock *lock) {
    atomic_store_explicit(&lock->held, false, memory_order_release);
}

static void wait_until_free(const struct partition_lock *lock) {
    for (unsigned i = 0; is_held(lock); i++) {
        if (i < SPINS)
            thread_relax();
        else if (i < SPINS + YIELDS)
            sched_yield();
        else
            nanosleep(&(struct timespec){.tv_nsec = WAIT_POLL_NS}, NULL);
    }
}

/* Waits until the partition was free for a moment, outside the gate and with nothing held. */
static void wait_for(struct gate *gate, unsigned participant, unsigned partition) {
    ensure(!gate->participant[participant].holds);
    gate_leave(gate, participant);
    wait_until_free(&gate->lock[partition]);
    gate_enter(gate, participant);
}

void partition_lock(struct gate *gate, unsigned participant, unsigned partition) {
    if (gate_is_exclusive(gate, participant)) return;
    while (!try_take(&gate->lock[partition]))
        wait_for(gate, participant, partition);
    gate->participant[participant].holds = true;
}

bool partition_try_lock(struct gate *gate, unsigned participant, unsigned partition) {
    return gate_is_exclusive(gate, participant) || try_take(&gate->lock[partition]);
}

void partition_unlock(struct gate *gate, unsigned participant, unsigned partition) {
    if (gate_is_exclusive(gate, participant)) return;
    gate->participant[participant].holds = false;
    give_back(&gate->lock[partition]);
}

/* Unlocks those of the hold that are below `end`. */
static void unlock_below(struct gate *gate, const struct gate_hold *hold, unsigned end) {
    for (unsigned word = 0; word < ARRAY_LEN(hold->partitions); word++) {
        for (uint64_t bits = hold->partitions[word]; bits; bits &= bits - 1) {
            unsigned partition = word * 64 + (unsigned)__builtin_ctzll(bits);
            if (partition >= end) return;
            give_back(&gate->lock[partition]);
        }
    }
}

/* Returns the partition that was not free; all locked before it are unlocked again. */
static unsigned try_lock_all(struct gate *gate, const struct gate_hold *hold) {
    for (unsigned word = 0; word < ARRAY_LEN(hold->partitions); word++) {
        for (uint64_t bits = hold->partitions[word]; bits; bits &= bits - 1) {
            unsigned partition = word * 64 + (unsigned)__builtin_ctzll(bits);
            if (try_take(&gate->lock[partition])) continue;
            unlock_below(gate, hold, partition);
            return partition;
        }
    }
    return PARTITION_COUNT;
}

void gate_lock(struct gate *gate, unsigned participant, struct gate_hold *hold,
               const struct key *keys, unsigned count) {
    *hold = (struct gate_hold){.count = count, .participant = (uint16_t)participant};
    if (!count || gate_is_exclusive(gate, participant)) {
        hold->count = 0;
        return;
    }
    hold->first = (uint16_t)key_partition(&keys[0]);
    if (LIKELY(count == 1)) {
        partition_lock(gate, participant, hold->first);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned partition = key_partition(&keys[i]);
        hold->partitions[partition / 64] |= 1ull << (partition % 64);
    }
    for (;;) {
        unsigned busy = try_lock_all(gate, hold);
        if (busy == PARTITION_COUNT) break;
        wait_for(gate, participant, busy);
    }
    gate->participant[participant].holds = true;
}

void gate_unlock(struct gate *gate, struct gate_hold *hold) {
    if (!hold->count) return;
    gate->participant[hold->participant].holds = false;
    if (hold->count == 1)
        give_back(&gate->lock[hold->first]);
    else
        unlock_below(gate, hold, PARTITION_COUNT);
    hold->count = 0;
}

/* ---- exclusive mode ---- */

static bool others_are_out(const struct gate *gate, unsigned participant) {
    for (unsigned i = 0; i < gate->head.participants; i++)
        if (i != participant && atomic_load(&gate->participant[i].state) == INSIDE) return false;
    return true;
}

static bool is_empty(const struct line *line) {
    return line->serving == line->ticket;
}

static bool is_next(const struct gate *gate, const struct line *line, uint64_t ticket) {
    if (gate->owner != NOBODY || line->serving != ticket) return false;
    for (const struct line *before = gate->line; before < line; before++)
        if (!is_empty(before)) return false;
    return true;
}

static void begin_from(struct gate *gate, unsigned participant, struct line *line) {
    if (gate->head.participants == 1) return;
    pthread_mutex_lock(&gate->mutex);
    if (gate->owner == participant) {
        gate->depth++;
        pthread_mutex_unlock(&gate->mutex);
        return;
    }
    uint64_t mine = line->ticket++;
    atomic_store(&gate->wanted, true);
    atomic_store(&gate->participant[participant].state, OUTSIDE);
    pthread_cond_broadcast(&gate->changed);
    while (!is_next(gate, line, mine) || !others_are_out(gate, participant))
        pthread_cond_wait(&gate->changed, &gate->mutex);
    gate->owner = participant;
    gate->owners = line;
    gate->depth = 1;
    atomic_fetch_add(&gate->generation, 1);
    atomic_store(&gate->participant[participant].state, INSIDE);
    pthread_mutex_unlock(&gate->mutex);
}

void gate_exclusive_begin(struct gate *gate, unsigned participant) {
    begin_from(gate, participant, &gate->line[gate->participant[participant].holds ? 1 : 2]);
}

void gate_exclusive_begin_first(struct gate *gate, unsigned participant) {
    begin_from(gate, participant, &gate->line[0]);
}

uint64_t gate_generation(const struct gate *gate) {
    return atomic_load(&gate->generation);
}

void gate_exclusive_end(struct gate *gate, unsigned participant) {
    if (gate->head.participants == 1) return;
    pthread_mutex_lock(&gate->mutex);
    ensure(gate->owner == participant);
    if (--gate->depth == 0) {
        gate->owner = NOBODY;
        gate->owners->serving++;
        if (is_empty(&gate->line[0]) && is_empty(&gate->line[1]) && is_empty(&gate->line[2]))
            atomic_store(&gate->wanted, false);
        pthread_cond_broadcast(&gate->changed);
    }
    pthread_mutex_unlock(&gate->mutex);
}
