# SPDX-License-Identifier: BSD-3-Clause
"""Snapshots: what one costs in time and memory, what clients notice of it, and how soon a server is there again."""

import contextlib
import functools
import pathlib
import re
import tempfile
import threading
import time

import load
import peer
from report import Row
from servers import ServerError

KEYS = 5_000_000
RATE = 10_000  # requests a second while latencies are measured: far from what either server can do
SAMPLE_SECONDS = 0.05


@contextlib.contextmanager
def folders():
    """A folder on the same disk for each server: the paths as Strata and as Valkey sees them."""
    root = peer.directory()
    with tempfile.TemporaryDirectory(dir=root / "tmp", prefix="strata-bench-") as name:
        top = pathlib.Path(name)
        for path in (top, top / "strata", top / "valkey"):
            path.mkdir(exist_ok=True)
            path.chmod(0o777)
        yield str(top / "strata"), "/" + str((top / "valkey").relative_to(root))


def fill(server, keys):
    load.run(server, "fill", key_count=keys, depth=64)


def times_faster(found, what):
    return found["valkey"][what] / max(found["strata"][what], 1e-9)


# ---- speed ----

def save(server):
    cpu, wall = server.cpu_seconds(), time.monotonic()
    server.command("SAVE")
    return {"cpu": server.cpu_seconds() - cpu, "wall": time.monotonic() - wall}


def speed(servers, options):
    """SAVE, which Valkey does without a fork, on one core. Processor time is compared: the disk is the same."""
    keys, rows = options.scaled(KEYS), []
    with folders() as (ours, theirs), servers.strata("--dir", ours) as strata, servers.valkey("--dir", theirs) as valkey:
        for server in (strata, valkey):
            fill(server, keys)
        for compression in ("no", "yes"):
            for server in (strata, valkey):
                server.command("CONFIG", "SET", "rdbcompression", compression)
            found = load.alternate({"strata": strata, "valkey": valkey}, options.rounds, save)
            cells = [f"{keys / found[name]['cpu'] / 1e6:.1f} M keys/s, {found[name]['wall']:.1f} s on the clock"
                     for name in ("strata", "valkey")]
            faster = times_faster(found, "cpu")
            rows.append(Row(f"SAVE of {keys:,} small keys, rdbcompression {compression}", *cells,
                            f"{faster:.1f} times as fast", "1.5 times", faster >= 1.5))
    return rows


# ---- starting ----

def wait_until_loaded(server):
    while True:
        try:
            return server.command("PING")
        except ServerError as error:
            if "LOADING" not in str(error):
                raise
            time.sleep(0.005)


def start_time(start, keys):
    """Seconds from the start of the program until it answers, and its processor time."""
    began = time.monotonic()
    with start() as server:
        wait_until_loaded(server)
        found = {"wall": time.monotonic() - began, "cpu": server.cpu_seconds()}
        if server.command("DBSIZE") != keys:
            raise ServerError(f"{server.name} has not loaded all keys")
    return found


def start(what, goal, starts, prepare, options):
    """`starts` are {name: function that starts a server on all cores}; `prepare` leaves behind what they load."""
    keys = options.scaled(KEYS)
    for one in starts.values():
        with one() as server:
            fill(server, keys)
            prepare(server)
    found = load.alternate(starts, options.rounds, lambda one: start_time(one, keys))
    cells = [f"{found[name]['wall']:.1f} s, {found[name]['cpu']:.1f} s of processor time" for name in ("strata", "valkey")]
    faster = times_faster(found, "wall")
    return Row(f"{keys:,} small keys from {what}", *cells, f"{faster:.1f} times as fast", f"{goal} times", faster >= goal)


def starts(servers, options):
    """Both may use all cores."""
    with folders() as (ours, theirs):
        strata = functools.partial(servers.strata, "--dir", ours, workers=2, cores=None)
        valkey = functools.partial(servers.valkey, "--dir", theirs, cores=None)
        rows = [start("a snapshot", 2, {"strata": strata, "valkey": valkey}, lambda server: server.command("SAVE"), options)]
    with folders() as (ours, theirs):
        strata = functools.partial(servers.strata, "--home", f"dir:{ours}", "--durability", "everysec", workers=2, cores=None)
        valkey = functools.partial(servers.valkey, "--dir", theirs, "--appendonly", "yes",
                                   "--auto-aof-rewrite-percentage", "0", cores=None)
        rows.append(start("the journal", 3, {"strata": strata, "valkey": valkey}, lambda server: None, options))
    return rows


