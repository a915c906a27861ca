/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection's turn: read once, run what came, write once.
 *
 * Input is read into the worker's buffer and run from there. Only what is left of it, an incomplete
 * request as a rule, moves to the connection's own buffer. In the next turn a small rest is put in
 * front of what is read then; a large one stays, and the input is read to its place behind it, into
 * a buffer of the size that the request announced. So nobody's idle connection holds a buffer, and
 * no large request is copied again and again.
 */
#include "net/net_priv.h"
#include "net/transport_priv.h"

#include "base/log.h"

enum {
    SMALL_REST = 16 * 1024,    /* cheaper to copy again than to hold a buffer to read into */
    READ_MAX = 1024 * 1024,    /* bytes of a large request in one turn */
    TURN_REQUESTS = 1024,      /* after these, the others have their turn */
    SEND_AT_ONCE = 256 * 1024, /* replies that don't wait for the end of the turn */
    OUTPUT_KEPT = 1024 * 1024, /* the worker's output buffer is kept up to this size */
    TAKE_ALWAYS = 1024 * 1024,
    WRITE_PARTS = 64,
    GATHER_MAX = 4 * 1024 /* less is copied into one piece, which the kernel takes for less */
};

static bool may_run(const struct connection *c) {
    return !(c->flags &
             (CONNECTION_WAITING | CONNECTION_CLOSING | CONNECTION_CLOSED | CONNECTION_STREAMING));
}

/* ---- writing ---- */

static void close_failed(struct connection *c, const char *what, int error) {
    log_verbose("Closing a connection: %s: %s", what, strerror(error));
    connection_close(c);
}

/* How many of the bytes the socket took. */
static size_t write_parts(struct connection *c, struct iovec *parts, int count) {
    size_t offered = 0;
    for (int i = 0; i < count; i++)
        offered += parts[i].iov_len;
    ssize_t n = transport_send(c, parts, count);
    counter_add(&c->worker->counters.writes, 1);
    if (n < 0) {
        if (n == -EAGAIN)
            c->flags |= CONNECTION_FULL;
        else if (n != -EINTR)
            close_failed(c, "write", (int)-n);
        return 0;
    }
    if ((size_t)n < offered) c->flags |= CONNECTION_FULL;
    c->bytes_out += (size_t)n;
    counter_add(&c->worker->counters.bytes_out, (size_t)n);
    return (size_t)n;
}

/* Several small parts become one, in `room`. Returns how many there are then. */
static int gather(struct iovec *parts, int count, char room[GATHER_MAX]) {
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    if (count < 2 || size > GATHER_MAX) return count;
    size_t at = 0;
    for (int i = 0; i < count; i++) {
        memcpy(room + at, parts[i].iov_base, parts[i].iov_len);
        at += parts[i].iov_len;
    }
    parts[0] = (struct iovec){room, size};
    return 1;
}

void connection_write_queue(struct connection *c) {
    struct iovec parts[WRITE_PARTS];
    char room[GATHER_MAX];
    int count = output_parts(&c->output, net_released(c->worker->net), parts, WRITE_PARTS);
    count = gather(parts, count, room);
    if (count) output_consume(&c->output, write_parts(c, parts, count));
}

static bool has_ready_output(const struct connection *c) {
    return c->output.pending && !(c->flags & CONNECTION_FULL) &&
           output_is_ready(&c->output, net_released(c->worker->net));
}

/* Moves what the socket did not take of the worker's output, all from `from` on, to the connection.
 * Much of it is not copied; the buffer goes with it. */
static void keep_output(struct connection *c, size_t from, uint64_t mark) {
    struct buffer *out = &c->worker->output;
    size_t rest = out->len - from;
    bool take = rest >= TAKE_ALWAYS || (rest >= TAKE_OVER && rest >= out->cap / 2);
    bool kept = take ? output_take(&c->output, out, from, mark)
                     : output_append(&c->output, bytes_skip(buffer_bytes(out), from), mark);
    if (!kept || (mark && !held_add(c, mark))) close_failed(c, "output", ENOMEM);
}

