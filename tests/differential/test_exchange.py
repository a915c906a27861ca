# SPDX-License-Identifier: BSD-3-Clause
"""Values that either server dumps are restored by both, and are the same then: see exchange.py."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import exchange  # noqa: E402

ROUNDS = max(1, int(os.environ.get("DIFFERENTIAL_COMMANDS", "30000")) // 20 // exchange.STEPS)


@pytest.fixture(scope="module")
def servers():
    servers = exchange.Exchange()
    yield servers
    servers.close()


@pytest.mark.parametrize("family", exchange.FAMILIES)
def test_exchange(servers, family):
    reports = [report for seed in range(ROUNDS) for report in servers.run(family, seed)]
    assert not reports, "\n\n".join(reports)
