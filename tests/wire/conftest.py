# SPDX-License-Identifier: BSD-3-Clause
"""One server for all wire tests, emptied before each; tests that need their own start one with servers.strata()."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import servers  # noqa: E402


KINDS = {
    "one-worker": lambda: servers.strata("--workers", "1"),
    "workers": lambda: servers.strata("--workers", "4"),
    "valkey": servers.valkey,
}


@pytest.fixture(scope="session")
def server():
    with servers.strata() as running:
        yield running


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def client(server, request):
    """A connection to the empty server, once in each protocol."""
    with server.client(request.param) as connection:
        connection.resp = request.param
        connection.call("FLUSHALL")
        yield connection


# A sanitizer sees as much with several, and is slow.
WORKERS = [4] if os.environ.get("STRATA_SANITIZER") else [1, 4]


@pytest.fixture(scope="module", params=WORKERS, ids=[f"workers {count}" for count in WORKERS])
def by_workers(request):
    """A server for the tests of a file, by one worker and by several."""
    with servers.strata("--workers", request.param) as running:
        yield running


@pytest.fixture(scope="module", params=KINDS)
def several(request):
    """The same, and Valkey: what these tests expect is what it does."""
    with KINDS[request.param]() as running:
        running.kind = request.param
        yield running


@pytest.fixture
def world(several):
    with servers.World(several) as world:
        world().call("FLUSHALL")
        world().call("CONFIG", "RESETSTAT")
        yield world
