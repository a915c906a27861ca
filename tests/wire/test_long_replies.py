# SPDX-License-Identifier: BSD-3-Clause
"""Replies that come in pieces: they show what was there when the command ran, and others run theirs meanwhile."""

import contextlib
import socket
import time

import pytest

import resp

COUNT = 6000
LONG = "x" * 2000  # so that no socket's buffers hold a reply

KINDS = {
    "list": (["RPUSH"], lambda i: [f"{LONG}{i}"], ["LRANGE", "k", 0, -1]),
    "set": (["SADD"], lambda i: [f"{LONG}{i}"], ["SMEMBERS", "k"]),
    "hash": (["HSET"], lambda i: [f"field-{i}", f"{LONG}{i}"], ["HGETALL", "k"]),
    "values": (["HSET"], lambda i: [f"field-{i}", f"{LONG}{i}"], ["HVALS", "k"]),
    "names": (["HSET"], lambda i: [f"field-{i}", f"{LONG}{i}"], ["HKEYS", "k"]),  # in one piece, after all
    "zset": (["ZADD"], lambda i: [i * 7 % COUNT, f"{LONG}{i}"], ["ZRANGE", "k", 0, -1, "WITHSCORES"]),
    "stream": (["XADD"], lambda i: [f"{i + 1}-{i}", f"field{i % 7}", f"{LONG}{i}"], ["XRANGE", "k", "-", "+"]),
    "reverse": (["ZADD"], lambda i: [i, f"{LONG}{i}"], ["ZRANGE", "k", "+inf", "-inf", "BYSCORE", "REV"]),
}

CHANGES = {
    "list": [["LSET", "k", 5000, "new"], ["LTRIM", "k", 10, 20], ["LPOP", "k", 3000], ["LINSERT", "k", "BEFORE",
             f"{LONG}5900", "new"], ["RPUSH", "k", "new"], ["LREM", "k", 0, f"{LONG}4000"]],
    "set": [["SADD", "k", "new"], ["SREM", "k", f"{LONG}1"], ["SPOP", "k", 3000], ["SMOVE", "k", "other", f"{LONG}7"]],
    "hash": [["HSET", "k", "field-1", "new"], ["HDEL", "k", "field-5999"], ["HINCRBY", "k", "new", 1],
             ["HPEXPIREAT", "k", 1, "FIELDS", 1, "field-3"], ["HGETDEL", "k", "FIELDS", 1, "field-4"]],
    "zset": [["ZADD", "k", 5, "new"], ["ZREM", "k", f"{LONG}9"], ["ZPOPMIN", "k", 3000], ["ZINCRBY", "k", 9, "new"],
             ["ZREMRANGEBYRANK", "k", 100, -100]],
    "stream": [["XADD", "k", "*", "field", "new"], ["XDEL", "k", "4000-3999"], ["XTRIM", "k", "MAXLEN", 100],
               ["XADD", "k", "MINID", "3000", "*", "field", "new"]],
}

WHOLE = [["DEL", "k"], ["UNLINK", "k"], ["SET", "k", "string"], ["RENAME", "k", "other"], ["FLUSHALL"], ["FLUSHDB",
         "ASYNC"], ["PEXPIRE", "k", 1], ["MOVE", "k", 1], ["SUNIONSTORE", "k", "none"], ["COPY", "few", "k", "REPLACE"],
         ["SWAPDB", 0, 1], ["EXPIRE", "k", 1000]]


@pytest.fixture
def world(by_workers):
    with World(by_workers) as world:
        world.connect().call("FLUSHALL")
        yield world


class World:
    def __init__(self, server):
        self.server, self.open = server, contextlib.ExitStack()

    def connect(self, version=2):
        return self.open.enter_context(self.server.client(version))

    def reader(self, version=2):
        """A client whose socket takes little until it reads."""
        client = resp.Client.__new__(resp.Client)
        client.socket = self.open.enter_context(socket.socket())
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        client.socket.settimeout(30)
        client.socket.connect(("127.0.0.1", self.server.port))
        client.input = client.socket.makefile("rb", buffering=1 << 16)
        if version == 3:
            client.call("HELLO", 3)
        return client

    def fill(self, kind):
        """Returns what reading it gives."""
        (command, element, read), client = KINDS[kind], self.connect()
        for start in range(0, COUNT, 100):
            items = [element(i) for i in range(start, start + 100)]
            if kind != "stream":
                items = [[text for item in items for text in item]]
            client.raw_pipeline([[command[0], "k", *item] for item in items])
        client.call("SADD", "few", "a", "b")
        return read, client.raw(*read)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open.close()


