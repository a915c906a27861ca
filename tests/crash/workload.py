# SPDX-License-Identifier: BSD-3-Clause
"""Clients that write until the server is killed, and what must be there afterwards."""

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


def crash_rounds(server, seconds, seed, clients=6):
    """Kills the server again and again; returns how often. Raises AssertionError."""
    rng = random.Random(seed)
    writers = [Writer(server, f"w{i}", 0, rng) for i in range(clients)]
    deadline, rounds = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        writers = [Writer(server, w.name, w.sent, rng) for w in writers]
        for writer in writers:
            writer.start()
        time.sleep(rng.uniform(0.01, 0.6))
        if rng.random() < 0.3:
            with server.client() as client:
                client.raw("BGSAVE")
                time.sleep(rng.uniform(0, 0.02))
        server.kill()
        for writer in writers:
            writer.join()
        server.start()
        with server.client() as client:
            problems = [problem for problem in (w.check(client) for w in writers) if problem]
        assert not problems, f"seed {seed}, crash {rounds}: {problems}"
        assert "did not fit" not in server.log_text(), server.log_text()
        rounds += 1
    return rounds
