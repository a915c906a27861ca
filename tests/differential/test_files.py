# SPDX-License-Identifier: BSD-3-Clause
"""What one server saves, another loads, and shows the same: see files.py."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import files  # noqa: E402

ROUNDS = max(2, int(os.environ.get("DIFFERENTIAL_COMMANDS", "30000")) // 30000)


@pytest.fixture(scope="module")
def travellers():
    made = {name: files.Traveller(name) for name in ("strata", "valkey", "redis")}
    yield made
    for traveller in made.values():
        traveller.close()


@pytest.mark.parametrize("route", files.ROUTES, ids="-to-".join)
def test_files(travellers, route):
    reports = [report for seed in range(ROUNDS) for report in files.travel(*(travellers[name] for name in route), seed)]
    assert not reports, "\n\n".join(reports)
