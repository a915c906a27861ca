# SPDX-License-Identifier: BSD-3-Clause
"""MONITOR, by one worker and by several."""

import re
import threading
import time

import pytest
from resp import encode

LINE = re.compile(rb"\+(\d+\.\d{6}) \[(\d+) ([^]]+)\] (.*)\r\n")


@pytest.fixture
def client(by_workers):
    with by_workers.client() as connection:
        connection.call("FLUSHALL")
        yield connection


@pytest.fixture
def monitor(by_workers, client):
    with by_workers.client() as connection:
        assert connection.call("MONITOR") == "OK"
        yield connection


def shown(monitor):
    """The next line: the database, who it was, and the words."""
    stamp, db, source, words = LINE.fullmatch(monitor.read_raw()).groups()
    assert abs(float(stamp) - time.time()) < 60
    return int(db), source.decode(), words.decode()


def words(monitor, count):
    return [shown(monitor)[2] for _ in range(count)]


def test_commands_are_shown(client, monitor):
    client.call("SET", "k", b'a\x00b\n\r\t\a\b\x7f\xff"\\')
    client.call("SELECT", "3")
    address = client.socket.getsockname()
    assert shown(monitor) == (0, f"127.0.0.1:{address[1]}", r'"SET" "k" "a\x00b\n\r\t\a\b\x7f\xff\"\\"')
    assert shown(monitor)[0::2] == (3, '"SELECT" "3"')
    client.call("SELECT", "0")


def test_what_is_not_shown(client, monitor):
    for command in "NOSUCH", "GET", "CONFIG GET maxmemory", "CLIENT KILL ID 9999999", "SLOWLOG LEN", "CLIENT NOSUCH":
        client.raw(*command.split())
    client.call("PING")
    assert shown(monitor)[2] == '"PING"'


def test_passwords_are_not_shown(client, monitor):
    client.raw("AUTH", "secret")
    client.raw("AUTH", "user", "secret")
    client.raw("HELLO", "2", "AUTH", "default", "secret", "SETNAME", "me")
    assert words(monitor, 3) == [
        '"AUTH" "(redacted)"', '"AUTH" "(redacted)" "(redacted)"',
        '"HELLO" "2" "AUTH" "(redacted)" "(redacted)" "SETNAME" "me"']


def test_transactions_are_shown_as_they_run(client, monitor):
    for command in "MULTI", "SET k 1", "GET k", "EXEC", "MULTI", "SET k 2", "DISCARD":
        client.call(*command.split())
    assert words(monitor, 6) == ['"MULTI"', '"SET" "k" "1"', '"GET" "k"', '"EXEC"', '"MULTI"', '"DISCARD"']


def test_who_waits_is_shown_once(by_workers, client, monitor):
    with by_workers.client() as other:
        other.send("BLPOP", "list", "0")
        assert shown(monitor)[2] == '"BLPOP" "list" "0"'
        client.call("RPUSH", "list", "x")
        assert other.read() == [b"list", b"x"]
    assert shown(monitor)[2] == '"RPUSH" "list" "x"'


def test_a_monitor_may_not_touch_keys(monitor):
    for command in "GET k", "SET k v", "PUBLISH a b":
        assert monitor.error(*command.split()) == "ERR Replica can't interact with the keyspace"
    assert monitor.call("PING") == "PONG"
    assert shown(monitor)[2] == '"PING"'


def test_asking_again_is_not_answered(client, monitor):
    monitor.send("MONITOR")
    client.call("ECHO", "x")
    assert shown(monitor)[2] == '"ECHO" "x"'


def test_reset_ends_it(client, monitor):
    assert " flags=O " in client.call("CLIENT", "LIST").decode()
    assert monitor.call("RESET") == "RESET"
    client.call("PING")
    assert monitor.call("GET", "k") is None
    assert " flags=O " not in client.call("CLIENT", "LIST").decode()


def test_not_in_a_transaction(client):
    client.call("MULTI")
    client.call("MONITOR")
    assert str(client.call("EXEC")[0]) == "ERR MONITOR isn't allowed for DENY BLOCKING client"


def test_a_slow_monitor_is_disconnected(by_workers, client, monitor):
    client.call("CONFIG", "SET", "client-output-buffer-limit", "normal 100000 0 0")
    try:
        for i in range(200):
            client.call("ECHO", "x" * 100000)
            if b"flags=O" not in client.call("CLIENT", "LIST"):
                break
        assert b"flags=O" not in client.call("CLIENT", "LIST")
    finally:
        client.call("CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0")


def test_commands_on_a_key_are_shown_in_their_order(by_workers, monitor):
    """Each APPEND's reply tells its place among all that were run."""
    places = {}

    def append(name):
        with by_workers.client() as writer:
            commands = [("APPEND", "log", f"{name}{i % 10}") for i in range(500)]
            writer.socket.sendall(b"".join(encode(*command) for command in commands))
            for i in range(500):
                places[writer.read()] = commands[i][2]

    threads = [threading.Thread(target=append, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    seen = [re.findall('"([^"]*)"', line)[2] for line in words(monitor, 2000)]
    for thread in threads:
        thread.join()
    assert seen == [places[length] for length in sorted(places)]
