# SPDX-License-Identifier: BSD-3-Clause
"""Keyspace notifications. Valkey runs the same tests: what they expect is what it does. The events of each command are
compared in tests/differential/events.py; here is how they are delivered, and what happens in the background."""

import time

import pytest

from resp import Failure


@pytest.fixture(autouse=True)
def everything_is_notified(world):
    world().call("CONFIG", "SET", "notify-keyspace-events", "AKEmn")


@pytest.fixture
def client(world):
    return world()


@pytest.fixture
def ear(world):
    """A connection that hears everything."""
    listener = world()
    listener.call("PSUBSCRIBE", "__key*")
    return listener


def heard(ear, count):
    """The next events as "db:key=event", each of which must come in both forms."""
    events = []
    for _ in range(count):
        _, _, one, event = ear.read()
        _, _, other, key = ear.read()
        db = one[11:one.index(b"__:")]
        assert one == b"__keyspace@" + db + b"__:" + key and other == b"__keyevent@" + db + b"__:" + event
        events.append(f"{db.decode()}:{key.decode()}={event.decode()}")
    return events


def silent(ear, client):
    """Has nothing been heard since, when this has?"""
    client.call("CONFIG", "SET", "notify-keyspace-events", "AKEmn")
    client.call("SET", "the end", 1)
    return heard(ear, 2) == ["0:the end=new", "0:the end=set"]


# ---- the directive ----


@pytest.mark.parametrize("given,shown", [
    ("", ""), ("A", "A"), ("KA", "AK"), ("AKE", "AKE"), ("g", "g"), ("mKE", "KEm"), ("AKEmn", "AKEm"), ("gKn", "gnK"),
    ("K", "K"), ("g$lshzxetd", "A"), ("$lshzxetdn", "$lshzxetdn"), ("KEKE", "KE"), ("EKdxe", "xedKE")])
def test_the_directive_shows_what_it_was_given(client, given, shown):
    client.call("CONFIG", "SET", "notify-keyspace-events", given)
    assert client.call("CONFIG", "GET", "notify-keyspace-events")[1].decode() == shown