# ---- under writes ----

class Background:
    """Calls `step` over and over on a thread of its own while the `with` block runs. What it raises, the block raises."""

    def __init__(self, step):
        self.step, self.stopping, self.error = step, False, None
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.stopping = True
        self.thread.join()
        if self.error:
            raise self.error

    def run(self):
        try:
            while not self.stopping:
                self.step()
        except ServerError as error:
            self.error = error


@contextlib.contextmanager
def snapshots(server, wanted):
    """The server takes snapshots by itself, a second after the last one, if they are wanted. Nobody asks meanwhile how
    far they are: the cores are for the server and the load."""
    taken = server.command("LASTSAVE")
    server.command("CONFIG", "SET", "save", "1 1" if wanted else "")
    yield
    server.command("CONFIG", "SET", "save", "")
    while server.info("persistence", "rdb_bgsave_in_progress") != "0":
        time.sleep(0.02)
    if server.info("persistence", "rdb_last_bgsave_status") != "ok" or (server.command("LASTSAVE") == taken) == wanted:
        raise ServerError(f"{server.name} has not saved what it should")


def latencies(server, keys, seconds, with_snapshots):
    with snapshots(server, with_snapshots):
        run = load.run(server, "set", cores=None, key_count=keys, seconds=seconds, rate=RATE)
    return {"p999": run["p999_us"], "max": run["max_us"]}


def latency(servers, options):
    """The worst of equally long stretches of writes, with snapshots all the time and without."""
    keys, seconds, cells, growth = options.scaled(KEYS), options.seconds * 3, [], []
    with folders() as (ours, theirs), servers.strata("--dir", ours, cores=None) as strata, \
            servers.valkey("--dir", theirs, cores=None) as valkey:
        for server in (strata, valkey):
            fill(server, keys)
        found = load.alternate({(server, wanted): (server, wanted) for server in (strata, valkey) for wanted in (False, True)},
                               options.rounds, lambda case: latencies(case[0], keys, seconds, case[1]))
    for server in (strata, valkey):
        quiet, busy = found[server, False], found[server, True]
        growth.append(busy["max"] / quiet["max"])
        cells.append(f"{busy['max'] / 1000:.1f} ms, without {quiet['max'] / 1000:.1f} ms; 99.9 %: {busy['p999'] / 1000:.1f}, "
                     f"without {quiet['p999'] / 1000:.1f} ms")
    return [Row(f"SET at {RATE:,} a second, {keys:,} keys", *cells, f"{growth[0]:.1f} times (Valkey {growth[1]:.1f})",
                "1.5 times", growth[0] <= 1.5)]


def proportional_bytes(pid):
    """Memory of a process and its children, pages that several share counted once."""
    total = 0
    for one in [pid, *map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            text = pathlib.Path(f"/proc/{one}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE).group(1)) * 1024
    return total


def most_memory(server, keys, seconds, with_snapshots):
    samples = []

    def sample():
        samples.append(proportional_bytes(server.process.pid))
        time.sleep(SAMPLE_SECONDS)

    with Background(sample), snapshots(server, with_snapshots):
        load.run(server, "set", key_count=keys, seconds=seconds, depth=16)
    return max(samples)


def memory(servers, options):
    """The most that is taken while clients write as fast as they can, with snapshots and before."""
    keys, seconds, cells, extra = options.scaled(KEYS), options.seconds * 3, [], []
    with folders() as (ours, theirs):
        for start_one, folder in ((servers.strata, ours), (servers.valkey, theirs)):
            with start_one("--dir", folder) as server:
                fill(server, keys)
                quiet, busy = (most_memory(server, keys, seconds, wanted) for wanted in (False, True))
            extra.append(busy / quiet - 1)
            cells.append(f"{quiet / 2**20:,.0f} to {busy / 2**20:,.0f} MiB, {100 * extra[-1]:.1f} % more")
    return [Row(f"SET, pipeline 16, {keys:,} keys", *cells, "", "5 %", extra[0] <= 0.05)]
