# SPDX-License-Identifier: BSD-3-Clause
"""Sorted sets, small and large, over every threshold; sets among the sources of unions."""

from generator import FAR_SECONDS
from rules import page, same_length

# The scores in SAME are all the same, as ranges by name need it; members of SETS have none.
MIXED, SAME, SETS = ["a", "b", "c", "d"], ["l", "m"], ["s"]
KEYS = MIXED + SAME + SETS


RULES = {"zrandmember": same_length, "zscan": page}


def probes(key):
    return [["TYPE", key], ["OBJECT", "ENCODING", key], ["PTTL", key], ["ZCARD", key],
            ["ZRANGE", key, 0, -1, "WITHSCORES"], ["ZRANGE", key, 0, -1, "REV"], ["!zscan", key]]


def member(g):
    kind = g.random.randrange(20)
    if kind < 12:
        return f"m{g.random.randrange(g.pick([10, 40, 400]))}"
    if kind < 16:
        return g.random.randrange(g.pick([10, 100, 100_000]))
    if kind < 19:
        return g.pick([b"", b"\x00", b"\xff" * 3, "a", "ab", "abc", "007", "-0", "1.0"])
    return g.pick(["x" * 63, "x" * 64, "x" * 65, "y" * 300])


def score(g):
    kind = g.random.randrange(20)
    if kind < 8:
        return g.random.randint(-20, 20)
    if kind < 12:
        return g.random.randint(-10**6, 10**6)
    if kind < 15:
        return g.pick(["inf", "-inf", "+inf", "0", "-0", "0.0", "1e3", ".5", "5.", "1e18", "1e19", "-1e-5", "2e300",
                       "4611686018427387904", "9007199254740993", "3.0000000000000004", "1e-300"])
    return g.float() if kind < 17 else repr(g.random.uniform(-100, 100))


def pairs(g, most=4):
    return sum(g.several(lambda: [score(g), member(g)], most), [])


def add(g):
    options = [g.some(g.word("CH"), chance=0.3), g.one_of([], [], [g.word("NX")], [g.word("XX")]),
               g.one_of([], [], [g.word("GT")], [g.word("LT")]), g.some(g.word("INCR"), chance=0.1)]
    g.random.shuffle(options)
    options = sum(options, [])
    return ["ZADD", g.pick(MIXED), *options, *pairs(g, 1 if "INCR" in map(str.upper, options) else 4)]


def fill(g):
    """Many members, or so many that it comes near the limit."""
    count = g.pick([5, 30, 100, 126, 127, 128, 129, 130, 300, 1000])
    spread = g.pick([1, 5, 1000])
    make = g.pick([lambda i: f"m{i}", lambda i: i, lambda i: member(g)])
    return ["ZADD", g.pick(MIXED), *sum(([g.random.randrange(spread), make(i)] for i in range(count)), [])]


def fill_same(g):
    names = g.several(lambda: member(g), g.pick([4, 4, 20, 200]))
    return [["ZADD", g.pick(SAME), *sum(([0, name] for name in names), [])]]


def limits(g):
    name, values = g.pick([("zset-max-listpack-entries", [128, 128, 8, 0]), ("zset-max-listpack-value", [64, 64, 3])])
    return [["CONFIG", "SET", name, g.pick(values)]]


def score_limit(g):
    text = g.pick(["-inf", "+inf", "inf", "", str(score(g)), str(score(g)), str(g.random.randint(-20, 20))])
    return ("(" if g.chance(0.3) else "") + text


def name_limit(g):
    if g.chance(0.2):
        return g.pick(["-", "+", "(", "["])
    raw = member(g)
    return g.pick([b"[", b"("]) + (raw if isinstance(raw, bytes) else str(raw).encode())


def limit(g):
    return g.some(g.word("LIMIT"), g.random.randint(-2, 10), g.random.randint(-2, 20), chance=0.4)


def rank(g):
    return g.random.randint(-140, 140) if g.chance(0.5) else g.random.randint(-6, 6)


def shuffled(g, *options):
    options = list(options)
    g.random.shuffle(options)
    return sum(options, [])


def with_scores(g):
    return g.some(g.word("WITHSCORES"))


def range_arguments(g, key, storing):
    """Limits and options of ZRANGE and ZRANGESTORE."""
    kind, show = g.pick(["rank", "score", "name"]), [] if storing else with_scores(g)
    rev = g.some(g.word("REV"))
    if kind == "rank":
        return [key, rank(g), rank(g), *shuffled(g, rev, show)]
    if kind == "score":
        return [key, score_limit(g), score_limit(g), *shuffled(g, [g.word("BYSCORE")], rev, show, limit(g))]
    return [g.pick(SAME), name_limit(g), name_limit(g), *shuffled(g, [g.word("BYLEX")], rev, limit(g))]


def range_(g):
    return [["ZRANGE", *range_arguments(g, g.pick(MIXED), False)]]


def range_store(g):
    return [["ZRANGESTORE", g.pick(MIXED), *range_arguments(g, g.pick(MIXED), True)]]


def range_by_score(g):
    return [g.pick(["ZRANGEBYSCORE", "ZREVRANGEBYSCORE"]), g.pick(MIXED), score_limit(g), score_limit(g),
            *shuffled(g, with_scores(g), limit(g))]


def range_by_name(g):
    return [[g.pick(["ZRANGEBYLEX", "ZREVRANGEBYLEX"]), g.pick(SAME), name_limit(g), name_limit(g), *limit(g)]]


