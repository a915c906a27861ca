# SPDX-License-Identifier: BSD-3-Clause
"""Streams."""

from resp import decode

KEYS = ["s", "t", "future", "text"]
GROUPS, CONSUMERS = ["g", "h"], ["alice", "bob", "carol"]
FIELDS = ["f", "field", "temperature", "1"]
TIMES = {b"idle", b"inactive", b"seen-time", b"active-time"}
NEAR_MS = 5000


def near(a, b):
    return isinstance(a, int) and isinstance(b, int) and a >= 0 and b >= 0 and abs(a - b) <= NEAR_MS


def same_but_times(a, b):
    """The same but for what is told of times: values of TIMES, Unix times, and the third of four (XPENDING)."""
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(
            same_but_times(x, y) or (near(x, y) and (
                x > 10**12 or (i > 0 and isinstance(a[i - 1], bytes) and a[i - 1] in TIMES) or (i == 2 and len(a) == 4)))
            for i, (x, y) in enumerate(zip(a, b)))
    return type(a) is type(b) and repr(a) == repr(b)


def times(ours, theirs):
    return same_but_times(decode(ours), decode(theirs))


RULES = {"xpending": times, "xinfo|stream": times, "xinfo|consumers": times, "xinfo|groups": times}


def probes(key):
    return [["TYPE", key], ["XINFO", "STREAM", key, "FULL", "COUNT", 0], ["XINFO", "STREAM", key],
            ["XINFO", "GROUPS", key], ["XRANGE", key, "-", "+"], ["XREVRANGE", key, "+", "-"]]


def id_(g):
    kind = g.random.randrange(20)
    if kind == 0:
        return g.pick(["0", "0-0", "0-1", "18446744073709551615-18446744073709551615", "99999999999999-5", "5-", "-5",
                       "1-2-3", "007", "18446744073709551616", "1--05", " 7", "9223372036854775808-1"])
    if kind < 6:
        return str(g.random.randrange(40))
    return f"{g.random.randrange(40)}-{g.random.randrange(4)}"


def bound(g):
    return g.pick(["-", "+", id_(g), id_(g), id_(g), "(" + id_(g), "(-"])


def new_id(g, key):
    if key == "future":
        return "99999999999999-*"
    # Ascending on the whole.
    g.top = getattr(g, "top", 0) + g.pick([0, 0, 0, 1, 1, 2])
    if g.top > 60:
        g.top = 0
    return g.pick([f"{g.top}-{g.random.randrange(4)}", f"{g.top}-*", f"{g.top}-*", f"{g.top}-*", id_(g)])


def fields(g):
    if g.chance(0.6):
        return ["f", g.value(), "field", g.value()][:g.pick([2, 4, 4])]
    return sum(g.several(lambda: [g.pick(FIELDS), g.value()]), [])


def trim(g):
    how = [g.word("MAXLEN"), g.count(40)] if g.chance(0.6) else [g.word("MINID"), id_(g)]
    sign = g.pick([[], ["~"], ["="]])
    limit = ["LIMIT", g.pick([0, 1, 5, 20, 100])] if sign == ["~"] and g.chance(0.4) else []
    return [how[0], *sign, how[1], *limit]


def xadd(g):
    key = g.key()
    options = [g.some(g.word("NOMKSTREAM"), chance=0.1), trim(g) if g.chance(0.2) else []]
    g.random.shuffle(options)
    return ["XADD", key, *sum(options, []), new_id(g, key), *fields(g)]


def begin(g):
    """What makes streams worth reading."""
    key = g.pick(KEYS[:3])
    first = "99999999999999-1" if key == "future" else "1-1"
    return [["XADD", key, first, "f", "1"], ["XGROUP", "CREATE", key, g.pick(GROUPS), g.pick(["0", "$", "3"])]]


def many(g):
    key = g.pick(KEYS[:3])
    return [["XADD", key, new_id(g, key), *fields(g)] for _ in range(g.pick([5, 20, 60]))]


def ids(g):
    return g.several(lambda: id_(g))


def read(g):
    keys = g.several(g.key, 2)
    options = [g.some("COUNT", g.count(), chance=0.6), g.some("BLOCK", 1, chance=0.03)]
    return ["XREAD", *sum(options, []), "STREAMS", *keys, *(g.pick([id_(g), id_(g), "$", "+", "0"]) for _ in keys)]


