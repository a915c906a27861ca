/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The seam between a connection and its socket: every byte of a connection passes here, and nobody
 * else in net/ reads or writes a connection's descriptor. TLS (tls_priv.h) wraps the bytes here.
 *
 * The loop is edge-triggered and relies on two promises:
 * - receive clears CONNECTION_READABLE only when nothing is left for now, and an edge will come;
 * - send takes fewer bytes than offered only when the socket is full, and an edge will come.
 */
#pragma once

#include "net/connection_priv.h"
#include "net/tls_priv.h"

#include "base/ensure.h"
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* A count, 0 at the end of the stream, or a negative errno: -EAGAIN when nothing is left for now,
 * -EINTR when to ask again. */
static inline ssize_t transport_receive(struct connection *c, void *data, size_t size) {
    if (UNLIKELY(c->flags & CONNECTION_TLS)) return tls_receive(c, data, size);
    ssize_t n = recv(c->fd, data, size, 0);
    if (n <= 0) return n < 0 ? -errno : 0;
    if ((size_t)n < size && !(c->flags & CONNECTION_HANGUP)) c->flags &= ~CONNECTION_READABLE;
    return n;
}

/* A count, or a negative errno. */
static inline ssize_t transport_send(struct connection *c, struct iovec *parts, int count) {
    if (UNLIKELY(c->flags & CONNECTION_TLS)) return tls_send(c, parts, count);
    ssize_t n;
    if (count == 1) {
        n = send(c->fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL);
    } else {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
        n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
    }
    return n >= 0 ? n : -errno;
}
