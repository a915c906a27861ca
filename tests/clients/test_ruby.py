# SPDX-License-Identifier: BSD-3-Clause
"""redis-rb, and Sidekiq with a real process."""

import os
import pathlib
import subprocess

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"


def test_redis_rb(program):
    assert program(["ruby", PROGRAMS / "redis_rb.rb"]) == "ok\n"


def test_sidekiq_runs_its_jobs(server, program, tmp_path):
    command = ["sidekiq", "--require", "./sidekiq_jobs.rb", "--concurrency", "4", "--timeout", "1"]
    environment = {**os.environ, "STRATA_PORT": str(server.port)}
    log = tmp_path / "sidekiq.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(command, cwd=PROGRAMS, env=environment, stdout=output, stderr=output)
    try:
        assert program(["ruby", PROGRAMS / "sidekiq_client.rb"], timeout=90).endswith("ok\n"), log.read_text()
    finally:
        worker.terminate()
        worker.wait(timeout=20)
    assert "on purpose" in log.read_text()
