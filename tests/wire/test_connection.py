# SPDX-License-Identifier: BSD-3-Clause
"""What clients say to get a connection, and what limits one."""

import socket
import time

import pytest

from ask import info, wait_until
import servers
from resp import Client, Disconnected, encode

NOAUTH = "NOAUTH Authentication required."
WRONGPASS = "WRONGPASS invalid username-password pair or user is disabled."


@pytest.fixture
def own():
    """A server that the test may configure; call it with directives."""
    started = []

    def start(*arguments):
        started.append(servers.strata(*arguments))
        return started[-1]

    yield start
    for server in started:
        server.close()


def is_closed(client):
    try:
        client.read_raw()
    except (Disconnected, ConnectionResetError):
        return True
    return False


# ---- the small ones ----


def test_ping_echo_select(client):
    assert client.call("PING") == "PONG"
    assert client.call("ping", "a\r\nb") == b"a\r\nb"
    assert client.error("PING", "a", "b") == "ERR wrong number of arguments for 'ping' command"
    assert client.call("ECHO", "") == b""
    assert client.call("SELECT", "15") == "OK"
    assert client.error("SELECT", "16") == "ERR DB index is out of range"
    assert client.error("SELECT", "x") == "ERR value is not an integer or out of range"


def test_unknown_commands(client):
    assert client.error("nosuch") == "ERR unknown command 'nosuch', with args beginning with: "
    assert client.error("no\nsuch", "a\r", "b\0c") == \
        "ERR unknown command 'no such', with args beginning with: 'a ' 'b' "
    shown = client.error("x" * 300, "a" * 100, "b" * 100, "c")
    assert shown == f"ERR unknown command '{'x' * 128}', with args beginning with: '{'a' * 100}' '{'b' * 25}' "
    assert client.error("client", "nosuch") == "ERR unknown subcommand 'nosuch'. Try CLIENT HELP."
    assert client.error("client") == "ERR wrong number of arguments for 'client' command"
    assert client.error("CLIENT", "ID", "x") == "ERR wrong number of arguments for 'client|id' command"


def test_quit_answers_what_came_before(server):
    with server.client() as client:
        client.socket.sendall(encode("PING") + encode("QUIT") + encode("PING"))
        assert client.read() == "PONG"
        assert client.read() == "OK"
        assert is_closed(client)


def test_reset_makes_a_connection_new(server):
    with server.client(resp=3) as client:
        client.call("CLIENT", "SETNAME", "somebody")
        client.call("SELECT", "3")
        client.call("CLIENT", "NO-TOUCH", "ON")
        assert client.call("RESET") == "RESET"
        line = client.raw("CLIENT", "INFO")
        assert line.startswith(b"$")  # RESP2 again
        assert b" name= " in line and b" db=0 " in line and b" flags=N " in line


# ---- HELLO ----


def test_hello_switches_the_protocol(server):
    with server.client() as client:
        assert client.raw("HELLO").startswith(b"*14\r\n")
        assert client.raw("HELLO", "3").startswith(b"%7\r\n")
        assert client.raw("GET", "nosuch") == b"_\r\n"
        reply = dict(client.call("HELLO"))
        assert reply[b"server"] == b"valkey" and reply[b"proto"] == 3 and reply[b"role"] == b"master"
        assert client.raw("HELLO", "2").startswith(b"*14\r\n")
        assert client.raw("GET", "nosuch") == b"$-1\r\n"


def test_hello_refuses(client):
    assert client.error("HELLO", "4") == "NOPROTO unsupported protocol version"
    assert client.error("HELLO", "x") == "ERR Protocol version is not an integer or out of range"
    assert client.error("HELLO", "3", "nosuch") == "ERR Syntax error in HELLO option 'nosuch'"
    assert client.error("HELLO", "3", "AUTH", "default") == "ERR Syntax error in HELLO option 'AUTH'"
    assert client.error("HELLO", "3", "AUTH", "nobody", "x") == WRONGPASS
    assert client.error("HELLO", "3", "SETNAME", "a b") == \
        "ERR Client names cannot contain spaces, newlines or special characters."


