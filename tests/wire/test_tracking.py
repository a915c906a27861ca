# SPDX-License-Identifier: BSD-3-Clause
"""Client-side caching: who is told what when keys change, by one worker and by several."""

import time

import pytest
from resp import encode

INVALIDATE = b">2\r\n$10\r\ninvalidate\r\n"


@pytest.fixture
def connect(by_workers):
    """Opens connections, which close after the test."""
    opened = []

    def open_one(*tracking, resp=3):
        connection = by_workers.client(resp)
        opened.append(connection)
        if tracking:
            assert connection.call("CLIENT", "TRACKING", *tracking) == "OK"
        return connection

    open_one().call("FLUSHALL")
    yield open_one
    for connection in opened:
        connection.close()


@pytest.fixture
def writer(connect):
    return connect(resp=2)


def invalidation(*names):
    return [b"invalidate", [name.encode() for name in names]]


def batch(client, *commands):
    """All that comes back for commands sent in one piece, up to the reply of a PING behind them."""
    client.socket.sendall(b"".join(encode(*command.split(" ")) for command in [*commands, "ECHO the-end"]))
    answers = []
    while not answers or answers[-1] != b"the-end":
        answers.append(client.read())
    return answers[:-1]


def pending(client):
    """What has been sent to the client by now."""
    time.sleep(0.1)
    return batch(client)


def stats(client):
    text = client.call("INFO", "stats", "clients").decode()
    return {name: int(value) for name, _, value in (line.partition(":") for line in text.split("\r\n"))
            if name.startswith("tracking_")}


# ---- by key ----


def test_a_reader_is_told_once(connect, writer):
    reader = connect("ON")
    reader.call("GET", "k")
    writer.call("SET", "k", "1")
    assert reader.read() == invalidation("k")
    writer.call("SET", "k", "2")
    assert pending(reader) == []


def test_all_readers_are_told(connect, writer):
    readers = [connect("ON") for _ in range(9)]
    for reader in readers:
        reader.call("MGET", "a", "b", "c")
    writer.call("MSET", "a", "1", "c", "1")
    for reader in readers:
        assert [reader.read(), reader.read()] == [invalidation("a"), invalidation("c")]
    assert stats(writer)["tracking_total_items"] == 9
    writer.call("DEL", "b")
    writer.call("SET", "b", "1")
    assert all(reader.read() == invalidation("b") for reader in readers)


def test_the_reply_comes_first(connect):
    client = connect("ON")
    assert batch(client, "GET k", "SET k 1", "GET k", "APPEND k 2", "PING") == [
        None, "OK", invalidation("k"), b"1", 2, invalidation("k"), "PONG"]
    assert batch(client, "MGET a b", "MSET b 1 a 1") == [
        [None, None], "OK", invalidation("b"), invalidation("a")]


def test_the_reply_to_exec_comes_first(connect):
    client = connect("ON")
    assert batch(client, "MULTI", "GET k", "SET k 1", "GET k", "SET k 2", "SET k 3", "EXEC", "PING") == [
        "OK", "QUEUED", "QUEUED", "QUEUED", "QUEUED", "QUEUED", [None, "OK", b"1", "OK", "OK"],
        invalidation("k"), invalidation("k"), "PONG"]


@pytest.mark.parametrize("change", [
    "DEL k", "EXPIRE k 100", "RENAME k other", "RENAME other k", "COPY other k REPLACE", "MOVE k 3", "GETEX k PX 9999",
    "SET k 1 XX GET", "INCR k", "SETRANGE k 0 9", "UNLINK k", "GETDEL k", "PEXPIREAT k 1"])
def test_what_is_a_change(connect, writer, change):
    writer.call("MSET", "k", "1", "other", "2")
    reader = connect("ON")
    reader.call("GET", "k")
    writer.call(*change.split(" "))
    assert reader.read() == invalidation("k")


@pytest.mark.parametrize("command", [
    "GET k", "PING", "SET k 1 NX", "TOUCH k", "SETRANGE k 0 ", "PERSIST k", "DEL nothing", "SWAPDB 0 1"])
