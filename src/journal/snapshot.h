/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Snapshots: the whole keyspace as it was at one instant, written while it changes (keyspace/
 * epoch.h), as one RDB file (journal/rdb_file.h); and the way back.
 *
 * Where the bytes go to and come from is the caller's: a file, an object of the home, a socket.
 */
#pragma once

#include "base/bytes.h"
#include "journal/rdb_file.h"
#include "keyspace/keyspace.h"
#include <stdbool.h>
#include <stdint.h>

/* ---- taking one ---- */

/* Read by any thread while the snapshot is taken. */
struct snapshot_progress {
    uint64_t keys, keys_total; /* written; there at the instant */
    uint64_t bytes;            /* written */
    uint64_t buffered_peak;    /* bytes of memory that it took, at most */
    bool stop;                 /* set by anybody: give up soon, with -ECANCELED */
};

struct snapshot_options {
    struct keyspace *keyspace;
    struct gate *gate;
    unsigned participant; /* of the gate: the calling thread, which is outside */
    struct rdb_format format;
    struct rdb_output output; /* gets all bytes in order; not always from the same thread */

    /* Called by this thread now and then, with the bytes that the output has got: may wait until
     * they have gone on, while nobody waits for this thread. 0 or a negative errno. NULL = no. */
    int (*flow)(void *context, uint64_t written);

    /* The instant has come: nobody else is in the keyspace, which the snapshot will show as it is
     * now. Returns the last sequence number of the journal that it covers. Before the first byte is
     * written. NULL = there is no journal. */
    uint64_t (*instant)(void *context);
    void *instant_context;

    /* Libraries of functions, each given to `write` as its code. NULL = there are none. */
    bool (*each_function)(void *context, bool (*write)(void *to, struct bytes code), void *to);
    void *function_context;

    struct snapshot_progress *progress; /* never NULL */
};

struct snapshot_result {
    int status; /* 0, or a negative errno: of the output, -ENOMEM, -ECANCELED, -EPROTO = something
                   has no form in this version of the format (`what` names it) */
    uint64_t sequence;
    uint64_t keys, bytes;
    int64_t instant_ms;   /* Unix time of the instant */
    int64_t instant_usec; /* how long everybody else had to stand still for it */
    char what[128];
};

/* One at a time in the process: who wants to take one reserves the right to first. False: somebody
 * else has it. Any thread. */
bool snapshot_reserve(void);
void snapshot_release(void);

/* Takes a snapshot on the calling thread, which has reserved it, and returns when its last byte has
 * been given to the output (which makes it durable, or not, afterwards). */
struct snapshot_result snapshot_take(const struct snapshot_options *options);

/* ---- loading one ---- */

struct snapshot_load_options {
    struct keyspace *keyspace;
    unsigned threads; /* to make entries of what the caller's reads, which helps; fewer than
                         workers; 0 = that alone */
    struct rdb_input input;
    uint64_t bytes;    /* of it; 0 = not known */
    int64_t clock_ms;  /* Unix time */
    bool replace;      /* keys that are there already; otherwise they are an error */
    bool keep_expired; /* otherwise keys that have expired are counted and left out */
    bool skip_corrupt; /* values that make no sense are counted and left out, as are modules' */

    /* A library of functions. False stops loading. NULL = they are left out. */
    bool (*function)(void *context, struct bytes code);
    void *function_context;

    /* Every ten milliseconds or so, with the bytes read so far, while no other thread of the
     * loading is in the keyspace. NULL = nobody wants to know. */
    void (*progress)(void *context, uint64_t bytes, uint64_t keys);
    void *progress_context;
};

struct snapshot_load_result {
    bool good;
    uint64_t sequence; /* as it was taken with; 0 = none */
    uint64_t keys, expired, skipped, modules;
    uint64_t bytes;
    char error[256]; /* with the offset */
};

/* Adds what the snapshot has to the keyspace. While nobody else is in the keyspace: before the
 * workers run, or in exclusive mode. Change records are not made. */
struct snapshot_load_result snapshot_load(const struct snapshot_load_options *options);
