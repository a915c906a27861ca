# SPDX-License-Identifier: BSD-3-Clause
"""Snapshots: what is saved here loads in Valkey and Redis and here again, what they save loads here, and each shows one
instant."""

import os
import pathlib
import random
import shutil
import subprocess
import threading
import time

import pytest

import ask
import servers

peer = servers.peer
needs_peers = pytest.mark.skipif(not peer.is_installed(), reason="Valkey and Redis are not installed")


def fill(client, seed, keys=25, with_deadlines=True):
    """Random values of all types, in two databases."""
    dice = random.Random(seed)
    for i in range(keys):
        text = dice.choice(["x" * i, str(dice.randrange(-10**12, 10**12)), "ab" * dice.randrange(3000)])
        client.call("SELECT", i % 2 * 5)
        client.call("SET", f"string:{i}", text)
        client.call("RPUSH", f"list:{i}", *[dice.choice([str(dice.randrange(10**6)), "v" * dice.randrange(100)])
                                            for _ in range(dice.randrange(1, 200))])
        client.call("SADD", f"numbers:{i}", *[dice.randrange(10**10) for _ in range(dice.randrange(1, 700))])
        client.call("SADD", f"set:{i}", *["m%d" % dice.randrange(10**10) for _ in range(dice.randrange(1, 300))])
        client.call("ZADD", f"zset:{i}", *sum(([dice.random() * 100, f"m{j}"]
                                               for j in range(dice.randrange(1, 300))), []))
        client.call("HSET", f"hash:{i}", *sum(([f"f{j}", "v" * dice.randrange(70)]
                                               for j in range(dice.randrange(1, 600))), []))
        if with_deadlines:
            client.call("HEXPIRE", f"hash:{i}", dice.randrange(10000, 100000), "FIELDS", 1, "f0")
        for j in range(dice.randrange(1, 150)):
            client.call("XADD", f"stream:{i}", "*", "field", j)
        client.call("XGROUP", "CREATE", f"stream:{i}", "group", "0")
        client.call("XREADGROUP", "GROUP", "group", "consumer", "COUNT", "5", "STREAMS", f"stream:{i}", ">")
        if i % 3 == 0:
            client.call("PEXPIRE", f"string:{i}", 10**8 + i)
    client.call("SELECT", 0)


def digest(client):
    return client.call("DEBUG", "DIGEST")


def info(client, field):
    return ask.info(client, "persistence")[field]


def strata(*arguments):
    return servers.strata("--home", "", *arguments)


@pytest.fixture
def own():
    """A server with a directory of its own."""
    with strata() as running:
        yield running


def path_of(server):
    return pathlib.Path(server.directory) / "dump.rdb"


class Peer:
    """A peer that loads files from here and saves files for here."""

    def __init__(self, start):
        self.folder = peer.directory() / "tmp" / f"strata-test-{os.getpid()}-{random.randrange(10**9)}"
        self.folder.mkdir()
        self.folder.chmod(0o777)
        self.server = start("--dir", f"/tmp/{self.folder.name}", "--dbfilename", "dump.rdb")
        self.file = self.folder / "dump.rdb"

    def load(self, client, source):
        shutil.copyfile(source, self.file)
        client.call("DEBUG", "RELOAD", "NOSAVE")

    def close(self):
        self.server.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def valkey():
    running = Peer(servers.valkey)
    yield running
    running.close()


@pytest.fixture
def redis():
    running = Peer(servers.redis)
    yield running
    running.close()


# ---- to others and back ----

@needs_peers
@pytest.mark.parametrize("seed", [1, 2])
def test_valkey_loads_what_is_saved(own, valkey, seed):
    with own.client() as ours, valkey.server.client() as theirs:
        fill(ours, seed)
        assert ours.call("SAVE") == "OK"
        valkey.load(theirs, path_of(own))
        assert digest(theirs) == digest(ours)
        for db in (0, 5):
            for client in (ours, theirs):
                client.call("SELECT", db)
            assert theirs.call("DBSIZE") == ours.call("DBSIZE")
            assert theirs.call("PEXPIRETIME", "string:0") == ours.call("PEXPIRETIME", "string:0")


