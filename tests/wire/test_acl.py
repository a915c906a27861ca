# SPDX-License-Identifier: BSD-3-Clause
"""Users, what they may do, and what their connections feel of changes. Valkey runs the same tests, but for those about
files: what they expect is what it does."""

import contextlib
import os
import pathlib
import subprocess
import threading
import time

import pytest

from ask import wait_until
import servers
from resp import Disconnected, encode

WRONGPASS = "WRONGPASS invalid username-password pair or user is disabled."
NOAUTH = "NOAUTH Authentication required."
NO_KEY, NO_CHANNEL = "NOPERM No permissions to access a key", "NOPERM No permissions to access a channel"
NO_DATABASE = "NOPERM No permissions to access database"
NO_LONGER = ("NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. "
             "This command is no longer allowed for the following reason: ")
EVERYTHING = ["on", ">pw", "+@all", "~*", "&*"]


def no_command(name, user="alice"):
    return f"NOPERM User {user} has no permissions to run the '{name}' command"


class World(servers.World):
    def user(self, name="alice", password="pw", resp=2):
        client = self(resp)
        assert client.call("AUTH", name, password) == "OK"
        return client


@pytest.fixture
def world(several):
    with World(several) as world:
        yield world
        with several.client() as client:
            client.call("FLUSHALL")
            client.call("CONFIG", "RESETSTAT")
            client.call("CONFIG", "SET", "acllog-max-len", 128)
            client.call("ACL", "LOG", "RESET")
            users = [user for user in client.call("ACL", "USERS") if user != b"default"]
            if users:
                client.call("ACL", "DELUSER", *users)


@pytest.fixture
def admin(world):
    return world()


def is_closed(client):
    """Is the connection closed, or about to be?"""
    try:
        while True:
            client.read_raw()
    except Disconnected:
        return True
    except (ConnectionResetError, BrokenPipeError):
        return True
    except OSError:
        return False


def log(client, count=100):
    return [dict(zip(entry[::2], entry[1::2])) for entry in client.call("ACL", "LOG", count)]


def seen(client):
    """The log as (count, reason, context, object, user)."""
    return [(e[b"count"], *(e[name].decode() for name in (b"reason", b"context", b"object", b"username")))
            for e in log(client)]


def denials(client):
    lines = client.call("INFO", "stats").decode().split("\r\n")
    return {line.split(":")[0][18:]: int(line.split(":")[1]) for line in lines if line.startswith("acl_access_denied")}


# ---- who it is ----


@pytest.mark.parametrize("resp", [2, 3])
def test_authentication(world, admin, resp):
    admin.call("ACL", "SETUSER", "alice", *EVERYTHING)
    client, before = world(resp), denials(admin)["auth"]
    assert client.call("ACL", "WHOAMI") == b"default"
    for attempt in (["alice", "x"], ["alice", ""], ["alice", "pw2"], ["nobody", "pw"], ["Alice", "pw"]):
        assert client.error("AUTH", *attempt) == WRONGPASS
        assert client.error("HELLO", resp, "AUTH", *attempt) == WRONGPASS
    assert client.call("ACL", "WHOAMI") == b"default"
    assert client.call("AUTH", "alice", "pw") == "OK"
    assert client.call("ACL", "WHOAMI") == b"alice"
    assert b" user=alice " in client.call("CLIENT", "INFO")
    assert client.call("RESET") == "RESET"
    assert client.call("ACL", "WHOAMI") == b"default"
    client.call("HELLO", resp, "AUTH", "alice", "pw")
    assert client.call("ACL", "WHOAMI") == b"alice"
    assert denials(admin)["auth"] == before + 10


def test_user_that_is_off(world, admin):
    admin.call("ACL", "SETUSER", "alice", *EVERYTHING)
    client = world.user()
    admin.call("ACL", "SETUSER", "alice", "off")
    assert client.call("PING") == "PONG", "connections of before stay"
    assert client.error("AUTH", "alice", "pw") == WRONGPASS
    assert client.call("ACL", "WHOAMI") == b"alice"
    admin.call("ACL", "SETUSER", "alice", "on", "resetpass")
    assert client.error("AUTH", "alice", "pw") == WRONGPASS
    admin.call("ACL", "SETUSER", "alice", "nopass")
    assert world.user("alice", "anything").call("PING") == "PONG"


