# SPDX-License-Identifier: BSD-3-Clause
"""Transactions are atomic, and WATCH misses nothing, whichever partitions and workers take part."""

import resp

ACCOUNTS = [f"account:{i}" for i in range(8)]  # in several partitions
START = 1000


def replies(client, commands):
    return [resp.decode(raw) for raw in client.raw_pipeline(commands)]


def execute(client, *commands):
    """EXEC's reply to the commands, sent in one piece."""
    return replies(client, [("MULTI",), *commands, ("EXEC",)])[-1]


def test_increments_by_compare_and_set(crowd):
    counters = [f"counter:{i}" for i in range(3)]

    def increment(actor):
        done, lost = dict.fromkeys(counters, 0), 0
        while actor.running():
            client, name = actor.client, actor.random.choice(counters)
            _, value = replies(client, [("WATCH", name), ("GET", name)])
            if execute(client, ("SET", name, int(value or 0) + 1)) is None:
                lost += 1
            else:
                done[name] += 1
        return done, lost

    results = crowd.run(*[increment] * 5)
    with crowd.server.client() as client:
        for name in counters:
            assert int(client.call("GET", name)) == sum(done[name] for done, _ in results)
        info = client.call("INFO", "clients").decode()
    assert "watching_clients:0\r" in info and "total_watched_keys:0\r" in info
    assert sum(lost for _, lost in results) > 0, "nobody was ever in anybody's way"


def test_transfers(crowd):
    """Money moves between accounts and is never seen on its way, nor spent twice."""

    def transfer(actor):
        count = 0
        while actor.running():
            client, (giver, taker) = actor.client, actor.random.sample(ACCOUNTS, 2)
            _, balance = replies(client, [("WATCH", giver), ("GET", giver)])
            amount = actor.random.randrange(1, 400)
            if int(balance) < amount:
                client.call("UNWATCH")
                continue
            result = execute(client, ("DECRBY", giver, amount), ("INCRBY", taker, amount))
            assert result is None or result[0] >= 0
            count += result is not None
        return count

    def audit(actor):
        count = 0
        while actor.running():
            balances = actor.client.call("MGET", *ACCOUNTS)
            if actor.random.random() < 0.5:
                balances = execute(actor.client, *[("GET", name) for name in ACCOUNTS])
            assert sum(map(int, balances)) == START * len(ACCOUNTS) and min(map(int, balances)) >= 0
            count += 1
        return count

    with crowd.server.client() as client:
        client.call("MSET", *[word for name in ACCOUNTS for word in (name, START)])
    results = crowd.run(transfer, transfer, transfer, audit, audit)
    assert min(results) > 10


def test_no_write_skew(crowd):
    """Who changes one key because of what another one is: at most one of two may do so."""

    def take(own, other):
        def run(actor):
            wins = 0
            while actor.running():
                client = actor.client
                _, value = replies(client, [("WATCH", other), ("GET", other)])
                if value == b"1":
                    client.call("UNWATCH")
                    continue
                result = execute(client, ("SET", own, 1), ("MGET", own, other))
                if result is not None:
                    assert result[1] != [b"1", b"1"]
                    wins += 1
            return wins
        return run

    def reset(actor):
        while actor.running():
            assert actor.client.call("MGET", "left", "right") != [b"1", b"1"]
            actor.client.call("MSET", "left", 0, "right", 0)

    with crowd.server.client() as client:
        client.call("MSET", "left", 0, "right", 0)
    results = crowd.run(take("left", "right"), take("right", "left"), take("left", "right"), take("right", "left"), reset)
    assert sum(results[:4]) > 10


def test_transactions_that_need_everything(crowd):
    """Exclusive transactions and those that lock what they need."""

    def count_up(actor):
        while actor.running():
            values = execute(actor.client, *[("INCR", name) for name in actor.random.sample(ACCOUNTS, len(ACCOUNTS))])
            assert len(set(values)) == 1, f"half of a transaction was seen: {values}"

    def flush(actor):
        flushes = 0
        while actor.running():
            size, _, names, again = execute(actor.client, ("DBSIZE",), ("FLUSHALL",), ("KEYS", "*"), ("DBSIZE",))
            assert size in (0, len(ACCOUNTS)) and names == [] and again == 0
            flushes += 1
        return flushes

    def scan(actor):
        while actor.running():
            (_, names), *values = execute(actor.client, ("SCAN", 0, "COUNT", 1000), *[("GET", name) for name in ACCOUNTS])
            assert len(names) in (0, len(ACCOUNTS)) and len(set(values)) == 1

    assert crowd.run(count_up, count_up, count_up, flush, scan)[3] > 10


def test_waiters_see_whole_transactions(crowd):
    def push(actor):
        for number in range(10**9):
            if not actor.running():
                return number
            value = f"{actor.number}:{number}"
            execute(actor.client, ("RPUSH", "left", value), ("RPUSH", "right", value))

    def take(actor):
        taken = []
        while actor.running():
            got = actor.client.call("BLPOP", *actor.random.sample(["left", "right"], 2), "0.05")
            if got:
                taken.append((got[0], got[1]))
        return taken

    results = crowd.run(push, push, take, take)
    with crowd.server.client() as client:
        rest = [(name, value) for name in (b"left", b"right") for value in client.call("LRANGE", name, 0, -1)]
    everything = results[2] + results[3] + rest
    assert len(everything) == len(set(everything)) == 2 * (results[0] + results[1])


def test_watches_come_and_go(crowd):
    """Sessions that close, reset and forget while others change what they watch."""

    def watch(actor):
        while actor.running():
            with actor.server.client() as client:
                for _ in range(5):
                    client.raw_pipeline([("WATCH", *actor.random.sample(ACCOUNTS, 4)), ("WATCH", "flushed")])
                    client.raw(*actor.random.choice([("UNWATCH",), ("RESET",), ("PING",), ("SET", "flushed", 1)]))
                    if actor.random.random() < 0.5:
                        execute(client, ("SET", actor.random.choice(ACCOUNTS), 1))

    def change(actor):
        while actor.running():
            name = actor.random.choice(ACCOUNTS)
            actor.client.raw(*actor.random.choice([
                ("SET", name, 1), ("SET", name, 1, "PX", 1), ("DEL", name), ("FLUSHALL",), ("SWAPDB", 0, 1),
                ("RENAME", name, "account:3"), ("CLIENT", "KILL", "TYPE", "pubsub"), ("INFO", "clients")]))

    crowd.run(watch, watch, watch, change, change)
    with crowd.server.client() as client:
        assert "total_watched_keys:0\r" in client.call("INFO", "clients").decode()