@needs_peers
@pytest.mark.parametrize("seed", [3, 4])
def test_what_valkey_saves_is_loaded(own, valkey, seed):
    with own.client() as ours, valkey.server.client() as theirs:
        fill(theirs, seed)
        theirs.call("SAVE")
        shutil.copyfile(valkey.file, path_of(own))
        assert ours.call("DEBUG", "RELOAD", "NOSAVE") == "OK"
        assert digest(ours) == digest(theirs)


@needs_peers
@pytest.mark.parametrize("version", [12, 11, 10, 9])
def test_older_servers_load_older_versions(own, redis, valkey, version):
    with own.client() as ours, redis.server.client() as theirs, valkey.server.client() as others:
        ours.call("CONFIG", "SET", "rdb-version", version)
        fill(ours, version, with_deadlines=False)
        expected = digest(ours)
        assert ours.call("SAVE") == "OK"
        redis.load(theirs, path_of(own))
        assert digest(theirs) == expected
        if version <= 11:
            valkey.load(others, path_of(own))
            assert digest(others) == expected
        assert ours.call("DEBUG", "RELOAD") == "OK"
        assert digest(ours) == expected


LIBRARY = "#!lua name=%s\nserver.register_function('%s', function() return 17 end)"


@needs_peers
def test_functions(own, valkey):
    with own.client() as ours, valkey.server.client() as theirs:
        ours.call("FUNCTION", "LOAD", LIBRARY % ("one", "first"))
        assert ours.call("SAVE") == "OK"
        valkey.load(theirs, path_of(own))
        assert theirs.call("FCALL", "first", 0) == 17
        theirs.call("FUNCTION", "LOAD", LIBRARY % ("two", "second"))
        theirs.call("SAVE")
        ours.call("FUNCTION", "FLUSH")
        shutil.copyfile(valkey.file, path_of(own))
        assert ours.call("DEBUG", "RELOAD", "NOSAVE") == "OK"
        assert ours.call("FCALL", "first", 0) == ours.call("FCALL", "second", 0) == 17
        ours.call("FUNCTION", "FLUSH")
        assert run("import", "--port", own.port, valkey.file).returncode == 0
        assert ours.call("FCALL", "second", 0) == 17
    own.restart()
    with own.client() as ours:
        assert ours.call("FCALL", "first", 0) == 17


@needs_peers
def test_fields_that_expire_in_redis(own, redis):
    with own.client() as ours, redis.server.client() as theirs:
        ours.call("CONFIG", "SET", "rdb-version", 12)
        for n in (3, 2000):
            ours.call("HSET", f"hash:{n}", *sum(([f"f{i}", f"v{i}"] for i in range(n)), []))
            ours.call("HPEXPIRE", f"hash:{n}", 10**7, "FIELDS", 2, "f0", "f2")
        assert ours.call("SAVE") == "OK"
        redis.load(theirs, path_of(own))
        probes = [["HGETALL", "HPEXPIRETIME"][kind:kind + 1] + [f"hash:{n}"] + ["FIELDS", 3, "f0", "f1", "f2"][:5 * kind]
                  for n in (3, 2000) for kind in (0, 1)]
        seen = [sorted(map(str, ours.call(*probe))) for probe in probes]
        assert [sorted(map(str, theirs.call(*probe))) for probe in probes] == seen
        theirs.call("SAVE")
        shutil.copyfile(redis.file, path_of(own))
        assert ours.call("DEBUG", "RELOAD", "NOSAVE") == "OK"
        assert [sorted(map(str, ours.call(*probe))) for probe in probes] == seen


@needs_peers
def test_a_field_that_expires_later_than_redis_can_tell(own, redis):
    with own.client() as ours, redis.server.client() as theirs:
        ours.call("CONFIG", "SET", "rdb-version", 12)
        ours.call("HSET", "hash", "late", 1, "later", 2)
        ours.call("HPEXPIREAT", "hash", 2**46 - 3, "FIELDS", 1, "late")
        ours.call("HPEXPIREAT", "hash", 2**60, "FIELDS", 1, "later")
        assert ours.call("SAVE") == "OK"
        redis.load(theirs, path_of(own))
        assert theirs.call("HPEXPIRETIME", "hash", "FIELDS", 2, "late", "later") == [2**46 - 3, 2**46 - 1]


