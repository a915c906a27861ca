# SPDX-License-Identifier: BSD-3-Clause
"""Clients that write until the server is killed, and what must be there afterwards."""

import contextlib
import os
import random
import threading
import time

import resp


class Writer(threading.Thread):
    """One connection with keys of its own. `sent` is the last number that may have been written, `acknowledged` the last
    one that must be there: every operation writes number n in a way that shows."""

    def __init__(self, server, name, first, rng):
        super().__init__()
        self.server, self.name = server, name
        self.sent = self.acknowledged = first
        self.depth = rng.choice([1, 1, 4, 16])
        self.failure = None

    def commands(self, n):
        """Unit n: one command, or what belongs to one transaction."""
        k = self.name
        single = [
            ("RPUSH", f"{k}:list", n), ("SET", f"{k}:string", n), ("SADD", f"{k}:set", n), ("ZADD", f"{k}:zset", n, n),
            ("HSET", f"{k}:hash", n, n), ("XADD", f"{k}:stream", f"{n}-*", "n", n), ("INCR", f"{k}:counter"),
            ("SET", f"{k}:expiring", n, "PX", 1 + n % 20), ("APPEND", f"{k}:text", "x"),
            ("EVAL", "redis.call('SET', KEYS[1], ARGV[1]); redis.call('SET', KEYS[2], ARGV[1])", 2, f"{k}:s1", f"{k}:s2", n),
        ]
        yield from [single[n % len(single)]]
        yield from [("MULTI",), ("SET", f"{k}:n", n), ("SET", f"{k}:copy", n), ("RPUSH", f"{k}:units", n), ("EXEC",)]

    def run(self):
        try:
            with self.server.client(timeout=20) as client:
                while True:
                    units = range(self.sent + 1, self.sent + 1 + self.depth)
                    batch = [command for n in units for command in self.commands(n)]
                    self.sent = units[-1]
                    client.socket.sendall(b"".join(resp.encode(*command) for command in batch))
                    for n in units:
                        replies = [client.read_raw() for _ in self.commands(n)]
                        bad = [r for r in replies if r.startswith(b"-") and not r.startswith(b"-LOADING")]
                        if bad:
                            self.failure = f"{self.name}: unit {n} was answered with {bad[0]!r}"
                            return
                        self.acknowledged = n
        except (OSError, resp.Disconnected):
            pass  # the server was killed

    def check(self, client):
        """What is wrong, or None. Goes on from what is there."""
        if self.failure:
            return self.failure
        k = self.name
        there = int(client.call("GET", f"{k}:n") or 0)
        units = [int(n) for n in client.call("LRANGE", f"{k}:units", 0, -1)]
        problems = []
        if there < self.acknowledged:
            problems.append(f"unit {self.acknowledged} was acknowledged, {there} is the last one there")
        if there > self.sent:
            problems.append(f"unit {there} is there, {self.sent} was the last one sent")
        if int(client.call("GET", f"{k}:copy") or 0) != there or (units and units[-1] != there):
            problems.append("half of a transaction")
        if units != list(range(1, there + 1)):
            problems.append("transactions are missing, or there twice")
        if client.call("GET", f"{k}:s1") != client.call("GET", f"{k}:s2"):
            problems.append("half of a script")
        problems += self.check_types(client, there)
        self.sent = self.acknowledged = there
        return f"{k}: {'; '.join(problems)}" if problems else None

    def check_types(self, client, there):
        """Each type has the numbers that were its turn: all up to `there`, and perhaps the one after."""
        k = self.name
        found = {
            0: [int(n) for n in client.call("LRANGE", f"{k}:list", 0, -1)],
            2: sorted(int(n) for n in client.call("SMEMBERS", f"{k}:set")),
            3: [int(n) for n in client.call("ZRANGE", f"{k}:zset", 0, -1)],
            4: sorted(int(n) for n in client.call("HKEYS", f"{k}:hash")),
            5: [int(entry[0].split(b"-")[0]) for entry in client.call("XRANGE", f"{k}:stream", "-", "+")],
        }
        for turn, numbers in found.items():
            wanted = [n for n in range(1, there + 1) if n % 10 == turn]
            extra = [there + 1] if (there + 1) % 10 == turn else []
            if numbers == wanted + extra and extra:
                undo = {0: ("RPOP", f"{k}:list"), 2: ("SREM", f"{k}:set", extra[0]), 3: ("ZREM", f"{k}:zset", extra[0]),
                        4: ("HDEL", f"{k}:hash", extra[0])}
                if turn == 5:
                    newest = client.call("XREVRANGE", f"{k}:stream", "+", "-", "COUNT", 1)[0][0]
                    undo[5] = ("XDEL", f"{k}:stream", newest)
                client.call(*undo[turn])
            elif numbers != wanted:
                yield f"of turn {turn}: {sorted(set(wanted) ^ set(numbers))[:5]}, of {len(wanted)}"


