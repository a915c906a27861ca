/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading what the home holds: the newest snapshot, and the journal from there on. */
#pragma once

#include "base/buffer.h"
#include "exec/exec.h"

/* Loads on a thread of its own, while clients are told to wait. `done` is called there in the end,
 * unless loading fails: then the net is stopped. false: no thread could be started. */
bool load_begin(struct exec *exec, void (*done)(void *context), void *context,
                struct buffer *error);

/* Takes everything out of the keyspace and loads it from the home again: what is there afterwards
 * is what was before, if all is well. Exclusive mode; nobody takes a snapshot. */
bool load_again(struct exec *exec, struct view *view, struct buffer *error);

/* After the workers have ended. Stops loading if it is under way. false: it has failed, and `error`
 * says why. */
bool load_end(struct buffer *error);
