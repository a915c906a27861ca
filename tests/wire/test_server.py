# SPDX-License-Identifier: BSD-3-Clause
"""The server as a whole: what it tells of itself, its logs, DEBUG, and its end."""

import re
import signal
import time

import pytest
from ask import info
import servers
from resp import Disconnected

# What clients and monitors look for.
FIELDS = {
    "server": "redis_version valkey_version server_name redis_mode os arch_bits process_id run_id tcp_port uptime_in_seconds "
              "uptime_in_days hz executable config_file",
    "clients": "connected_clients maxclients blocked_clients",
    "memory": "used_memory used_memory_human used_memory_rss used_memory_peak used_memory_peak_perc used_memory_overhead "
              "used_memory_startup used_memory_dataset total_system_memory maxmemory maxmemory_policy allocator_allocated "
              "allocator_active allocator_resident mem_fragmentation_ratio mem_clients_normal mem_allocator",
    "persistence": "loading rdb_changes_since_last_save rdb_bgsave_in_progress rdb_last_save_time rdb_last_bgsave_status "
                   "aof_enabled aof_rewrite_in_progress aof_last_write_status",
    "stats": "total_connections_received total_commands_processed instantaneous_ops_per_sec total_net_input_bytes "
             "rejected_connections expired_keys evicted_keys keyspace_hits keyspace_misses total_error_replies",
    "replication": "role connected_slaves master_replid master_repl_offset repl_backlog_active",
    "cpu": "used_cpu_sys used_cpu_user used_cpu_sys_children used_cpu_user_children",
    "cluster": "cluster_enabled",
}


# ---- INFO ----

@pytest.mark.parametrize("section", FIELDS)
def test_info_has_what_monitors_read(client, section):
    fields = info(client, section)
    assert [name for name in FIELDS[section].split() if name not in fields] == []


def test_info_shows_each_field_once(client):
    names = [line.split(":")[0] for line in client.call("INFO", "everything").decode().splitlines() if ":" in line]
    assert len(names) == len(set(names))


def test_info_tells_the_truth(server, client):
    fields = info(client, "everything")
    assert fields["process_id"] == str(server.process.pid)
    assert fields["tcp_port"] == str(server.port)
    assert re.fullmatch("[0-9a-f]{40}", fields["run_id"])
    assert re.fullmatch("[0-9a-f]{40}", fields["master_replid"])
    assert abs(int(fields["server_time_usec"]) / 1e6 - time.time()) < 5
    assert fields["role"] == "master"
    assert int(fields["used_memory_rss"]) > 1000000
    assert "db0" not in fields


def test_info_counts_memory(client):
    client.call("FLUSHALL", "SYNC")
    while info(client, "memory")["lazyfree_pending_objects"] != "0":
        time.sleep(0.01)
    before = int(info(client, "memory")["used_memory_dataset"])
    client.call("SET", "a", "x" * 10_000_000)
    after = info(client, "memory")
    assert 10_000_000 <= int(after["used_memory_dataset"]) - before < 12_000_000
    assert int(after["used_memory_peak"]) >= int(after["used_memory"])
    if after["mem_allocator"].startswith("jemalloc"):  # under a sanitizer nobody counts
        assert int(after["used_memory"]) >= int(after["used_memory_dataset"])


def test_info_counts_what_is_freed_in_the_background(client):
    before = int(info(client, "memory")["lazyfreed_objects"])
    client.call("RPUSH", "l", *["a node of its own" * 1000] * 200)
    client.call("UNLINK", "l")
    deadline = time.monotonic() + 30
    while int(info(client, "memory")["lazyfreed_objects"]) == before:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_info_takes_several_sections(client):
    text = client.call("INFO", "keyspace", "server", "nothing", "SERVER").decode()
    assert re.findall("^# .*", text, re.MULTILINE) == ["# Server\r", "# Keyspace\r"]
    assert client.call("INFO", "nothing") == b""


def test_role_and_lastsave(client):
    assert client.call("ROLE") == [b"master", 0, []]
    assert abs(client.call("LASTSAVE") - time.time()) < 3600
    seconds, microseconds = client.call("TIME")
    assert abs(int(seconds) + int(microseconds) / 1e6 - time.time()) < 5


def test_lolwut_keeps_its_size(client):
    art, _, version = client.call("LOLWUT", 30, 7).rpartition(b"\n\n")
    assert [len(line) for line in art.split(b"\n")] == [30] * 7
    assert re.fullmatch(rb"Strata ver\. [0-9.]+\n", version)
    assert client.call("LOLWUT", "VERSION", 5, 1, 1).count(b"\n") == 3
    for size in (-1, 0, 2**62, -2**63):
        client.call("LOLWUT", size, size)


# ---- commands ----

def test_every_command_is_documented(client):
    docs = dict(client.call("COMMAND", "DOCS")) if client.resp == 3 else None
    if docs is None:
        flat = client.call("COMMAND", "DOCS")
        docs = {name: list(zip(doc[::2], doc[1::2])) for name, doc in zip(flat[::2], flat[1::2])}
    assert len(docs) == client.call("COMMAND", "COUNT")
    for name, doc in docs.items():
        fields = dict(doc)
        assert {b"summary", b"since", b"group"} <= set(fields), name
        assert fields[b"summary"].endswith(b"."), name
    assert client.raw("COMMAND") == client.raw("COMMAND", "INFO")


def test_command_list_has_subcommands(client):
    listed = client.call("COMMAND", "LIST")
    assert len(listed) == len(set(listed))
    assert {b"get", b"object|encoding", b"command|list"} <= set(listed)


# ---- logs and latencies ----

