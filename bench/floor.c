/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The floor: a server that finds the ends of the requests in what it reads, answers each with the
 * same reply, and writes once for each read. It does no work at all, so nothing that speaks the
 * protocol over the kernel's TCP can cost much less.
 *
 * Usage: floor PORT [get | set]: a bulk string of 32 bytes, or +OK. Expects whole and valid
 * requests.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 1024, INPUT_SIZE = 64 << 10, OUTPUT_SIZE = 256 << 10, EVENTS = 256 };

/* By descriptor: the start of a request whose rest is to come. */
struct connection {
    size_t size;
    char input[INPUT_SIZE];
};

static struct connection *connections[CONNECTIONS];
static const char *reply = "$32\r\nabcdefghijklmnopqrstuvwxyz012345\r\n";

static void fail(const char *what) {
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* The number after the first byte of a line. NULL: the line is not complete. */
static const char *read_line(const char *at, const char *limit, long *number) {
    long value = 0;
    for (at++; at < limit && *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (*at - '0');
    *number = value;
    return limit - at < 2 ? NULL : at + 2;
}

/* The end of the request at `at`. NULL: it is not complete. */
static const char *request_end(const char *at, const char *limit) {
    long arguments, size;
    at = at < limit ? read_line(at, limit, &arguments) : NULL;
    while (at && arguments--) {
        at = at < limit ? read_line(at, limit, &size) : NULL;
        if (!at || limit - at < size + 2) return NULL;
        at += size + 2;
    }
    return at;
}

static void serve(int fd) {
    static char output[OUTPUT_SIZE];
    struct connection *connection = connections[fd];
    ssize_t n = read(fd, connection->input + connection->size, INPUT_SIZE - connection->size);
    if (n <= 0) {
        close(fd);
        return;
    }
    const char *at = connection->input, *limit = at + connection->size + n, *end;
    size_t reply_size = strlen(reply), output_size = 0;
    while ((end = request_end(at, limit)) && output_size + reply_size <= OUTPUT_SIZE) {
        memcpy(output + output_size, reply, reply_size);
        output_size += reply_size;
        at = end;
    }
    connection->size = (size_t)(limit - at);
    memmove(connection->input, at, connection->size);
    if (output_size && write(fd, output, output_size) != (ssize_t)output_size) fail("write");
}

static void accept_one(int listener, int epoll) {
    int fd = accept(listener, NULL, NULL), on = 1;
    if (fd < 0) return;
    if (fd >= CONNECTIONS) {
        close(fd);
        return;
    }
    if (!connections[fd]) connections[fd] = malloc(sizeof *connections[fd]);
    if (!connections[fd]) fail("memory");
    connections[fd]->size = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl");
}

static int listen_on(unsigned long port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0) fail("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address)) fail("bind");
    if (listen(fd, 511)) fail("listen");
    return fd;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fputs("Usage: floor PORT [get | set]\n", stderr);
        return 2;
    }
    if (argc > 2 && !strcmp(argv[2], "set")) reply = "+OK\r\n";
    int listener = listen_on(strtoul(argv[1], NULL, 10)), epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event)) fail("epoll");
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener) {
                accept_one(listener, epoll);
            } else {
                serve(events[i].data.fd);
            }
        }
    }
}
