# SPDX-License-Identifier: BSD-3-Clause
"""Strings as bits."""

KEYS = ["a", "b", "c", "d", "e"]


def probes(key):
    return [["TYPE", key], ["OBJECT", "ENCODING", key], ["PTTL", key], ["GET", key]]


def bit_offset(g):
    if g.chance(0.9):
        return g.random.randrange(g.pick([8, 64, 300, 40000]))
    return g.pick([-1, 2**32, 2**20, 2**63 - 1, "x", "#1"])


def bits_range(g, default_chance):
    """[start [end [unit]]]"""
    arguments = [g.integer(), g.integer(), g.pick(["BYTE", "BIT", "bit", "x"] if g.chance(0.1) else ["BYTE", "BIT"])]
    return [] if g.chance(default_chance) else arguments[:g.random.randint(1, 3)]


def field_type(g):
    return g.pick(["u", "i"]) + str(g.pick([1, 2, 3, 7, 8, 9, 16, 31, 32, 33, 63, g.random.randint(0, 66)]))


def field_offset(g):
    return f"#{g.random.randrange(40)}" if g.chance(0.3) else bit_offset(g)


def operations(g, writes=True):
    def operation():
        place = [field_type(g), field_offset(g)]
        choices = [["GET", *place]]
        if writes:
            choices += [["SET", *place, max(g.integer(), -2**62)], ["INCRBY", *place, g.integer()],
                        ["INCRBY", *place, g.random.randint(-300, 300)],
                        ["OVERFLOW", g.pick(["WRAP", "SAT", "FAIL", "fail"])]]
        return g.pick(choices)
    return sum(g.several(operation, most=5), [])


COMMANDS = [
    (5, lambda g: ["SET", g.key(), g.value()]),
    (10, lambda g: ["SETBIT", g.key(), bit_offset(g), g.pick([0, 1, 1])]),
    (8, lambda g: ["GETBIT", g.key(), bit_offset(g)]),
    (8, lambda g: ["BITCOUNT", g.key(), *bits_range(g, 0.2)]),
    (8, lambda g: ["BITPOS", g.key(), g.pick([0, 1]), *bits_range(g, 0.2)]),
    (8, lambda g: ["BITOP", g.pick(["AND", "OR", "XOR", "xor"]), g.key(), *g.several(g.key)]),
    (2, lambda g: ["BITOP", "NOT", g.key(), g.key()]),
    (14, lambda g: ["BITFIELD", g.key(), *operations(g)]),
    (3, lambda g: ["BITFIELD_RO", g.key(), *operations(g, writes=g.chance(0.05))]),
    (2, lambda g: ["DEL", g.key()]),
    (1, lambda g: ["EXPIRE", g.key(), 100000]),
    (3, lambda g: ["OBJECT", "ENCODING", g.key()]),
    (3, lambda g: ["GET", g.key()]),
    (1, lambda g: ["STRLEN", g.key()]),
]
