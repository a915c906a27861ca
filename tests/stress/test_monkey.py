# SPDX-License-Identifier: BSD-3-Clause
"""Clients that send anything: the server goes on, and what it held is there again after a restart."""

import collections
import itertools
import os
import random
import select
import socket
import time

import monkey
import pytest
import resp
import servers

SECONDS = float(os.environ.get("STRATA_MONKEY_SECONDS", 15))  # of all tests together
SEED = int(os.environ.get("STRATA_MONKEY_SEED", 1))
ROUND_SECONDS = 1.5
CONNECTIONS = 10
HOME = ("--home", "dir:./home", "--durability")
SMALL = ("--maxmemory-policy", "allkeys-random")  # and a maxmemory, while there are clients

SERVERS = {
    "alone": ("--workers", 1),
    "crowded": ("--workers", 4, *SMALL),
    "kept alone": ("--workers", 1, *HOME, "always"),
    "kept": ("--workers", 4, *HOME, "everysec"),
    "kept crowded": ("--workers", 4, *HOME, "always", *SMALL),
}

# What would expire soon goes now, so that two looks at the data see the same.
SETTLE = """
for _, key in ipairs(redis.call('KEYS', '*')) do
    local left = redis.call('PTTL', key)
    if left >= 0 and left < 600000 then
        redis.call('DEL', key)
    elseif redis.call('TYPE', key).ok == 'hash' then
        for _, field in ipairs(redis.call('HKEYS', key)) do
            local left = redis.call('HPTTL', key, 'FIELDS', 1, field)[1]
            if left >= 0 and left < 600000 then redis.call('HDEL', key, field) end
        end
    end
end
"""


class Replies:
    """A stream of replies, of which only the form matters."""

    def __init__(self):
        self.rest = b""

    def take(self, data):
        data, at = self.rest + data, 0
        while (end := data.find(b"\r\n", at)) >= 0:
            head, after = data[at:end], end + 2
            assert head[:1] in b"+-:_#,($=!*~>%|" and b"\n" not in head and b"\r" not in head, f"not RESP: {data[at:at + 200]}"
            if head[:1] in b"$=!" and head != b"$-1":
                after += int(head[1:]) + 2
                if after > len(data):
                    break
                assert data[after - 2:after] == b"\r\n", f"no end of {data[at:at + 200]}"
            at = after
        self.rest = data[at:]


class Connection:
    """Sends without waiting for replies, and remembers what it sent last."""

    def __init__(self, port, sent):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setblocking(False)
        self.sent = sent
        self.unsent = b""
        self.replies = Replies()

    def send(self, commands, raw):
        self.sent.extend(commands)
        self.unsent += raw
        self.turn()

    def turn(self):
        """Whether the server still listens."""
        try:
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent):]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return self.drain()

    def drain(self):
        try:
            while True:
                received = self.socket.recv(1 << 18)
                if not received:
                    return False
                self.replies.take(received)
        except BlockingIOError:
            return True
        except OSError:
            return False


class Round:
    """Some connections, each of which sends what the monkey makes, for a while."""

    def __init__(self, port, mind):
        self.port = port
        self.mind = mind
        self.random = mind.random
        self.sent = [collections.deque(maxlen=25) for _ in range(CONNECTIONS)]
        self.connections = [Connection(port, sent) for sent in self.sent]

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            at = self.random.randrange(CONNECTIONS)
            connection = self.connections[at]
            commands = [one for _ in range(self.random.randrange(1, 8)) for one in self.mind.commands()]
            raw, broken = monkey.damage(self.random, monkey.encode(commands))
            connection.send(commands, raw)
            if broken or self.random.random() < 0.02 or not connection.turn() or len(connection.unsent) > 1 << 20:
                connection.socket.close()
                self.connections[at] = Connection(self.port, self.sent[at])
            select.select([one.socket for one in self.connections], [], [], 0)

    def close(self):
        for connection in self.connections:
            connection.turn()
            connection.socket.close()

    def describe(self):
        lines = []
        for number, sent in enumerate(self.sent):
            lines += [f"connection {number}:"] + [f"  {[word if len(word) < 200 else word[:200] for word in one]}" for one in sent]
        return "\n".join(lines)


