# SPDX-License-Identifier: BSD-3-Clause
"""Processor time for each command, with and without a pipeline, and what a second worker adds."""

import load
from report import Row

KEYS = 1_000_000

# name, workload, depth, how many times less processor time than Valkey
PIPELINES = [
    ("GET, pipeline of 64", "get", 64, 2.5),
    ("GET, pipeline of 16", "get", 16, 1.7),
    ("SET, pipeline of 16", "set", 16, 1.8),
    ("INCR, pipeline of 64", "incr", 64, 2.5),
]


def prepare(server, workload, keys):
    """What a workload reads is there before it starts."""
    server.command("FLUSHALL")
    if workload == "incr":
        load.run(server, "incr", depth=64, key_count=keys, requests=keys)
    else:
        load.run(server, "fill", depth=64, key_count=keys)


def pipelines(servers, options):
    rows = []
    with servers.strata() as strata, servers.valkey() as valkey:
        both = {"strata": strata, "valkey": valkey}
        for name, workload, depth, goal in PIPELINES:
            for server in both.values():
                prepare(server, workload, KEYS)
            found = load.alternate(both, options.rounds, lambda server: load.run(
                server, workload, depth=depth, key_count=KEYS, requests=options.scaled(3_000_000)))
            ours, theirs = found["strata"], found["valkey"]
            less = theirs["cpu_us"] / ours["cpu_us"]
            rows.append(Row(name, shown(ours), shown(theirs), f"{less:.2f} times less CPU", f"{goal}", less >= goal))
    return rows


def shown(found):
    return f"{found['cpu_us']:.3f} us CPU, {found['per_second'] / 1000:,.0f} k/s"


def no_pipeline(servers, options):
    """One request at a time on each of 50 connections: nearly all of it is the kernel's, so the comparison is with a
    server that does nothing."""
    rows = []
    for workload in ("get", "set"):
        with servers.strata() as strata, servers.valkey() as valkey, servers.floor(workload) as floor:
            prepare(strata, workload, KEYS)
            prepare(valkey, workload, KEYS)
            every = {"strata": strata, "valkey": valkey, "floor": floor}
            found = load.alternate(every, options.rounds, lambda server: load.run(
                server, workload, key_count=KEYS, requests=options.scaled(1_000_000)))
        ours, lowest = found["strata"], found["floor"]
        times = ours["cpu_us"] / lowest["cpu_us"]
        valkeys = found["valkey"]["cpu_us"] / lowest["cpu_us"]
        rows.append(Row(f"{workload.upper()}, no pipeline", shown(ours), shown(lowest),
                        f"{times:.2f} times the floor (Valkey {valkeys:.2f})", "1.2", times <= 1.2))
    return rows


# Requests that make the server work more than the load, which shares its cores.
WORKERS_LOADS = [
    ("EXISTS of 10 keys, pipeline of 64", {"workload": "exists", "depth": 64}),
    ("GET, pipeline of 512", {"workload": "get", "depth": 512}),
]


def workers(servers, options):
    """The same load on one worker and on two. With two, server and load share two cores, so the ratio cannot reach 2
    by as much as the load itself uses; `load` says how much that is."""
    rows = []
    for name, work in WORKERS_LOADS:
        with servers.strata(workers=1, cores=None) as one, servers.strata(workers=2, cores=None) as two:
            for server in (one, two):
                prepare(server, "get", KEYS)
            found = load.alternate({"one": one, "two": two}, options.rounds, lambda server: load.run(
                server, cores=None, key_count=KEYS, seconds=options.seconds, **work))
        ones, twos = found["one"], found["two"]
        times = twos["per_second"] / ones["per_second"]
        share = twos["load_cpu_seconds"] / twos["seconds"]
        rows.append(Row(name, f"2 workers: {shown(twos)}", f"1 worker: {shown(ones)}",
                        f"{times:.2f} times the throughput, load {share:.2f} cores", "1.6", times >= 1.6))
    return rows