def test_what_has_no_form_is_refused(own):
    with own.client() as client:
        client.call("CONFIG", "SET", "rdb-version", 11)
        client.call("HSET", "hash", "field", 1)
        client.call("HEXPIRE", "hash", 1000, "FIELDS", 1, "field")
        assert client.raw("SAVE") == b"-ERR\r\n"
        assert "key 'hash' has no form in this version" in own.log_text()
        assert not path_of(own).exists()


@pytest.mark.parametrize("directive", [("rdbcompression", "no"), ("maxmemory-policy", "allkeys-lfu"),
                                       ("maxmemory-policy", "allkeys-lru")])
def test_directives(own, directive):
    with own.client() as client:
        client.call("CONFIG", "SET", *directive)
        fill(client, 9, keys=5)
        before = digest(client)
        frequent = directive[1] == "allkeys-lfu"
        for _ in range(200 if frequent else 0):
            client.call("GET", "string:0")
        told = client.call("OBJECT", "FREQ", "string:0") if frequent else 0
        assert client.call("DEBUG", "RELOAD") == "OK"
        assert digest(client) == before
        if frequent:
            assert client.call("OBJECT", "FREQ", "string:0") == told


# ---- an instant ----

def transfer(server, stop, seed):
    """Moves money between accounts, and moves keys about, in transactions."""
    dice = random.Random(seed)
    with server.client() as client:
        while not stop.is_set():
            one, other = dice.sample(range(200), 2)
            sum_ = dice.randrange(1000)
            client.raw_pipeline([("MULTI",), ("DECRBY", f"account:{one}", sum_), ("INCRBY", f"account:{other}", sum_),
                                 ("RPUSH", "journal:a", sum_), ("HSET", "journal:b", sum_ * 1000 + one, other),
                                 ("INCR", "count:a"), ("INCR", "count:b"), ("EXEC",)])


def check_instant(server):
    with server.client() as client:
        accounts = client.call("MGET", *[f"account:{i}" for i in range(200)])
        assert sum(map(int, accounts)) == 200 * 1000
        first, second = client.call("MGET", "count:a", "count:b")
        assert first == second
        assert client.call("LLEN", "journal:a") == int(first or 0)
        return int(first or 0)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_snapshot_under_load_shows_one_instant(workers):
    stop, seen = threading.Event(), []
    with strata("--workers", str(workers)) as server, strata() as second:
        with server.client() as client:
            client.call("DEBUG", "POPULATE", 20000)
            client.call("MSET", *sum(([f"account:{i}", 1000] for i in range(200)), []))
            threads = [threading.Thread(target=transfer, args=(server, stop, i)) for i in range(4)]
            for thread in threads:
                thread.start()
            for _ in range(6):
                saves = int(info(client, "rdb_saves"))
                client.call("BGSAVE")
                ask.wait_until(lambda: int(info(client, "rdb_saves")) > saves)
                shutil.copyfile(path_of(server), path_of(second))
                with second.client() as other:
                    assert other.call("DEBUG", "RELOAD", "NOSAVE") == "OK"
                seen.append(check_instant(second))
            stop.set()
            for thread in threads:
                thread.join()
        assert seen == sorted(seen) and seen[-1] > seen[0]


def test_flushing_swapping_and_expiring_meanwhile(own):
    """What goes while a snapshot is taken is in it nonetheless, and memory is given back afterwards."""
    with own.client() as client:
        for attempt in range(3):
            client.call("DEBUG", "POPULATE", 100000)
            client.call("SELECT", 1)
            client.call("SET", "one", attempt)
            client.call("SELECT", 0)
            saves = int(info(client, "rdb_saves"))
            replies = client.raw_pipeline([("BGSAVE",), ("SWAPDB", "0", "1"), ("FLUSHALL", ["SYNC", "ASYNC"][attempt % 2])])
            assert replies == [b"+Background saving started\r\n", b"+OK\r\n", b"+OK\r\n"]
            ask.wait_until(lambda: int(info(client, "rdb_saves")) > saves)
            client.call("DEBUG", "RELOAD", "NOSAVE")
            sizes = sorted(client.call("DBSIZE") for db in (0, 1) if client.call("SELECT", db))
            # The snapshot's instant is before, between or after the three.
            assert sizes in ([1, 100000], [0, 0])
            client.call("SELECT", 0)
            client.call("FLUSHALL")


