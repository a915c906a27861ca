# SPDX-License-Identifier: BSD-3-Clause
"""What groups know of very many entries: it is shown in pieces, and is that of the command's moment."""

import time

import pytest

import servers
import stock
from test_long_replies import begin, World

COUNT = 20000  # more than are done at once
LONG = "x" * 400  # so that no socket's buffers hold a reply


@pytest.fixture
def world(by_workers):
    with World(by_workers) as world:
        fill(world.connect())
        yield world


def fill(client):
    client.call("FLUSHDB")
    stock.take(client, "k", make)


def make(client):
    """Two groups and three consumers, of whom one has nothing; some entries are gone, some acknowledged."""
    for start in range(0, COUNT, 1000):
        client.raw_pipeline([["XADD", "k", f"{i + 1}-0", "field", f"{LONG}{i}"] for i in range(start, start + 1000)])
    for group in ["g", "none"]:
        client.call("XGROUP", "CREATE", "k", group, 0)
    for consumer, count in [(f"one{LONG}", 500), (f"two{LONG}", 17500)]:
        client.raw("XREADGROUP", "GROUP", "g", consumer, "COUNT", count, "STREAMS", "k", ">")
    client.call("XGROUP", "CREATECONSUMER", "k", "g", "three")
    client.call("XACK", "k", "g", "3-0", "4-0")
    client.call("XDEL", "k", "4-0", "5-0")


def words(command):
    return command.format(one=f"one{LONG}", two=f"two{LONG}").split()


# What is shown, how many elements that are, and a change of it.
SHOWN = {
    "XPENDING k g - + 1000000": (17998, "XACK k g 17000-0"),
    "XPENDING k g 17 (17999 17500": (17500, "XGROUP DESTROY k g"),
    "XPENDING k g - + 17000": (17000, "XREADGROUP GROUP g three STREAMS k >"),
    "XPENDING k g - + 17900 {two}": (17500, "XGROUP DELCONSUMER k g {two}"),
    "XPENDING k g - + 17900 {one}": (498, "XDEL k 1-0"),
    "XPENDING k g IDLE 1 - + 20000": (17998, "XTRIM k MAXLEN 0"),
    "XPENDING k g IDLE 1 400 + 17200 {two}": (17200, "XCLAIM k g three 0 17000-0"),
    "XPENDING k g IDLE 100000000 - + 20000": (0, "DEL k"),
    "XPENDING k g IDLE 100000000 - + 10": (0, "DEL k"),
    "XPENDING k g IDLE 1 17 + 10": (10, "XACK k g 20-0"),
    "XPENDING k g 9 8 20000": (0, "DEL k"),
    "XPENDING k g - + 20000 nobody": (0, "DEL k"),
    "XINFO STREAM k FULL COUNT 0": (None, "XADD k * field new"),
    "XINFO STREAM k FULL COUNT 17000": (None, "XGROUP DELCONSUMER k g {two}"),
    "XINFO STREAM k FULL COUNT 9000": (None, "RENAME k other"),
    "XINFO STREAM k FULL": (None, "DEL k"),
}


def normal(command, reply):
    """How long something has been pending depends on the moment."""
    if isinstance(reply, Exception):
        return str(reply)
    if command.startswith("XPENDING"):
        return [[identifier, consumer, times] for identifier, consumer, _, times in reply]
    return reply


def in_transaction(client, command):
    client.send("MULTI"), client.send(*words(command)), client.send("EXEC")
    return normal(command, [client.read() for _ in range(3)][2][0])


def show(client, command):
    return normal(command, client.call(*words(command)))


@pytest.mark.parametrize("by_workers", [4], indirect=True)
@pytest.mark.parametrize("command", SHOWN)
def test_what_is_shown_is_what_a_transaction_shows(world, command):
    client = world.connect()
    time.sleep(0.002)
    for version in [2, 3]:
        client.call("HELLO", version)
        expected = in_transaction(client, command)
        client.send(*words(command)), client.send("PING")
        reply = normal(command, client.read())
        assert reply == expected
        assert client.read() == "PONG"
        assert SHOWN[command][0] in [None, len(reply)]


@pytest.mark.parametrize("by_workers", [4], indirect=True)
def test_valkey_shows_the_same(world):
    with servers.valkey() as peer, peer.client() as other, world.connect() as client:
        fill(other)
        for command in SHOWN:
            if command.startswith("XPENDING"):
                assert show(client, command) == show(other, command)
        replies = [each.call("XINFO", "STREAM", "k", "FULL", "COUNT", 0) for each in [client, other]]
        assert [without_times(reply[10:]) for reply in replies][0] == without_times(replies[1][10:])


def without_times(reply):
    """Moments are of this year; nothing else is so large."""
    if isinstance(reply, list):
        return [without_times(item) for item in reply]
    return "time" if isinstance(reply, int) and reply > 1 << 32 else reply


@pytest.mark.parametrize("command", SHOWN)
def test_the_reply_is_that_of_its_moment(world, command):
    reader, other = world.reader(), world.connect()
    time.sleep(0.002)
    expected = in_transaction(other, command)
    begin(reader, words(command))
    other.raw(*words(SHOWN[command][1]))
    assert normal(command, reader.read()) == expected
    assert reader.call("PING") == "PONG"


