# SPDX-License-Identifier: BSD-3-Clause
"""A command is atomic, whichever partitions its keys lie in and whichever workers its clients have."""

import resp

GROUP = [f"key:{i}" for i in range(7)]  # in several partitions


def replies(client, commands):
    return [resp.decode(raw) for raw in client.raw_pipeline(commands)]


# ---- single keys ----


def test_increments_are_not_lost(crowd):
    counters = [f"counter:{i}" for i in range(10)]

    def increment(actor):
        sums, seen = {}, []
        while actor.running():
            names = [actor.random.choice(counters) for _ in range(50)]
            got = replies(actor.client, [("INCR", name) for name in names])
            for name, value in zip(names, got):
                sums[name] = sums.get(name, 0) + 1
                if name == counters[0]:
                    seen.append(value)
        return sums, seen

    results = crowd.run(*[increment] * 5)
    with crowd.server.client() as client:
        for name in counters:
            assert int(client.call("GET", name)) == sum(sums.get(name, 0) for sums, _ in results)
    seen = [value for _, values in results for value in values]
    assert len(seen) == len(set(seen)), "two clients got the same number"


def test_appends_are_not_lost_or_torn(crowd):
    def append(actor):
        piece, count = bytes([65 + actor.number]) * 10, 0
        while actor.running():
            replies(actor.client, [("APPEND", "log", piece)] * 20)
            count += 20
        return count

    counts = crowd.run(*[append] * 4)
    with crowd.server.client() as client:
        log = client.call("GET", "log")
    pieces = [log[i:i + 10] for i in range(0, len(log), 10)]
    assert all(len(set(piece)) == 1 for piece in pieces)
    for number, count in enumerate(counts):
        assert sum(piece[0] == 65 + number for piece in pieces) == count


def test_values_are_never_torn(crowd):
    """Values of one byte repeated, of sizes that move them between kinds of blocks."""
    sizes = [0, 1, 20, 250, 255, 256, 3000, 4090, 4100, 20000, 100000]

    def is_whole(value):
        return value is None or not value or value.count(value[:1]) == len(value)

    def write(actor):
        while actor.running():
            byte = bytes([97 + actor.random.randrange(26)])
            key, other = actor.random.sample(GROUP, 2)
            value = byte * actor.random.choice(sizes)
            actor.client.call(*actor.random.choice([
                ("SET", key, value), ("SET", key, value, "PX", 3), ("GETSET", key, value), ("DEL", key),
                ("COPY", key, other, "REPLACE"), ("GETDEL", key), ("PEXPIRE", key, 2)]))

    def read(actor):
        count = 0
        while actor.running():
            key = actor.random.choice(GROUP)
            commands = [("GET", key), ("MGET", *GROUP), ("GETRANGE", key, 0, 5000)]
            one, many, part = replies(actor.client, commands)
            assert is_whole(one) and is_whole(part) and all(map(is_whole, many))
            count += 1
        return count

    assert sum(crowd.run(write, write, write, read, read)[3:]) > 20


# ---- several keys ----


def assert_equal_group(values):
    assert len(set(values)) == 1, f"half of a change was seen: {values}"


def read_group(actor):
    count = 0
    while actor.running():
        for values in replies(actor.client, [("MGET", *GROUP)] * 10):
            assert_equal_group(values)
            count += values[0] is not None
    return count


def test_mset_is_seen_whole(crowd):
    def write(actor):
        while actor.running():
            commands = []
            for _ in range(10):
                value = b"%d" % actor.random.getrandbits(64) * actor.random.choice([1, 30])
                shuffled = actor.random.sample(GROUP, len(GROUP))
                commands.append(("MSET", *[word for key in shuffled for word in (key, value)]))
                if actor.random.random() < 0.1:
                    commands.append(("DEL", *shuffled))
            replies(actor.client, commands)

    assert sum(crowd.run(write, write, read_group, read_group, read_group)[2:]) > 20


