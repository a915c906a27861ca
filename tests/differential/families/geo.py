# SPDX-License-Identifier: BSD-3-Clause
"""Places, everywhere and close to one another."""

# Distances are kept apart: as scores they are many places at the same point, and how equal ones are ordered when COUNT
# cuts them is not defined.
KEYS, DISTANCES = ["a", "b", "c"], "d"


def probes(key):
    return [["TYPE", key], ["OBJECT", "ENCODING", key], ["ZRANGE", key, 0, -1, "WITHSCORES"]]


def member(g):
    return f"m{g.random.randrange(g.pick([10, 100, 1000]))}"


CENTRES = [(0, 0), (13.36, 38.11), (-122.4, 37.8), (179.9, -20), (-179.95, 66.5), (30, 84.9), (-60, -84), (0.001, 81)]


def longitude(g):
    return g.pick([180, -180, 0, 90]) if g.chance(0.05) else round(g.random.uniform(-180, 180), g.pick([0, 3, 8]))


def latitude(g):
    edge = [85.05112878, -85.05112878, 0, 66, 80]
    return g.pick(edge) if g.chance(0.05) else round(g.random.uniform(-85, 85), g.pick([0, 3, 8]))


def clamp(x, most):
    return max(-most, min(most, x))


def near(g, spread):
    x, y = g.pick(CENTRES)
    return [repr(clamp(x + g.random.gauss(0, spread), 180)), repr(clamp(y + g.random.gauss(0, spread), 85))]


def point(g):
    if g.chance(0.02):
        return g.one_of([181, 0], [0, 86], ["x", 0], ["nan", 1], ["inf", 2], [1e300, -1e300])
    return [longitude(g), latitude(g)] if g.chance(0.4) else near(g, g.pick([0.001, 0.1, 2, 10]))


def add(g):
    options = [*g.some(g.word("CH"), chance=0.2), *g.one_of([], [], [], [g.word("NX")], [g.word("XX")])]
    places = sum(([*point(g), member(g)] for _ in range(g.pick([1, 2, 3, 20, 150]))), [])
    return ["GEOADD", g.key(), *options, *places]


def unit(g):
    return g.pick(["m", "km", "ft", "mi", "KM", "M"])


def size(g):
    return g.pick([0, 1, 10, 100, 500, 1000, 5000, 10_000, 20_000, 50_000, round(g.random.uniform(0, 3000), 3), "1e9"])


def circle(g):
    return [size(g), unit(g)]


def options(g, many=True):
    chosen = [g.some(g.word("WITHDIST")), g.some(g.word("WITHHASH")), g.some(g.word("WITHCOORD")),
              g.one_of([], [g.word("ASC")], [g.word("DESC")]), g.one_of([], [], ["COUNT", g.pick([1, 3, 10, 1000])],
                                                                        ["COUNT", 5, g.word("ANY")])]
    if not many:
        chosen = chosen[3:]
    g.random.shuffle(chosen)
    return sum(chosen, [])


def centre(g):
    return g.one_of(["FROMMEMBER", member(g)], ["FROMLONLAT", *point(g)], ["FROMLONLAT", *point(g)])


def polygon(g):
    x, y = g.pick(CENTRES)
    spread = g.pick([0.01, 1, 5, 20, 60])
    count = g.pick([3, 4, 5, 8])
    vertices = [[repr(clamp(x + g.random.gauss(0, spread), 180)), repr(clamp(y + g.random.gauss(0, spread), 85))]
                for _ in range(count)]
    return ["BYPOLYGON", count, *sum(vertices, [])]


def area(g):
    kind = g.random.randrange(5)
    if kind < 2:
        parts = [centre(g), [g.word("BYRADIUS"), *circle(g)]]
    elif kind < 4:
        parts = [centre(g), [g.word("BYBOX"), size(g), size(g), unit(g)]]
    else:
        parts = [polygon(g)]
    g.random.shuffle(parts)
    return sum(parts, [])


def radius(g):
    command, start = g.one_of(["GEORADIUS", point(g)], ["GEORADIUSBYMEMBER", [member(g)]])
    if g.chance(0.3):
        store = sum((g.one_of(["STORE", g.key()], ["STOREDIST", DISTANCES]) for _ in range(g.pick([1, 1, 2]))), [])
        return [command, g.key(), *start, *circle(g), *options(g, g.chance(0.1)), *store]
    return [command + g.pick(["", "_RO"]), g.key(), *start, *circle(g), *options(g)]


FILL = """if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local count = tonumber(ARGV[1])
for first = 0, count - 1, 1000 do
  local places = {}
  for i = first, first + 999 do
    places[#places + 1] = string.format('%.5f', (i * 7919 % count) / count * 150 - 70)
    places[#places + 1] = string.format('%.5f', (i * 104729 % count) / count * 150 - 72)
    places[#places + 1] = 'm' .. i
  end
  redis.call('GEOADD', KEYS[1], unpack(places))
end"""


def many(g):
    """More than are looked at at once."""
    where = g.one_of(area(g), ["FROMLONLAT", *near(g, 10), "BYRADIUS", g.pick([5000, 12_000, "1e9"]), "km"])
    to = ["STORE", "result"] if g.chance(0.5) else ["STOREDIST", "result"]
    command = g.one_of(["GEOSEARCH", "places", *where, *options(g)], ["GEOSEARCH", "places", *where, "COUNT", 16_000, "ANY"],
                       ["GEOSEARCHSTORE", "result", "places", *where, *options(g, False)],
                       ["GEOSEARCHSTORE", "result", "places", *where, "STOREDIST"],
                       ["GEORADIUS", "places", *near(g, 10), 10_000, "km", *options(g, False), *to])
    return [["EVAL", FILL, 1, "places", g.pick([17_000, 23_000])], command, ["DEBUG", "DIGEST-VALUE", "result"],
            ["OBJECT", "ENCODING", "result"], ["ZRANGE", "result", 0, 20, "WITHSCORES"], ["DEL", "result"],
            *g.some(["DEL", "places"])]


COMMANDS = [
    (12, add),
    (6, lambda g: ["GEOPOS", g.key(), *g.several(lambda: member(g))]),
    (6, lambda g: ["GEOHASH", g.key(), *g.several(lambda: member(g))]),
    (10, lambda g: ["GEODIST", g.key(), member(g), member(g), *g.some(unit(g))]),
    (25, lambda g: ["GEOSEARCH", g.key(), *area(g), *options(g)]),
    (4, lambda g: ["GEOSEARCHSTORE", g.key(), g.key(), *area(g), *options(g, g.chance(0.1))]),
    (2, lambda g: ["GEOSEARCHSTORE", DISTANCES, g.key(), *area(g), *options(g, False), "STOREDIST"]),
    (2, lambda g: ["ZRANGE", DISTANCES, 0, -1, "WITHSCORES"]),
    (12, radius),
    (0.15, many),
    (1, lambda g: ["ZADD", g.key(), g.pick([1, -5, "inf", "-inf", "1e300", 2**53, 2**52, 0.5]), member(g)]),
    (2, lambda g: ["ZREM", g.key(), member(g)]),
    (1, lambda g: ["DEL", g.key()]),
]
