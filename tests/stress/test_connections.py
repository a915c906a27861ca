# SPDX-License-Identifier: BSD-3-Clause
"""Very many connections, some of which come and go, read slowly, or are there by half."""

import os
import resource
import socket
import time

import pytest

from ask import wait_until
import resp
import servers

STORM = 1500 if os.environ.get("STRATA_SANITIZER") else 10_000


@pytest.fixture
def roomy():
    """A server that takes them all."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = STORM + 500
    if hard < needed:
        pytest.skip(f"only {hard} open files are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    with servers.strata("--workers", "4", "--maxclients", STORM + 100, "--tcp-backlog", "1024") as running:
        yield running
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(server):
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    connection.sendall(b"PING\r\n")
    return connection


def answers(connection):
    return connection.recv(100) == b"+PONG\r\n"


def clients_of(server):
    with server.client() as client:
        lines = client.call("INFO", "clients").decode().splitlines()
    return int(next(line for line in lines if line.startswith("connected_clients:")).split(":")[1]) - 1


def test_a_storm_of_connections(roomy):
    connections = [connect(roomy) for _ in range(STORM)]
    assert all(answers(connection) for connection in connections)
    assert clients_of(roomy) == STORM
    for _ in range(3):  # half of them go, and others come
        for i in range(0, STORM, 2):
            connections[i].close()
            connections[i] = connect(roomy)
    assert all(answers(connections[i]) for i in range(0, STORM, 2))
    wait_until(lambda: clients_of(roomy) == STORM)
    for connection in connections:
        connection.close()
    wait_until(lambda: clients_of(roomy) == 0)


def test_one_client_too_many_is_told_so(roomy):
    with roomy.client() as client:
        client.call("CONFIG", "SET", "maxclients", 10)
        connections = [connect(roomy) for _ in range(15)]
        refused = [c for c in connections if c.recv(100) == b"-ERR max number of clients reached\r\n"]
        assert len(refused) == 6
        for connection in connections:
            connection.close()
        wait_until(lambda: int(client.call("CLIENT", "LIST").decode().count("\n")) == 1)


def test_a_slow_reader_stops_nobody(roomy):
    with roomy.client() as client:
        client.call("SET", "large", b"x" * 1_000_000)
        slow = connect(roomy)
        assert answers(slow)
        slow.sendall(resp.encode("GET", "large") * 50)
        slowest = 0
        for _ in range(200):
            began = time.monotonic()
            assert client.call("PING") == "PONG"
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 2
        received = 0
        while received < 50 * 1_000_000:
            received += len(slow.recv(1 << 16))
        slow.close()


def test_a_slow_subscriber_is_cut_off(roomy):
    with roomy.client() as client, roomy.client() as slow:
        client.call("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 512kb 10")
        slow.call("SUBSCRIBE", "channel")
        wait_until(lambda: client.call("PUBLISH", "channel", b"x" * 100_000) == 0)


def test_a_peer_that_says_no_more_still_gets_its_replies(roomy):
    connection = connect(roomy)
    connection.sendall(resp.encode("ECHO", "last words") * 1000)
    connection.shutdown(socket.SHUT_WR)
    received = b""
    while more := connection.recv(1 << 16):
        received += more
    assert received.startswith(b"+PONG\r\n") and received.count(b"last words") == 1000


def test_a_peer_that_resets_leaves_nothing(roomy):
    for _ in range(100):
        connection = connect(roomy)
        connection.sendall(resp.encode("BLPOP", "never", 0))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    wait_until(lambda: clients_of(roomy) == 0)


def test_an_idle_peer_times_out(roomy):
    with roomy.client() as client:
        client.call("CONFIG", "SET", "timeout", 1)
    idle = connect(roomy)
    assert answers(idle)
    assert idle.recv(100) == b""
    with roomy.client() as client:
        assert client.call("CONFIG", "SET", "timeout", 0) == "OK"
