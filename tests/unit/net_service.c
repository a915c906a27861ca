/* SPDX-License-Identifier: BSD-3-Clause */
#include "net_service.h"

#include "base/number.h"
#include "sys/socket.h"
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct seen seen;
_Atomic unsigned open_limit;
_Atomic unsigned turns_wanted;
_Atomic bool more_to_do;
_Atomic size_t pending_limit;
uint16_t port;

static _Thread_local bool inside;

struct session {
    struct connection *connection;
    char name[16];  /* of WAIT */
    unsigned tries; /* of MANY */
    uint64_t left;  /* of PIECES */
    bool let_go;    /* GO has come */
    bool ended;     /* DIE or QUIT */
    struct session *next;
};

/* Those that wait. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct session *waiting;

static void check_inside(bool expected) {
    if (inside != expected) seen.outside++;
}

static void *on_open(void *context, struct connection *connection, struct reply *reply) {
    check_inside(true);
    if (seen.opened - seen.closed >= open_limit) {
        reply_error(reply, "ERR too many");
        return NULL;
    }
    struct session *session = calloc(1, sizeof *session);
    session->connection = connection;
    unsigned now_open = ++seen.opened - seen.closed;
    if (now_open > seen.most_open) seen.most_open = now_open;
    return session;
}

static void on_close(void *context, void *session) {
    check_inside(true);
    pthread_mutex_lock(&lock);
    for (struct session **at = &waiting; *at; at = &(*at)->next) {
        if (*at != session) continue;
        *at = (*at)->next;
        break;
    }
    pthread_mutex_unlock(&lock);
    free(session);
    seen.closed++;
}

static void begin_wait(struct session *session, struct bytes name) {
    snprintf(session->name, sizeof session->name, "%.*s", (int)name.len, name.data);
    pthread_mutex_lock(&lock);
    session->next = waiting;
    waiting = session;
    pthread_mutex_unlock(&lock);
    seen.waits++;
}

/* On the worker of the session that waits under this name; it may have gone since. */
static void go(void *name) {
    check_inside(true);
    pthread_mutex_lock(&lock);
    struct session *session = waiting;
    for (struct session **at = &waiting; (session = *at); at = &session->next) {
        if (strcmp(session->name, name) != 0) continue;
        if (connection_worker(session->connection) != worker_current()) continue;
        *at = session->next;
        break;
    }
    pthread_mutex_unlock(&lock);
    free(name);
    if (!session) return;
    session->let_go = true;
    connection_send(session->connection, BYTES("+went\r\n"));
    connection_resume(session->connection);
}

static void post_go(struct bytes name) {
    pthread_mutex_lock(&lock);
    for (struct session *session = waiting; session; session = session->next)
        if (bytes_equal(bytes_of(session->name), name))
            worker_post(connection_worker(session->connection), go, strdup(session->name));
    pthread_mutex_unlock(&lock);
}

static void repeat(struct reply *reply, struct bytes count) {
    uint64_t n = 0;
    number_parse_u64(count, &n);
    char *text = malloc(n + 1);
    memset(text, 'x', n);
    reply_bulk(reply, bytes_make(text, n));
    free(text);
}

static bool append_name(void *out, struct bytes name) {
    buffer_append_bytes(out, name);
    buffer_append_char(out, ' ');
    return false;
}

static void reply_names(struct reply *reply, struct connection *c) {
    struct buffer names = {0};
    buffer_append_char(&names, ' ');
    connection_certificate_names(c, TLS_COMMON_NAME, append_name, &names);
    connection_certificate_names(c, TLS_URI, append_name, &names);
    reply_bulk(reply, buffer_bytes(&names));
    buffer_free(&names);
}

/* False: not now. */
static bool run_one(struct session *session, struct bytes name, struct bytes argument,
                    struct reply *reply) {
    struct connection *c = session->connection;
    if (bytes_is(name, "echo")) {
        reply_bulk(reply, argument);
    } else if (bytes_is(name, "len")) {
        reply_integer(reply, (int64_t)argument.len);
    } else if (bytes_is(name, "rep")) {
        repeat(reply, argument);
    } else if (bytes_is(name, "id")) {
        reply_integer(reply, worker_index(connection_worker(c)));
    } else if (bytes_is(name, "memory")) {
        reply_integer(reply, (int64_t)connection_usage(c).memory);
    } else if (bytes_is(name, "names")) {
        reply_names(reply, c);
    } else if (bytes_is(name, "push")) {
        connection_send(c, BYTES("+"));
        connection_send(c, argument);
        connection_send(c, BYTES("\r\n"));
    } else if (bytes_is(name, "wait")) {
        if (!session->let_go) {
            begin_wait(session, argument);
            return false;
        }
        session->let_go = false;
    } else if (bytes_is(name, "many")) {
        uint64_t n = 0;
        number_parse_u64(argument, &n);
        if (++session->tries < n) {
            connection_resume(c);
            return false;
        }
        session->tries = 0;
        reply_ok(reply);
    } else if (bytes_is(name, "pieces") || bytes_is(name, "cut")) {
        number_parse_u64(argument, &session->left);
        reply_array(reply, session->left);
        connection_stream(c);
        if (bytes_is(name, "cut")) connection_end_stream(c);
    } else if (bytes_is(name, "go")) {
        post_go(argument);
        reply_ok(reply);
    } else if (bytes_is(name, "die")) {
        session->ended = true;
        connection_close(c);
    } else if (bytes_is(name, "quit")) {
        session->ended = true;
        reply_ok(reply);
        connection_close_after_reply(c);
    } else {
        reply_error(reply, "ERR unknown");
    }
    return true;
}

