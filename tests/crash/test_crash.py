# SPDX-License-Identifier: BSD-3-Clause
"""Nothing acknowledged is lost, whenever the server is killed. CRASH_SECONDS says for how long, CRASH_SEED with what."""

import os
import pathlib
import random
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import servers  # noqa: E402
from workload import crash_rounds  # noqa: E402

SECONDS = float(os.environ.get("CRASH_SECONDS", "12"))


@pytest.mark.parametrize("workers", [1, 4])
def test_nothing_acknowledged_is_lost(workers):
    seed = int(os.environ.get("CRASH_SEED", random.randrange(1 << 32)))
    with servers.strata("--home", "dir:./home", "--durability", "always", "--workers", workers) as server:
        try:
            rounds = crash_rounds(server, SECONDS, seed)
        except AssertionError:
            server.directory = None  # left for strata check
            raise
    assert rounds > 2
