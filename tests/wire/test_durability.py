# SPDX-License-Identifier: BSD-3-Clause
"""What outlives the server: the home, its journal, what replies wait for, and what becomes of damage."""

import contextlib
import pathlib
import subprocess
import threading
import time

import ask
import pytest
import servers

HOME = ("--home", "dir:./home")


@pytest.fixture(params=["everysec", "always"])
def kept(request):
    """A server with a home in its directory."""
    with servers.strata(*HOME, "--durability", request.param, "--workers", 2) as running:
        yield running


@pytest.fixture
def always():
    with servers.strata(*HOME, "--durability", "always") as running:
        yield running


def journal_of(server):
    return sorted(pathlib.Path(server.directory, "home/journal").glob("*.log"))


def info(client, field):
    return ask.info(client, "persistence")[field]


def change_everything(client):
    """Commands of all types, with what is not deterministic in them, and with times."""
    client.call("FLUSHALL")
    for command in """SET s 1|INCR s|APPEND s xyz|SETRANGE s 20 end|SETEX e 1000 v|INCRBYFLOAT f 1.5|SETBIT b 1000 1
            RPUSH l a b c d e|LPOP l|LINSERT l BEFORE c x|LMOVE l l2 LEFT RIGHT|LTRIM l 0 2|LSET l 0 y
            HSET h f 1 g 2 i 3|HINCRBY h f 5|HDEL h g|HEXPIRE h 1000 FIELDS 1 f|HSETEX h EX 1000 FIELDS 1 n v
            SADD i 1 2 3|SADD set a b c d e f g h|SPOP set 2|SMOVE set i a|SUNIONSTORE u set i|SREM i 2
            ZADD z 1 a 2 b 3 c|ZINCRBY z 1.5 a|ZPOPMIN z|ZRANGESTORE z2 z 0 -1|GEOADD geo 13.4 52.5 berlin
            XADD x * f v|XADD x * f w|XGROUP CREATE x g 0|XREADGROUP GROUP g c COUNT 1 STREAMS x >|XTRIM x MAXLEN 1
            PFADD p a b c|PFMERGE p2 p|BITFIELD bf SET u8 0 200|COPY z z3|RENAME z3 z4|EXPIRE z4 1000|PERSIST e
            SET gone v|DEL gone|SORT l ALPHA STORE sorted|MSET m1 1 m2 2|GETEX s EX 500|SET short v PX 1""".replace(
            "\n", "|").split("|"):
        client.call(*command.split())
    client.call("SELECT", 3)
    client.call("SET", "elsewhere", "v")
    client.call("SWAPDB", 3, 4)
    client.call("SELECT", 5)
    client.call("SET", "flushed", "v")
    client.call("FLUSHDB")
    client.call("SELECT", 0)
    client.call("SADD", "many", *range(1000))
    client.call("RPUSH", "long", *("x" * i for i in range(600)))
    client.call("HSET", "wide", *(i for i in range(2000)))
    client.call("SPOP", "many", 700)
    client.call("SET", "large", "v" * 300_000)
    time.sleep(0.01)
    assert client.call("GET", "short") is None


def test_everything_is_there_after_an_end(kept):
    with kept.client() as client:
        change_everything(client)
        before = client.call("DEBUG", "DIGEST")
    kept.restart()
    with kept.client() as client:
        assert client.call("DEBUG", "DIGEST") == before


def test_everything_is_there_after_a_crash(kept):
    with kept.client() as client:
        change_everything(client)
        client.call("WAITAOF", 1, 0, 0)
        before = client.call("DEBUG", "DIGEST")
    for _ in range(3):
        kept.kill()
        kept.start()
        with kept.client() as client:
            assert client.call("DEBUG", "DIGEST") == before
            assert "did not fit" not in kept.log_text()
            client.call("SET", "more", "v")
            client.call("DEL", "more")
            client.call("WAITAOF", 1, 0, 0)


def library(name, function):
    return f"#!lua name={name}\nserver.register_function('{function}', function(keys) return 1 end)"