static unsigned on_run(void *context, void *opaque, const struct request_batch *batch,
                       struct reply *reply) {
    check_inside(true);
    struct session *session = opaque;
    unsigned taken = 0;
    for (; taken < batch->count && !session->ended; taken++) {
        const struct request *request = &batch->items[taken];
        struct bytes argument = request->argc > 1 ? request->argv[1] : BYTES("");
        if (!run_one(session, request->argv[0], argument, reply)) break;
        if (session->left) return taken + 1;
    }
    return taken;
}

static bool on_more(void *context, void *opaque, struct reply *reply) {
    check_inside(true);
    struct session *session = opaque;
    reply_integer(reply, (int64_t)session->left);
    return --session->left > 0;
}

static void on_invalid(void *context, void *session, const char *error) {
    check_inside(true);
    seen.invalid++;
}

static void on_overflow(void *context, void *session, size_t bytes) {
    check_inside(true);
    seen.overflows++;
}

static void on_backlog(void *context, void *opaque, size_t pending) {
    check_inside(true);
    struct session *session = opaque;
    if (pending > seen.most_pending) seen.most_pending = pending;
    if (pending == 0) seen.drained++;
    if (pending > pending_limit) connection_close(session->connection);
}

static void on_enter(void *context, unsigned worker) {
    check_inside(false);
    inside = true;
}

static bool on_leave(void *context, unsigned worker) {
    check_inside(true);
    inside = false;
    seen.turns++;
    unsigned left = turns_wanted;
    return left && atomic_compare_exchange_strong(&turns_wanted, &left, left - 1);
}

static bool on_tick(void *context, unsigned worker) {
    check_inside(false);
    seen.ticks++;
    return more_to_do;
}

const struct net_service test_service = {
    .open = on_open,
    .run = on_run,
    .more = on_more,
    .invalid = on_invalid,
    .input_overflow = on_overflow,
    .backlog = on_backlog,
    .close = on_close,
    .enter = on_enter,
    .leave = on_leave,
    .tick = on_tick,
};

/* ---- the server's thread ---- */

static pthread_t server;

static void *run_net(void *net) {
    net_run(net);
    return NULL;
}

struct net *serve_create(unsigned workers) {
    struct net_options options = {.workers = workers,
                                  .tick_ms = TICK_MS,
                                  .idle_tick_ms = IDLE_TICK_MS,
                                  .service = &test_service};
    struct net *net = net_create(&options);
    assert_non_null(net);
    return net;
}

void serve_start(struct net *net) {
    memset(&seen, 0, sizeof seen);
    open_limit = UINT32_MAX;
    more_to_do = false;
    turns_wanted = 0;
    pending_limit = SIZE_MAX;
    assert_int_equal(pthread_create(&server, NULL, run_net, net), 0);
}

struct net *serve(unsigned workers) {
    struct net *net = serve_create(workers);
    assert_int_equal(net_listen_tcp(net, "127.0.0.1", 0, 511), 0);
    port = net_port(net, LISTENER_TCP);
    serve_start(net);
    return net;
}

void serve_stop(struct net *net) {
    net_stop(net);
    pthread_join(server, NULL);
    assert_int_equal(net_stats(net).connections, 0);
    net_free(net);
    assert_int_equal(seen.opened, seen.closed);
    assert_int_equal(seen.outside, 0);
}

/* ---- clients ---- */

int client_open_with_buffer(int receive_buffer) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (receive_buffer)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    struct timeval patience = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

int client_open(void) {
    return client_open_with_buffer(0);
}

void client_send(int fd, const char *data, size_t size) {
    while (size) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        assert_true(n > 0);
        data += n;
        size -= (size_t)n;
    }
}

void client_command(int fd, const char *words) {
    char line[256];
    int size = snprintf(line, sizeof line, "%s\r\n", words);
    assert_in_range(size, 1, sizeof line - 1);
    client_send(fd, line, (size_t)size);
}

void client_expect(int fd, const char *text) {
    size_t size = strlen(text);
    char *got = calloc(1, size + 1);
    assert_non_null(got);
    for (size_t have = 0; have < size;) {
        ssize_t n = recv(fd, got + have, size - have, 0);
        if (n <= 0) fail_msg("after \"%s\": %s", got, n ? strerror(errno) : "end of stream");
        have += (size_t)n;
    }
    assert_string_equal(got, text);
    free(got);
}

/* A reset is an end, too: whoever closes with input unread resets. */
void client_expect_eof(int fd) {
    char byte;
    ssize_t n = recv(fd, &byte, 1, 0);
    assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
    close(fd);
}
