# SPDX-License-Identifier: BSD-3-Clause
"""Commands that take long: others run theirs meanwhile, and the reply shows one moment."""

import time

import pytest

import servers
import stock
from test_long_replies import begin, World

COUNT = 21000  # more than are done at once
LONG = "x" * 400  # so that no socket's buffers hold a reply


@pytest.fixture
def world(by_workers):
    with World(by_workers) as world:
        world.connect().call("FLUSHDB")
        yield world


MADE = {  # large values by their keys: the first number and what an element is
    "set1": ("SADD", 0, lambda i: [f"{LONG}{i}"]),
    "set2": ("SADD", COUNT // 2, lambda i: [f"{LONG}{i}"]),
    "zset1": ("ZADD", 0, lambda i: [i * 7919 % COUNT, f"{LONG}{i}"]),
    "zset2": ("ZADD", COUNT // 2, lambda i: [i * 7919 % COUNT, f"{LONG}{i}"]),
    "list": ("RPUSH", 0, lambda i: [f"{i * 7919 % COUNT}{LONG if i % 2 else ''}{i}"]),
    "scores": ("RPUSH", 0, lambda i: [f"{i * 7919 % COUNT}.{'0' * 400}{i % 2}"]),
    "places": ("GEOADD", 0, lambda i: [i * 7919 % COUNT / 250 - 40, i * 104729 % COUNT / 300 - 35,
                                       f"{LONG}{i}" if i else "centre"]),
    "hash": ("HSET", 0, lambda i: [f"field{i}", f"{LONG}{i}"]),
    "stream": ("XADD", 0, lambda i: [*([] if i % 500 else [f"{i + 1}-0"]), i, f"{LONG}{i}"]),
}


def make(client, key):
    write, first, element = MADE[key]
    client.raw_pipeline([[write, key, *[text for i in range(start, start + 500) for text in element(i)]]
                         for start in range(first, first + COUNT, 500)])


def fill(client, command):
    """What the command names."""
    client.call("FLUSHDB")
    for key in sorted(set(command.split()) & set(MADE)):
        stock.take(client, key, lambda client, key=key: make(client, key))
    client.call("ZADD", "few", 5, f"{LONG}7", 6, f"{LONG}{COUNT}", -1.5, "only here")
    client.call("SADD", "small", f"{LONG}7", f"{LONG}{COUNT}", "only here")
    client.call("SADD", "numbers", 1, 2, 3)


COMMANDS = {
    "SUNION set1 set2": "SADD set1 new", "SUNION set1 none small set2 numbers": "SREM small only",
    "SUNION set2 set2 set1": "SPOP set2 5000", "SINTER set1 set2": "SREM set2 {last}", "SINTER set1 set1": "SADD set1 x",
    "SORT list ALPHA": "LPUSH list new", "SORT_RO scores DESC": "LTRIM scores 5 6", "SORT list": "DEL list",
    "SORT scores LIMIT 500 19000": "RENAME scores other", "SORT scores BY nosort": "LPOP scores 10000",
    "SORT set1 ALPHA DESC": "SADD set1 x", "SORT scores BY nosort LIMIT 10 17000 DESC": "LSET scores 0 0",
    "ZUNION 2 zset1 zset2 WITHSCORES": "ZADD zset1 1 new", "ZUNION 4 zset1 none few set2": "ZREM few only",
    "ZUNION 2 zset2 zset2 WEIGHTS 1 2.5 AGGREGATE MAX WITHSCORES": "ZPOPMIN zset2 5000",
    "ZINTER 2 zset1 zset2 WITHSCORES": "ZREM zset2 {last}", "ZDIFF 3 zset1 few none WITHSCORES": "DEL zset1",
    "ZINTERCARD 2 zset2 zset1": "DEL zset2", "SINTERCARD 2 set2 set1": "DEL set2",
    "SDIFF set1 set2": "SADD set2 {first}", "SDIFF set1 numbers small none": "DEL set1",
    "GEOSEARCH places FROMLONLAT 0 0 BYRADIUS 9000 km WITHDIST": "GEOADD places 1 2 new",
    "GEOSEARCH places FROMMEMBER centre BYBOX 9000 6000 km DESC WITHCOORD WITHHASH": "ZREM places centre",
    "GEOSEARCH places FROMLONLAT 1 2 BYRADIUS 9000 km COUNT 19000": "DEL places",
    "GEOSEARCH places FROMLONLAT 1 2 BYRADIUS 9000 km COUNT 20900 ANY": "ZPOPMIN places 5000",
    "GEOSEARCH places BYPOLYGON 4 -46 -40 46 -40 46 40 -46 40 ASC": "RENAME places other",
    "GEORADIUS places 0 0 9000 km WITHDIST ASC": "ZREMRANGEBYRANK places 0 9000",
    "GEORADIUSBYMEMBER_RO places centre 9000 km": "GEOADD places XX 1 2 centre",
}


def in_transaction(client, command):
    client.send("MULTI"), client.send(*command.split()), client.send("EXEC")
    return text([client.read() for _ in range(3)][2][0])


def text(reply):
    return [str(reply)] if isinstance(reply, Exception) else reply


def words(command):
    return command.format(first=f"{LONG}1", last=f"{LONG}{COUNT - 1}").split()


def normal(command, reply):
    """Sets have no order."""
    return sorted(reply) if command.startswith(("SUNION", "SINTER ", "SDIFF")) else reply


@pytest.mark.parametrize("by_workers", [4], indirect=True)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_shown_is_what_a_transaction_shows(world, command):
    client = world.connect()
    fill(client, command)
    for version in [2, 3]:
        client.call("HELLO", version)
        expected = in_transaction(client, command)
        client.send(*command.split()), client.send("PING")
        reply = text(client.read())
        assert type(reply) is type(expected)
        assert normal(command, reply) == normal(command, expected)
        assert client.read() == "PONG"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_reply_is_that_of_its_moment(world, command):
    reader, other = world.reader(), world.connect()
    fill(other, command)
    expected = normal(command, in_transaction(other, command))
    begin(reader, command.split())
    other.call(*words(COMMANDS[command]))
    assert normal(command, text(reader.read())) == expected
    assert reader.call("PING") == "PONG"


@pytest.mark.parametrize("by_workers", [4], indirect=True)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_change_that_comes_early_waits_for_what_is_read(world, command):
    reader, other = world.connect(), world.connect()
    fill(other, command)
    before = normal(command, in_transaction(other, command))
    for _ in range(5):
        reader.send(*command.split())
        other.raw(*words(COMMANDS[command]))
        after = normal(command, in_transaction(other, command))
        assert normal(command, text(reader.read())) in [before, after]
        before = after


@pytest.mark.parametrize("by_workers", [4], indirect=True)
@pytest.mark.parametrize("command", COMMANDS)
def test_whoever_asks_may_go(world, command):
    other = world.connect()
    fill(other, command)
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


# What is stored, a change of a source, and what shows the result.
STORES = {
    "SUNIONSTORE to set1 set2": ("SADD set1 new", "SMEMBERS to"),
    "SUNIONSTORE set1 set1 none set2": ("SADD set2 new", "SMEMBERS set1"),
    "SINTERSTORE to set1 set2": ("SREM set1 {last}", "SMEMBERS to"),
    "SDIFFSTORE to set1 small": ("SADD small {first}", "SMEMBERS to"),
    "SDIFFSTORE to set1 set1": ("SADD set1 new", "SMEMBERS to"),
    "ZUNIONSTORE to 3 zset1 few zset2 WEIGHTS 1 2 3": ("ZADD few 7 new", "ZRANGE to 0 -1 WITHSCORES"),
    "ZINTERSTORE zset2 2 zset1 zset2": ("ZADD zset1 99 {last}", "ZRANGE zset2 0 -1 WITHSCORES"),
    "ZDIFFSTORE to 2 zset1 none": ("SADD none {first}", "ZRANGE to 0 -1 WITHSCORES"),
    "SORT scores STORE to": ("RPUSH scores 1", "LRANGE to 0 -1"),
    "SORT list ALPHA DESC LIMIT 5 7 STORE list": ("DEL list", "LRANGE list 0 -1"),
    "SORT list STORE to": ("DEL list", "LRANGE to 0 -1"),
    "ZRANGESTORE to zset1 0 -1": ("ZADD zset1 1 new", "ZRANGE to 0 -1 WITHSCORES"),
    "ZRANGESTORE to zset1 +inf (5 BYSCORE REV LIMIT 10 18000": ("DEL zset1", "ZRANGE to 0 -1 WITHSCORES"),
    "ZRANGESTORE zset1 zset1 10 -10": ("ZPOPMIN zset1 5000", "ZRANGE zset1 0 -1 WITHSCORES"),
    "GEOSEARCHSTORE to places FROMLONLAT 0 0 BYRADIUS 9000 km COUNT 19000": ("DEL places", "ZRANGE to 0 -1 WITHSCORES"),
    "GEOSEARCHSTORE to places FROMMEMBER centre BYBOX 9000 7000 km STOREDIST":
        ("ZREM places centre", "ZRANGE to 0 -1 WITHSCORES"),
    "GEOSEARCHSTORE places places FROMLONLAT 0 0 BYRADIUS 9000 km COUNT 20900 ANY":
        ("ZADD places 1 new", "ZRANGE places 0 -1 WITHSCORES"),
    "GEORADIUS places 0 0 9000 km STORE to": ("ZADD places 1 new", "ZRANGE to 0 -1 WITHSCORES"),
    "GEORADIUSBYMEMBER places centre 9000 km STOREDIST to": ("ZADD places 1 {first}", "ZRANGE to 0 -1 WITHSCORES"),
    "COPY set1 to REPLACE": ("SADD set1 new", "SMEMBERS to"),
    "COPY set1 to": ("SADD set1 new", "SMEMBERS to"),  # it is there
    "COPY set1 other": ("SREM set1 {last}", "SMEMBERS other"),
    "COPY set1 none": ("SADD none new", "SMEMBERS none"),
    "COPY zset1 zset2 REPLACE": ("ZADD zset1 99 {last}", "ZRANGE zset2 0 -1 WITHSCORES"),
    "COPY list scores REPLACE": ("DEL list", "LRANGE scores 0 -1"),
    "COPY hash to REPLACE": ("HSET hash field1 new", "HGETALL to"),
    "COPY stream to REPLACE": ("XTRIM stream MAXLEN 3", "XRANGE to - +"),
}


def stored(client, show):
    client.send(*show.split())
    reply = text(client.read())
    return sorted(reply) if show.startswith("SMEMBERS") else reply, client.call("OBJECT", "ENCODING", show.split()[1])


@pytest.fixture(params=STORES)
def storing(world, request):
    """A client, the command, what it answers and stores, and what it does after the change."""
    (change, show), client = STORES[request.param], world.connect()
    results = []
    for before in [[], [words(change)]]:
        fill(client, request.param)
        client.call("SET", "to", "old")
        for command in before:
            client.raw(*command)
        results.append((in_transaction(client, request.param), stored(client, show)))
    fill(client, request.param)
    client.call("SET", "to", "old")
    return client, request.param, words(change), show, results


@pytest.mark.parametrize("by_workers", [4], indirect=True)
def test_what_is_stored_is_what_a_transaction_stores(storing):
    client, command, _, show, results = storing
    client.send(*command.split())
    assert (text(client.read()), stored(client, show)) == results[0]


def test_what_is_stored_is_of_the_moment_when_it_is(world, storing):
    client, command, change, show, results = storing
    other = world.connect()
    client.send(*command.split())
    time.sleep(0.001)
    other.raw(*change)
    answer = text(client.read())
    if show.split()[1] in change:  # the result itself may have changed
        assert answer in [answer for answer, _ in results]
    else:
        assert (answer, stored(client, show)) in results


# Not among these: what is done in a millisecond, and is seldom seen.
MEANWHILE = [command for command in [*COMMANDS, *STORES] if not command.startswith(("COPY", "SINTERCARD", "SORT"))]


@pytest.mark.parametrize("command", MEANWHILE)
def test_others_run_theirs_meanwhile(world, command):
    client, other = world.connect(), world.connect()
    number = client.call("CLIENT", "ID")
    for _ in range(20):  # the other may come too late
        fill(other, command)
        client.send(*command.split())
        flags = other.call("CLIENT", "LIST", "ID", number).split(b" flags=")[1].split()[0]
        client.read()
        if flags == b"b":
            return
    pytest.fail("it is done in one piece")


def test_nothing_that_is_written_to_the_result_is_lost(world):
    client, other = world.connect(), world.connect()
    fill(client, "set1 set2")
    count = COUNT * 3 // 2
    for _ in range(10):
        client.call("SADD", "to", "old")
        client.send("SUNIONSTORE", "to", "set1", "set2")
        first = other.call("SADD", "to", "new")
        assert client.read() == count
        assert first == 1
        assert client.call("SCARD", "to") - client.call("SISMEMBER", "to", "new") == count
        assert client.call("SISMEMBER", "to", "old") == 0
        client.call("DEL", "to")


def is_waiting(client, number):
    return b"flags=b " in client.call("CLIENT", "LIST", "ID", number)


def test_a_copy_is_made_while_others_go_on(world):
    client, other = world.connect(), world.connect()
    fill(client, "hash")
    number = client.call("CLIENT", "ID")
    seen = 0
    for _ in range(50):
        client.send("COPY", "hash", "to", "REPLACE")
        seen += is_waiting(other, number)
        assert client.read() == 1
    assert seen
    client.send("MULTI"), client.send("COPY", "hash", "other"), client.send("EXEC")
    assert [client.read() for _ in range(3)][2] == [1]


def test_a_copy_has_the_expiry_of_its_moment_and_may_be_in_another_database(world):
    client, other = world.connect(), world.connect()
    fill(client, "zset1 hash")
    client.call("PEXPIRE", "zset1", 1000000)
    client.call("HPEXPIRE", "hash", 1000000, "FIELDS", 1, "field7")
    assert client.call("COPY", "hash", "to") == 1
    assert 0 < client.call("HPTTL", "to", "FIELDS", 1, "field7")[0] <= 1000000
    client.call("DEL", "to")
    for key in ["zset1", "to"]:
        client.send("COPY", "zset1", key, "DB", 1)
        other.call("PEXPIRE", "zset1", 9000000)
        assert client.read() == 1
        assert client.call("EXISTS", "to") == 0
        client.call("SELECT", 1)
        assert client.call("ZCARD", key) == COUNT and 0 < client.call("PTTL", key) <= 9000000
        client.call("SELECT", 0)
        assert client.call("COPY", "zset1", key, "DB", 1) == 0


def test_what_a_copy_would_overwrite_stays(world):
    client, other = world.connect(), world.connect()
    fill(client, "zset1")
    answers = []
    for _ in range(20):
        client.send("COPY", "zset1", "to")
        before = other.call("SETNX", "to", "mine")
        answers.append((client.read(), before))
        assert client.call("TYPE", "to") == ("string" if before else "zset")
        client.call("DEL", "to")
    assert {answer + before for answer, before in answers} == {1}
    assert (0, 1) in answers


def test_several_copies_of_a_value_and_its_readers_do_not_mind_each_other(world):
    reader, other = world.reader(), world.connect()
    fill(other, "list")
    expected = other.call("LRANGE", "list", 0, -1)
    number = reader.call("CLIENT", "ID")
    begin(reader, ["LRANGE", "list", 0, -1])
    clients = [world.connect() for _ in range(5)]
    for i, client in enumerate(clients):
        client.send("COPY", "list", f"to{i}")
    for i, client in enumerate(clients):
        assert client.read() == 1
        assert client.call("LRANGE", f"to{i}", 0, -1) == expected
    fields = dict(field.split(b"=", 1) for field in other.call("CLIENT", "LIST", "ID", number).split())
    assert int(fields[b"omem"]) < 1 << 20
    assert reader.read() == expected


def test_a_copy_is_one_event_and_one_hit(world):
    client, listener = world.connect(), world.connect()
    fill(client, "set1")
    client.call("CONFIG", "SET", "notify-keyspace-events", "KAn")
    listener.call("PSUBSCRIBE", "__keyspace@*")
    client.call("CONFIG", "RESETSTAT")
    assert client.call("COPY", "set1", "to") == 1
    assert b"keyspace_hits:1\r\nkeyspace_misses:0\r\n" in client.call("INFO", "stats")
    assert [listener.read()[3] for _ in range(2)] == [b"new", b"copy_to"]
    client.call("CONFIG", "SET", "notify-keyspace-events", "")


def test_whoever_waits_for_the_result_is_served(world):
    client, waiting = world.connect(), world.connect()
    fill(client, "scores zset1")
    waiting.send("BLPOP", "to", 0)
    assert client.call("SORT", "scores", "STORE", "to") == COUNT
    assert client.call("LLEN", "to") == COUNT - 1
    assert waiting.read()[0] == b"to"
    client.call("DEL", "to")
    waiting.send("BZPOPMIN", "to", 0)
    assert client.call("ZUNIONSTORE", "to", 1, "zset1") == COUNT
    assert client.call("ZCARD", "to") == COUNT - 1
    assert waiting.read()[0] == b"to"
    waiting.send("BZPOPMIN", "copy", 0)
    assert client.call("COPY", "zset1", "copy") == 1
    assert client.call("ZCARD", "copy") == COUNT - 1
    assert waiting.read()[0] == b"copy"
    for command in ["ZRANGESTORE to zset1 0 -1", "GEORADIUS places 0 0 9000 km STORE to"]:
        fill(client, command)
        waiting.send("BZPOPMIN", "to", 0)
        assert client.call(*command.split()) == COUNT
        assert client.call("ZCARD", "to") == COUNT - 1
        assert waiting.read()[0] == b"to"


def test_it_is_stored_although_its_client_has_gone(world):
    other = world.connect()
    fill(other, "set1 set2")
    gone = world.connect()
    gone.send("SUNIONSTORE", "to", "set1", "set2")
    gone.socket.close()
    deadline = time.monotonic() + 20
    while not other.call("EXISTS", "to") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert other.call("SCARD", "to") == COUNT * 3 // 2


def test_nothing_is_stored_while_writes_are_paused(world):
    client, other = world.connect(), world.connect()
    fill(client, "zset1 zset2")
    client.send("ZUNIONSTORE", "to", 2, "zset1", "zset2")
    other.call("CLIENT", "PAUSE", 100000, "WRITE")
    there = other.call("EXISTS", "to")
    time.sleep(0.3)
    assert other.call("EXISTS", "to") == there
    other.call("CLIENT", "UNPAUSE")
    assert client.read() == COUNT * 3 // 2


def test_a_result_outlives_the_server(tmp_path):
    options = ["--home", f"dir:{tmp_path}"]
    with servers.strata(*options) as server, server.client() as client:
        fill(client, "set1 set2 zset1 scores places")
        client.call("SUNIONSTORE", "set1", "set1", "set2")
        client.call("ZRANGESTORE", "part", "zset1", 1, -1)
        client.call("ZUNIONSTORE", "zset1", 2, "zset1", "set2")
        client.call("SORT", "scores", "STORE", "to")
        client.call(*"GEOSEARCHSTORE near places FROMLONLAT 0 0 BYRADIUS 9000 km STOREDIST".split())
        client.call("PEXPIRE", "set2", 10000000)
        assert client.call("COPY", "set2", "few", "REPLACE") == 1
        assert client.call("COPY", "set2", "few", "DB", 1) == 1
        client.call("SADD", "set2", "new")
        shown = everything(client)
    with servers.strata(*options) as server, server.client() as client:
        assert shown == everything(client)
        assert client.call("PTTL", "few") > 9000000 and client.call("SISMEMBER", "few", "new") == 0
        client.call("SELECT", 1)
        assert client.call("PTTL", "few") > 9000000 and client.call("SCARD", "few") == COUNT


def everything(client):
    return [stored(client, show) for show in ["SMEMBERS set1", "ZRANGE zset1 0 -1 WITHSCORES", "LRANGE to 0 -1",
                                              "SMEMBERS set2", "SMEMBERS few", "ZRANGE part 0 -1 WITHSCORES",
                                              "ZRANGE near 0 -1 WITHSCORES"]]


@pytest.mark.parametrize("command", ["SUNION set1 set2", "SORT list ALPHA", "ZUNION 2 zset1 zset2 WITHSCORES",
                                     "GEOSEARCH places FROMLONLAT 0 0 BYRADIUS 9000 km"])
def test_the_reply_takes_no_memory(world, command):
    reader, other = world.reader(), world.connect()
    fill(other, command)
    number = reader.call("CLIENT", "ID")
    begin(reader, command.split())
    time.sleep(0.05)
    fields = dict(field.split(b"=", 1) for field in other.call("CLIENT", "LIST", "ID", number).split())
    assert int(fields[b"omem"]) < 1 << 20
    assert len(reader.read()) >= COUNT


def test_a_client_that_caches_is_told_behind_the_reply(world):
    reader, other = world.connect(3), world.connect()
    fill(other, "set1 set2")
    reader.call("CLIENT", "TRACKING", "ON")
    reader.send("SUNION", "set1", "set2")
    time.sleep(0.002)
    other.call("SADD", "set1", "new")
    assert len(reader.read()) == COUNT * 3 // 2
    assert reader.read() == [b"invalidate", [b"set1"]]


def test_it_is_counted_and_logged_when_it_is_complete(world):
    client = world.connect()
    fill(client, "set1 set2")
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
    fill(client, "set1 set2")
    script = "return #redis.call('SUNION', KEYS[1], KEYS[2])"
    assert client.call("EVAL", script, 2, "set1", "set2") == COUNT * 3 // 2