def test_what_is_none(connect, writer, command):
    writer.call("SET", "k", "1")
    reader = connect("ON")
    reader.call("GET", "k")
    writer.call(*command.split(" "))
    assert pending(reader) == []
    if command.startswith("SWAPDB"):
        writer.call(*command.split(" "))


@pytest.mark.parametrize("command, tracks", [
    ("GET k", True), ("TTL k", True), ("EXISTS a k", True), ("OBJECT ENCODING k", True), ("HGET k f", True),
    ("SORT_RO k", True), ("XREAD STREAMS k 0", True), ("TOUCH k", True),
    ("GETEX k", False), ("SORT k", False), ("SCAN 0", False), ("KEYS *", False), ("GETSET k 1", False)])
def test_which_commands_read(connect, writer, command, tracks):
    reader = connect("ON")
    reader.raw(*command.split(" "))
    writer.call("SET", "k", "2")
    assert pending(reader) == ([invalidation("k")] if tracks else [])


def test_databases_are_not_told_apart(connect, writer):
    reader = connect("ON")
    reader.call("GET", "k")
    writer.call("SELECT", "2")
    writer.call("SET", "k", "1")
    assert reader.read() == invalidation("k")


def test_expired_keys(connect, writer):
    reader = connect("ON", "NOLOOP")
    reader.call("SET", "k", "1", "PX", "40")
    assert reader.call("GET", "k") == b"1"
    assert reader.read() == invalidation("k")


