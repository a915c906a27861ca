/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection that speaks TLS: OpenSSL on top of a BIO that stands directly on the socket.
 */
#pragma once

#include "net/connection_priv.h"
#include "net/tls.h"
#include <sys/uio.h>

struct ssl_st;

/* A connection with CONNECTION_TLS is one of these. */
struct tls_connection {
    struct connection base;
    struct ssl_st *ssl;
    int64_t began_us; /* the handshake; clock_mono_us */
    size_t budget;    /* bytes that the BIO may still take from the socket in this call */
    int error;        /* what has broken it, for ever; 0 = nothing */
    bool drained;     /* the socket has nothing left for now */
    bool at_end;      /* the peer sends no more */
};

/* Makes the rest of a zeroed connection that has its descriptor. False = no memory. */
bool tls_begin(struct connection *c, struct ssl_ctx_st *context);

/* Says farewell, if that can be done at once, and frees what tls_begin() made. */
void tls_end(struct connection *c);

/* ---- the transport: see transport_priv.h ---- */

ssize_t tls_receive(struct connection *c, void *data, size_t size);
ssize_t tls_send(struct connection *c, struct iovec *parts, int count);

/* ---- handshakes (handshake.c) ---- */

enum tls_progress { TLS_WAITS, TLS_DONE, TLS_FAILED };

/* One step of the handshake: as far as what has come allows. `why` is set when it fails, and good
 * until the thread's next call of OpenSSL. */
enum tls_progress tls_handshake(struct connection *c, const char **why);

/* The handshake of a connection that was just accepted. */
void handshake_begin(struct connection *c);

/* The turn of a connection with CONNECTION_HANDSHAKE: it is put in line for handshakes_run(), or
 * gets its session. Inside the gate. */
void handshake_turn(struct connection *c);

/* A bounded share of the worker's time for handshakes; drops the oldest of too many. Better outside
 * the gate, and not while events are looked at, since it frees connections. */
void handshakes_run(struct worker *worker);

/* Drops those that have taken too long. As handshakes_run(). */
void handshakes_expire(struct worker *worker);

/* Drops all. */
void handshakes_end(struct worker *worker);
