# SPDX-License-Identifier: BSD-3-Clause
"""Commands that wait for keys. Valkey runs the same tests: what they expect is what it does."""

import random
import threading
import time

import pytest

from resp import Failure

SOON = 0.15  # seconds in which nothing must happen


def blocked(client):
    info = client.call("INFO", "clients").decode()
    return int(info.split("blocked_clients:")[1].split("\r\n")[0])


def wait_blocked(client, count):
    deadline = time.monotonic() + 5
    while blocked(client) != count:
        assert time.monotonic() < deadline, f"{blocked(client)} clients wait, not {count}"
        time.sleep(0.005)


def start(world, client, *commands, resp=2):
    """Connections that wait, one for each command, in this order."""
    before = blocked(client)
    waiting = []
    for i, command in enumerate(commands):
        waiting.append(world(resp))
        waiting[-1].send(*command)
        wait_blocked(client, before + i + 1)
    return waiting


def is_silent(connection):
    connection.socket.settimeout(SOON)
    try:
        connection.socket.recv(1)
        return False
    except TimeoutError:
        return True
    finally:
        connection.socket.settimeout(10)


# ---- serving ----


@pytest.mark.parametrize("command,push,reply", [
    (["BLPOP", "k", 0], ["RPUSH", "k", "a", "b"], [b"k", b"a"]),
    (["BRPOP", "k", 0], ["RPUSH", "k", "a", "b"], [b"k", b"b"]),
    (["BLMOVE", "k", "t", "LEFT", "RIGHT", 0], ["RPUSH", "k", "a", "b"], b"a"),
    (["BRPOPLPUSH", "k", "t", 0], ["RPUSH", "k", "a", "b"], b"b"),
    (["BLMPOP", 0, 2, "j", "k", "LEFT", "COUNT", 5], ["RPUSH", "k", "a", "b"], [b"k", [b"a", b"b"]]),
    (["BZPOPMIN", "k", 0], ["ZADD", "k", 1, "a", 2, "b"], [b"k", b"a", b"1"]),
    (["BZPOPMAX", "k", 0], ["ZADD", "k", 1, "a", 2, "b"], [b"k", b"b", b"2"]),
    (["BZMPOP", 0, 2, "j", "k", "MAX"], ["ZADD", "k", 1, "a", 2, "b"], [b"k", [[b"b", b"2"]]]),
])
def test_served(world, command, push, reply):
    client = world()
    waiting, = start(world, client, command)
    assert is_silent(waiting)
    assert client.call(*push) == 2
    assert blocked(client) == 0
    assert waiting.read() == reply
    assert waiting.call("PING") == "PONG"


def test_first_come_first_served(world):
    client = world()
    waiting = start(world, client, *[["BLPOP", "k", 0]] * 5)
    assert client.call("RPUSH", "k", "0", "1", "2") == 3
    assert client.call("EXISTS", "k") == 0
    assert blocked(client) == 2
    client.call("RPUSH", "k", "3")
    client.call("RPUSH", "k", "4", "5")
    assert [w.read()[1] for w in waiting] == [b"0", b"1", b"2", b"3", b"4"]
    assert client.call("LRANGE", "k", 0, -1) == [b"5"]


def test_several_keys(world):
    client = world()
    keys = [f"key-{i}" for i in range(20)]
    both = start(world, client, ["BLPOP", *keys, 0], ["BRPOP", *reversed(keys), 0])
    client.call("RPUSH", keys[7], "a")
    client.call("RPUSH", keys[3], "b")
    assert both[0].read() == [keys[7].encode(), b"a"]
    assert both[1].read() == [keys[3].encode(), b"b"]
    assert client.call("EXISTS", *keys) == 0


def test_same_key_twice(world):
    client = world()
    waiting, = start(world, client, ["BLPOP", "k", "k", "k", 0])
    client.call("RPUSH", "k", "a", "b")
    assert waiting.read() == [b"k", b"a"]
    assert client.call("LRANGE", "k", 0, -1) == [b"b"]


