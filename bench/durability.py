# SPDX-License-Identifier: BSD-3-Clause
"""What keeping the data costs: each server against itself without a journal."""

import contextlib
import pathlib
import shutil
import tempfile

import load
import peer
from report import Row

KEYS = 100_000

# name, depth, how much of the throughput without a journal is to be left
ALWAYS = [
    ("SET of 50 connections, no pipeline", 1, 0.85),
    ("SET, pipeline of 16", 16, 0.8),
]
EVERYSEC_GOAL = 1.15

VALKEYS = {"none": ("--appendonly", "no"),
           "everysec": ("--appendonly", "yes", "--appendfsync", "everysec"),
           "always": ("--appendonly", "yes", "--appendfsync", "always")}


@contextlib.contextmanager
def directory():
    """(as Strata sees it, as Valkey does) of a directory on the disk that both write to."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="strata-bench-", dir=peer.directory() / "tmp"))
    path.chmod(0o777)
    try:
        yield path, pathlib.Path("/tmp", path.name)
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def pair(servers, durability):
    """{"strata-..": server, "valkey-..": server}: both without a journal, and with one."""
    with contextlib.ExitStack() as stack:
        running = {}
        for kind in ("none", durability):
            ours, theirs = stack.enter_context(directory())
            running[f"strata-{kind}"] = stack.enter_context(
                servers.strata("--home", f"dir:{ours}/home", "--durability", kind, cores=None))
            running[f"valkey-{kind}"] = stack.enter_context(
                servers.valkey("--dir", theirs, "--auto-aof-rewrite-percentage", "0", *VALKEYS[kind], cores=None))
        for server in running.values():
            load.run(server, "fill", cores=None, depth=64, key_count=KEYS)
        yield running


@contextlib.contextmanager
def floors(servers):
    """The same of a server that does nothing but write and sync."""
    with directory() as (path, _), servers.floor("set", cores=None) as none, \
            servers.floor("set", path / "synced", cores=None) as synced:
        yield {"floor-none": none, "floor-always": synced}


def always(servers, options):
    """Throughput when each reply waits for the disk. The load and the server have all cores together, so that the
    thread that writes has a place, too."""
    rows, names = [], ("strata", "valkey", "floor")
    with pair(servers, "always") as running, floors(servers) as lowest:
        for name, depth, goal in ALWAYS:
            found = load.alternate(running | lowest, options.rounds, lambda server: load.run(
                server, "set", cores=None, depth=depth, key_count=KEYS, seconds=options.seconds))
            ratio = {whose: found[f"{whose}-always"]["per_second"] / found[f"{whose}-none"]["per_second"] for whose in names}
            cells = [f"{found[f'{whose}-always']['per_second'] / 1000:,.0f} of "
                     f"{found[f'{whose}-none']['per_second'] / 1000:,.0f} k/s" for whose in ("strata", "valkey")]
            rows.append(Row(name, *cells, f"{ratio['strata']:.2f} (Valkey {ratio['valkey']:.2f}, floor {ratio['floor']:.2f})",
                            f"{goal}", ratio["strata"] >= goal))
    return rows


def everysec(servers, options):
    """Processor time of the server, all its threads, for each command."""
    rows = []
    with pair(servers, "everysec") as running:
        for name, depth, _ in ALWAYS:
            found = load.alternate(running, options.rounds, lambda server: load.run(
                server, "set", cores=None, depth=depth, key_count=KEYS, requests=options.scaled(1_000_000)))
            times = {whose: found[f"{whose}-everysec"]["cpu_us"] / found[f"{whose}-none"]["cpu_us"]
                     for whose in ("strata", "valkey")}
            cells = [f"{found[f'{whose}-everysec']['cpu_us']:.2f} against "
                     f"{found[f'{whose}-none']['cpu_us']:.2f} us CPU" for whose in ("strata", "valkey")]
            rows.append(Row(name, *cells, f"{times['strata']:.2f} times (Valkey {times['valkey']:.2f})",
                            f"{EVERYSEC_GOAL}", times["strata"] <= EVERYSEC_GOAL))
    return rows
