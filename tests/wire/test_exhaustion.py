# SPDX-License-Identifier: BSD-3-Clause
"""What a server does when the system has no more to give, and that it takes nothing while nothing happens."""

import os
import pathlib
import re
import resource
import socket
import time

import pytest
import servers
from resp import Disconnected, Failure, decode

SANITIZED = bool(os.environ.get("STRATA_SANITIZER"))


def threads(server):
    return pathlib.Path(f"/proc/{server.process.pid}/task").iterdir()


def wake_ups(server):
    """How often all its threads have gone to sleep."""
    pattern = re.compile(r"^voluntary_ctxt_switches:\s+(\d+)", re.MULTILINE)
    return sum(int(pattern.search((task / "status").read_text())[1]) for task in threads(server))


def processor_seconds(server):
    fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def eventually(holds, seconds=10):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_it_sleeps_while_nothing_happens():
    with servers.strata("--workers", 4) as server, server.client() as client:
        client.call("EVAL", "return 1", 0)
        client.call("DEBUG", "POPULATE", 10000)
        idle = [server.client() for _ in range(50)]
        time.sleep(1)
        before, used = wake_ups(server), processor_seconds(server)
        time.sleep(2)
        assert wake_ups(server) - before < 2 * (4 * 10 + 20)
        assert processor_seconds(server) - used < 0.2
        for connection in idle:
            connection.close()


def test_no_descriptor_is_left():
    with servers.strata("--workers", 2) as server, server.client() as client:
        files = len(list(pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir()))
        before = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (files + 5, before[1]))
        waiting = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
        time.sleep(0.3)
        used = processor_seconds(server)
        time.sleep(1)
        assert processor_seconds(server) - used < 0.2
        assert client.call("PING") == "PONG"
        assert "Too many open files" in server.log_text()
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, before)
        for connection in waiting:
            connection.sendall(b"PING\r\n")
            connection.settimeout(10)
            assert connection.recv(10) == b"+PONG\r\n"
            connection.close()


REQUESTS = [
    ("SET", "large", b"x" * 1_000_000), ("APPEND", "grows", b"x" * 500_000), ("SETRANGE", "sparse", 50_000_000, "x"),
    ("SETBIT", "bits", 4_000_000_000, 1), ("RPUSH", "list", *[b"x" * 1000] * 500), ("LRANGE", "list", 0, -1),
    ("HSET", "hash", *range(2000)), ("SADD", "set", *range(2000)), ("ZADD", "sorted", *range(2000)), ("XADD", "stream", "*", *range(2000)),
    ("COPY", "list", "other", "REPLACE"), ("SUNIONSTORE", "union", "set"), ("ZUNIONSTORE", "sum", 1, "sorted"),
    ("SORT", "list", "ALPHA", "STORE", "ordered"), ("SRANDMEMBER", "set", -3_000_000), ("MGET", *["large"] * 50), ("KEYS", "*"),
    ("EVAL", "local t = {} for i = 1, 2000000 do t[i] = i .. 'x' end return #t", 0), ("DUMP", "list"), ("BGSAVE",), ("SAVE",),
    ("EVAL", "return redis.call('SET', 'made', string.rep('x', 200000000))", 0), ("CLIENT", "LIST"), ("INFO", "everything"), ("MULTI",),
    ("SET", "large", b"x" * 5_000_000), ("EXEC",), ("PUBLISH", "nobody", b"x" * 1_000_000), ("UNLINK", "union", "sum", "other")]


@pytest.mark.skipif(SANITIZED, reason="sanitizers need address space of their own, and end when there is none")
@pytest.mark.parametrize("megabytes", [8, 60])
@pytest.mark.parametrize("workers", [1, 4])
def test_no_memory_is_left(workers, megabytes):
    """Whoever asks for too much has an error, or the connection ends; the server goes on, and so does who asks for little."""
    with servers.strata("--workers", workers) as server:
        with server.client() as client:
            client.call("SET", "key", "value")
        pages = int(pathlib.Path(f"/proc/{server.process.pid}/statm").read_text().split()[0])
        before = resource.prlimit(server.process.pid, resource.RLIMIT_AS)
        most = pages * os.sysconf("SC_PAGESIZE") + (megabytes << 20)
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (most, before[1]))
        refused = 0
        for request in REQUESTS * 3:
            try:
                with server.client() as client:
                    reply = decode(client.raw(*request))
                    refused += isinstance(reply, Failure) and "memory" in str(reply)
            except (OSError, Disconnected):
                refused += 1
            assert server.is_running(), server.log_text()
        assert refused > 5
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, before)
        with server.client() as client:
            assert client.call("GET", "key") == b"value"
            eventually(lambda: client.raw("SAVE") == b"+OK\r\n")
            assert client.call("FLUSHALL") == "OK"
