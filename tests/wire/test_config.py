# SPDX-License-Identifier: BSD-3-Clause
"""CONFIG on the wire, and the directives of the process. What CONFIG says, word for word, is compared with Valkey in
tests/differential; tests/unit/config_*.c has the details."""

import pathlib
import re
import socket

import pytest

import resp
import servers


@pytest.fixture(scope="module")
def own():
    with servers.strata("--workers", "3") as server:
        yield server


@pytest.fixture
def config(own):
    with own.client() as client:
        yield client


def get(client, *patterns):
    flat = client.call("CONFIG", "GET", *patterns)
    return dict(zip(flat[::2], flat[1::2]))


def test_everything_is_listed_in_order(config):
    names = config.call("CONFIG", "GET", "*")[::2]
    assert names == sorted(names) and len(names) == len(set(names)) > 230
    assert {b"port", b"maxmemory", b"slave-priority", b"replica-priority", b"io-threads", b"workers"} <= set(names)
    assert b"rename-command" not in names


def test_resp3_gives_a_map(own):
    with own.client(resp=3) as client:
        assert client.raw("CONFIG", "GET", "maxclients") == b"%1\r\n$10\r\nmaxclients\r\n$5\r\n10000\r\n"


def test_what_comes_out_can_be_put_in(config):
    """Whatever CONFIG GET shows, CONFIG SET takes, unless it may not be changed."""
    for name, value in get(config, "*").items():
        try:
            assert config.call("CONFIG", "SET", name, value) == "OK"
        except resp.Failure as error:
            assert "immutable" in str(error) or "protected" in str(error), name
        assert get(config, name) == {name: value}


def test_what_comes_out_can_stand_in_a_file(config, tmp_path):
    """Each directive, with what CONFIG GET shows, starts a server; where it listens is the test's."""
    shown = get(config, "*")
    lines = [b"%s %s" % (name, value or b'""') for name, value in shown.items()
             if name not in (b"port", b"dir", b"logfile", b"home", b"save", b"proc-title-template")]
    (tmp_path / "all.conf").write_bytes(b"\n".join(lines))
    with servers.Server("Strata", [servers.strata_binary(), "serve", str(tmp_path / "all.conf")],
                        ["--home", "", "--save", ""]) as server, server.client() as client:
        changed = [name for name, value in get(client, "*").items() if value != shown[name]]
        assert changed == [b"dir", b"port"]


def test_the_sample_file(config, tmp_path):
    """What strata.conf has in comments, a server takes; paths apart, which are not on this machine."""
    names = {name.decode() for name in get(config, "*")} | {"rename-command"}
    lines = re.findall(r"^# (([\w-]+) .*)$", (servers.ROOT / "strata.conf").read_text(), re.MULTILINE)
    lines = [line for line, name in lines if name in names and "/" not in line]
    assert len(lines) > 20
    (tmp_path / "sample.conf").write_text("\n".join(lines))
    with servers.Server("Strata", [servers.strata_binary(), "serve", str(tmp_path / "sample.conf")],
                        ["--home", "", "--save", "", "--tls-port", "0", "--unixsocketgroup", ""]) as server:
        with server.client() as client:
            assert client.call("AUTH", "a long and random one") == "OK"
            assert client.error("FLUSHALL").startswith("ERR unknown command")


def test_all_or_nothing(config):
    before = get(config, "*")
    assert "maxmemory" in config.error("CONFIG", "SET", "timeout", "9", "loglevel", "debug", "maxmemory", "lots")
    assert "duplicate" in config.error("CONFIG", "SET", "timeout", "9", "TIMEOUT", "10")
    assert "Unknown option" in config.error("CONFIG", "SET", "timeout", "9", "nothing", "10")
    assert get(config, "*") == before


def test_large_and_binary_values(config):
    assert "zero byte" in config.error("CONFIG", "SET", "masteruser", b"a\0b")
    assert config.raw("CONFIG", "SET", b"\xff\r\n" * 100000, "x").startswith(b"-ERR Unknown option")
    assert config.call("CONFIG", "GET", b"\xff" * 100000) == []
    long = b"x" * 1000000
    assert config.call("CONFIG", "SET", "masteruser", long) == "OK"
    assert get(config, "masteruser") == {b"masteruser": long}
    config.call("CONFIG", "SET", "masteruser", "")


def test_resetstat(config):
    def commands():
        text = config.call("INFO", "stats").decode()
        return int(text.split("total_commands_processed:")[1].split()[0])
    for _ in range(20):
        config.call("PING")
    assert commands() > 20
    assert config.call("CONFIG", "RESETSTAT") == "OK"
    assert commands() < 5


def test_help_names_the_subcommands(config):
    text = "\n".join(config.call("CONFIG", "HELP"))
    assert all(word in text for word in ("GET <pattern>", "SET <directive>", "REWRITE", "RESETSTAT", "HELP"))


# ---- listening ----


def test_the_port_moves(own):
    for _ in range(6):  # connections on each of the workers
        old, new = own.port, servers.free_port()
        with own.client() as client, own.client() as other:
            assert client.call("CONFIG", "SET", "port", new) == "OK"
            own.port = new
            with own.client() as moved:
                assert moved.call("PING") == "PONG"
            assert other.call("PING") == "PONG"
            with pytest.raises(OSError):
                socket.create_connection(("127.0.0.1", old), timeout=1)


def test_a_port_in_use_is_refused(own):
    with socket.create_server(("127.0.0.1", 0)) as busy, own.client() as client:
        message = client.error("CONFIG", "SET", "timeout", "7", "port", busy.getsockname()[1])
        assert message.endswith("Unable to listen on this port. Check server logs.")
        assert get(client, "port", "timeout") == {b"port": b"%d" % own.port, b"timeout": b"0"}
        with own.client() as still:
            assert still.call("PING") == "PONG"
        assert "stop the server that is there" in own.log_text()