def test_writing_to_a_large_collection_meanwhile(own):
    """Who writes to it waits until it is saved, as it was."""
    with own.client() as client, own.client() as other:
        for start in range(0, 300000, 10000):
            client.call("ZADD", "large", *sum(([i, f"member:{i}"] for i in range(start, start + 10000)), []))
        client.call("SET", "small", 1)
        before = digest(client)
        saves = int(info(client, "rdb_saves"))
        assert client.call("BGSAVE")
        ask.wait_until(lambda: info(client, "rdb_bgsave_in_progress") == "1" or int(info(client, "rdb_saves")) > saves)
        replies = client.raw_pipeline([("ZADD", "large", i, f"more:{i}") for i in range(100)] + [("ZCARD", "large")])
        assert replies == [b":1\r\n"] * 100 + [b":300100\r\n"]
        assert other.call("INCR", "small") == 2
        ask.wait_until(lambda: int(info(client, "rdb_saves")) > saves)
        client.call("DEBUG", "RELOAD", "NOSAVE")
        # All of what came before BGSAVE is there, and as much of the rest as the instant had seen.
        more = client.call("ZCARD", "large") - 300000
        assert 0 <= more <= 100
        client.call("SET", "small", 1)
        client.call("ZREM", "large", *[f"more:{i}" for i in range(100)])
        assert digest(client) == before


# ---- commands ----

def test_replies(own):
    with own.client() as client:
        assert client.raw("BGSAVE", "CANCEL") == b"-ERR Background saving is currently not in progress or scheduled\r\n"
        assert client.raw("BGSAVE", "nonsense") == b"-ERR syntax error\r\n"
        assert client.raw("BGSAVE", "SCHEDULE", "x") == b"-ERR syntax error\r\n"
        assert abs(client.call("LASTSAVE") - time.time()) < 60
        saves = int(info(client, "rdb_saves"))
        assert client.raw("BGSAVE", "SCHEDULE") == b"+Background saving started\r\n"
        ask.wait_until(lambda: int(info(client, "rdb_saves")) > saves)
        assert client.raw("SAVE") == b"+OK\r\n"
        assert client.error("DEBUG", "RELOAD", "x").startswith("ERR DEBUG RELOAD only supports")


def test_cancelling(own):
    with own.client() as client:
        client.call("DEBUG", "POPULATE", 300000)
        for _ in range(3):
            assert client.raw("BGSAVE") == b"+Background saving started\r\n"
            replies = client.raw_pipeline([("BGSAVE",), ("BGSAVE", "CANCEL")])
            assert replies[0] == b"-ERR Background save already in progress\r\n"
            assert replies[1] in (b"+Background saving cancelled\r\n", b"+Scheduled background saving cancelled\r\n")
            ask.wait_until(lambda: info(client, "rdb_bgsave_in_progress") == "0")
        assert info(client, "rdb_last_bgsave_status") == "ok"
        assert client.call("SAVE") == "OK"
        assert client.call("DEBUG", "RELOAD") == "OK"
        assert client.call("DBSIZE") == 300000
        assert sorted(p.name for p in pathlib.Path(own.directory).iterdir()) == ["dump.rdb"]


def test_info(own):
    with own.client() as client:
        client.call("MSET", "a", 1, "b", 2)
        assert info(client, "rdb_changes_since_last_save") == "2"
        client.call("CONFIG", "RESETSTAT")
        assert info(client, "rdb_changes_since_last_save") == "2"
        client.call("SAVE")
        assert info(client, "rdb_changes_since_last_save") == "0"
        assert abs(int(info(client, "rdb_last_save_time")) - time.time()) < 10
        assert client.call("LASTSAVE") == int(info(client, "rdb_last_save_time"))
        client.call("DEBUG", "RELOAD")
        assert info(client, "rdb_last_load_keys_loaded") == "2"
        assert info(client, "rdb_current_bgsave_time_sec") == "-1"


