# SPDX-License-Identifier: BSD-3-Clause
"""Commands of all types of data on the same keys: some of one family, then some of another, with what is there turning
into something else. Keys that a family has for itself stay its own, since what their elements are like is part of what
makes an answer certain (docs/differences.md)."""

import copy
import importlib

FAMILIES = ["string", "bitmap", "hll", "list", "set", "zset", "geo", "hash", "stream", "sort", "key"]
SHARED = ["a", "b", "c", "d", "e", "a-key-that-is-longer-than-thirty-one-bytes"]
OWN = {"geo"}  # places at the same point have no certain order: not on keys with scores of any kind
modules = {name: importlib.import_module(f"families.{name}") for name in FAMILIES}


def renamed(name, step):
    """A step with the keys that the family uses."""
    if name not in OWN:
        return step
    return [f"{name}:{argument}" if argument in [*modules[name].KEYS, "d"] else argument for argument in step]


def steps_of(name, g):
    """A few commands of the family, as it makes them."""
    module, own = modules[name], copy.copy(g)
    own.family = module
    made = g.random.choices([function for _, function in module.COMMANDS], [weight for weight, _ in module.COMMANDS])[0](own)
    steps = made if isinstance(made[0], list) else [g.perhaps_break(made)]
    return [renamed(name, step) for step in steps]


def run_of(name):
    def make(g):
        steps = [["DEL", *g.several(lambda: g.pick(SHARED), 3)]] if g.chance(0.7) else []
        for _ in range(g.random.randint(1, 16)):
            steps += steps_of(name, g)
        return steps
    return make


KEYS = sorted({*SHARED, *(key for name in FAMILIES if name not in OWN for key in modules[name].KEYS),
               *(f"{name}:{key}" for name in OWN for key in modules[name].KEYS)})
COMMANDS = [(1, run_of(name)) for name in FAMILIES]
RULES = {}
for _module in modules.values():
    RULES.update(getattr(_module, "RULES", {}))


def probes(key):
    """SORT changes the encoding of what it looks at over there."""
    encoding = [] if key in modules["sort"].ZSETS else [["OBJECT", "ENCODING", key]]
    return [["TYPE", key], *encoding, ["PTTL", key], ["GET", key], ["LRANGE", key, 0, -1],
            ["SMEMBERS", key], ["ZRANGE", key, 0, -1, "WITHSCORES"], ["HGETALL", key], ["XRANGE", key, "-", "+"],
            ["DEBUG", "DIGEST-VALUE", key]]
