# SPDX-License-Identifier: BSD-3-Clause
"""Commands that take long: others run theirs meanwhile, and the reply shows one moment."""

import time

import pytest

from test_long_replies import begin, World

COUNT = 20000  # more than are done at once
LONG = "x" * 400  # so that no socket's buffers hold a reply


@pytest.fixture
def world(by_workers):
    with World(by_workers) as world:
        world.connect().call("FLUSHALL")
        yield world


def fill(client):
    """Two large values of each type that have half of their elements in common, and small ones."""
    def pipeline(command, key, first, element):
        client.raw_pipeline([[command, key, *[text for i in range(start, start + 100) for text in element(i)]]
                             for start in range(first, first + COUNT, 100)])

    for key, first in [("1", 0), ("2", COUNT // 2)]:
        pipeline("SADD", "set" + key, first, lambda i: [f"{LONG}{i}"])
    client.call("SADD", "small", f"{LONG}7", f"{LONG}{COUNT}", "only here")
    client.call("SADD", "numbers", 1, 2, 3)


COMMANDS = {
    "SUNION set1 set2": "SADD set1 new", "SUNION set1 none small set2 numbers": "SREM small only",
    "SUNION set2 set2 set1": "SPOP set2 5000", "SINTER set1 set2": "SREM set2 {last}", "SINTER set1 set1": "SADD set1 x",
    "SDIFF set1 set2": "SADD set2 {first}", "SDIFF set1 numbers small none": "DEL set1",
}


def in_transaction(client, command):
    client.send("MULTI"), client.send(*command.split()), client.send("EXEC")
    return [client.read() for _ in range(3)][2][0]


def words(command):
    return command.format(first=f"{LONG}1", last=f"{LONG}{COUNT - 1}").split()


def normal(command, reply):
    """Sets have no order."""
    return sorted(reply) if command.startswith(("SUNION", "SINTER", "SDIFF")) else reply


@pytest.mark.parametrize("version", [2, 3])
def test_what_is_shown_is_what_a_transaction_shows(world, version):
    client = world.connect(version)
    fill(client)
    for command in COMMANDS:
        expected = in_transaction(client, command)
        client.send(*command.split()), client.send("PING")
        reply = client.read()
        assert type(reply) is type(expected)
        assert normal(command, reply) == normal(command, expected), command
        assert client.read() == "PONG"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_reply_is_that_of_its_moment(world, command):
    reader, other = world.reader(), world.connect()
    fill(other)
    expected = normal(command, in_transaction(other, command))
    begin(reader, command.split())
    other.call(*words(COMMANDS[command]))
    assert normal(command, reader.read()) == expected
    assert reader.call("PING") == "PONG"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_change_that_comes_early_waits_for_what_is_read(world, command):
    reader, other = world.connect(), world.connect()
    fill(other)
    before = normal(command, in_transaction(other, command))
    for _ in range(5):
        reader.send(*command.split())
        other.call(*words(COMMANDS[command]))
        after = normal(command, in_transaction(other, command))
        assert normal(command, reader.read()) in [before, after]
        before = after


@pytest.mark.parametrize("command", COMMANDS)
def test_whoever_asks_may_go(world, command):
    other = world.connect()
    fill(other)
    for moment in [0, 0.0003, 0.001, 0.003, 0.01]:
        reader = world.reader()
        reader.send(*command.split())
        time.sleep(moment)
        reader.socket.close()
    killed = world.connect()
    number = killed.call("CLIENT", "ID")
    killed.send(*command.split())
    other.call("CLIENT", "KILL", "ID", number)
    other.call("FLUSHALL")
    assert other.call("DBSIZE") == 0


def test_the_reply_takes_no_memory(world):
    reader, other = world.reader(), world.connect()
    fill(other)
    number = reader.call("CLIENT", "ID")
    for command in COMMANDS:
        if "SINTER" in command:
            continue
        begin(reader, command.split())
        time.sleep(0.05)
        fields = dict(field.split(b"=", 1) for field in other.call("CLIENT", "LIST", "ID", number).split())
        assert int(fields[b"omem"]) < 1 << 20
        assert len(reader.read()) >= COUNT // 2


def test_a_client_that_caches_is_told_behind_the_reply(world):
    reader, other = world.connect(3), world.connect()
    fill(other)
    reader.call("CLIENT", "TRACKING", "ON")
    reader.send("SUNION", "set1", "set2")
    time.sleep(0.002)
    other.call("SADD", "set1", "new")
    assert len(reader.read()) == COUNT * 3 // 2
    assert reader.read() == [b"invalidate", [b"set1"]]


def test_it_is_counted_and_logged_when_it_is_complete(world):
    client = world.connect()
    fill(client)
    client.call("CONFIG", "SET", "slowlog-log-slower-than", 1000)
    try:
        client.call("SLOWLOG", "RESET"), client.call("CONFIG", "RESETSTAT")
        client.call("SUNION", "set1", "set2")
        assert client.call("SLOWLOG", "GET", 1)[0][3] == [b"SUNION", b"set1", b"set2"]
        assert b"cmdstat_sunion:calls=1," in client.call("INFO", "commandstats")
    finally:
        client.call("CONFIG", "SET", "slowlog-log-slower-than", 10000)


def test_scripts_see_it_whole(world):
    client = world.connect()
    fill(client)
    script = "return #redis.call('SUNION', KEYS[1], KEYS[2])"
    assert client.call("EVAL", script, 2, "set1", "set2") == COUNT * 3 // 2
