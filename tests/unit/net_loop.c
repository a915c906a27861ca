/* SPDX-License-Identifier: BSD-3-Clause */
/* net/ as its clients see it: real sockets on loopback, several workers. */
#include "net_service.h"

#include "base/ensure.h"
#include "sys/memory.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct net *net;

static int set_up(void **state) {
    net = serve(WORKERS);
    return 0;
}

static int tear_down(void **state) {
    serve_stop(net);
    return 0;
}

/* ---- requests and replies ---- */

static void answers(void **state) {
    int fd = client_open();
    client_command(fd, "ECHO hello");
    client_expect(fd, "$5\r\nhello\r\n");
    client_command(fd, "*2\r\n$4\r\nECHO\r\n$2\r\n\r\n");
    client_expect(fd, "$2\r\n\r\n\r\n");
    client_command(fd, "PUSH a");
    client_expect(fd, "+a\r\n");
    wait_until(net_stats(net).bytes_out == 11 + 8 + 4);
    struct net_stats stats = net_stats(net);
    assert_int_equal(stats.connections, 1);
    assert_int_equal(stats.connections_accepted, 1);
    assert_int_equal(stats.bytes_in, 12 + 22 + 8);
    close(fd);
    wait_until(seen.closed == 1);
    net_stats_reset(net);
    assert_int_equal(net_stats(net).bytes_in, 0);
}

static void request_may_come_byte_by_byte(void **state) {
    int fd = client_open(), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const char *request = "*2\r\n$4\r\nECHO\r\n$11\r\nhello world\r\n";
    for (const char *at = request; *at; at++) {
        client_send(fd, at, 1);
        usleep(500);
    }
    client_expect(fd, "$11\r\nhello world\r\n");
    close(fd);
}

static void pipelines_keep_their_order(void **state) {
    enum { COUNT = 20000 };
    int fd = client_open();
    struct buffer requests = {0}, replies = {0};
    for (int i = 0; i < COUNT; i++) {
        buffer_printf(&requests, "*2\r\n$4\r\nECHO\r\n$5\r\n%05d\r\n", i);
        buffer_printf(&replies, i % 100 ? "$5\r\n%05d\r\n" : "$5\r\n%05d\r\n+aside\r\n", i);
        if (i % 100 == 0) buffer_printf(&requests, "PUSH aside\r\n");
    }
    buffer_append_char(&replies, 0);
    client_send(fd, requests.data, requests.len);
    client_expect(fd, replies.data);
    close(fd);
    buffer_free(&requests);
    buffer_free(&replies);
}

static void large_requests_arrive(void **state) {
    const size_t sizes[] = {1, 16000, 65000, 65536, 70000, 1 << 20, 20 << 20};
    int fd = client_open();
    struct buffer request = {0};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        buffer_clear(&request);
        buffer_printf(&request, "*2\r\n$3\r\nLEN\r\n$%zu\r\n", sizes[i]);
        assert_true(buffer_reserve(&request, sizes[i]));
        memset(request.data + request.len, 'v', sizes[i]);
        request.len += sizes[i];
        buffer_printf(&request, "\r\nECHO next\r\n");
        client_send(fd, request.data, request.len);
        char expected[64];
        snprintf(expected, sizeof expected, ":%zu\r\n$4\r\nnext\r\n", sizes[i]);
        client_expect(fd, expected);
    }
    /* Nothing of all that is kept. */
    client_command(fd, "MEMORY");
    char reply[32] = {0};
    assert_true(recv(fd, reply, sizeof reply - 1, 0) > 0);
    assert_in_range(atol(reply + 1), 1, 200);
    close(fd);
    buffer_free(&request);
}

static void many_large_arguments_arrive(void **state) {
    enum { ARGUMENTS = 40, SIZE = 100000 };
    int fd = client_open();
    struct buffer request = {0};
    for (int round = 0; round < 2; round++) {
        buffer_printf(&request, "*%d\r\n$4\r\nECHO\r\n", ARGUMENTS + 1);
        for (int i = 0; i < ARGUMENTS; i++) {
            buffer_printf(&request, i ? "$%d\r\n" : "$2\r\nok\r\n", SIZE);
            if (i == 0) continue;
            assert_true(buffer_reserve(&request, SIZE));
            memset(request.data + request.len, 'v', SIZE);
            request.len += SIZE;
            buffer_append(&request, "\r\n", 2);
        }
    }
    client_send(fd, request.data, request.len);
    client_expect(fd, "$2\r\nok\r\n$2\r\nok\r\n");
    close(fd);
    buffer_free(&request);
}

