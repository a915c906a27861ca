# SPDX-License-Identifier: BSD-3-Clause
"""One server for all wire tests, emptied before each; tests that need their own start one with servers.strata()."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import servers  # noqa: E402


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
