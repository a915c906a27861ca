/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replaying: what the journal says happens again, in the keyspace. While nobody else is in it:
 * before the workers run, or in exclusive mode. Before the journal is started, so that no record of
 * it is made.
 */
#pragma once

#include "journal/reader.h"
#include "journal/record.h"
#include "keyspace/keyspace.h"

struct replay {
    struct keyspace *keyspace;
    unsigned participant; /* whose counters are used */

    /* Runs a command on the keyspace as one whose record this is. False: it is unknown, or answered
     * with an error. */
    bool (*run)(void *context, const struct view *view, const struct bytes *argv, unsigned argc);
    void *context;

    uint64_t units, records;
    uint64_t misfits;      /* records that made no sense: a bug of whoever wrote them */
    struct buffer scratch; /* for values */
    struct bytes *argv;
    size_t argv_capacity;
};

enum replay_result {
    REPLAY_DONE,
    REPLAY_CORRUPT, /* the bytes are no units, although their checksum is right */
    REPLAY_NO_MEMORY
};

/* Applies the units of a frame that count. */
enum replay_result replay_frame(struct replay *replay, const struct frame *frame);
void replay_free(struct replay *replay);
