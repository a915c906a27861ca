# SPDX-License-Identifier: BSD-3-Clause
"""CLIENT: names, lists, killing, pausing, replies."""

import time

import pytest

from resp import Disconnected, encode

FIELDS = ("id addr laddr fd name age idle flags capa db sub psub ssub multi watch qbuf qbuf-free argv-mem multi-mem rbs "
          "rbp obl oll omem tot-mem events cmd user redir resp lib-name lib-ver tot-net-in tot-net-out tot-cmds").split()
BAD_NAME = "ERR Client names cannot contain spaces, newlines or special characters."


def fields(line):
    return dict(field.split("=", 1) for field in line.decode().rstrip("\n").split(" "))


def listed(client, *filters):
    """The names of the clients that LIST shows."""
    text = client.call("CLIENT", "LIST", *filters)
    return [fields(line)["name"] for line in text.splitlines()]


@pytest.fixture
def three(server):
    """Connections named one, two and three; two has a few properties."""
    clients = [server.client(resp=2) for _ in range(3)]
    for client, name in zip(clients, ("one", "two", "three")):
        client.call("CLIENT", "SETNAME", name)
    clients[1].call("SELECT", "7")
    clients[1].call("CLIENT", "NO-TOUCH", "ON")
    clients[1].call("CLIENT", "CAPA", "redirect")
    clients[1].call("CLIENT", "SETINFO", "LIB-NAME", "lib")
    clients[1].call("CLIENT", "SETINFO", "LIB-VER", "1.0")
    yield clients
    for client in clients:
        client.close()


def is_closed(client):
    try:
        return not client.raw("PING")
    except (Disconnected, ConnectionError):
        return True


# ---- what a client says of itself ----


def test_names(client):
    client.call("CLIENT", "SETNAME", "")
    assert client.call("CLIENT", "GETNAME") is None
    assert client.call("CLIENT", "SETNAME", "worker-1") == "OK"
    assert client.call("CLIENT", "GETNAME") == b"worker-1"
    for bad in ("a b", "a\n", "\x7f", "é"):
        assert client.error("CLIENT", "SETNAME", bad) == BAD_NAME
    assert client.call("CLIENT", "GETNAME") == b"worker-1"


def test_setinfo(client):
    assert client.call("CLIENT", "SETINFO", "lib-name", "redis-py") == "OK"
    assert client.call("CLIENT", "SETINFO", "LIB-VER", "5.0") == "OK"
    assert client.error("CLIENT", "SETINFO", "nosuch", "x") == "ERR Unrecognized option 'nosuch'"
    assert client.error("CLIENT", "SETINFO", "lib-ver", "5 0") == \
        "ERR lib-ver cannot contain spaces, newlines or special characters."
    own = fields(client.call("CLIENT", "INFO"))
    assert (own["lib-name"], own["lib-ver"]) == ("redis-py", "5.0")


def test_info_has_all_fields_in_order(client):
    line = client.call("CLIENT", "INFO")
    assert line.endswith(b"\n")
    own = fields(line)
    assert list(own) == FIELDS
    assert own["id"] == str(client.call("CLIENT", "ID"))
    assert own["cmd"] == "client|info" and own["resp"] == str(client.resp)
    assert own["addr"].startswith("127.0.0.1:") and own["laddr"].startswith("127.0.0.1:")
    before = int(own["tot-cmds"])
    client.call("EVAL", "redis.call('ping')", 0)
    assert int(fields(client.call("CLIENT", "INFO"))["tot-cmds"]) == before + 4


def test_ids_are_never_used_again(server):
    ids = []
    for _ in range(5):
        with server.client() as client:
            ids.append(client.call("CLIENT", "ID"))
    assert ids == sorted(set(ids))


# ---- LIST ----


def test_list_is_in_the_order_of_ids(three):
    ids = [int(fields(line)["id"]) for line in three[0].call("CLIENT", "LIST").splitlines()]
    assert ids == sorted(ids) and len(ids) >= 3


