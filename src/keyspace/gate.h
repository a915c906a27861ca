/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The gate: who may touch which partition when.
 *
 * A worker is inside from the moment it starts on a batch until it has no more to run
 * (gate_enter/gate_leave). Inside, each command locks the partitions of its keys in ascending
 * order, runs, and unlocks. With one worker and no other thread in the keyspace no partition is
 * locked.
 *
 * Exclusive mode: one thread asks all the others to stop between two commands. They stop at
 * gate_yield (called between commands), at gate_enter, and while they wait for a partition of a
 * command that has not begun. The thread that has it may touch everything without locks. Requests
 * queue up, first come first served.
 */
#pragma once

#include "base/ensure.h"
#include "keyspace/keyspace.h"
#include <stdatomic.h>
#include <stdbool.h>

struct gate;

/* What a gate starts with: all that is looked at between two commands. */
struct gate_head {
    unsigned workers, participants; /* never change */
    bool shared;                    /* changes in exclusive mode */
    atomic_bool wanted;             /* exclusive mode, by somebody */
    atomic_uint busy;               /* who have begun to be */
};

static inline const struct gate_head *gate_head(const struct gate *gate) {
    return (const struct gate_head *)(const void *)gate;
}

#define GATE_MAX_PARTICIPANTS 256

/* Participants are the workers, numbered from 0, and after them the guests: other threads that
 * touch the keyspace now and then. */
struct gate *gate_create(unsigned workers, unsigned guests);
void gate_free(struct gate *gate);

/* A guest may lock partitions from gate_attach to gate_detach; exclusive mode it may have at any
 * time. Outside the gate. */
void gate_attach(struct gate *gate, unsigned guest);
void gate_detach(struct gate *gate, unsigned guest);

/* Are there several who lock partitions? With one worker and no guest that is attached, locking
 * does nothing, and need not be called. Inside the gate, and the same until the caller leaves or
 * yields. */
static inline bool gate_is_shared(const struct gate *gate) {
    return gate_head(gate)->shared;
}

static inline unsigned gate_participants(const struct gate *gate) {
    return gate_head(gate)->participants;
}

void gate_enter(struct gate *gate, unsigned participant);
void gate_leave(struct gate *gate, unsigned participant);

/* Between two commands: stops here while somebody else has or wants exclusive mode. */
void gate_yield_wanted(struct gate *gate, unsigned participant);

static inline void gate_yield(struct gate *gate, unsigned participant) {
    if (UNLIKELY(atomic_load_explicit(&gate_head(gate)->wanted, memory_order_relaxed)))
        gate_yield_wanted(gate, participant);
}

/* The partitions of a command's keys, held. */
struct gate_hold {
    unsigned count;                            /* of keys; 0 = nothing is locked */
    uint16_t participant;                      /* who holds them */
    uint16_t first;                            /* the partition of a single key */
    uint64_t partitions[PARTITION_COUNT / 64]; /* a bit each, of several */
};

/* Is the key's partition among them? */
static inline bool gate_covers(const struct gate_hold *hold, const struct key *key) {
    unsigned partition = key_partition(key);
    if (hold->count <= 1) return hold->count && hold->first == partition;
    return hold->partitions[partition / 64] >> (partition % 64) & 1;
}

/* Waits, outside the gate, for partitions that others hold; the caller holds none. Locks nothing in
 * exclusive mode. */
void gate_lock(struct gate *gate, unsigned participant, struct gate_hold *hold,
               const struct key *keys, unsigned count);

/* The same, but gives up when it would have to wait while the gate is busy. */
bool gate_lock_unless_busy(struct gate *gate, unsigned participant, struct gate_hold *hold,
                           const struct key *keys, unsigned count);
void gate_unlock(struct gate *gate, struct gate_hold *hold);

/* The caller is inside, and still is afterwards. Nestable. It may hold partitions: nobody changes
 * what is in them before this returns. Only when several that hold some ask at the same time, the
 * later ones find what the earlier ones did. */
void gate_exclusive_begin(struct gate *gate, unsigned participant);
void gate_exclusive_end(struct gate *gate, unsigned participant);

/* The same for one who holds partitions and has changed what is in them: it is served before all
 * others, so nobody sees half of what it does. One at a time may ask so. */
void gate_exclusive_begin_first(struct gate *gate, unsigned participant);

/* The owner of exclusive mode is outside for so long, and others may have it; then he has it again,
 * nested as deeply as before. */
void gate_exclusive_pause(struct gate *gate, unsigned participant, int64_t us);

/* Gives up when it would have to wait while the gate is busy. */
bool gate_exclusive_begin_unless_busy(struct gate *gate, unsigned participant);

/* Somebody who is inside takes long, and others shall not wait for him in vain: until he is done,
 * those who can give up do so, and gate_enter() lets in although somebody wants exclusive mode. Who
 * is let in so can still ask gate_is_busy(), and must not change the keyspace. Several may be busy.
 */
void gate_busy_begin(struct gate *gate);
void gate_busy_end(struct gate *gate);

static inline bool gate_is_busy(const struct gate *gate) {
    return atomic_load_explicit(&gate_head(gate)->busy, memory_order_relaxed) > 0;
}

/* The owner of exclusive mode, who is busy, lets the others in for a moment: nobody becomes
 * exclusive meanwhile. */
void gate_lend(struct gate *gate, unsigned participant);

/* Grows each time that somebody gets exclusive mode. */
uint64_t gate_generation(const struct gate *gate);
bool gate_is_exclusive(const struct gate *gate, unsigned participant);