def test_default_user_behind_a_password(world, admin):
    try:
        admin.call("CONFIG", "SET", "requirepass", "secret")
        client = world()
        assert client.error("PING") == client.error("NOSUCH") == NOAUTH
        assert client.call("AUTH", "secret") == "OK"
        assert client.call("AUTH", "default", "secret") == "OK"
        admin.call("ACL", "SETUSER", "default", ">other")
        assert client.call("AUTH", "other") == client.call("AUTH", "secret") == "OK"
        admin.call("ACL", "SETUSER", "default", "nopass")
        admin.call("CONFIG", "SET", "requirepass", "secret")
        assert world().call("PING") == "PONG", "what is set already changes nothing"
        assert client.error("AUTH", "secret").startswith("ERR AUTH <password> called without any password")
    finally:
        admin.call("CONFIG", "SET", "requirepass", "")
    assert admin.call("ACL", "LIST") == [b"user default on nopass ~* &* +@all"]


def test_default_user_that_is_off(world, admin):
    admin.call("ACL", "SETUSER", "alice", *EVERYTHING)
    admin.call("ACL", "SETUSER", "default", "off")
    try:
        client = world()
        assert client.error("PING") == NOAUTH
        assert client.call("AUTH", "alice", "pw") == "OK"
        assert client.call("PING") == admin.call("PING") == "PONG"
        client.call("RESET")
        assert client.error("PING") == NOAUTH
    finally:
        admin.call("ACL", "SETUSER", "default", "on")
    assert client.call("PING") == "PONG"


def test_default_user_with_less(world, admin):
    client = world()
    admin.call("ACL", "SETUSER", "default", "-get")
    try:
        assert client.error("GET", "a") == no_command("get", "default")
        assert client.call("SET", "a", 1) == "OK"
    finally:
        admin.call("ACL", "SETUSER", "default", "+@all")
    assert client.call("GET", "a") == b"1"


# ---- what it may do ----


def test_commands(world, admin):
    admin.call("ACL", "SETUSER", "alice", "on", ">pw", "~*", "+get", "+client|id", "+select|0")
    client = world.user()
    assert client.call("GET", "a") is None
    assert client.error("SET", "a", 1) == no_command("set")
    assert client.error("CLIENT", "LIST") == no_command("client|list")
    assert client.call("CLIENT", "ID") > 0
    assert client.call("SELECT", 0) == "OK"
    assert client.error("SELECT", 1) == no_command("select")
    assert client.error("GET") == "ERR wrong number of arguments for 'get' command"
    assert client.error("NOSUCH").startswith("ERR unknown command")
    assert client.call("HELLO")[0] == b"server"
    admin.call("ACL", "SETUSER", "alice", "+@all", "-@dangerous")
    assert client.call("SET", "a", 1) == "OK"
    assert client.error("KEYS", "*") == no_command("keys")


def test_keys(world, admin):
    admin.call("ACL", "SETUSER", "alice", "on", ">pw", "+@all", "~a*", "%R~r*", "%W~w*")
    client = world.user()
    assert client.call("MGET", "a", "r") == [None, None]
    assert client.error("MGET", "a", "w") == NO_KEY
    assert client.call("SET", "w", 1) == "OK"
    assert client.error("SET", "w", 1, "GET") == NO_KEY
    assert client.error("SET", "r", 1) == NO_KEY
    assert client.call("COPY", "r", "w") == 0
    assert client.error("COPY", "w", "r") == NO_KEY
    assert client.call("BITFIELD", "r", "GET", "u8", 0) == [0]
    assert client.error("BITFIELD", "r", "SET", "u8", 0, 1) == NO_KEY
    many = [f"a{i}" for i in range(100)]
    assert client.call("DEL", *many) == 0
    assert client.error("DEL", *many, "b") == NO_KEY