/* ---- slow readers ---- */

/* The replies to `count` REP of `size`, in order, read in small steps. */
static void read_repeated(int fd, unsigned count, size_t size) {
    char head[32], *body = malloc(size + 2);
    for (unsigned i = 0; i < count; i++) {
        snprintf(head, sizeof head, "$%zu\r\n", size);
        client_expect(fd, head);
        for (size_t have = 0; have < size + 2;) {
            ssize_t n = recv(fd, body + have, MIN(size + 2 - have, (size_t)100000), 0);
            assert_true(n > 0);
            have += (size_t)n;
        }
        for (size_t j = 0; j < size; j++)
            if (body[j] != 'x') fail_msg("byte %zu of reply %u", j, i);
    }
    free(body);
}

static void slow_readers_get_everything(void **state) {
    int fd = client_open_with_buffer(4096);
    client_command(fd, "REP 30000000");
    for (int i = 0; i < 100; i++)
        client_command(fd, "REP 100000");
    wait_until(seen.most_pending > 1000000);
    read_repeated(fd, 1, 30000000);
    read_repeated(fd, 100, 100000);
    wait_until(seen.drained > 0);
    client_command(fd, "ECHO fine");
    client_expect(fd, "$4\r\nfine\r\n");
    close(fd);
}

static void slow_readers_can_be_closed(void **state) {
    pending_limit = 20000000;
    int fd = client_open_with_buffer(4096), other = client_open();
    for (int i = 0; i < 10; i++)
        client_command(fd, "REP 9000000");
    wait_until(seen.closed == 1);
    client_command(other, "ECHO fine");
    client_expect(other, "$4\r\nfine\r\n");
    close(fd);
    close(other);
}

static void slow_reader_that_hangs_up_is_closed(void **state) {
    int fd = client_open_with_buffer(4096);
    client_command(fd, "REP 30000000");
    wait_until(seen.most_pending > 0);
    close(fd);
    wait_until(seen.closed == 1);
}

static void half_closed_peers_get_their_replies(void **state) {
    int fd = client_open_with_buffer(4096);
    client_command(fd, "REP 5000000");
    client_command(fd, "ECHO last");
    shutdown(fd, SHUT_WR);
    read_repeated(fd, 1, 5000000);
    client_expect(fd, "$4\r\nlast\r\n");
    client_expect_eof(fd);
}

/* ---- replies in pieces ---- */

static void expect_pieces(int fd, unsigned count) {
    char line[32];
    snprintf(line, sizeof line, "*%u\r\n", count);
    client_expect(fd, line);
    for (; count; count--) {
        snprintf(line, sizeof line, ":%u\r\n", count);
        client_expect(fd, line);
    }
}

static void pieces_keep_what_follows_waiting(void **state) {
    int fd = client_open();
    client_command(fd, "ECHO a\r\nPIECES 900\r\nECHO b\r\nCUT 50\r\nPIECES 1\r\nPIECES 2");
    client_expect(fd, "$1\r\na\r\n");
    expect_pieces(fd, 900);
    client_expect(fd, "$1\r\nb\r\n");
    expect_pieces(fd, 50);
    expect_pieces(fd, 1);
    expect_pieces(fd, 2);
    client_command(fd, "PIECES 3\r\nQUIT");
    expect_pieces(fd, 3);
    client_expect(fd, "+OK\r\n");
    client_expect_eof(fd);
}

static void pieces_wait_for_a_slow_reader(void **state) {
    int fd = client_open_with_buffer(4096), other = client_open();
    client_command(fd, "REP 20000000\r\nPIECES 3");
    shutdown(fd, SHUT_WR);
    wait_until(seen.most_pending > 0);
    client_command(other, "PIECES 2");
    expect_pieces(other, 2);
    read_repeated(fd, 1, 20000000);
    expect_pieces(fd, 3);
    client_expect_eof(fd);
    close(other);
}

static void messages_come_behind_all_pieces(void **state) {
    int fd = client_open();
    client_command(fd, "PIECES 100000\r\nPUSH x");
    expect_pieces(fd, 100000);
    client_expect(fd, "+x\r\n");
    client_command(fd, "PIECES 5");
    close(fd);
    wait_until(seen.closed == 1);
}