@pytest.mark.parametrize("filters, expected", [
    (["NAME", "two"], ["two"]),
    (["NAME", ""], []),
    (["DB", "7"], ["two"]),
    (["FLAGS", "T"], ["two"]),
    (["FLAGS", "TN"], []),
    (["CAPA", "r"], ["two"]),
    (["LIB-NAME", "lib", "LIB-VER", "1.0"], ["two"]),
    (["LIB-NAME", "lib", "LIB-VER", "2.0"], []),
    (["TYPE", "pubsub"], []),
    (["DB", "7", "NOT-NAME", "two"], []),
    (["NOT-CAPA", "r", "SKIPME", "yes", "NOT-NAME", "three", "NOT-FLAGS", "T", "TYPE", "pubsub"], []),
    (["MAXAGE", "1000"], []),
    (["IDLE", "1000"], []),
    (["IP", "192.0.2.1"], []),
    (["ADDR", "127.0.0.1"], []),
])
def test_list_filters(three, filters, expected):
    assert listed(three[0], *filters) == expected


def test_list_by_id_and_address(three):
    own = [fields(client.call("CLIENT", "INFO")) for client in three]
    assert listed(three[0], "ID", own[2]["id"], own[0]["id"], "999999999") == ["one", "three"]
    assert listed(three[0], "ADDR", own[1]["addr"]) == ["two"]
    both = listed(three[0], "LADDR", own[1]["laddr"], "IP", "127.0.0.1", "NOT-ID", own[0]["id"])
    assert "one" not in both and {"two", "three"} <= set(both)
    assert "one" not in listed(three[0], "SKIPME", "yes")
    assert listed(three[0], "USER", "default") == listed(three[0])


@pytest.mark.parametrize("filters, error", [
    (["ID"], "ERR syntax error"),
    (["ID", "x"], "ERR syntax error"),
    (["ID", "0"], "ERR client-id should be greater than 0"),
    (["ID", "1", "x"], "ERR syntax error"),
    (["nosuch", "x"], "ERR syntax error"),
    (["NOT-IDLE", "1"], "ERR syntax error"),
    (["NOT-SKIPME", "yes"], "ERR syntax error"),
    (["TYPE", "nosuch"], "ERR Unknown client type 'nosuch'"),
    (["USER", "nobody"], "ERR No such user 'nobody'"),
    (["db", "x"], "ERR DB is not an integer or out of range"),
    (["not-db", "16"], "ERR NOT-DB number should be between 0 and 15"),
    (["MAXAGE", "0"], "ERR maxage should be greater than 0"),
    (["IDLE", "x"], "ERR idle is not an integer or out of range"),
    (["FLAGS", "Z"], "ERR Unknown flags found in the provided filter: Z"),
    (["NOT-FLAGS", "Z"], "ERR Unknown flags found in the NOT-FLAGS filter: Z"),
    (["CAPA", "Z"], "ERR Unknown capa found in the provided filter: Z"),
    (["SKIPME", "maybe"], "ERR syntax error"),
])
def test_filters_are_checked(client, filters, error):
    assert client.error("CLIENT", "LIST", *filters) == error
    if len(filters) > 1:
        assert client.error("CLIENT", "KILL", *filters) == error


# ---- KILL ----


def test_kill_by_filter(three):
    one, two, third = three
    assert one.call("CLIENT", "KILL", "NAME", "nosuch") == 0
    assert one.call("CLIENT", "KILL", "NAME", "two") == 1
    assert listed(one, "NAME", "two") == []
    assert is_closed(two)
    assert one.call("CLIENT", "KILL", "NAME", "one") == 0
    assert one.call("CLIENT", "KILL", "NAME", "one", "SKIPME", "no") == 1
    assert is_closed(one)
    assert third.call("PING") == "PONG"


