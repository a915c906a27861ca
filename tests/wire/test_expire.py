# SPDX-License-Identifier: BSD-3-Clause
"""Keys go in time, looked at or not."""

import time

from ask import info, wait_until
import servers


def test_a_key_is_there_until_its_time_and_not_after(client):
    client.call("SET", "a", "x", "PX", 150)
    start = time.monotonic()
    while client.call("GET", "a"):
        assert 0 <= client.call("PTTL", "a") <= 150 or client.call("EXISTS", "a") == 0
        time.sleep(0.002)
    assert 0.145 <= time.monotonic() - start < 3
    assert client.call("TTL", "a") == -2


def test_keys_go_that_nobody_looks_at(client):
    before = int(info(client, "stats")["expired_keys"])
    client.raw_pipeline([["SET", f"k{i}", "x", "PX", 50 + i % 100] for i in range(5000)])
    client.call("SET", "stays", "x", "EX", 1000)
    wait_until(lambda: client.call("DBSIZE") == 1)
    assert int(info(client, "stats")["expired_keys"]) - before == 5000


def test_a_new_expiry_takes_the_place_of_the_old(client):
    client.call("SET", "a", "x", "PX", 400)
    client.call("PEXPIRE", "a", 100000)
    client.call("SET", "b", "x", "PX", 400)
    client.call("PERSIST", "b")
    client.call("SET", "c", "x", "EX", 1000)
    client.call("PEXPIRE", "c", 50)
    time.sleep(0.5)
    assert client.call("EXISTS", "a", "b") == 2
    wait_until(lambda: client.call("DBSIZE") == 2)


def test_expired_keys_are_gone_for_every_command(client):
    for name in ["DEL", "EXISTS", "TYPE", "PERSIST", "TTL", "RENAME", "COPY", "MOVE", "TOUCH", "UNLINK"]:
        client.call("SET", "a", "x", "PX", 1)
        time.sleep(0.003)
        more = {"RENAME": ["b"], "COPY": ["b"], "MOVE": [1]}.get(name, [])
        if name == "RENAME":
            assert client.error(name, "a", *more) == "ERR no such key"
        else:
            assert client.call(name, "a", *more) in (0, -2, "none"), name


def test_an_expired_target_is_free(client):
    client.call("SET", "a", "new")
    client.call("SET", "b", "old", "PX", 1)
    time.sleep(0.003)
    assert client.call("RENAMENX", "a", "b") == 1
    client.call("SET", "c", "old", "PX", 1)
    time.sleep(0.003)
    assert client.call("COPY", "b", "c") == 1
    assert client.call("TTL", "c") == -1


def test_without_active_expiry_keys_wait_for_a_look():
    with servers.strata() as server, server.client() as c:
        c.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
        c.raw_pipeline([["SET", f"k{i}", "x", "PX", 1] for i in range(100)])
        time.sleep(0.3)
        assert c.call("DBSIZE") == 100
        assert c.call("GET", "k0") is None
        assert c.call("DBSIZE") == 99
        assert c.call("KEYS", "*") == []
        c.call("DEBUG", "SET-ACTIVE-EXPIRE", 1)
        wait_until(lambda: c.call("DBSIZE") == 0)


def test_info_counts_keys_with_an_expiry(client):
    client.call("MSET", "a", "1", "b", "1", "c", "1")
    client.call("EXPIRE", "a", 100)
    client.call("EXPIRE", "b", 100)
    client.call("PERSIST", "b")
    line = [line for line in client.call("INFO", "keyspace").decode().splitlines() if line.startswith("db0:")][0]
    assert line.startswith("db0:keys=3,expires=1,avg_ttl=")


def test_a_mass_of_keys_that_expire_together_stops_nobody(server):
    with server.client() as c, server.client() as other:
        c.call("FLUSHALL")
        deadline_ms = int(time.time() * 1000) + 1500
        for start in range(0, 200000, 10000):
            c.raw_pipeline([["SET", f"k{i}", "x", "PXAT", deadline_ms] for i in range(start, start + 10000)])
        worst, end = 0, time.monotonic() + 4
        while time.monotonic() < end:
            before = time.monotonic()
            other.call("PING")
            worst = max(worst, time.monotonic() - before)
            time.sleep(0.001)
        assert worst < 0.25
        wait_until(lambda: c.call("DBSIZE") == 0, 10)
