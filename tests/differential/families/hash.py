# SPDX-License-Identifier: BSD-3-Clause
"""Hashes, small and large, over every threshold, and fields that expire."""

from generator import FAR_SECONDS, FAR_UNIX_SECONDS
from resp import decode
from rules import page, same_length, unordered

KEYS = ["a", "b", "c", "d", "e"]


def all_near(most):
    """Lists of times; what is not positive has a meaning and must be the same."""
    def rule(ours, theirs):
        a, b = decode(ours), decode(theirs)
        return isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and all(
            x == y or (x > 0 and y > 0 and abs(x - y) <= most) for x, y in zip(a, b))
    return rule


RULES = {
    "hgetall": unordered, "hkeys": unordered, "hvals": unordered, "hrandfield": same_length, "hscan": page,
    "httl": all_near(1), "hpttl": all_near(500), "hexpiretime": all_near(1), "hpexpiretime": all_near(500),
}
PROBED = [f"f{i}" for i in range(10)] + ["1", "2", "3"]


def probes(key):
    return [["TYPE", key], ["OBJECT", "ENCODING", key], ["PTTL", key], ["HLEN", key], ["HGETALL", key],
            ["!hscan", key], ["HPTTL", key, "FIELDS", len(PROBED), *PROBED]]


def field(g):
    kind = g.random.randrange(10)
    if kind < 6:
        return f"f{g.random.randrange(g.pick([10, 10, 1000]))}"
    if kind < 9:
        return g.random.randrange(g.pick([4, 1000]))
    return g.blob(g.pick([0, 1, 20, 64, 65, 253, 254, 300]))


def value(g):
    if g.chance(0.3):
        return g.integer()
    return g.blob(g.pick([0, 5, 63, 64, 65, 250, 251, 255, 256, 1000])) if g.chance(0.1) else g.value()


def small_value(g):
    return g.pick([g.integer(), g.blob(g.random.randrange(10)), "1.5"])


def pairs(g, most=4):
    return sum(g.several(lambda: [field(g), small_value(g) if g.chance(0.9) else value(g)], most), [])


def fill(g):
    """Many fields, or so many that it comes near a limit."""
    count = g.pick([5, 30, 100, 500, 511, 512, 513, 600])
    size = g.pick([1, 8, 20, 64])
    return ["HSET", g.key(), *sum(([f"f{i}", g.blob(size)] for i in range(count)), [])]


def wrong_count(g):
    """None so large that Valkey's product of it overflows, and by chance comes out right."""
    return g.pick([-1, 0, 1, 2, 3, 7, 1000, 2**31, 2**40, -2**40, "x"])


def fields_of(g, names):
    """FIELDS numfields field ..., mostly right."""
    count = len(names) if g.chance(0.97) else wrong_count(g)
    return [g.word("FIELDS"), count, *names]


def some_fields(g):
    return fields_of(g, g.several(lambda: field(g)))


def far(g):
    """(name of HEXPIRE's variant, a time for it)"""
    return g.pick([("HEXPIRE", g.pick([FAR_SECONDS, 2 * FAR_SECONDS])), ("HPEXPIRE", FAR_SECONDS * 1000),
                   ("HEXPIREAT", FAR_UNIX_SECONDS), ("HPEXPIREAT", FAR_UNIX_SECONDS * 1000)])


def any_time(g):
    name = g.pick(["HEXPIRE", "HPEXPIRE", "HEXPIREAT", "HPEXPIREAT"])
    time = g.expiry_unix() if name.endswith("AT") else g.expiry_seconds()
    return name, time * 1000 if name.startswith("HP") and time < 2**50 else time


def expire(g):
    """Times are compared only to such as do not depend on the millisecond."""
    name, time = far(g) if g.chance(0.8) else any_time(g)
    conditions = g.pick([[], [], ["NX"], ["XX"], ["GT"], ["LT"], ["XX", "GT"], ["NX", "LT"], ["foo"]])
    if {"GT", "LT"} & set(conditions):
        name, time = "HEXPIREAT", g.pick([FAR_UNIX_SECONDS, FAR_UNIX_SECONDS + 1, FAR_UNIX_SECONDS * 2])
    return [g.word(name), g.key(), time, *[g.word(word) for word in conditions], *some_fields(g)]


def ask_times(g):
    return [g.word(g.pick(["HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME", "HPERSIST"])), g.key(), *some_fields(g)]


