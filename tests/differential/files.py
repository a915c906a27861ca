#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Files travel: random commands of all families fill several databases of one server; what it saves, another loads and
shows the same.

    tests/differential/files.py --seed 1 --rounds 20
"""

import argparse
import pathlib
import random
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import exchange  # noqa: E402
import families  # noqa: E402
import servers  # noqa: E402
from generator import Generator  # noqa: E402

DATABASES = [0, 3, 15]
LIBRARY = "#!lua name=%s\n%s.register_function('%s', function(keys, args) return '%s' end)"
ROUTES = [("strata", "valkey"), ("valkey", "strata"), ("strata", "redis"), ("redis", "strata"), ("strata", "strata")]
# Few or many elements: each type in each of its forms.
LIMITS = [{}, {"hash-max-listpack-entries": 4, "set-max-listpack-entries": 4, "zset-max-listpack-entries": 4,
               "set-max-intset-entries": 4, "list-max-listpack-size": 4, "stream-node-max-entries": 3}]


class Traveller:
    """A server and the directory of its files, as we see it."""

    def __init__(self, name):
        self.name = name
        if name == "strata":
            self.server = servers.strata("--home", "")
            self.folder = pathlib.Path(self.server.directory)
        else:
            self.folder = pathlib.Path(tempfile.mkdtemp(prefix="strata-test-", dir=servers.peer.directory() / "tmp"))
            self.folder.chmod(0o777)
            self.server = getattr(servers, name)("--dir", f"/tmp/{self.folder.name}", "--dbfilename", "dump.rdb")
        self.client = self.server.client()

    def close(self):
        self.client.close()
        self.server.close()
        if self.name != "strata":
            shutil.rmtree(self.folder, ignore_errors=True)

    def fill(self, seed, policy):
        dice, call = random.Random(seed), self.client.call
        call("FLUSHALL")
        call("FUNCTION", "FLUSH")
        call("CONFIG", "SET", "maxmemory-policy", policy, "lfu-decay-time", 0,
             "rdbcompression", dice.choice(["yes", "no"]))
        for name, value in dice.choice(LIMITS).items():
            call("CONFIG", "SET", name, value)
        for db in DATABASES:
            call("SELECT", db)
            for family in exchange.FAMILIES:
                self.client.raw_pipeline(steps_of(family, dice.randrange(10**9)))
            call("SET", "long", "abcdefgh" * dice.randrange(2000))
            call("RPUSH", "plain nodes", *["x" * dice.randrange(20000) for _ in range(5)])
        call("SELECT", 0)
        call("FUNCTION", "LOAD", LIBRARY % (f"lib{seed}", "redis", f"f{seed}", "answer"))

    def shows(self, with_use):
        """All that there is, in a form that can be compared."""
        self.client.call("CLIENT", "NO-TOUCH", "ON")
        shown = {"functions": self.client.call("FUNCTION", "LIST", "WITHCODE")}
        for db in DATABASES:
            self.client.call("SELECT", db)
            for key in sorted(self.client.call("KEYS", "*")):
                found = without_trees(exchange.contents(self.client, key))
                shown[db, key] = found[:1] + found[2:]  # the encoding follows from the limits of who loads
                if with_use:
                    shown[db, key].append(self.client.call("OBJECT", "FREQ", key))
        self.client.call("SELECT", 0)
        self.client.call("CLIENT", "NO-TOUCH", "OFF")
        return shown


def without_trees(shown):
    """XINFO STREAM tells of a tree that Strata has not."""
    if shown[0] != "stream":
        return shown
    entries, full = shown[3]
    pairs = dict(zip(full[::2], full[1::2]))
    pairs[b"groups"] = [dict(zip(group[::2], group[1::2])) for group in pairs[b"groups"]]
    for group in pairs[b"groups"]:
        del group[b"lag"]  # which Redis counts in another way
    return [*shown[:3], entries, {name: value for name, value in pairs.items() if b"radix-tree" not in name}]


def as_late_as_redis_can(shown):
    if shown and shown[0] == "hash" and shown[2]:
        shown[2][2] = [min(deadline, 2**46 - 1) for deadline in shown[2][2]]


def steps_of(family, seed):
    steps = Generator(families.load(family), seed).steps(exchange.STEPS)
    steps = [step[1:] if step[0] == "?" else step for step in steps if not str(step[0]).startswith(("!", "@"))]
    return [step for step in steps if not exchange.is_blocking(step) and str(step[0]).upper() not in exchange.PROTECTED]


def travel(source, target, seed):
    """Returns what differs."""
    frequent = seed % 2 == 1
    policy = "allkeys-lfu" if frequent else "noeviction"
    source.fill(seed, policy)
    if source.name == "strata":
        source.client.call("CONFIG", "SET", "rdb-version", 12 if target.name == "redis" else 80)
    target.client.call("CONFIG", "SET", "maxmemory-policy", policy)
    source.client.call("SAVE")
    expected = source.shows(frequent)
    if source is not target:
        shutil.copyfile(source.folder / "dump.rdb", target.folder / "dump.rdb")
    target.client.call("DEBUG", "RELOAD", "NOSAVE")
    found = target.shows(frequent)
    if target.name == "redis":
        for shown in expected.values():
            as_late_as_redis_can(shown)
    return [f"seed {seed}, {source.name} to {target.name}, {where!r}: {str(expected.get(where))[:1000]}\n  is "
            f"{str(found.get(where))[:1000]}"
            for where in {*expected, *found} if expected.get(where) != found.get(where)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    all_ = {name: Traveller(name) for name in ("strata", "valkey", "redis")}
    reports = []
    for seed in range(options.seed, options.seed + options.rounds):
        for names in ROUTES:
            reports += travel(*(all_[name] for name in names), seed)
    for traveller in all_.values():
        traveller.close()
    print("\n".join(reports[:10]))
    print(f"files: {len(reports)} differences")
    return bool(reports)


if __name__ == "__main__":
    sys.exit(main())
