# SPDX-License-Identifier: BSD-3-Clause
"""SORT and SORT_RO, with the strings and hashes that patterns lead to.

Where elements weigh the same and are sorted as text, or a set is not sorted, their order is anybody's: of such the
generator makes none."""

LISTS, SETS, ZSETS = ["l1", "l2"], ["s1", "s2"], ["z1"]
KEYS = [*LISTS, *SETS, *ZSETS, "out"]
NUMBERS = range(30)


def probes(key):
    return [["TYPE", key], ["SORT_RO", key, "ALPHA"], ["PTTL", key]] + (
        [["LRANGE", key, 0, -1], ["OBJECT", "ENCODING", key]] if key not in SETS + ZSETS else [])


def number(g):
    return str(g.pick([g.pick(NUMBERS), g.random.randint(-50, 5000), g.random.random() * 10, 1e20]))


def element(g):
    return number(g) if g.chance(0.9) else g.pick(["abc", "x", "", " 7", "0x10", "inf", "-inf", "nan", "1e400", "5 ", "é"])


def numbers(g):
    """Numbers only, so that most sorting succeeds."""
    make = number if g.chance(0.8) else element
    return [make(g) for _ in range(g.pick([1, 3, 10, 40]))]


def fill(g):
    kind = g.random.randrange(3)
    if kind == 0:
        return ["RPUSH", g.pick(LISTS), *numbers(g)]
    if kind == 1:
        return ["SADD", g.pick(SETS), *numbers(g)]
    return ["ZADD", "z1", *sum(([g.random.randint(0, 9), text] for text in numbers(g)), [])]


def weights(g):
    """Each element weighs something else."""
    order = list(NUMBERS)
    g.random.shuffle(order)
    strings = sum(([f"w_{i}", weight] for i, weight in enumerate(order) if g.chance(0.9)), ["w_0", order[0]])
    return [["MSET", *strings], *(["HSET", f"h_{i}", "f", weight, "g", "x"] for i, weight in enumerate(order[:10]))]


def pattern(g):
    return g.pick(["w_*", "h_*->f", "h_*->g", "h_*->", "*", "w_*x", "x", "#", "h_*", "w_*->f", "", "->*", "*->f", "h_**->f"])


def limit(g):
    return g.some("LIMIT", g.pick([0, 0, 1, 5, -1, 50, g.integer()]), g.pick([0, 1, 5, 100, -1, g.integer()]))


def options(g, by):
    """`by` is how it is sorted."""
    parts = [by, limit(g), *[["GET", pattern(g)] for _ in range(g.pick([0, 0, 1, 3]))], g.some(g.word("DESC"), chance=0.3),
             g.some(g.word("ASC"), chance=0.1)]
    g.random.shuffle(parts)
    return sum(parts, [])


def sort(g):
    key = g.pick([*LISTS, *SETS, *ZSETS, "out", "none"])
    ways = [[], [], ["ALPHA"]]
    if key not in SETS:  # which shortening turns into a set that is not sorted
        ways += [["BY", "w_*"], ["BY", "h_*->f"], ["BY", "h_*->g"], ["BY", "nosort"], ["BY", ""], ["BY", "nosort", "ALPHA"]]
    by = g.pick(ways)
    name = g.pick(["SORT", "SORT_RO"])
    return [g.word(name), key, *options(g, by), *(g.some("STORE", g.pick(["out", "out", *LISTS]), chance=0.3) if name == "SORT" else [])]


def sort_set_to_list(g):
    return ["SORT", g.pick(SETS), "BY", "nosort", *limit(g), "STORE", "out"]


COMMANDS = [
    (10, fill), (3, weights), (40, sort), (3, sort_set_to_list),
    (3, lambda g: ["DEL", g.pick(KEYS)]), (1, lambda g: ["SET", "l2", "x"]), (1, lambda g: ["EXPIRE", "out", 100000]),
    (1, lambda g: ["DEL", f"w_{g.pick(NUMBERS)}"]),
]
