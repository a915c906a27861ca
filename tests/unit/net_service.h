/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small service to drive net/ with, and blocking clients to talk to it.
 *
 * - ECHO x: x as a bulk string; LEN x: the length of x; REP n: n bytes 'x'; ID: the worker's index
 * - WAIT name: waits for GO name, which lets it go on, on whichever worker; "went" follows
 * - DIE: connection_close; QUIT: +OK, connection_close_after_reply
 * - PUSH x: +x by connection_send; MANY n: +OK at its n-th try, it resumes itself
 * - PIECES n: n numbers, each a piece of its own; CUT n: the same, ended by connection_end_stream
 * - MEMORY: of connection_usage; NAMES: those in the certificate, with spaces around them
 */
#pragma once

#include "net/net.h"
#include <stdatomic.h>

enum { WORKERS = 3, TICK_MS = 20, IDLE_TICK_MS = 100 };

/* What the service saw. */
struct seen {
    _Atomic unsigned opened, closed, invalid, overflows, ticks, waits, most_open, turns;
    _Atomic size_t most_pending;
    _Atomic unsigned drained; /* backlog reports of 0 */
    _Atomic unsigned outside; /* calls that should have been inside the gate, or the other way */
};
extern struct seen seen;

/* Sessions beyond this are refused. */
extern _Atomic unsigned open_limit;

/* What ticks answer. */
extern _Atomic bool more_to_do;

/* So many times, leaving asks for another turn. */
extern _Atomic unsigned turns_wanted;

/* Closes the connection when more than this is pending. */
extern _Atomic size_t pending_limit;

extern const struct net_service test_service;

/* A net without listeners, and one that runs, on a thread of its own, and listens on `port`. */
struct net *serve_create(unsigned workers);
struct net *serve(unsigned workers);
void serve_start(struct net *net);
void serve_stop(struct net *net);
extern uint16_t port;

int client_open(void);
int client_open_with_buffer(int receive_buffer);
void client_send(int fd, const char *data, size_t size);

/* Sends a command of space-separated words. */
void client_command(int fd, const char *words);

/* Reads exactly this. */
void client_expect(int fd, const char *text);
void client_expect_eof(int fd);

/* Until the condition holds; fails the test after 10 seconds. */
#define wait_until(condition)                                                                      \
    do {                                                                                           \
        for (int tries_ = 0; !(condition); tries_++) {                                             \
            assert_true(tries_ < 10000);                                                           \
            usleep(1000);                                                                          \
        }                                                                                          \
    } while (0)
