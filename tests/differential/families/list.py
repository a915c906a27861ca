# SPDX-License-Identifier: BSD-3-Clause
"""Lists, in both encodings and at the border between them."""

KEYS = ["a", "b", "c", "d"]
LIMITS = [-2, -2, -2, -1, -3, -5, 4, 16, 1, 0, 128]


def probes(key):
    return [["TYPE", key], ["OBJECT", "ENCODING", key], ["LLEN", key], ["LRANGE", key, 0, -1]]


def element(g):
    kind = g.random.randrange(20)
    if kind < 8:
        return g.pick(["x", "y", "z", "1", "2", "-3", "300", "70000", "01", ""])
    if kind < 12:
        return str(g.integer())
    if kind < 19:
        return g.blob(g.pick([1, 5, 12, 63, 64, 100, 400]))
    return g.blob(g.pick([1500, 4000, 4096, 8180, 8190, 9000, 20000]))


def push(g):
    command = g.pick(["LPUSH", "RPUSH", "LPUSH", "RPUSH", "LPUSHX", "RPUSHX"])
    return [command, g.key(), *g.several(lambda: element(g), g.pick([1, 3, 40]))]


def limit(g):
    return ["CONFIG", "SET", "list-max-listpack-size", g.pick(LIMITS)]


def index(g):
    return g.pick([0, 1, 2, 3, 5, 10, 50, -1, -2, -3, -5, -10, -50, g.integer()])


def lset(g):
    """With an index of 32 bits and nothing that breaks it: see docs/differences.md."""
    return [["LSET", g.key(), max(-2**31, min(index(g), 2**31 - 1)), element(g)]]


def end(g):
    return g.word(g.pick(["LEFT", "RIGHT"]))


def trim(g):
    return g.one_of(["LTRIM", g.key(), g.count(4), -1 - g.count(4)], ["LTRIM", g.key(), index(g), index(g)],
                    ["LTRIM", g.key(), 0, g.pick([100, 1000])])


def lpos(g):
    options = [g.some(g.word("RANK"), g.pick([1, 2, 3, -1, -2, g.integer()])),
               g.some(g.word("COUNT"), g.pick([0, 1, 2, g.integer()])),
               g.some(g.word("MAXLEN"), g.pick([0, 1, 5, 100, g.integer()]), chance=0.3)]
    g.random.shuffle(options)
    return ["LPOS", g.key(), element(g), *sum(options, [])]


def mpop(g):
    keys = g.several(g.key, 3)
    count = len(keys) if g.chance(0.95) else g.integer()
    options = g.some(g.word("COUNT"), g.pick([1, 2, 5, 100, 0]))
    return g.one_of(["LMPOP", count, *keys, end(g), *options], ["BLMPOP", 0.001, count, *keys, end(g), *options])


def pop(g):
    return [g.pick(["LPOP", "RPOP"]), g.key(), *g.some(g.pick([0, 1, 2, 3, 10, 30, -1, g.integer()]), chance=0.4)]


COMMANDS = [
    (20, push),
    (10, pop),
    (0.5, limit),
    (5, lset),
    (6, lambda g: ["LINSERT", g.key(), g.word(g.pick(["BEFORE", "AFTER"])), element(g), element(g)]),
    (4, lambda g: ["LREM", g.key(), g.pick([0, 1, 2, -1, -2, g.integer()]), element(g)]),
    (3, trim),
    (4, lambda g: ["LRANGE", g.key(), index(g), index(g)]),
    (4, lambda g: ["LINDEX", g.key(), index(g)]),
    (2, lambda g: ["LLEN", g.key()]),
    (4, lpos),
    (6, lambda g: ["LMOVE", g.key(), g.key(), end(g), end(g)]),
    (1, lambda g: ["BLMOVE", g.key(), g.key(), end(g), end(g), 0.001]),
    (3, lambda g: ["RPOPLPUSH", g.key(), g.key()]),
    (1, lambda g: ["BRPOPLPUSH", g.key(), g.key(), 0.001]),
    (2, lambda g: [g.pick(["BLPOP", "BRPOP"]), *g.several(g.key, 2), 0.001]),
    (3, mpop),
    (5, lambda g: ["OBJECT", "ENCODING", g.key()]),
    (1, lambda g: ["COPY", g.key(), g.key(), "REPLACE"]),
    (0.5, lambda g: ["RENAME", g.key(), g.key()]),
    (0.3, lambda g: ["DEL", g.key()]),
    (0.3, lambda g: ["SET", g.key(), "v"]),
]
