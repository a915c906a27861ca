# SPDX-License-Identifier: BSD-3-Clause
"""Snapshots, one after the other, while all that changes keys goes on: writes, scripts, transactions, expiry, eviction,
flushing, swapping; and the end of the server in the middle of one."""

import pathlib
import subprocess
import time

import pytest
import servers
from crowd import Crowd

SECONDS = 3
LARGE = 6000  # elements: more than what a snapshot lets anybody write to before it is saved
SCRIPT = """for i = 1, 20 do redis.call('SET', KEYS[1] .. i, ARGV[1], 'PX', 200 + i) end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[1])
return redis.call('DBSIZE')"""


def change(dice):
    """One change of any kind."""
    key, large = f"key:{dice.randrange(3000)}", f"large:{dice.randrange(4)}"
    value = "v" * dice.choice([3, 30, 300])
    return dice.choice([
        ("SET", key, value), ("SET", key, value, "PX", dice.randrange(1, 400)), ("APPEND", key, value), ("DEL", key),
        ("RENAME", key, f"key:{dice.randrange(3000)}"), ("COPY", key, f"key:{dice.randrange(3000)}", "REPLACE"),
        ("EXPIRE", key, 100), ("PERSIST", key), ("MOVE", key, 1), ("HSET", f"hash:{dice.randrange(50)}", key, value),
        ("HPEXPIRE", f"hash:{dice.randrange(50)}", 50, "FIELDS", 1, key), ("ZADD", large, dice.random(), key), ("ZREM", large, key),
        ("LPUSH", f"list:{dice.randrange(50)}", value), ("LPOP", f"list:{dice.randrange(50)}"), ("UNLINK", large),
        ("ZUNIONSTORE", large, 2, large, f"large:{dice.randrange(4)}"), ("XADD", f"stream:{dice.randrange(9)}", "*", key, value),
        ("EVAL", SCRIPT, 2, key, f"hash:{dice.randrange(50)}", value),
    ])


def change_things(actor):
    dice = actor.random
    while actor.running():
        batch = [change(dice) for _ in range(20)]
        if dice.random() < 0.2:
            batch = [("MULTI",), *batch, ("EXEC",)]
        if dice.random() < 0.01:
            batch.append(dice.choice([("SWAPDB", 0, 1), ("FLUSHDB", "ASYNC"), ("FLUSHALL", "SYNC"), ("SWAPDB", 1, 2)]))
        actor.client.raw_pipeline(batch)


def make_large_ones(actor):
    """Large collections, so that snapshots always find some."""
    while actor.running():
        members = [word for i in range(LARGE) for word in (i, f"member:{i}")]
        actor.client.raw("ZADD", f"large:{actor.random.randrange(4)}", *members)
        time.sleep(0.02)


def save(actor):
    """Snapshots, some of which are given up; returns how many were begun."""
    begun = 0
    while actor.running():
        begun += actor.client.raw("BGSAVE").startswith(b"+")
        if actor.random.random() < 0.2:
            actor.client.raw("BGSAVE", "CANCEL")
        elif actor.random.random() < 0.1:
            actor.client.raw("SAVE")
        time.sleep(actor.random.random() * 0.02)
    return begun


@pytest.mark.parametrize("memory", ["0", "12mb"])
def test_snapshots_under_everything(memory):
    arguments = ["--home", "", "--workers", 3, "--maxmemory", memory, "--maxmemory-policy", "allkeys-lru"]
    with servers.strata(*arguments) as server:
        file = pathlib.Path(server.directory) / "dump.rdb"
        begun = Crowd(server).run(save, make_large_ones, *[change_things] * 3, seconds=SECONDS)[0]
        assert begun > 2
        with server.client() as client:
            client.call("DEBUG", "POPULATE", 20000)
            wait_until_saved(client)
            client.call("BGSAVE")
            client.send("SHUTDOWN", "NOSAVE")
        assert server.process.wait(20) == 0, server.log_text()
        assert file.exists() and [path.name for path in file.parent.iterdir()] == ["dump.rdb"]
        checked = subprocess.run([servers.strata_binary(), "check", file], capture_output=True, check=False)
        assert checked.returncode == 0, checked.stdout
        server.start()


def wait_until_saved(client):
    while b"rdb_bgsave_in_progress:1" in client.call("INFO", "persistence"):
        time.sleep(0.01)
