/* SPDX-License-Identifier: BSD-3-Clause */
/* The journal from the inside: what the threads that append and the writer share. */
#pragma once

#include "base/buffer.h"
#include "journal/format.h"
#include "journal/journal.h"
#include "sys/thread.h"
#include <pthread.h>
#include <stdatomic.h>

/* A frame in the making: a head's room, then units. */
struct batch {
    struct batch *next;
    char *data;
    size_t length, capacity; /* with the head */
    uint64_t first;
    uint32_t count;
};

struct batch_queue {
    struct batch *oldest, *newest;
    size_t bytes;
};

void batch_push(struct batch_queue *queue, struct batch *batch);
struct batch *batch_pop(struct batch_queue *queue);
/* Moves all of them behind those of another queue. */
void batch_move_all(struct batch_queue *from, struct batch_queue *to);
void batch_free(struct batch *batch);
/* Frees it, or keeps it for another frame. */
void batch_reuse(struct journal *journal, struct batch *batch);
void batch_free_spares(struct journal *journal);

/* What the writer is doing; with AWAKE it looks into the queue before it sleeps again. */
enum writer_sleep {
    AWAKE,
    SLEEP_IDLE, /* until it is woken, or has something of its own to do */
    SLEEP_NAP   /* for a moment, so that more gathers */
};

/* The writer's own. */
struct writer {
    struct thread thread;
    struct home_writer *segment; /* NULL: the next frame begins one */
    uint64_t segment_first, segment_size;
    uint64_t attempted; /* a segment of this number, if there is one, has nothing that counts */
    struct batch_queue waiting; /* taken, not written */
    struct batch_queue written; /* written, not durable */
    uint64_t marked;            /* what the last frame says is durable */
    int64_t taken_us;           /* when it last took something */
    int64_t durable_us;         /* when it last synced */
    int64_t retry_us;           /* after a failure: not before */
};

struct journal {
    struct home *home;
    uint64_t segment_bytes;
    void (*on_durable)(void *context, uint64_t sequence);
    void (*on_failed)(void *context, int error);
    void *context;

    pthread_mutex_t mutex; /* guards what follows, up to `held` */
    pthread_cond_t changed;
    struct batch_queue queue; /* the newest one is open */
    struct batch *spare;      /* a list */
    unsigned spares;
    enum writer_sleep sleep;
    bool held; /* changes in exclusive mode, too */

    bool started;
    bool abandoned; /* under the mutex: units get one number, never durable, and are dropped */
    atomic_bool active, behind, stopping;
    _Atomic uint64_t last, durable, wanted;

    /* Syncs, as those see them who wait for one (append.c). */
    atomic_bool syncing;
    _Atomic uint64_t taken;    /* the last unit that the writer has */
    _Atomic uint64_t expected; /* so many units make up a sync */

    _Atomic int error;

    /* Written by the writer alone. */
    _Atomic uint64_t taken_bytes;
    _Atomic int64_t oldest_us; /* when it took what is not durable; 0: all is */
    _Atomic uint64_t written_bytes, current_bytes, syncs, failures, segments;
    _Atomic int64_t last_sync_us;
    struct writer writer;

    _Atomic uint64_t partitions[PARTITION_COUNT];
};

/* The writer's thread (writer.c). `argument` is the journal. */
void writer_run(void *argument);
