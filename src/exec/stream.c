/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stream belongs to its session and that one's worker, but for what its pin guards: the source,
 * and `rest` and `failed`, which another worker writes when it has to make the rest.
 */
#include "base/ensure.h"
#include "exec/stream_priv.h"
#include "keyspace/pin.h"
#include "sys/clock.h"
#include "sys/memory.h"

#define STREAM_MIN  ((size_t)1 << 20) /* shorter replies are made at once */
#define REQUEST_MAX 4096              /* the arguments are kept for the logs */

/* Whoever changes a value has to make the rest of all the replies that show it. */
#define STREAMS_MAX 16

struct stream {
    struct pin pin;
    struct stream_source source;
    struct buffer rest; /* made by another, when !pin.pinned */
    bool failed;        /* there was no memory for it */
    uint8_t resp;

    struct list_node in_worker;
    struct session *session;
    struct call call; /* for what is counted in the end; its arguments are behind the struct */
    const struct registered *found; /* NULL: whoever runs it has yet to say what is counted */
    struct command_cost cost;
    struct bytes argv[];
};

/* ---- the beginning ---- */

bool stream_may_begin(const struct call *call, size_t bytes) {
    const struct session *session = call->session;
    if (bytes < STREAM_MIN || call->no_wait || call->from_script || call->runs_again) return false;
    if (!session || session->stream || call->reply->muted) return false;
    return session_worker(session)->stream_count < STREAMS_MAX;
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

/* By whoever is about to change the value. */
static void finish(struct pin *pin) {
    struct stream *stream = CONTAINER_OF(pin, struct stream, pin);
    struct reply reply = {.out = &stream->rest, .resp = stream->resp};
    while (!reply.failed && stream->source.produce(&stream->source, &reply))
        ;
    stream->failed = reply.failed;
}

static struct stream *create(struct call *call, const struct stream_source *source) {
    size_t text = text_of(call);
    struct stream *stream = text <= REQUEST_MAX ? memory_alloc(sizeof *stream + text) : NULL;
    if (!stream) return NULL;
    *stream = (struct stream){.pin = {.value = source->value, .finish = finish},
                              .source = *source,
                              .resp = call->reply->resp,
                              .session = call->session,
                              .call = *call};
    copy_arguments(stream, call);
    if (pin_begin(&stream->pin, call->view.keyspace)) return stream;
    memory_free(stream);
    return NULL;
}

static void discard(struct stream *stream) {
    pin_end(&stream->pin);
    buffer_free(&stream->rest);
    memory_free(stream);
}

bool stream_begin(struct call *call, const struct stream_source *source, size_t bytes) {
    if (LIKELY(!stream_may_begin(call, bytes))) return false;
    struct stream *stream = create(call, source);
    if (!stream) return false;
    if (!stream->source.produce(&stream->source, call->reply)) { /* the value is locked still */
        discard(stream);
        return true;
    }
    struct exec_worker *w = session_worker(call->session);
    call->session->stream = stream;
    list_append(&w->streams, &stream->in_worker);
    w->stream_count++;
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

static void count(struct exec_worker *w, struct stream *stream) {
    stream->call.reply = NULL;
    w->totals.command_ticks += stream->cost.ticks;
    worker_count_command(w, &stream->call, stream->found, &stream->cost);
}

static void end(struct stream *stream) {
    struct exec_worker *w = session_worker(stream->session);
    stream->session->stream = NULL;
    list_remove(&stream->in_worker);
    w->stream_count--;
    if (stream->found) count(w, stream);
    discard(stream);
}

void stream_forget(struct session *session) {
    if (session->stream) end(session->stream);
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

bool stream_more(void *context, void *opaque, struct reply *reply) {
    (void)context;
    struct session *session = opaque;
    struct stream *stream = session->stream;
    uint64_t start = clock_ticks();
    size_t before = reply->out->len;
    bool more = false;
    reply->resp = stream->resp;
    pin_lock(&stream->pin);
    if (stream->pin.pinned)
        more = stream->source.produce(&stream->source, reply);
    else
        hand_over(stream, reply);
    pin_unlock(&stream->pin);
    stream->cost.ticks += clock_ticks() - start;
    stream->cost.reply_bytes += reply->out->len - before;
    session->active_ms = clock_wall_ms();
    if (!more) end(stream);
    return more;
}

void streams_tick(struct exec_worker *w) {
    struct stream *stream, *next;
    LIST_FOREACH_SAFE(stream, next, &w->streams, in_worker) {
        pin_lock(&stream->pin);
        bool made = !stream->pin.pinned;
        pin_unlock(&stream->pin);
        if (made) connection_end_stream(stream->session->connection);
    }
}
