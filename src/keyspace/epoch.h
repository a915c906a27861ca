/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Epochs: how one thread sees the whole keyspace as it was at one instant, while others go on
 * changing it.
 *
 * Each entry has one bit that says in which of two epochs it was last dealt with. Beginning an
 * epoch turns the meaning of the bit around, so at once no entry has been dealt with. From then on
 * each is shown exactly once, as it was at that instant: to the visitor of the thread that walks,
 * or, if somebody is about to change or remove it before, to `save`. Entries made later bear the
 * new epoch's bit from birth. When all have been shown every bit agrees again, and the next epoch
 * may begin. So an epoch takes no memory but the bit, and costs a writer one comparison of a word
 * that it has in its cache anyway.
 */
#pragma once

#include "keyspace/keyspace.h"
#include <stdbool.h>
#include <stdint.h>

/* Shows the entry as it was at the instant; `db` is the number that its database had then. The
 * entry's partition is locked, or it is exclusive mode; the thread that is about to change it
 * calls. Must not call into the keyspace, and must not wait for anybody who may be waiting for the
 * gate or a partition. */
typedef void epoch_saver(void *context, unsigned participant, uint32_t db,
                         const struct entry *entry);

/* The same for the walking thread. EPOCH_LATER: the entry has not been dealt with, walk again and
 * it comes again, unless it is settled; who changes it before that has it saved. EPOCH_PAUSE: it
 * has been, but the partition should be let go. */
enum epoch_answer { EPOCH_NEXT, EPOCH_PAUSE, EPOCH_LATER };
typedef enum epoch_answer epoch_visitor(void *context, uint32_t db, const struct entry *entry);

/* Where the walk is. */
struct epoch_walk {
    unsigned place, partition;
    uint64_t cursor;
};

/* Begins an epoch: its instant is now. In exclusive mode; none is under way. False = no memory. */
bool keyspace_epoch_begin(struct keyspace *keyspace, epoch_saver *save, void *context);

/* Takes a step: locks a partition and shows some of its entries. From a zeroed walk to the end,
 * which is when it returns false, by one thread that is outside the gate. */
bool keyspace_epoch_walk(struct keyspace *keyspace, unsigned participant, struct epoch_walk *walk,
                         epoch_visitor *visit, void *context);

/* The entry, for which EPOCH_LATER was the answer, has been dealt with outside the lock. If
 * somebody has had it saved meanwhile, nothing happens. By the walking thread. */
void keyspace_epoch_settle(struct keyspace *keyspace, unsigned participant, uint32_t db,
                           const struct key *key);

/* Is an epoch under way? Inside the gate. */
extern bool keyspace_epoch_under_way;

/* Is the key's value so large a collection that whoever changes it now would have to wait for long
 * until it is saved? Then the walk shows it next, and it is better to try again later. Inside the
 * gate, with nothing locked. */
bool keyspace_epoch_delays(struct view *view, const struct key *key);

/* After the walk has come to its end, in exclusive mode. */
void keyspace_epoch_end(struct keyspace *keyspace);
