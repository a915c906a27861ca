# SPDX-License-Identifier: BSD-3-Clause
"""What many clients on several workers saw could have happened one after the other."""

import time

import linearizable
import resp

LIMIT = 1000  # operations of each client

COMPARE_AND_SET = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[2])
    return 1
end
return 0
"""


def recorder():
    return linearizable.Recorder(time.monotonic_ns)


def check(crowd, task, model, state, clients=5):
    histories = crowd.run(*[task] * clients, seconds=2)
    assert sum(map(len, histories)) > clients * 20
    assert linearizable.explain(histories, model, state) is None, linearizable.explain(histories, model, state)


# ---- the checker itself ----


def register(state, name, arguments):
    if name == "get":
        yield state, state
    elif name == "set":
        yield arguments, "OK"


def test_the_checker_finds_a_stale_read():
    wrote = linearizable.Operation(0, 1, "set", b"1", "OK")
    late = linearizable.Operation(2, 3, "get", None, None)
    overlapping = linearizable.Operation(0, 3, "get", None, None)
    assert linearizable.explain([[wrote], [late]], register, None) is not None
    assert linearizable.explain([[wrote], [overlapping]], register, None) is None


# ---- a register ----


def number_model(state, name, arguments):
    if name == "get":
        yield state, state
    elif name == "set":
        yield arguments, b"OK"
    elif name == "incr":
        yield state + 1, state + 1
    elif name == "swap":
        old, new = arguments
        yield (new, 1) if state == old else (state, 0)
    elif name == "watched":
        old, new = arguments
        if state == old:
            yield new, 1
        yield state, 0  # somebody interfered, or might have


def swap_by_script(client, old, new):
    return client.call("EVAL", COMPARE_AND_SET, 1, "register", old, new)


def swap_by_watch(client, old, new):
    client.call("WATCH", "register")
    if int(client.call("GET", "register")) != old:
        client.call("UNWATCH")
        return 0
    client.call("MULTI")
    client.call("SET", "register", new)
    return 1 if client.call("EXEC") else 0


def test_a_register(crowd):
    with crowd.server.client() as client:
        client.call("SET", "register", 0)

    def play(actor):
        record, seen = recorder(), 0
        while actor.running() and len(record.history) < LIMIT:
            client, new = actor.client, actor.random.randrange(1000)
            kind = actor.random.randrange(5)
            if kind == 0:
                seen = record.run("get", None, lambda: int(client.call("GET", "register")))
            elif kind == 1:
                record.run("set", new, lambda: client.call("SET", "register", new).encode())
            elif kind == 2:
                seen = record.run("incr", None, lambda: client.call("INCR", "register"))
            elif kind == 3:
                record.run("swap", (seen, new), lambda: swap_by_script(client, seen, new))
            else:
                record.run("watched", (seen, new), lambda: swap_by_watch(client, seen, new))
        return record.history

    check(crowd, play, number_model, 0)


# ---- a queue ----


def queue_model(state, name, arguments):
    if name == "push":
        yield state + (arguments,), len(state) + 1
    elif name == "pop":
        yield (state[1:], state[0]) if state else (state, None)
    elif name == "length":
        yield state, len(state)


def test_a_queue(crowd):
    def play(actor):
        record, number = recorder(), 0
        while actor.running() and len(record.history) < LIMIT / 3:
            client = actor.client
            # A short queue: which of two pushes came first shows soon.
            if actor.random.random() < 0.4:
                number += 1
                element = f"{actor.number}:{number}".encode()
                record.run("push", element, lambda: client.call("RPUSH", "queue", element))
            elif actor.random.random() < 0.9:
                record.run("pop", None, lambda: client.call("LPOP", "queue"))
            else:
                record.run("length", None, lambda: client.call("LLEN", "queue"))
        return record.history

    check(crowd, play, queue_model, ())


# ---- several keys at once ----

ACCOUNTS = [f"account:{i}" for i in range(4)]

TRANSFER = """
local from = tonumber(redis.call('GET', KEYS[1]))
if from < tonumber(ARGV[1]) then return 0 end
redis.call('DECRBY', KEYS[1], ARGV[1])
redis.call('INCRBY', KEYS[2], ARGV[1])
return 1
"""


def accounts_model(state, name, arguments):
    if name == "read":
        yield state, state
        return
    source, target, amount = arguments
    after = list(state)
    after[source] -= amount
    after[target] += amount
    if name == "transaction":
        yield tuple(after), (after[source], after[target])
    elif state[source] < amount:
        yield state, 0
    else:
        yield tuple(after), 1


def transfer_by_transaction(client, source, target, amount):
    return tuple(resp.decode(client.raw_pipeline([
        ("MULTI",), ("DECRBY", ACCOUNTS[source], amount), ("INCRBY", ACCOUNTS[target], amount), ("EXEC",)])[-1]))


def test_transfers_between_accounts(crowd):
    with crowd.server.client() as client:
        client.call("MSET", *[x for name in ACCOUNTS for x in (name, 100)])

    def play(actor):
        record = recorder()
        while actor.running() and len(record.history) < LIMIT:
            client = actor.client
            source, target = actor.random.sample(range(len(ACCOUNTS)), 2)
            amount = actor.random.randrange(1, 50)
            kind = actor.random.randrange(4)
            if kind == 0:
                record.run("read", None, lambda: tuple(int(x) for x in client.call("MGET", *ACCOUNTS)))
            elif kind == 1:
                record.run("transaction", (source, target, amount),
                           lambda: transfer_by_transaction(client, source, target, amount))
            elif kind == 2:
                record.run("script", (source, target, amount), lambda: client.call(
                    "EVAL", TRANSFER, 2, ACCOUNTS[source], ACCOUNTS[target], amount))
            else:  # the script reaches keys that it has not declared
                script = TRANSFER.replace("KEYS[1]", f"'{ACCOUNTS[source]}'").replace("KEYS[2]", f"'{ACCOUNTS[target]}'")
                record.run("script", (source, target, amount), lambda: client.call("EVAL", script, 0, amount))
        return record.history

    check(crowd, play, accounts_model, (100,) * len(ACCOUNTS))
