/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/net_priv.h"

#include "base/log.h"
#include "sys/file.h"
#include "sys/memory.h"
#include "sys/socket.h"
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
    bool is_unix;
    char path[]; /* of a Unix socket, to unlink */
};

/* Takes the descriptor over. */
static int add(struct net *net, int fd, const char *path) {
    size_t size = path ? strlen(path) + 1 : 0;
    struct listener *listener = memory_alloc(sizeof *listener + size);
    if (!listener) {
        file_close(fd);
        return -ENOMEM;
    }
    *listener = (struct listener){.net = net, .fd = fd, .is_unix = path != NULL};
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
    return fd < 0 ? fd : add(net, fd, NULL);
}

int net_listen_unix(struct net *net, const char *path, unsigned mode, int backlog) {
    int fd = socket_listen_unix(path, mode, backlog);
    return fd < 0 ? fd : add(net, fd, path);
}

/* Worker 0 may have been told of a listener and not yet have looked at it, so the struct stays. */
static void close_listeners(struct net *net, bool unix_too) {
    struct listener *listener, *next;
    LIST_FOREACH_SAFE(listener, next, &net->listeners, link) {
        if (listener->is_unix && !unix_too) continue;
        list_remove(&listener->link);
        list_append(&net->closed_listeners, &listener->link);
        file_close(listener->fd);
        listener->fd = -1;
        if (listener->is_unix) file_unlink(listener->path);
    }
}

void net_close_listeners(struct net *net) {
    close_listeners(net, true);
}

void net_close_tcp_listeners(struct net *net) {
    close_listeners(net, false);
}

void listeners_free(struct net *net) {
    struct listener *listener, *next;
    net_close_listeners(net);
    LIST_FOREACH_SAFE(listener, next, &net->closed_listeners, link) memory_free(listener);
}

uint16_t net_tcp_port(const struct net *net) {
    struct listener *listener;
    LIST_FOREACH(listener, &net->listeners, link)
    if (!listener->is_unix) return (uint16_t)socket_local_port(listener->fd);
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

static void adopt_posted(void *fd) {
    connection_adopt(worker_current(), (int)(intptr_t)fd);
}

static void hand_over(struct net *net, int fd) {
    struct worker *worker = least_loaded(net);
    atomic_fetch_add(&worker->connection_count, 1);
    if (worker->index == 0) {
        connection_adopt(worker, fd);
    } else if (!worker_post(worker, adopt_posted, (void *)(intptr_t)fd)) {
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
            hand_over(listener->net, fd);
        } else if (!is_passing(-fd)) {
            accept_failed(listener->net, -fd);
            return;
        }
    }
}