def test_first_key_that_has_something(world):
    client = world()
    client.call("RPUSH", "two", "b")
    client.call("RPUSH", "three", "c")
    assert client.call("BLPOP", "one", "two", "three", 0) == [b"two", b"b"]
    client.call("SET", "one", "string")
    assert client.error("BLPOP", "one", "three", 0).startswith("WRONGTYPE")


def test_wrong_type_leaves_waiting(world):
    client = world()
    waiting, = start(world, client, ["BLPOP", "k", 0])
    client.call("SET", "k", "string")
    client.call("DEL", "k")
    client.call("ZADD", "k", 1, "a")
    client.call("DEL", "k")
    assert is_silent(waiting)
    client.call("RPUSH", "k", "a")
    assert waiting.read() == [b"k", b"a"]


def test_types_apart(world):
    client = world()
    waiting = start(world, client, ["BZPOPMIN", "k", 0], ["BLPOP", "k", 0])
    client.call("RPUSH", "k", "a")
    assert waiting[1].read() == [b"k", b"a"]
    assert is_silent(waiting[0])
    client.call("ZADD", "k", 5, "m")
    assert waiting[0].read() == [b"k", b"m", b"5"]


def test_databases_apart(world):
    client, other = world(), world()
    other.call("SELECT", 3)
    waiting, = start(world, client, ["BLPOP", "k", 0])
    other.call("RPUSH", "k", "there")
    assert is_silent(waiting)
    client.call("RPUSH", "k", "here")
    assert waiting.read() == [b"k", b"here"]


# ---- ways for a key to come into being ----


@pytest.mark.parametrize("make", [
    lambda c: c.call("RENAME", "source", "k"),
    lambda c: c.call("COPY", "source", "k"),
    lambda c: c.call("LMOVE", "source", "k", "LEFT", "LEFT"),
    lambda c: c.call("RPOPLPUSH", "source", "k"),
], ids=["rename", "copy", "lmove", "rpoplpush"])
def test_comes_into_being(world, make):
    client = world()
    waiting, = start(world, client, ["BLPOP", "k", 0])
    client.call("RPUSH", "source", "a")
    make(client)
    assert waiting.read() == [b"k", b"a"]
    assert client.call("EXISTS", "k") == 0


def test_swapdb(world):
    client, other = world(), world()
    other.call("SELECT", 5)
    waiting, = start(world, client, ["BLPOP", "k", 0])
    other.call("RPUSH", "k", "a", "b")
    client.call("SWAPDB", 0, 5)
    assert waiting.read() == [b"k", b"a"]
    assert client.call("LRANGE", "k", 0, -1) == [b"b"]


def test_move(world):
    client, other = world(), world()
    other.call("SELECT", 5)
    waiting, = start(world, client, ["BLPOP", "k", 0])
    other.call("RPUSH", "k", "a")
    assert other.call("MOVE", "k", 0) == 1
    assert waiting.read() == [b"k", b"a"]


# ---- chains ----


def test_chain(world):
    client = world()
    names = [f"link-{i}" for i in range(10)]
    moves = [["BLMOVE", one, two, "LEFT", "RIGHT", 0] for one, two in zip(names, names[1:])]
    waiting = start(world, client, ["BLPOP", names[-1], 0], *reversed(moves))
    client.call("RPUSH", names[0], "x")
    assert client.call("EXISTS", *names) == 0
    assert waiting[0].read() == [names[-1].encode(), b"x"]
    assert {w.read() for w in waiting[1:]} == {b"x"}


def test_circle(world):
    client = world()
    waiting = start(world, client, ["BRPOPLPUSH", "one", "two", 0], ["BRPOPLPUSH", "two", "one", 0])
    client.call("RPUSH", "one", "x")
    assert [w.read() for w in waiting] == [b"x", b"x"]
    assert client.call("LRANGE", "one", 0, -1) == [b"x"]
    assert client.call("EXISTS", "two") == 0


