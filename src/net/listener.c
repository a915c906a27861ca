/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/net_priv.h"

#include "base/log.h"
#include "sys/file.h"
#include "sys/memory.h"
#include <errno.h>
#include <sys/epoll.h>

enum {
    ACCEPTS_PER_TURN = 64,
    PAUSE_US = 100 * 1000, /* before trying again when there was no descriptor left */
    LOG_EVERY_US = 1000 * 1000
};

struct listener {
    struct list_node link;
    struct net *net;
    int fd;
    enum listener_kind kind;
    char path[]; /* of a Unix socket, to unlink */
};

/* Takes the descriptor over. */
static int add(struct net *net, int fd, enum listener_kind kind, const char *path) {
    size_t size = path ? strlen(path) + 1 : 0;
    struct listener *listener = memory_alloc(sizeof *listener + size);
    if (!listener) {
        file_close(fd);
        return -ENOMEM;
    }
    *listener = (struct listener){.net = net, .fd = fd, .kind = kind};
    if (path) memcpy(listener->path, path, size);
    if (!worker_watch(&net->workers[0], fd, EPOLLIN, EVENT_LISTENER, listener)) {
        int error = -errno;
        file_close(fd);
        memory_free(listener);
        return error;
    }
    list_append(&net->listeners, &listener->link);
    return 0;
}

int net_listen_tcp(struct net *net, const char *host, uint16_t port, int backlog) {
    int fd = socket_listen_tcp(host, port, backlog, 0);
    return fd < 0 ? fd : add(net, fd, LISTENER_TCP, NULL);
}

int net_listen_tls(struct net *net, const char *host, uint16_t port, int backlog) {
    int fd = socket_listen_tcp(host, port, backlog, 0);
    return fd < 0 ? fd : add(net, fd, LISTENER_TLS, NULL);
}

int net_listen_unix(struct net *net, const char *path, unsigned mode, int backlog) {
    int fd = socket_listen_unix(path, mode, backlog);
    return fd < 0 ? fd : add(net, fd, LISTENER_UNIX, path);
}

/* Worker 0 may have been told of a listener and not yet have looked at it, so the struct stays. */
void net_close_listeners(struct net *net, enum listener_kind kind) {
    struct listener *listener, *next;
    LIST_FOREACH_SAFE(listener, next, &net->listeners, link) {
        if (listener->kind != kind) continue;
        list_remove(&listener->link);
        list_append(&net->closed_listeners, &listener->link);
        file_close(listener->fd);
        listener->fd = -1;
        if (kind == LISTENER_UNIX) file_unlink(listener->path);
    }
}

void listeners_close(struct net *net) {
    net_close_listeners(net, LISTENER_TCP);
    net_close_listeners(net, LISTENER_TLS);
    net_close_listeners(net, LISTENER_UNIX);
}

void listeners_free(struct net *net) {
    struct listener *listener, *next;
    listeners_close(net);
    LIST_FOREACH_SAFE(listener, next, &net->closed_listeners, link) memory_free(listener);
}

uint16_t net_port(const struct net *net, enum listener_kind kind) {
    struct listener *listener;
    LIST_FOREACH(listener, &net->listeners, link)
    if (listener->kind == kind) return (uint16_t)socket_local_port(listener->fd);
    return 0;
}

/* ---- accepting ---- */

/* The level-triggered listeners would wake the worker at once again, so they rest for a while. */
static void set_watched(struct net *net, bool watched) {
    struct listener *listener;
    LIST_FOREACH(listener, &net->listeners, link) {
        struct epoll_event event = {.events = watched ? EPOLLIN : 0,
                                    .data.u64 = (uintptr_t)listener | EVENT_LISTENER};
        epoll_ctl(net->workers[0].epoll, EPOLL_CTL_MOD, listener->fd, &event);
    }
}

static void accept_again(struct net_timer *timer) {
    set_watched(CONTAINER_OF(timer, struct net, accept_again), true);
}

static void accept_failed(struct net *net, int error) {
    struct worker *worker = &net->workers[0];
    if (worker->now_us - net->accept_logged_us >= LOG_EVERY_US) {
        log_warning("Accepting client connection: accept: %s", strerror(error));
        net->accept_logged_us = worker->now_us;
    }
    net->accept_again.fire = accept_again;
    if (worker_timer_arm(worker, &net->accept_again, worker->now_us + PAUSE_US))
        set_watched(net, false);
}

/* Errors of one connection that died in the queue, which accept(2) reports in its place. */
static bool is_passing(int error) {
    switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EPERM:
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ENETDOWN:
    case ENETUNREACH:
    case ENONET:
    case EHOSTDOWN:
    case EHOSTUNREACH: return true;
    default: return false;
    }
}

static struct worker *least_loaded(struct net *net) {
    struct worker *best = &net->workers[0];
    for (unsigned i = 1; i < net->worker_count; i++)
        if (net->workers[i].connection_count < best->connection_count) best = &net->workers[i];
    return best;
}

/* A descriptor and whether it speaks TLS, as the argument of a mail. */
static void *pack(int fd, bool with_tls) {
    return (void *)(((intptr_t)fd << 1) | with_tls);
}

static void adopt_posted(void *packed) {
    connection_adopt(worker_current(), (int)((intptr_t)packed >> 1), (intptr_t)packed & 1);
}

static void hand_over(struct net *net, int fd, bool with_tls) {
    struct worker *worker = least_loaded(net);
    atomic_fetch_add(&worker->connection_count, 1);
    if (worker->index == 0) {
        connection_adopt(worker, fd, with_tls);
    } else if (!worker_post_arrival(worker, adopt_posted, pack(fd, with_tls))) {
        atomic_fetch_sub(&worker->connection_count, 1);
        counter_add(&net->workers[0].counters.refused, 1);
        file_close(fd);
    }
}

void listener_accept(struct listener *listener) {
    for (int i = 0; i < ACCEPTS_PER_TURN && listener->fd >= 0; i++) {
        int fd = socket_accept(listener->fd);
        if (fd == -EAGAIN) return;
        if (fd >= 0) {
            hand_over(listener->net, fd, listener->kind == LISTENER_TLS);
        } else if (!is_passing(-fd)) {
            accept_failed(listener->net, -fd);
            return;
        }
    }
}
