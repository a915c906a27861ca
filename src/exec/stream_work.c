/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replies that have to be worked out first. The handler pins what it has found and lets its
 * partitions go; a thread of the background prepares, or whoever comes first to change one of the
 * values; then the worker writes the first piece.
 */
#include "base/ensure.h"
#include "exec/stream_priv.h"
#include "sys/clock.h"
#include "sys/memory.h"
#include <unistd.h>

/* Fewer elements are a matter of a few milliseconds. */
#define ELEMENTS_MIN ((uint64_t)1 << 14)

#define POSTPONED_US (10 * 1000)

/* What has been read of values that change under its hands would be told to a client that caches,
 * behind the message that it is no longer so. */
bool stream_work_may_wait(const struct call *call, uint64_t elements) {
    return UNLIKELY(elements >= ELEMENTS_MIN) && stream_is_possible(call) &&
           !call->session->tracking;
}

/* ---- at once ---- */

static void run_at_once(struct call *call, struct stream_work *work) {
    struct reply *reply = call->reply;
    if (!work->prepare(work) || (work->complete && !work->complete(work)))
        reply_no_memory(reply);
    else if (work->store)
        work->store(work, call);
    else
        while (work->source.produce(&work->source, reply) && !reply->failed)
            ;
    work->free(work);
}

/* ---- in the background ---- */

void stream_prepare(struct stream *stream) {
    if (!stream->work || stream->prepared || atomic_load(&stream->work->is_void)) return;
    uint64_t start = clock_ticks();
    stream->no_memory = !stream->work->prepare(stream->work);
    stream->prepared = true;
    stream->ticks = clock_ticks() - start;
}

static void prepare(struct background_task *task) {
    struct stream *stream = CONTAINER_OF(task, struct stream, task);
    struct stream_work *work = stream->work;
    if (stream->postponed) {
        usleep(POSTPONED_US);
        return;
    }
    pthread_mutex_lock(&stream->mutex);
    stream_prepare(stream);
    bool complete = work->complete && !stream->no_memory;
    pthread_mutex_unlock(&stream->mutex);
    if (!complete || atomic_load(&work->is_void)) return;
    uint64_t start = clock_ticks();
    stream->incomplete = !work->complete(work);
    stream->ticks += clock_ticks() - start;
}

/* Writes the first piece. */
static bool answer(struct background_task *task, struct call *call) {
    struct stream *stream = CONTAINER_OF(task, struct stream, task);
    struct session *session = stream->session;
    if (stream->work->store && !stream_store(stream, call)) return false;
    if (!session) return true;
    session->stream = NULL;
    if (stream->work->store) {
        stream_settle(stream);
        return true;
    }
    if (stream->work->has_all) stream_unpin(stream);
    if (stream->no_memory || stream->incomplete) {
        reply_no_memory(call->reply);
    } else if (stream_write(stream, call->reply)) {
        stream->waits = false;
        stream_install(stream);
        return true;
    }
    stream_settle(stream);
    return true;
}

static void release(struct background_task *task) {
    struct stream *stream = CONTAINER_OF(task, struct stream, task);
    if (!stream->waits) return;
    if (stream->session && stream->session->stream == stream) stream->session->stream = NULL;
    stream_discard(stream);
}

/* The bytes of small values are the keyspace's. False: no memory. */
static bool copy_small(struct stream *stream, const struct stream_work *work) {
    size_t size = 0;
    for (unsigned i = 0; i < work->value_count; i++)
        if (!work->values[i].large) size += work->values[i].small.len;
    if (!buffer_reserve(&stream->small, size)) return false;
    for (unsigned i = 0; i < work->value_count; i++) {
        struct value *value = &work->values[i];
        if (value->large || !value->small.data) continue;
        const char *copy = stream->small.data + stream->small.len;
        buffer_append_bytes(&stream->small, value->small); /* there is room */
        value->small.data = copy;
    }
    return true;
}

static struct stream *make(struct call *call, struct stream_work *work) {
    struct stream *stream = stream_make(call, work->values, work->value_count);
    if (!stream) return NULL;
    if (!copy_small(stream, work) || (work->store && !stream_copy_keys(stream, call))) {
        stream_discard(stream);
        return NULL;
    }
    stream->work = work;
    stream->source = &work->source;
    stream->waits = true;
    stream->task = (struct background_task){prepare, answer, release};
    return stream;
}

void stream_work_run(struct call *call, struct stream_work *work, uint64_t elements) {
    struct stream *stream = stream_work_may_wait(call, elements) ? make(call, work) : NULL;
    if (!stream) {
        run_at_once(call, work);
        return;
    }
    call->session->stream = stream;
    background_start(call, &stream->task);
}
