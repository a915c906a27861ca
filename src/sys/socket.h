/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sockets: all non-blocking and close-on-exec. A function that returns int gives a descriptor or 0,
 * or a negative errno. */

#define SOCKET_NAME_MAX 128

enum socket_flags {
    SOCKET_REUSE_PORT =
        1 << 0, /* several listeners share the port, and the kernel spreads connections over them */
    SOCKET_ONLY_BIND = 1 << 1, /* to see whether it could be listened at; nobody can connect */
};

/* Listens on one address. `host` is a name or an address; "*" is every IPv4 address, "::*" every
 * IPv6 one (an IPv6 listener takes IPv6 alone). Port 0 picks a free one; see socket_local_port. */
int socket_listen_tcp(const char *host, int port, int backlog, unsigned flags);

/* Replaces a socket that nobody listens on any more, refuses (-EADDRINUSE) one that is alive and
 * (-EEXIST) what is no socket. `mode` 0 keeps the umask's. */
int socket_listen_unix(const char *path, unsigned mode, int backlog);

/* Gives the socket's file to a group. -ESRCH: there is none of that name. Main thread. */
int socket_set_group(const char *path, const char *group);

/* -EAGAIN when nobody waits. */
int socket_accept(int listener);

/* Starts a connection: it is complete when the descriptor becomes writable and socket_error() is 0.
 * `source` is the local address to use, or NULL. Resolving a name may block, an address does not.
 */
int socket_connect_tcp(const char *host, int port, const char *source);
int socket_connect_unix(const char *path);

/* The pending error of a socket, as a negative errno, or 0. */
int socket_error(int fd);

int socket_set_nodelay(int fd, bool enabled);

/* The first probe after `seconds` of silence, then every third of it, three times; 0 turns probes
 * off. */
int socket_set_keepalive(int fd, int seconds);

/* The name of either end, with a final zero, cut at `cap`: "1.2.3.4:5", "[::1]:5", "/path:0" for a
 * Unix socket (with an unnamed end, the path of the other), "?:0" when unknown. */
void socket_peer_name(int fd, char *out, size_t cap);
void socket_local_name(int fd, char *out, size_t cap);

/* The port of this end; 0 for a Unix socket. */
int socket_local_port(int fd);

/* Does the peer sit on this machine: 127.0.0.0/8, ::1, or a Unix socket? */
bool socket_peer_is_loopback(int fd);
bool socket_is_unix(int fd);
