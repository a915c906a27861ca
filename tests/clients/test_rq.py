# SPDX-License-Identifier: BSD-3-Clause
"""RQ with a real worker that forks for each job."""

import datetime
import pathlib
import subprocess
import sys
import time

import pytest
import redis

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
sys.path.insert(0, str(PROGRAMS))

rq = pytest.importorskip("rq")


def work(server, *options):
    """A worker that ends when the queue is empty."""
    url = f"redis://127.0.0.1:{server.port}/0"
    command = ["/usr/bin/python3", "-m", "rq.cli", "worker", "--url", url, "--path", PROGRAMS, *options, "jobs"]
    subprocess.run(list(map(str, command)), check=True, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def queue(server):
    return rq.Queue("jobs", connection=redis.Redis(port=server.port))


def test_jobs_run_and_keep_their_results(server, queue):
    jobs = [queue.enqueue("rq_jobs.square", n) for n in range(5)]
    assert len(queue) == 5
    work(server, "--burst")
    assert [job.result for job in jobs] == [0, 1, 4, 9, 16]
    assert len(queue) == 0


def test_a_failed_job_can_be_looked_at_and_tried_again(server, queue):
    job = queue.enqueue("rq_jobs.fails")
    work(server, "--burst")
    assert job.is_failed
    failed = queue.failed_job_registry
    assert failed.get_job_ids() == [job.id]
    failed.requeue(job.id)
    assert queue.job_ids == [job.id]


def test_a_job_that_depends_on_another_comes_after_it(server, queue):
    first = queue.enqueue("rq_jobs.square", 3)
    second = queue.enqueue("rq_jobs.square", 4, depends_on=first)
    assert queue.job_ids == [first.id]
    work(server, "--burst")
    assert (first.result, second.result) == (9, 16)


def test_a_scheduled_job_waits_for_its_time(server, queue):
    job = queue.enqueue_in(datetime.timedelta(seconds=1), "rq_jobs.square", 5)
    assert len(queue) == 0
    time.sleep(1.1)
    work(server, "--burst", "--with-scheduler")
    assert job.result == 25