def test_slow_commands_are_logged(client):
    client.call("CLIENT", "SETNAME", "slow-one")
    client.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
    client.call("SLOWLOG", "RESET")
    client.call("SET", "a", "x" * 1000)
    client.call("MSET", *range(100))
    client.call("CONFIG", "SET", "slowlog-log-slower-than", -1)
    many, one = [entry for entry in client.call("SLOWLOG", "GET", -1) if entry[3][0] in (b"SET", b"MSET")]
    assert one[0] == many[0] - 1
    assert abs(one[1] - time.time()) < 5
    assert one[3] == [b"SET", b"a", b"x" * 128 + b"... (872 more bytes)"]
    assert len(many[3]) == 32 and many[3][-1] == b"... (70 more arguments)"
    assert one[5] == b"slow-one"
    assert client.call("SLOWLOG", "GET", 1) == client.call("COMMANDLOG", "GET", 1, "slow")
    client.call("CONFIG", "SET", "slowlog-log-slower-than", 10000)


def test_latencies_are_remembered():
    with servers.strata() as server, server.client(3) as c:
        c.call("CONFIG", "SET", "latency-monitor-threshold", 10)
        c.call("DEBUG", "SLEEP", "0.03")
        [[event, when, latest, worst, total, count]] = c.call("LATENCY", "LATEST")
        assert event == b"command" and abs(when - time.time()) < 5
        assert 30 <= latest == worst == total < 200 and count == 1
        assert c.call("LATENCY", "HISTORY", "command") == [[when, latest]]
        graph = c.call("LATENCY", "GRAPH", "command").split(b"\n")
        assert re.fullmatch(rb"command - high (\d+) ms, low \1 ms \(all time high \1 ms\)", graph[0])
        assert graph[1] == b"-" * 80
        assert b"command: 1 spikes" in c.call("LATENCY", "DOCTOR")
        assert c.call("LATENCY", "RESET") == 1
        assert c.call("LATENCY", "LATEST") == []


def test_histograms_count_every_call(client):
    client.call("CONFIG", "RESETSTAT")
    client.raw_pipeline([["GET", "a"]] * 1000)
    reply = client.call("LATENCY", "HISTOGRAM", "get", "nothing", "config")
    if client.resp == 2:
        reply = [(reply[i], list(zip(reply[i + 1][::2], reply[i + 1][1::2]))) for i in range(0, len(reply), 2)]
    assert [name for name, _ in reply][0] == b"get"
    fields = dict(reply[0][1])
    assert fields[b"calls"] == 1000
    buckets = fields[b"histogram_usec"]
    pairs = buckets if client.resp == 3 else list(zip(buckets[::2], buckets[1::2]))
    assert pairs == sorted(pairs) and pairs[-1][1] == 1000


# ---- DEBUG ----

def test_debug_may_be_closed():
    refusal = ('ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from '
               "a local connection, otherwise you need to set this option in the configuration file, and then restart "
               "the server.")
    with servers.strata("--enable-debug-command", "no") as server, server.client() as c:
        assert c.error("DEBUG", "SLEEP", 0) == refusal
        assert c.error("DEBUG", "HELP") == refusal
        assert c.error("CONFIG", "SET", "enable-debug-command", "yes")


def test_debug_local_lets_this_machine_in():
    with servers.strata("--enable-debug-command", "local") as server, server.client() as c:
        assert c.call("DEBUG", "SLEEP", 0) == "OK"


def test_debug_sleep_stops_everybody():
    with servers.strata() as server, server.client() as sleeper, server.client() as other:
        start = time.monotonic()
        sleeper.send("DEBUG", "SLEEP", "0.3")
        time.sleep(0.05)
        other.call("SET", "a", "1")
        assert time.monotonic() - start >= 0.28
        assert sleeper.read() == "OK"


def test_debug_push_follows_the_reply():
    with servers.strata() as server, server.client(3) as c:
        assert c.call("DEBUG", "PROTOCOL", "push") == b"Some real reply following the push reply"
        assert c.read_raw() == b">2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n"


def test_debug_changes_the_replication_id():
    with servers.strata() as server, server.client() as c:
        before = info(c, "replication")["master_replid"]
        c.call("DEBUG", "CHANGE-REPL-ID")
        assert info(c, "replication")["master_replid"] != before


@pytest.mark.parametrize("way,death", [("SEGFAULT", signal.SIGSEGV), ("PANIC", signal.SIGABRT),
                                       ("ASSERT", signal.SIGABRT)])
def test_debug_crashes(way, death):
    with servers.strata() as server, server.client() as c:
        with pytest.raises((Disconnected, OSError)):
            c.call("DEBUG", way)
        assert server.process.wait(timeout=10) in (-death, 1)  # a sanitizer ends with 1


# ---- SHUTDOWN ----

@pytest.mark.parametrize("arguments", [(), ("NOSAVE",), ("SAVE",), ("NOW",), ("NOSAVE", "NOW", "FORCE"), ("SAFE",)])
def test_shutdown_ends_the_server(arguments):
    with servers.strata() as server, server.client() as c, server.client() as other:
        other.call("PING")
        with pytest.raises((Disconnected, OSError)):
            c.call("SHUTDOWN", *arguments)
        with pytest.raises((Disconnected, OSError)):
            while True:  # its worker may take a moment longer
                other.call("PING")
        assert server.process.wait(timeout=10) == 0


def test_shutdown_answers_what_came_before():
    with servers.strata() as server, server.client() as c:
        c.socket.sendall(b"SET a 1\r\nGET a\r\nSHUTDOWN\r\nGET a\r\n")
        assert c.read() == "OK"
        assert c.read() == b"1"
        with pytest.raises((Disconnected, OSError)):
            c.read()
