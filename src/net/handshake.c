/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handshakes: a connection between being accepted and having a session. Nobody but its worker knows
 * it yet, so they run outside the gate, and a storm of them costs the others a bounded share of
 * each turn of the loop.
 */
#include "net/net_priv.h"
#include "net/tls_priv.h"

#include "base/log.h"
#include "sys/clock.h"

enum {
    SHARE_US = 1000,               /* of a turn of the loop */
    TIMEOUT_US = 10 * 1000 * 1000, /* for a whole handshake */
    MOST = 1024,                   /* of a worker at a time */
    LOG_EVERY_US = 1000 * 1000
};

static void drop(struct connection *c) {
    c->worker->handshake_count--;
    list_remove(&c->all);
    list_remove(&c->turn);
    connection_free(c);
}

static struct connection *oldest(struct worker *w) {
    return LIST_FIRST(&w->handshakes, struct connection, all);
}

/* Anybody may knock with garbage, so that it does not fill the log. */
static void log_failure(struct connection *c, const char *why) {
    struct worker *w = c->worker;
    char peer[SOCKET_NAME_MAX];
    int64_t now_us = clock_mono_us();
    connection_peer_name(c, peer, sizeof peer);
    if (now_us - w->handshake_logged_us < LOG_EVERY_US) {
        log_verbose("TLS handshake with %s: %s", peer, why);
        return;
    }
    w->handshake_logged_us = now_us;
    log_warning("TLS handshake with %s: %s", peer, why);
}

void handshake_begin(struct connection *c) {
    struct worker *w = c->worker;
    c->flags |= CONNECTION_HANDSHAKE;
    CONTAINER_OF(c, struct tls_connection, base)->began_us = w->now_us;
    list_append(&w->handshakes, &c->all);
    w->handshake_count++;
}

/* It may have sent requests together with the end of its handshake. */
static void open_connection(struct connection *c) {
    struct worker *w = c->worker;
    w->handshake_count--;
    list_remove(&c->all);
    c->flags &= ~(CONNECTION_HANDSHAKE | CONNECTION_SHAKEN);
    c->flags |= CONNECTION_READABLE;
    if (connection_open(c) && !list_linked(&c->turn)) list_append(&w->ready, &c->turn);
}

void handshake_turn(struct connection *c) {
    if (c->flags & CONNECTION_SHAKEN)
        open_connection(c);
    else
        list_append(&c->worker->handshakes_ready, &c->turn);
}

static void step(struct connection *c) {
    const char *why;
    switch (tls_handshake(c, &why)) {
    case TLS_WAITS: break;
    case TLS_DONE:
        c->flags |= CONNECTION_SHAKEN;
        list_append(&c->worker->ready, &c->turn);
        break;
    case TLS_FAILED:
        log_failure(c, why);
        drop(c);
        break;
    }
}

void handshakes_run(struct worker *w) {
    while (w->handshake_count > MOST)
        drop(oldest(w));
    if (list_empty(&w->handshakes_ready)) return;
    int64_t until_us = clock_mono_us() + SHARE_US;
    do {
        struct connection *c = LIST_FIRST(&w->handshakes_ready, struct connection, turn);
        list_remove(&c->turn);
        step(c);
    } while (!list_empty(&w->handshakes_ready) && clock_mono_us() < until_us);
}

static bool is_late(struct worker *w, struct connection *c) {
    return w->now_us - CONTAINER_OF(c, struct tls_connection, base)->began_us > TIMEOUT_US;
}

void handshakes_expire(struct worker *w) {
    while (!list_empty(&w->handshakes) && is_late(w, oldest(w))) {
        log_failure(oldest(w), "it takes too long");
        drop(oldest(w));
    }
}

void handshakes_end(struct worker *w) {
    while (!list_empty(&w->handshakes))
        drop(oldest(w));
}
