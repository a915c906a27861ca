# SPDX-License-Identifier: BSD-3-Clause
"""Sets, small and large, over every threshold."""

from generator import FAR_SECONDS, INTEGERS
from rules import page, same_length, unordered

KEYS = ["a", "b", "c", "d", "e"]


RULES = {
    "smembers": unordered, "sinter": unordered, "sunion": unordered, "sdiff": unordered,
    "srandmember": same_length, "spop": same_length, "sscan": page,
}


def probes(key):
    return [["TYPE", key], ["OBJECT", "ENCODING", key], ["PTTL", key], ["SCARD", key], ["SMEMBERS", key],
            ["!sscan", key]]


def number(g):
    return g.random.randrange(g.pick([10, 100, 1000, 1000, 100_000]))


def member(g):
    kind = g.random.randrange(10)
    if kind < 5:
        return number(g)
    if kind < 6:
        return g.pick(INTEGERS)
    if kind < 9:
        return f"m{number(g)}"
    return g.value()


def members(g, most=4):
    return g.several(lambda: member(g), most)


def fill(g):
    """Many members, or so many that it comes near a limit."""
    make = g.pick([lambda: number(g), lambda: f"m{number(g)}", lambda: member(g)])
    count = g.pick([5, 30, 120, 127, 128, 129, 200, 500, 511, 512, 513, 600])
    return ["SADD", g.key(), *[make() for _ in range(count)]]


def limits(g):
    """Where these cross, the name of a union depends on the order in which its members come, which is not defined."""
    name, values = g.pick([("set-max-intset-entries", [128, 300, 512]), ("set-max-listpack-entries", [0, 4, 128]),
                           ("set-max-listpack-value", [20, 64, 300])])
    return [["CONFIG", "SET", name, g.pick(values)]]


def pop_and_look(g):
    """Members that are alike, so that it does not matter to the name which of them stay."""
    key, prefix = g.key(), g.pick(["", "m"])
    count = g.pick([5, 100, 128, 129, 300, 512, 513, 700])
    return [["DEL", key], ["SADD", key, *[f"{prefix}{i}" for i in range(count)]],
            ["SPOP", key, *g.some(g.pick([1, 2, 10, 100, 120, 300, 490, 1000]))], ["SCARD", key],
            ["OBJECT", "ENCODING", key], ["DEL", key]]


def pop_all(g):
    return [["SPOP", g.key(), 100_000]]


def algebra(g):
    name = g.pick(["SINTER", "SUNION", "SDIFF"])
    keys = g.several(g.key)
    return [g.word(name), *keys] if g.chance(0.6) else [g.word(name + "STORE"), g.key(), *keys]


def sintercard(g):
    keys = g.several(g.key)
    count = len(keys) if g.chance(0.9) else g.integer()
    return ["SINTERCARD", count, *keys, *g.some(g.word("LIMIT"), g.count())]


def scan(g):
    options = [*g.some("MATCH", g.pick(["*", "m*", "1*", "?"])), *g.some("COUNT", g.pick([1, 10, 1000]))]
    return [["!sscan", g.key(), *options]]


COMMANDS = [
    (14, lambda g: ["SADD", g.key(), *members(g)]),
    (6, fill),
    (8, lambda g: ["SREM", g.key(), *members(g)]),
    (4, lambda g: ["SREM", g.key(), *[f"m{i}" for i in range(g.pick([10, 100, 1000]))]]),
    (4, lambda g: ["SISMEMBER", g.key(), member(g)]),
    (4, lambda g: ["SMISMEMBER", g.key(), *members(g)]),
    (4, lambda g: ["SMEMBERS", g.key()]),
    (3, lambda g: ["SCARD", g.key()]),
    (3, pop_and_look),
    (2, pop_all),
    (4, lambda g: ["SRANDMEMBER", g.key(), *g.some(g.random.randint(-20, 20))]),
    (2, lambda g: ["SRANDMEMBER", g.key(), g.pick([100, 1000, 2**63 - 1, "x", -100])]),
    (6, lambda g: ["SMOVE", g.key(), g.key(), member(g)]),
    (10, algebra),
    (4, sintercard),
    (3, scan),
    (2, lambda g: ["SSCAN", g.key(), g.pick([0, "x", -1, 2**64]), *g.some("COUNT", g.integer())]),
    (6, lambda g: ["OBJECT", "ENCODING", g.key()]),
    (3, lambda g: ["DEL", g.key()]),
    (1, lambda g: ["SET", g.key(), "x"]),
    (1, lambda g: ["EXPIRE", g.key(), FAR_SECONDS]),
    (1, lambda g: ["COPY", g.key(), g.key(), "REPLACE"]),
    (1, limits),
]
