/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The journal: all changes of the keyspace, in order, in the home.
 *
 * Records of a unit (a command, a transaction, a script, a step of the sweep) gather at the thread
 * that makes them. At its end, while its partitions are still locked, the unit gets the next
 * sequence number and its place in the memory that is to be written. The writer, a thread of its
 * own, writes what has gathered as one frame, and makes it durable when somebody waits for it, or
 * when it has waited for half a second. Nobody but the writer ever waits for the disk.
 *
 * The number of a unit that a partition's last change is in (journal_partition) says what a reply
 * that has read the partition depends on.
 */
#pragma once

#include "home/home.h"
#include "keyspace/keyspace.h"
#include <stdbool.h>
#include <stdint.h>

struct journal;

struct journal_options {
    struct home *home;
    struct keyspace *keyspace; /* subscribed to */
    uint64_t segment_bytes;    /* a segment is ended when it has more; 0 = 64 MiB */

    /* Units up to `sequence` are durable now. On the writer's thread. May be NULL. */
    void (*durable)(void *context, uint64_t sequence);

    /* The home cannot be written: a negative errno; what has been changed waits in memory, and it
     * is tried again all the time. 0: it can be again. The same. */
    void (*failed)(void *context, int error);
    void *context;
};

/* At start-up, before any worker runs, or in exclusive mode. Keeps no record of changes until
 * journal_start(). NULL = no memory. */
struct journal *journal_create(const struct journal_options *options);

/* Stops it, too. */
void journal_free(struct journal *journal);

/* From now on units get numbers, the first one `first`, and are written. Exclusive mode, or before
 * the workers run. 0 or a negative errno. */
int journal_start(struct journal *journal, uint64_t first);

/* Before journal_start(): nothing is brought to the home yet, what changes waits in memory; and
 * then, in exclusive mode: now it is. For a journal that counts only with a snapshot which is
 * still to be taken. */
void journal_hold(struct journal *journal, bool hold);

/* Writes all there is, unless it is held, makes it durable and ends the writer. No units are
 * recorded any more; journal_start() may begin anew. Exclusive mode, or when the workers have
 * ended. False: not all is durable, journal_status() says why. */
bool journal_stop(struct journal *journal);

/* Shall records of changes be made? As after journal_start(), or not for a while, when what happens
 * is known to the journal already. Exclusive mode. */
void journal_record(struct journal *journal, bool record);

/* Waits until all units so far are durable. False: the home cannot be written, or they are held. */
bool journal_sync(struct journal *journal);

/* ---- the thread that makes changes ---- */

/* What has changed is not in the keyspace: a command without keys that does it again is part of the
 * thread's unit. Exclusive mode. */
void journal_note_command(struct journal *journal, const struct bytes *argv, unsigned argc);

/* Ends the thread's unit, with the partitions that it has changed still locked. Returns its number;
 * 0: nothing has changed. */
uint64_t journal_end_unit(struct journal *journal, int64_t time_ms);

/* How much there is of the thread's unit; and having no more of it than that: what came after it is
 * taken back, with its partitions still locked. `going_back`: no change is recorded until the next
 * call. */
size_t journal_mark(const struct journal *journal);
void journal_rewind(struct journal *journal, size_t mark, bool going_back);

/* The thread's unit will never be whole: it is dropped, and so is all that comes after, which might
 * show some of it. What waits for any of that waits for ever. For the end of the server; with the
 * partitions that the unit has changed still locked. */
void journal_abandon(struct journal *journal);

/* Somebody waits until this unit is durable: it will be soon after the next journal_wake(). */
void journal_want(struct journal *journal, uint64_t sequence);

/* Between batches: lets the writer know that there is something for it. Without this nothing is
 * written. While a sync is going on, or more may come that could share the next one, those who
 * wait are not told of yet. True: call it again at once, however little happens. What waits during
 * a sync is told of in the call after `durable`. */
bool journal_wake(struct journal *journal);

/* The last unit that has changed the partition. Whoever has read the partition depends on nothing
 * later; it may ask after unlocking it. */
uint64_t journal_partition(const struct journal *journal, unsigned partition);

/* The last unit. */
uint64_t journal_last(const struct journal *journal);

/* All units up to this one are durable. */
uint64_t journal_durable(const struct journal *journal);

/* ---- how it is ---- */

/* The oldest change that is not durable is older than a second, or there is too much in memory:
 * those who want to write have to wait. */
bool journal_is_behind(const struct journal *journal);

struct journal_status {
    uint64_t last, durable;
    uint64_t queued_bytes;              /* in memory: not written, or not durable */
    uint64_t written_bytes;             /* since the start */
    uint64_t segment_bytes;             /* of the segment being written */
    uint64_t syncs, failures, segments; /* since the start */
    int64_t lag_us;                     /* age of the oldest change that is not durable */
    int64_t last_sync_us;               /* how long the last sync took */
    int error;
};
struct journal_status journal_status(const struct journal *journal);

/* ---- what is old ---- */

/* Deletes the segments that have no unit after `sequence`, which a snapshot covers. Any thread.
 * Returns how many, or a negative errno. */
int journal_forget(struct journal *journal, uint64_t sequence);

/* Bytes of all segments in the home. */
uint64_t journal_bytes(const struct journal *journal);