def test_kill_by_address(three):
    one, two, _ = three
    assert one.error("CLIENT", "KILL", "192.0.2.1:1") == "ERR No such client"
    assert one.call("CLIENT", "KILL", fields(two.call("CLIENT", "INFO"))["addr"]) == "OK"
    assert is_closed(two)
    assert one.call("CLIENT", "KILL", fields(one.call("CLIENT", "INFO"))["addr"]) == "OK"
    assert is_closed(one)


def test_a_killed_client_runs_nothing_more(server, three):
    one = three[0]
    with server.client() as victim:
        id = victim.call("CLIENT", "ID")
        victim.socket.sendall(encode("CLIENT", "KILL", "ID", id, "SKIPME", "no") + encode("SET", "after", "1"))
        assert victim.read() == 1
        assert one.call("EXISTS", "after") == 0


# ---- PAUSE ----


def test_pause_holds_back_writes(three):
    one, two, third = three
    one.call("CLIENT", "PAUSE", "10000", "WRITE")
    try:
        two.send("SET", "paused", "1")
        third.send("PING")
        assert third.read() == "PONG"
        assert third.call("GET", "paused") is None
        info = third.call("INFO", "clients").decode()
        assert "paused_actions:write\r\n" in info and "paused_reason:client_pause\r\n" in info
        time.sleep(0.05)
    finally:
        assert third.call("CLIENT", "UNPAUSE") == "OK"
    assert two.read() == "OK"
    two.call("DEL", "paused")


def test_pause_ends_by_itself(three):
    one, two, _ = three
    start = time.monotonic()
    one.call("CLIENT", "PAUSE", "200")
    two.socket.sendall(encode("PING") + encode("ECHO", "x"))
    assert one.call("CLIENT", "UNPAUSE") == "OK"  # itself held back
    assert (two.read(), two.read()) == ("PONG", b"x")
    assert 0.15 < time.monotonic() - start < 8


def test_a_pause_is_only_prolonged(three):
    one, two, _ = three
    start = time.monotonic()
    one.call("CLIENT", "PAUSE", "300", "WRITE")
    one.call("CLIENT", "PAUSE", "1", "WRITE")
    assert two.call("DEL", "nosuch") == 0
    assert time.monotonic() - start > 0.25


def test_closing_while_paused(server, three):
    one = three[0]
    one.call("CLIENT", "PAUSE", "10000", "WRITE")
    waiting = server.client()
    waiting.send("SET", "paused", "1")
    time.sleep(0.05)
    waiting.close()
    assert one.call("CLIENT", "UNPAUSE") == "OK"
    assert one.call("PING") == "PONG"


def test_pause_refuses(client):
    assert client.error("CLIENT", "PAUSE", "x") == "ERR timeout is not an integer or out of range"
    assert client.error("CLIENT", "PAUSE", "-1") == "ERR timeout is negative"
    assert client.error("CLIENT", "PAUSE", str(2**63 - 1)) == "ERR timeout is out of range"
    assert client.error("CLIENT", "PAUSE", "1", "x") == "ERR CLIENT PAUSE mode must be WRITE or ALL"


# ---- REPLY ----


def test_reply_off(client):
    client.socket.sendall(encode("CLIENT", "REPLY", "OFF") + encode("PING") + encode("nosuch") +
                          encode("CLIENT", "REPLY", "SKIP") + encode("CLIENT", "REPLY", "ON"))
    assert client.read() == "OK"
    assert client.call("PING") == "PONG"


def test_reply_skip(client):
    client.socket.sendall(encode("CLIENT", "REPLY", "SKIP") + encode("PING") + encode("ECHO", "x"))
    assert client.read() == b"x"
    client.socket.sendall(encode("CLIENT", "REPLY", "SKIP") + encode("nosuch") + encode("ECHO", "y"))
    assert client.read() == b"y"
    assert client.error("CLIENT", "REPLY", "x") == "ERR syntax error"


# ---- the rest ----


