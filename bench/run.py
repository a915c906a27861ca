# SPDX-License-Identifier: BSD-3-Clause
"""Measures Strata against Valkey and against a server that does nothing. Run through script/bench."""

import argparse
import sys

import durability
import hitrate
import memory
import peer
import platform_loads
import report
import snapshots
import speed
import type_loads
from servers import ROOT, ServerError, Servers

# name: (title, what Strata is compared with, function)
PARTS = {
    "speed": [("Processor time of the server for each command, one worker", "Valkey", speed.pipelines),
              ("The same without a pipeline", "floor", speed.no_pipeline)],
    "workers": [("A second worker", "one worker", speed.workers)],
    "memory": [("Resident memory for each key", "Valkey", memory.per_key)],
    "growth": [("The longest command while the keyspace grows", "Valkey", memory.growth)],
    "shrink": [("Memory that comes back", "Valkey", memory.shrink)],
    "types": [("Processor time for each command on a collection of a million, one worker", "Valkey", type_loads.commands),
              ("Resident memory", "Valkey", type_loads.memory),
              ("The worst latency of another client during a deletion", "Valkey", type_loads.deletion)],
    "platform": [("Scripts, transactions and messages, one worker", "Valkey", platform_loads.everything),
                 ("Client-side caching", "no tracking", platform_loads.tracking),
                 ("TLS, one worker", "Valkey", platform_loads.tls),
                 ("Connections", "Valkey", platform_loads.idle_connections)],
    "durability": [("SET with `durability always` and `appendfsync always`: of the throughput without a journal", "Valkey",
                    durability.always),
                   ("SET with `everysec`: processor time of the server, against that without a journal", "Valkey",
                    durability.everysec)],
    "snapshots": [("Taking a snapshot, on one core", "Valkey", snapshots.speed),
                  ("Starting, on all cores", "Valkey", snapshots.starts),
                  ("The worst latency of clients that write while snapshots are taken", "Valkey", snapshots.latency),
                  ("The most memory while snapshots are taken", "Valkey", snapshots.memory)],
    "hitrate": [("Hit rate of a cache, Zipf 0.9, room for 10 % of the keys", "Valkey", hitrate.hit_rates)],
}


class Options:
    """How much to measure."""

    def __init__(self, rounds, quick):
        self.rounds = rounds or (2 if quick else 5)
        self.seconds = 1 if quick else 3
        self.quick = quick

    def scaled(self, count):
        """Fewer requests when it should be quick; what is measured in ticks of 10 ms then has an error of some
        percent."""
        return count // 10 if self.quick else count


def read_arguments():
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__,
                                     epilog="Without a part, all are measured, which takes some minutes.")
    parser.add_argument("part", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, help="of which the medians are taken (5)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests: a first impression")
    parser.add_argument("--markdown", action="store_true", help="the tables as in README.md, without the goals")
    parser.add_argument("--check", action="store_true", help="fail when a goal is missed")
    parser.add_argument("--strata", default=str(ROOT / "build/strata"), metavar="PATH", help="the server to measure")
    arguments = parser.parse_args()
    for part in arguments.part:
        if part not in PARTS:
            parser.error(f"there is no part {part}: {', '.join(PARTS)}")
    return arguments


def main():
    arguments = read_arguments()
    if not peer.is_installed():
        sys.exit("script/bench: Valkey is missing (script/peers)")
    servers, options = Servers(arguments.strata), Options(arguments.rounds, arguments.quick)
    print(f"{report.machine()}; medians of {options.rounds} rounds")
    missed = 0
    for part in arguments.part or PARTS:
        for title, other, measure in PARTS[part]:
            try:
                rows = measure(servers, options)
            except ServerError as error:
                print(f"\n{title}: {error}")
                missed += 1
                continue
            report.print_table(title, other, rows, not arguments.markdown)
            sys.stdout.flush()
            missed += sum(not row.met for row in rows)
    sys.exit(1 if missed and arguments.check else 0)


main()
