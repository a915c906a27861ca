# SPDX-License-Identifier: BSD-3-Clause
"""How well eviction chooses: the hit rate of a cache with room for a tenth of the keys that are asked for.

Both servers hold the same number of keys, whatever memory each needs for them: maxmemory is adjusted until they do.
"""

import load
from report import Row

KEYS = 1_000_000
ROOM = 100_000
EXPONENT = 0.9
TOLERANCE = 0.01
WORK = {"zipf": EXPONENT, "key_count": KEYS, "depth": 16}


def used_memory(server):
    return int(server.info("memory", "used_memory"))


def settle(server, requests):
    """Finds the maxmemory at which about ROOM keys stay; leaves the server warm."""
    empty = used_memory(server)
    load.run(server, "fill", key_count=ROOM, depth=16)
    limit = used_memory(server)
    server.command("FLUSHALL")
    for _ in range(8):
        server.command("CONFIG", "SET", "maxmemory", int(limit))
        load.run(server, "cache", requests=requests, may_fail=True, **WORK)
        resident = server.command("DBSIZE")
        if abs(resident - ROOM) <= TOLERANCE * ROOM:
            break
        limit = empty + (limit - empty) * ROOM / max(resident, 1)


def hit_rate(server, requests):
    """(share of GETs that found their key, keys that stayed)"""
    settle(server, requests)
    run = load.run(server, "cache", requests=requests, seed=2, may_fail=True, **WORK)
    return 1 - run["nils"] / run["requests"], server.command("DBSIZE")


def ideal():
    """Of a cache that holds just the keys that are asked for most."""
    def weight(count):
        return sum(rank ** -EXPONENT for rank in range(1, count + 1))
    return weight(ROOM) / weight(KEYS)


def hit_rates(servers, options):
    rows, best = [], ideal()
    for policy in ("allkeys-lru", "allkeys-lfu"):
        cells, rates = [], []
        for start in (servers.strata, servers.valkey):
            with start("--maxmemory-policy", policy) as server:
                rate, resident = hit_rate(server, options.scaled(4_000_000))
            rates.append(rate)
            cells.append(f"{100 * rate:.2f} % of GETs hit, {resident:,} keys")
        rows.append(Row(policy, *cells, f"{100 * (rates[0] - rates[1]):+.2f} points (ideal {100 * best:.2f} %)",
                        "Valkey's", rates[0] >= rates[1] - 0.002))
    return rows
