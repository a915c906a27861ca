# SPDX-License-Identifier: BSD-3-Clause
"""A disk that is full, really: writers are refused, reads go on, nothing acknowledged is lost, and all is well again when
there is room."""

import pathlib
import subprocess
import sys
import tempfile
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import servers  # noqa: E402

MEGABYTES = 20


@pytest.fixture
def disk():
    """The path of a file system that holds little."""
    with tempfile.TemporaryDirectory(prefix="strata-disk-") as path:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "none", path]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("nothing can be mounted here")
        try:
            yield pathlib.Path(path)
        finally:
            subprocess.run(["umount", "-l", path], check=True)


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_refused(client):
    return client.raw("PING").startswith(b"-MISCONF")


def write_until_refused(server, first, value):
    """How many keys from `first` on were acknowledged. The last write may get no reply before there is room again."""
    acknowledged = first
    with server.client(timeout=2) as client:
        while True:
            try:
                reply = client.raw("SET", f"key:{acknowledged}", value)
            except OSError:
                return acknowledged
            if reply.startswith(b"-MISCONF"):
                assert b"No space left on device" in reply
                return acknowledged
            assert reply == b"+OK\r\n"
            acknowledged += 1


@pytest.mark.parametrize("durability", ["always", "everysec"])
@pytest.mark.parametrize("crash", [False, True])
def test_a_full_disk(disk, durability, crash):
    ballast = disk / "ballast"
    ballast.write_bytes(b"b" * (MEGABYTES << 19))
    with servers.strata("--home", f"dir:{disk}/home", "--durability", durability) as server:
        count = write_until_refused(server, 0, "v" * 10_000)
        assert count > 100
        with server.client(timeout=5) as client:
            until(lambda: is_refused(client))
            assert client.call("GET", "key:0") == b"v" * 10_000
            assert b"aof_last_write_status:err" in client.call("INFO", "persistence")
            assert client.error("SAVE") is not None
            assert client.error("SET", "k", "v").startswith("MISCONF")
        if crash and durability == "always":
            server.kill()
        ballast.unlink()
        if crash and durability == "always":
            server.start()
        with server.client() as client:
            until(lambda: not is_refused(client))
            assert client.call("SET", "more", "v") == "OK"
            assert b"aof_last_write_status:ok" in client.call("INFO", "persistence")
            assert client.call("WAITAOF", 1, 0, 0) == [1, 0]
        server.kill()
        server.start()
        with server.client() as client:
            assert client.call("GET", "more") == b"v"
            there = client.call("EXISTS", *(f"key:{i}" for i in range(count)))
            assert there == count
            assert "did not fit" not in server.log_text()
