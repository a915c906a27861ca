/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int accept_soon(int listener) {
    struct pollfd ready = {.fd = listener, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 2000), 1);
    return socket_accept(listener);
}

static int option(int fd, int level, int name) {
    int value = 0;
    socklen_t len = sizeof value;
    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void check_connection(const char *host, const char *name_format) {
    char name[SOCKET_NAME_MAX], expected[SOCKET_NAME_MAX];
    int listener = socket_listen_tcp(host, 0, 16, SOCKET_REUSE_PORT);
    assert_true(listener >= 0);
    assert_int_equal(socket_accept(listener), -EAGAIN);
    int port = socket_local_port(listener);
    int client = socket_connect_tcp(host, port, NULL);
    assert_true(client >= 0);
    int server = accept_soon(listener);
    assert_true(server >= 0);
    assert_int_equal(socket_error(client), 0);
    socket_peer_name(client, name, sizeof name);
    snprintf(expected, sizeof expected, name_format, port);
    assert_string_equal(name, expected);
    socket_local_name(server, name, sizeof name);
    assert_string_equal(name, expected);
    assert_true(socket_peer_is_loopback(server));
    assert_false(socket_is_unix(server));
    assert_int_equal(socket_set_nodelay(server, true), 0);
    assert_true(option(server, IPPROTO_TCP, TCP_NODELAY));
    assert_int_equal(socket_set_keepalive(server, 300), 0);
    assert_int_equal(option(server, IPPROTO_TCP, TCP_KEEPINTVL), 100);
    assert_int_equal(socket_set_keepalive(server, 0), 0);
    assert_int_equal(option(server, SOL_SOCKET, SO_KEEPALIVE), 0);
    int second = socket_listen_tcp(host, port, 16, SOCKET_REUSE_PORT);
    assert_true(second >= 0);
    assert_int_equal(socket_listen_tcp(host, port, 16, 0), -EADDRINUSE);
    close(second);
    close(server);
    close(client);
    close(listener);
}

static void speaks_tcp(void **state) {
    check_connection("127.0.0.1", "127.0.0.1:%d");
    int probe = socket_listen_tcp("::1", 0, 1, 0);
    if (probe < 0) return; /* a machine without IPv6 */
    close(probe);
    check_connection("::1", "[::1]:%d");
}

static void listens_everywhere_by_family(void **state) {
    int v4 = socket_listen_tcp("*", 0, 16, 0);
    assert_true(v4 >= 0);
    int v6 = socket_listen_tcp("::*", socket_local_port(v4), 16, 0);
    if (v6 >= 0) close(v6);
    close(v4);
    assert_true(socket_listen_tcp("no such host", 0, 16, 0) < 0);
}

static void reports_refused_connections(void **state) {
    int listener = socket_listen_tcp("127.0.0.1", 0, 1, 0);
    int port = socket_local_port(listener);
    close(listener);
    int fd = socket_connect_tcp("127.0.0.1", port, "127.0.0.1");
    if (fd == -ECONNREFUSED) return;
    assert_true(fd >= 0);
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    assert_int_equal(poll(&ready, 1, 2000), 1);
    assert_int_equal(socket_error(fd), -ECONNREFUSED);
    close(fd);
}

static void speaks_unix(void **state) {
    char folder[] = "/tmp/strata-socket-XXXXXX", path[64], expected[80], name[SOCKET_NAME_MAX];
    snprintf(path, sizeof path, "%s/s", mkdtemp(folder));
    snprintf(expected, sizeof expected, "%s:0", path);
    int listener = socket_listen_unix(path, 0700, 16);
    assert_true(listener >= 0);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(socket_listen_unix(path, 0, 16), -EADDRINUSE);
    close(accept_soon(listener)); /* how the refused attempt found out that somebody listens */
    int client = socket_connect_unix(path);
    int server = accept_soon(listener);
    assert_true(client >= 0 && server >= 0);
    socket_peer_name(server, name, sizeof name);
    assert_string_equal(name, expected);
    socket_peer_name(client, name, sizeof name);
    assert_string_equal(name, expected);
    assert_true(socket_is_unix(server) && socket_peer_is_loopback(server));
    close(server);
    close(client);
    close(listener);
    listener = socket_listen_unix(path, 0, 16);
    assert_true(listener >= 0);
    close(listener);
    unlink(path);
    FILE *file = fopen(path, "w");
    fclose(file);
    assert_int_equal(socket_listen_unix(path, 0, 16), -EEXIST);
    assert_int_equal(socket_set_group(path, "no such group"), -ESRCH);
    unlink(path);
    rmdir(folder);
    char long_path[200];
    memset(long_path, 'a', sizeof long_path);
    long_path[sizeof long_path - 1] = 0;
    assert_int_equal(socket_listen_unix(long_path, 0, 16), -ENAMETOOLONG);
}

static void names_the_unknown(void **state) {
    char name[SOCKET_NAME_MAX];
    socket_peer_name(-1, name, sizeof name);
    assert_string_equal(name, "?:0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speaks_tcp),
        cmocka_unit_test(listens_everywhere_by_family),
        cmocka_unit_test(reports_refused_connections),
        cmocka_unit_test(speaks_unix),
        cmocka_unit_test(names_the_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