def test_evicted_keys(connect, writer):
    reader = connect("ON")
    writer.call("SET", "k", "1")
    assert reader.call("GET", "k") == b"1"
    writer.call("CONFIG", "SET", "maxmemory-policy", "allkeys-random", "maxmemory", "1")
    try:
        assert writer.error("SET", "other", "1").startswith("OOM")
        assert reader.read() == invalidation("k")
    finally:
        writer.call("CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "0")


def test_flushing_tells_everybody(connect, writer):
    by_key, by_prefix, idle = connect("ON"), connect("ON", "BCAST", "PREFIX", "p"), connect("ON", "OPTIN")
    by_key.call("GET", "k")
    for flush in "FLUSHALL", "FLUSHDB":
        writer.call(flush)
        for client in by_key, by_prefix, idle:
            assert client.read() == [b"invalidate", None]
    assert stats(writer)["tracking_total_keys"] == 0
    assert batch(by_key, "FLUSHALL", "PING") == ["OK", [b"invalidate", None], "PONG"]


def test_who_blocks_is_told_before_its_reply(connect, writer):
    reader = connect("ON")
    writer.call("XADD", "s", "1-1", "a", "b")
    reader.send("XREAD", "BLOCK", "0", "STREAMS", "s", "1-1")
    time.sleep(0.05)
    writer.call("XADD", "s", "1-2", "a", "b")
    assert reader.read() == invalidation("s")
    assert reader.read() == [(b"s", [[b"1-2", [b"a", b"b"]]])]
    writer.call("XADD", "s", "1-3", "a", "b")
    assert reader.read() == invalidation("s")


def test_no_loop(connect, writer):
    client = connect("ON", "NOLOOP")
    assert batch(client, "GET k", "SET k 1", "GET k", "MULTI", "SET k 2", "EXEC") == [
        None, "OK", b"1", "OK", "QUEUED", ["OK"]]
    client.call("GET", "k")
    writer.call("SET", "k", "3")
    assert client.read() == invalidation("k")


# ---- OPTIN and OPTOUT ----


def test_opt_in(connect, writer):
    client = connect("ON", "OPTIN")
    batch(client, "GET a", "CLIENT CACHING YES", "GET b", "GET c", "CLIENT CACHING YES", "MULTI", "GET d", "GET e",
          "EXEC", "CLIENT CACHING YES", "CLIENT ID", "GET f", "CLIENT CACHING YES", "NOSUCH", "GET g")
    writer.call("MSET", *(word for name in "abcdefg" for word in (name, "1")))
    assert pending(client) == [invalidation(name) for name in "bdef"]


def test_opt_out(connect, writer):
    client = connect("ON", "OPTOUT")
    batch(client, "GET a", "CLIENT CACHING NO", "GET b", "GET c", "CLIENT CACHING NO", "MULTI", "GET d", "EXEC")
    writer.call("MSET", *(word for name in "abcd" for word in (name, "1")))
    assert pending(client) == [invalidation("a"), invalidation("c")]


# ---- BCAST ----


def test_broadcasts_come_together_and_sorted(connect, writer):
    client = connect("ON", "BCAST", "PREFIX", "foo", "PREFIX", "bar")
    batch(writer, "SET foo3 1", "SET bar 1", "SET foo1 1", "SET baz 1", "SET foo3 2", "DEL bar", "SET fo 1")
    assert client.read() == invalidation("bar")
    assert client.read() == invalidation("foo1", "foo3")
    assert batch(client, "SET foo2 1", "SET foo1 1", "PING")[:3] == ["OK", "OK", "PONG"]


def test_broadcasts_of_all_keys(connect, writer):
    client, quiet = connect("ON", "BCAST"), connect("ON", "BCAST", "NOLOOP")
    writer.call("SET", "", "1")
    assert client.read() == quiet.read() == invalidation("")
    quiet.call("SET", "mine", "1")
    assert client.read() == invalidation("mine")
    assert pending(quiet) == []


def test_many_prefixes(connect, writer):
    clients = [connect("ON", "BCAST", *(word for i in range(20) for word in ("PREFIX", f"{c}:{i}:")))
               for c in range(5)]
    assert stats(writer)["tracking_total_prefixes"] == 100
    for c, client in enumerate(clients):
        writer.call("SET", f"{c}:7:x", "1")
        assert client.read() == invalidation(f"{c}:7:x")
        assert client.call("CLIENT", "TRACKING", "OFF") == "OK"
    assert stats(writer) == {"tracking_clients": 0, "tracking_total_keys": 0, "tracking_total_items": 0,
                             "tracking_total_prefixes": 0}


# ---- REDIRECT ----


def test_redirecting_to_resp2(connect, writer):
    listener, other = connect(resp=2), connect(resp=2)
    reader = connect("ON", "REDIRECT", listener.call("CLIENT", "ID"), resp=2)
    reader.call("GET", "k")
    writer.call("SET", "k", "1")
    assert pending(listener) == []
    listener.call("SUBSCRIBE", "__redis__:invalidate")
    other.call("SUBSCRIBE", "__redis__:invalidate")
    for client in writer, reader:
        reader.call("GET", "k")
        assert client.call("SET", "k", "1") == "OK"
        assert listener.read() == [b"message", b"__redis__:invalidate", [b"k"]]
    writer.call("FLUSHALL")
    assert listener.read() == [b"message", b"__redis__:invalidate", None]
    other.send("PING")
    assert other.read() == [b"pong", b""]


def test_redirecting_to_resp3(connect, writer):
    listener = connect()
    reader = connect("ON", "REDIRECT", listener.call("CLIENT", "ID"))
    assert batch(reader, "GET k", "SET k 1") == [None, "OK"]
    assert listener.read() == invalidation("k")
    reader.call("GET", "k")
    assert listener.call("SET", "k", "1") == "OK"
    assert listener.read() == invalidation("k")


@pytest.mark.parametrize("mode", ["by key", "broadcast"])
def test_a_broken_redirect(connect, writer, mode):
    listener = connect()
    target = listener.call("CLIENT", "ID")
    reader = connect("ON", "REDIRECT", target, *(["BCAST"] if mode == "broadcast" else []))
    assert f"redir={target}" in reader.call("CLIENT", "INFO").decode()
    listener.close()
    time.sleep(0.05)
    for _ in range(2):
        reader.call("GET", "k")
        writer.call("SET", "k", "1")
        assert reader.read() == [b"tracking-redir-broken", target]
    flags = dict(reader.call("CLIENT", "TRACKINGINFO"))[b"flags"]
    assert b"broken_redirect" in flags
    assert reader.call("CLIENT", "GETREDIR") == target
    assert " flags=tRB " if mode == "broadcast" else " flags=tR " in reader.call("CLIENT", "INFO").decode()


# ---- the ends of tracking ----


def test_who_stops_is_told_no_more(connect, writer):
    stops, resets, leaves, resp2 = connect("ON"), connect("ON"), connect("ON"), connect("ON", resp=2)
    for client in stops, resets, leaves, resp2:
        client.call("GET", "k")
    stops.call("CLIENT", "TRACKING", "OFF")
    resets.call("RESET")
    leaves.close()
    writer.call("SET", "k", "1")
    assert pending(stops) == pending(resets) == pending(resp2) == []
    assert stats(writer)["tracking_clients"] == 1


def test_the_table_is_bounded(connect, writer):
    writer.call("CONFIG", "SET", "tracking-table-max-keys", "10")
    client = connect("ON")
    try:
        told = [answer for answer in batch(client, *(f"GET key:{i}" for i in range(60))) if answer]
        assert len(told) == 50
        assert len({name for _, [name] in told}) == 50
        assert stats(writer)["tracking_total_keys"] == 10
    finally:
        writer.call("CONFIG", "SET", "tracking-table-max-keys", "1000000")


def test_a_table_without_readers_is_dropped(connect, writer):
    client = connect("ON")
    for i in range(100):
        client.call("GET", f"key:{i}")
    client.close()
    deadline = time.monotonic() + 5
    while stats(writer)["tracking_total_keys"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_who_does_not_read_is_disconnected(connect, writer):
    writer.call("CONFIG", "SET", "client-output-buffer-limit", "normal 100000 0 0")
    client = connect("ON", "BCAST")
    try:
        value = "x" * 1000
        for i in range(100000):
            writer.call("SET", value + str(i % 100), "1")
            if i % 1000 == 0 and stats(writer)["tracking_clients"] == 0:
                break
        assert stats(writer)["tracking_clients"] == 0
    finally:
        writer.call("CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0")
    client.close()


# ---- what is said of the options ----


@pytest.mark.parametrize("before, options, error", [
    ("", "maybe", "ERR syntax error"),
    ("", "ON REDIRECT", "ERR syntax error"),
    ("", "ON REDIRECT x", "ERR value is not an integer or out of range"),
    ("", "ON REDIRECT 0", "ERR The client ID you want redirect to does not exist"),
    ("", "ON PREFIX a", "ERR PREFIX option requires BCAST mode to be enabled"),
    ("", "ON BCAST OPTIN", "ERR OPTIN and OPTOUT are not compatible with BCAST"),
    ("", "ON OPTIN OPTOUT", "ERR You can't specify both OPTIN mode and OPTOUT mode"),
    ("ON", "ON BCAST", "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then "
                       "re-enabling it with a different mode."),
    ("ON OPTIN", "ON OPTOUT", "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and "
                              "then re-enabling it with a different mode."),
    ("", "ON BCAST PREFIX foo PREFIX foobar", "ERR Prefix 'foo' overlaps with another provided prefix 'foobar'. "
                                              "Prefixes for a single client must not overlap."),
    ("ON BCAST PREFIX b PREFIX a", "ON BCAST PREFIX bb", "ERR Prefix 'bb' overlaps with an existing prefix 'b'. "
                                                         "Prefixes for a single client must not overlap.")])
def test_options_that_make_no_sense(connect, before, options, error):
    client = connect(*before.split())
    assert client.error("CLIENT", "TRACKING", *options.split()) == error


def test_the_state_is_shown(connect):
    client = connect("ON", "BCAST", "NOLOOP", "PREFIX", "b", "PREFIX", "a")
    assert client.call("CLIENT", "TRACKINGINFO") == [
        (b"flags", [b"on", b"bcast", b"noloop"]), (b"redirect", 0), (b"prefixes", [b"a", b"b"])]
    assert " flags=tB " in client.call("CLIENT", "INFO").decode()
    client.call("CLIENT", "TRACKING", "OFF")
    assert client.call("CLIENT", "TRACKINGINFO") == [(b"flags", [b"off"]), (b"redirect", -1), (b"prefixes", [])]


def test_pushes_are_pushes_even_without_replies(connect, writer):
    client = connect("ON")
    client.call("GET", "k")
    client.send("CLIENT", "REPLY", "OFF")
    time.sleep(0.05)
    writer.call("SET", "k", "1")
    assert client.read_raw() == INVALIDATE + b"*1\r\n$1\r\nk\r\n"
