# SPDX-License-Identifier: BSD-3-Clause
"""Scripts, transactions, messages, caches and those who wait, all on the same keys, while scripts that would never end
are killed: nothing is lost, nothing happens twice, and nobody keeps an old value. Of what those have written before
nothing is left."""

import time

import pytest
import resp
from test_caches import Cache

COUNTERS = [f"counter:{i}" for i in range(8)]
QUEUES = ["queue:1", "queue:2"]
DECLARED = ("redis.call('INCR', KEYS[1]) redis.call('RPUSH', KEYS[2], ARGV[1]) redis.call('PUBLISH', 'made', ARGV[1]) "
            "return redis.call('RPUSH', KEYS[3], ARGV[1] .. ':twin')")
UNDECLARED = DECLARED.replace("KEYS[1]", "ARGV[2]").replace("KEYS[2]", "ARGV[3]").replace("KEYS[3]", "ARGV[4]")
# Not loops in Lua: the thread sanitizer delivers signals, which interrupt those, within some functions of C alone.
ENDLESS = ["return ('a'):rep(100000):find(('.-'):rep(20) .. 'b')", "return ('('):rep(3000000):find('%b()')"]
UNDONE = ["", "redis.call('INCR', KEYS[1]) redis.call('DEL', KEYS[1]) ",
          "redis.call('INCR', KEYS[1]) redis.call('LPOP', 'queue:1') redis.call('RPUSH', 'queue:2', 'never') ",
          "redis.call('DEL', 'queue:1', 'queue:2') redis.call('LPUSH', 'queue:1', 'never') "]


@pytest.fixture
def impatient(crowd):
    """Scripts soon take too long."""
    with crowd.server.client() as client:
        client.call("CONFIG", "SET", "busy-reply-threshold", "20")
        yield crowd
        client.call("CONFIG", "SET", "busy-reply-threshold", "5000")


def is_refused(raw):
    """By a busy server, or killed."""
    return raw.startswith(b"-BUSY") or b"Script killed by user" in raw


def patiently(client, *command):
    while True:
        raw = client.raw(*command)
        if not raw.startswith(b"-BUSY"):
            return resp.decode(raw)


def make(actor, attempt):
    """Tokens, each of which was put into a queue, and its twin into the other one; and those for which that was undone.
    """
    made, undone = [], []
    for number in range(1 << 30):
        if not actor.running():
            return made, undone
        token, counter = f"{actor.number}-{number}", actor.random.choice(COUNTERS)
        raw = attempt(actor.client, token, counter, actor.random.sample(QUEUES, 2))
        if not is_refused(raw) and not raw.startswith(b"-EXECABORT"):
            assert raw.startswith((b":", b"*")), raw
            made.append(token)
        elif b"killed" in raw:
            undone.append(token)


def by_script(actor):
    def attempt(client, token, counter, queues):
        if actor.random.random() < 0.5:
            return client.raw("EVAL", DECLARED, 3, counter, *queues, token)
        return client.raw("EVAL", UNDECLARED, 0, token, counter, *queues)
    return make(actor, attempt)


def by_transaction(actor):
    def attempt(client, token, counter, queues):
        patiently(client, "DISCARD")  # what a refused EXEC may have left open
        assert patiently(client, "MULTI") == "OK"
        return last_reply(client, ("INCR", counter), ("RPUSH", queues[0], token), ("PUBLISH", "made", token),
                          ("RPUSH", queues[1], token + ":twin"), ("EXEC",))
    return make(actor, attempt)


def last_reply(client, *commands):
    for command in commands:
        client.send(*command)
    return [client.read_raw() for _ in commands][-1]


def take(actor):
    taken = []
    while actor.running():
        found = patiently(actor.client, "BLPOP", *actor.random.sample(QUEUES, 2), "0.05")
        if found:
            taken.append(found[1].decode())
    return taken


class PatientCache(Cache):
    def read_reply(self, *command):
        while True:
            reply = super().read_reply(*command)
            if not isinstance(reply, resp.Failure) or not str(reply).startswith("BUSY"):
                return reply


def cache(actor):
    caches = [PatientCache(actor.server.client(3), *mode) for mode in ((), ("BCAST", "PREFIX", "counter:"))]
    while actor.running():
        for one in caches:
            one.read(actor.random.choice(COUNTERS))
    time.sleep(1)
    for one in caches:
        one.settle()
    return [one.values for one in caches]


def listen(actor):
    heard = []
    while actor.running():
        with actor.server.client() as client:
            if client.raw("SUBSCRIBE", "made").startswith(b"-BUSY"):
                continue
            client.socket.settimeout(0.1)
            try:
                for _ in range(200):
                    heard.append(resp.decode(client.read_raw())[2].decode())
            except OSError:
                pass
    return heard


def never_end(actor):
    killed = 0
    while actor.running():
        script = actor.random.choice(UNDONE) + actor.random.choice(ENDLESS)
        raw = actor.client.raw("EVAL", script, 1, "counter:1")
        assert is_refused(raw), raw
        killed += b"killed" in raw
        time.sleep(0.02)
    return killed


def kill(actor):
    """Longer than the others, so that nothing is left that does not end."""
    until = actor.deadline + 1
    while time.monotonic() < until:
        raw = actor.client.raw("SCRIPT", "KILL")
        assert raw.startswith((b"+OK", b"-NOTBUSY", b"-UNKILLABLE", b"-BUSY")), raw
        time.sleep(0.01)


def test_all_together(impatient):
    scripted, transacted, more, taken, also_taken, cached, heard, killed, _ = impatient.run(
        by_script, by_transaction, by_script, take, take, cache, listen, never_end, kill, seconds=3)
    made, undone = (sum(tokens, []) for tokens in zip(scripted, transacted, more))
    assert killed and made
    assert set(heard) <= set(made + undone)
    with impatient.server.client() as client:
        left = [token.decode() for queue in QUEUES for token in client.call("LRANGE", queue, 0, -1)]
        values = {name: client.call("GET", name) for name in COUNTERS}
    assert sum(int(value or 0) for value in values.values()) == len(made)
    assert sorted(taken + also_taken + left) == sorted(made + [token + ":twin" for token in made])
    for one in cached:
        assert {name: value for name, value in one.items() if value != values[name]} == {}
