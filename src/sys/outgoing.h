/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "base/buffer.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Connections that we open: TCP, Unix sockets, and TLS over either. Non-blocking, with deadlines
 * for who waits (clock_mono_us). One thread at a time. */

/* No member is NULL; "" = none. */
struct outgoing_tls {
    const char *ca_file,
        *ca_dir; /* who vouches for the server; neither: the system's authorities */
    const char *cert_file, *key_file, *key_password; /* what we show */
    bool any_certificate;                            /* it need not be vouched for */
    bool any_name;                                   /* nor be of the host that was asked for */
};

struct outgoing_target {
    const char *host;
    int port;
    const char *path;               /* of a Unix socket, instead; NULL = TCP */
    const struct outgoing_tls *tls; /* NULL = none */
    const atomic_bool *cancel;      /* once it is true, nobody waits; NULL = never */
};

struct outgoing {
    int fd; /* to poll; good between open and close */
    struct ssl_st *ssl;
    const atomic_bool *cancel;
};

enum outgoing_result {
    OUTGOING_OPEN,
    OUTGOING_UNREACHABLE, /* it could not even be tried, or nobody has answered in time */
    OUTGOING_REFUSED      /* by the host, or by TLS */
};

/* Resolving a name may take longer than the deadline. On failure `error` says why, for people, and
 * nothing has to be closed. */
enum outgoing_result outgoing_open(struct outgoing *outgoing, const struct outgoing_target *target,
                                   int64_t deadline_us, struct buffer *error);
void outgoing_close(struct outgoing *outgoing);

/* A count, 0 at the end of the stream, or a negative errno; -EAGAIN: not now. What was refused by
 * outgoing_send has to be offered again, unchanged, before anything else. */
ssize_t outgoing_receive(struct outgoing *outgoing, void *data, size_t size);
ssize_t outgoing_send(struct outgoing *outgoing, const void *data, size_t size);

/* Waits until the socket can be read from (POLLIN) or written to (POLLOUT). 0, -ETIMEDOUT,
 * -ECANCELED, or another negative errno. */
int outgoing_wait(const struct outgoing *outgoing, short events, int64_t deadline_us);
