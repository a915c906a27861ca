#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Values travel: random commands of all families run on both servers; what either DUMPs, both RESTORE, and they show
the same then. Where the order of elements is part of the value, they also DUMP the same bytes.

    tests/differential/exchange.py --commands 20000 --seed 1
"""

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import families  # noqa: E402
from generator import Generator  # noqa: E402
from pair import Pair  # noqa: E402

FAMILIES = ["string", "bitmap", "hll", "list", "set", "zset", "geo", "hash", "stream"]
STEPS = 150
PROTECTED = {"CLIENT", "CONFIG", "SELECT", "FLUSHALL", "FLUSHDB", "SWAPDB"}
UNORDERED = {"hashtable"}  # encodings


def contents(client, key):
    """What the key holds, whatever its type, in an order of its own if it has none."""
    kind = client.call("TYPE", key)
    if isinstance(kind, bytes):
        kind = kind.decode()
    shown = {
        "string": lambda: client.call("GET", key),
        "list": lambda: client.call("LRANGE", key, 0, -1),
        "set": lambda: sorted(client.call("SMEMBERS", key)),
        "zset": lambda: client.call("ZRANGE", key, 0, -1, "WITHSCORES"),
        "hash": lambda: fields(client, key),
        "stream": lambda: [client.call("XRANGE", key, "-", "+"), client.call("XINFO", "STREAM", key, "FULL")],
        "none": lambda: None,
    }[kind]()
    return [kind, client.call("OBJECT", "ENCODING", key), client.call("PEXPIRETIME", key), shown]


def fields(client, key):
    names = sorted(client.call("HKEYS", key))
    if not names:
        return []
    return [names, client.call("HMGET", key, *names), client.call("HPEXPIRETIME", key, "FIELDS", len(names), *names)]


def without_clocks(shown):
    """XINFO tells of idle times, and of a tree that only one of the two has."""
    if shown[0] != "stream":
        return shown
    text = repr(shown[3])
    return [*shown[:3], text.split("radix-tree-nodes")[0], shown[3][0]]


class Exchange:
    def __init__(self):
        self.pair = Pair({})
        for side in (self.pair.ours, self.pair.theirs):
            side.client(2).call("CONFIG", "SET", "rdbcompression", "no")

    def run(self, name, seed):
        """Returns reports on what differs."""
        generator = Generator(families.load(name), seed)
        steps = [step for step in generator.steps(STEPS) if str(step[0]).upper() not in PROTECTED]
        steps = [step[1:] if step[0] == "?" else step for step in steps if not str(step[0]).startswith("!")]
        self.pair.reset()
        ours, theirs = self.pair.ours.client(2), self.pair.theirs.client(2)
        for client in (ours, theirs):
            client.raw_pipeline([step for step in steps if not is_blocking(step)])
        reports = []
        for key in sorted({*ours.call("KEYS", "*"), *theirs.call("KEYS", "*")}):
            for source in (ours, theirs):
                report = self.travel(key, source, [ours, theirs])
                if report:
                    reports.append(f"{name} {seed}, {key!r} of {'Strata' if source is ours else 'Valkey'}: {report}")
        return reports

    def travel(self, key, source, targets):
        payload = source.call("DUMP", key)
        if payload is None:
            return None
        copy = b"copy:" + key
        expiry = max(0, source.call("PEXPIRETIME", key))
        answers = [target.raw("RESTORE", copy, expiry, payload, "ABSTTL", "REPLACE") for target in targets]
        if answers != [b"+OK\r\n"] * 2:
            return f"{answers!r} to {payload[:200]!r}"
        original = without_clocks(contents(source, key))
        found = [without_clocks(contents(target, copy)) for target in targets]
        if found[0] != found[1] or found[0][2:] != original[2:]:
            return f"{payload[:200]!r}\n  was {str(original)[:1500]}\n  is  {str(found)[:3000]}"
        again = [target.call("DUMP", copy) for target in targets]
        if found[0][1].decode() not in UNORDERED and again[0] != again[1]:
            return f"dumped as\n  {again[0][:400]!r}\n  {again[1][:400]!r}"
        return None

    def close(self):
        self.pair.close()


def is_blocking(step):
    name = str(step[0]).upper()
    return name.startswith("B") and not name.startswith("BIT") or "BLOCK" in map(lambda a: str(a).upper(), step)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--family", choices=FAMILIES)
    options = parser.parse_args()
    chosen = [options.family] if options.family else FAMILIES
    exchange = Exchange()
    reports = []
    for round_ in range(max(1, options.commands // STEPS)):
        reports += exchange.run(chosen[round_ % len(chosen)], options.seed + round_)
    exchange.close()
    print("\n".join(reports[:20]))
    print(f"exchange: {len(reports)} differences")
    return bool(reports)


if __name__ == "__main__":
    sys.exit(main())
