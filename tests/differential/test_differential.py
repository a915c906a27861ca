# SPDX-License-Identifier: BSD-3-Clause
"""Strata answers what Valkey answers: the directed lists, and random commands with fixed seeds. DIFFERENTIAL_COMMANDS
says how many of each family; run.py runs more, and explains."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import directed  # noqa: E402
import families  # noqa: E402
import run  # noqa: E402
from pair import Pair  # noqa: E402

COMMANDS = int(os.environ.get("DIFFERENTIAL_COMMANDS", "30000"))
CASES = [pytest.param(case, id=f"{family}-{case.title}") for family in directed.families()
         for case in directed.cases(family)]


@pytest.fixture(scope="module")
def pair():
    pair = Pair(run.rules_of(families.names()))
    yield pair
    pair.close()


@pytest.mark.parametrize("resp", [2, 3], ids=["resp2", "resp3"])
@pytest.mark.parametrize("case", CASES)
def test_directed(pair, case, resp):
    if pair.lacks(case.needs):
        pytest.skip(f"needs {' '.join(case.needs)}")
    found = run.difference(pair, case.steps, resp)
    assert found is None, run.explain(pair, case.steps, resp, found)


@pytest.mark.parametrize("family", families.names())
def test_random(pair, family):
    failures = run.run_random(pair, family, COMMANDS, seed=1)
    assert not failures, "\n\n".join(f"seed {seed}:\n{report}" for seed, report in failures)
