# SPDX-License-Identifier: BSD-3-Clause
"""Memory for each key, the worst pause while a keyspace grows, and what comes back after a deletion."""

import time

import load
from report import Row

# name, kind of keys, how many, bytes for each key that Strata needs at most
FILLS = [
    ("UUID keys, values of about 35 bytes", "uuid", 1_000_000, 92),
    ("JSON documents of about 200 bytes", "json", 200_000, 275),
]


def bytes_per_key(server, kind, count):
    before = server.settled_resident_bytes()
    load.run(server, "fill", keys=kind, key_count=count, depth=16)
    assert server.command("DBSIZE") == count
    return (server.settled_resident_bytes() - before) / count


def per_key(servers, _options):
    """Growth of resident memory; each fill on a fresh server."""
    rows = []
    for name, kind, count, goal in FILLS:
        with servers.strata() as strata:
            ours = bytes_per_key(strata, kind, count)
        with servers.valkey() as valkey:
            theirs = bytes_per_key(valkey, kind, count)
        rows.append(Row(f"{count:,} {name}", f"{ours:.1f} bytes/key", f"{theirs:.1f} bytes/key",
                        f"{100 * (1 - ours / theirs):.0f} % less", f"{goal} bytes", ours <= goal))
    return rows


def worst_command_us(server):
    """The longest that one command took inside the server, since CONFIG RESETSTAT and SLOWLOG RESET."""
    own = server.info("stats", "worst_command_usec")
    if own is not None:
        return int(own)
    slowest = [entry[2] for entry in server.command("SLOWLOG", "GET", "-1")]
    return max(slowest, default=SLOW_US)


SLOW_US = 100
GROWTH_GOAL_US = 1000


def growth(servers, options):
    """From nothing to ten million keys. Where a server does not say what its worst command took, its slow log does,
    down to SLOW_US."""
    count = options.scaled(10_000_000)
    found = []
    for start in (servers.strata, servers.valkey):
        with start("--slowlog-log-slower-than", str(SLOW_US), "--slowlog-max-len", "100000") as server:
            server.command("CONFIG", "RESETSTAT")
            run = load.run(server, "fill", key_count=count, depth=16)
            found.append((worst_command_us(server), run["max_us"], run["per_second"]))
    ours, theirs = found
    cells = [f"worst command {us:,} us, worst batch {batch / 1000:.1f} ms, {rate / 1000:,.0f} k/s"
             for us, batch, rate in found]
    return [Row(f"0 to {count:,} keys by SET", *cells, f"{theirs[0] / max(ours[0], 1):.1f} times shorter",
                f"{GROWTH_GOAL_US} us", ours[0] <= GROWTH_GOAL_US)]


PATIENCE_SECONDS = 20


def shrink_once(server, count):
    """(bytes when full, bytes after, seconds until then) of filling and deleting 75 % of the keys at random."""
    load.run(server, "fill", key_count=count, depth=64)
    full = server.settled_resident_bytes()
    load.run(server, "del", key_count=count, depth=64, sample=0.75)
    start, lowest, seconds = time.monotonic(), server.resident_bytes(), 0.0
    while time.monotonic() - start < PATIENCE_SECONDS:
        time.sleep(0.25)
        now = server.resident_bytes()
        if now < lowest * 0.99:
            lowest, seconds = now, time.monotonic() - start
    return full, lowest, seconds


def shrink(servers, options):
    """Resident memory given back after 75 % of random keys are deleted."""
    count = options.scaled(4_000_000)
    cells, falls = [], []
    for start in (servers.strata, servers.valkey):
        with start() as server:
            full, after, seconds = shrink_once(server, count)
        falls.append(1 - after / full)
        cells.append(f"{full / 2**20:,.0f} to {after / 2**20:,.0f} MiB in {seconds:.1f} s")
    return [Row(f"75 % of {count:,} keys deleted", *cells,
                f"falls by {100 * falls[0]:.0f} % (Valkey {100 * falls[1]:.0f} %)", "60 %", falls[0] >= 0.6)]
