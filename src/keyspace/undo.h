/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Undo: taking back all that a script has changed.
 *
 * From keyspace_undo_begin() on, the first change of each key through the view keeps an image of
 * what the key was: its entry, or that there was none. An image costs a copy of the entry. An
 * object that is removed, replaced or moved as a whole is not copied: the image refers to it, and
 * has it when the keyspace would free it. Before its elements change it is copied.
 *
 * What would cost too much, or cannot be taken back, gives the undo up; the script goes on. Undone
 * are the values and all that is told of them: expiry, clocks, counters of keys and changes, and
 * the records of the journal's unit. Those who hear of changes hear of the way back as well.
 *
 * One at a time in a keyspace: who begins is in exclusive mode, or is the only one who does so.
 * What changes meanwhile are partitions that the view's worker holds until it has ended.
 */
#pragma once

#include "keyspace/keyspace.h"

/* May the undo be given up? False: it is needed, so it goes on whatever it costs. */
typedef bool undo_permission(void *context);

/* Begins; copies of the view keep images as well. */
void keyspace_undo_begin(struct view *view, undo_permission *may_give_up, void *context);

/* Has it begun, and not been given up? */
bool keyspace_undo_is_possible(const struct view *view);

/* What comes next cannot be taken back; the caller has asked for the permission. */
void keyspace_undo_give_up(struct view *view);

/* Takes back all that has changed since it began. False: it had to be given up, nothing has
 * changed. */
bool keyspace_undo(struct view *view);

/* Forgets the images. */
void keyspace_undo_end(struct view *view);
