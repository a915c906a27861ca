/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Invariants:
 *   1. While somebody owns exclusive mode, every other participant's state is OUTSIDE.
 *   2. A participant waits for a partition only while its state is OUTSIDE and it holds none, so
 *      nobody who holds partitions ever waits for somebody who waits: no deadlock.
 *   3. Who asks for exclusive mode with partitions held is in the middle of a command: it is served
 *      before all who hold none, so that they do not see half of it; and who has changed something
 *      before those who have not.
 *   4. head.shared changes while nobody holds a partition or is in the middle of a command, since
 *      a guest asks for that in the last line.
 *   5. `wanted` is true from before the owner looks at the states until after it is done. A
 *      participant publishes INSIDE before it reads `wanted` (both sequentially consistent), so one
 *      of the two sees the other.
 *   6. While the gate is busy, 1 holds but for the moments in which the owner lends the gate. Who
 *      comes in although exclusive mode is wanted does so under the mutex, under which the owner
 *      comes to be, and sees that the gate is busy.
 */
#include "base/ensure.h"
#include "base/list.h"
#include "keyspace/keyspace_priv.h"
#include "sys/clock.h"
#include "sys/memory.h"
#include "sys/thread.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define NOBODY UINT32_MAX

enum { OUTSIDE, INSIDE };

struct participant {
    atomic_uint state;
    bool holds; /* a partition; its own thread's alone */
} __attribute__((aligned(64)));

/* Held for one command, mostly for well under a microsecond: waiting is rare and short, so it
 * polls, and taking and giving back cost one atomic exchange and one store. */
struct partition_lock {
    atomic_bool held;
} __attribute__((aligned(64)));

/* Who is first, who hold partitions, and who hold none. */
enum { LINE_FIRST, LINE_HOLDERS, LINE_OTHERS, LINES };

struct gate {
    struct gate_head head;
    unsigned attached; /* guests; guarded by exclusive mode */
    atomic_uint owner;
    unsigned depth;                /* of the owner's nesting */
    struct list_node lines[LINES]; /* of struct asker: first come, first served */
    _Atomic uint64_t generation;
    bool lent;             /* by the owner, to all */
    pthread_mutex_t mutex; /* guards all but the atomics */
    pthread_cond_t changed;
    struct participant *participant;
    struct partition_lock *lock;
};

