/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The floor: a server that finds the ends of the requests in what it reads, answers each with the
 * same reply, and writes once for each read. It does no work at all, so nothing that speaks the
 * protocol over the kernel's TCP can cost much less.
 *
 * Usage: floor PORT [get | set [FILE]]: a bulk string of 32 bytes, or +OK. Expects whole and valid
 * requests. With a file, what came in one turn is brought to the disk before any of it is answered,
 * in the way that takes the least: the one thread writes it past the page cache, into room that was
 * made before, and waits. No server that syncs can do it much faster, if the load leaves it a core.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 1024, INPUT_SIZE = 64 << 10, OUTPUT_SIZE = 256 << 10, EVENTS = 256 };
enum { FILE_SIZE = 64 << 20, BLOCK = 4096, TURN_SIZE = EVENTS * INPUT_SIZE };

/* By descriptor: the start of a request whose rest is to come. */
struct connection {
    size_t size;
    size_t replies; /* that wait until the turn is on the disk */
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

/* ---- the file ---- */

static int file = -1;
static char *turn; /* what has come in it, at the start of a block */
static size_t turn_size;

static void open_file(const char *path) {
    file = open(path, O_RDWR | O_CREAT | O_DIRECT | O_DSYNC, 0600);
    turn = aligned_alloc(BLOCK, TURN_SIZE);
    if (file < 0 || !turn) fail(path);
    memset(turn, 0, TURN_SIZE);
    for (off_t at = 0; at < FILE_SIZE; at += TURN_SIZE)
        if (pwrite(file, turn, TURN_SIZE, at) != TURN_SIZE) fail(path);
}

static void write_turn(void) {
    static off_t at;
    size_t size = (turn_size + BLOCK - 1) / BLOCK * BLOCK;
    if (at + (off_t)size > FILE_SIZE) at = 0;
    if (pwrite(file, turn, size, at) != (ssize_t)size) fail("file");
    at += (off_t)size;
    turn_size = 0;
}

/* ---- connections ---- */

static void answer(int fd) {
    static char output[OUTPUT_SIZE];
    size_t reply_size = strlen(reply), size = 0;
    for (; connections[fd]->replies; connections[fd]->replies--, size += reply_size)
        memcpy(output + size, reply, reply_size);
    if (size && write(fd, output, size) != (ssize_t)size) fail("write");
}

/* Takes the requests that have come. False: the connection has ended. */
static bool take(int fd) {
    struct connection *c = connections[fd];
    ssize_t n = read(fd, c->input + c->size, INPUT_SIZE - c->size);
    if (n <= 0) {
        close(fd);
        return false;
    }
    const char *at = c->input, *limit = at + c->size + n, *end;
    size_t most = OUTPUT_SIZE / strlen(reply);
    for (; c->replies < most && (end = request_end(at, limit)); at = end)
        c->replies++;
    if (file >= 0) {
        memcpy(turn + turn_size, c->input, (size_t)(at - c->input));
        turn_size += (size_t)(at - c->input);
    }
    c->size = (size_t)(limit - at);
    memmove(c->input, at, c->size);
    return true;
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
    connections[fd]->size = connections[fd]->replies = 0;
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
        fputs("Usage: floor PORT [get | set [FILE]]\n", stderr);
        return 2;
    }
    if (argc > 2 && !strcmp(argv[2], "set")) reply = "+OK\r\n";
    if (argc > 3) open_file(argv[3]);
    int listener = listen_on(strtoul(argv[1], NULL, 10)), epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event)) fail("epoll");
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        int taken[EVENTS], n = 0;
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener)
                accept_one(listener, epoll);
            else if (!take(fd))
                continue;
            else if (file < 0)
                answer(fd);
            else
                taken[n++] = fd;
        }
        if (turn_size) write_turn();
        for (int i = 0; i < n; i++)
            answer(taken[i]);
    }
}