def combine(g):
    operation, storing = g.pick(["ZUNION", "ZINTER", "ZDIFF"]), g.chance(0.5)
    keys = g.several(lambda: g.pick(MIXED + SAME + SETS + SETS), 3)
    count = len(keys) if g.chance(0.97) else g.integer()
    start = [operation + "STORE", g.pick(MIXED)] if storing else [operation]
    weights = ["WEIGHTS", *[g.pick([1, 2, -1, 0, "0.5", "inf", "1e10"]) for _ in keys]]
    options = []
    if operation != "ZDIFF":
        options = [g.some(*weights, chance=0.4), g.some(g.word("AGGREGATE"), g.pick(["SUM", "min", "MAX"]), chance=0.4)]
    if not storing:
        options.append(with_scores(g))
    return [*start, count, *keys, *shuffled(g, *options)]


FILL = """if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local count = tonumber(ARGV[1])
for first = 0, count - 1, 1000 do
  local pairs = {}
  for i = first, first + 999 do pairs[#pairs + 1] = i * 7919 % count; pairs[#pairs + 1] = 'm' .. i end
  redis.call('ZADD', KEYS[1], unpack(pairs))
end"""


def many(g):
    """More than are done at once."""
    low, high = g.random.randint(-20, 2000), g.pick([-1, 17_000, 25_000])
    by = g.one_of([low, high, *g.some("REV")], [low, "+inf", "BYSCORE", *limit(g)],
                  ["+inf", low, "REV", "BYSCORE", "LIMIT", g.random.randint(0, 20), g.pick([-1, 5, 17_000])])
    target, other = g.pick(["result", "result", "many"]), g.pick(MIXED + SETS)
    command = g.one_of(["ZRANGESTORE", target, "many", *by], ["ZRANGESTORE", target, "many", *by],
                       [g.pick(["ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"]), target, 2, "many", other])
    return [["EVAL", FILL, 1, "many", g.pick([17_000, 20_000])], command, ["DEBUG", "DIGEST-VALUE", target],
            ["OBJECT", "ENCODING", target], ["ZRANGE", target, 0, 20, "WITHSCORES"], ["DEL", "result"],
            *g.some(["DEL", "many"])]


def intercard(g):
    keys = g.several(lambda: g.pick(MIXED + SETS), 3)
    return ["ZINTERCARD", len(keys), *keys, *g.some(g.word("LIMIT"), g.count())]


def mpop(g):
    keys = g.several(lambda: g.pick(MIXED), 3)
    return ["ZMPOP", len(keys), *keys, g.pick(["MIN", "MAX", "max"]), *g.some("COUNT", g.pick([1, 2, 5, 130]))]


def scan(g):
    options = [*g.some("MATCH", g.pick(["*", "m*", "1*", "?"])), *g.some("COUNT", g.pick([1, 10, 1000])),
               *g.some(g.word("NOSCORES"), chance=0.2)]
    return [["!zscan", g.pick(MIXED), *options]]


COMMANDS = [
    (16, add),
    (5, fill),
    (6, fill_same),
    (5, lambda g: ["ZINCRBY", g.pick(MIXED), score(g), member(g)]),
    (6, lambda g: ["ZREM", g.key(), *g.several(lambda: member(g))]),
    (3, lambda g: ["ZREM", g.pick(MIXED), *[f"m{i}" for i in range(g.pick([10, 100, 400]))]]),
    (3, lambda g: ["ZREMRANGEBYRANK", g.pick(MIXED), rank(g), rank(g)]),
    (3, lambda g: ["ZREMRANGEBYSCORE", g.pick(MIXED), score_limit(g), score_limit(g)]),
    (3, lambda g: [["ZREMRANGEBYLEX", g.pick(SAME), name_limit(g), name_limit(g)]]),
    (12, range_),
    (4, range_store),
    (3, lambda g: ["ZREVRANGE", g.key(), rank(g), rank(g), *with_scores(g)]),
    (6, range_by_score),
    (4, range_by_name),
    (3, lambda g: ["ZCOUNT", g.pick(MIXED), score_limit(g), score_limit(g)]),
    (3, lambda g: [["ZLEXCOUNT", g.pick(SAME), name_limit(g), name_limit(g)]]),
    (2, lambda g: ["ZCARD", g.key()]),
    (4, lambda g: ["ZSCORE", g.key(), member(g)]),
    (2, lambda g: ["ZMSCORE", g.key(), *g.several(lambda: member(g))]),
    (5, lambda g: [g.pick(["ZRANK", "ZREVRANK"]), g.key(), member(g), *g.some(g.word("WITHSCORE"))]),
    (4, lambda g: [g.pick(["ZPOPMIN", "ZPOPMAX"]), g.key(), *g.some(g.pick([0, 1, 3, 100, 1000]))]),
    (3, mpop),
    (12, combine),
    (0.2, many),
    (3, intercard),
    (3, lambda g: ["ZRANDMEMBER", g.pick(MIXED), *g.some(g.random.randint(-20, 20), *with_scores(g))]),
    (2, scan),
    (2, lambda g: ["ZSCAN", g.key(), g.pick([0, "x", -1, 2**64]), *g.some("COUNT", g.integer())]),
    (5, lambda g: ["OBJECT", "ENCODING", g.key()]),
    (2, lambda g: ["DEL", g.key()]),
    (1, lambda g: ["SET", g.key(), "x"]),
    (1, lambda g: ["EXPIRE", g.key(), FAR_SECONDS]),
    (1, lambda g: ["COPY", g.pick(MIXED), g.pick(MIXED), "REPLACE"]),
    (4, lambda g: ["SADD", g.pick(SETS), *g.several(lambda: member(g), 10)]),
    (0.5, limits),
]
