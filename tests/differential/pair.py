# SPDX-License-Identifier: BSD-3-Clause
"""Strata and Valkey side by side: runs the same steps on both and says where they differ.

A step is a list of arguments, that is a command, or one of these:
    ["!sleep", milliseconds]
    ["!scan", argument...]       a whole SCAN iteration, compared as a set of elements
    ["!sscan", key, argument...] the same of SSCAN; HSCAN and ZSCAN, as a set of pairs
    ["?", argument...]           a command whose replies are not compared
    ["@NAME", argument...]       a command of another connection, which comes to be with its first command
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import servers  # noqa: E402
from resp import Disconnected, decode  # noqa: E402

# What families set, as it is at the start.
LIMITS = {"hash-max-listpack-entries": 512, "hash-max-listpack-value": 64, "list-max-listpack-size": -2,
          "set-max-intset-entries": 512, "set-max-listpack-entries": 128, "set-max-listpack-value": 64,
          "zset-max-listpack-entries": 128, "zset-max-listpack-value": 64, "hll-sparse-max-bytes": 3000,
          "stream-node-max-entries": 100, "stream-node-max-bytes": 4096}
BATCH_STEPS = 64
BATCH_BYTES = 128 * 1024  # less than what a socket takes, so that nobody waits for the other


class Difference(Exception):
    """The two answered one step differently."""

    def __init__(self, index, step, ours, theirs):
        super().__init__(f"step {index}, {show(step)}:\n  Strata {ours!r}\n  Valkey {theirs!r}")
        self.index = index


def show(step):
    """A step as a line of a directed list."""
    return " ".join(show_argument(argument) for argument in step)


def show_argument(argument):
    raw = argument if isinstance(argument, bytes) else str(argument).encode()
    text = "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\' else f"\\x{b:02x}" for b in raw)
    plain = raw and text.encode() == raw and not set(text) & set(" '\"#")
    return text if plain else f'"{text}"'


def connection_of(step):
    """The name of the step's connection, and the step without it."""
    first = str(step[0])
    return (first, step[1:]) if first.startswith("@") else ("", step)


def size_of(step):
    return sum(len(argument) if isinstance(argument, (bytes, str)) else 20 for argument in step)


class Side:
    """One of the two servers, with connections by protocol and name."""

    def __init__(self, server):
        self.server = server
        self.clients = {}

    def client(self, resp, name=""):
        if (resp, name) not in self.clients:
            self.clients[resp, name] = self.server.client(resp)
        return self.clients[resp, name]

    def reset(self):
        """Empty, connected, and started again if it is down."""
        for client in self.clients.values():
            client.close()
        self.clients = {}
        if not self.server.is_running():
            self.server.restart()
        self.client(2).call("FLUSHALL")
        self.client(2).call("CONFIG", "SET", *(word for pair in LIMITS.items() for word in pair))
        users = [user for user in self.client(2).call("ACL", "USERS") if user != b"default"]
        if users:
            self.client(2).call("ACL", "DELUSER", *users)

    def close(self):
        self.server.close()


SCANS = {"!scan": 0, "!sscan": 1, "!hscan": 1, "!zscan": 1}  # how many arguments stand before the cursor


def scan_all(client, step):
    """The elements of a whole scan, sorted, as one blob; or the error."""
    before = SCANS[step[0]]
    command, options = [step[0][1:], *step[1:1 + before]], step[1 + before:]
    bare = {"novalues", "noscores"} & {str(option).lower() for option in options}
    paired = step[0] in ("!hscan", "!zscan") and not bare
    elements, cursor = set(), b"0"
    while True:
        raw = client.raw(*command, cursor, *options)
        if raw.startswith(b"-"):
            return raw
        cursor, found = decode(raw)
        elements.update(zip(found[::2], found[1::2]) if paired else found)
        if cursor == b"0":
            return repr(sorted(elements)).encode()


class Pair:
    """`rules` maps a command's name, "get" or "object|encoding", to how its replies are compared."""

    def __init__(self, rules, ours=None, theirs=None):
        self.rules = rules
        self.ours = Side(ours or servers.strata("--enable-debug-command", "yes"))
        self.theirs = Side(theirs or servers.valkey())

    def reset(self):
        self.ours.reset()
        self.theirs.reset()

    def close(self):
        self.ours.close()
        self.theirs.close()

    def lacks(self, commands):
        """Is one of them unknown to Strata?"""
        return bool(commands) and None in self.ours.client(2).call("COMMAND", "INFO", *commands)

    def rule(self, step):
        step = connection_of(step)[1]
        name = str(step[0]).lower()
        if len(step) > 1 and not isinstance(step[1], bytes):
            rule = self.rules.get(f"{name}|{str(step[1]).lower()}")
            if rule:
                return rule
        return self.rules.get(name)

    def run(self, steps, resp):
        """Runs all from an empty state; raises Difference at the first one."""
        self.reset()
        start = 0
        for end in batch_ends(steps):
            batch = steps[start:end]
            self.check(start, batch, self.answers(self.ours, batch, resp), self.answers(self.theirs, batch, resp))
            start = end

    def answers(self, side, batch, resp):
        """A reply for each step; a connection that is lost is a reply too."""
        kind = str(batch[0][0])
        try:
            if kind in SCANS:
                return [scan_all(side.client(resp), batch[0])]
            if kind == "!sleep":
                if side is self.theirs:
                    time.sleep(float(batch[0][1]) / 1000)
                return [b""]
            client = side.client(resp, connection_of(batch[0])[0])
            commands = [connection_of(step)[1] for step in batch]
            return client.raw_pipeline([step[1:] if step[0] == "?" else step for step in commands])
        except (OSError, Disconnected) as error:
            return [f"{error!r}; log:\n{side.server.log_text(3000)}".encode()]

    def check(self, start, batch, ours, theirs):
        for i, step in enumerate(batch):
            a = ours[i] if i < len(ours) else b"(no reply)"
            b = theirs[i] if i < len(theirs) else b"(no reply)"
            rule = self.rule(step)
            if a != b and connection_of(step)[1][0] != "?" and not (rule and rule(a, b)):
                raise Difference(start + i, step, a, b)


def batch_ends(steps):
    """Cuts steps into batches to be sent in one piece, by one connection; what is no command is alone."""
    size = count = 0
    for i, step in enumerate(steps):
        special = str(step[0]).startswith("!")
        other = count and connection_of(step)[0] != connection_of(steps[i - 1])[0]
        if count and (special or other or count == BATCH_STEPS or size + size_of(step) > BATCH_BYTES):
            yield i
            size = count = 0
        size, count = size + size_of(step), count + 1
        if special:
            yield i + 1
            size = count = 0
    if count:
        yield len(steps)
