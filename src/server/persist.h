/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Snapshots to the file that `dir` and `dbfilename` name: when somebody asks, when `save` says that
 * one is due, and at the end; and loading it at start-up. A thread of its own takes those in the
 * background.
 */
#pragma once

#include "base/buffer.h"
#include "exec/exec.h"
#include <stdbool.h>

struct persist;

struct persist_options {
    struct exec *exec;
    unsigned participant; /* of the gate: the thread's own; as many are workers */
};

/* At start-up, with the directives' rows. */
void persist_register(void);

/* At start-up, before anybody is in the keyspace; attaches itself to the commands
 * (cmd/shared_persistence.h). NULL = no memory. */
struct persist *persist_create(const struct persist_options *options);

/* Loads the file, if it is there. False: `error` says why not. */
bool persist_load(struct persist *persist, struct buffer *error);

/* Starts the thread; 0 or a negative errno. */
int persist_start(struct persist *persist);

/* When the workers have ended: gives up what is under way, ends the thread and saves, if that is to
 * be. False: it could not. */
bool persist_stop(struct persist *persist);
void persist_free(struct persist *persist);