/* ---- waiting ---- */

static void waiting_holds_what_follows(void **state) {
    int fd = client_open(), other = client_open();
    client_command(fd, "ECHO before\r\nWAIT a\r\nECHO after\r\nWAIT a");
    client_expect(fd, "$6\r\nbefore\r\n");
    wait_until(seen.waits == 1);
    client_command(fd, "ECHO later");
    client_command(other, "GO a");
    client_expect(other, "+OK\r\n");
    client_expect(fd, "+went\r\n$5\r\nafter\r\n");
    wait_until(seen.waits == 2);
    client_command(other, "GO a");
    client_expect(fd, "+went\r\n$5\r\nlater\r\n");
    close(fd);
    close(other);
}

static void waiting_connections_notice_hang_ups(void **state) {
    int fd = client_open();
    client_command(fd, "WAIT a\r\nECHO never");
    wait_until(seen.waits == 1);
    client_command(fd, "ECHO unread");
    close(fd);
    wait_until(seen.closed == 1);
}

static void run_may_resume_itself(void **state) {
    int fd = client_open();
    client_command(fd, "ECHO a\r\nMANY 5\r\nECHO b\r\nMANY 3");
    client_expect(fd, "$1\r\na\r\n+OK\r\n$1\r\nb\r\n+OK\r\n");
    close(fd);
}

/* ---- closing ---- */

static void close_within_run(void **state) {
    int fd = client_open();
    client_command(fd, "ECHO lost\r\nDIE\r\nECHO lost");
    client_expect_eof(fd);
    wait_until(seen.closed == 1);
}

static void close_after_reply(void **state) {
    int fd = client_open();
    client_command(fd, "REP 3000000\r\nQUIT\r\nECHO lost");
    read_repeated(fd, 1, 3000000);
    client_expect(fd, "+OK\r\n");
    client_expect_eof(fd);
}

static void protocol_errors_are_told(void **state) {
    int fd = client_open();
    client_command(fd, "ECHO good\r\n*1\r\n!nonsense");
    client_expect(fd, "$4\r\ngood\r\n-ERR Protocol error: expected '$', got '!'\r\n");
    client_expect_eof(fd);
    assert_int_equal(seen.invalid, 1);
}

static void refused_connections_are_told(void **state) {
    open_limit = 1;
    int first = client_open();
    client_command(first, "ID");
    client_expect(first, ":0\r\n");
    int second = client_open();
    client_expect(second, "-ERR too many\r\n");
    client_expect_eof(second);
    wait_until(net_stats(net).connections == 1);
    assert_int_equal(net_stats(net).connections_refused, 1);
    close(first);
}

static void input_limit_closes(void **state) {
    net_set_input_limit(net, 1 << 20);
    int fd = client_open();
    client_command(fd, "*2\r\n$3\r\nLEN\r\n$3000000");
    static char part[100000];
    for (int i = 0; i < 30 && seen.overflows == 0; i++) {
        if (send(fd, part, sizeof part, MSG_NOSIGNAL) < 0) break;
        usleep(1000);
    }
    wait_until(seen.overflows == 1 && seen.closed == 1);
    close(fd);
}

static void stop_closes_everything(void **state) {
    int fd = client_open();
    client_command(fd, "WAIT a");
    wait_until(seen.waits == 1);
    net_stop(net);
    client_expect_eof(fd);
    assert_int_equal(seen.closed, 1);
}

/* ---- many connections ---- */

static void connections_spread_over_the_workers(void **state) {
    enum { COUNT = 900 };
    static int fds[COUNT];
    unsigned of_worker[WORKERS] = {0};
    for (int i = 0; i < COUNT; i++) {
        fds[i] = client_open();
        client_command(fds[i], "ID");
    }
    for (int i = 0; i < COUNT; i++) {
        char reply[4];
        assert_int_equal(recv(fds[i], reply, sizeof reply, MSG_WAITALL), sizeof reply);
        of_worker[reply[1] - '0']++;
    }
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(of_worker[i], COUNT / WORKERS);
    assert_int_equal(net_stats(net).connections, COUNT);
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
    wait_until(seen.closed == COUNT);
    wait_until(net_stats(net).connections == 0);
}

