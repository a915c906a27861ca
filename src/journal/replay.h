/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replaying: what the journal says happens again, in the keyspace, on several threads (lanes.h).
 * While nobody else is in it, from replay_create() until replay_drain(): before the workers run, or
 * in exclusive mode. Before the journal is started, so that no record of it is made.
 */
#pragma once

#include "journal/reader.h"
#include "journal/record.h"
#include "keyspace/keyspace.h"

struct replay_options {
    struct keyspace *keyspace;
    unsigned threads; /* fewer than there are workers; 0: the caller's does all */

    /* Runs a command on the keyspace as one whose record this is. False: it is unknown, or answered
     * with an error. `hand` says which thread it is, 0 to `threads`, which is the caller's. */
    bool (*run)(void *context, unsigned hand, const struct view *view, const struct bytes *argv,
                unsigned argc);

    /* Does the command name one key, and no other? On the caller's thread. */
    bool (*has_one_key)(void *context, const struct bytes *argv, unsigned argc);
    void *context;
};

enum replay_result {
    REPLAY_DONE,
    REPLAY_CORRUPT, /* the bytes are no units, although their checksum is right */
    REPLAY_NO_MEMORY
};

struct replay;

/* NULL = no memory. */
struct replay *replay_create(const struct replay_options *options);
void replay_free(struct replay *replay);

/* Applies the units of a frame that count, or copies them to be applied soon. The result is of
 * this frame or of one before. */
enum replay_result replay_frame(struct replay *replay, const struct frame *frame);

/* Waits until all frames are applied. */
enum replay_result replay_drain(struct replay *replay);

struct replay_counts {
    uint64_t units;
    uint64_t misfits; /* records that made no sense: a bug of whoever wrote them */
};
struct replay_counts replay_counts(const struct replay *replay);