def test_a_refused_hello_changes_nothing(server):
    with server.client() as client:
        client.error("HELLO", "3", "SETNAME", "x", "nosuch")
        client.error("HELLO", "3", "SETNAME", "x", "AUTH", "nobody", "y")
        assert client.raw("CLIENT", "GETNAME") == b"$-1\r\n"


# ---- passwords ----


def test_without_a_password(client):
    assert client.error("AUTH", "x").startswith("ERR AUTH <password> called without any password configured")
    assert client.call("AUTH", "default", "anything") == "OK"
    assert client.error("AUTH", "nobody", "x") == WRONGPASS
    assert client.error("AUTH", "a", "b", "c") == "ERR syntax error"


def test_a_password_is_asked_for(own):
    server = own("--requirepass", "secret")
    with server.client() as client:
        for command in (["PING"], ["GET"], ["nosuch"], ["CLIENT", "nosuch"]):
            assert client.error(*command) == NOAUTH
        assert client.error("HELLO", "3").startswith("NOAUTH HELLO must be called with the client already")
        for wrong in ("", "secre", "secrets", "Secret", "secretsecret"):
            assert client.error("AUTH", wrong) == WRONGPASS
        assert client.error("AUTH", "nobody", "secret") == WRONGPASS
        assert client.call("AUTH", "secret") == "OK"
        assert client.call("PING") == "PONG"
        assert client.error("AUTH", "wrong") == WRONGPASS
        assert client.call("PING") == "PONG"
        client.call("RESET")
        assert client.error("PING") == NOAUTH
        assert dict(client.call("HELLO", "3", "AUTH", "default", "secret"))[b"proto"] == 3
        assert info(client, "stats")["acl_access_denied_auth"] == "7"


def test_a_password_that_comes_and_goes(own):
    server = own()
    with server.client() as old, server.client() as admin:
        old.call("PING")
        admin.call("CONFIG", "SET", "requirepass", "secret")
        assert old.call("PING") == "PONG"
        with server.client() as new:
            assert new.error("PING") == NOAUTH
            admin.call("CONFIG", "SET", "requirepass", "")
            assert new.call("PING") == "PONG"
            # The limits of strangers have gone too.
            wait_until(lambda: new.call("ECHO", "x" * 20000) == b"x" * 20000)


@pytest.mark.parametrize("request_bytes, error", [
    (encode(*"x" * 11), b"-ERR Protocol error: unauthenticated multibulk length\r\n"),
    (encode("AUTH", "x" * 16385), b"-ERR Protocol error: unauthenticated bulk length\r\n"),
], ids=["arguments", "bytes"])
def test_strangers_may_not_send_much(own, request_bytes, error):
    server = own("--requirepass", "secret")
    with server.client() as client:
        client.socket.sendall(request_bytes)
        assert client.read_raw() == error
        assert is_closed(client)
    with server.client() as client:
        client.call("AUTH", "secret")
        client.socket.sendall(request_bytes)
        assert b"Protocol error" not in client.read_raw()


def test_strangers_have_to_read_their_errors(own):
    server = own("--requirepass", "secret")
    with server.client() as stranger, server.client() as client:
        client.call("AUTH", "secret")
        with pytest.raises(OSError):
            for _ in range(2000):
                stranger.socket.sendall(b"PING\r\n" * 2000)
        assert info(client, "stats")["client_output_buffer_limit_disconnections"] == "1"