def test_channels(world, admin):
    admin.call("ACL", "SETUSER", "alice", "on", ">pw", "+@all", "&news", "&n:*")
    client = world.user()
    assert client.call("PUBLISH", "n:1", "x") == 0
    assert client.error("PUBLISH", "x", "x") == NO_CHANNEL
    assert client.error("SUBSCRIBE", "news", "x") == client.error("PSUBSCRIBE", "n*") == NO_CHANNEL
    assert client.error("SSUBSCRIBE", "x") == NO_CHANNEL
    assert client.call("PSUBSCRIBE", "n:*") == [b"psubscribe", b"n:*", 1]


def test_databases(world, admin):
    admin.call("ACL", "SETUSER", "alice", "on", ">pw", "+@all", "~*", "db=0,2")
    client = world.user()
    assert client.call("SELECT", 2) == "OK"
    assert client.call("SET", "a", 1) == "OK"
    for command in (["SELECT", 1], ["MOVE", "a", 1], ["COPY", "a", "b", "DB", 1], ["SWAPDB", 1, 2], ["FLUSHALL"]):
        assert client.error(*command) == NO_DATABASE
    assert client.error("SELECT", 99) == "ERR DB index is out of range"
    admin.call("ACL", "SETUSER", "alice", "db=0")
    assert client.error("GET", "a") == client.error("DBSIZE") == NO_DATABASE
    assert client.call("PING") == "PONG"
    assert client.call("SELECT", 0) == "OK"


def test_selectors(world, admin):
    admin.call("ACL", "SETUSER", "alice", "on", ">pw", "+get", "~a", "(+set ~b)", "(+mget ~a ~b)")
    client = world.user()
    assert client.call("GET", "a") is None
    assert client.call("SET", "b", 1) == "OK"
    assert client.call("MGET", "a", "b") == [None, b"1"]
    assert client.error("SET", "a", 1) == client.error("GET", "b") == NO_KEY
    assert client.error("MSET", "b", 1) == no_command("mset")


def test_categories_are_those_of_commands(admin):
    every = {name.decode() for name in admin.call("COMMAND", "LIST")}
    shown = {}
    for category in admin.call("ACL", "CAT"):
        for name in admin.call("ACL", "CAT", category):
            shown.setdefault(name.decode(), set()).add("@" + category.decode())
    assert set(shown) == every
    for name, categories in shown.items():
        assert set(admin.call("COMMAND", "INFO", name)[0][6]) == categories, name


# ---- transactions, waiting ----


def test_transactions(world, admin):
    admin.call("ACL", "SETUSER", "alice", "on", ">pw", "+@all", "-incr", "~a", "&c")
    client = world.user()
    client.call("MULTI")
    assert client.error("INCR", "a") == no_command("incr")
    assert client.error("GET", "b") == NO_KEY
    assert client.error("PUBLISH", "d", "x") == NO_CHANNEL
    assert client.error("EXEC") == "EXECABORT Transaction discarded because of previous errors."
    assert seen(admin) == [(1, "channel", "multi", "d", "alice"), (1, "key", "multi", "b", "alice"),
                           (1, "command", "multi", "incr", "alice")]


@pytest.mark.parametrize("rules, reason", [(["-set"], "no permission to execute the command or subcommand"),
                                           (["resetkeys"], "no permission to touch the specified keys"),
                                           (["db=1"], "no permission")])
def test_permission_lost_before_exec(world, admin, rules, reason):
    admin.call("ACL", "SETUSER", "alice", *EVERYTHING)
    client = world.user()
    client.call("MULTI")
    client.call("SET", "a", 1)
    client.call("PING")
    admin.call("ACL", "SETUSER", "alice", *rules)
    client.send("EXEC")
    reply = client.read()
    assert str(reply[0]) == NO_LONGER + reason and reply[1] == "PONG"
    assert admin.call("EXISTS", "a") == 0


def test_permission_lost_while_waiting(world, admin):
    admin.call("ACL", "SETUSER", "alice", *EVERYTHING)
    client = world.user()
    client.send("BLPOP", "list", 0)
    wait_until(lambda: b"blocked_clients:1\r" in admin.call("INFO", "clients"))
    admin.call("ACL", "SETUSER", "alice", "-blpop")
    admin.call("RPUSH", "list", "x")
    assert str(client.read()) == no_command("blpop")
    assert admin.call("LRANGE", "list", 0, -1) == [b"x"]
    assert seen(admin) == [(1, "command", "toplevel", "blpop", "alice")]


