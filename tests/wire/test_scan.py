# SPDX-License-Identifier: BSD-3-Clause
"""SCAN's promise: what is there from the first call to the last is seen, whatever happens to the table meanwhile."""

import random
import threading

import pytest


def fill(client, names):
    names = list(names)
    for start in range(0, len(names), 5000):
        client.call("MSET", *(part for name in names[start:start + 5000] for part in (name, "x")))


def remove(client, names):
    names = list(names)
    for start in range(0, len(names), 5000):
        client.call("DEL", *names[start:start + 5000])


def scan(client, *arguments, between=lambda: None):
    """All keys of an iteration, in the order shown."""
    seen, cursor = [], b"0"
    while True:
        cursor, found = client.call("SCAN", cursor, *arguments)
        seen += found
        if cursor == b"0":
            return seen
        between()


def names(prefix, count):
    return [f"{prefix}:{i}".encode() for i in range(count)]


@pytest.mark.parametrize("count", [0, 1, 10, 100, 5000])
def test_all_keys_are_seen_once_when_nothing_changes(client, count):
    fill(client, names("k", count))
    assert sorted(scan(client)) == sorted(names("k", count))


@pytest.mark.parametrize("step", [1, 7, 1000, 10**6])
def test_count_says_how_much_at_once(client, step):
    fill(client, names("k", 3000))
    calls = []
    assert len(scan(client, "COUNT", step, between=lambda: calls.append(1))) == 3000
    assert len(calls) <= 3000 / step + 300  # a call may find a partition's end or an empty stretch
    if step >= 10**6:
        assert not calls


def test_growth_hides_nothing(client):
    fill(client, names("stays", 2000))
    more = names("new", 60000)

    def grow():
        fill(client, [more.pop() for _ in range(min(len(more), 400))])
    seen = scan(client, "COUNT", 20, between=grow)
    assert set(seen) >= set(names("stays", 2000))


def test_shrinking_hides_nothing(client):
    fill(client, names("stays", 1000))
    goes = names("goes", 100000)
    fill(client, goes)

    def shrink():
        remove(client, [goes.pop() for _ in range(min(len(goes), 1000))])
    seen = scan(client, "COUNT", 300, between=shrink)
    assert set(seen) >= set(names("stays", 1000))


def test_growing_and_shrinking_in_turns_hides_nothing(client):
    fill(client, names("stays", 3000))
    others = names("other", 20000)
    state = [False]

    def change():
        (remove if state[0] else fill)(client, others)
        state[0] = not state[0]
    seen = scan(client, "COUNT", 500, between=change)
    assert set(seen) >= set(names("stays", 3000))


def test_writers_on_other_connections_hide_nothing(server, client):
    fill(client, names("stays", 5000))
    done = threading.Event()

    def churn(seed):
        rng = random.Random(seed)
        with server.client() as c:
            while not done.is_set():
                batch = [rng.randrange(50000) for _ in range(200)]
                c.raw_pipeline([["SET" if rng.random() < 0.5 else "DEL", f"{seed}:{i}", *["x"]][:3] for i in batch
                                if rng.random() < 0.9] or [["PING"]])
    threads = [threading.Thread(target=churn, args=[seed]) for seed in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            assert set(scan(client, "COUNT", 100)) >= set(names("stays", 5000))
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_filters_apply_to_what_is_shown_only(client):
    fill(client, names("a", 500) + names("b", 500))
    client.call("SET", "odd[name]", "x")
    assert sorted(scan(client, "MATCH", "a:*")) == sorted(names("a", 500))
    assert scan(client, "MATCH", "odd\\[*") == [b"odd[name]"]
    assert len(scan(client, "TYPE", "string", "MATCH", "b:*", "COUNT", "50")) == 500
    assert scan(client, "TYPE", "hash") == []


def test_any_number_is_a_cursor(client):
    fill(client, names("k", 1000))
    rng = random.Random(1)
    for _ in range(2000):
        cursor = rng.choice([rng.getrandbits(64), rng.getrandbits(rng.randrange(1, 65)), 2**64 - 1, 2**63])
        following, found = client.call("SCAN", cursor, "COUNT", 3)
        assert 0 <= int(following) < 2**64
        assert set(found) <= set(names("k", 1000))


def test_a_cursor_survives_a_flush(client):
    fill(client, names("k", 5000))
    cursor, _ = client.call("SCAN", 0)
    client.call("FLUSHALL")
    while cursor != b"0":
        cursor, found = client.call("SCAN", cursor, "COUNT", 1000)
        assert found == []


def test_databases_are_scanned_apart(client):
    fill(client, names("zero", 100))
    client.call("SELECT", 1)
    fill(client, names("one", 100))
    assert sorted(scan(client)) == sorted(names("one", 100))


def test_expired_keys_are_not_shown(client):
    fill(client, names("stays", 50))
    for name in names("goes", 50):
        client.call("SET", name, "x", "PX", 1)
    threading.Event().wait(0.01)
    assert sorted(scan(client)) == sorted(names("stays", 50))
