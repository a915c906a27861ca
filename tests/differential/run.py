#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compares Strata with Valkey, command by command.

    tests/differential/run.py --family string --commands 100000 --seed 1
    tests/differential/run.py --all --commands 1000000   all types of data, mixed on the same keys
    tests/differential/run.py --directed             all directed lists, or those of --family
    tests/differential/run.py --show 1               prints the commands of a seed

Random commands come in rounds, each with a seed of its own and from an empty server, in RESP2 or RESP3. When a round
fails it is shortened, and printed as lines for a directed list. The servers are found as script/test finds them
(STRATA_BIN, STRATA_PEERS).
"""

import argparse
import sys
import time

import directed
import families
from generator import Generator
from pair import Difference, Pair, show
from rules import COMMON
from shrink import shrink

ROUND_STEPS = 400


def rules_of(names):
    rules = dict(COMMON)
    for name in names:
        rules.update(getattr(families.load(name), "RULES", {}))
    return rules


def difference(pair, steps, resp):
    """The Difference that the steps show, or None."""
    try:
        pair.run(steps, resp)
    except Difference as found:
        return found
    return None


def explain(pair, steps, resp, found):
    """The report on a failing sequence, shortened when it fails every time."""
    steps = steps[:found.index + 1]
    if difference(pair, steps, resp) is None:
        return f"{found}\n(RESP{resp}; not seen again in a second run)"
    short = shrink(steps, lambda candidate: difference(pair, candidate, resp) is not None)
    lines = "\n".join(show(step) for step in short)
    return f"{lines}\n\n{difference(pair, short, resp) or found}\n(RESP{resp})"


def round_of(family, seed):
    """The steps and the protocol of one seed."""
    generator = Generator(families.load(family), f"{family}-{seed}")
    return generator.steps(ROUND_STEPS), generator.pick([2, 3])


def run_random(pair, family, commands, seed):
    """Reports of the rounds that failed: [(seed, report)]."""
    failures = []
    while commands > 0:
        steps, resp = round_of(family, seed)
        found = difference(pair, steps, resp)
        if found:
            failures.append((seed, explain(pair, steps, resp, found)))
        commands -= len(steps)
        seed += 1
    return failures


def run_directed(pair, family):
    """Reports of the cases that failed: [(title, report)]."""
    failures = []
    for case in directed.cases(family):
        if pair.lacks(case.needs):
            print(f"{family}, {case.title}: skipped, needs {' '.join(case.needs)}")
            continue
        for resp in (2, 3):
            found = difference(pair, case.steps, resp)
            if found:
                failures.append((case.title, explain(pair, case.steps, resp, found)))
                break
    return failures


def main(make_pair=Pair):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", action="append", help="may be given several times; all without it")
    parser.add_argument("--all", action="store_true", help="the family `mixed`, of all types of data")
    parser.add_argument("--commands", type=int, default=20000, help="of each family")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--directed", action="store_true")
    parser.add_argument("--show", type=int, metavar="SEED")
    parser.add_argument("--failures", type=int, default=5, help="stop a family after so many")
    options = parser.parse_args()
    names = ["mixed"] if options.all else options.family or (directed.families() if options.directed else families.names())

    if options.show is not None:
        for name in names:
            print("\n".join(map(show, round_of(name, options.show)[0])))
        return 0

    failed = 0
    pair = make_pair(rules_of(families.names()))
    try:
        for name in names:
            failed += run_family(pair, name, options)
    finally:
        pair.close()
    return 1 if failed else 0


def run_family(pair, name, options):
    start = time.monotonic()
    if options.directed:
        failures = run_directed(pair, name)
    else:
        failures, done = [], 0
        while done < options.commands and len(failures) < options.failures:
            failures += run_random(pair, name, 1, options.seed + done // ROUND_STEPS)
            done += ROUND_STEPS
    for label, report in failures:
        print(f"---- {name}, {label} ----\n{report}\n")
    print(f"{name}: {len(failures)} differences, {time.monotonic() - start:.1f} s", flush=True)
    return len(failures)


if __name__ == "__main__":
    sys.exit(main())