def test_save_points(own):
    with own.client() as client:
        client.call("CONFIG", "SET", "save", "1 3")
        saves = int(info(client, "rdb_saves"))
        client.call("MSET", "a", 1, "b", 2)
        time.sleep(2.5)
        assert int(info(client, "rdb_saves")) == saves
        client.call("SET", "c", 3)
        ask.wait_until(lambda: int(info(client, "rdb_saves")) == saves + 1)


def test_writes_stop_when_saving_fails(own):
    with own.client() as client:
        client.call("SET", "key", 1)
        client.call("CONFIG", "SET", "save", "10000 1")
        shutil.rmtree(own.directory)
        assert client.raw("SAVE") == b"-ERR\r\n"
        assert info(client, "rdb_last_bgsave_status") == "ok"
        assert client.call("BGSAVE")
        ask.wait_until(lambda: info(client, "rdb_last_bgsave_status") == "err")
        assert client.error("SET", "key", 2).startswith("MISCONF Valkey is configured to save RDB snapshots")
        assert client.error("PING").startswith("MISCONF")
        assert client.call("GET", "key") == b"1"
        os.mkdir(own.directory)
        # The working directory itself is gone for good: another one.
        client.call("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
        saves = info(client, "rdb_saves")
        assert client.call("BGSAVE")
        ask.wait_until(lambda: info(client, "rdb_saves") != saves)
        ask.wait_until(lambda: client.raw("SET", "key", 3) == b"+OK\r\n")


# ---- start and end ----

def test_start(own):
    with own.client() as client:
        fill(client, 11)
        before = digest(client)
        client.call("SAVE")
    own.restart()
    with own.client() as client:
        assert digest(client) == before
        assert "Loaded dump.rdb: " in own.log_text()


def test_start_with_a_damaged_file(own):
    with own.client() as client:
        fill(client, 12, keys=3)
        client.call("SAVE")
    own.stop()
    content = path_of(own).read_bytes()
    half = len(content) // 2
    path_of(own).write_bytes(content[:half] + bytes([content[half] ^ 4]) + content[half + 1:])
    with pytest.raises(RuntimeError, match="offset"):
        own.start()
    path_of(own).write_bytes(content[:-30])
    with pytest.raises(RuntimeError, match="too early, at offset"):
        own.start()


@pytest.mark.parametrize("how, saved", [(["SHUTDOWN", "SAVE"], True), (["SHUTDOWN", "NOSAVE"], False),
                                        (["SHUTDOWN"], False), (None, False)])
@pytest.mark.parametrize("points", ["", "10000 1"])
def test_shutdown(own, how, saved, points):
    with own.client() as client:
        client.call("CONFIG", "SET", "save", points)
        client.call("SET", "key", "value")
        if how:
            client.send(*how)
            own.process.wait(timeout=10)
    own.stop()
    assert path_of(own).exists() == (saved or (points != "" and how != ["SHUTDOWN", "NOSAVE"]))


# ---- the command line ----

def run(*arguments, text=None):
    return subprocess.run([servers.strata_binary(), *map(str, arguments)], input=text, capture_output=True, timeout=60)


def test_import_of_a_snapshot(own, tmp_path):
    with own.client() as client:
        fill(client, 13)
        before = digest(client)
        client.call("SAVE")
        client.call("FLUSHALL")
        done = run("import", "--port", own.port, path_of(own))
        assert (done.returncode, done.stderr) == (0, b"") and b"nothing is missing" in done.stdout
        assert digest(client) == before
        done = run("import", "--port", own.port, "-", text=path_of(own).read_bytes())
        assert done.returncode == 0 and digest(client) == before
        cut = tmp_path / "cut.rdb"
        cut.write_bytes(path_of(own).read_bytes()[:-100])
        done = run("import", "--port", own.port, cut)
        assert done.returncode == 2 and b"the file ends too early, at offset" in done.stderr


def test_import_of_what_is_corrupt(own, tmp_path):
    """A set of integers that is none, and a module's value, between two strings; without a checksum."""
    file = tmp_path / "some.rdb"
    file.write_bytes(b"REDIS0011\x00\x01a\x011\x0b\x01b\x02zz\x07\x01c\x00\x05\x01x\x00\x00\x01d\x012\xff" + bytes(8))
    with own.client() as client:
        done = run("import", "--port", own.port, file)
        assert done.returncode == 2
        assert b"key 'b', at offset 14: the value is corrupt" in done.stderr
        client.call("FLUSHALL")
        done = run("import", "--skip-corrupt", "--port", own.port, file)
        assert done.returncode == 1
        assert b"key 'c', at offset 20: data of module AAAAAAAAA" in done.stderr
        assert sorted(client.call("KEYS", "*")) == [b"a", b"d"]


AOF = b"#TS:1700000000\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"


def test_import_of_an_aof(own, tmp_path):
    file = tmp_path / "some.aof"
    file.write_bytes(AOF)
    with own.client() as client:
        assert run("import", "--port", own.port, file).returncode == 0
        client.call("SELECT", 3)
        assert client.call("GET", "a") == b"1"
        file.write_bytes(AOF + b"*2\r\n$3\r\nDEL\r\n$1\r\n")
        done = run("import", "--port", own.port, file)
        assert done.returncode == 1
        assert b"the file ends in the middle of a command, at offset %d" % len(AOF) in done.stderr
        file.write_bytes(AOF + b"*2\r\n$3\r\nDEL\r\nx1\r\n")
        done = run("import", "--port", own.port, file)
        assert done.returncode == 2 and b"no argument begins here, at offset" in done.stderr
        file.write_bytes(AOF + b"*2\r\n$4\r\nLPOP\r\n$1\r\na\r\n")
        done = run("import", "--port", own.port, file)
        assert done.returncode == 1 and b"at offset %d: the server says WRONGTYPE" % len(AOF) in done.stderr


@needs_peers
@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_import_of_a_folder(own, preamble):
    folder = Peer(lambda *options: servers.valkey(*options, "--appendonly", "yes", "--aof-use-rdb-preamble", preamble))
    try:
        with folder.server.client() as theirs, own.client() as ours:
            fill(theirs, 21, keys=10)
            theirs.call("BGREWRITEAOF")
            ask.wait_until(lambda: info(theirs, "aof_rewrites") != "0" and info(theirs, "aof_rewrite_in_progress") == "0")
            theirs.call("SELECT", 2)
            theirs.raw_pipeline([("MULTI",), ("SET", "after", "1"), ("INCR", "after"), ("EXEC",)])
            time.sleep(1.2)
            done = run("import", "--port", own.port, folder.folder / "appendonlydir")
            assert done.returncode == 0, done.stderr
            assert digest(ours) == digest(theirs)
    finally:
        folder.close()


def test_export(own, tmp_path):
    file = tmp_path / "exported.rdb"
    with own.client() as client:
        fill(client, 31)
        before = digest(client)
        done = run("export", "--port", own.port, file)
        assert (done.returncode, done.stderr) == (0, b"")
        client.call("FLUSHALL")
        assert run("import", "--port", own.port, file).returncode == 0
        assert digest(client) == before
        assert run("export", "--port", own.port, "/nowhere/file").returncode == 2
        assert sorted(p.name for p in tmp_path.iterdir()) == ["exported.rdb"]


@needs_peers
@pytest.mark.parametrize("who", ["valkey", "redis"])
def test_export_from_others(own, tmp_path, who, request):
    other = request.getfixturevalue(who)
    file = tmp_path / "exported.rdb"
    with other.server.client() as theirs, own.client() as ours:
        fill(theirs, 32, with_deadlines=False)
        assert run("export", "--port", other.server.port, file).returncode == 0
        assert run("import", "--port", own.port, file).returncode == 0
        assert digest(ours) == digest(theirs)


def test_check(own, tmp_path):
    with own.client() as client:
        fill(client, 41, keys=4)
        client.call("SAVE")
    done = run("check", path_of(own))
    assert done.returncode == 0 and b"4 sorted sets" in done.stdout
    content = bytearray(path_of(own).read_bytes())
    content[-9] = 0
    bad = tmp_path / "bad.rdb"
    bad.write_bytes(content)
    done = run("check", bad)
    assert done.returncode == 1 and b"at offset" in done.stdout
    file = tmp_path / "some.aof"
    file.write_bytes(AOF)
    assert run("check", file).returncode == 0
    file.write_bytes(AOF + b"*1\r\n$5\r\nMULTI\r\n*1\r\n")
    done = run("check", file)
    assert done.returncode == 1 and b"the transaction at offset %d has no end" % len(AOF) in done.stdout


def test_loading_inside_a_transaction():
    """What it has changed so far would be gone, while its reply says that it is there."""
    with servers.strata("--home", "dir:./home") as server, server.client() as client:
        for command in ("RELOAD", "LOADAOF"):
            client.call("MULTI")
            client.call("SET", "k", command)
            client.call("DEBUG", command)
            assert str(client.call("EXEC")[1]).startswith("ERR Loading is not possible")
            assert client.call("GET", "k") == command.encode()


@pytest.mark.parametrize("workers", [1, 2])
def test_reload_waits_for_the_snapshot_under_way(workers):
    with servers.strata("--home", "dir:./home", "--workers", workers) as server, server.client() as client:
        client.call("DEBUG", "POPULATE", 50_000)
        for n in range(10):
            client.call("SET", "k", n)
            client.call("BGSAVE")
            assert client.call("DEBUG", "RELOAD") == "OK"
            assert client.call("GET", "k") == str(n).encode()


def test_a_rewrite_is_a_snapshot_by_another_name():
    """BGREWRITEAOF: of the two kinds one is under way at a time, and INFO says which."""
    with servers.strata("--home", "dir:./home", "--save", "") as server, server.client() as client:
        client.call("DEBUG", "POPULATE", 300_000)
        said = client.raw_pipeline([command.split() for command in (
            "BGREWRITEAOF", "BGREWRITEAOF", "BGSAVE", "BGSAVE CANCEL", "BGSAVE SCHEDULE", "BGSAVE SCHEDULE",
            "BGSAVE CANCEL", "BGSAVE SCHEDULE")])
        assert [reply[:38] for reply in said] == [
            b"+Background append only file rewriting", b"-ERR Background append only file rewri",
            b"-ERR Another child process is active (", b"-ERR Background saving is currently no",
            b"+Background saving scheduled\r\n", b"+Background saving scheduled\r\n",
            b"+Scheduled background saving cancelled", b"+Background saving scheduled\r\n"]
        running = ask.info(client, "persistence")
        assert running["aof_rewrite_in_progress"] == "1" and running["rdb_bgsave_in_progress"] == "0"
        ask.wait_until(lambda: ask.info(client, "persistence")["rdb_saves"] == "1")
        done = ask.info(client, "persistence")
        assert done["aof_rewrites"] == "1" and done["aof_last_bgrewrite_status"] == "ok"
        assert done["aof_rewrite_in_progress"] == done["rdb_bgsave_in_progress"] == "0"
        said = client.raw_pipeline([["BGSAVE"], ["BGREWRITEAOF"], ["BGREWRITEAOF"], ["BGSAVE", "SCHEDULE"]])
        assert [reply[:40] for reply in said] == [
            b"+Background saving started\r\n", b"+Background append only file rewriting s",
            b"+Background append only file rewriting s", b"-ERR Background save already in progress"]
        assert ask.info(client, "persistence")["aof_rewrite_scheduled"] == "1"
        ask.wait_until(lambda: ask.info(client, "persistence")["aof_rewrites"] == "2")


def test_what_a_rewrite_has_written_is_loaded_again():
    for home in ("dir:./home", ""):
        with servers.strata("--home", home, "--appendonly", "no", "--save", "") as server, server.client() as client:
            client.call("SET", "k", "before")
            assert client.call("DEBUG", "LOADAOF") == "OK" and client.call("GET", "k") == b"before"
            client.call("BGREWRITEAOF")
            ask.wait_until(lambda: ask.info(client, "persistence")["aof_rewrite_in_progress"] == "0")
            client.call("SET", "k", "after")
            assert client.call("DEBUG", "LOADAOF") == "OK" and client.call("GET", "k") == b"before"
