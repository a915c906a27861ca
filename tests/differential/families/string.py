# SPDX-License-Identifier: BSD-3-Clause
"""Strings."""

from generator import FAR_SECONDS

KEYS = ["a", "b", "c", "d", "a-key-that-is-longer-than-thirty-one-bytes"]


def probes(key):
    return [["TYPE", key], ["OBJECT", "ENCODING", key], ["PTTL", key], ["GET", key]]


def set_(g):
    condition = g.one_of([], [], [], [g.word("NX")], [g.word("XX")], [g.word("IFEQ"), g.value()])
    options = [condition, g.some(g.word("GET"), chance=0.2), g.expiry_option("KEEPTTL") if g.chance(0.3) else []]
    g.random.shuffle(options)
    return ["SET", g.key(), g.value(), *sum(options, [])]


def set_if_equal(g):
    """Set and compared in one step, so that the comparison often holds."""
    key, value = g.key(), g.value()
    command = g.one_of(["SET", key, g.value(), "IFEQ", value], ["DELIFEQ", key, value],
                       ["SET", key, g.value(), "GET", "IFEQ", value])
    return [["SET", key, value], command]


def set_and_expire(g):
    key = g.key()
    command = g.one_of(["SET", key, g.value(), "PX", 20], ["PSETEX", key, 20, g.value()],
                       ["MSETEX", 1, key, g.value(), "PX", 20])
    return [command, ["!sleep", 40]]


def msetex(g):
    pairs = g.several(lambda: [g.key(), g.value()])
    options = g.one_of([], [g.word("NX")], [g.word("XX")])
    if g.chance(0.5):
        options += g.expiry_option("KEEPTTL")
    count = len(pairs) if g.chance(0.95) else g.integer()
    return ["MSETEX", count, *sum(pairs, []), *options]


def lcs(g):
    options = [g.some("LEN", chance=0.2), g.some("IDX"), g.some("WITHMATCHLEN", chance=0.3),
               g.some("MINMATCHLEN", g.integer(), chance=0.3)]
    g.random.shuffle(options)
    return ["LCS", g.key(), g.key(), *sum(options, [])]


def pairs(g):
    return sum(g.several(lambda: [g.key(), g.value()]), [])


def offset(g):
    return g.pick([0, 1, 2, 5, 10, 44, 100, 255, 256, 4000, 20000, -1, 2**29, 2**63 - 1])


COMMANDS = [
    (14, set_),
    (6, set_if_equal),
    (0.05, set_and_expire),
    (8, lambda g: ["GET", g.key()]),
    (3, lambda g: ["SETNX", g.key(), g.value()]),
    (2, lambda g: ["SETEX", g.key(), g.expiry_seconds(), g.value()]),
    (2, lambda g: ["PSETEX", g.key(), g.expiry_seconds(), g.value()]),
    (5, lambda g: ["GETEX", g.key(), *(g.expiry_option("PERSIST") if g.chance(0.7) else [])]),
    (2, lambda g: ["GETDEL", g.key()]),
    (3, lambda g: ["GETSET", g.key(), g.value()]),
    (2, lambda g: ["DELIFEQ", g.key(), g.value()]),
    (5, lambda g: ["SETRANGE", g.key(), offset(g), g.value()]),
    (5, lambda g: [g.pick(["GETRANGE", "SUBSTR"]), g.key(), g.integer(), g.integer()]),
    (6, lambda g: ["APPEND", g.key(), g.value()]),
    (4, lambda g: ["STRLEN", g.key()]),
    (5, lambda g: [g.pick(["INCR", "DECR"]), g.key()]),
    (6, lambda g: [g.pick(["INCRBY", "DECRBY"]), g.key(), g.integer()]),
    (6, lambda g: ["INCRBYFLOAT", g.key(), g.float()]),
    (4, lambda g: ["MGET", *g.several(g.key)]),
    (3, lambda g: ["MSET", *pairs(g)]),
    (2, lambda g: ["MSETNX", *pairs(g)]),
    (4, msetex),
    (4, lcs),
    (2, lambda g: ["DEL", g.key()]),
    (1, lambda g: ["EXPIRE", g.key(), FAR_SECONDS]),
    (1, lambda g: ["PERSIST", g.key()]),
    (4, lambda g: ["OBJECT", "ENCODING", g.key()]),
    (3, lambda g: [g.pick(["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"]), g.key()]),
]