# ---- scripts ----


def test_commands_of_scripts(world, admin):
    admin.call("ACL", "SETUSER", "alice", "on", ">pw", "+@all", "-incr", "~a", "&c", "db=0")
    client = world.user()
    failure = "ERR ACL failure in script: "
    for command, why in (("'incr','a'", "User alice has no permissions to run the 'incr' command"),
                         ("'get','b'", "No permissions to access a key"),
                         ("'publish','b','x'", "No permissions to access a channel"),
                         ("'select','1'", "No permissions to access database")):
        assert client.error("EVAL", f"return redis.call({command})", 0) == failure + why + " script: on @user_script:1."
        assert client.error("EVAL", f"return redis.pcall({command})", 0) == failure + why
        assert client.call("EVAL", f"return redis.acl_check_cmd({command})", 0) is None
    assert client.call("EVAL", "return redis.acl_check_cmd('get','a')", 0) == 1
    assert client.call("EVAL", "return redis.acl_check_cmd('get')", 0) == 1
    assert client.call("EVAL", "return redis.acl_check_cmd('incr')", 0) is None
    assert client.error("EVAL", "return 1", 1, "b") == NO_KEY
    assert {(count, context) for count, _, context, _, _ in seen(admin)} == {(2, "lua"), (1, "toplevel")}


# ---- what connections feel ----


def test_user_that_goes_takes_its_connections_along(world, admin):
    admin.call("ACL", "SETUSER", "alice", *EVERYTHING)
    clients = [world.user() for _ in range(5)]
    clients[0].call("SUBSCRIBE", "x")
    clients[1].send("BLPOP", "list", 0)
    clients[2].call("MULTI")
    assert clients[4].call("ACL", "DELUSER", "alice", "nobody") == 1, "its own connection gets the reply"
    assert all(map(is_closed, clients))
    assert admin.call("PING") == "PONG"
    assert world().error("AUTH", "alice", "pw") == WRONGPASS


@pytest.mark.parametrize("subscription, rules, stays", [
    (["SUBSCRIBE", "foo"], ["resetchannels", "&foo"], True),
    (["SUBSCRIBE", "foo"], ["resetchannels", "&f*"], True),
    (["SUBSCRIBE", "foo"], ["resetchannels", "&bar"], False),
    (["SUBSCRIBE", "foo"], ["resetchannels", "(&foo)"], True),
    (["PSUBSCRIBE", "f*"], ["resetchannels", "&f*"], True),
    (["PSUBSCRIBE", "foo"], ["resetchannels", "&f*"], False),
    (["PSUBSCRIBE", "f*"], ["resetchannels", "(&*)"], True),
    (["SSUBSCRIBE", "foo"], ["resetchannels", "&bar"], False),
    (["SUBSCRIBE", "foo"], ["off"], True),
    (["PING"], ["resetchannels"], True),
])
def test_channels_that_are_lost(world, admin, subscription, rules, stays):
    admin.call("ACL", "SETUSER", "alice", *EVERYTHING)
    client = world.user(resp=3)
    client.call("HELLO", 3)
    client.call(*subscription)
    admin.call("ACL", "SETUSER", "alice", *rules)
    if stays:
        assert client.call("PING") == "PONG"
    else:
        assert is_closed(client)


def test_own_channels_that_are_lost(world, admin):
    admin.call("ACL", "SETUSER", "alice", *EVERYTHING)
    client = world.user(resp=3)
    client.call("HELLO", 3)
    client.call("SUBSCRIBE", "foo")
    assert client.call("ACL", "SETUSER", "alice", "resetchannels") == "OK"
    assert is_closed(client)


def test_clients_by_user(world, admin):
    admin.call("ACL", "SETUSER", "alice", *EVERYTHING)
    client, other = world.user(), world()
    ids = {client.call("CLIENT", "ID")}
    lines = admin.call("CLIENT", "LIST", "USER", "alice").decode().splitlines()
    assert {int(line.split()[0][3:]) for line in lines} == ids
    assert b"user=alice" not in admin.call("CLIENT", "LIST", "NOT-USER", "alice")
    assert admin.error("CLIENT", "LIST", "USER", "nobody") == "ERR No such user 'nobody'"
    assert admin.call("CLIENT", "KILL", "USER", "alice") == 1
    assert is_closed(client)
    assert other.call("PING") == "PONG"


