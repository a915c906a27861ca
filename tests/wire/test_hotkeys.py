# SPDX-License-Identifier: BSD-3-Clause
"""HOTKEYS, and `strata hotkeys`, which asks it."""

import subprocess

import pytest
import servers
from resp import encode


@pytest.fixture(scope="module", params=[1, 3], ids=["one worker", "three workers"])
def busy_server(request):
    """Of the keys used here, key 0 has half, key 1 a quarter, and so on; the rest is used once."""
    with servers.strata("--workers", request.param) as running:
        for _ in range(3):
            with running.client() as client:
                client.call("SELECT", "2")
                for part in range(40):
                    names = [f"hot:{(i & -i).bit_length() - 1}" for i in range(1, 513)]
                    commands = [("GET", name) for name in names] + [("GET", f"cold:{part}:{i}") for i in range(64)]
                    client.raw_pipeline(commands)
        yield running


def listed(client, *options):
    """(key, database, accesses a second, percent) of each."""
    reply = client.call("HOTKEYS", "LIST", *options)
    return [(row[1], row[3], row[5], float(row[7])) for row in
            ([item for pair in entry for item in pair] if isinstance(entry[0], tuple) else entry for entry in reply)]


@pytest.mark.parametrize("resp", [2, 3])
def test_hot_keys_are_found(busy_server, resp):
    with busy_server.client(resp) as client:
        keys = listed(client, "COUNT", "3")
    assert [name for name, *_ in keys] == [b"hot:0", b"hot:1", b"hot:2"]
    assert {db for _, db, *_ in keys} == {2}
    for (_, _, per_second, percent), expected in zip(keys, [44.4, 22.2, 11.1]):
        assert expected * 0.7 < percent < expected * 1.3
        assert per_second > 0


def test_options(busy_server):
    with busy_server.client() as client:
        assert 1 < len(listed(client)) <= 10
        assert client.error("HOTKEYS", "LIST", "COUNT", "0") == "ERR COUNT must be between 1 and 128"
        assert client.error("HOTKEYS", "LIST", "LIMIT", "1") == "ERR syntax error"
        assert client.error("HOTKEYS", "GET") == "ERR unknown subcommand 'GET'. Try HOTKEYS HELP."


def strata_hotkeys(server, *options):
    command = [servers.strata_binary(), "hotkeys", "--port", str(server.port), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def test_the_program(busy_server):
    done = strata_hotkeys(busy_server, "--count", "2")
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["per", "second", "percent", "db", "key"]
    assert [row.split()[2:] for row in rows] == [["2", "hot:0"], ["2", "hot:1"]]


def test_the_program_cannot_connect():
    done = subprocess.run([servers.strata_binary(), "hotkeys", "--port", str(servers.free_port())],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "cannot connect" in done.stderr


def test_strange_and_long_names():
    with servers.strata() as server, server.client() as client:
        name = b"\x00\r\n\\" + b"x" * 1000
        client.socket.sendall(encode("GET", name) * 5000)
        assert [client.read() for _ in range(5000)] == [None] * 5000
        assert listed(client)[0][0] == name[:256]
        done = strata_hotkeys(server)
        assert done.stdout.splitlines()[1].split()[-1] == r"\x00\x0d\x0a\\" + "x" * 252
        assert client.call("HOTKEYS", "RESET") == "OK"
        assert listed(client) == []
        assert strata_hotkeys(server).stdout == "No key has been used often enough to be noticed.\n"
        assert strata_hotkeys(server, "--reset").returncode == 0