def test_target_of_another_type(world):
    client = world()
    client.call("SET", "t", "string")
    waiting = start(world, client, ["BLMOVE", "k", "t", "LEFT", "LEFT", 0], ["BLPOP", "k", 0])
    client.call("RPUSH", "k", "a")
    assert str(waiting[0].read()).startswith("WRONGTYPE")
    assert waiting[1].read() == [b"k", b"a"]


# ---- the end of a wait ----


@pytest.mark.parametrize("resp,nothing", [(2, b"*-1\r\n"), (3, b"_\r\n")])
@pytest.mark.parametrize("command", [
    ["BLPOP", "k", "j", "0.05"], ["BRPOP", "k", "0.05"], ["BLMOVE", "k", "t", "LEFT", "LEFT", "0.05"],
    ["BRPOPLPUSH", "k", "t", "0.05"], ["BLMPOP", "0.05", 1, "k", "LEFT"], ["BZPOPMIN", "k", "0.05"],
    ["BZMPOP", "0.05", 1, "k", "MIN"],
])
def test_timeout(world, command, resp, nothing):
    client = world(resp)
    begin = time.monotonic()
    assert client.raw(*command) == nothing
    assert 0.045 < time.monotonic() - begin < 5
    assert blocked(client) == 0
    client.call("RPUSH", "k", "a")
    assert client.call("LLEN", "k") == 1


def test_timeout_arguments(world):
    client = world()
    for bad, error in [("-1", "ERR timeout is negative"), ("x", "ERR timeout is not a float or out of range"),
                       ("1e300", "ERR timeout is out of range"), ("nan", "ERR timeout is not a float or out of range"),
                       ("inf", "ERR timeout is out of range")]:
        assert client.error("BLPOP", "k", bad) == error


def test_unblock(world):
    client = world()
    waiting = start(world, client, ["BLPOP", "k", 0], ["BLMOVE", "k", "j", "LEFT", "LEFT", 0], ["BLPOP", "k", 0])
    lines = client.call("CLIENT", "LIST").decode().splitlines()
    ids = [line.split("id=")[1].split(" ")[0] for line in lines if " flags=b " in line]
    assert len(ids) == 3
    assert client.call("CLIENT", "UNBLOCK", ids[0]) == 1
    assert client.call("CLIENT", "UNBLOCK", ids[0]) == 0
    assert client.call("CLIENT", "UNBLOCK", ids[1], "timeout") == 1
    assert client.call("CLIENT", "UNBLOCK", ids[2], "ERROR") == 1
    assert blocked(client) == 0
    assert waiting[0].read() is None
    assert waiting[1].read() is None
    assert str(waiting[2].read()) == "UNBLOCKED client unblocked via CLIENT UNBLOCK"
    assert client.call("CLIENT", "UNBLOCK", client.call("CLIENT", "ID")) == 0
    assert [w.call("PING") for w in waiting] == ["PONG"] * 3


def test_disconnected(world):
    client = world()
    waiting = start(world, client, *[["BLPOP", "k", "j", 0]] * 3)
    waiting[0].close()
    waiting[1].send("PING")  # what comes while waiting is kept
    waiting[1].socket.close()
    waiting[1].input.close()
    wait_blocked(client, 1)
    client.call("RPUSH", "k", "a")
    assert waiting[2].read() == [b"k", b"a"]


def test_killed(world):
    client = world()
    waiting, = start(world, client, ["BLPOP", "k", 0])
    line = next(line for line in client.call("CLIENT", "LIST").decode().splitlines() if " flags=b " in line)
    client.call("CLIENT", "KILL", "ID", line.split("id=")[1].split(" ")[0])
    wait_blocked(client, 0)
    client.call("RPUSH", "k", "a")
    assert client.call("LLEN", "k") == 1
    assert waiting.socket.recv(1) == b""