static void report_backlog(struct connection *c, size_t before) {
    const struct net_service *service = c->worker->net->service;
    if ((before || c->output.pending) && !(c->flags & CONNECTION_CLOSED))
        service->backlog(service->context, c->session, c->output.pending);
}

static bool wants_turn(const struct connection *c) {
    if (has_ready_output(c)) return true;
    if (c->flags & CONNECTION_STREAMING) return c->output.pending == 0;
    return may_run(c) && c->flags & (CONNECTION_READABLE | CONNECTION_RUNNABLE);
}

static void empty_output(struct worker *w) {
    buffer_clear(&w->output);
    if (w->output.cap > OUTPUT_KEPT) buffer_free(&w->output);
    w->output_start = 0;
}

/* ---- bundles ---- */

static void send_bundled(const struct worker *w, const struct bundled *bundled) {
    struct connection *c = bundled->connection;
    struct bytes replies = bytes_make(w->output.data + bundled->start, bundled->size);
    struct iovec part = {(char *)replies.data, replies.len};
    c->flags &= ~CONNECTION_BUNDLED;
    size_t sent = write_parts(c, &part, 1);
    if (sent == replies.len || c->flags & CONNECTION_CLOSED) return;
    if (!output_append(&c->output, bytes_skip(replies, sent), 0)) close_failed(c, "output", ENOMEM);
    report_backlog(c, 0);
    if (wants_turn(c) && !list_linked(&c->turn)) list_append(&c->worker->later, &c->turn);
}

void connection_send_bundle(struct worker *w) {
    unsigned count = w->bundle_count;
    w->bundle_count = 0;
    for (unsigned i = 0; i < count; i++)
        send_bundled(w, &w->bundle[i]);
    if (!w->current && w->output.len == w->output_start) empty_output(w);
}

static bool joins_bundle(const struct connection *c, size_t size) {
    const uint32_t sent_at_once =
        CONNECTION_FULL | CONNECTION_CLOSING | CONNECTION_CLOSED | CONNECTION_STREAMING;
    const struct worker *w = c->worker;
    return size < BUNDLE_BYTES && !w->output_mark && !c->output.pending &&
           !(c->flags & sent_at_once) && w->bundle_count < BUNDLE_MAX && !list_empty(&w->ready);
}

static void join_bundle(struct connection *c, size_t size) {
    struct worker *w = c->worker;
    w->bundle[w->bundle_count++] = (struct bundled){c, w->output_start, size};
    w->output_start += size;
    c->flags |= CONNECTION_BUNDLED;
}

static bool bundle_is_full(const struct worker *w) {
    return w->bundle_count == BUNDLE_MAX || w->output_start >= BUNDLE_BYTES;
}

/* ---- the output of a turn ---- */

static void send_at_once(struct connection *c, uint64_t mark) {
    struct worker *w = c->worker;
    size_t start = w->output_start, size = w->output.len - start, sent = 0;
    if (!mark && !c->output.pending && !(c->flags & (CONNECTION_FULL | CONNECTION_CLOSED))) {
        struct iovec part = {w->output.data + start, size};
        sent = write_parts(c, &part, 1);
    }
    if (sent < size && !(c->flags & CONNECTION_CLOSED)) keep_output(c, start + sent, mark);
}

void connection_send_output(struct connection *c) {
    struct worker *w = c->worker;
    uint64_t mark = w->output_mark;
    size_t size = w->output.len - w->output_start;
    w->output_mark = 0;
    if (size == 0) return;
    connection_send_bundle(w);
    send_at_once(c, mark);
    empty_output(w);
}

/* ---- running ---- */

static void refuse(struct connection *c, struct bytes error) {
    const struct net_service *service = c->worker->net->service;
    reply_error_bytes(&c->worker->reply, error);
    service->invalid(service->context, c->session, error.data);
    connection_close_after_reply(c);
}

