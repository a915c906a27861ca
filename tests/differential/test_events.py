# SPDX-License-Identifier: BSD-3-Clause
"""Commands make the events that they make in Valkey, in its order: the directed lists and random commands."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import directed  # noqa: E402
import families  # noqa: E402
import run  # noqa: E402
from events import EventPair  # noqa: E402

COMMANDS = int(os.environ.get("DIFFERENTIAL_COMMANDS", "30000")) // 10


@pytest.fixture(scope="module")
def pair():
    pair = EventPair({})
    yield pair
    pair.close()


@pytest.mark.parametrize("family", directed.families())
def test_directed(pair, family):
    failures = run.run_directed(pair, family)
    assert not failures, "\n\n".join(f"{title}:\n{report}" for title, report in failures)


@pytest.mark.parametrize("family", families.names())
def test_random(pair, family):
    failures = run.run_random(pair, family, COMMANDS, seed=1)
    assert not failures, "\n\n".join(f"seed {seed}:\n{report}" for seed, report in failures)
