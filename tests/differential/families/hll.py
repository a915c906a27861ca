# SPDX-License-Identifier: BSD-3-Clause
"""HyperLogLogs, down to the bytes of their strings."""

from resp import decode

KEYS = ["a", "b", "c", "d"]


def cut_off(ours, theirs):
    """Of a string that ends in the middle of a run, the other reads a byte that is not its own."""
    a, b = decode(ours), decode(theirs)
    return isinstance(a, bytes) and isinstance(b, bytes) and b.startswith(a)


RULES = {"pfdebug": cut_off}


def probes(key):
    return [["TYPE", key], ["OBJECT", "ENCODING", key], ["PTTL", key], ["PFCOUNT", key], ["GET", key],
            ["PFDEBUG", "GETREG", key]]


def element(g):
    return g.pick([str(g.random.randrange(10**g.random.randint(1, 6))), g.blob(g.random.randrange(40))])


def add(g):
    count = g.pick([0, 1, 1, 2, 5, 30, 400])
    return ["PFADD", g.key(), *[element(g) for _ in range(count)]]


def add_many(g):
    """Enough for a sparse one to become dense."""
    key, first = g.key(), g.random.randrange(10**9)
    return [["PFADD", key, *range(first + i * 100, first + i * 100 + 100)] for i in range(g.random.randint(1, 25))]


def merge(g):
    return ["PFMERGE", g.key(), *g.several(g.key)]


def count(g):
    return ["PFCOUNT", *g.several(g.key)]


def run(g):
    """A run of a sparse one: zeros, more zeros, a value."""
    return g.pick([bytes([g.random.randrange(64)]), bytes([64 | g.random.randrange(64), g.random.randrange(256)]),
                   bytes([128 | g.random.randrange(128)])])


def header(g, encoding):
    cache = g.pick([b"\0" * 7 + b"\x80", b"\x05" + b"\0" * 7, g.blob(8)])
    return b"HYLL" + bytes([encoding]) + b"\0\0\0" + cache


def forge(g):
    """What only a client can have made: mostly corrupt."""
    kind = g.random.randrange(6)
    if kind == 0:
        body, encoding = b"".join(run(g) for _ in range(g.random.randrange(20))), 1
    elif kind == 1:
        body, encoding = b"\x7f\xff", 1
    elif kind == 2:
        body, encoding = b"".join([b"\x43\xff" * g.random.randint(14, 17), *[b"\x83"] * 3]), 1
    elif kind == 3:
        body, encoding = bytes(g.random.randrange(256) for _ in range(48)) * 256, 0
    elif kind == 4:
        body, encoding = g.blob(g.pick([0, 5, 12287, 12289])), 0
    else:
        return ["SET", g.key(), g.pick(["", "x", b"HYLL", header(g, 2), header(g, 1)[:15], g.blob(20)])]
    return ["SET", g.key(), header(g, encoding) + body]


def debug(g):
    return ["PFDEBUG", g.word(g.pick(["GETREG", "DECODE", "ENCODING", "TODENSE", "nonsense"])), g.key()]


def limit(g):
    return [["CONFIG", "SET", "hll-sparse-max-bytes", g.pick([0, 20, 100, 3000, 3000, 3000, 100000])]]


COMMANDS = [
    (30, add), (4, add_many), (10, merge), (15, count), (6, debug), (4, forge), (2, limit),
    (2, lambda g: ["DEL", g.key()]), (2, lambda g: ["EXPIRE", g.key(), 100000]), (6, lambda g: ["GET", g.key()]),
    (2, lambda g: ["OBJECT", "ENCODING", g.key()]), (1, lambda g: ["RPUSH", "d", "x"]),
    (2, lambda g: ["COPY", g.key(), g.key(), "REPLACE"]),
]