/* How many bytes the first `taken` requests took. */
static size_t batch_end(const struct request_batch *batch, unsigned taken) {
    return taken ? batch->items[taken - 1].end : 0;
}

/* Returns how many bytes of input are done with. */
static size_t run_batch(struct connection *c) {
    struct worker *w = c->worker;
    const struct net_service *service = w->net->service;
    const struct request_batch *batch = &w->batch;
    if (batch->count == 0) return batch->consumed;
    c->flags &= ~CONNECTION_RESUMED;
    unsigned taken = service->run(service->context, c->session, batch, &w->reply);
    if (UNLIKELY(w->reply.failed)) close_failed(c, "replies", ENOMEM);
    if (taken == batch->count) return batch->consumed;
    ensure(taken < batch->count);
    c->parser = (struct request_parser){0};
    if (c->flags & CONNECTION_STREAMING) return batch_end(batch, taken);
    c->flags |= c->flags & CONNECTION_RESUMED ? CONNECTION_RUNNABLE : CONNECTION_WAITING;
    return batch_end(batch, taken);
}

static bool is_within(struct bytes part, const struct buffer *buffer) {
    return buffer->data && part.data >= buffer->data && part.data <= buffer->data + buffer->len;
}

/* Makes the rest of the input all that `input` holds. The rest is part of it or of the worker's. */
static bool keep_input(struct connection *c, struct bytes rest) {
    struct buffer *own = &c->input;
    if (rest.len == 0) {
        if (own->data) buffer_free(own);
        return true;
    }
    if (!is_within(rest, own)) {
        buffer_clear(own);
        return buffer_append_bytes(own, rest);
    }
    size_t needed = MAX(rest.len, request_wanted(&c->parser));
    if (own->cap <= 2 * needed + SMALL_REST) {
        buffer_consume(own, (size_t)(rest.data - own->data));
        return true;
    }
    struct buffer smaller = {0};
    if (!buffer_append_bytes(&smaller, rest)) return false;
    buffer_free(own);
    *own = smaller;
    return true;
}

static void end_input(struct connection *c, struct bytes rest) {
    struct net *net = c->worker->net;
    if (c->flags & (CONNECTION_CLOSING | CONNECTION_CLOSED)) rest.len = 0;
    if (!keep_input(c, rest)) {
        close_failed(c, "input", ENOMEM);
    } else if (rest.len > atomic_load_explicit(&net->input_limit, memory_order_relaxed)) {
        net->service->input_overflow(net->service->context, c->session, rest.len);
        connection_close(c);
    }
}

/* Runs the requests that the input holds and keeps the rest. */
static void run_input(struct connection *c, struct bytes input) {
    struct worker *w = c->worker;
    enum request_status status = REQUEST_FULL;
    for (unsigned ran = 0; status == REQUEST_FULL && may_run(c); ran += w->batch.count) {
        if (ran >= TURN_REQUESTS) {
            c->flags |= CONNECTION_RUNNABLE;
            break;
        }
        struct bytes error;
        w->reply = (struct reply){.out = &w->output, .resp = 2};
        status = request_parse(&c->parser, c->limits, input, &w->batch, &error);
        input = bytes_skip(input, run_batch(c));
        if (c->flags & CONNECTION_RUNNABLE) break;
        if (UNLIKELY(status > REQUEST_FULL) && may_run(c)) refuse(c, error);
        if (w->output.len - w->output_start >= SEND_AT_ONCE) {
            connection_send_output(c);
            report_backlog(c, 0);
        }
    }
    end_input(c, input);
}

/* ---- reading ---- */

static void end_of_stream(struct connection *c, ssize_t n) {
    c->flags &= ~CONNECTION_READABLE;
    if (n == 0)
        connection_close_after_reply(c);
    else if (n == -EINTR)
        c->flags |= CONNECTION_READABLE;
    else if (n != -EAGAIN)
        close_failed(c, "read", (int)-n);
}

