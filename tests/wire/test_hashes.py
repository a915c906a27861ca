# SPDX-License-Identifier: BSD-3-Clause
"""Hashes: fields that go in time, and what large ones give back."""

import time

import pytest

from ask import info, wait_until
import servers


def hash_of(client, key, count, size=10):
    pairs = [x for i in range(count) for x in (f"f{i}", "v" * size)]
    for start in range(0, len(pairs), 2000):
        client.call("HSET", key, *pairs[start:start + 2000])


@pytest.mark.parametrize("count", [5, 300, 5000])
def test_fields_go_that_nobody_looks_at(client, count):
    before = int(info(client, "stats")["expired_fields"])
    hash_of(client, "h", count)
    client.call("HSET", "h", "stays", "x")
    names = [f"f{i}" for i in range(count)]
    assert client.call("HPEXPIRE", "h", 100, "FIELDS", count, *names) == [1] * count
    assert client.call("HLEN", "h") == count + 1
    assert "keys_with_volatile_items=1" in info(client, "keyspace")["db0"]
    wait_until(lambda: client.call("HLEN", "h") == 1)
    assert client.call("HKEYS", "h") == [b"stays"]
    assert int(info(client, "stats")["expired_fields"]) - before == count
    wait_until(lambda: "keys_with_volatile_items=0" in info(client, "keyspace")["db0"])


@pytest.mark.parametrize("count", [1, 5000])
def test_the_key_goes_with_its_last_field(client, count):
    hash_of(client, "h", count)
    client.call("HPEXPIRE", "h", 50, "FIELDS", count, *[f"f{i}" for i in range(count)])
    wait_until(lambda: client.call("EXISTS", "h") == 0)


def test_an_expired_field_is_gone_before_it_is_removed(client):
    client.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    try:
        client.call("HSETEX", "h", "PX", 1, "FIELDS", 2, "a", "1", "b", "2")
        client.call("HSET", "h", "c", "3")
        time.sleep(0.01)
        assert client.call("HLEN", "h") == 3
        assert client.call("HMGET", "h", "a", "b", "c") == [None, None, b"3"]
        assert client.call("HDEL", "h", "a") == 0
        assert client.call("HTTL", "h", "FIELDS", 1, "a") == [-2]
        assert client.call("HSET", "h", "a", "4") == 1
        assert client.call("HINCRBY", "h", "b", 5) == 5
        assert client.call("HTTL", "h", "FIELDS", 2, "a", "b") == [-1, -1]
    finally:
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", 1)


def test_deadlines_follow_the_key(client):
    for count in [3, 2000]:
        hash_of(client, "h", count)
        client.call("HPEXPIRE", "h", 300, "FIELDS", 1, "f0")
        client.call("RENAME", "h", "r")
        client.call("COPY", "r", "c")
        client.call("MOVE", "c", 1)
        client.call("EXPIRE", "r", 1000)
        client.call("SELECT", 1)
        assert 0 < client.call("HPTTL", "c", "FIELDS", 1, "f0")[0] <= 300
        wait_until(lambda: client.call("HLEN", "c") == count - 1)
        client.call("SELECT", 0)
        wait_until(lambda: client.call("HLEN", "r") == count - 1)
        client.call("FLUSHALL")


def test_a_large_hash_gives_its_memory_back(client):
    hash_of(client, "h", 50000, 20)
    full = client.call("MEMORY", "USAGE", "h")
    for start in range(0, 49000, 1000):
        client.call("HDEL", "h", *[f"f{i}" for i in range(start, start + 1000)])
    assert client.call("HLEN", "h") == 1000
    assert client.call("MEMORY", "USAGE", "h") < full / 8


def test_an_absurd_number_of_random_fields_is_refused(client):
    client.call("HSET", "h", "a", "1")
    assert "out of range" in client.error("HRANDFIELD", "h", -2**62)
    assert len(client.call("HRANDFIELD", "h", -1000)) == 1000


def test_changes_of_one_hash_by_many_clients():
    with servers.strata("--workers", "2") as server:
        clients = [server.client() for _ in range(4)]
        for round_ in range(20):
            for number, client in enumerate(clients):
                for i in range(100):
                    client.send("HINCRBY", "h", f"f{i * 17 % 1000}", 1)
                    client.send("SADD", "s", f"m{round_ * 100 + i}")
                    client.send("SPOP" if number % 2 else "SRANDMEMBER", "s")
            for client in clients:
                for _ in range(300):
                    client.read()
        total = sum(map(int, clients[0].call("HVALS", "h")))
        assert total == 20 * 4 * 100


def test_fields_that_a_past_time_removes_have_expired(client):
    def expired():
        return int(info(client, "stats")["expired_fields"])

    before = expired()
    client.call("HSET", "h", *(word for i in range(9) for word in (f"f{i}", "v")))
    client.call("HEXPIRE", "h", 0, "FIELDS", 3, "f0", "f1", "none")
    assert expired() == before + 2
    client.call("HGETEX", "h", "PXAT", 1, "FIELDS", 3, "f2", "f3", "none")
    assert expired() == before + 4
    client.call("HSETEX", "h", "EXAT", 1, "FIELDS", 2, "f4", "w", "none", "w")
    assert expired() == before + 5
    client.call("HGETDEL", "h", "FIELDS", 1, "f5")
    assert expired() == before + 5