def readgroup(g):
    keys = g.several(lambda: g.pick(KEYS[:3]), 2)
    options = [g.some("COUNT", g.count(), chance=0.7), g.some("NOACK", chance=0.15)]
    return ["XREADGROUP", "GROUP", g.pick(GROUPS), g.pick(CONSUMERS), *sum(options, []), "STREAMS", *keys,
            *(g.pick([">", ">", ">", "0", id_(g)]) for _ in keys)]


def xgroup(g):
    key, group = g.key(), g.pick(GROUPS)
    entries_read = g.some("ENTRIESREAD", g.pick([-1, 0, 1, 5, 20]), chance=0.3)
    return g.one_of(
        ["XGROUP", "CREATE", key, group, g.pick(["$", "0", id_(g)]), *g.some("MKSTREAM", chance=0.3), *entries_read],
        ["XGROUP", "SETID", key, group, g.pick(["$", "0", "-", "+", id_(g), id_(g)]), *entries_read],
        ["XGROUP", "CREATECONSUMER", key, group, g.pick(CONSUMERS)],
        ["XGROUP", "DELCONSUMER", key, group, g.pick(CONSUMERS)],
        ["XGROUP", "DESTROY", key, group] if g.chance(0.2) else ["XINFO", "GROUPS", key])


def pending(g):
    if g.chance(0.4):
        return ["XPENDING", g.key(), g.pick(GROUPS)]
    return ["XPENDING", g.key(), g.pick(GROUPS), *g.some("IDLE", g.pick([0, 10**9]), chance=0.3), bound(g), bound(g),
            g.count(), *g.some(g.pick(CONSUMERS))]


def claim(g):
    options = [g.some("IDLE", g.pick([0, 10**7, -1]), chance=0.2), g.some("TIME", g.pick([0, 10**12, 10**15]), chance=0.2),
               g.some("RETRYCOUNT", g.count(), chance=0.2), g.some("FORCE", chance=0.4), g.some("JUSTID", chance=0.3),
               g.some("LASTID", id_(g), chance=0.1)]
    g.random.shuffle(options)
    return ["XCLAIM", g.key(), g.pick(GROUPS), g.pick(CONSUMERS), g.pick([0, 0, 0, 10**6]), *ids(g), *sum(options, [])]


def autoclaim(g):
    return ["XAUTOCLAIM", g.key(), g.pick(GROUPS), g.pick(CONSUMERS), g.pick([0, 0, 0, 10**6]), bound(g),
            *g.some("COUNT", g.pick([1, 2, 5, 100, 0])), *g.some("JUSTID", chance=0.3)]


def setid(g):
    return ["XSETID", g.key(), g.pick([id_(g), "100-1", "50"]), *g.some("ENTRIESADDED", g.pick([0, 5, 50, 200]), chance=0.3),
            *g.some("MAXDELETEDID", g.pick(["0-0", "100-1"]), chance=0.3)]


def nodes(g):
    return g.one_of(["CONFIG", "SET", "stream-node-max-entries", g.pick([0, 1, 2, 5, 10, 100, 100])],
                    ["CONFIG", "SET", "stream-node-max-bytes", g.pick([0, 1, 60, 200, 4096, 4096])])


COMMANDS = [
    (14, xadd),
    (1.5, begin),
    (1, many),
    (4, lambda g: [g.pick(["XRANGE", "XREVRANGE"]), g.key(), bound(g), bound(g), *g.some("COUNT", g.pick([-1, 0, 1, 3, 9]))]),
    (4, lambda g: ["XDEL", g.key(), *ids(g)]),
    (2, lambda g: ["XTRIM", g.key(), *trim(g)]),
    (2, lambda g: ["XLEN", g.key()]),
    (4, read),
    (8, readgroup),
    (5, xgroup),
    (5, lambda g: ["XACK", g.key(), g.pick(GROUPS), *ids(g)]),
    (4, pending),
    (5, claim),
    (3, autoclaim),
    (1, setid),
    (0.5, nodes),
    (2, lambda g: ["XINFO", "STREAM", g.key(), *g.some("FULL", *g.some("COUNT", g.count()))]),
    (2, lambda g: ["XINFO", "CONSUMERS", g.key(), g.pick(GROUPS)]),
    (0.3, lambda g: ["DEL", g.key()]),
    (0.2, lambda g: ["SET", "text", "x"]),
    (0.3, lambda g: ["COPY", g.key(), g.key(), "REPLACE"]),
    (0.3, lambda g: ["OBJECT", "ENCODING", g.key()]),
]