def hsetex(g):
    options = [g.one_of([], [], ["NX"], ["XX"]), g.one_of([], [], ["FNX"], ["FXX"]),
               g.expiry_option("KEEPTTL") if g.chance(0.7) else []]
    g.random.shuffle(options)
    names = pairs(g, 3)
    count = len(names) // 2 if g.chance(0.97) else wrong_count(g)
    return ["HSETEX", g.key(), *sum(options, []), g.word("FIELDS"), count, *names]


def hgetex(g):
    return ["HGETEX", g.key(), *(g.expiry_option("PERSIST") if g.chance(0.8) else []), *some_fields(g)]


def expire_all_soon(g):
    """Nothing shows how far each server has come with removing, but that the fields are gone."""
    key = g.key()
    command = g.one_of(["HPEXPIRE", key, 20, "FIELDS", 3, "f0", "f1", "f2"],
                       ["HSETEX", key, "PX", 20, "FIELDS", 2, "f0", "x", "f1", "y"])
    after = g.one_of(["HGETALL", key], ["HGET", key, "f0"], ["HSET", key, "f0", "z"], ["HINCRBY", key, "f1", 3],
                     ["HDEL", key, "f0", "f1"], ["HSETNX", key, "f1", "w"], ["HRANDFIELD", key, 1000],
                     ["HSETEX", key, "KEEPTTL", "FIELDS", 1, "f0", "v"], ["HTTL", key, "FIELDS", 1, "f0"])
    return [command, ["!sleep", 40], after, ["!sleep", 500], ["HLEN", key], ["HGETALL", key]]


def random_fields(g):
    name = ["HRANDFIELD", g.key()]
    return [*name, *g.some(g.pick([0, 1, 3, 20, 1000, -1, -30, 2**63 - 1, "x"]), *g.some(g.word("WITHVALUES")))]


def limits(g):
    name, values = g.pick([("hash-max-listpack-entries", [0, 4, 512]), ("hash-max-listpack-value", [0, 4, 64])])
    return [["CONFIG", "SET", name, g.pick(values)]]


def scan(g):
    options = [*g.some("MATCH", g.pick(["*", "f*", "1*", "?"])), *g.some("COUNT", g.pick([1, 10, 1000])),
               *g.some(g.pick(["NOVALUES", "novalues"]), chance=0.3)]
    return [["!hscan", g.key(), *options]]


COMMANDS = [
    (12, lambda g: ["HSET", g.key(), *pairs(g)]),
    (2, lambda g: ["HMSET", g.key(), *pairs(g)]),
    (3, lambda g: ["HSET", g.key(), field(g), value(g)]),
    (4, fill),
    (4, lambda g: ["HSETNX", g.key(), field(g), small_value(g)]),
    (5, lambda g: ["HGET", g.key(), field(g)]),
    (4, lambda g: ["HMGET", g.key(), *g.several(lambda: field(g))]),
    (6, lambda g: ["HDEL", g.key(), *g.several(lambda: field(g))]),
    (2, lambda g: ["HDEL", g.key(), *[f"f{i}" for i in range(g.pick([10, 100, 600]))]]),
    (2, lambda g: ["HEXISTS", g.key(), field(g)]),
    (2, lambda g: ["HSTRLEN", g.key(), field(g)]),
    (2, lambda g: ["HLEN", g.key()]),
    (3, lambda g: [g.pick(["HGETALL", "HKEYS", "HVALS"]), g.key()]),
    (6, lambda g: ["HINCRBY", g.key(), field(g), g.integer()]),
    (6, lambda g: ["HINCRBYFLOAT", g.key(), field(g), g.float()]),
    (3, random_fields),
    (3, scan),
    (2, lambda g: ["HSCAN", g.key(), g.pick([0, "x", -1, 2**64]), *g.some("COUNT", g.integer())]),
    (8, expire),
    (6, ask_times),
    (6, hsetex),
    (5, hgetex),
    (3, lambda g: ["HGETDEL", g.key(), *some_fields(g)]),
    (0.02, expire_all_soon),
    (6, lambda g: ["OBJECT", "ENCODING", g.key()]),
    (3, lambda g: ["DEL", g.key()]),
    (1, lambda g: ["SET", g.key(), "x"]),
    (1, lambda g: ["EXPIRE", g.key(), FAR_SECONDS]),
    (1, lambda g: ["RENAME", g.key(), g.key()]),
    (1, lambda g: ["COPY", g.key(), g.key(), "REPLACE"]),
    (1, limits),
]