# ---- what is remembered ----


def test_log(world, admin):
    admin.call("ACL", "SETUSER", "alice", "on", ">pw", "+get", "~a")
    client = world.user()
    client.error("DEL", "x")
    before = denials(admin)
    admin.call("CONFIG", "RESETSTAT")
    admin.call("ACL", "LOG", "RESET")
    client.error("GeT", "b")
    client.error("SET", "a", 1)
    client.error("GET", "b")
    client.error("AuTh", "alice", "x")
    assert seen(admin) == [(1, "auth", "toplevel", "AuTh", "alice"), (2, "key", "toplevel", "b", "alice"),
                           (1, "command", "toplevel", "set", "alice")]
    newest = log(admin, 1)[0]
    assert list(newest) == [b"count", b"reason", b"context", b"object", b"username", b"age-seconds", b"client-info",
                            b"entry-id", b"timestamp-created", b"timestamp-last-updated"]
    assert b" user=alice " in newest[b"client-info"]
    assert abs(newest[b"timestamp-created"] - time.time() * 1000) < 60000
    assert newest[b"timestamp-last-updated"] >= newest[b"timestamp-created"]
    more = {name: count - before[name] for name, count in denials(admin).items()}
    assert more == {"auth": 1, "cmd": 1, "key": 2, "channel": 0, "tls_cert": 0, "db": 0}
    assert admin.call("ACL", "LOG", "RESET") == "OK"
    assert admin.call("ACL", "LOG") == []


def test_log_in_resp3(world, admin):
    admin.call("ACL", "SETUSER", "alice", "on", ">pw")
    world.user().error("GET", "a")
    entry = dict(world(3).call("ACL", "LOG")[0])
    assert entry[b"count"] == 1 and isinstance(entry[b"age-seconds"], float)


def test_log_merges_among_the_newest(world, admin):
    admin.call("ACL", "SETUSER", "alice", "on", ">pw", "+get")
    client = world.user()
    for i in [*range(10), 0, *range(20, 30), 0]:
        client.error("GET", f"k{i}")
    assert [(count, name) for count, _, _, name, _ in seen(admin)] == [
        (1, "k0"), *((1, f"k{i}") for i in range(29, 19, -1)), (2, "k0"), *((1, f"k{i}") for i in range(9, 0, -1))]
    assert len(admin.call("ACL", "LOG")) == 10


def test_log_has_an_end(world, admin):
    admin.call("ACL", "SETUSER", "alice", "on", ">pw", "+get")
    client = world.user()
    admin.call("CONFIG", "SET", "acllog-max-len", 3)
    for i in range(5):
        client.error("GET", f"k{i}")
    assert [name for _, _, _, name, _ in seen(admin)] == ["k4", "k3", "k2"]
    admin.call("CONFIG", "SET", "acllog-max-len", 0)
    client.error("GET", "x")
    assert admin.call("ACL", "LOG") == []


def test_passwords_stay_out_of_the_slow_log(world, admin):
    admin.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
    try:
        admin.call("ACL", "SETUSER", "alice", ">very-secret")
        admin.error("AUTH", "alice", "also-secret")
    finally:
        admin.call("CONFIG", "SET", "slowlog-log-slower-than", 10000)
    assert b"secret" not in admin.raw("SLOWLOG", "GET", 100)


def test_genpass(admin):
    assert len({admin.call("ACL", "GENPASS") for _ in range(20)}) == 20
    for bits, digits in ((1, 1), (4, 1), (5, 2), (256, 64), (4096, 1024)):
        password = admin.call("ACL", "GENPASS", bits)
        assert len(password) == digits and set(password) <= set(b"0123456789abcdef")


# ---- many at once ----


