/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/net_priv.h"
#include "net/tls_priv.h"

#include "base/log.h"
#include "sys/file.h"
#include "sys/memory.h"
#include <errno.h>
#include <sys/epoll.h>

static const struct request_limits default_limits = {
    .bulk_max = 512 << 20,
    .args_max = INT32_MAX,
    .inline_max = 64 << 10,
};

/* ---- birth and death ---- */

static void set_socket_options(const struct worker *worker, int fd) {
    if (socket_is_unix(fd)) return;
    socket_set_nodelay(fd, true);
    int seconds = atomic_load_explicit(&worker->net->keepalive_s, memory_order_relaxed);
    if (seconds > 0) socket_set_keepalive(fd, seconds);
}

void connection_free(struct connection *c) {
    if (c->flags & CONNECTION_TLS) tls_end(c);
    file_close(c->fd);
    atomic_fetch_sub(&c->worker->connection_count, 1);
    buffer_free(&c->input);
    output_free(&c->output);
    memory_free(c);
}

/* Asks the service for a session. What it had to say is sent in either case. */
static bool open_session(struct connection *c) {
    struct worker *w = c->worker;
    const struct net_service *service = w->net->service;
    w->reply = (struct reply){.out = &w->output, .resp = 2};
    c->session = service->open(service->context, c, &w->reply);
    connection_send_output(c);
    return c->session != NULL;
}

bool connection_open(struct connection *c) {
    struct worker *w = c->worker;
    if (!open_session(c)) {
        counter_add(&w->counters.refused, 1);
        if (list_linked(&c->turn)) list_remove(&c->turn);
        connection_free(c);
        return false;
    }
    counter_add(&w->counters.accepted, 1);
    list_append(&w->connections, &c->all);
    return true;
}

static void refuse(struct worker *w, int fd, const char *why) {
    log_warning("Refusing a connection: %s", why);
    counter_add(&w->counters.refused, 1);
    atomic_fetch_sub(&w->connection_count, 1);
    file_close(fd);
}

static struct connection *create(struct worker *w, int fd, bool with_tls) {
    struct connection *c =
        memory_alloc_zero(with_tls ? sizeof(struct tls_connection) : sizeof(struct connection));
    if (!c) {
        refuse(w, fd, "no memory");
        return NULL;
    }
    c->worker = w;
    c->fd = fd;
    c->flags = with_tls ? CONNECTION_TLS : 0;
    c->limits = &default_limits;
    list_init(&c->all);
    list_init(&c->turn);
    set_socket_options(w, fd);
    return c;
}

static bool watch(struct connection *c) {
    if (worker_watch(c->worker, c->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, EVENT_CONNECTION,
                     c))
        return true;
    log_warning("Closing a new connection: epoll: %s", strerror(errno));
    return false;
}

static void adopt_tls(struct worker *w, int fd) {
    struct ssl_ctx_st *context = net_tls(w->net);
    struct connection *c = context ? create(w, fd, true) : NULL;
    if (!context) refuse(w, fd, "there is no certificate for it");
    if (c) {
        if (tls_begin(c, context) && watch(c))
            handshake_begin(c);
        else
            connection_free(c);
    }
    tls_context_release(context);
}

void connection_adopt(struct worker *w, int fd, bool with_tls) {
    if (with_tls) {
        adopt_tls(w, fd);
        return;
    }
    struct connection *c = create(w, fd, false);
    if (c && connection_open(c) && !watch(c)) connection_close(c);
}

void connection_destroy(struct connection *c) {
    const struct net_service *service = c->worker->net->service;
    service->close(service->context, c->session);
    list_remove(&c->all);
    connection_free(c);
}

/* ---- what others want of it ---- */

void connection_write_soon(struct connection *c) {
    struct worker *w = c->worker;
    if (w->current != c && !list_linked(&c->turn)) list_append(&w->unsent, &c->turn);
}

void connection_close(struct connection *c) {
    if (c->flags & CONNECTION_CLOSED) return;
    if (c->flags & CONNECTION_BUNDLED) connection_send_bundle(c->worker);
    c->flags |= CONNECTION_CLOSED;
    list_remove(&c->turn);
    list_append(&c->worker->closed, &c->turn);
}

static void close_full(struct connection *c) {
    log_warning("Closing a connection: no memory for its output");
    connection_close(c);
}

void connection_close_after_reply(struct connection *c) {
    if (c->flags & (CONNECTION_CLOSING | CONNECTION_CLOSED)) return;
    c->flags |= CONNECTION_CLOSING;
    connection_write_soon(c);
}

