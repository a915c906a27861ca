/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Long replies, in pieces: a command that shows a large collection writes the head of its reply and
 * the first elements, and leaves the rest for later turns of its worker. The next piece is made
 * when the client has taken the last, so others run their commands in between, and a reply of
 * gigabytes takes no memory.
 *
 * The client gets what the collection was when the command ran: the value is pinned
 * (keyspace/pin.h), and whoever is about to change it makes all the rest first.
 */
#pragma once

#include "exec/call.h"
#include "value/value.h"
#include <stdatomic.h>

/* A producer stops when it has written so many bytes. */
#define STREAM_PIECE ((size_t)256 * 1024)

struct stream_source;

/* Writes about a piece of what is left to show, and remembers in the source how far it came. False:
 * that was the last. On any thread, and it knows only the source. */
typedef bool stream_producer(struct stream_source *source, struct reply *reply);

struct stream_source {
    stream_producer *produce;
    struct value value; /* large */
    uint64_t next;      /* where the next piece begins, in the producer's own way */
    uint64_t next_low;  /* the rest of that, where one number does not say it */
    uint64_t left;      /* elements */
    int64_t now_ms;     /* of the command */
    unsigned options;   /* the producer's own */
    void *part;         /* the same, in the value */
};

/* Shows what the source has, behind the head of an aggregate that has been written, if that takes
 * about `bytes`: true, and the first piece is written. False: the caller should write it at once,
 * because it is little, or in the midst of something. */
bool stream_begin(struct call *call, const struct stream_source *source, size_t bytes);

/* Would it be begun? For those who have to count first what there is to show. */
bool stream_may_begin(const struct call *call, size_t bytes);

/* ---- replies that have to be worked out first ---- */

/* What a command works out from the values of its keys before its reply can begin. When that takes
 * long it is done on a thread of the background, while the values are pinned, and the client waits;
 * then the reply comes in pieces. Part of a larger struct of the command's. */
struct stream_work {
    /* Its produce() writes the whole reply, head and all; `value` is the command's own. */
    struct stream_source source;

    /* What is read: a small one's bytes may be anywhere until stream_work_run() returns. */
    struct value *values;
    unsigned value_count;

    /* Reads the values, once, on any thread; it knows only the work. False: no memory. */
    bool (*prepare)(struct stream_work *work);

    /* What is left to do then for which the values are not read, the same; NULL: nothing. */
    bool (*complete)(struct stream_work *work);

    /* produce() does not read the values, either. */
    bool has_all;

    /* Of a command that stores, instead of produce(): puts the result, and answers. Its keys are
     * locked, and the values are what they were. `values` are those of all keys but the one at
     * `target`, in their order; zeroed is one that does not exist. */
    void (*store)(struct stream_work *work, struct call *call);
    unsigned target;

    /* The result will not be stored, because a value has changed: prepare() may give up, and then
     * the handler runs again, with call->no_wait. */
    atomic_bool is_void;

    /* Frees all of it. */
    void (*free)(struct stream_work *work);
};

/* Is it worth to leave a command that goes through so many elements to the background, and may it
 * be done? If not, the command need not be made a work. */
bool stream_work_may_wait(const struct call *call, uint64_t elements);

/* Takes the work over and does it: later if stream_work_may_wait(), else at once. Instead of a
 * reply. */
void stream_work_run(struct call *call, struct stream_work *work, uint64_t elements);

/* Is the piece that began where the output had `start` bytes long enough? */
static inline bool stream_has_piece(const struct reply *reply, size_t start) {
    return reply->out->len - start >= STREAM_PIECE || reply->failed;
}