class Crashes:
    """A server that writers write to, that is killed again and again, and that has lost nothing each time."""

    def __init__(self, server, seed, clients=6):
        self.server, self.seed, self.rounds = server, seed, 0
        self.rng = random.Random(seed)
        self.writers = [Writer(server, f"w{i}", 0, self.rng) for i in range(clients)]

    def save_sometimes(self, share):
        if self.rng.random() >= share:
            return
        try:
            with self.server.client() as client:
                client.raw("BGSAVE")
                time.sleep(self.rng.uniform(0, 0.02))
        except (OSError, resp.Disconnected):
            pass

    def round(self, seconds, snapshots, what):
        """The server ends by itself, or is killed after this time; then what is there is checked, by one that lives."""
        self.writers = [Writer(self.server, w.name, w.sent, self.rng) for w in self.writers]
        for writer in self.writers:
            writer.start()
        deadline = time.monotonic() + seconds
        self.save_sometimes(snapshots)
        while self.server.is_running() and time.monotonic() < deadline:
            time.sleep(0.01)
        died = not self.server.is_running()
        self.server.kill()
        for writer in self.writers:
            writer.join()
        self.check(what)
        return died

    def check(self, what):
        self.server.start()
        with self.server.client() as client:
            problems = [problem for problem in (w.check(client) for w in self.writers) if problem]
        assert not problems, f"seed {self.seed}, crash {self.rounds}, {what}: {problems}"
        assert "did not fit" not in self.server.log_text(), self.server.log_text()
        self.rounds += 1


def crash_rounds(server, seconds, seed):
    """Kills it at random moments; returns how often. Raises AssertionError."""
    crashes = Crashes(server, seed)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        crashes.round(crashes.rng.uniform(0.01, 0.6), 0.3, "killed at a random moment")
    return crashes.rounds


# What a server does to its home, and where in it the server may be killed (failpoint.c).
FAILPOINTS = [*(f"{call}.{when}" for call in ("fsync", "fdatasync", "ftruncate", "rename", "link", "unlink", "open")
                for when in ("before", "after")),
              *(f"{call}.{when}" for call in ("writev", "write", "pwrite", "pwritev") for when in ("before", "half", "after"))]


def failpoint_rounds(server, seconds, seed, library):
    """Kills it at each of the failpoints, at an early call and at later ones; returns {failpoint: how often it died
    there}. Raises AssertionError."""
    crashes, died = Crashes(server, seed), dict.fromkeys(FAILPOINTS, 0)
    deadline, most = time.monotonic() + seconds, 3
    while time.monotonic() < deadline:
        for point in FAILPOINTS:
            died[point] += failpoint_round(crashes, f"{point}.{crashes.rng.randrange(1, most + 1)}", library)
        most *= 4
    return died


def failpoint_round(crashes, failpoint, library):
    crashes.server.kill()
    try:
        with failing(failpoint, library):
            crashes.server.start()
    except RuntimeError:
        crashes.check(f"killed at {failpoint}, while it started")
        return True
    return crashes.round(0.4, 0.7, f"killed at {failpoint}")


@contextlib.contextmanager
def failing(failpoint, library):
    os.environ.update(FAILPOINT=failpoint, LD_PRELOAD=library)
    try:
        yield
    finally:
        del os.environ["FAILPOINT"], os.environ["LD_PRELOAD"]