void connection_resume(struct connection *c) {
    struct worker *w = c->worker;
    if (w->current == c) c->flags |= CONNECTION_RESUMED;
    if (!(c->flags & CONNECTION_WAITING)) return;
    c->flags = (c->flags & ~CONNECTION_WAITING) | CONNECTION_RUNNABLE;
    if (w->current != c && !list_linked(&c->turn)) list_append(&w->later, &c->turn);
}

void connection_stream(struct connection *c) {
    c->flags |= CONNECTION_STREAMING;
}

void connection_end_stream(struct connection *c) {
    const struct net_service *service = c->worker->net->service;
    if (!(c->flags & CONNECTION_STREAMING) || c->flags & CONNECTION_CLOSED) return;
    struct buffer rest = {0};
    struct reply reply = {.out = &rest, .resp = 2};
    while (service->more(service->context, c->session, &reply) && !reply.failed)
        ;
    connection_streamed(c);
    if (reply.failed)
        close_full(c);
    else
        connection_send_buffer(c, &rest, 0);
    buffer_free(&rest);
}

void connection_hold(struct connection *c, uint64_t mark) {
    struct worker *w = c->worker;
    ensure(w->current == c);
    if (mark > net_released(w->net)) w->output_mark = MAX(w->output_mark, mark);
}

/* Makes it the end of the connection's output; much of it is not copied. */
static bool send_later(struct connection *c, struct buffer *buffer, uint64_t mark) {
    if (mark <= net_released(c->worker->net)) mark = 0;
    bool kept = buffer->len >= TAKE_OVER ? output_take(&c->output, buffer, 0, mark)
                                         : output_append(&c->output, buffer_bytes(buffer), mark);
    return kept && (!mark || held_add(c, mark));
}

void connection_send(struct connection *c, struct bytes bytes) {
    if (c->flags & CONNECTION_CLOSED || bytes.len == 0) return;
    if (UNLIKELY(c->flags & CONNECTION_STREAMING)) connection_end_stream(c);
    if (c->flags & CONNECTION_BUNDLED) connection_send_bundle(c->worker);
    bool kept = c->worker->current == c ? buffer_append_bytes(&c->worker->output, bytes)
                                        : output_append(&c->output, bytes, 0);
    if (kept)
        connection_write_soon(c);
    else
        close_full(c);
}

void connection_send_buffer(struct connection *c, struct buffer *buffer, uint64_t mark) {
    struct worker *w = c->worker;
    if (c->flags & CONNECTION_CLOSED || buffer->len == 0) return;
    if (UNLIKELY(c->flags & CONNECTION_STREAMING)) connection_end_stream(c);
    if (c->flags & CONNECTION_BUNDLED) connection_send_bundle(c->worker);
    if (w->current == c) connection_hold(c, mark);
    bool kept = w->current == c ? buffer_append_bytes(&w->output, buffer_bytes(buffer))
                                : send_later(c, buffer, mark);
    if (kept)
        connection_write_soon(c);
    else
        close_full(c);
}

void connection_set_limits(struct connection *c, const struct request_limits *limits) {
    c->limits = limits;
}

/* ---- what it is ---- */

struct worker *connection_worker(const struct connection *c) {
    return c->worker;
}

int connection_fd(const struct connection *c) {
    return c->fd;
}

bool connection_is_unix(const struct connection *c) {
    return socket_is_unix(c->fd);
}

bool connection_is_tls(const struct connection *c) {
    return c->flags & CONNECTION_TLS;
}

bool connection_peer_is_local(const struct connection *c) {
    return socket_peer_is_loopback(c->fd);
}

void connection_peer_name(const struct connection *c, char *out, size_t size) {
    socket_peer_name(c->fd, out, size);
}

void connection_local_name(const struct connection *c, char *out, size_t size) {
    socket_local_name(c->fd, out, size);
}

struct connection_usage connection_usage(const struct connection *c) {
    const struct worker *w = c->worker;
    size_t current = w->current == c ? w->output.len - w->output_start : 0;
    return (struct connection_usage){
        .input_used = c->input.len,
        .input_free = c->input.cap - c->input.len,
        .output_pending = c->output.pending + current,
        .output_blocks = output_blocks(&c->output),
        .memory = memory_usable(c) + c->input.cap + output_memory(&c->output),
        .bytes_in = c->bytes_in,
        .bytes_out = c->bytes_out,
        .reads = c->reads,
    };
}
