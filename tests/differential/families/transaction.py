# SPDX-License-Identifier: BSD-3-Clause
"""MULTI and WATCH, on two connections that get into each other's way. Each may be within a transaction or not when the
other changes what it watches."""

KEYS = ["a", "b", "c", "list", "hash", "set", "zset", "stream"]
OTHERS = ["other", "x"]
CONNECTIONS = ["", "", "@2", "@2", "@3"]


def probes(key):
    return [["?", "DISCARD"], ["?", "SELECT", 0], ["TYPE", key], ["GET", key], ["LRANGE", key, 0, -1], ["HLEN", key], ["SCARD", key],
            ["ZRANGE", key, 0, -1], ["XLEN", key]]


def strings(g):
    key = g.pick(["a", "b", "c"])
    return g.one_of(["SET", key, g.count()], ["GET", key], ["INCR", key], ["APPEND", key, "1"], ["DEL", key], ["GETDEL", key],
                    ["SETRANGE", key, g.count(3), "12"], ["SET", key, 1, "EX", 100000], ["PERSIST", key], ["EXPIRE", key, 100000],
                    ["EXPIRE", key, -1], ["SETNX", key, 5], ["MSET", "a", 1, "b", 2], ["SETBIT", key, g.count(), 1],
                    ["BITOP", "NOT", key, "a"], ["GETEX", key, "PERSIST"], ["MSETNX", "a", 1, "c", 2])


def collections(g):
    n = g.count(3)
    return g.one_of(["RPUSH", "list", n], ["LPOP", "list"], ["LREM", "list", 0, n], ["LINSERT", "list", "BEFORE", n, 9],
                    ["LTRIM", "list", 0, 3], ["RPOPLPUSH", "list", "list"], ["BLPOP", "list", 0.001], ["LSET", "list", 0, n],
                    ["HSET", "hash", f"f{n}", n], ["HDEL", "hash", f"f{n}"], ["HINCRBY", "hash", f"f{n}", 1],
                    ["HSETNX", "hash", f"f{n}", 1], ["HPERSIST", "hash", "FIELDS", 1, f"f{n}"],
                    ["HEXPIRE", "hash", 100000, "FIELDS", 1, f"f{n}"],
                    ["SADD", "set", n], ["SREM", "set", n], ["SMOVE", "set", "other", n], ["SUNIONSTORE", "other", "set"],
                    ["SINTERSTORE", "set", "other"], ["SORT", "set", "STORE", "list"],
                    ["ZADD", "zset", n, "m"], ["ZADD", "zset", "GT", n, "m"], ["ZREM", "zset", "m"], ["ZPOPMIN", "zset"],
                    ["ZINCRBY", "zset", 1, "m"], ["ZREMRANGEBYSCORE", "zset", 0, n], ["ZUNIONSTORE", "zset", 1, "set"],
                    ["XTRIM", "stream", "MAXLEN", n],
                    ["XADD", "stream", "MAXLEN", 3, f"{n}-*" if n else "9-*", "f", "v"], ["XDEL", "stream", f"{n}-0"],
                    ["LPUSH", "a", 1], ["GET", "list"], ["PFADD", "other", n])


def whole(g):
    keys = KEYS + OTHERS
    return g.one_of(["RENAME", g.pick(keys), g.pick(keys)], ["COPY", g.pick(keys), g.pick(keys), "REPLACE"], ["DEL", g.pick(keys)],
                    ["UNLINK", *g.several(lambda: g.pick(keys))], ["MOVE", g.key(), 1], ["SWAPDB", 0, 1], ["FLUSHDB"],
                    ["FLUSHALL", g.pick(["SYNC", "ASYNC"])], ["SELECT", g.pick([0, 0, 1, "x", 99])], ["DBSIZE"],
                    ["EXISTS", *KEYS], ["TOUCH", g.key()], ["RENAMENX", g.pick(keys), g.pick(keys)])


def command(g):
    return g.random.choices([strings, collections, whole], [6, 6, 1])[0](g)


def control(g):
    return g.one_of(["MULTI"], ["MULTI"], ["EXEC"], ["EXEC"], ["DISCARD"], ["UNWATCH"], ["WATCH", *g.several(g.key)], ["RESET"],
                    ["EXEC", "x"], ["NOSUCH"], ["SET", "a"], ["PING"], ["ECHO", "x"])


def on(connection, *steps):
    return [[connection, *step] if connection else step for step in steps]


def anything(g):
    make = g.random.choices([command, control], [3, 1])[0]
    return on(g.pick(CONNECTIONS), make(g))


def back_in_order(g):
    """Otherwise they get lost in other databases."""
    return on(g.pick(CONNECTIONS), ["RESET"], *([["?", "HELLO", 3]] if g.chance(0.3) else []))


def transaction(g):
    one, other = g.random.sample(["", "@2", "@3"], 2)
    steps = on(one, ["WATCH", *g.several(g.key, most=3)]) if g.chance(0.7) else []
    if g.chance(0.5):
        steps += on(g.pick([one, other, other]), command(g))
    steps += on(one, ["MULTI"])
    for _ in range(g.count(4)):
        steps += on(one, perhaps_wrong(g))
        if g.chance(0.2):
            steps += on(other, command(g))
    return steps + on(one, ["EXEC"])


def perhaps_wrong(g):
    return control(g) if g.chance(0.03) else command(g)


COMMANDS = [(10, transaction), (6, anything), (1, back_in_order)]