def test_pipeline_goes_on(world):
    client, waiting = world(), world()
    for command in (["SET", "a", "1"], ["BLPOP", "k", 0], ["GET", "a"], ["BLPOP", "k", 0], ["PING"]):
        waiting.send(*command)
    wait_blocked(client, 1)
    assert waiting.read() == "OK"
    client.call("SET", "a", "2")
    client.call("RPUSH", "k", "x")
    assert [waiting.read(), waiting.read()] == [[b"k", b"x"], b"2"]
    wait_blocked(client, 1)
    client.call("RPUSH", "k", "y")
    assert [waiting.read(), waiting.read()] == [[b"k", b"y"], "PONG"]


def test_replies_in_resp3(world):
    client = world()
    waiting, = start(world, client, ["BZPOPMIN", "k", 0], resp=3)
    client.call("ZADD", "k", "1.5", "a")
    assert waiting.read_raw() == b"*3\r\n$1\r\nk\r\n$1\r\na\r\n,1.5\r\n"


def test_counters(world):
    client = world()
    waiting = start(world, client, ["BLPOP", "k", "j", 0], ["BLPOP", "k", 100])
    info = client.call("INFO", "clients").decode()
    assert "clients_in_timeout_table:1\r\n" in info
    assert "total_blocking_keys:2\r\n" in info
    client.call("RPUSH", "k", "a", "b")
    for w in waiting:
        w.read()
        w.call("PING")
    assert "total_blocking_keys:0\r\n" in client.call("INFO", "clients").decode()


# ---- many at once ----


def test_nothing_is_lost(world):
    """Producers and consumers on all workers: each element comes out once."""
    keys = [f"queue-{i}" for i in range(6)]
    count, consumers = 300, 6
    taken, failures = [], []

    def produce(seed):
        client, dice = world(), random.Random(seed)
        for i in range(count):
            client.call("RPUSH", dice.choice(keys), f"{seed}-{i}")

    def consume(seed):
        client, dice = world(), random.Random(seed)
        while True:
            some = dice.sample(keys, dice.randint(1, len(keys)))
            choice = dice.randrange(3)
            if choice == 0:
                reply = client.call("BLPOP", *some, "0.3")
                got = [reply[1]] if reply else []
            elif choice == 1:
                reply = client.call("BLMPOP", "0.3", len(some), *some, "RIGHT", "COUNT", 3)
                got = reply[1] if reply else []
            else:
                client.call("BLMOVE", some[0], dice.choice(keys), "LEFT", "RIGHT", "0.01")
                continue
            if not got:
                if not any(t.is_alive() for t in producers) and not client.call("EXISTS", *keys):
                    return
            taken.extend(got)

    def guarded(function, seed):
        try:
            function(seed)
        except (Failure, OSError, AssertionError) as error:
            failures.append(error)

    producers = [threading.Thread(target=guarded, args=(produce, s)) for s in range(3)]
    threads = producers + [threading.Thread(target=guarded, args=(consume, 100 + s)) for s in range(consumers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sorted(taken) == sorted(f"{s}-{i}".encode() for s in range(3) for i in range(count))
    wait_blocked(world(), 0)


def test_what_waits_is_counted_and_logged_when_it_has_ended(world):
    client = world()

    def seen():
        stats = [line for line in client.call("INFO", "commandstats").split(b"\r\n") if line.startswith(b"cmdstat_blpop")]
        logged = [entry[3] for entry in client.call("SLOWLOG", "GET", -1)]
        return stats and stats[0].split(b",")[0], logged.count([b"BLPOP", b"l", b"0"])

    client.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
    client.call("CONFIG", "RESETSTAT")
    client.call("SLOWLOG", "RESET")
    waiting, = start(world, client, ("BLPOP", "l", "0"))
    assert seen()[1] == 0
    client.call("RPUSH", "l", "x")
    assert waiting.read() == [b"l", b"x"]
    assert seen() == (b"cmdstat_blpop:calls=1", 1)
    client.call("CONFIG", "SET", "slowlog-log-slower-than", 10000)