def test_wrong_letters(client):
    for wrong in ("KEQ", " KE", "ake"):
        error = client.error("CONFIG", "SET", "notify-keyspace-events", wrong)
        assert error.endswith("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
    assert client.call("CONFIG", "GET", "notify-keyspace-events")[1] == b"AKEm"


@pytest.mark.parametrize("letters", ["", "A", "K", "E", "KE", "KEm", "KEl", "KEA"])
def test_only_what_is_wanted(client, ear, letters):
    client.call("CONFIG", "SET", "notify-keyspace-events", letters)
    client.call("LPUSH", "x", 1)
    client.call("DEL", "x")
    expected = {"KEl": ["0:x=lpush"], "KEA": ["0:x=lpush", "0:x=del"]}.get(letters, [])
    assert heard(ear, len(expected)) == expected
    assert silent(ear, client)


@pytest.mark.parametrize("letters,channel,message", [
    ("Kg", b"__keyspace@0__:x", b"del"), ("Eg", b"__keyevent@0__:del", b"x")])
def test_one_form_alone(client, ear, letters, channel, message):
    client.call("CONFIG", "SET", "notify-keyspace-events", letters)
    client.call("SET", "x", 1)
    client.call("DEL", "x")
    assert ear.read() == [b"pmessage", b"__key*", channel, message]
    assert silent(ear, client)


# ---- delivery ----


def test_channels(world, client):
    one, other = world(), world(3)
    one.call("SUBSCRIBE", "__keyspace@0__:x")
    other.call("SUBSCRIBE", "__keyevent@3__:set")
    client.call("SET", "x", 1)
    client.call("SELECT", 3)
    client.call("SET", b"\x00\r\n", 1)
    assert one.read() == [b"message", b"__keyspace@0__:x", b"new"]
    assert one.read() == [b"message", b"__keyspace@0__:x", b"set"]
    assert other.read_raw() == b">3\r\n$7\r\nmessage\r\n$18\r\n__keyevent@3__:set\r\n$3\r\n\x00\r\n\r\n"


def test_own_events_follow_the_reply(world):
    own = world(3)
    own.call("SUBSCRIBE", "__keyevent@0__:set", "__keyevent@0__:del")
    own.read()
    assert own.call("SET", "x", 1) == "OK"
    assert own.read() == [b"message", b"__keyevent@0__:set", b"x"]
    assert own.call("DEL", "x") == 1
    assert own.read() == [b"message", b"__keyevent@0__:del", b"x"]


def test_transactions(client, ear):
    replies = client.raw_pipeline([("MULTI",), ("SET", "x", 1), ("SELECT", 2), ("RPUSH", "l", 1), ("LPOP", "l"), ("INCR", "n"), ("EXEC",)])
    assert replies[-1].startswith(b"*5\r\n")
    assert heard(ear, 8) == ["0:x=new", "0:x=set", "2:l=new", "2:l=rpush", "2:l=lpop", "2:l=del", "2:n=new", "2:n=incrby"]


def test_own_transaction(world):
    own = world(3)
    own.call("PSUBSCRIBE", "__keyevent@0__:*")
    own.raw_pipeline([("MULTI",), ("SET", "x", 1), ("DEL", "x")])
    assert own.call("EXEC") == ["OK", 1]
    assert [own.read()[2:] for _ in range(3)] == [
        [b"__keyevent@0__:new", b"x"], [b"__keyevent@0__:set", b"x"], [b"__keyevent@0__:del", b"x"]]


def test_the_order_of_a_pipeline(client, ear):
    client.raw_pipeline([("INCR", f"n:{i}") for i in range(300)])
    assert heard(ear, 600)[1::2] == [f"0:n:{i}=incrby" for i in range(300)]


def test_waiters(world, client, ear):
    """What serves a waiter is told after what it waited for."""
    waiting = world()
    for wait, give, events in [
            (("BLPOP", "l", 0), ("RPUSH", "l", 1, 2), ["0:l=new", "0:l=rpush", "0:l=lpop"]),
            (("BRPOP", "l", 0), None, ["0:l=rpop", "0:l=del"]),
            (("BLMOVE", "l", "m", "LEFT", "RIGHT", 0), ("LPUSH", "l", 1),
             ["0:l=new", "0:l=lpush", "0:m=new", "0:l=lpop", "0:m=rpush", "0:l=del"]),
            (("BZPOPMAX", "z", 0), ("ZADD", "z", 1, "m"), ["0:z=new", "0:z=zadd", "0:z=zpopmax", "0:z=del"])]:
        waiting.send(*wait)
        if give:
            while "blocked_clients:1\r" not in client.call("INFO", "clients").decode():
                time.sleep(0.005)
            client.call(*give)
        assert waiting.read() is not None
        told = heard(ear, len(events))
        assert sorted(told) == sorted(events) and told[:2] == events[:2]


# ---- what happens by itself ----


def test_expiry_in_the_background(client, ear):
    client.call("CONFIG", "SET", "notify-keyspace-events", "KEx")
    client.raw_pipeline([("SET", f"k:{i}", 1, "PX", 30) for i in range(50)])
    started = time.monotonic()
    assert sorted(heard(ear, 50)) == sorted(f"0:k:{i}=expired" for i in range(50))
    assert time.monotonic() - started < 5


def test_expiry_at_a_read(client, ear):
    client.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    try:
        client.call("SET", "k", 1, "PX", 10)
        client.call("SET", "l", 1, "PX", 10)
        heard(ear, 6)
        time.sleep(0.03)
        assert client.call("GET", "k") is None
        client.call("SET", "l", 2)
        assert heard(ear, 5) == ["0:k=expired", "0:k=keymiss", "0:l=expired", "0:l=new", "0:l=set"]
    finally:
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", 1)


def test_fields_expire(client, ear):
    client.call("CONFIG", "SET", "notify-keyspace-events", "KEhxg")
    client.call("HSET", "h", "a", 1, "b", 2)
    client.call("HPEXPIRE", "h", 20, "FIELDS", 1, "a")
    assert heard(ear, 3) == ["0:h=hset", "0:h=hexpire", "0:h=hexpired"]
    client.call("HPEXPIRE", "h", 20, "FIELDS", 1, "b")
    assert heard(ear, 3) == ["0:h=hexpire", "0:h=hexpired", "0:h=del"]
    client.call("CONFIG", "SET", "notify-keyspace-events", "KEx")
    client.call("HSET", "h", "a", 1, "b", 2)
    client.call("HPEXPIREAT", "h", 1, "FIELDS", 1, "b")
    client.call("HPEXPIRE", "h", 20, "FIELDS", 1, "a")
    assert heard(ear, 1) == ["0:h=hexpired"]
    assert silent(ear, client)


def test_eviction(client, ear):
    client.raw_pipeline([("SET", f"k:{i}", "x" * 1000) for i in range(100)])
    heard(ear, 200)
    client.call("CONFIG", "SET", "notify-keyspace-events", "KEe")
    client.call("CONFIG", "SET", "maxmemory-policy", "allkeys-random", "maxmemory", 1)
    try:
        while client.call("DBSIZE") > 10:
            client.raw("SET", "k:1", 1)
        events = heard(ear, 80)
    finally:
        client.call("CONFIG", "SET", "maxmemory", 0, "maxmemory-policy", "noeviction")
    assert all(event.endswith("=evicted") for event in events)


def test_flushing_is_no_event(client, ear):
    client.call("MSET", "a", 1, "b", 2)
    heard(ear, 4)
    client.call("FLUSHALL")
    client.call("SWAPDB", 0, 1)
    assert silent(ear, client)


def test_errors_are_no_events(client, ear):
    client.call("SET", "x", "text")
    heard(ear, 2)
    for command in [("INCR", "x"), ("LPUSH", "x", 1), ("SET", "x"), ("HSET", "x", "f", 1)]:
        assert isinstance(client.error(*command), str)
    assert not isinstance(client.call("PING"), Failure)
    assert silent(ear, client)
