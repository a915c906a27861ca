/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Long replies, for those who run commands (exec/stream.h).
 *
 * A stream belongs to its session and that one's worker, but for what its mutex guards: who is
 * about to change one of its values makes the rest of the reply (`rest`, `made`, `failed`), and of
 * a work somebody prepares it (`prepared`). The mutex comes after those of pins, and no other comes
 * after it.
 */
#pragma once

#include "exec/background.h"
#include "exec/exec_priv.h"
#include "exec/stream.h"
#include "keyspace/pin.h"

struct stream_pin {
    struct pin pin;
    struct stream *stream;
};

struct stream {
    pthread_mutex_t mutex;
    struct stream_source *source; /* `simple`, or the work's */
    struct stream_source simple;
    struct stream_work *work; /* NULL: there is nothing to prepare */
    bool prepared;
    bool no_memory;  /* to prepare it */
    bool incomplete; /* nor to complete it; the task's alone */
    bool postponed;  /* the storing; the task's alone */
    bool made;       /* all that had not been written is in `rest` */
    bool failed;     /* there was no memory for that */
    struct buffer rest;
    struct buffer small; /* bytes of the work's small values */
    uint64_t ticks;      /* spent on preparing */
    uint8_t resp;

    bool waits; /* its task is on its way */
    struct background_task task;

    struct list_node in_worker;
    struct exec_worker *worker;
    struct session *session; /* NULL: it has gone while the stream waited */
    struct call call; /* for what is counted in the end; its arguments are behind the struct */
    const struct registered *found; /* NULL: whoever runs it has yet to say what is counted */
    struct command_cost cost;
    unsigned pin_count;
    struct stream_pin *pins; /* one, or as many as the work has large values */
    struct stream_pin first;
    struct key *keys; /* of a command that stores; their names are the arguments' copies */
    struct bytes argv[];
};

/* ---- stream.c, stream_work.c and stream_store.c ---- */

/* Can the call's reply be made later at all? */
bool stream_is_possible(const struct call *call);

/* A stream without a source for what the call shows, which reads the values that are large, and
 * pins them. NULL: no memory. */
struct stream *stream_make(struct call *call, const struct value *values, unsigned count);
void stream_discard(struct stream *stream);

/* No change of the values has to wait for it any more. */
void stream_unpin(struct stream *stream);

/* The session's reply is made in pieces from now on. */
void stream_install(struct stream *stream);

/* Writes the next piece; false: it was the last. */
bool stream_write(struct stream *stream, struct reply *reply);

/* Reads what has to be read before the reply can begin; the mutex is held. */
void stream_prepare(struct stream *stream);

/* Copies the keys of a call that stores. False: no memory. */
bool stream_copy_keys(struct stream *stream, const struct call *call);

/* On the session's worker, when what is to be stored has been worked out: the answer of the task's
 * finish(). */
bool stream_store(struct stream *stream, struct call *call);

/* The stream is over, or its session is: counts the command. */
void stream_settle(struct stream *stream);

/* ---- for others ---- */

/* After a command that has begun a stream: what is to be counted when that ends. A stream that ends
 * before that is not counted, since its reply is that of any command. */
void stream_account(const struct call *call, const struct registered *found,
                    const struct command_cost *cost);

/* Writes the next piece; false: it was the last. What net calls (net_service.more). */
bool stream_more(void *context, void *session, struct reply *reply);

/* The session is closed. */
void stream_forget(struct session *session);

/* Every now and then: what others have made counts as output of its client. */
void streams_tick(struct exec_worker *w);
