# SPDX-License-Identifier: BSD-3-Clause
"""One server with several workers for all stress tests, emptied before each."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import servers  # noqa: E402
from crowd import Crowd  # noqa: E402

WORKERS = 4


@pytest.fixture(scope="session")
def server():
    with servers.strata("--workers", WORKERS, "--databases", 16) as running:
        yield running


@pytest.fixture
def crowd(server):
    """Many clients of the empty server, which must be in order afterwards."""
    with server.client() as client:
        client.call("FLUSHALL")
        yield Crowd(server)
        assert client.call("PING") == "PONG"
    assert server.is_running(), server.log_text()
