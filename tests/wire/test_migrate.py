# SPDX-License-Identifier: BSD-3-Clause
"""MIGRATE to Valkey, Redis and Strata; what its clients see while the network is slow; that no write gets lost."""

import contextlib
import os
import socket
import threading
import time

import pytest
import servers
from resp import Disconnected


@pytest.fixture(scope="module")
def source():
    with servers.strata("--workers", "2", "--proto-max-bulk-len", "512mb") as running:
        yield running


@pytest.fixture(scope="module", params=["valkey", "redis", "strata"])
def target(request):
    with getattr(servers, request.param)("--databases", "16") as running:
        yield running


@pytest.fixture(scope="module")
def valkey():
    with servers.valkey() as running:
        yield running


@pytest.fixture
def here(source):
    with source.client() as client:
        client.call("FLUSHALL")
        yield client


@pytest.fixture
def there(target):
    with target.client() as client:
        client.call("FLUSHALL")
        yield client


VALUES = {
    "string": [("SET", "string", "value")],
    "number": [("SET", "number", "12345")],
    "binary": [("SET", "binary", bytes(range(256)) * 100)],
    "list": [("RPUSH", "list", *range(1000))],
    "set": [("SADD", "set", *(f"member:{i}" for i in range(1000)))],
    "intset": [("SADD", "intset", *range(50))],
    "hash": [("HSET", "hash", *(f"field:{i // 2}" if i % 2 == 0 else i for i in range(2000)))],
    "zset": [("ZADD", "zset", *(i if i % 2 == 0 else f"member:{i}" for i in range(2000)))],
    "stream": [("XADD", "stream", f"{i}-1", "field", i) for i in range(1, 300)] + [("XGROUP", "CREATE", "stream", "g", "0")],
    "hll": [("PFADD", "hll", *range(1000))],
}
READ = {"list": ("LRANGE", "list", 0, -1), "stream": ("XRANGE", "stream", "-", "+"),
        "zset": ("ZRANGE", "zset", 0, -1, "WITHSCORES"), "set": ("SMEMBERS", "set"), "intset": ("SMEMBERS", "intset"),
        "hash": ("HGETALL", "hash")}


def read(client, name):
    reply = client.call(*READ.get(name, ("GET", name)))
    return sorted(reply) if name in ("set", "intset", "hash") else reply


@pytest.mark.parametrize("name", VALUES)
def test_types(here, there, target, name):
    for command in VALUES[name]:
        here.call(*command)
    before = read(here, name)
    assert here.call("MIGRATE", "127.0.0.1", target.port, name, 0, 5000) == "OK"
    assert here.call("EXISTS", name) == 0
    assert read(there, name) == before


def test_many_keys_and_databases(here, there, target):
    names = [f"key:{i}" for i in range(5000)]
    for name in names:
        here.call("SET", name, name * 20, *(("PX", 100_000) if name.endswith("7") else ()))
    assert here.call("MIGRATE", "127.0.0.1", target.port, "", 9, 5000, "KEYS", *names, "absent") == "OK"
    assert here.call("DBSIZE") == 0
    there.call("SELECT", 9)
    assert there.call("DBSIZE") == 5000
    assert there.call("GET", "key:4999") == b"key:4999" * 20
    assert 50_000 < there.call("PTTL", "key:7") <= 100_000 and there.call("TTL", "key:8") == -1


def test_copy_and_replace(here, there, target):
    here.call("SET", "key", "1")
    migrate = ("MIGRATE", "127.0.0.1", target.port, "key", 0, 5000)
    assert here.call(*migrate, "COPY") == "OK"
    assert here.call("GET", "key") == there.call("GET", "key") == b"1"
    here.call("SET", "key", "2")
    assert here.error(*migrate).startswith("ERR Target instance replied with error: BUSYKEY ")
    assert here.call("GET", "key") == b"2" and there.call("GET", "key") == b"1"
    assert here.call(*migrate, "COPY", "REPLACE") == "OK"
    assert here.call("GET", "key") == there.call("GET", "key") == b"2"
    assert here.call(*migrate, "REPLACE") == "OK"
    assert here.call("EXISTS", "key") == 0