def test_users_change_while_others_work(several, world, admin):
    admin.call("ACL", "SETUSER", "alice", *EVERYTHING)
    stop, failures = threading.Event(), []

    def work():
        with several.client(timeout=10) as client:
            client.call("AUTH", "alice", "pw")
            while not stop.is_set():
                client.socket.sendall(encode("SET", "a:1", 1) * 20 + encode("GET", "b") * 20)
                for _ in range(40):
                    reply = client.read()
                    if reply not in ("OK", None) and str(reply) not in (no_command("get"), NO_KEY):
                        failures.append(reply)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(100):
        admin.call("ACL", "SETUSER", "alice", *(["-get"], ["+get", "resetkeys", "~a:*", "(+@all %R~*)"], ["+@all"])[i % 3])
        admin.call("ACL", "SETUSER", f"user{i}", *EVERYTHING)
        admin.call("ACL", "DELUSER", f"user{i - 1}")
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures


# ---- files ----


@pytest.fixture
def own():
    """Starts a server of the test's own, and stops it afterwards."""
    with contextlib.ExitStack() as stack:
        yield lambda *options: stack.enter_context(servers.strata(*options))


BOB = "user bob on #" + "a" * 64 + " ~b* resetchannels &n db=0,1 -@all +get (%R~x resetchannels -@all +mget)"


def test_acl_file(own, tmp_path):
    path = tmp_path / "users.acl"
    path.write_text(BOB + "\n\n  \n")
    server = own("--aclfile", path)
    with server.client() as client:
        default = b"user default on nopass ~* &* +@all"
        assert client.call("ACL", "LIST") == [BOB.encode(), default]
        client.call("ACL", "SETUSER", "carol", "on", ">pw")
        assert client.call("ACL", "LOAD") == "OK"
        assert client.call("ACL", "USERS") == [b"bob", b"default"]
        client.call("ACL", "DELUSER", "bob")
        client.call("ACL", "SETUSER", "carol", "on")
        assert client.call("ACL", "SAVE") == "OK"
        assert path.read_text() == "user carol on resetchannels -@all\nuser default on nopass ~* &* +@all\n"
        assert os.listdir(tmp_path) == ["users.acl"], "no temporary file is left"
    server.restart()
    with server.client() as client:
        assert client.call("ACL", "USERS") == [b"carol", b"default"]


BAD_FILES = {
    "user\n": "{}:1 should start with user keyword followed by the username. ",
    "nonsense\n": "{}:1 should start with user keyword followed by the username. ",
    "# comment\n": "{}:1 should start with user keyword followed by the username. ",
    "user a on\n\nuser b what\nuser c on what +nosuch what\n":
        "{0}:3: Syntax error. {0}:4: Syntax error. {0}:4: Error in applying operation '+nosuch': Unknown command or "
        "category name in ACL. ",
    "user a on\nuser a off\n": "WARNING: Duplicate user 'a' found on line 2. ",
    "user a\ton\n": "'{}:1: username 'a\ton' contains invalid characters. ",
    "user a on (+get\nuser b on\n": "{}:1: Unmatched parenthesis in selector definition. ",
    "user a on <x\n": "{}:1: The password you are trying to remove from the user does not exist. ",
}


def test_bad_acl_file_changes_nothing(own, tmp_path):
    path = tmp_path / "users.acl"
    path.write_text(BOB + "\n")
    with own("--aclfile", path).client() as client:
        before = client.call("ACL", "LIST")
        for text, errors in BAD_FILES.items():
            path.write_text(text)
            assert client.error("ACL", "LOAD") == (
                "ERR " + errors.format(path) +
                "WARNING: ACL errors detected, no change to the previously active ACL rules was performed")
            assert client.call("ACL", "LIST") == before
        path.unlink()
        assert client.error("ACL", "LOAD") == \
            f"ERR Error loading ACLs, opening file '{path}': No such file or directory"


