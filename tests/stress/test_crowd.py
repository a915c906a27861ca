# SPDX-License-Identifier: BSD-3-Clause
"""Clients that come and go, look at everything, kill each other and fill the memory, all at once."""

import os
import random
import time

from ask import info
import resp
import servers
from crowd import Crowd

PERMANENT = {f"permanent:{i}".encode() for i in range(1000)}


def replies(client, commands):
    return [resp.decode(raw) for raw in client.raw_pipeline(commands)]


def come_and_go(actor):
    """Writes and deletes keys in masses, so that tables grow and shrink."""
    while actor.running():
        first = actor.random.randrange(20000)
        keys = [f"passing:{i}" for i in range(first, first + 500)]
        if actor.random.random() < 0.5:
            actor.client.raw_pipeline([("SET", key, "x" * actor.random.randrange(200)) for key in keys])
        else:
            actor.client.raw_pipeline([("DEL", *keys[i:i + 50]) for i in range(0, 500, 50)])


def set_permanent(server):
    with server.client() as client:
        client.raw_pipeline([("SET", key, "value") for key in PERMANENT])


def test_a_scan_sees_all_that_stays(crowd):
    def scan(actor):
        scans, client = 0, actor.client
        while actor.running():
            cursor, seen = b"0", set()
            while True:
                cursor, keys = client.call("SCAN", cursor, "COUNT", actor.random.choice([1, 10, 100, 1000]))
                seen.update(keys)
                if cursor == b"0":
                    break
            assert PERMANENT <= seen
            scans += 1
        return scans

    set_permanent(crowd.server)
    assert min(crowd.run(come_and_go, come_and_go, scan, scan, seconds=2)[2:]) >= 1


def test_everything_can_be_looked_at_meanwhile(crowd):
    looks = [
        ("KEYS", "permanent:1*"), ("DBSIZE",), ("RANDOMKEY",), ("INFO",), ("INFO", "everything"), ("CLIENT", "LIST"),
        ("CLIENT", "INFO"), ("CONFIG", "GET", "*"), ("MEMORY", "USAGE", "permanent:1"), ("OBJECT", "IDLETIME",
        "permanent:2"), ("COMMAND", "COUNT"), ("SLOWLOG", "GET"), ("LATENCY", "LATEST"), ("MEMORY", "STATS"),
        ("CONFIG", "SET", "slowlog-log-slower-than", "0"), ("CONFIG", "SET", "slowlog-log-slower-than", "10000"),
        ("CONFIG", "RESETSTAT"), ("TTL", "permanent:3"), ("TOUCH", "permanent:4", "permanent:5", "permanent:6"),
        ("CLIENT", "SETNAME", "somebody"), ("CLIENT", "NO-TOUCH", "on"), ("CONFIG", "SET", "hz", "50")]

    def look(actor):
        count = 0
        while actor.running():
            command = actor.random.choice(looks)
            reply = resp.decode(actor.client.raw(*command))
            assert not isinstance(reply, resp.Failure), (command, reply)
            if command[0] == "KEYS":
                assert len([key for key in reply if key in PERMANENT]) == 111
            elif command[0] == "DBSIZE":
                assert reply >= len(PERMANENT)
            elif command[0] == "RANDOMKEY":
                assert reply is not None
            count += 1
        return count

    set_permanent(crowd.server)
    assert sum(crowd.run(come_and_go, come_and_go, look, look, look, seconds=2)[2:]) > 50


def test_connections_that_break_off_leave_nothing_behind(crowd):
    requests = [
        b"*1\r\n$4\r\nPING\r\n", b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$100\r\nhalf of it", b"*2\r\n$3\r\nGE", b"GET key\r\n",
        b"*1\r\n$1000000\r\n", b"\xff\x00nonsense\r\n", b"*-5\r\n", b"*1\r\n$4\r\nQUIT\r\n",
        resp.encode("SET", "large", b"x" * 100000) + resp.encode("GET", "large") * 50]

    def churn(actor):
        count = 0
        while actor.running():
            with actor.server.client() as client:
                client.socket.sendall(actor.random.choice(requests))
                if actor.random.random() < 0.3:
                    client.socket.setblocking(False)
                    try:
                        client.socket.recv(1000)
                    except OSError:
                        pass
            count += 1
        return count

    assert sum(crowd.run(churn, churn, churn, come_and_go)[:3]) > 50
    with crowd.server.client() as client:
        deadline = time.monotonic() + 60
        while int(info(client, "clients")["connected_clients"]) > 2:
            assert time.monotonic() < deadline, client.call("CLIENT", "LIST").decode()
            time.sleep(0.05)


