# SPDX-License-Identifier: BSD-3-Clause
"""How well eviction chooses: the hit rate of a cache with room for a tenth of the keys that are asked for.

Both servers hold about the same number of keys, whatever memory each needs for them: maxmemory is adjusted until they
do.
"""

import load
from report import Row

KEYS = 1_000_000
ROOM = 100_000
EXPONENT = 0.9
TOLERANCE = 0.01
WORK = {"zipf": EXPONENT, "key_count": KEYS, "depth": 16}


def memory(server):
    """What maxmemory holds against: Strata's resident memory, Valkey's own count."""
    return server.resident_bytes() if server.name == "Strata" else int(server.info("memory", "used_memory"))


def settle(server, requests):
    """Finds the maxmemory at which about ROOM keys stay; leaves the server warm."""
    empty = memory(server)
    load.run(server, "fill", key_count=ROOM, depth=16)
    limit = memory(server)
    each = (limit - empty) / ROOM
    server.command("FLUSHALL", "SYNC")
    for _ in range(12):
        server.command("CONFIG", "SET", "maxmemory", int(limit))
        load.run(server, "cache", requests=requests, may_fail=True, **WORK)
        missing = ROOM - server.command("DBSIZE")
        if abs(missing) <= TOLERANCE * ROOM:
            break
        limit += missing * each


def hit_rate(server, requests):
    """(share of GETs that found their key, keys that stayed)"""
    settle(server, requests)
    run = load.run(server, "cache", requests=requests, seed=2, may_fail=True, **WORK)
    return 1 - run["nils"] / run["requests"], server.command("DBSIZE")


def weight(count):
    """How often the `count` keys that are asked for most are asked for."""
    return sum(rank ** -EXPONENT for rank in range(1, count + 1))


def hit_rates(servers, options):
    """Compared is how much of what a cache of as many keys could reach at best is reached: the numbers of keys are
    never quite the same."""
    rows = []
    for policy in ("allkeys-lru", "allkeys-lfu"):
        cells, shares = [], []
        for start in (servers.strata, servers.valkey):
            with start("--maxmemory-policy", policy) as server:
                rate, resident = hit_rate(server, options.scaled(4_000_000))
            shares.append(rate / (weight(resident) / weight(KEYS)))
            cells.append(f"{100 * rate:.2f} % of GETs hit, {resident:,} keys, {100 * shares[-1]:.1f} % of the best")
        rows.append(Row(policy, *cells, f"{100 * (shares[0] - shares[1]):+.1f} points", "Valkey's",
                        shares[0] >= shares[1] - 0.003))
    return rows
