# SPDX-License-Identifier: BSD-3-Clause
"""Moving in: a server with an empty home loads what Redis or Valkey have left in its directory, once."""

import pathlib
import shutil

import pytest

import peer
import servers


@pytest.fixture
def moving(tmp_path):
    """Starts a server in the directory and gives a client; a second call stops the first server."""
    running = []

    def start(*arguments):
        while running:
            running.pop().close()
        running.append(servers.Server("Strata", [servers.strata_binary()], [
            "--dir", tmp_path, "--home", "dir:home", "--save", "", *arguments]))
        return running[0].client()
    yield start
    while running:
        running.pop().close()


def leave_behind(tmp_path, *commands, appendonly="no"):
    """What a Valkey that ran these commands leaves: dump.rdb, or appendonlydir."""
    name = f"moving-{servers.free_port()}"
    inside = pathlib.Path(peer.directory(), "tmp", name)
    inside.mkdir()
    try:
        with servers.valkey("--dir", f"/tmp/{name}", "--dbfilename", "dump.rdb", "--appendonly", appendonly) as old:
            with old.client() as client:
                for command in commands:
                    client.call(*command)
                if appendonly == "no":
                    client.call("SAVE")
        shutil.copytree(inside, tmp_path, dirs_exist_ok=True)
    finally:
        shutil.rmtree(inside)


def test_a_snapshot(moving, tmp_path):
    leave_behind(tmp_path, ["SET", "a", "1"], ["RPUSH", "l", "x", "y"], ["SELECT", "3"], ["SET", "b", "2", "EX", "1000"])
    with moving() as client:
        assert client.call("LRANGE", "l", 0, -1) == [b"x", b"y"]
        client.call("SET", "a", "new")
    with moving() as client:
        assert client.call("GET", "a") == b"new"
        client.call("SELECT", 3)
        assert 900 < client.call("TTL", "b") <= 1000


TRANSACTION = b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nt\r\n$1\r\n1\r\n"


def test_an_aof(moving, tmp_path):
    leave_behind(tmp_path, ["SET", "a", "1"], ["BGREWRITEAOF"], ["INCR", "a"], ["MULTI"], ["SET", "m", "1"], ["EXEC"],
                 ["EVAL", "redis.call('SET', 'e', '1')", "0"], ["SELECT", "3"], ["SADD", "s", "x"],
                 ["FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() return 7 end)"],
                 appendonly="yes")
    newest = max((tmp_path / "appendonlydir").glob("*.incr.aof"))
    with newest.open("ab") as file:
        file.write(TRANSACTION)  # what a crash has cut
    with moving() as client:
        assert [client.call("GET", key) for key in "amet"] == [b"2", b"1", b"1", None]
        assert client.call("FCALL", "f", 0) == 7
        client.call("SELECT", 3)
        assert client.call("SMEMBERS", "s") == [b"x"]
        client.call("FLUSHALL")
    with moving() as client:
        assert client.call("DBSIZE") == 0


def test_an_aof_of_one_file(moving, tmp_path):
    """As Redis 4 to 6 leave it: an RDB file, and commands behind it."""
    leave_behind(tmp_path, ["SET", "a", "1"], ["SET", "b", "1"])
    whole = (tmp_path / "dump.rdb").read_bytes() + TRANSACTION
    whole += b"*1\r\n$4\r\nEXEC\r\n*2\r\n$3\r\nDEL\r\n$1\r\nb\r\n"
    (tmp_path / "appendonly.aof").write_bytes(whole + b"*2")
    (tmp_path / "dump.rdb").unlink()
    with moving("--logfile", "log") as client:
        assert [client.call("GET", key) for key in "abt"] == [b"1", None, b"1"]
    assert f"ends in the middle of something, at offset {len(whole)}" in (tmp_path / "log").read_text()


def test_which_of_both(moving, tmp_path):
    leave_behind(tmp_path, ["SET", "from", "rdb"])
    leave_behind(tmp_path, ["SET", "from", "aof"], appendonly="yes")
    with moving("--appendonly", "no") as client:
        assert client.call("GET", "from") == b"rdb"
    shutil.rmtree(tmp_path / "home")
    with moving() as client:
        assert client.call("GET", "from") == b"aof"


def test_a_damaged_file_stops_the_start(moving, tmp_path):
    leave_behind(tmp_path, ["SET", "a", "1"])
    whole = (tmp_path / "dump.rdb").read_bytes()
    (tmp_path / "dump.rdb").write_bytes(whole[:-12] + bytes(12))
    with pytest.raises(RuntimeError, match="dump.rdb: .*strata import --skip-corrupt"):
        moving()
    (tmp_path / "dump.rdb").write_bytes(whole)
    with moving() as client:
        assert client.call("GET", "a") == b"1"