def test_fields_that_expire(here, valkey):
    with valkey.client() as there:
        here.call("HSET", "hash", "a", 1, "b", 2)
        here.call("HPEXPIRE", "hash", 100_000, "FIELDS", 1, "a")
        assert here.call("MIGRATE", "127.0.0.1", valkey.port, "hash", 0, 5000, "REPLACE") == "OK"
        assert there.call("HGETALL", "hash") in ([b"a", b"1", b"b", b"2"], [b"b", b"2", b"a", b"1"])
        ttls = there.call("HPTTL", "hash", "FIELDS", 2, "a", "b")
        assert 50_000 < ttls[0] <= 100_000 and ttls[1] == -1


def test_some_are_refused(here, there, target):
    here.call("MSET", "a", 1, "b", 2, "c", 3)
    there.call("SET", "b", "theirs")
    error = here.error("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", "a", "b", "c")
    assert error.startswith("ERR Target instance replied with error: BUSYKEY")
    assert here.call("MGET", "a", "b", "c") == [None, b"2", None]
    assert there.call("MGET", "a", "b", "c") == [b"1", b"theirs", b"3"]


def test_passwords(here, there, target):
    here.call("MSET", "a", 1, "b", 2, "c", 3)
    there.call("ACL", "SETUSER", "mover", "on", ">word", "+@all", "~*")
    there.call("CONFIG", "SET", "requirepass", "secret")
    try:
        migrate = ("MIGRATE", "127.0.0.1", target.port)
        assert here.error(*migrate, "a", 0, 5000) == \
            "ERR Target instance replied with error: NOAUTH Authentication required."
        assert here.error(*migrate, "a", 0, 5000, "AUTH", "wrong").startswith(
            "ERR Target instance replied with error: WRONGPASS")
        assert here.call(*migrate, "a", 0, 5000, "AUTH", "secret") == "OK"
        assert here.call(*migrate, "", 0, 5000, "AUTH2", "mover", "word", "KEYS", "b", "c") == "OK"
    finally:
        there.call("AUTH", "secret")
        there.call("CONFIG", "SET", "requirepass", "")
        there.call("ACL", "DELUSER", "mover")
    assert there.call("MGET", "a", "b", "c") == [b"1", b"2", b"3"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_words_are_valkeys(source, valkey):
    """The same commands, to the same target, from Strata and from Valkey."""
    with servers.valkey() as oracle, valkey.client() as there:
        port, closed = valkey.port, free_port()
        commands = [
            (port, "absent", 0, 1000), (port, "k", 0, 1000, "FOO"), (port, "k", "x", 1000), (port, "k", 0, "x"),
            ("x", "k", 0, 500), (closed, "k", 0, 500), (port, "k", 0, 500, "KEYS", "k"), (port, "", 0, 500),
            (port, "", 0, 500, "KEYS"), (port, "k", 0, 500, "KEYS"), (port, "", 0, 500, "KEYS", "absent"),
            (port, "k", 99, 500), (port, "k", 0, 500, "AUTH"), (port, "k", 0, 500, "AUTH2", "u"),
            (port, "k", 0, 500, "AUTH", "pw"), (port, "k", 0, 500, "AUTH2", "u", "pw"), (port, "k", 0, 500, "COPY"),
            (port, "k", 0, 500), (port, "", 0, -5, "COPY", "replace", "KEYS", "k", "k", "absent"),
            (port, "", 0, 500, "KEYS", "k", "k"), (port, "", 0, 500, "REPLACE", "KEYS", "k", "k"),
            (port,), (port, "k"), (port, "k", 0, 1000, "COPY", "COPY", "REPLACE"),
        ]
        answers = []
        for server in (oracle, source):
            there.call("FLUSHALL")
            with server.client() as here:
                here.call("FLUSHALL")
                replies = []
                for command in commands:
                    here.call("SET", "k", "v")
                    replies.append((command, here.raw("MIGRATE", "127.0.0.1", *command), here.call("EXISTS", "k"),
                                    there.call("EXISTS", "k")))
                answers.append(replies)
        for expected, got in zip(*answers):
            assert got == expected
        for words in (("h", "p", "", 0, 1, "KEYS", "a", "b"), ("h", "p", "", 0, 1, "AUTH", "KEYS", "KEYS", "a"),
                      ("h", "p", "x", 0, 1), ("h", "p", "x", 0, 1, "KEYS", "a"), ("h", "p", "", 0, 1, "KEYS")):
            with oracle.client() as one, source.client() as other:
                assert one.raw("COMMAND", "GETKEYS", "MIGRATE", *words) == other.raw("COMMAND", "GETKEYS", "MIGRATE", *words)


def test_unreachable(here):
    here.call("SET", "k", "v")
    for host in ("no.such.host.invalid", ""):
        assert here.error("MIGRATE", host, 1, "k", 0, 300).startswith("IOERR error or timeout ")
    assert here.call("GET", "k") == b"v"


# ---- a slow target ----


class Slow:
    """A target that answers nothing until it is told to."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.peer = None

    def accept(self):
        self.listener.settimeout(10)
        self.peer, _ = self.listener.accept()
        self.peer.settimeout(10)

    def take(self, *marks):
        """Reads until all of these have come."""
        got = b""
        while not all(mark in got for mark in marks):
            data = self.peer.recv(1 << 20)
            assert data, got
            got += data
        return got

    def say(self, count):
        self.peer.sendall(b"+OK\r\n" * count)

    def close(self):
        self.listener.close()
        if self.peer:
            self.peer.close()


@pytest.fixture
def slow():
    with contextlib.closing(Slow()) as running:
        yield running


def test_others_go_on(source, here, slow):
    here.call("MSET", "k", "v", "other", "x")
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(source.client()) for _ in range(4)]  # on all workers
        writers = [stack.enter_context(source.client()) for _ in range(4)]
        here.send("MIGRATE", "127.0.0.1", slow.port, "k", 0, 10000)
        slow.accept()
        slow.take(b"RESTORE", b"k\r\n")
        for client in readers:
            assert client.call("GET", "k") == b"v"
            assert client.call("SET", "other", "y") == "OK"
        assert b"flags=b" in b"".join(line for line in readers[0].call("CLIENT", "LIST").splitlines() if b"cmd=migrate" in line)
        for client in writers:
            client.send("APPEND", "k", "w")
            client.socket.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client.socket.recv(1)
            client.socket.settimeout(10)
        slow.say(2)
        assert here.read() == "OK"
        assert sorted(client.read() for client in writers) == [1, 2, 3, 4]  # a new key


def test_changed_all_the_same(source, here, slow):
    """A transaction is not kept from the key, so the key is sent again."""
    here.call("SET", "k", "before")
    with source.client() as other:
        here.send("MIGRATE", "127.0.0.1", slow.port, "k", 0, 10000)
        slow.accept()
        slow.take(b"RESTORE", b"before")
        for command in (("MULTI",), ("SET", "k", "after")):
            other.call(*command)
        assert other.call("EXEC") == ["OK"]
        slow.say(2)
        assert b"REPLACE" in slow.take(b"RESTORE", b"after", b"REPLACE\r\n")
        assert other.call("GET", "k") == b"after"
        slow.say(1)
        assert here.read() == "OK"
        assert other.call("EXISTS", "k") == 0


def test_gone_all_the_same(source, here, slow):
    here.call("SET", "k", "v")
    with source.client() as other:
        here.send("MIGRATE", "127.0.0.1", slow.port, "k", 0, 10000)
        slow.accept()
        slow.take(b"RESTORE", b"k\r\n")
        other.call("FLUSHALL")
        slow.say(2)
        assert here.read() == "OK" and here.call("DBSIZE") == 0


@pytest.mark.parametrize("answer, error, kept", [
    (b"", "IOERR error or timeout reading to target instance", True),
    (b"+OK\r\n", "IOERR error or timeout reading to target instance", True),
    (b"+OK\r\n+OK\r\n", None, False),
    (b"-ERR no\r\n+OK\r\n", "ERR Target instance replied with error: ERR no", True),
    (b"+OK\r\n-ERR no\r\n", "ERR Target instance replied with error: ERR no", True),
    (b"\x00" * 200_000, "IOERR error or timeout reading to target instance", True),
], ids=["nothing", "half", "both", "no login", "no key", "zeros"])
@pytest.mark.parametrize("closes", [False, True])
def test_strange_answers(here, slow, answer, error, kept, closes):
    here.call("SET", "k", "v")
    here.send("MIGRATE", "127.0.0.1", slow.port, "k", 0, 300)
    slow.accept()
    slow.take(b"RESTORE", b"k\r\n")
    with contextlib.suppress(OSError):
        slow.peer.sendall(answer)
    if closes:
        with contextlib.suppress(OSError):
            slow.peer.shutdown(socket.SHUT_WR)
    reply = here.read()
    assert str(reply) == (error or "OK")
    assert here.call("EXISTS", "k") == kept
    assert here.call("APPEND", "k", "x") == (2 if kept else 1)  # nobody guards it any more


def test_half_of_them_arrive(here, slow):
    here.call("MSET", "a", 1, "b", 2, "c", 3)
    here.send("MIGRATE", "127.0.0.1", slow.port, "", 0, 300, "KEYS", "a", "b", "c")
    slow.accept()
    slow.take(b"RESTORE", b"c\r\n")
    slow.say(3)
    assert str(here.read()) == "IOERR error or timeout reading to target instance"
    assert here.call("MGET", "a", "b", "c") == [None, None, b"3"]


def test_who_does_not_read(here, slow):
    here.call("SET", "k", os.urandom(50_000_000))
    begun = time.monotonic()
    assert here.error("MIGRATE", "127.0.0.1", slow.port, "k", 0, 300) == \
        "IOERR error or timeout writing to target instance"
    assert time.monotonic() - begun < 5
    assert here.call("STRLEN", "k") == 50_000_000


def test_client_goes_away(source, slow):
    with source.client() as watcher:
        watcher.call("SET", "k", "v")
        with source.client() as here:
            here.send("MIGRATE", "127.0.0.1", slow.port, "k", 0, 10000)
            slow.accept()
            slow.take(b"RESTORE", b"k\r\n")
        slow.say(2)
        deadline = time.monotonic() + 10
        while watcher.call("EXISTS", "k"):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_client_is_not_unblocked(source, here, slow):
    here.call("SET", "k", "v")
    number = here.call("CLIENT", "ID")
    with source.client() as other:
        here.send("MIGRATE", "127.0.0.1", slow.port, "k", 0, 10000)
        slow.accept()
        assert other.call("CLIENT", "UNBLOCK", number) == 0
        assert other.call("CLIENT", "KILL", "ID", number) == 1
        slow.take(b"RESTORE", b"k\r\n")
        slow.say(2)
        with pytest.raises((Disconnected, ConnectionError)):
            here.read()


def test_stopping_does_not_wait(slow):
    with servers.strata() as server:
        with server.client() as here, server.client() as other:
            here.call("SET", "k", "v")
            here.send("MIGRATE", "127.0.0.1", slow.port, "k", 0, 60000)
            slow.accept()
            other.send("SHUTDOWN", "NOSAVE")
            assert server.process.wait(timeout=10) == 0


def test_to_itself(source, here):
    here.call("SET", "k", "v")
    itself = ("MIGRATE", "127.0.0.1", source.port, "k")
    for options in ((), ("REPLACE",)):
        assert here.error(*itself, 0, 300, *options) == "IOERR error or timeout reading to target instance"
        assert here.call("GET", "k") == b"v"
    assert here.call(*itself, 3, 3000) == "OK"
    here.call("SELECT", 3)
    assert here.call("GET", "k") == b"v"


def test_in_a_transaction(here, there, target):
    here.call("SET", "k", "v")
    for command in (("MULTI",), ("APPEND", "k", "w"), ("MIGRATE", "127.0.0.1", target.port, "k", 0, 5000),
                    ("EXISTS", "k")):
        here.call(*command)
    assert here.call("EXEC") == [2, "OK", 0]
    assert there.call("GET", "k") == b"vw"


def test_in_a_script(here, there, target):
    here.call("SET", "k", "v")
    script = "redis.call('APPEND', KEYS[1], 'w'); return redis.call('MIGRATE', ARGV[1], ARGV[2], KEYS[1], 0, 5000)"
    assert here.call("EVAL", script, 1, "k", "127.0.0.1", target.port) == "OK"
    assert there.call("GET", "k") == b"vw" and here.call("EXISTS", "k") == 0
    assert "BUSYKEY" in here.error("EVAL", script, 1, "k", "127.0.0.1", target.port)


def test_who_wants_to_know(source, here, slow):
    """Watchers, caches and subscribers hear of a key that has moved."""
    here.call("SET", "k", "v")
    here.call("CONFIG", "SET", "notify-keyspace-events", "KEA")
    with source.client(3) as caching, source.client() as watching, source.client() as listening:
        listening.call("SUBSCRIBE", "__keyevent@0__:del")
        caching.call("CLIENT", "TRACKING", "ON")
        caching.call("GET", "k")
        watching.call("WATCH", "k")
        here.send("MIGRATE", "127.0.0.1", slow.port, "k", 0, 10000)
        slow.accept()
        slow.take(b"RESTORE", b"k\r\n")
        slow.say(2)
        assert here.read() == "OK"
        assert caching.read() == [b"invalidate", [b"k"]]
        assert listening.read() == [b"message", b"__keyevent@0__:del", b"k"]
        watching.call("MULTI")
        assert watching.call("EXEC") is None
    here.call("CONFIG", "SET", "notify-keyspace-events", "")


def test_many_at_once(source, here, there, target):
    count = 64
    clients = [source.client() for _ in range(count)]
    here.call("MSET", *(word for i in range(count) for word in (f"key:{i}", i)))
    for i, client in enumerate(clients):
        client.send("MIGRATE", "127.0.0.1", target.port, f"key:{i}", 0, 10000)
    assert [client.read() for client in clients] == ["OK"] * count
    assert here.call("DBSIZE") == 0 and there.call("DBSIZE") == count
    for client in clients:
        client.close()


def test_no_write_is_lost(source, here):
    """Four clients count on a key that is moved away all the time: two by INCR, two by transactions."""
    stop = threading.Event()
    counts = [0] * 4

    def count(at):
        with source.client() as client:
            while not stop.is_set():
                if at % 2:
                    client.raw_pipeline([("MULTI",), ("INCR", "k"), ("EXEC",)])
                else:
                    client.call("INCR", "k")
                counts[at] += 1

    with servers.strata() as target, target.client() as there:
        threads = [threading.Thread(target=count, args=(at,)) for at in range(4)]
        for thread in threads:
            thread.start()
        moved, found = 0, 0
        enough, deadline = time.monotonic() + 3, time.monotonic() + 60
        while time.monotonic() < (enough if moved > 10 else deadline):
            reply = here.raw("MIGRATE", "127.0.0.1", target.port, "k", 0, 5000, "REPLACE")
            if reply == b"+OK\r\n":
                found += int(there.call("GETDEL", "k"))
                moved += 1
            else:  # the key kept changing: it stays here, and what is there is only a copy
                assert reply.startswith((b"-IOERR", b"+NOKEY"))
                there.call("DEL", "k")
        stop.set()
        for thread in threads:
            thread.join()
        found += int(here.call("GET", "k") or 0)
        assert found == sum(counts) and moved > 10


# ---- through TLS ----


def test_tls(tmp_path):
    tls = pytest.importorskip("test_tls")
    files = tls.Files(tmp_path)
    port = free_port()
    with servers.strata("--tls-port", port, *files.options()) as target, \
            servers.strata("--tls-cluster", "yes", *files.options("other")) as source:
        with source.client() as here, target.client() as there:
            here.call("SET", "k", b"v" * 1_000_000)
            assert here.call("MIGRATE", "127.0.0.1", port, "k", 0, 5000) == "OK"
            assert there.call("STRLEN", "k") == 1_000_000
            here.call("SET", "k", "v")
            assert here.error("MIGRATE", "127.0.0.1", target.port, "k", 0, 500).startswith("IOERR ")
            assert here.call("CONFIG", "SET", "tls-cluster", "no") == "OK"
            assert here.error("MIGRATE", "127.0.0.1", port, "k", 0, 500).startswith("IOERR ")
            assert here.call("MIGRATE", "127.0.0.1", target.port, "k", 0, 500, "REPLACE") == "OK"


