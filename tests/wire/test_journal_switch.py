# SPDX-License-Identifier: BSD-3-Clause
"""A journal that begins and ends while the server serves: CONFIG SET appendonly, and durability."""

import pathlib
import threading
import time

import ask
import pytest
import servers

HOME = ("--home", "dir:./home")


@pytest.fixture(params=[1, 2])
def without(request):
    """A server with a home, and no journal in it."""
    with servers.strata(*HOME, "--appendonly", "no", "--save", "", "--workers", request.param) as running:
        yield running


def info(client, field):
    return ask.info(client, "persistence")[field]


def wait_until_it_counts(client):
    ask.wait_until(lambda: info(client, "aof_rewrite_in_progress") == "0", 30)


def begin(client, *more):
    assert client.call("CONFIG", "SET", "appendonly", "yes", *more) == "OK"
    wait_until_it_counts(client)


def crash(server):
    server.kill()
    server.start()


def journal_of(server):
    return sorted(pathlib.Path(server.directory, "home/journal").glob("*.log"))


def test_what_was_there_and_what_comes_is_kept(without):
    with without.client() as client:
        client.call("SET", "before", 1)
        client.call("FUNCTION", "LOAD", "#!lua name=early\nserver.register_function('f', function() return 1 end)")
        begin(client, "appendfsync", "always")
        assert client.call("CONFIG", "GET", "appendonly", "durability") == [
            b"appendonly", b"yes", b"durability", b"always"]
        assert info(client, "aof_enabled") == "1"
        client.call("INCR", "before")
        client.call("RPUSH", "after", "a")
        client.call("FUNCTION", "LOAD", "#!lua name=late\nserver.register_function('g', function() return 2 end)")
    crash(without)
    with without.client() as client:
        assert client.call("GET", "before") == b"2"
        assert client.call("LRANGE", "after", 0, -1) == [b"a"]
        assert sorted(library[1] for library in client.call("FUNCTION", "LIST")) == [b"early", b"late"]


def test_changes_go_on_while_it_begins(without):
    """The snapshot is of one instant, the journal has what comes after it, and nothing is there twice."""
    stop, counts = threading.Event(), [0] * 4

    def count(mine):
        with without.client() as client:
            while not stop.is_set():
                counts[mine] = client.call("INCR", f"counter:{mine}")

    with without.client() as client:
        client.call("DEBUG", "POPULATE", 200_000)
        threads = [threading.Thread(target=count, args=(i,)) for i in range(len(counts))]
        for thread in threads:
            thread.start()
        begin(client, "appendfsync", "always")
        at_once = list(counts)
        time.sleep(0.2)
        stop.set()
        for thread in threads:
            thread.join()
    assert all(now > then for now, then in zip(counts, at_once))
    crash(without)
    with without.client() as client:
        assert [int(client.call("GET", f"counter:{i}")) for i in range(len(counts))] == counts
        assert client.call("DBSIZE") == 200_000 + len(counts)


def test_nobody_waits_for_it_before_it_counts(without):
    """With `always`, a reply waits for the disk only when there is something on it that the change goes with."""
    with without.client() as client:
        client.call("DEBUG", "POPULATE", 300_000)
        client.call("CONFIG", "SET", "appendonly", "yes", "appendfsync", "always")
        replies = 0
        while info(client, "aof_rewrite_in_progress") == "1":
            client.call("SET", "k", replies)
            replies += 1
        assert replies > 20 and info(client, "journal_durable_sequence") != "0"
        client.call("SET", "k", "last")
        assert client.call("WAITAOF", 1, 0, 1000) == [1, 0]
    crash(without)
    with without.client() as client:
        assert client.call("GET", "k") == b"last"


def test_who_asks_for_more_waits_until_it_counts(without):
    with without.client() as client, without.client() as other:
        client.call("DEBUG", "POPULATE", 200_000)
        client.call("CONFIG", "SET", "appendonly", "yes")
        client.call("CLIENT", "DURABILITY", "always")
        client.call("SET", "k", "v")
        assert info(other, "aof_rewrite_in_progress") == "0"
    crash(without)
    with without.client() as client:
        assert client.call("GET", "k") == b"v"


def test_a_crash_before_it_counts_leaves_what_was_kept(without):
    with without.client() as client:
        client.call("SET", "kept", 1)
        client.call("SAVE")
        client.call("DEBUG", "POPULATE", 500_000)
        client.call("CONFIG", "SET", "appendonly", "yes")
        client.call("SET", "held", 1)
        assert info(client, "aof_rewrite_in_progress") == "1" and journal_of(without) == []
    crash(without)
    with without.client() as client:
        assert client.call("KEYS", "*") == [b"kept"]