static void *come_and_go(void *argument) {
    for (int i = 0; i < 300; i++) {
        int fd = client_open();
        client_command(fd, "ECHO hi\r\nWAIT nobody");
        client_expect(fd, "$2\r\nhi\r\n");
        if (i % 3 == 0) client_command(fd, "GO nobody");
        struct linger reset = {.l_onoff = 1};
        if (i % 2) setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
    }
    return NULL;
}

static void connections_come_and_go(void **state) {
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_create(&threads[i], NULL, come_and_go, NULL);
    int fd = client_open();
    for (int i = 0; i < 200; i++) {
        client_command(fd, "GO nobody");
        client_expect(fd, "+OK\r\n");
        usleep(500);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    close(fd);
    wait_until(seen.closed == 1201);
}

/* Pours until its peer is gone, and never reads: replies go the same way as the input. */
static void *pour(void *argument) {
    int fd = *(int *)argument;
    static char requests[1 << 20];
    for (size_t i = 0; i + 6 <= sizeof requests; i += 6)
        memcpy(requests + i, "LEN x\n", 6);
    while (send(fd, requests, sizeof requests / 6 * 6, MSG_NOSIGNAL) > 0)
        ;
    return NULL;
}

static void an_endless_pipeline_starves_nobody(void **state) {
    pending_limit = (size_t)64 << 20;
    int fds[2 * WORKERS];
    for (int i = 0; i < 2 * WORKERS; i++)
        fds[i] = client_open(); /* two a worker */
    pthread_t thread;
    pthread_create(&thread, NULL, pour, &fds[0]);
    usleep(20000);
    for (int i = 0; i < 50; i++) {
        client_command(fds[WORKERS], "ECHO me");
        client_expect(fds[WORKERS], "$2\r\nme\r\n");
    }
    shutdown(fds[0], SHUT_RDWR);
    pthread_join(thread, NULL);
    for (int i = 0; i < 2 * WORKERS; i++)
        close(fds[i]);
}

/* ---- the rest ---- */

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void without_descriptors_it_waits_quietly(void **state) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct rlimit before, lowest;
    getrlimit(RLIMIT_NOFILE, &before);
    lowest = (struct rlimit){.rlim_cur = (rlim_t)fd + 1, .rlim_max = before.rlim_max};
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setrlimit(RLIMIT_NOFILE, &lowest);
    int connected = connect(fd, (struct sockaddr *)&address, sizeof address);
    double cpu = cpu_seconds();
    usleep(300000);
    cpu = cpu_seconds() - cpu;
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(connected, 0);
    assert_int_equal(seen.opened, 0);
    assert_true(cpu < 0.15);
    client_command(fd, "ECHO patience");
    client_expect(fd, "$8\r\npatience\r\n");
    close(fd);
}

static _Atomic bool obeyed;

static void lose_memory(void *argument) {
    memory_fail_after(0);
    obeyed = true;
}

static void find_memory(void *argument) {
    memory_fail_never();
    obeyed = true;
}

static void tell_worker(void (*fn)(void *)) {
    obeyed = false;
    assert_true(worker_post(net_worker(net, 0), fn, NULL));
    wait_until(obeyed);
}

/* The failing of buffers is for one thread at a time, so one worker has to do. */
static void without_memory_connections_are_closed(void **state) {
    serve_stop(net);
    net = serve(1);
    int old = client_open();
    client_command(old, "ECHO fine");
    client_expect(old, "$4\r\nfine\r\n");
    tell_worker(lose_memory);
    client_expect_eof(client_open());
    client_command(old, "ECHO fine"); /* in buffers that are there already */
    client_expect(old, "$4\r\nfine\r\n");
    client_command(old, "REP 10000000");
    client_expect_eof(old);
    tell_worker(find_memory);
    assert_int_equal(net_stats(net).connections_refused, 1);
    assert_int_equal(net_stats(net).connections, 0);
    int fd = client_open();
    client_command(fd, "ECHO fine");
    client_expect(fd, "$4\r\nfine\r\n");
    close(fd);
}

static unsigned ticks_within(unsigned ms) {
    unsigned before = seen.ticks;
    usleep(ms * 1000);
    return seen.ticks - before;
}

