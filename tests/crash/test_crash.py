# SPDX-License-Identifier: BSD-3-Clause
"""Nothing acknowledged is lost, whenever the server is killed. CRASH_SECONDS says for how long, CRASH_SEED with what."""

import os
import pathlib
import random
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import servers  # noqa: E402
from resp import Disconnected  # noqa: E402
from workload import crash_rounds, failing, failpoint_rounds  # noqa: E402

SECONDS = float(os.environ.get("CRASH_SECONDS", "12"))


@pytest.mark.parametrize("workers", [1, 4])
def test_nothing_acknowledged_is_lost(workers):
    seed = int(os.environ.get("CRASH_SEED", random.randrange(1 << 32)))
    with servers.strata("--home", "dir:./home", "--durability", "always", "--workers", workers) as server:
        try:
            rounds = crash_rounds(server, SECONDS, seed)
        except Exception:
            server.directory = None  # left for strata check
            raise
    assert rounds > 2


@pytest.fixture(scope="session")
def failpoints(tmp_path_factory):
    """The path of the library that kills a server at a failpoint."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("there is no compiler")
    library = tmp_path_factory.mktemp("failpoint") / "failpoint.so"
    flags = ["-std=gnu17", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", "-shared", "-fPIC", "-O1"]
    source = pathlib.Path(__file__).with_name("failpoint.c")
    subprocess.run([compiler, *flags, "-o", str(library), str(source), "-ldl"], check=True)
    return str(library)


def test_nothing_is_lost_at_any_failpoint(failpoints):
    seed = int(os.environ.get("CRASH_SEED", random.randrange(1 << 32)))
    with servers.strata("--home", "dir:./home", "--durability", "always", "--workers", 2) as server:
        try:
            died = failpoint_rounds(server, SECONDS, seed, failpoints)
        except Exception:
            server.directory = None  # left for strata check
            raise
    assert sum(count > 0 for count in died.values()) > len(died) / 2, died


@pytest.mark.parametrize("place", ["unlink", "open", "link", "rename", "fsync"])
def test_a_segment_without_changes_is_replaced_at_any_time(failpoints, place):
    """One that a crash left before its first change has the number of the next start's first segment."""

    def dies_at(failpoint):
        try:
            with failing(failpoint, failpoints):
                server.start()
            with server.client() as client:
                client.call("INCR", "n")
        except (RuntimeError, Disconnected, ConnectionError):
            return True
        server.kill()
        return False

    with servers.strata("--home", "dir:./home", "--durability", "always") as server:
        with server.client() as client:
            acknowledged = client.call("INCR", "n")
        for count in range(1, 6):
            server.kill()
            assert dies_at("rename.after.1")  # of `newest`, which names the segment
            died = dies_at(f"{place}.after.{count}")
            server.start()
            with server.client() as client:
                n = int(client.call("GET", "n"))
            assert acknowledged <= n <= acknowledged + 1
            assert n > acknowledged or died
            acknowledged = n


@pytest.mark.parametrize("place", ["write", "open", "link", "rename", "fsync"])
def test_a_journal_that_begins_counts_or_is_not_there(failpoints, place):
    """CONFIG SET appendonly: whatever moment the server dies at, it starts, with all that waited for the journal."""

    def begin_and_count():
        nonlocal acknowledged
        with server.client() as client:
            client.call("INCR", "n")
            client.call("CONFIG", "SET", "appendonly", "yes", "appendfsync", "always")
            client.call("INCR", "n")
            assert client.call("WAITAOF", 1, 0, 20_000) == [1, 0]
            acknowledged = int(client.call("GET", "n"))
            acknowledged = client.call("INCR", "n")

    died = 0
    with servers.strata("--home", "dir:./home", "--appendonly", "no", "--save", "") as server:
        acknowledged = 0
        for count in range(1, 13):
            server.kill()
            try:
                with failing(f"{place}.{'after' if count % 2 else 'before'}.{count}", failpoints):
                    server.start()
                begin_and_count()
            except (RuntimeError, Disconnected, ConnectionError):
                died += 1
            server.kill()
            server.start()
            with server.client() as client:
                n = int(client.call("GET", "n") or 0)
            assert acknowledged <= n <= acknowledged + 3
            acknowledged = n
    assert died