def test_functions_are_there_after_a_crash(always):
    with always.client() as client:
        for name in "abc":
            client.call("FUNCTION", "LOAD", library(name, f"call_{name}"))
        client.call("FUNCTION", "DELETE", "b")
        client.call("FUNCTION", "LOAD", "REPLACE", library("a", "other"))
        before = client.call("FUNCTION", "DUMP")
        for words in (("RELOAD",), ("LOADAOF",)):
            assert client.call("DEBUG", *words) == "OK"
            assert client.call("FUNCTION", "DUMP") == before
    always.kill()
    always.start()
    with always.client() as client:
        assert client.call("FUNCTION", "DUMP") == before
        client.raw_pipeline([("MULTI",), ("FUNCTION", "FLUSH"), ("EXEC",)])
        client.call("FUNCTION", "RESTORE", before)
        client.call("FUNCTION", "DELETE", "c")
    always.kill()
    always.start()
    with always.client() as client:
        assert [library[1] for library in client.call("FUNCTION", "LIST")] == [b"a"]
        assert "did not fit" not in always.log_text()


def disagree(server, number, seconds):
    """Changes of a few keys whose outcome depends on their order."""
    with server.client() as client:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            client.raw_pipeline([("APPEND", "text", number), ("LREM", "list", 1, number), ("RPUSH", "list", number, number),
                                 ("SET", "string", number), ("RENAME", "string", f"to:{number % 2}"),
                                 ("MULTI",), ("SUNIONSTORE", "set", "set", "list:not"), ("SADD", "set", number), ("EXEC",),
                                 ("LTRIM", "list", -20, -1), ("SETRANGE", "text", number, "abc"), ("SPOP", "set")])