static void idle_workers_tick_while_there_is_more_to_do(void **state) {
    more_to_do = true;
    usleep(IDLE_TICK_MS * 1000);
    assert_in_range(ticks_within(10 * TICK_MS), 3 * WORKERS, 12 * WORKERS);
}

static void idle_workers_tick_rarely_when_nothing_is_left(void **state) {
    usleep(2 * TICK_MS * 1000);
    assert_in_range(ticks_within(3 * IDLE_TICK_MS), 1, 4 * WORKERS);
    int fd = client_open();
    unsigned before = seen.ticks;
    for (int i = 0; i < 4 * IDLE_TICK_MS; i++) {
        client_command(fd, "ECHO on");
        client_expect(fd, "$2\r\non\r\n");
        usleep(1000);
    }
    assert_in_range(seen.ticks - before, 5, 1000);
    close(fd);
}

static void a_service_gets_the_turns_that_it_wants(void **state) {
    int fd = client_open();
    turns_wanted = 5;
    unsigned before = seen.turns;
    client_command(fd, "ECHO on");
    client_expect(fd, "$2\r\non\r\n");
    wait_until(seen.turns >= before + 6);
    assert_int_equal(turns_wanted, 0);
    close(fd);
}

struct alarm {
    struct net_timer timer;
    int64_t due_us;
    _Atomic int64_t late_us;
};

static void ring(struct net_timer *timer) {
    struct alarm *alarm = CONTAINER_OF(timer, struct alarm, timer);
    alarm->late_us = worker_now_us(worker_current()) - alarm->due_us + 1;
}

static void set_alarm(void *argument) {
    struct alarm *alarm = argument;
    alarm->due_us = worker_now_us(worker_current()) + 7000;
    worker_timer_arm(worker_current(), &alarm->timer, alarm->due_us);
}

static void timers_of_sleeping_workers_fire(void **state) {
    static struct alarm alarms[WORKERS];
    for (unsigned i = 0; i < WORKERS; i++) {
        alarms[i].timer.fire = ring;
        assert_true(worker_post(net_worker(net, i), set_alarm, &alarms[i]));
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        wait_until(alarms[i].late_us != 0);
        assert_true(alarms[i].late_us > 0);
    }
}

static void unix_sockets_answer(void **state) {
    serve_stop(net);
    net = serve_create(1);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/strata-net-%d", (int)getpid());
    assert_int_equal(net_listen_unix(net, address.sun_path, 0700, 16), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    client_command(fd, "ECHO here\r\nQUIT");
    serve_start(net);
    client_expect(fd, "$4\r\nhere\r\n+OK\r\n");
    client_expect_eof(fd);
    net_stop(net);
    wait_until(access(address.sun_path, F_OK) < 0);
}

#define NET_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        NET_TEST(answers),
        NET_TEST(request_may_come_byte_by_byte),
        NET_TEST(pipelines_keep_their_order),
        NET_TEST(large_requests_arrive),
        NET_TEST(many_large_arguments_arrive),
        NET_TEST(slow_readers_get_everything),
        NET_TEST(slow_readers_can_be_closed),
        NET_TEST(slow_reader_that_hangs_up_is_closed),
        NET_TEST(half_closed_peers_get_their_replies),
        NET_TEST(pieces_keep_what_follows_waiting),
        NET_TEST(pieces_wait_for_a_slow_reader),
        NET_TEST(messages_come_behind_all_pieces),
        NET_TEST(waiting_holds_what_follows),
        NET_TEST(waiting_connections_notice_hang_ups),
        NET_TEST(run_may_resume_itself),
        NET_TEST(close_within_run),
        NET_TEST(close_after_reply),
        NET_TEST(protocol_errors_are_told),
        NET_TEST(refused_connections_are_told),
        NET_TEST(input_limit_closes),
        NET_TEST(stop_closes_everything),
        NET_TEST(connections_spread_over_the_workers),
        NET_TEST(connections_come_and_go),
        NET_TEST(an_endless_pipeline_starves_nobody),
        NET_TEST(without_descriptors_it_waits_quietly),
        NET_TEST(without_memory_connections_are_closed),
        NET_TEST(idle_workers_tick_while_there_is_more_to_do),
        NET_TEST(idle_workers_tick_rarely_when_nothing_is_left),
        NET_TEST(a_service_gets_the_turns_that_it_wants),
        NET_TEST(timers_of_sleeping_workers_fire),
        NET_TEST(unix_sockets_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
