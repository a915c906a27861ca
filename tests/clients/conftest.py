# SPDX-License-Identifier: BSD-3-Clause
"""A server for each file of tests. STRATA_CLIENTS_SERVER=valkey runs them against Valkey, to see what is the client's."""

import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import servers  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def server():
    start = {"strata": servers.strata, "valkey": servers.valkey, "redis": servers.redis}
    with start[os.environ.get("STRATA_CLIENTS_SERVER", "strata")]() as running:
        yield running


@pytest.fixture(autouse=True)
def empty(server):
    with server.client() as client:
        client.call("FLUSHALL")
        client.call("SCRIPT", "FLUSH")


@pytest.fixture
def program(server, tmp_path):
    """Runs a program that finds the server in STRATA_HOST and STRATA_PORT, and fails with what it printed."""

    def run(command, timeout=60, stdin=None):
        environment = {**os.environ, "STRATA_HOST": "127.0.0.1", "STRATA_PORT": str(server.port)}
        done = subprocess.run(
            list(map(str, command)),
            input=stdin,
            cwd=tmp_path,
            env=environment,
            timeout=timeout,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        output = done.stdout.decode(errors="replace")
        assert done.returncode == 0, output
        return output

    return run
