# SPDX-License-Identifier: BSD-3-Clause
"""Runs the load generator, build/bench/load."""

import json
import statistics
import subprocess

import servers


def run(server, workload, cores=servers.LOAD_CORE, may_fail=False, **options):
    """One run against a server: what the load printed, and `cpu_us`, the server's microseconds of processor time for
    each request. Options are the load's own: depth=64 is --depth 64."""
    command = [*servers.pinned(cores), servers.tool("load"), "--port", str(server.port), "--workload", workload]
    for name, value in options.items():
        command += ["--" + name.replace("_", "-"), str(value)]
    before = server.cpu_seconds()
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    after = server.cpu_seconds()
    if finished.returncode == 2 or not finished.stdout:
        raise servers.ServerError(f"the load failed against {server.name}: {' '.join(command)}")
    result = json.loads(finished.stdout)
    if result["errors"] and not may_fail:
        raise servers.ServerError(f"{server.name} answered {workload} with an error: {result['first_error']}")
    result["cpu_us"] = (after - before) * 1e6 / result["requests"]
    return result


def alternate(subjects, rounds, measure):
    """Measures each subject once a round, in turns whose order alternates, so that a slow minute of the machine
    meets all of them. `subjects` are {name: anything}; returns {name: median of each number}."""
    runs = {name: [] for name in subjects}
    for number in range(rounds):
        names = list(subjects) if number % 2 == 0 else list(reversed(subjects))
        for name in names:
            runs[name].append(measure(subjects[name]))
    return {name: {key: statistics.median(run[key] for run in of_name)
                   for key, value in of_name[0].items() if isinstance(value, (int, float))}
            for name, of_name in runs.items()}
