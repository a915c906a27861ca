/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/ensure.h"
#include "exec/stream_priv.h"
#include "sys/clock.h"
#include "sys/memory.h"

#define STREAM_MIN  ((size_t)1 << 20) /* shorter replies are made at once */
#define REQUEST_MAX 4096              /* the arguments are kept for the logs */

/* Whoever changes a value has to make the rest of all the replies that show it. */
#define STREAMS_MAX 16

/* ---- the beginning ---- */

bool stream_is_possible(const struct call *call) {
    const struct session *session = call->session;
    if (call->no_wait || call->from_script || call->runs_again) return false;
    if (!session || session->stream || call->reply->muted) return false;
    return session_worker(session)->stream_count < STREAMS_MAX;
}

bool stream_may_begin(const struct call *call, size_t bytes) {
    return UNLIKELY(bytes >= STREAM_MIN) && stream_is_possible(call);
}

static size_t text_of(const struct call *call) {
    size_t text = 0;
    for (unsigned i = 0; i < call->argc; i++)
        text += call->argv[i].len + sizeof(struct bytes);
    return text;
}

static void copy_arguments(struct stream *stream, const struct call *call) {
    char *at = (char *)&stream->argv[call->argc];
    for (unsigned i = 0; i < call->argc; i++) {
        struct bytes argument = call->argv[i];
        if (argument.len) memcpy(at, argument.data, argument.len);
        stream->argv[i] = bytes_make(at, argument.len);
        at += argument.len;
    }
    stream->call.argv = stream->argv;
}

static void make_rest(struct stream *stream) {
    struct reply reply = {.out = &stream->rest, .resp = stream->resp};
    while (!reply.failed && stream->source->produce(stream->source, &reply))
        ;
    stream->failed = reply.failed;
    stream->made = true;
}

/* By whoever is about to change the value. */
static void finish(struct pin *pin) {
    struct stream *stream = CONTAINER_OF(pin, struct stream_pin, pin)->stream;
    if (stream->work && stream->work->store) atomic_store(&stream->work->is_void, true);
    pthread_mutex_lock(&stream->mutex);
    stream_prepare(stream);
    bool needs_more =
        !stream->work || !(stream->work->has_all || stream->no_memory || stream->work->store);
    if (needs_more && !stream->made) make_rest(stream);
    pthread_mutex_unlock(&stream->mutex);
}

static bool pin_values(struct stream *stream, const struct value *values, unsigned count) {
    struct keyspace *keyspace = stream->call.view.keyspace;
    if (count > 1) stream->pins = memory_alloc(count * sizeof *stream->pins);
    if (!stream->pins) return false;
    for (unsigned i = 0; i < count; i++) {
        struct stream_pin *pin = &stream->pins[stream->pin_count];
        if (!values[i].large) continue;
        *pin = (struct stream_pin){{.value = values[i], .finish = finish}, stream};
        if (!pin_begin(&pin->pin, keyspace)) return false;
        stream->pin_count++;
    }
    return true;
}

struct stream *stream_make(struct call *call, const struct value *values, unsigned count) {
    size_t text = text_of(call);
    struct stream *stream = text <= REQUEST_MAX ? memory_alloc(sizeof *stream + text) : NULL;
    if (!stream) return NULL;
    *stream = (struct stream){.resp = call->reply->resp,
                              .session = call->session,
                              .worker = session_worker(call->session),
                              .call = *call};
    stream->pins = &stream->first;
    pthread_mutex_init(&stream->mutex, NULL);
    list_init(&stream->in_worker);
    copy_arguments(stream, call);
    stream->worker->stream_count++;
    if (pin_values(stream, values, count)) return stream;
    stream_discard(stream);
    return NULL;
}

void stream_unpin(struct stream *stream) {
    for (unsigned i = 0; i < stream->pin_count; i++)
        pin_end(&stream->pins[i].pin);
    stream->pin_count = 0;
}

void stream_discard(struct stream *stream) {
    stream->worker->stream_count--;
    stream_unpin(stream);
    if (stream->pins != &stream->first) memory_free(stream->pins);
    if (stream->work) stream->work->free(stream->work);
    pthread_mutex_destroy(&stream->mutex);
    memory_free(stream->keys);
    buffer_free(&stream->rest);
    buffer_free(&stream->small);
    memory_free(stream);
}

void stream_install(struct stream *stream) {
    list_append(&stream->worker->streams, &stream->in_worker);
    stream->session->stream = stream;
}

bool stream_begin(struct call *call, const struct stream_source *source, size_t bytes) {
    if (LIKELY(!stream_may_begin(call, bytes))) return false;
    struct stream *stream = stream_make(call, &source->value, 1);
    if (!stream) return false;
    stream->simple = *source;
    stream->source = &stream->simple;
    if (!source->produce(&stream->simple, call->reply)) { /* the value is locked still */
        stream_discard(stream);
        return true;
    }
    stream_install(stream);
    connection_stream(call->session->connection);
    return true;
}

void stream_account(const struct call *call, const struct registered *found,
                    const struct command_cost *cost) {
    struct stream *stream = call->session->stream;
    stream->found = found;
    stream->cost = *cost;
}

/* ---- the end ---- */

void stream_settle(struct stream *stream) {
    if (!stream->found) return;
    stream->call.reply = NULL;
    stream->cost.ticks += stream->ticks;
    stream->worker->totals.command_ticks += stream->cost.ticks;
    worker_count_command(stream->worker, &stream->call, stream->found, &stream->cost);
}

static void end(struct stream *stream) {
    stream->session->stream = NULL;
    list_remove(&stream->in_worker);
    stream_settle(stream);
    stream_discard(stream);
}

void stream_forget(struct session *session) {
    struct stream *stream = session->stream;
    if (!stream) return;
    if (!stream->waits) {
        end(stream);
        return;
    }
    stream->session = NULL;
    session->stream = NULL;
}

/* ---- a piece ---- */

static void hand_over(struct stream *stream, struct reply *reply) {
    struct buffer empty = *reply->out;
    reply->failed |= stream->failed;
    if (empty.len == 0) {
        *reply->out = stream->rest;
        stream->rest = empty;
    } else if (!buffer_append_bytes(reply->out, buffer_bytes(&stream->rest))) {
        reply->failed = true;
    }
}

bool stream_write(struct stream *stream, struct reply *reply) {
    uint64_t start = clock_ticks();
    size_t before = reply->out->len;
    bool more = false;
    reply->resp = stream->resp;
    pthread_mutex_lock(&stream->mutex);
    if (stream->made)
        hand_over(stream, reply);
    else
        more = stream->source->produce(stream->source, reply);
    pthread_mutex_unlock(&stream->mutex);
    stream->cost.ticks += clock_ticks() - start;
    stream->cost.reply_bytes += reply->out->len - before;
    return more;
}

bool stream_more(void *context, void *opaque, struct reply *reply) {
    (void)context;
    struct session *session = opaque;
    struct stream *stream = session->stream;
    bool more = stream_write(stream, reply);
    session->active_ms = clock_wall_ms();
    if (!more) end(stream);
    return more;
}

void streams_tick(struct exec_worker *w) {
    struct stream *stream, *next;
    LIST_FOREACH_SAFE(stream, next, &w->streams, in_worker) {
        pthread_mutex_lock(&stream->mutex);
        bool made = stream->made;
        pthread_mutex_unlock(&stream->mutex);
        if (made) connection_end_stream(stream->session->connection);
    }
}