struct gate *gate_create(unsigned workers, unsigned guests) {
    unsigned participants = workers + guests;
    ensure(workers >= 1 && participants <= GATE_MAX_PARTICIPANTS);
    struct gate *gate = memory_alloc_zero(sizeof *gate);
    if (!gate) return NULL;
    gate->head.workers = workers;
    gate->head.participants = participants;
    gate->head.shared = workers > 1;
    gate->owner = NOBODY;
    gate->participant = memory_alloc_aligned(64, participants * sizeof *gate->participant);
    gate->lock = memory_alloc_aligned(64, PARTITION_COUNT * sizeof *gate->lock);
    for (unsigned i = 0; i < LINES; i++)
        list_init(&gate->lines[i]);
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

/* With the mutex. */
static bool may_enter(const struct gate *gate) {
    if (!atomic_load(&gate->head.wanted)) return true;
    return atomic_load(&gate->head.busy) && (gate->owner == NOBODY || gate->lent);
}

static void wait_to_enter(struct gate *gate, struct participant *self) {
    pthread_mutex_lock(&gate->mutex);
    pthread_cond_broadcast(&gate->changed);
    while (!may_enter(gate))
        pthread_cond_wait(&gate->changed, &gate->mutex);
    if (atomic_load(&gate->head.wanted)) atomic_store(&self->state, INSIDE);
    pthread_mutex_unlock(&gate->mutex);
}

void gate_enter(struct gate *gate, unsigned participant) {
    struct participant *self = &gate->participant[participant];
    for (;;) {
        atomic_store(&self->state, INSIDE);
        if (LIKELY(!atomic_load(&gate->head.wanted)) || gate->owner == participant) return;
        atomic_store(&self->state, OUTSIDE);
        wait_to_enter(gate, self);
        if (atomic_load(&self->state) == INSIDE) return;
    }
}

void gate_leave(struct gate *gate, unsigned participant) {
    atomic_store(&gate->participant[participant].state, OUTSIDE);
    if (UNLIKELY(atomic_load(&gate->head.wanted))) wake_all(gate);
}

static bool is_owner(const struct gate *gate, unsigned participant) {
    return atomic_load_explicit(&gate->owner, memory_order_relaxed) == participant;
}

void gate_yield_wanted(struct gate *gate, unsigned participant) {
    if (is_owner(gate, participant)) return;
    gate_leave(gate, participant);
    gate_enter(gate, participant);
}

bool gate_is_exclusive(const struct gate *gate, unsigned participant) {
    return !gate->head.shared || is_owner(gate, participant);
}

/* ---- partitions ---- */

#define SPINS        500 /* some ten microseconds: most who hold one longer have lost their core */
#define WAIT_POLL_NS 50000
#define LEND_US      1000

static inline bool is_held(const struct partition_lock *lock) {
    return atomic_load_explicit(&lock->held, memory_order_relaxed);
}

static inline bool try_take(struct partition_lock *lock) {
    return !is_held(lock) && !atomic_exchange_explicit(&lock->held, true, memory_order_acquire);
}

static inline void give_back(struct partition_lock *lock) {
    atomic_store_explicit(&lock->held, false, memory_order_release);
}

/* False: it is not, and the gate has become busy. */
static bool wait_until_free(const struct gate *gate, const struct partition_lock *lock,
                            bool gives_up) {
    for (unsigned i = 0; is_held(lock); i++) {
        if (gives_up && gate_is_busy(gate)) return false;
        if (i < SPINS)
            thread_relax();
        else
            nanosleep(&(struct timespec){.tv_nsec = WAIT_POLL_NS}, NULL);
    }
    return true;
}

/* Waits until the partition was free for a moment, outside the gate and with nothing held. */
static bool wait_for(struct gate *gate, unsigned participant, unsigned partition, bool gives_up) {
    ensure(!gate->participant[participant].holds);
    gate_leave(gate, participant);
    bool was_free = wait_until_free(gate, &gate->lock[partition], gives_up);
    gate_enter(gate, participant);
    return was_free && !(gives_up && gate_is_busy(gate));
}

static bool lock_one(struct gate *gate, unsigned participant, unsigned partition, bool gives_up) {
    while (!try_take(&gate->lock[partition]))
        if (!wait_for(gate, participant, partition, gives_up)) return false;
    gate->participant[participant].holds = true;
    return true;
}

void partition_lock(struct gate *gate, unsigned participant, unsigned partition) {
    if (!gate_is_exclusive(gate, participant)) lock_one(gate, participant, partition, false);
}

bool partition_try_lock(struct gate *gate, unsigned participant, unsigned partition) {
    if (gate_is_exclusive(gate, participant)) return true;
    if (!try_take(&gate->lock[partition])) return false;
    return gate->participant[participant].holds = true;
}

bool partition_lock_soon(struct gate *gate, unsigned participant, unsigned partition) {
    for (unsigned i = 0; i < SPINS; i++) {
        if (partition_try_lock(gate, participant, partition)) return true;
        thread_relax();
    }
    return false;
}

void partition_unlock(struct gate *gate, unsigned participant, unsigned partition) {
    if (is_owner(gate, participant)) return;
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

static bool lock_keys(struct gate *gate, unsigned participant, struct gate_hold *hold,
                      const struct key *keys, unsigned count, bool gives_up) {
    *hold = (struct gate_hold){.count = count, .participant = (uint16_t)participant};
    if (!count || gate_is_exclusive(gate, participant)) {
        hold->count = 0;
        return true;
    }
    hold->first = (uint16_t)key_partition(&keys[0]);
    if (LIKELY(count == 1)) return lock_one(gate, participant, hold->first, gives_up);
    for (unsigned i = 0; i < count; i++) {
        unsigned partition = key_partition(&keys[i]);
        hold->partitions[partition / 64] |= 1ull << (partition % 64);
    }
    for (;;) {
        unsigned taken = try_lock_all(gate, hold);
        if (taken == PARTITION_COUNT) break;
        if (!wait_for(gate, participant, taken, gives_up)) return false;
    }
    gate->participant[participant].holds = true;
    return true;
}

void gate_lock(struct gate *gate, unsigned participant, struct gate_hold *hold,
               const struct key *keys, unsigned count) {
    lock_keys(gate, participant, hold, keys, count, false);
}

bool gate_lock_unless_busy(struct gate *gate, unsigned participant, struct gate_hold *hold,
                           const struct key *keys, unsigned count) {
    return lock_keys(gate, participant, hold, keys, count, true);
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

static bool is_next(const struct gate *gate, unsigned line, const struct list_node *self) {
    if (gate->owner != NOBODY || gate->lines[line].next != self) return false;
    for (unsigned before = 0; before < line; before++)
        if (!list_empty(&gate->lines[before])) return false;
    return true;
}

static void set_wanted(struct gate *gate) {
    bool wanted = gate->owner != NOBODY;
    for (unsigned i = 0; i < LINES; i++)
        wanted = wanted || !list_empty(&gate->lines[i]);
    atomic_store(&gate->head.wanted, wanted);
    pthread_cond_broadcast(&gate->changed);
}

/* With the mutex. False: it has given up. */
static bool stand_in_line(struct gate *gate, unsigned participant, unsigned line, bool gives_up) {
    struct list_node self;
    list_append(&gate->lines[line], &self);
    atomic_store(&gate->participant[participant].state, OUTSIDE);
    set_wanted(gate);
    bool given_up = false;
    while (!is_next(gate, line, &self) || !others_are_out(gate, participant)) {
        given_up = gives_up && gate_is_busy(gate);
        if (given_up) break;
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    list_remove(&self);
    if (!given_up) gate->owner = participant;
    set_wanted(gate);
    return !given_up;
}

static bool begin_from(struct gate *gate, unsigned participant, unsigned line, bool gives_up) {
    pthread_mutex_lock(&gate->mutex);
    bool owns = gate->owner == participant;
    if (owns) {
        gate->depth++;
    } else if (stand_in_line(gate, participant, line, gives_up)) {
        owns = true;
        gate->depth = 1;
        atomic_fetch_add(&gate->generation, 1);
        atomic_store(&gate->participant[participant].state, INSIDE);
    }
    pthread_mutex_unlock(&gate->mutex);
    if (!owns) gate_enter(gate, participant);
    return owns;
}

/* A lone worker holds nothing in the middle of its commands. */
static unsigned line_of(const struct gate *gate, unsigned participant) {
    bool alone = !gate->head.shared && participant < gate->head.workers;
    return alone || gate->participant[participant].holds ? LINE_HOLDERS : LINE_OTHERS;
}

void gate_exclusive_begin(struct gate *gate, unsigned participant) {
    begin_from(gate, participant, line_of(gate, participant), false);
}

void gate_exclusive_begin_first(struct gate *gate, unsigned participant) {
    begin_from(gate, participant, LINE_FIRST, false);
}

bool gate_exclusive_begin_unless_busy(struct gate *gate, unsigned participant) {
    return begin_from(gate, participant, line_of(gate, participant), true);
}

/* ---- busy ---- */

void gate_busy_begin(struct gate *gate) {
    atomic_fetch_add(&gate->head.busy, 1);
    wake_all(gate);
}

void gate_busy_end(struct gate *gate) {
    atomic_fetch_sub(&gate->head.busy, 1);
}

/* With the mutex, which is given up meanwhile. */
static void sleep_for(struct gate *gate, int64_t us) {
    int64_t until_us = clock_mono_us() + us;
    while (thread_wait_until(&gate->changed, &gate->mutex, until_us)) {
    }
}

void gate_lend(struct gate *gate, unsigned participant) {
    pthread_mutex_lock(&gate->mutex);
    ensure(gate->owner == participant);
    gate->lent = true;
    pthread_cond_broadcast(&gate->changed);
    sleep_for(gate, LEND_US);
    gate->lent = false;
    while (!others_are_out(gate, participant))
        pthread_cond_wait(&gate->changed, &gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
}

uint64_t gate_generation(const struct gate *gate) {
    return atomic_load(&gate->generation);
}

void gate_exclusive_end(struct gate *gate, unsigned participant) {
    pthread_mutex_lock(&gate->mutex);
    ensure(gate->owner == participant);
    if (--gate->depth == 0) {
        gate->owner = NOBODY;
        set_wanted(gate);
    }
    pthread_mutex_unlock(&gate->mutex);
}

void gate_exclusive_pause(struct gate *gate, unsigned participant, int64_t us) {
    pthread_mutex_lock(&gate->mutex);
    ensure(gate->owner == participant);
    unsigned depth = gate->depth;
    gate->owner = NOBODY;
    atomic_store(&gate->participant[participant].state, OUTSIDE);
    set_wanted(gate);
    sleep_for(gate, us);
    pthread_mutex_unlock(&gate->mutex);
    gate_enter(gate, participant);
    gate_exclusive_begin(gate, participant);
    gate->depth = depth;
}

/* ---- guests ---- */

static void attach(struct gate *gate, unsigned guest, int change) {
    ensure(guest >= gate->head.workers);
    if (gate->head.workers > 1) return; /* who always share */
    gate_enter(gate, guest);
    gate_exclusive_begin(gate, guest);
    gate->attached += (unsigned)change;
    gate->head.shared = gate->head.workers + gate->attached > 1;
    gate_exclusive_end(gate, guest);
    gate_leave(gate, guest);
}

void gate_attach(struct gate *gate, unsigned guest) {
    attach(gate, guest, 1);
}

void gate_detach(struct gate *gate, unsigned guest) {
    attach(gate, guest, -1);
}