@pytest.mark.parametrize("by_workers", [4], indirect=True)
@pytest.mark.parametrize("command", SHOWN)
def test_a_change_that_comes_early_waits_for_what_is_read(world, command):
    reader, other = world.connect(), world.connect()
    before = in_transaction(other, command)
    for _ in range(3):
        reader.send(*words(command))
        other.raw(*words(SHOWN[command][1]))
        after = in_transaction(other, command)
        assert normal(command, reader.read()) in [before, after]
        before = after


@pytest.mark.parametrize("command", ["XPENDING k g - + 20000", "XPENDING k g IDLE 1 - + 20000 {two}",
                                     "XINFO STREAM k FULL COUNT 0"])
def test_the_reply_takes_no_memory_and_whoever_asks_may_go(world, command):
    reader, other = world.reader(), world.connect()
    number = reader.call("CLIENT", "ID")
    begin(reader, words(command))
    time.sleep(0.05)
    fields = dict(field.split(b"=", 1) for field in other.call("CLIENT", "LIST", "ID", number).split())
    assert int(fields[b"omem"]) < 1 << 20
    reader.socket.close()
    for moment in [0, 0.0003, 0.001, 0.003]:
        reader = world.reader()
        reader.send(*words(command))
        time.sleep(moment)
        reader.socket.close()
    other.call("FLUSHALL")
    assert other.call("DBSIZE") == 0


def test_few_that_are_hard_to_find_are_looked_for_while_others_go_on(world):
    client, other = world.connect(), world.connect()
    number, seen = client.call("CLIENT", "ID"), 0
    for _ in range(100):
        client.send("XPENDING", "k", "g", "IDLE", 100000000, "-", "+", 10, f"two{LONG}")
        seen += b"flags=b " in other.call("CLIENT", "LIST", "ID", number)
        assert client.read() == []
    assert seen


# ---- what is read for a consumer ----

READ = {
    "XREADGROUP GROUP g {two} STREAMS k 0": 17500, "XREADGROUP GROUP g {two} COUNT 17400 STREAMS k 600": 17400,
    "XREADGROUP GROUP none new STREAMS k >": COUNT - 2, "XREADGROUP GROUP none new COUNT 19000 NOACK STREAMS k >": 19000,
    "XREADGROUP GROUP none new COUNT 15000 STREAMS few k > >": 15000, "XREADGROUP GROUP g new STREAMS few k 0 0": 0,
}


def known(client):
    """What the groups know, of some entries each."""
    shown = [client.call("XINFO", "GROUPS", "k")]
    for group in ["g", "none"]:
        shown.append(client.call("XPENDING", "k", group))
        shown += [show(client, f"XPENDING k {group} {first} + 30") for first in ["-", 490, 12000, 17990]]
    return shown


def read_in_transaction(client, command):
    client.send("MULTI"), client.send(*words(command)), client.send("EXEC")
    return [client.read_raw() for _ in range(3)][2].partition(b"*1\r\n")[2]


@pytest.fixture(params=READ)
def reading(world, request):
    """The command, what it answers in each protocol, and what the groups know then."""
    results = []
    for version in [2, 3]:
        client = world.connect(version)
        fill_few(client)
        results.append((read_in_transaction(client, request.param), known(world.connect())))
    return request.param, results


def fill_few(client):
    fill(client)
    client.call("XADD", "few", "1-1", "a", "b")
    for group in ["g", "none"]:
        client.call("XGROUP", "CREATE", "few", group, 0)


@pytest.mark.parametrize("by_workers", [4], indirect=True)
def test_what_is_read_is_what_a_transaction_reads(world, reading):
    command, results = reading
    for version, (expected, after) in zip([2, 3], results):
        client = world.connect(version)
        fill_few(client)
        client.send(*words(command)), client.send("PING")
        assert client.read_raw() == expected
        assert client.read_raw() == b"+PONG\r\n"
        assert known(world.connect()) == after


def test_what_is_read_is_of_its_moment(world, reading):
    command, results = reading
    reader, other = world.reader(), world.connect()
    fill_few(other)
    begin(reader, words(command))
    assert known(other) == results[0][1]
    other.call("XTRIM", "k", "MAXLEN", 3)
    other.call("XGROUP", "DESTROY", "k", "none")
    other.call("XGROUP", "DELCONSUMER", "k", "g", f"two{LONG}")
    assert reader.read_raw() == results[0][0]
    assert reader.call("PING") == "PONG"


@pytest.mark.parametrize("command", [command for command, count in READ.items() if count])
def test_what_is_read_takes_no_memory(world, command):
    reader, other = world.reader(), world.connect()
    fill_few(other)
    number = reader.call("CLIENT", "ID")
    begin(reader, words(command))
    fields = dict(field.split(b"=", 1) for field in other.call("CLIENT", "LIST", "ID", number).split())
    assert int(fields[b"omem"]) < 1 << 20
    other.call("DEL", "k")
    reader.socket.close()
    assert other.call("DBSIZE") == 1


@pytest.mark.parametrize("command", READ)
def test_what_was_read_outlives_the_server(tmp_path, command):
    options = ["--home", f"dir:{tmp_path}", "--durability", "always"]
    with servers.strata(*options) as server, server.client() as client:
        fill_few(client)
        client.raw(*words(command))
        expected = known(client)
        server.kill()
    with servers.strata(*options) as server, server.client() as client:
        assert known(client) == expected