def test_the_order_of_changes_is_kept():
    with servers.strata(*HOME, "--workers", 4) as server:
        threads = [threading.Thread(target=disagree, args=(server, number, 1)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with server.client() as client:
            client.call("SET", "after", "all others")  # which WAITAOF waits for
            client.call("WAITAOF", 1, 0, 0)
            before = client.call("DEBUG", "DIGEST")
        server.kill()
        server.start()
        with server.client() as client:
            assert client.call("DEBUG", "DIGEST") == before
            assert "did not fit" not in server.log_text()


def test_a_reply_is_sent_when_the_write_is_durable(always):
    for i in range(20):
        with always.client() as client:
            client.call("RPUSH", "l", i)
        always.kill()
        always.start()
        with always.client() as client:
            assert client.call("LLEN", "l") == i + 1


def test_replies_keep_their_order(always):
    with always.client() as client:
        for replies in (client.raw_pipeline([("INCR", "n"), ("PING",), ("GET", "n")] * 500) for _ in range(5)):
            numbers = [int(r[1:]) for r in replies[::3]]
            assert numbers == list(range(numbers[0], numbers[0] + 500))
            assert set(replies[1::3]) == {b"+PONG\r\n"}


def test_clients_are_closed_while_their_replies_wait(always):
    with always.client() as client, contextlib.ExitStack() as stack:
        others = [stack.enter_context(always.client()) for _ in range(60)]
        ids = [other.call("CLIENT", "ID") for other in others]
        for number, other in enumerate(others):
            other.send("SET", number, "v")
        replies = client.raw_pipeline([command for number, id in enumerate(ids) for command in
                                       (("CLIENT", "KILL", "ID", id), ("SET", f"mine:{number}", "v"))])
        assert replies == [b":1\r\n", b"+OK\r\n"] * len(ids)
        assert client.call("EXISTS", *(f"mine:{number}" for number in range(60))) == 60
        assert len(client.call("CLIENT", "LIST").splitlines()) == 1


def test_a_transaction_is_whole(kept):
    with kept.client() as client:
        for i in range(200):
            client.raw_pipeline([("MULTI",), ("INCR", "a"), ("RPUSH", "b", i), ("EXEC",)])
    kept.kill()
    kept.start()
    with kept.client() as client:
        assert int(client.call("GET", "a") or 0) == client.call("LLEN", "b")


def test_blocked_clients_are_served_durably(always):
    with always.client() as waiting, always.client() as client:
        waiting.send("BLPOP", "q", 0)
        time.sleep(0.05)
        client.call("RPUSH", "q", "a", "b")
        assert waiting.read() == [b"q", b"a"]
    always.kill()
    always.start()
    with always.client() as client:
        assert client.call("LRANGE", "q", 0, -1) == [b"b"]


def test_a_second_server_is_refused(always):
    command = [servers.strata_binary(), "serve", "--port", "0", "--unixsocket", "./other.sock", *HOME]
    result = subprocess.run(command, cwd=always.directory, capture_output=True, text=True, timeout=20, check=False)
    assert result.returncode == 1
    assert f"another server (process {always.process.pid}) uses" in result.stderr


def test_waitaof(always):
    with servers.strata(*HOME) as everysec:
        for server in (always, everysec):
            with server.client() as client:
                assert client.call("WAITAOF", 0, 0, 0) == [1, 0]
                client.call("SET", "k", "v")
                assert client.call("WAITAOF", 1, 0, 10000) == [1, 0]
                assert client.call("WAITAOF", 1, 1, 10) == [1, 0]
                assert client.error("WAITAOF", 2, 0, 0).startswith("ERR value is out of range")
    with servers.strata() as nothing, nothing.client() as client:
        assert client.call("WAITAOF", 0, 0, 0) == [0, 0]
        assert client.error("WAITAOF", 1, 0, 0).startswith("ERR WAITAOF cannot be used when numlocal is set")


def test_info_has_what_tools_read(always):
    with always.client() as client:
        for i in range(100):
            client.call("SET", f"k{i}", "v" * 100)
        assert info(client, "journal_sequence") == info(client, "journal_durable_sequence") == "100"
        assert info(client, "journal_lag_ms") == info(client, "aof_pending_bio_fsync") == "0"
        assert 10_000 < int(info(client, "aof_current_size")) < 30_000 and int(info(client, "journal_syncs")) >= 100
        assert (info(client, "aof_enabled"), info(client, "aof_last_write_status")) == ("1", "ok")
        for field in ("aof_base_size", "aof_pending_rewrite", "aof_delayed_fsync", "aof_rewrite_in_progress"):
            assert info(client, field) == "0"
        assert info(client, "latest_snapshot") == ""


def test_client_durability():
    with servers.strata(*HOME) as everysec:
        with everysec.client() as client:
            assert client.error("CLIENT", "DURABILITY", "sometimes").startswith("ERR syntax")
            for word in ("none", "everysec", "default", "always"):
                assert client.call("CLIENT", "DURABILITY", word) == "OK"
            client.call("SET", "k", "v")
        everysec.kill()
        everysec.start()
        with everysec.client() as client:
            assert client.call("GET", "k") == b"v"
    with servers.strata() as nothing, nothing.client() as client:
        assert client.call("CLIENT", "DURABILITY", "none") == "OK"
        assert client.error("CLIENT", "DURABILITY", "always").startswith("ERR the server keeps no journal")


def test_directives_of_the_field():
    for arguments, durability in ((("--appendonly", "no"), "none"), (("--appendonly", "yes"), "everysec"),
                                  (("--appendfsync", "always"), "always"), (("--appendfsync", "no"), "everysec"),
                                  (("--appendonly", "no", "--durability", "always"), "always")):
        with servers.strata(*HOME, *arguments) as server, server.client() as client:
            assert client.call("CONFIG", "GET", "durability") == [b"durability", durability.encode()]
            appendonly = b"no" if durability == "none" else b"yes"
            assert client.call("CONFIG", "GET", "appendonly") == [b"appendonly", appendonly]


def test_durability_changes_while_serving(always):
    with always.client() as client:
        client.call("CONFIG", "SET", "appendfsync", "everysec")
        assert client.call("CONFIG", "GET", "durability") == [b"durability", b"everysec"]
        client.call("CONFIG", "SET", "durability", "always")
        assert client.call("CONFIG", "GET", "appendfsync") == [b"appendfsync", b"everysec"]


# ---- snapshots ----

def test_a_snapshot_stands_for_the_journal_before_it(kept):
    with kept.client() as client:
        for round_ in range(3):
            change_everything(client)
            client.call("BGSAVE")
            ask.wait_until(lambda: info(client, "rdb_bgsave_in_progress") == "0")
            client.call("SET", "after", round_)
        client.call("WAITAOF", 1, 0, 0)
        before = client.call("DEBUG", "DIGEST")
        latest = pathlib.Path(kept.directory, "home", info(client, "latest_snapshot"))
        assert int(info(client, "aof_base_size")) == latest.stat().st_size
        assert int(info(client, "journal_durable_sequence")) >= int(latest.stem)
    assert list(pathlib.Path(kept.directory, "home/snapshot").iterdir()) == [latest]
    for end in (kept.kill, kept.stop):
        end()
        kept.start()
        with kept.client() as client:
            assert client.call("DEBUG", "DIGEST") == before


def test_reload(kept):
    with kept.client() as client:
        change_everything(client)
        before = client.call("DEBUG", "DIGEST")
        for words in (("RELOAD",), ("RELOAD", "NOSAVE"), ("LOADAOF",)):
            assert client.call("DEBUG", *words) == "OK"
            assert client.call("DEBUG", "DIGEST") == before
            client.call("INCR", "counted")
            before = client.call("DEBUG", "DIGEST")
        client.call("WAITAOF", 1, 0, 0)
    kept.kill()
    kept.start()
    with kept.client() as client:
        assert client.call("GET", "counted") == b"3"


# ---- damage ----

def written(path):
    """Of a segment, without the zeros that a crash leaves behind what was written."""
    return bytearray(path.read_bytes().rstrip(b"\0"))


def filled(server, count=300):
    with server.client() as client:
        for i in range(count):
            client.call("SET", f"key:{i}", "v" * 20)
    server.kill()


def start_fails(server):
    with pytest.raises(RuntimeError) as failure:
        server.start()
    return str(failure.value)


def test_a_torn_tail_is_cut(always):
    filled(always)
    last = journal_of(always)[-1]
    last.write_bytes(written(last)[:-7] + b"torn")
    always.start()
    assert "ends in the middle of change" in always.log_text()
    with always.client() as client:
        assert client.call("DBSIZE") == 299
        client.call("SET", "more", "v")
    always.kill()
    always.start()
    with always.client() as client:
        assert client.call("DBSIZE") == 300


def test_damage_in_the_middle_stops_the_start(always):
    filled(always)
    last = journal_of(always)[-1]
    content = written(last)
    content[len(content) // 2] ^= 0x10
    last.write_bytes(content)
    message = start_fails(always)
    assert f"{last.name} is damaged at offset" in message
    assert "strata check" in message


def test_a_missing_segment_stops_the_start(always):
    for _ in range(3):
        filled(always)
        always.start()
    always.kill()
    segments = journal_of(always)
    for missing in segments:
        content = missing.read_bytes()
        missing.unlink()
        assert "missing" in start_fails(always) or "ends too early" in start_fails(always)
        missing.write_bytes(content)
    segments[0].rename(segments[0].with_name("99999999999999999999.log"))
    assert "journal" in start_fails(always)


# ---- strata check ----

def check(server, *options):
    command = [servers.strata_binary(), "check", *options, "dir:./home"]
    return subprocess.run(command, cwd=server.directory, capture_output=True, text=True, timeout=20, check=False)


def test_check_says_what_is_there(always):
    filled(always)
    result = check(always)
    assert result.returncode == 0 and "300 changes" in result.stdout
    assert always.process.poll() is not None


def test_repair_keeps_what_comes_before_the_damage(always):
    filled(always)
    always.start()
    filled(always, 5)
    segments = journal_of(always)
    content = written(segments[0])
    content[len(content) // 2] ^= 1
    segments[0].write_bytes(content)
    assert check(always).returncode == 1
    repaired = check(always, "--repair")
    assert repaired.returncode == 0, repaired.stdout
    aside = sorted(pathlib.Path(always.directory, "home/aside").rglob("*.log"))
    assert [path.name for path in aside] == [path.name for path in segments]
    assert aside[0].read_bytes() == content
    assert check(always).returncode == 0
    always.start()
    with always.client() as client:
        kept = client.call("DBSIZE")
        assert 100 < kept < 200 and client.call("EXISTS", *(f"key:{i}" for i in range(kept))) == kept
        client.call("SET", "more", "v")
    always.restart()
    with always.client() as client:
        assert client.call("DBSIZE") == kept + 1


def test_repair_after_the_last_segment_was_lost(always):
    filled(always)
    always.start()
    filled(always, 5)
    journal_of(always)[-1].unlink()
    assert "missing" in start_fails(always)
    assert check(always).returncode == 1
    assert check(always, "--repair").returncode == 0
    always.start()
    with always.client() as client:
        assert client.call("DBSIZE") == 300
