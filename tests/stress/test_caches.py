# SPDX-License-Identifier: BSD-3-Clause
"""Clients that cache what they read are told of all that changes; monitors see all that runs."""

import time

import resp

KEYS = [f"key:{i}" for i in range(40)]


class Cache:
    """A connection that keeps what it reads until it is told that it has changed."""

    def __init__(self, client, *tracking):
        self.client = client
        self.values = {}
        assert self.read_reply("CLIENT", "TRACKING", "ON", *tracking) == "OK"

    def take_push(self, raw):
        kind, names = resp.decode(raw)
        assert kind == b"invalidate"
        if names is None:
            self.values.clear()
        for name in names or ():
            self.values.pop(name.decode(), None)

    def read_reply(self, *command):
        self.client.send(*command)
        raw = self.client.read_raw()
        while raw.startswith(b">"):
            self.take_push(raw)
            raw = self.client.read_raw()
        return resp.decode(raw)

    def read(self, name):
        if name not in self.values:
            self.values[name] = self.read_reply("GET", name)

    def settle(self):
        """All that was written before has been told."""
        time.sleep(0.2)
        self.read_reply("PING")


def write(actor):
    """The commands that change something, of all kinds; at the end, how many there were."""
    count = 0
    while actor.running():
        name, other = actor.random.sample(KEYS, 2)
        actor.client.raw_pipeline([actor.random.choice([
            ("SET", name, count), ("DEL", name), ("SET", name, "x", "PX", 2), ("APPEND", name, "y"),
            ("RENAMENX", name, other), ("MSET", name, count, other, count), ("COPY", name, other, "REPLACE"),
            ("GETDEL", name), ("EXPIRE", name, "100")]) for _ in range(actor.random.randrange(1, 8))])
        if actor.random.random() < 0.005:
            actor.client.call("FLUSHALL")
        count += 1
    return count


def check(cache, server):
    with server.client() as client:
        for name, value in cache.values.items():
            assert client.call("GET", name) == value, name


def settle_expiry(server):
    """Nothing expires from now on."""
    time.sleep(0.3)
    with server.client() as client:
        client.call("KEYS", "*")


def caching(*modes):
    """A task that reads through caches while others write, and checks them when all is quiet."""
    def task(actor):
        caches = [Cache(actor.server.client(3), *mode) for mode in modes for _ in range(2)]
        while actor.running():
            cache = actor.random.choice(caches)
            for name in actor.random.sample(KEYS, 5):
                cache.read(name)
            if actor.random.random() < 0.05 and modes == ((),):
                cache.values.clear()
                assert cache.read_reply("CLIENT", "TRACKING", "OFF") == "OK"
                assert cache.read_reply("CLIENT", "TRACKING", "ON") == "OK"
        time.sleep(0.5)
        settle_expiry(actor.server)
        for cache in caches:
            cache.settle()
            check(cache, actor.server)
            cache.client.close()
    return task


def test_caches_hold_what_the_server_holds(crowd):
    by_key = caching(())
    by_prefix = caching(("BCAST",), ("BCAST", "PREFIX", "key:1", "PREFIX", "key:2", "PREFIX", "key:3", "PREFIX", "key:4",
                                     "PREFIX", "key:5", "PREFIX", "key:6", "PREFIX", "key:7", "PREFIX", "key:8",
                                     "PREFIX", "key:9", "PREFIX", "key:0"))
    crowd.run(by_key, write, by_prefix, write, seconds=2)


def test_a_small_table_forgets_nobody(crowd):
    with crowd.server.client() as client:
        client.call("CONFIG", "SET", "tracking-table-max-keys", "5")
        try:
            crowd.run(caching(()), write, caching(()), seconds=1.5)
        finally:
            client.call("CONFIG", "SET", "tracking-table-max-keys", "1000000")


def test_redirections_come_and_go(crowd):
    def redirect(actor):
        while actor.running():
            target, reader = actor.server.client(3), actor.server.client(3)
            target.call("CLIENT", "ID")
            identity = target.call("CLIENT", "ID")
            reader.call("CLIENT", "TRACKING", "ON", "REDIRECT", identity, *actor.random.choice([(), ("BCAST",)]))
            for name in KEYS[:5]:
                reader.send("GET", name)
            if actor.random.random() < 0.5:
                target.close()
            time.sleep(0.01)
            reader.close()
            target.close()

    crowd.run(redirect, write, redirect, write)


def test_monitors_see_writes_of_a_key_in_their_order(crowd):
    def increment(actor):
        count = 0
        while actor.running():
            actor.client.raw_pipeline([("INCR", "counter"), ("GET", "counter")] * 3)
            count += 3
        return count

    def monitor(actor):
        with actor.server.client() as client:
            assert client.call("MONITOR") == "OK"
            seen = 0
            client.socket.settimeout(0.5)
            try:
                while True:
                    seen += b'"INCR" "counter"' in client.read_raw()
            except OSError:
                return seen

    *counts, first, second = crowd.run(increment, increment, monitor, monitor)
    assert 0 < first <= sum(counts) and 0 < second <= sum(counts)