def test_connections_when_the_file_is_loaded(own, tmp_path):
    path = tmp_path / "users.acl"
    path.write_text("".join(f"user {name} on >pw +@all ~* &*\n" for name in ("a", "b", "c")))
    server = own("--aclfile", path, "--workers", "3")
    with World(server) as world:
        admin, a, b, c = world(), world.user("a"), world.user("b"), world.user("c")
        listener, other = world.user("c"), world.user("c")
        listener.call("SUBSCRIBE", "foo")
        other.call("SUBSCRIBE", "bar")
        path.write_text("user a on >pw +@all ~* &*\nuser c on >pw +get +ping ~* &foo\n")
        assert admin.call("ACL", "LOAD") == "OK"
        assert a.call("ACL", "WHOAMI") == b"a"
        assert is_closed(b) and is_closed(other)
        assert listener.call("PING") == [b"pong", b""]
        assert c.call("GET", "x") is None
        assert c.error("SET", "x", 1) == no_command("set", "c")
        path.write_text("user default off\nuser c on >pw +@all ~* &foo\n")
        assert a.call("ACL", "LOAD") == "OK", "who loses its user gets the reply"
        assert is_closed(a)
        assert admin.error("PING") == no_command("ping", "default")
        assert world().error("PING") == NOAUTH


def test_save_that_fails_leaves_the_file(own, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "users.acl").write_text("user a on\n")
    with own("--aclfile", folder / "users.acl").client() as client:
        (folder / "users.acl").unlink()
        folder.rmdir()
        assert client.error("ACL", "SAVE").startswith("ERR There was an error trying to save the ACLs.")


def test_users_in_the_configuration(own, tmp_path):
    path = tmp_path / "strata.conf"
    path.write_text("# users\nuser alice on >pw +@all ~* (+get ~x)\nuser bob\n")
    server = own()
    server.command = [servers.strata_binary(), str(path)]
    server.arguments = []
    server.restart()
    with server.client() as client:
        assert client.call("ACL", "USERS") == [b"alice", b"bob", b"default"]
        client.call("ACL", "DELUSER", "bob")
        client.call("ACL", "SETUSER", "carol", "on", '~a"b', "+get")
        assert client.call("CONFIG", "GET", "user") == []
        listed = client.call("ACL", "LIST")
        assert client.call("CONFIG", "REWRITE") == "OK"
    text = path.read_text()
    assert text.startswith("# users\nuser alice on #") and "bob" not in text and '"~a\\"b"' in text
    server.restart()
    with server.client() as client:
        assert client.call("ACL", "LIST") == listed
    path.write_text(path.read_text() + f"aclfile {tmp_path / 'users.acl'}\n")
    server.stop()
    assert refusal(path).startswith("strata: user: there are users in the configuration and an aclfile")


def refusal(path):
    """What a server says that does not start."""
    run = subprocess.run([servers.strata_binary(), str(path)], capture_output=True, timeout=20, text=True, check=False)
    assert run.returncode == 1
    return run.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("lines, said", [
    ("user alice on +nosuch", "strata: user: alice: rule '+nosuch': Unknown command or category name in ACL"),
    ("user alice on what", "strata: user: alice: rule 'what': Syntax error"),
    ("user alice on (+get", "strata: user: alice: a selector's parenthesis is not closed"),
    ("user alice on\nuser alice off", "{}:4: user alice off: Duplicate user found. A user can only be defined once in "
                                      "config files"),
    ("user", "{}:3: user: wrong number of arguments"),
    ("aclfile /nonexistent/users", "strata: user: Error loading ACLs, opening file '/nonexistent/users': No such file "
                                   "or directory"),
])
def test_configurations_that_are_refused(tmp_path, lines, said):
    path = pathlib.Path(tmp_path) / "strata.conf"
    path.write_text(f"port 0\nunixsocket {tmp_path}/socket\n{lines}\n")
    assert refusal(path).endswith(said.format(path))


def test_requirepass_and_user_line(own, tmp_path):
    path = tmp_path / "strata.conf"
    path.write_text("requirepass foo\nuser default on >bar ~* &* +@all\n")
    server = own()
    server.command = [servers.strata_binary(), str(path)]
    server.arguments = []
    server.restart()
    with server.client() as client:
        assert client.error("AUTH", "foo") == WRONGPASS
        assert client.call("AUTH", "bar") == "OK"


def test_renamed_commands(own):
    with own("--rename-command", "GET", "FETCH").client() as client:
        assert client.error("ACL", "SETUSER", "alice", "+fetch").endswith("Unknown command or category name in ACL")
        client.call("ACL", "SETUSER", "alice", "on", "nopass", "+get", "~*")
        client.call("AUTH", "alice", "")
        assert client.call("FETCH", "a") is None
        assert client.error("SET", "a", 1) == no_command("set")