def test_msetnx_takes_all_or_none(crowd):
    def write(actor):
        taken = 0
        while actor.running():
            value = b"%d" % actor.number
            if actor.client.call("MSETNX", *[word for key in GROUP for word in (key, value)]):
                assert actor.client.call("MGET", *GROUP) == [value] * len(GROUP)
                assert actor.client.call("DEL", *GROUP) == len(GROUP)
                taken += 1
        return taken

    counts = crowd.run(write, write, write, write, read_group)
    assert sum(counts[:4]) > 20


def test_a_renamed_key_is_in_one_place(crowd):
    def move(actor):
        moved = 0
        while actor.running():
            pairs = [actor.random.sample(GROUP, 2) for _ in range(20)]
            command = actor.random.choice(["RENAME", "RENAMENX"])
            for reply in replies(actor.client, [(command, *pair) for pair in pairs]):
                if reply in ("OK", 1):
                    moved += 1
                else:
                    assert str(reply) == "ERR no such key"
        return moved

    def watch(actor):
        while actor.running():
            for count, values in zip(*[iter(replies(actor.client, [("EXISTS", *GROUP), ("MGET", *GROUP)] * 5))] * 2):
                assert count == 1
                assert [value for value in values if value is not None] == [b"token"]

    with crowd.server.client() as client:
        client.call("SET", GROUP[0], "token")
    assert sum(crowd.run(move, move, watch, watch)[:2]) > 20


def test_a_lock_has_one_owner(crowd):
    """SET NX guards a read and a write that are not atomic together."""

    def work(actor):
        done = 0
        while actor.running():
            client = actor.client
            if client.call("SET", "lock", actor.number, "NX", "PX", 100000) is None:
                continue
            value = int(client.call("GET", "guarded") or 0)
            client.call("SET", "guarded", value + 1)
            assert client.call("GET", "lock") == b"%d" % actor.number
            assert client.call("DEL", "lock") == 1
            done += 1
        return done

    counts = crowd.run(*[work] * 4)
    with crowd.server.client() as client:
        assert int(client.call("GET", "guarded")) == sum(counts) > 20


# ---- whole databases ----


def test_a_flush_is_seen_whole(crowd):
    def write(actor):
        while actor.running():
            value = b"%d" % actor.random.getrandbits(64)
            actor.client.call("MSET", *[word for key in GROUP for word in (key, value)])

    def flush(actor):
        flushes = 0
        while actor.running():
            actor.client.call(*actor.random.choice([("FLUSHALL",), ("FLUSHALL", "ASYNC"), ("FLUSHDB", "SYNC")]))
            flushes += 1
        return flushes

    results = crowd.run(write, write, flush, read_group, read_group)
    assert results[2] > 20 and sum(results[3:]) > 20


def test_swapped_databases_are_swapped_whole(crowd):
    def swap(actor):
        swaps = 0
        while actor.running():
            actor.client.call("SWAPDB", 8, 9)
            swaps += 1
        return swaps

    def watch(actor):
        seen = set()
        client = actor.client
        while actor.running():
            db = actor.random.choice([8, 9])
            _, values, size = replies(client, [("SELECT", db), ("MGET", *GROUP), ("DBSIZE",)])
            assert_equal_group(values)
            assert size == len(GROUP)
            seen.add(values[0])
        return seen

    with crowd.server.client() as client:
        for db in (8, 9):
            client.call("SELECT", db)
            client.call("MSET", *[word for key in GROUP for word in (key, db)])
    results = crowd.run(swap, watch, watch)
    assert results[0] > 20
    assert results[1] == results[2] == {b"8", b"9"}


def test_a_moved_key_is_in_one_database(crowd):
    def move(actor):
        moved, client = 0, actor.client
        while actor.running():
            one, other = actor.random.sample(range(4), 2)
            moved += replies(client, [("SELECT", one), ("MOVE", "token", other)])[1]
        return moved

    with crowd.server.client() as client:
        client.call("SET", "token", "here")
    assert sum(crowd.run(move, move, move)) > 20
    found = 0
    with crowd.server.client() as client:
        for db in range(4):
            client.call("SELECT", db)
            found += client.call("EXISTS", "token")
    assert found == 1