def test_it_ends_and_begins_again(without):
    """What changes between two journals is in the snapshot that the second one begins with."""
    with without.client() as client:
        for n in range(3):
            begin(client)
            client.call("INCR", "n")
            client.call("RPUSH", "kept", n)
            assert client.call("CONFIG", "SET", "appendonly", "no") == "OK"
            assert info(client, "aof_enabled") == "0"
            client.call("RPUSH", "between", n)
        begin(client, "appendfsync", "always")
        client.call("INCR", "n")
    crash(without)
    with without.client() as client:
        assert client.call("GET", "n") == b"4"
        assert client.call("LRANGE", "kept", 0, -1) == client.call("LRANGE", "between", 0, -1) == [b"0", b"1", b"2"]


def test_what_has_no_journal_is_lost_with_the_server(without):
    with without.client() as client:
        begin(client)
        client.call("SET", "k", "journal")
        client.call("CONFIG", "SET", "durability", "none")
        client.call("SET", "k", "nothing")
    crash(without)
    with without.client() as client:
        assert client.call("GET", "k") == b"journal"
        client.call("SET", "k", "snapshot")
        client.call("SAVE")
    crash(without)
    with without.client() as client:
        assert client.call("GET", "k") == b"snapshot"


def test_it_ends_before_it_counts(without):
    """A snapshot that began for a journal which has ended does not stand for the next one."""
    with without.client() as client:
        client.call("DEBUG", "POPULATE", 100_000)
        for n in range(5):
            client.call("CONFIG", "SET", "appendonly", "yes")
            client.call("SET", "n", n)
            client.call("CONFIG", "SET", "appendonly", "no")
            client.call("SET", "gap", n)
            time.sleep(0.02 * n)
        begin(client, "appendfsync", "always")
        client.call("SET", "last", 1)
    crash(without)
    with without.client() as client:
        assert client.call("MGET", "n", "gap", "last") == [b"4", b"4", b"1"]


def test_replies_that_wait_go_out_when_it_ends():
    with servers.strata(*HOME, "--durability", "always", "--save", "") as server:
        with server.client() as writer, server.client() as other:
            assert writer.call("SET", "k", "v") == "OK"
            writer.send("SET", "k", "w")
            assert other.call("CONFIG", "SET", "appendonly", "no") == "OK"
            assert writer.read() == "OK"
            assert "numlocal is set but appendonly" in writer.error("WAITAOF", 1, 0, 100)
            assert other.error("CLIENT", "DURABILITY", "always").startswith("ERR the server keeps no journal")


def test_the_end_of_the_server_takes_the_snapshot_that_is_missing(without):
    with without.client() as client:
        client.call("SET", "k", "v")
        client.call("CONFIG", "SET", "appendonly", "yes")
        client.call("SET", "k", "w")
    without.stop()
    without.start()
    with without.client() as client:
        assert client.call("GET", "k") == b"w"


def test_reload_while_it_begins(without):
    with without.client() as client:
        client.call("DEBUG", "POPULATE", 200_000)
        client.call("CONFIG", "SET", "appendonly", "yes")
        client.call("SET", "k", "w")
        assert client.call("DEBUG", "LOADAOF") == "OK"
        assert client.call("GET", "k") == b"w"
        client.call("CONFIG", "SET", "appendonly", "no")
        client.call("CONFIG", "SET", "appendonly", "yes")
        assert client.call("DEBUG", "RELOAD") == "OK"
        assert client.call("GET", "k") == b"w" and info(client, "aof_rewrite_in_progress") == "0"
        client.call("SET", "k", "x")
        assert client.call("DEBUG", "LOADAOF") == "OK"
        assert client.call("GET", "k") == b"x"


def test_without_a_home():
    with servers.strata() as server, server.client() as client:
        assert "a journal needs a home" in client.error("CONFIG", "SET", "appendonly", "yes")
        assert client.call("CONFIG", "GET", "appendonly") == [b"appendonly", b"no"]


def test_one_wrong_directive_takes_back_the_others(without):
    with without.client() as client:
        client.call("SET", "k", "v")
        client.error("CONFIG", "SET", "appendonly", "yes", "maxmemory-policy", "nothing-of-the-kind")
        assert client.call("CONFIG", "GET", "appendonly") == [b"appendonly", b"no"]
        assert info(client, "aof_enabled") == "0"
