/* SPDX-License-Identifier: BSD-3-Clause */
/* What outlives the process: the home of this server with its directives, and the journal in it. */
#pragma once

#include "base/buffer.h"
#include "home/home.h"

#include <stdbool.h>
#include <stdint.h>

struct exec;
struct home;
struct journal;

/* The directives; before the configuration is read. */
void keep_register(void);

/* Is there to be a home? After the configuration was read. Whoever loads it or takes snapshots is a
 * participant of the gate, beside the workers: the one whose number is theirs. */
bool keep_is_wanted(void);

/* Opens the home. Until keep_begin() clients are told to wait. false: `error` says why the server
 * cannot start. */
bool keep_open(struct exec *exec, struct buffer *error);

/* All that the home holds has been loaded, up to unit `sequence`: what changes now is kept. On any
 * thread in exclusive mode. */
bool keep_begin(uint64_t sequence, struct buffer *error);

/* After the workers have ended: makes all durable and gives the home back. */
void keep_close(void);

const char *keep_url(void);
struct home *keep_home(void);       /* NULL: there is none */
struct journal *keep_journal(void); /* NULL: none is kept; may change in exclusive mode */

/* Snapshots lie in this folder of the home: N.rdb, N being the last unit that is in it, in 20
 * digits. */
#define KEEP_SNAPSHOTS "snapshot/"
void keep_snapshot_name(char *out, size_t size, uint64_t sequence);
bool keep_snapshot_name_read(const char *name, uint64_t *sequence);

struct keep_snapshot {
    char name[HOME_NAME_MAX]; /* "": there is none */
    uint64_t sequence, size;
};

/* The newest one in the home. 0 or a negative errno. */
int keep_newest_snapshot(struct keep_snapshot *out);

/* Has a journal begun that counts only when a snapshot has been taken? Any thread. `begun` is
 * called when it becomes so, in exclusive mode. */
bool keep_awaits_snapshot(void);
void keep_on_begin(void (*begun)(void *context), void *context);

/* A snapshot up to this unit has taken its place. In a home, the journal that waits for it counts
 * now; older snapshots go, and what it covers of the journal. Outside the gate. */
void keep_saved(uint64_t sequence, unsigned participant);

/* The number of the last unit of changes: what a snapshot of this instant covers. Exclusive mode.
 */
uint64_t keep_sequence(void);