def begin(reader, command):
    """Sends it and waits until the reply has begun."""
    reader.send(*command)
    reader.input.peek(1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", [2, 3])
def test_a_fast_reader_gets_everything(world, kind, version):
    read, _ = world.fill(kind)
    client = world.connect(version)
    whole = client.call(*read)
    client.send("MULTI"), client.send(*read), client.send("EXEC")
    at_once = [client.read() for _ in range(3)][2][0]
    assert sorted(map(str, at_once)) == sorted(map(str, whole))
    assert len(whole) == {"hash": COUNT if version == 3 else 2 * COUNT}.get(
        kind, 2 * COUNT if kind == "zset" and version == 2 else COUNT)
    assert client.call("PING") == "PONG"


@pytest.mark.parametrize("kind, change", [(kind, i) for kind in CHANGES for i in range(len(CHANGES[kind]))])
def test_the_reply_is_that_of_its_moment(world, kind, change):
    read, expected = world.fill(kind)
    reader, other = world.reader(), world.connect()
    begin(reader, read)
    other.raw(*CHANGES[kind][change])
    changed = other.raw(*read)
    assert changed != expected
    assert reader.read_raw() == expected
    assert reader.raw(*read) == changed


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("command", WHOLE, ids=lambda words: " ".join(map(str, words)))
def test_what_is_removed_is_read_to_its_end(world, kind, command):
    read, expected = world.fill(kind)
    readers, other = [world.reader() for _ in range(3)], world.connect()
    for reader in readers:
        begin(reader, read)
    readers.pop().socket.close()
    other.call(*command)
    for key in ["k", "other"]:  # whatever has become of it
        if other.call("EXISTS", key):
            write = {"list": "RPUSH", "set": "SADD", "hash": "HSET", "zset": "ZADD", "stream": "XADD"}[kind]
            other.raw(write, key, *(["*"] if kind == "stream" else []), 1, 2)
    for reader in readers:
        assert reader.read_raw() == expected
        assert reader.call("PING") == "PONG"


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("command", [
    "XRANGE k (100 5990", "XRANGE k 17 + COUNT 5000", "XREVRANGE k + -", "XREVRANGE k (5900 40-7 COUNT 5500",
    "XREAD STREAMS k 0", "XREAD COUNT 4000 STREAMS few k 0 17-5", "XREAD STREAMS none k few 0 0 $",
    "XREAD COUNT 5000 STREAMS k few 0 0"])
def test_entries_come_as_in_a_transaction(world, command, version):
    world.fill("stream")
    client, reader, other = world.connect(version), world.reader(version), world.connect()
    client.call("DEL", "few")
    client.call("XADD", "few", "1-1", "field", "value")
    client.call("XDEL", "k", *[f"{i + 1}-{i}" for i in range(0, COUNT, 3)])
    client.send("MULTI"), client.send(*command.split()), client.send("EXEC")
    at_once = [client.read_raw() for _ in range(3)][2].removeprefix(b"*1\r\n")
    assert len(at_once) > 1 << 20
    assert client.raw(*command.split()) == at_once
    begin(reader, command.split())
    other.call("XTRIM", "k", "MAXLEN", 0)
    assert reader.read_raw() == at_once
    assert reader.call("PING") == "PONG"


@pytest.mark.parametrize("command", ["SRANDMEMBER k 5000", "SRANDMEMBER k 6000", "SRANDMEMBER k -9000", "ZRANDMEMBER k 5500",
                                     "ZRANDMEMBER k 6001", "ZRANDMEMBER k -9000 WITHSCORES"])
def test_members_at_random_are_those_of_the_moment(world, command):
    kind = "set" if command.startswith("S") else "zset"
    world.fill(kind)
    reader, other = world.reader(), world.connect()
    members = set(other.call("SMEMBERS", "k") if kind == "set" else other.call("ZRANGE", "k", 0, -1))
    begin(reader, command.split())
    other.call("SPOP" if kind == "set" else "ZPOPMIN", "k", 5000)
    reply, count = reader.read(), int(command.split()[2])
    if command.endswith("WITHSCORES"):
        reply = reply[::2]
    assert len(reply) == (min(count, COUNT) if count > 0 else -count)
    assert set(reply) <= members
    assert len(set(reply)) == len(reply) if count > 0 else COUNT / 2 < len(set(reply)) < COUNT
    assert reader.call("PING") == "PONG"


@pytest.mark.parametrize("count", [5000, COUNT + 1, -9000])
@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("expired", [0, 100])
def test_fields_at_random_are_those_of_the_moment(world, count, version, expired):
    world.fill("hash")
    reader, other = world.reader(version), world.connect()
    for i in range(expired):
        other.call("HPEXPIRE", "k", 1, "FIELDS", 1, f"field-{i}")
    time.sleep(0.002)
    begin(reader, ["HRANDFIELD", "k", count, "WITHVALUES"])
    other.call("HDEL", "k", *(f"field-{i}" for i in range(COUNT - 1000)))
    reply = reader.read()
    pairs = reply if version == 3 else list(zip(reply[::2], reply[1::2]))
    fields = {field for field, _ in pairs}
    assert len(pairs) == (min(count, COUNT - expired) if count > 0 else -count)
    assert fields <= {b"field-%d" % i for i in range(expired, COUNT)}
    assert all(value == LONG.encode() + field[6:] for field, value in pairs)
    assert len(fields) == len(pairs) if count > 0 else COUNT / 2 < len(fields) < COUNT
    assert reader.call("PING") == "PONG"


def test_others_are_served_meanwhile_and_the_reply_takes_no_memory(world):
    read, expected = world.fill("list")
    reader, other = world.reader(), world.connect()
    number = reader.call("CLIENT", "ID")
    before = other.call("INFO", "memory")
    begin(reader, read)
    for _ in range(50):
        assert other.call("LLEN", "k") == COUNT
    fields = dict(field.split(b"=", 1) for field in other.call("CLIENT", "LIST", "ID", number).split())
    assert int(fields[b"omem"]) < 1 << 20 < len(expected)
    assert before
    assert reader.read_raw() == expected


def test_a_pipeline_keeps_its_order(world):
    read, expected = world.fill("set")
    client = world.connect()
    commands = [["PING", "1"], read, ["PING", "2"], ["ECHO", "3"], read, read, ["PING", "4"]] * 3
    replies = client.raw_pipeline(commands)
    for command, reply in zip(commands, replies):
        assert reply == expected if command == read else reply == b"$1\r\n%s\r\n" % command[1].encode()


def test_a_reader_that_sends_no_more_gets_everything(world):
    read, expected = world.fill("zset")
    reader = world.reader()
    reader.socket.sendall(resp.encode(*read) + resp.encode("PING") + resp.encode(*read))
    reader.socket.shutdown(socket.SHUT_WR)
    assert [reader.read_raw() for _ in range(3)] == [expected, b"+PONG\r\n", expected]
    assert reader.input.read() == b""


def test_quit_closes_after_the_reply(world):
    read, expected = world.fill("hash")
    reader = world.reader()
    reader.socket.sendall(resp.encode(*read) + resp.encode("QUIT"))
    assert reader.read_raw() == expected
    assert reader.input.read() == b"+OK\r\n"


def test_messages_follow_the_reply(world):
    read, expected = world.fill("list")
    expected = expected.replace(b"*", b"*", 1)
    reader, other = world.reader(3), world.connect()
    reader.call("CLIENT", "TRACKING", "ON")
    reader.call("GET", "tracked")
    reader.send("SUBSCRIBE", "news")
    reader.read_raw()
    begin(reader, read)
    other.call("SET", "tracked", "1")
    other.call("PUBLISH", "news", "one")
    assert reader.read_raw() == expected
    pushes = [reader.read(), reader.read()]
    assert [b"invalidate", [b"tracked"]] in pushes and [b"message", b"news", b"one"] in pushes
    reader.send("PING")
    assert reader.read() == "PONG"


def test_a_changed_value_is_told_to_its_own_reader(world):
    read, expected = world.fill("set")
    reader, other = world.reader(3), world.connect()
    reader.call("CLIENT", "TRACKING", "ON")
    expected = reader.raw(*read)
    begin(reader, read)
    other.call("SADD", "k", "new")
    assert reader.read_raw() == expected
    assert reader.read() == [b"invalidate", [b"k"]]


def test_nobody_hears_of_muted_replies(world):
    read, _ = world.fill("list")
    client = world.connect()
    client.send("CLIENT", "REPLY", "SKIP")
    client.send(*read)
    assert client.call("PING") == "PONG"


def test_scripts_see_it_whole(world):
    world.fill("list")
    assert world.connect().call("EVAL", "return #redis.call('LRANGE', KEYS[1], 0, -1)", 1, "k") == COUNT


def test_it_is_logged_when_it_is_complete(world):
    read, expected = world.fill("list")
    client = world.connect()
    client.call("CONFIG", "SET", "commandlog-reply-larger-than", 1 << 20)
    client.call("COMMANDLOG", "RESET", "large-reply")
    client.call("CONFIG", "RESETSTAT")
    assert client.raw(*read) == expected
    entry = client.call("COMMANDLOG", "GET", 1, "large-reply")[0]
    assert entry[2] == len(expected) and entry[3] == [str(word).encode() for word in read]
    assert b"cmdstat_lrange:calls=1," in client.call("INFO", "commandstats")


def test_output_limits_count_what_had_to_be_made(world):
    read, expected = world.fill("list")
    reader, other = world.reader(), world.connect()
    other.call("CONFIG", "SET", "client-output-buffer-limit", "normal 2mb 0 0")
    try:
        begin(reader, read)
        time.sleep(0.3)
        number = len(other.call("CLIENT", "LIST").splitlines())
        other.call("RPUSH", "k", "new")
        deadline = time.monotonic() + 5
        while len(other.call("CLIENT", "LIST").splitlines()) == number and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(other.call("CLIENT", "LIST").splitlines()) == number - 1
    finally:
        other.call("CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0")


def test_killed_readers_leave_nothing_behind(world):
    read, expected = world.fill("zset")
    other = world.connect()
    for _ in range(5):
        reader = world.reader()
        number = reader.call("CLIENT", "ID")
        begin(reader, read)
        other.call("CLIENT", "KILL", "ID", number)
    assert other.call("ZADD", "k", 1, "new") == 1
    assert other.call("DEL", "k") == 1
    assert other.call("DBSIZE") == 1


# ---- KEYS ----

KEYS = 150000


def fill_keys(client):
    for start in range(0, KEYS, 5000):
        client.call("MSET", *[text for i in range(start, start + 5000) for text in (f"key:{i}", "v")])


def test_many_keys_are_listed_in_steps(world):
    client, other = world.connect(), world.connect()
    fill_keys(client)
    client.call("SET", "other", "v")
    expected = sorted(f"key:{i}".encode() for i in range(KEYS))
    client.socket.sendall(resp.encode("KEYS", "key:*") + resp.encode("KEYS", "*") + resp.encode("KEYS", "oth*r")
                          + resp.encode("PING"))
    assert other.call("GET", "other") == b"v"
    assert sorted(client.read()) == expected
    assert sorted(client.read()) == sorted([*expected, b"other"])
    assert [client.read(), client.read()] == [[b"other"], "PONG"]


def test_keys_in_a_transaction_and_in_a_script_are_listed_at_once(world):
    client = world.connect()
    fill_keys(client)
    client.call("MULTI")
    client.call("KEYS", "*")
    assert len(client.call("EXEC")[0]) == KEYS
    assert client.call("EVAL", "return #redis.call('KEYS', '*')", 0) == KEYS


def test_whoever_asks_for_keys_may_go(world):
    client, gone = world.connect(), world.connect()
    fill_keys(client)
    for _ in range(5):
        with world.server.client() as gone:
            gone.send("KEYS", "*")
    client.socket.sendall(resp.encode("KEYS", "*"))
    world.connect().call("FLUSHALL")
    assert len(client.read()) <= KEYS
    assert client.call("DBSIZE") == 0