def own_address():
    """An address of this machine that is not the loopback's, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
        return None if address.startswith("127.") else address


def test_protected_mode(own):
    address = own_address()
    if not address:
        pytest.skip("this machine has no address but the loopback's")
    server = own("--bind", "0.0.0.0")
    with Client(server.port, host=address) as stranger:
        assert stranger.read_raw().startswith(b"-DENIED ")
        assert is_closed(stranger)
    with server.client() as client:
        client.call("CONFIG", "SET", "protected-mode", "no")
        with Client(server.port, host=address) as stranger:
            assert stranger.call("PING") == "PONG"
        client.call("CONFIG", "SET", "protected-mode", "yes")
        client.call("CONFIG", "SET", "requirepass", "secret")
        with Client(server.port, host=address) as stranger:
            assert stranger.error("PING") == NOAUTH
        assert info(client, "stats")["rejected_connections"] == "1"


# ---- limits ----


def test_maxclients(own):
    server = own("--maxclients", "2")
    with server.client() as one:
        wait_until(lambda: info(one, "clients")["connected_clients"] == "1")
        with server.client() as two:
            assert two.call("PING") == "PONG"
            with server.client() as three:
                assert three.read_raw() == b"-ERR max number of clients reached\r\n"
                assert is_closed(three)

        def has_room():
            with server.client() as again:
                return again.raw("PING") == b"+PONG\r\n"

        wait_until(has_room)
        assert int(info(one, "stats")["rejected_connections"]) >= 1


def test_idle_clients_are_closed(own):
    server = own("--timeout", "1")
    with server.client(timeout=5) as idle, server.client() as busy:
        idle.call("PING")
        start = time.monotonic()
        for _ in range(20):
            busy.call("PING")
            time.sleep(0.1)
        assert is_closed(idle)
        assert time.monotonic() - start < 4
        assert busy.call("PING") == "PONG"


def fill_unread(server, limit):
    """Asks for 32 MiB without reading: an observer, and the connection."""
    admin = server.client()
    admin.call("CONFIG", "SET", "client-output-buffer-limit", limit)
    admin.call("SET", "big", "x" * (1 << 20))
    slow = server.client(timeout=10)
    slow.socket.sendall(encode("GET", "big") * 32)
    return admin, slow


def test_output_over_the_hard_limit(own):
    admin, slow = fill_unread(own(), "normal 4mb 0 0")
    with admin, slow:
        wait_until(lambda: info(admin, "stats")["client_output_buffer_limit_disconnections"] == "1")
        wait_until(lambda: info(admin, "clients")["connected_clients"] == "1")


def test_output_over_the_soft_limit(own):
    admin, slow = fill_unread(own(), "normal 0 1mb 1")
    with admin, slow:
        time.sleep(0.5)
        assert info(admin, "clients")["connected_clients"] == "2"
        wait_until(lambda: info(admin, "clients")["connected_clients"] == "1")
        assert info(admin, "stats")["client_output_buffer_limit_disconnections"] == "1"


def test_output_without_limit_arrives(own):
    admin, slow = fill_unread(own(), "normal 0 0 0")
    with admin, slow:
        time.sleep(0.3)
        for _ in range(32):
            assert len(slow.read()) == 1 << 20


def test_clients_that_take_too_much_together(own):
    """The largest go, and whoever may not be evicted stays."""
    server = own("--maxmemory-clients", "10mb", "--workers", 4)
    with server.client() as admin, server.client() as kept:
        admin.call("SET", "big", b"x" * (1 << 20))
        kept.call("CLIENT", "NO-EVICT", "ON")
        kept.send("CLIENT", "SETNAME", "kept")
        others = [server.client() for _ in range(8)]
        for client, megabytes in zip(others, (1, 1, 1, 1, 4, 4, 5, 5)):
            client.call("CLIENT", "SETNAME", f"owes-{megabytes}")
            client.socket.sendall(encode("SET", "a", b"x" * (megabytes << 20))[:-2])
        wait_until(lambda: int(info(admin, "stats")["evicted_clients"]) >= 2)
        time.sleep(1.2)
        left = admin.call("CLIENT", "LIST").decode()
        assert "owes-5" not in left and left.count("owes-1") == 4 and "name=kept" in left
        assert "Evicting client: id=" in server.log_text()
        for client in others:
            client.close()


def test_a_client_that_owes_more_than_all_may_take(own):
    server = own("--maxmemory-clients", "20%", "--maxmemory", "50mb")
    with server.client() as admin, server.client() as greedy:
        admin.call("SET", "big", b"x" * (1 << 20))
        greedy.socket.sendall(encode("GET", "big") * 40)
        wait_until(lambda: info(admin, "stats")["evicted_clients"] == "1")
        wait_until(lambda: info(admin, "clients")["connected_clients"] == "1")


def test_a_request_may_not_outgrow_the_query_buffer(own):
    server = own("--client-query-buffer-limit", "1mb")
    with server.client(timeout=10) as client, server.client() as admin:
        with pytest.raises((Disconnected, ConnectionError)):
            client.socket.sendall(b"*2\r\n$4\r\nECHO\r\n$3000000\r\n" + b"x" * 3000000)
            client.read_raw()
        assert info(admin, "stats")["client_query_buffer_limit_disconnections"] == "1"


# ---- what is remembered ----


def test_errors_are_counted_by_code(own):
    with own().client() as client:
        client.error("nosuch")
        client.error("HELLO", "9")
        client.call("SET", "k", "v")
        client.error("INCR", "k")
        client.error("GET")
        errors = info(client, "errorstats")
        assert errors == {"errorstat_ERR": "count=3", "errorstat_NOPROTO": "count=1"}
        assert info(client, "stats")["total_error_replies"] == "4"
        commands = info(client, "commandstats")
        assert commands["cmdstat_incr"].startswith("calls=1,") and commands["cmdstat_incr"].endswith("failed_calls=1")
        assert ",rejected_calls=1," in commands["cmdstat_get"]
        client.call("CONFIG", "RESETSTAT")
        assert info(client, "errorstats") == {}
        assert info(client, "stats")["total_error_replies"] == "0"
        assert set(info(client, "commandstats")) == {"cmdstat_config|resetstat", "cmdstat_info"}


def test_logs_keep_passwords_to_themselves(own):
    with own("--commandlog-execution-slower-than", "0").client() as client:
        client.call("SLOWLOG", "RESET")
        client.raw("AUTH", "default", "secret")
        client.raw("HELLO", "2", "AUTH", "default", "secret", "SETNAME", "me")
        client.raw("ECHO", "x" * 200)
        client.raw("DEL", *range(100))
        deleted, echoed, greeted, authenticated = (entry[3] for entry in client.call("SLOWLOG", "GET", "4"))
        assert authenticated == [b"AUTH", b"(redacted)", b"(redacted)"]
        assert greeted == [b"HELLO", b"2", b"AUTH", b"(redacted)", b"(redacted)", b"SETNAME", b"me"]
        assert echoed == [b"ECHO", b"x" * 128 + b"... (72 more bytes)"]
        assert len(deleted) == 32 and deleted[-1] == b"... (70 more arguments)"


def test_large_requests_and_replies_are_logged(own):
    server = own("--commandlog-request-larger-than", "1000", "--commandlog-reply-larger-than", "1000")
    with server.client() as client:
        client.call("SET", "k", "x" * 2000)
        client.call("GET", "k")
        client.call("GET", "nosuch")
        (request,) = client.call("COMMANDLOG", "GET", "-1", "large-request")
        (reply,) = client.call("COMMANDLOG", "GET", "-1", "large-reply")
        assert request[3][:2] == [b"SET", b"k"] and request[2] == len(encode("SET", "k", "x" * 2000))
        assert reply[3] == [b"GET", b"k"] and reply[2] == 2000 + len(b"$2000\r\n\r\n")


@pytest.mark.parametrize("line", [b"POST / HTTP/1.1\r\n", b"Host: localhost\r\n", b"*1\r\n$4\r\nPoSt\r\n"])
def test_http_is_no_way_in(server, line):
    """A browser that a web page makes send commands in a body."""
    with server.client() as client:
        client.call("FLUSHALL")
        client.socket.sendall(line + b"\r\nSET evil 1\r\n")
        assert client.input.read() == b""
    with server.client() as client:
        assert client.call("EXISTS", "evil") == 0
    assert server.log_text().count("speaks HTTP") == 1


def test_hello_tells_where_it_is_and_what_it_is_like(own):
    with own("--availability-zone", "zone-1").client() as client:
        def hello():
            words = client.call("HELLO", 2)
            return dict(zip(words[::2], words[1::2]))

        assert hello()[b"availability_zone"] == b"zone-1"
        client.call("CONFIG", "SET", "availability-zone", "", "extended-redis-compatibility", "yes")
        assert b"availability_zone" not in hello()
        assert (hello()[b"server"], hello()[b"version"]) == (b"redis", b"7.2.4")
