# SPDX-License-Identifier: BSD-3-Clause
"""Keys whatever they hold: what one connection cannot show, or a comparison of replies cannot."""

import threading

import pytest
from ask import wait_until
import servers
from resp import Failure


def run_together(*functions):
    """Runs all at the same time, and raises what one of them raised."""
    failures = []

    def guarded(function):
        try:
            function()
        except BaseException as failure:  # pylint: disable=broad-except
            failures.append(failure)
    threads = [threading.Thread(target=guarded, args=[function]) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_many_keys_in_one_command(client):
    names = [f"key:{i}" for i in range(20000)]
    client.call("MSET", *(part for name in names for part in (name, "x")))
    assert client.call("EXISTS", *names) == len(names)
    assert client.call("TOUCH", *names, "nothing") == len(names)
    assert client.call("UNLINK", *names[::2]) == len(names) // 2
    assert client.call("DEL", *names) == len(names) // 2
    assert client.call("DBSIZE") == 0


def test_keys_shows_each_key_once(client):
    client.call("MSET", *(part for i in range(30000) for part in (f"k:{i}", i)))
    shown = client.call("KEYS", "k:*")
    assert len(shown) == len(set(shown)) == 30000


def test_randomkey_reaches_every_key(client):
    names = {f"k{i}".encode() for i in range(20)}
    client.call("MSET", *(part for name in names for part in (name, "x")))
    assert {client.call("RANDOMKEY") for _ in range(3000)} == names


def test_randomkey_does_not_find_expired_keys(client):
    for i in range(50):
        client.call("SET", f"k{i}", "x", "PX", 1)
    client.call("SET", "here", "x")
    wait_until(lambda: {client.call("RANDOMKEY") for _ in range(20)} == {b"here"})


def test_names_are_any_bytes(client):
    names = [b"", b"\x00", b"\r\n", bytes(range(256)), b"\xff" * 300, b"long" * 20000]
    for name in names:
        client.call("SET", name, name)
        client.call("RENAME", name, name + b"!")
        assert client.call("GET", name + b"!") == name
        assert client.call("COPY", name + b"!", name) == 1
    assert sorted(client.call("KEYS", "*")) == sorted(names + [name + b"!" for name in names])


def test_values_of_all_sizes_are_copied_and_moved(client):
    for size in [0, 1, 43, 44, 45, 254, 255, 256, 4000, 4096, 5000, 20000, 1000000]:
        value = bytes(i % 251 for i in range(size))
        client.call("SET", "a", value, "EX", 1000)
        assert client.call("COPY", "a", "b", "DB", 3, "REPLACE") == 1
        assert client.call("RENAME", "a", "c") == "OK"
        assert client.call("GET", "c") == value
        client.call("SELECT", 3)
        assert client.call("GET", "b") == value
        assert 990 <= client.call("TTL", "b") <= 1000
        client.call("MOVE", "b", 4)
        client.call("SELECT", 4)
        assert client.call("GETDEL", "b") == value
        client.call("SELECT", 0)


def test_renames_that_cross_are_atomic(server):
    """Two keys change names to and fro: at any moment there are two of the four."""
    with server.client() as setup:
        setup.call("FLUSHALL")
        setup.call("MSET", "a", "1", "b", "2")

    def rename(one, other):
        with server.client() as c:
            for _ in range(2000):
                c.raw_pipeline([["RENAMENX", one, other], ["RENAMENX", other, one]])

    def look():
        with server.client() as c:
            for _ in range(3000):
                assert c.call("EXISTS", "a", "b", "x", "y") == 2
    run_together(lambda: rename("a", "x"), lambda: rename("b", "y"), lambda: rename("y", "b"), look)


def test_moves_that_cross_lose_nothing(server):
    with server.client() as c:
        c.call("FLUSHALL")
        c.call("SET", "a", "1")

    def move(source, target):
        with server.client() as c:
            c.call("SELECT", source)
            for _ in range(3000):
                c.call("MOVE", "a", target)
    run_together(lambda: move(0, 1), lambda: move(1, 2), lambda: move(2, 0))
    with server.client() as c:
        assert sum(c.call("SELECT", db) == "OK" and c.call("DBSIZE") for db in range(3)) == 1


def test_flush_and_swap_while_others_write(server):
    done = threading.Event()

    def write():
        with server.client() as c:
            while not done.is_set():
                c.raw_pipeline([["SET", f"k{i}", "x" * 50] for i in range(50)])

    def flush():
        try:
            with server.client() as c:
                for i in range(150):
                    c.call("FLUSHALL", "ASYNC" if i % 2 else "SYNC")
                    c.call("SWAPDB", 0, i % 3)
                    c.call("DBSIZE")
        finally:
            done.set()
    run_together(write, write, flush)
    with server.client() as c:
        c.call("FLUSHALL")
        assert c.call("DBSIZE") == 0


def test_swapdb_is_seen_by_connections_of_both(server):
    with server.client() as zero, server.client() as one:
        zero.call("FLUSHALL")
        one.call("SELECT", 1)
        zero.call("SET", "a", "of zero")
        one.call("SWAPDB", 0, 1)
        assert zero.call("GET", "a") is None
        assert one.call("GET", "a") == b"of zero"
        assert [line for line in one.call("INFO", "keyspace").split() if line.startswith(b"db")][0].startswith(
            b"db1:keys=1,expires=0")


def test_looking_does_not_touch(client):
    looks = ["TYPE", "TTL", "OBJECT IDLETIME", "OBJECT ENCODING", "EXISTS", "MEMORY USAGE"]
    client.call("MSET", *(part for look in looks for part in (look, "x")))
    threading.Event().wait(2.1)
    for look in looks:
        client.call(*look.split(), look)
        assert client.call("OBJECT", "IDLETIME", look) >= 2, look
    client.call("TOUCH", "TYPE")
    assert client.call("OBJECT", "IDLETIME", "TYPE") <= 1


def test_frequency_grows_with_use(client):
    client.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    try:
        client.call("MSET", "often", "1", "seldom", "1")
        client.raw_pipeline([["GET", "often"]] * 5000)
        assert client.call("OBJECT", "FREQ", "often") > client.call("OBJECT", "FREQ", "seldom") >= 4
        with pytest.raises(Failure, match="An LFU maxmemory policy is selected"):
            client.call("OBJECT", "IDLETIME", "often")
    finally:
        client.call("CONFIG", "SET", "maxmemory-policy", "noeviction")


def test_memory_usage_grows_with_the_value(client):
    client.call("MSET", "small", "x", "large", "x" * 10000)
    small, large = client.call("MEMORY", "USAGE", "small"), client.call("MEMORY", "USAGE", "large")
    assert 8 < small < 64
    assert 10000 <= large < 21000


def test_databases_are_as_many_as_configured():
    with servers.strata("--databases", 3) as server, server.client() as c:
        assert c.error("COPY", "a", "b", "DB", 3) == "ERR DB index is out of range"
        assert c.error("MOVE", "a", 3) == "ERR DB index is out of range"
        assert c.error("SWAPDB", 0, 3) == "ERR DB index is out of range"
        assert c.call("SWAPDB", 0, 2) == "OK"
