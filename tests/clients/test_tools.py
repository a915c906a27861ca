# SPDX-License-Identifier: BSD-3-Clause
"""The command-line clients and benchmarks of Valkey and Redis in all their modes, and the exporter for Prometheus."""

import os
import pty
import select
import subprocess
import time
import urllib.request

import pytest

import servers
from servers import free_port, peer


class Tools:
    def __init__(self, server, family):
        self.server = server
        self.family = family

    def command(self, tool, *arguments):
        return [*peer.command(f"{self.family}-{tool}"), "-p", str(self.server.port), *map(str, arguments)]

    def cli(self, *arguments, stdin=None, fails=False):
        done = subprocess.run(self.command("cli", *arguments), input=stdin, capture_output=True, timeout=60)
        output = done.stdout.decode() + done.stderr.decode()
        assert fails or done.returncode == 0, output
        return output

    def on_terminal(self, *arguments, seconds=1.5):
        """What a mode that goes on for ever has shown on a terminal after some seconds."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(self.command("cli", *arguments), stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown, deadline = b"", time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([ours], [], [], left)[0]:
                shown += os.read(ours, 4096)
        process.kill()
        process.wait()
        os.close(ours)
        return shown.decode()


@pytest.fixture(params=["valkey", "redis"])
def tools(server, request):
    return Tools(server, request.param)


@pytest.fixture
def filled(server):
    with server.client() as client:
        for i in range(200):
            client.call("SET", f"string:{i}", "x" * i)
        client.call("RPUSH", "list", *range(500))
        client.call("HSET", "hash", *[f"f{i}" for i in range(100)])
        client.call("ZADD", "zset", *[x for i in range(50) for x in (i, f"m{i}")])
        client.call("XADD", "stream", "*", "f", "v")


def test_commands_and_exit_status(tools):
    assert tools.cli("SET", "k", "v") == "OK\n"
    assert tools.cli("-3", "HGETALL", "none") == "\n"
    assert tools.cli("-3", "--no-raw", "CONFIG", "GET", "port").startswith("1# ")
    assert "ERR unknown command" in tools.cli("-e", "NONSENSE", fails=True)
    assert tools.cli("-x", "SET", "k", stdin=b"from stdin") == "OK\n"
    assert tools.cli("--json", "GET", "k") == '"from stdin"\n'
    assert tools.cli("-r", "3", "INCR", "n") == "1\n2\n3\n"
    assert tools.cli("-n", "5", "SET", "elsewhere", "1") == "OK\n"
    assert tools.cli("DBSIZE") == "2\n"


def test_a_script_from_a_file(tools, tmp_path):
    script = tmp_path / "script.lua"
    script.write_text("return {KEYS[1], ARGV[1]}")
    root = os.environ.get("STRATA_PEERS", str(servers.ROOT / ".peers/sid"))
    inside = f"/tmp/{script.parent.name}-{tools.family}.lua"
    with open(root + inside, "w") as copy:
        copy.write(script.read_text())
    try:
        assert tools.cli("--eval", inside, "key", ",", "value") == "key\nvalue\n"
    finally:
        os.unlink(root + inside)


def test_pipe(tools):
    commands = b"".join(b"*3\r\n$3\r\nSET\r\n$5\r\nk%04d\r\n$1\r\nv\r\n" % n for n in range(5000))
    output = tools.cli("--pipe", stdin=commands)
    assert "errors: 0, replies: 5000" in output
    assert tools.cli("DBSIZE") == "5000\n"


def test_scan(tools, filled):
    assert len(tools.cli("--scan", "--pattern", "string:*").split()) == 200


def test_bigkeys_and_memkeys(tools, filled):
    output = tools.cli("--bigkeys")
    assert 'Biggest   list found "list" has 500 items' in output or "list" in output and "500 items" in output
    assert "204 keys" in output or "Sampled 204 keys" in output
    assert "bytes" in tools.cli("--memkeys")


def test_hotkeys(tools, server, filled):
    with server.client() as client:
        before = client.call("CONFIG", "GET", "maxmemory-policy")[1]
        client.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
        for _ in range(2000):
            client.call("GET", "string:7")
        output = tools.cli("--hotkeys")
        client.call("CONFIG", "SET", "maxmemory-policy", before)
    assert "string:7" in output


def test_modes_that_go_on(tools, filled):
    assert "204" in tools.on_terminal("--stat")
    assert "avg: " in tools.on_terminal("--latency")
    assert "avg: " in tools.on_terminal("--latency-history", "-i", "1")


def test_monitor(tools, server):
    process = subprocess.Popen(tools.command("cli", "MONITOR"), stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"OK\n"
    with server.client() as client:
        client.call("SET", "watched", "value")
    line = process.stdout.readline().decode()
    process.kill()
    process.wait()
    assert '"SET" "watched" "value"' in line


@pytest.mark.parametrize("arguments", [[], ["-P", "16", "-r", "1000"], ["-3"], ["--threads", "2"]], ids=lambda a: " ".join(a) or "plain")
def test_benchmark_in_full(tools, arguments):
    command = tools.command("benchmark", "-n", "2000", "-c", "20", "--csv", *arguments)
    done = subprocess.run(command, capture_output=True, timeout=120)
    output = done.stdout.decode()
    assert done.returncode == 0, output + done.stderr.decode()
    assert "Error" not in output + done.stderr.decode()
    tests = [line.split(",")[0].strip('"') for line in output.splitlines()[1:]]
    for test in ["PING_INLINE", "SET", "GET", "INCR", "LPUSH", "RPOP", "SADD", "HSET", "SPOP", "ZADD", "ZPOPMIN", "MSET (10 keys)"]:
        assert test in tests, output


def test_prometheus_exporter(server):
    port = free_port()
    command = ["prometheus-redis-exporter", f"-web.listen-address=127.0.0.1:{port}", f"-redis.addr=redis://127.0.0.1:{server.port}"]
    with server.client() as client:
        client.call("SET", "k", "v", "EX", 100)
        client.call("GET", "k")
    exporter = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
    finally:
        exporter.terminate()
        exporter.wait(timeout=10)
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    assert values["redis_up"] == "1"
    assert values['redis_db_keys{db="db0"}'] == "1"
    assert values['redis_db_keys_expiring{db="db0"}'] == "1"
    assert float(values["redis_memory_used_bytes"]) > 0
    assert float(values["redis_connected_clients"]) >= 1
    assert float(values['redis_commands_total{cmd="get"}']) >= 1
    assert "redis_exporter_last_scrape_error" in text and 'redis_exporter_last_scrape_error{err=""}' in values