def test_switches(client):
    assert client.call("CLIENT", "NO-EVICT", "on") == "OK"
    assert client.call("CLIENT", "NO-TOUCH", "ON") == "OK"
    assert client.call("READONLY") == "OK"
    assert fields(client.call("CLIENT", "INFO"))["flags"] == "reT"
    assert client.call("READWRITE") == "OK"
    assert fields(client.call("CLIENT", "INFO"))["flags"] == "eT"
    assert client.call("CLIENT", "NO-EVICT", "off") == "OK"
    assert client.error("CLIENT", "NO-TOUCH", "x") == "ERR syntax error"
    assert client.error("CLIENT", "IMPORT-SOURCE", "on") == "ERR Server is not in import mode"


def test_only_touch_touches_with_no_touch(client):
    client.call("SET", "k", "v")
    client.call("RESTORE", "k", 0, client.call("DUMP", "k"), "REPLACE", "IDLETIME", 100)
    client.call("CLIENT", "NO-TOUCH", "ON")
    client.call("GET", "k")
    assert client.call("OBJECT", "IDLETIME", "k") >= 100
    client.call("EVAL", "redis.call('touch', KEYS[1])", 1, "k")
    assert client.call("OBJECT", "IDLETIME", "k") < 50


def test_what_is_said_of_others(server, client):
    """Fields of CLIENT LIST that tell what somebody else is doing."""
    target = server.client()
    doing = {
        "watches": [("WATCH", "k")], "queues": [("MULTI",), ("SET", "k", "v")], "tracks": [("CLIENT", "TRACKING", "ON")],
        "broadcasts": [("CLIENT", "TRACKING", "ON", "BCAST", "REDIRECT", target.call("CLIENT", "ID"))],
        "listens": [("SUBSCRIBE", "c")], "monitors": [("MONITOR",)], "waits": [("BLPOP", "list", "0")]}
    others = [target]
    for name, commands in doing.items():
        others.append(server.client())
        others[-1].call("CLIENT", "SETNAME", name)
        for command in commands:
            others[-1].send(*command)
            if name != "waits":
                others[-1].read()
    time.sleep(0.05)
    client.call("SET", "k", "changed")

    def of(name):
        return fields(client.call("CLIENT", "LIST", "NAME", name))

    assert {name: of(name)["flags"] for name in doing} == {
        "watches": "d", "queues": "x", "tracks": "t", "broadcasts": "tB", "listens": "P", "monitors": "O", "waits": "b"}
    assert (of("watches")["multi"], of("queues")["multi"], of("tracks")["multi"]) == ("0", "1", "-1")
    assert (of("tracks")["redir"], of("broadcasts")["redir"]) == ("0", str(target.call("CLIENT", "ID")))
    assert (of("listens")["redir"], of("waits")["argv-mem"], of("queues")["argv-mem"]) == ("-1", "10", "0")
    assert int(fields(client.call("CLIENT", "INFO"))["argv-mem"]) == len("CLIENTINFO")
    assert client.call("CLIENT", "LIST", "FLAGS", "tB") == client.call("CLIENT", "LIST", "NAME", "broadcasts")
    for other in others:
        other.close()


def test_nobody_is_blocked_or_tracked(client):
    assert client.call("CLIENT", "UNBLOCK", "1") == 0
    assert client.error("CLIENT", "UNBLOCK", "x") == "ERR value is not an integer or out of range"
    assert client.call("CLIENT", "GETREDIR") == -1
    tracking = client.call("CLIENT", "TRACKINGINFO")
    flat = tracking if client.resp == 2 else [part for pair in tracking for part in pair]
    assert flat == [b"flags", [b"off"], b"redirect", -1, b"prefixes", []]


def test_help(client):
    lines = client.call("CLIENT", "HELP")
    assert lines[0] == "CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    assert lines[-2:] == ["HELP", "    Print this help."]
    assert client.call("client", "help")[0].startswith("CLIENT ")
