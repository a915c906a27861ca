# SPDX-License-Identifier: BSD-3-Clause
"""Data types: processor time for each command on large collections, memory, and what a deletion costs others."""

import math
import threading
import time
import typing

import load
import pipeline
from report import Row

SIZE = 1_000_000


class Load(typing.NamedTuple):
    """`command` is what the load generator makes requests of (bench/template.h); `fill`, once over all keys, comes
    before everything, and with `again` before each round, into an empty server."""
    name: str
    goal: float  # how many times less processor time than Valkey
    command: str
    fill: str = ""
    again: bool = False
    workload: str = "command"
    requests: int = 1_000_000
    connections: int = 50


ZSET, HASH, SET = "ZADD zset {score} member:{key}", "HSET hash field:{key} value:{hash}", "SADD set member:{key}"
LIST, STREAM = "RPUSH list element:{key}", "XADD stream {turn}-1 field value:{key}"
PLACES = "GEOADD places {lon} {lat} place:{key}"

LOADS = [
    Load("ZADD of new members", 3.5, ZSET, again=True, workload="each"),
    Load("ZADD of new scores", 3.5, "ZADD zset {any} member:{key}", ZSET),
    Load("ZRANGE of 100 by rank", 2, "ZRANGE zset {any} {end}", ZSET, requests=100_000),
    Load("ZRANGE of 100 by score", 2, "ZRANGE zset {any} +inf BYSCORE LIMIT 0 100", ZSET, requests=100_000),
    Load("ZRANK", 2, "ZRANK zset member:{key}", ZSET),
    Load("HSET of new fields", 2.5, HASH, again=True, workload="each"),
    Load("HSET of new values", 2.5, "HSET hash field:{key} value:{any}", HASH),
    Load("SADD of new members", 2.5, SET, again=True, workload="each"),
    Load("SISMEMBER", 2.5, "SISMEMBER set member:{key}", SET),
    Load("LPUSH", 2, "LPUSH list element:{key}", again=True),
    Load("RPOP", 2, "RPOP list", LIST, again=True),
    Load("LINDEX in the middle", 50, "LINDEX list {any}", LIST, requests=100_000),
    Load("XADD", 2, "XADD stream * field value:{key}", again=True),
    Load("XREADGROUP, XACK", 2, "XREADGROUP GROUP group consumer COUNT 1 STREAMS stream > ; XACK stream group {turn}-1",
         STREAM, again=True, connections=1),
    Load("PFADD", 1.5, "PFADD hll element:{hash}", again=True),
    Load("GEOSEARCH of 50 km", 1.5, "GEOSEARCH places FROMLONLAT {lon} {lat} BYRADIUS 50 km ASC", PLACES,
         requests=100_000),
]


def fill(server, command, count):
    """Once over all keys, in order."""
    if command:
        load.run(server, "each", command=command, key_count=count, depth=64, connections=1)
    if command == STREAM:
        server.command("XGROUP", "CREATE", "stream", "group", 0)


def measure(server, wanted, options):
    if wanted.again:
        server.command("FLUSHALL")
        fill(server, wanted.fill, options.scaled(SIZE))
    return load.run(server, wanted.workload, command=wanted.command, depth=64, connections=wanted.connections,
                    key_count=options.scaled(SIZE), requests=options.scaled(wanted.requests))


def commands(servers, options):
    """Each on one collection of a million elements, pipeline of 64."""
    rows = []
    with servers.strata() as strata, servers.valkey() as valkey:
        both, filled = {"strata": strata, "valkey": valkey}, None
        for wanted in LOADS:
            if not wanted.again and wanted.fill != filled:
                for server in both.values():
                    server.command("FLUSHALL")
                    fill(server, wanted.fill, options.scaled(SIZE))
            filled = None if wanted.again else wanted.fill
            found = load.alternate(both, options.rounds, lambda server, wanted=wanted: measure(server, wanted, options))
            ours, theirs = found["strata"]["cpu_us"], found["valkey"]["cpu_us"]
            less = theirs / ours if ours else math.inf
            rows.append(Row(wanted.name, f"{ours:.3f} us CPU", f"{theirs:.3f} us CPU", f"{less:.1f} times less CPU",
                            f"{wanted.goal}", less >= wanted.goal))
    return rows


class Memory(typing.NamedTuple):
    name: str
    goal: typing.Optional[float]  # bytes for each of `count`; None: what Valkey needs
    command: str
    count: int = SIZE


FIELDS = " ".join(f"field{i} value:{i}" for i in range(8))  # 104 bytes
MEMBERS = " ".join(f"{i}{i} member:{i}" for i in range(10))

MEMORY = [
    Memory("hash: a field of 12 bytes, a value of 16", 50, "HSET hash {key} {hash}"),
    Memory("sorted set: a member of 13 bytes", 50, "ZADD zset {score} m{key}"),
    Memory("set: a member of 21 bytes", 40, "SADD set memb:{hash}"),
    Memory("list: an element of 20 bytes", None, "RPUSH list elem{hash}"),
    Memory("stream: an entry of 2 fields", None, "XADD stream * a {key} b {any}"),
    Memory("small hashes: one of 8 fields", 205, "HSET hash:{key} " + FIELDS, 100_000),
    Memory("small sorted sets: one of 10 members", 225, "ZADD zset:{key} " + MEMBERS, 50_000),
]


def bytes_each(start, wanted):
    with start() as server:
        before = server.settled_resident_bytes()
        fill(server, wanted.command, wanted.count)
        return (server.settled_resident_bytes() - before) / wanted.count


def memory(servers, _options):
    rows = []
    for wanted in MEMORY:
        ours, theirs = bytes_each(servers.strata, wanted), bytes_each(servers.valkey, wanted)
        goal = wanted.goal or 1.01 * theirs
        rows.append(Row(wanted.name, f"{ours:.1f} bytes", f"{theirs:.1f} bytes",
                        f"{100 * (1 - ours / theirs):.0f} % less", f"{goal:.1f} bytes", ours <= goal))
    return rows


DELETION_SECONDS = 2


def worst_latency_ms(server):
    """Of a client that asks for one small thing after the other while another deletes the set."""
    deleter, worst, end = pipeline.Connection(server.port), 0, time.monotonic() + DELETION_SECONDS
    thread = threading.Timer(0.2, deleter.run, [pipeline.encoded("DEL", "set")])
    thread.start()
    while time.monotonic() < end:
        start = time.monotonic()
        server.command("EXISTS", "nothing")
        worst = max(worst, time.monotonic() - start)
    thread.join()
    deleter.close()
    return worst * 1000


def deletion(servers, options):
    count, found = options.scaled(10_000_000), []
    for start in (servers.strata, servers.valkey):
        with start() as server:
            fill(server, "SADD set member:{hash}", count)
            found.append(worst_latency_ms(server))
    return [Row(f"DEL of a set of {count:,}", *(f"{worst:.2f} ms" for worst in found),
              f"{found[1] / found[0]:.1f} times shorter", "10 ms", found[0] <= 10)]