def test_what_was_answered_survives_a_kill(crowd):
    def count_up(actor):
        """A connection at a time; what was answered has happened, what was not may have."""
        answered = asked = 0
        while actor.running():
            try:
                with actor.server.client() as client:
                    while actor.running():
                        asked += 1
                        client.call("INCR", f"counter:{actor.number}")
                        answered += 1
            except (OSError, resp.Disconnected):
                pass
        return actor.number, answered, asked

    def kill(actor):
        killed = 0
        client = actor.server.client()
        while actor.running():
            lines = client.call("CLIENT", "LIST").decode().splitlines()
            fields = [dict(word.split("=", 1) for word in line.split(" ") if "=" in word) for line in lines]
            victims = [field for field in fields if field.get("cmd") == "incr"]
            if not victims:
                continue
            victim = actor.random.choice(victims)
            way = actor.random.choice([("ID", victim["id"]), ("ADDR", victim["addr"])])
            killed += client.call("CLIENT", "KILL", *way)
            time.sleep(0.002)
        client.close()
        return killed

    *counted, killed = crowd.run(count_up, count_up, count_up, kill)
    assert killed > 10
    with crowd.server.client() as client:
        for number, answered, asked in counted:
            assert answered <= int(client.call("GET", f"counter:{number}")) <= asked


def test_no_key_outlives_its_time(crowd):
    """A value is the moment at which it expires."""

    def write(actor):
        while actor.running():
            now = time.time_ns() // 1000000
            moments = [now + actor.random.randrange(1, 60) for _ in range(20)]
            actor.client.raw_pipeline([("SET", f"mortal:{moment % 200}", moment, "PXAT", moment) for moment in moments])

    def read(actor):
        found = 0
        while actor.running():
            now = time.time_ns() // 1000000
            for value in actor.client.call("MGET", *[f"mortal:{actor.random.randrange(200)}" for _ in range(20)]):
                if value is None:
                    continue
                assert now <= int(value) + 20, f"{now - int(value)} ms too late"
                found += 1
        return found

    assert sum(crowd.run(write, write, read, read)[2:]) > 10
    with crowd.server.client() as client:
        deadline = time.monotonic() + 5
        while client.call("DBSIZE"):
            assert time.monotonic() < deadline, "the sweep leaves keys behind"
            time.sleep(0.02)


def resident(server):
    with open(f"/proc/{server.process.pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_memory_stays_within_its_limit():
    """Under a sanitizer, memory that was freed stays resident, and only the answers are checked."""
    exact = not os.environ.get("STRATA_SANITIZER")

    def fill(actor):
        written = 0
        while actor.running():
            value = "x" * actor.random.choice([10, 100, 1000])
            commands = [("SET", random.randbytes(16), value, *actor.random.choice([(), ("EX", 1000)])) for _ in range(100)]
            for reply in replies(actor.client, commands):
                assert reply == "OK", reply
            written += 100
        return written

    with servers.strata("--workers", 4) as server:
        limit = resident(server) + 40000000
        with server.client() as client:
            client.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "maxmemory", limit if exact else 1 << 40)
            written = sum(Crowd(server).run(*[fill] * 4, seconds=3))
            assert written > 1000
            if exact:
                assert written * 400 > limit, "not enough was written to reach the limit"
                assert int(info(client, "stats")["evicted_keys"]) > 100
                assert resident(server) < limit + 4000000
                assert client.call("DBSIZE") * 300 > 20000000, "more was evicted than there was need for"