def state(client):
    """Everything that a restart must bring back, by database and key."""
    held = {}
    for db in range(4):
        client.call("SELECT", db)
        client.call("EVAL", SETTLE, 0)
        for key in client.call("KEYS", "*"):
            kind = client.call("TYPE", key)
            if kind == "none":  # all its fields had expired
                continue
            held[db, key] = [kind, client.call("DEBUG", "DIGEST-VALUE", key), client.call("PEXPIRETIME", key)]
            if kind == "stream":
                held[db, key].append(client.call("XINFO", "GROUPS", key))
                shown = client.call("XINFO", "STREAM", key)
                held[db, key].append(shown[:2] + shown[6:14])  # how many nodes it has follows from how it was made
            if kind == "hash":
                fields = client.call("HKEYS", key)
                held[db, key].append(sorted(zip(fields, client.call("HPEXPIRETIME", key, "FIELDS", len(fields), *fields))))
    held["functions"] = sorted(str(one) for one in client.call("FUNCTION", "LIST", "WITHCODE"))
    return held


def differences(before, after):
    names = sorted((name for name in {*before, *after} if before.get(name) != after.get(name)), key=str)
    return "\n".join(f"{name}: {before.get(name)} became {after.get(name)}" for name in names)


def call_when_free(client, *words):
    """Scripts of those who have just gone may still run."""
    end = time.monotonic() + 60
    while client.raw(*words).startswith(b"-BUSY") and time.monotonic() < end:
        time.sleep(0.05)
    return client.call(*words)


def calm(client, settings):
    """Nobody else is there any more, not even who waits and cannot be told to have gone by what nobody reads."""
    call_when_free(client, "CLIENT", "UNPAUSE")
    for kind in ("normal", "pubsub"):
        call_when_free(client, "CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
    end = time.monotonic() + 30
    while call_when_free(client, "CLIENT", "LIST").count(b"\n") > 1:
        assert time.monotonic() < end, client.call("CLIENT", "LIST").decode()
        time.sleep(0.02)
    client.call("CONFIG", "SET", *itertools.chain(*settings), "maxmemory", "0")


def look(server, mind):
    """The server is in order; gives its state, and payloads to the monkey."""
    with server.client(timeout=60) as client:
        assert call_when_free(client, "PING") == "PONG"
        assert b"used_memory" in call_when_free(client, "INFO", "everything")
        calm(client, mind.grammar.settings)
        held = state(client)
        assert client.call("DEBUG", "DIGEST") == client.call("DEBUG", "DIGEST")
        client.call("SELECT", 0)
        dumps = [client.call("DUMP", key) for db, key in (name for name in held if name != "functions") if db == 0]
        mind.payloads = [dump for dump in dumps if dump and len(dump) < 5000] + mind.payloads[:30]
        return held


def check_restart(server, mind, before, crash):
    if crash:
        server.kill()
        server.start()
    else:
        server.restart()
    after = look(server, mind)
    assert before == after, differences(before, after)


def reports(server):
    text = server.log_text(1 << 20)
    return [line for line in text.splitlines() if "Sanitizer" in line or "runtime error:" in line]


@pytest.mark.parametrize("kind", SERVERS)
def test_nothing_that_a_client_sends_hurts(kind):
    options = SERVERS[kind]
    generator = random.Random(f"{SEED} {kind}")
    end = time.monotonic() + SECONDS / len(SERVERS)
    with servers.strata("--proto-max-bulk-len", "1mb", "--databases", 4, *options) as server:
        with server.client() as client:
            mind = monkey.Monkey(monkey.Grammar(client), generator)
        turn = 0
        while turn == 0 or time.monotonic() < end:
            with server.client() as client:
                client.call("CONFIG", "SET", "maxmemory", "6mb" if SMALL[0] in options else "0")
            this = Round(server.port, mind)
            try:
                this.run(min(ROUND_SECONDS, SECONDS / len(SERVERS)))
                this.close()
                held = look(server, mind)
                if HOME[0] in options:
                    check_restart(server, mind, held, crash=turn % 2 == 1 and "always" in options)
                found = reports(server)
                assert not found, found[:5]
            except (AssertionError, OSError, RuntimeError, resp.Disconnected, resp.Failure) as failure:
                pytest.fail(f"seed {SEED}, round {turn} of {kind!r}: {failure!s}\n{this.describe()}\n{server.log_text(30000)}")
            turn += 1
        print(f"{kind}: {turn} rounds")
