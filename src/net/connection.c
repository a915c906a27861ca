/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/net_priv.h"

#include "base/log.h"
#include "sys/file.h"
#include "sys/memory.h"
#include "sys/socket.h"
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

static void let_go(struct connection *c) {
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

void connection_adopt(struct worker *w, int fd) {
    struct connection *c = memory_alloc_zero(sizeof *c);
    if (!c) {
        log_warning("Refusing a connection: no memory");
        counter_add(&w->counters.refused, 1);
        atomic_fetch_sub(&w->connection_count, 1);
        file_close(fd);
        return;
    }
    c->worker = w;
    c->fd = fd;
    c->limits = &default_limits;
    list_init(&c->all);
    list_init(&c->turn);
    set_socket_options(w, fd);
    if (!open_session(c)) {
        counter_add(&w->counters.refused, 1);
        if (list_linked(&c->turn)) list_remove(&c->turn);
        let_go(c);
        return;
    }
    counter_add(&w->counters.accepted, 1);
    list_append(&w->connections, &c->all);
    if (!worker_watch(w, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, EVENT_CONNECTION, c)) {
        log_warning("Closing a new connection: epoll: %s", strerror(errno));
        connection_close(c);
    }
}

void connection_destroy(struct connection *c) {
    const struct net_service *service = c->worker->net->service;
    service->close(service->context, c->session);
    list_remove(&c->all);
    let_go(c);
}

/* ---- what others want of it ---- */

/* Out of its own turn, it has to be brought to write, before the worker sleeps. */
static void write_soon(struct connection *c) {
    struct worker *w = c->worker;
    if (w->current != c && !list_linked(&c->turn)) list_append(&w->unsent, &c->turn);
}

void connection_close(struct connection *c) {
    if (c->flags & CONNECTION_CLOSED) return;
    c->flags |= CONNECTION_CLOSED;
    list_remove(&c->turn);
    list_append(&c->worker->closed, &c->turn);
}

void connection_close_after_reply(struct connection *c) {
    if (c->flags & (CONNECTION_CLOSING | CONNECTION_CLOSED)) return;
    c->flags |= CONNECTION_CLOSING;
    write_soon(c);
}

void connection_resume(struct connection *c) {
    struct worker *w = c->worker;
    if (w->current == c) c->flags |= CONNECTION_RESUMED;
    if (!(c->flags & CONNECTION_WAITING)) return;
    c->flags = (c->flags & ~CONNECTION_WAITING) | CONNECTION_RUNNABLE;
    if (w->current != c && !list_linked(&c->turn)) list_append(&w->later, &c->turn);
}

void connection_send(struct connection *c, struct bytes bytes) {
    struct worker *w = c->worker;
    if (c->flags & CONNECTION_CLOSED || bytes.len == 0) return;
    bool kept =
        w->current == c ? buffer_append_bytes(&w->output, bytes) : output_append(&c->output, bytes);
    if (!kept) {
        log_warning("Closing a connection: no memory for its output");
        connection_close(c);
        return;
    }
    write_soon(c);
}

void connection_set_limits(struct connection *c, const struct request_limits *limits) {
    c->limits = limits;
}

/* ---- what it is ---- */

struct worker *connection_worker(const struct connection *c) {
    return c->worker;
}

void *connection_session(const struct connection *c) {
    return c->session;
}

int connection_fd(const struct connection *c) {
    return c->fd;
}

bool connection_is_unix(const struct connection *c) {
    return socket_is_unix(c->fd);
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
    size_t current = c->worker->current == c ? c->worker->output.len : 0;
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