def test_bind(own):
    with own.client() as client:
        assert client.call("CONFIG", "SET", "bind", "127.0.0.1 -::1 -192.0.2.1") == "OK"
        with own.client() as again:
            assert again.call("PING") == "PONG"
        assert "Failed to bind" in client.error("CONFIG", "SET", "bind", "192.0.2.1")
        assert "Failed to bind" in client.error("CONFIG", "SET", "bind", "127.0.0.1 no.such.host.invalid")
        assert get(client, "bind") == {b"bind": b"127.0.0.1 -::1 -192.0.2.1"}
        with own.client() as again:
            assert again.call("PING") == "PONG"
        assert client.call("CONFIG", "SET", "bind", "* -::*") == "OK"


def test_the_unix_socket_stays_when_the_port_moves(tmp_path):
    path = str(tmp_path / "s")
    with servers.strata("--unixsocket", path, "--unixsocketperm", "700") as server:
        assert pathlib.Path(path).stat().st_mode & 0o777 == 0o700
        with server.client() as client:
            client.call("CONFIG", "SET", "port", servers.free_port())
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            connection.sendall(b"PING\r\n")
            assert connection.recv(100) == b"+PONG\r\n"
        server.stop()
        assert not pathlib.Path(path).exists()


# ---- the file ----


def test_rewrite(tmp_path):
    path = tmp_path / "strata.conf"
    path.write_text("# mine\nmaxmemory 1gb\n\ntimeout 5 \nslave-priority 50\n")
    with servers.strata() as server:
        server.stop()
        server.command = [*server.command, str(path)]
        server.arguments = ["--hz", "20"]
        server.start()
        with server.client() as client:
            client.call("CONFIG", "SET", "maxmemory", "2gb", "requirepass", "a b", "slave-priority", "60")
            assert client.call("CONFIG", "REWRITE") == "OK"
        text = path.read_text()
        assert text.startswith("# mine\nmaxmemory 2gb\n\ntimeout 5 \nslave-priority 60\n\n# Set by CONFIG REWRITE\n")
        assert 'requirepass "a b"\n' in text and "hz 20\n" in text and f"port {server.port}\n" in text
        server.arguments = []
        server.restart()
        with server.client() as client:
            assert client.call("AUTH", "a b") == "OK"
            shown = get(client, "maxmemory", "replica-priority", "hz", "timeout")
            assert shown == {b"maxmemory": b"2147483648", b"replica-priority": b"60", b"hz": b"20", b"timeout": b"5"}


def test_rewrite_of_a_password_of_any_bytes(tmp_path):
    password = b"a\0b\n\xff \"'\\"
    path = tmp_path / "strata.conf"
    path.write_text("")
    with servers.strata() as server:
        server.stop()
        server.command = [*server.command, str(path)]
        server.start()
        with server.client() as client:
            client.call("CONFIG", "SET", "requirepass", password)
            assert client.call("CONFIG", "REWRITE") == "OK"
            once = path.read_bytes()
            assert client.call("CONFIG", "REWRITE") == "OK"
            assert path.read_bytes() == once
        server.restart()
        with server.client() as client:
            assert client.error("AUTH", "a").startswith("WRONGPASS")
            assert client.call("AUTH", password) == "OK"
            assert get(client, "requirepass") == {b"requirepass": password}


def test_rewrite_without_a_file(config):
    assert config.error("CONFIG", "REWRITE") == "ERR The server is running without a config file"


def test_renamed_commands():
    with servers.strata("--rename-command", "FLUSHALL", "", "--rename-command", "config", "settings") as server:
        with server.client() as client:
            assert "unknown command" in client.error("FLUSHALL")
            assert "unknown command" in client.error("CONFIG", "GET", "port")
            assert client.call("SETTINGS", "GET", "port")[0] == b"port"


def test_protected_directives(tmp_path):
    with servers.strata() as server, server.client() as client:
        assert client.error("CONFIG", "SET", "dir", tmp_path).endswith("can't set protected config")
    with servers.strata("--enable-protected-configs", "local") as server, server.client() as client:
        assert client.call("CONFIG", "SET", "dir", str(tmp_path)) == "OK"
        assert get(client, "dir") == {b"dir": str(tmp_path).encode()}
        assert client.error("CONFIG", "SET", "dir", "/nowhere").endswith("No such file or directory")


def test_more_clients_than_files(config):
    before = get(config, "maxclients")
    error = config.error("CONFIG", "SET", "maxclients", "4000000000")
    assert error.startswith("ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system is "
                            "not able to handle the specified number of clients, try with ")
    assert get(config, "maxclients") == before
    assert config.call("CONFIG", "SET", "maxclients", "100") == "OK"
    assert config.call("CONFIG", "SET", "maxclients", before[b"maxclients"]) == "OK"


@pytest.mark.parametrize("name, error", [
    ("proto-max-bulk-len", "argument must be between 1048576 and 9223372036854775807 inclusive"),
    ("repl-backlog-size", "argument must be between 1 and 9223372036854775807 inclusive"),
    ("maxmemory-clients", "percentage argument must be less or equal to 100")])
def test_sizes_beyond_63_bits(config, name, error):
    assert config.error("CONFIG", "SET", name, 2**63).endswith(" - " + error)


def test_the_largest_maxmemory(config):
    assert config.call("CONFIG", "SET", "maxmemory", 2**63) == "OK"
    assert config.call("CONFIG", "SET", "maxmemory", 0) == "OK"