static ssize_t receive(struct connection *c, char *data, size_t room) {
    ssize_t n = transport_receive(c, data, room);
    counter_add(&c->worker->counters.reads, 1);
    if (n <= 0) {
        end_of_stream(c, n);
        return n;
    }
    c->reads++;
    c->bytes_in += (size_t)n;
    counter_add(&c->worker->counters.bytes_in, (size_t)n);
    return n;
}

static void read_to_its_place(struct connection *c) {
    struct buffer *own = &c->input;
    size_t size = MAX(request_wanted(&c->parser), own->len + 1);
    if (!buffer_reserve(own, size - own->len)) {
        close_failed(c, "input", ENOMEM);
        return;
    }
    size_t room = MIN(own->cap - own->len, (size_t)READ_MAX);
    ssize_t n = receive(c, own->data + own->len, room);
    if (n <= 0) return;
    own->len += (size_t)n;
    run_input(c, buffer_bytes(own));
}

static void read_input(struct connection *c) {
    struct buffer *own = &c->input;
    if (own->len > SMALL_REST || request_wanted(&c->parser) > INPUT_SIZE) {
        read_to_its_place(c);
        return;
    }
    char *shared = c->worker->input;
    size_t rest = own->len;
    if (rest) memcpy(shared, own->data, rest);
    ssize_t n = receive(c, shared + rest, INPUT_SIZE - rest);
    if (n > 0) run_input(c, bytes_make(shared, rest + (size_t)n));
}

static void take_input(struct connection *c) {
    if (!may_run(c)) return;
    if (c->flags & CONNECTION_RUNNABLE) {
        c->flags &= ~CONNECTION_RUNNABLE;
        run_input(c, buffer_bytes(&c->input));
    } else if (c->flags & CONNECTION_READABLE) {
        read_input(c);
    }
}

/* ---- a reply in pieces ---- */

/* The next piece, if the peer has taken those before. */
static void make_piece(struct connection *c) {
    struct worker *w = c->worker;
    const struct net_service *service = w->net->service;
    if (c->output.pending || c->flags & CONNECTION_CLOSED) return;
    w->reply = (struct reply){.out = &w->output, .resp = 2};
    if (!service->more(service->context, c->session, &w->reply)) connection_streamed(c);
    if (w->reply.failed) close_failed(c, "replies", ENOMEM);
}

/* ---- the turn ---- */

static void end_turn(struct connection *c, size_t backlog_before) {
    c->worker->current = NULL;
    report_backlog(c, backlog_before);
    if (c->flags & CONNECTION_CLOSED) return;
    const uint32_t in_vain = CONNECTION_WAITING | CONNECTION_HANGUP;
    bool is_done =
        c->flags & CONNECTION_CLOSING ? c->output.pending == 0 : (c->flags & in_vain) == in_vain;
    is_done &= !(c->flags & CONNECTION_STREAMING);
    if (is_done)
        connection_close(c);
    else if (wants_turn(c) && !list_linked(&c->turn))
        list_append(&c->worker->later, &c->turn);
}

void connection_turn(struct connection *c) {
    if (UNLIKELY(c->flags & CONNECTION_HANDSHAKE)) {
        handshake_turn(c);
        return;
    }
    size_t backlog = c->output.pending;
    c->worker->current = c;
    if (backlog && !(c->flags & CONNECTION_FULL)) connection_write_queue(c);
    if (UNLIKELY(c->flags & CONNECTION_STREAMING))
        make_piece(c);
    else
        take_input(c);
    size_t size = c->worker->output.len - c->worker->output_start;
    if (size && joins_bundle(c, size))
        join_bundle(c, size);
    else
        connection_send_output(c);
    end_turn(c, backlog);
    if (bundle_is_full(c->worker)) connection_send_bundle(c->worker);
}

void connection_write_turn(struct connection *c) {
    size_t backlog = c->output.pending;
    if (backlog && !(c->flags & CONNECTION_FULL)) connection_write_queue(c);
    end_turn(c, backlog);
}
