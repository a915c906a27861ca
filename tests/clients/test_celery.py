# SPDX-License-Identifier: BSD-3-Clause
"""Celery with a real worker: the server is its broker and keeps its results."""

import importlib
import os
import pathlib
import subprocess
import sys

import pytest

# Results that nobody asked for look for their server when they are collected, which may be after its end.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"


@pytest.fixture(scope="module")
def tasks(server):
    environment = {**os.environ, "STRATA_PORT": str(server.port)}
    command = ["/usr/bin/python3", "-m", "celery", "-A", "celery_tasks", "worker", "--concurrency", "2", "--pool", "threads"]
    worker = subprocess.Popen(command, cwd=PROGRAMS, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.environ["STRATA_PORT"] = str(server.port)
    sys.path.insert(0, str(PROGRAMS))
    yield importlib.import_module("celery_tasks")
    worker.terminate()
    worker.wait(timeout=20)


@pytest.fixture(autouse=True)
def empty():
    """The worker's own keys stay."""


def test_a_task_returns_its_result(tasks):
    assert tasks.add.delay(2, 3).get(timeout=30) == 5


def test_many_tasks_all_run(tasks):
    results = [tasks.add.delay(n, n) for n in range(100)]
    assert [r.get(timeout=30) for r in results] == [2 * n for n in range(100)]


def test_a_chain_passes_results_on(tasks):
    assert (tasks.add.s(1, 2) | tasks.add.s(10) | tasks.add.s(100)).delay().get(timeout=30) == 113


def test_a_chord_waits_for_its_group(tasks):
    from celery import chord

    assert chord(tasks.add.s(n, n) for n in range(20))(tasks.total.s()).get(timeout=30) == 380


def test_retries_and_delays(tasks):
    assert tasks.third_time_lucky.delay().get(timeout=30) == 2
    assert tasks.add.apply_async((1, 1), countdown=1).get(timeout=30) == 2


def test_failures_reach_the_caller(tasks):
    with pytest.raises(ValueError, match="on purpose"):
        tasks.fails.delay().get(timeout=30)
