# SPDX-License-Identifier: BSD-3-Clause
"""EVAL and SCRIPT: what only Strata has to show, beside what tests/differential compares with Valkey."""

import contextlib
import hashlib
import time

import pytest
import servers
from long_scripts import BUSY, Running, until_busy

FOR_EVER = {
    "a loop": "while true do end",
    "pcall in a loop": "while true do pcall(function() while true do end end) end",
    "an error handler": "xpcall(error, function() while true do end end)",
    "a coroutine": "while true do coroutine.wrap(function() while true do end end)() end",
    "commands": "while true do redis.pcall('GET', KEYS[1]) end",
    "commands beyond its keys": "while true do redis.call('GET', 'undeclared') end",
    "gsub": "while true do ('x'):rep(100):gsub('x', function() while true do end end) end",
    # What follows stays within one call of a function in C.
    "find": "return ('a'):rep(60):find(('a?'):rep(60) .. ('a'):rep(60))",
    "match": "return ('a'):rep(100000):match(('.-'):rep(20) .. 'b')",
    "gmatch": "for found in ('a'):rep(100000):gmatch(('a*'):rep(10) .. 'b') do end",
    "gsub with a slow pattern": "return ('a'):rep(300000):gsub('.-.-.-b', 'x')",
    "brackets": "return ('('):rep(3000000):find('%b()')",
    "sort": "local list = {} for i = 1, 3000000 do list[i] = i * 7919 % 1000003 end while true do table.sort(list) end",
}


@pytest.fixture(scope="module", params=[1, 4], ids=["one worker", "four workers"])
def busy_server(request):
    with servers.strata("--workers", request.param, "--busy-reply-threshold", 100) as running:
        yield running


def test_whoever_comes_while_a_script_runs_is_answered(busy_server):
    with contextlib.ExitStack() as stack:
        stack.enter_context(busy_server.client())  # at the worker that accepts, so that the script is at another
        running = Running(busy_server, "EVAL", "while true do redis.call('INCR', 'any') end", 0)
        newcomers = [stack.enter_context(busy_server.client(timeout=5)) for _ in range(12)]
        assert until_busy(newcomers[0], "GET", "key") == BUSY
        assert [newcomer.error("GET", "key") for newcomer in newcomers] == [BUSY] * 12
        latest = [stack.enter_context(busy_server.client(timeout=5)) for _ in range(6)]
        assert all(client.error("SET", "key", "v") == BUSY for client in latest)
        assert latest[0].call("SCRIPT", "KILL") == "OK"
        assert b"Script killed" in running.wait()


@pytest.mark.parametrize("script", FOR_EVER.values(), ids=FOR_EVER.keys())
def test_a_script_can_be_killed(busy_server, script):
    with busy_server.client() as client, busy_server.client() as other:
        running = Running(busy_server, "EVAL", script, 1, "key")
        assert until_busy(client, "GET", "key") == BUSY
        for connection in (client, other):
            assert connection.error("GET", "elsewhere") == BUSY
            assert connection.error("FLUSHALL") == BUSY
        with busy_server.client() as newcomer:
            assert newcomer.error("SET", "key", 1) == BUSY
            assert newcomer.error("SCRIPT", "FLUSH") == BUSY
            assert newcomer.error("FUNCTION", "KILL") == BUSY
        assert other.call("SCRIPT", "KILL") == "OK"
        assert b"Script killed by user with SCRIPT KILL. script: on @user_script:1." in running.wait()
        assert client.call("SET", "key", "after") == "OK"
        assert client.error("SCRIPT", "KILL") == "NOTBUSY No scripts in execution right now."


def test_a_script_that_has_changed_too_much_is_not_killed(busy_server):
    script = """redis.call('FLUSHDB') redis.call('SET', KEYS[1], 'new')
                local start = os.clock() while os.clock() - start < 0.7 do end return 5"""
    with busy_server.client() as client:
        running = Running(busy_server, "EVAL", script, 1, "key")
        until_busy(client, "GET", "key")
        assert client.error("SCRIPT", "KILL").startswith("UNKILLABLE ")
        assert client.error("SHUTDOWN") == BUSY
        assert running.wait() == b":5\r\n"
        assert client.call("GET", "key") == b"new"


def test_the_server_can_be_stopped_while_a_script_runs(request):
    with servers.strata("--workers", 2, "--busy-reply-threshold", 100) as server:
        client = server.client()
        server_side = Running.__new__(Running)
        server_side.client = server.client()
        server_side.client.send("EVAL", "redis.call('SET', 'key', 1) while true do end", 0)
        until_busy(client, "GET", "key")
        client.send("SHUTDOWN", "NOSAVE")
        server.process.wait(timeout=20)


@pytest.mark.parametrize("how", ["command", "signal"])
def test_the_end_of_the_server_undoes_what_a_script_has_written(tmp_path, how):
    home = ("--home", f"dir:{tmp_path}/home", "--durability", "always", "--workers", 2, "--busy-reply-threshold", 100,
            "--save", "3600 1")
    with servers.strata(*home) as server, server.client() as client, server.client() as writer:
        client.call("RPUSH", "kept", "a", "b")
        writer.send("MULTI")
        writer.send("SET", "new", 1)
        writer.send("EVAL", "redis.call('LPOP', 'kept') while true do end", 0)
        writer.send("EXEC")
        until_busy(client, "GET", "kept")
        if how == "command":
            client.send("SHUTDOWN", "NOSAVE")
        else:
            server.process.terminate()
        server.process.wait(timeout=20)
    with servers.strata(*home) as server, server.client() as client:
        assert client.call("LRANGE", "kept", 0, -1) == [b"a", b"b"]
        assert client.call("EXISTS", "new") == 0


def test_a_function_can_be_killed(busy_server):
    library = "#!lua name=slow\nserver.register_function('forever', function() while true do end end)"
    with busy_server.client() as client:
        client.call("FUNCTION", "LOAD", "REPLACE", library)
        running = Running(busy_server, "FCALL", "forever", 0)
        assert until_busy(client, "GET", "x").endswith("only call FUNCTION KILL or SHUTDOWN NOSAVE.")
        stats = client.call("FUNCTION", "STATS")
        assert stats[1][:4] == [b"name", b"forever", b"command", [b"FCALL", b"forever", b"0"]]
        assert client.error("SCRIPT", "KILL").startswith("BUSY ")
        assert client.call("FUNCTION", "KILL") == "OK"
        assert b"killed by user with FUNCTION KILL" in running.wait()


def test_without_a_threshold_nothing_is_busy():
    with servers.strata("--busy-reply-threshold", 0) as server, server.client() as client:
        assert client.call("EVAL", "local start = os.clock() while os.clock() - start < 0.3 do end return 1", 0) == 1


# ---- memory ----


HUNGRY = ["local text = 'x' while true do text = text .. text end",
          "local list = {} for i = 1, 1e9 do list[i] = ('x'):rep(1000) .. i end",
          "local list = {} for i = 1, 60 do list = {list, list} end return list",
          "local list = {} for i = 1, 60 do list = {list, list} end return cjson.encode(list)",
          "local t = {1} for i = 1, 16 do local u = {} for j = 1, 100 do u[j] = t end t = u end return cmsgpack.pack(t)",
          "cjson.encode_sparse_array(true, 0) return cjson.encode({[2 ^ 28] = 1})",
          "cjson.encode_sparse_array(false, 2, 2 ^ 30) return cjson.encode({[2 ^ 28] = 1})",
          "return (('x'):rep(1000000):gsub('x', ('y'):rep(1000)))"]


def test_memory_is_bounded():
    with servers.strata("--script-memory-limit", "16mb") as server, server.client() as client:
        for script in HUNGRY:
            assert client.raw("EVAL", script, 0).startswith(b"-ERR ")
            assert client.raw("EVAL", "return pcall(function() " + script + " end)", 0)[:1] in b"-$_:"
            assert client.call("EVAL", "return #('x'):rep(1000000)", 0) == 1000000
        info = dict(line.split(":", 1) for line in client.call("INFO", "memory").decode().split("\r\n") if ":" in line)
        assert int(info["used_memory_vm_eval"]) < 16 << 20


def test_what_goes_too_deep_is_an_error(client):
    for script in ("local function f() return coroutine.wrap(f)() end return f()",
                   "local function f() return select(2, coroutine.resume(coroutine.create(f))) end error(f())",
                   "local function f() return (('x'):gsub('x', f)) end return f()",
                   "local function f() return load(f) end return f()()",
                   "local function f() table.sort({1, 2, 3}, f) return true end return f()",
                   "return ('a'):rep(5000):find(('a?'):rep(5000))",
                   "local list = {} for i = 1, 100000 do list = {list} end cjson.encode_max_depth(1e9) return cjson.encode(list)"):
        assert client.raw("EVAL", script, 0).startswith(b"-ERR "), script
    assert client.call("EVAL", "local n = 0 local function f() n = n + 1 if n < 150 then coroutine.wrap(f)() end end f() return n", 0) == 150


# ---- the sandbox ----

ESCAPES = [
    "_G.x = 1", "x = 1", "redis.call = 1", "string.format = 1", "KEYS = 1", "_G = {}", "rawset(_G, 'x', 1)",
    "rawset(redis, 'call', 1)", "setmetatable(_G, {})", "setmetatable(redis, {})", "getmetatable(_G).__index = 1",
    "getmetatable('').__index = 1", "getmetatable('').__index.format = 1", "table.insert(redis, 1)", "table.insert(_G, 1)",
    "rawset(getmetatable(''), '__index', 1)", "rawset(getmetatable(_G), '__newindex', nil)", "cjson.encode = 1",
    "for name, value in pairs(_G) do rawset(_G, name, nil) end", "local f, t = pairs(redis) t.call = 1",
    "local k = next(redis) redis[k] = nil", "loadstring('x = 1')()", "load(function() return nil end)() x = 1",
    "coroutine.wrap(function() x = 1 end)()", "string.gsub('a', 'a', function() x = 1 end)",
]


@pytest.mark.parametrize("script", ESCAPES)
def test_what_scripts_share_stays_as_it_is(client, script):
    error = client.error("EVAL", script, 0)
    assert "Attempt to modify a readonly table" in error
    assert client.error("EVAL", "return x", 0).startswith("ERR user_script:1: Script attempted to access nonexistent")
    assert client.call("EVAL", "return redis.call('ECHO', string.format('%d%s', #KEYS, cjson.encode({1})))", 0) == b"0[1]"


def test_nothing_leads_outside(client):
    for name in ("io", "debug", "package", "require", "jit", "ffi", "dofile", "loadfile", "module", "print", "getfenv",
                 "setfenv", "newproxy"):
        assert f"nonexistent global variable '{name}'" in client.error("EVAL", f"return {name}", 0)
    assert client.call("EVAL", "local names = {} for name in pairs(os) do names[#names + 1] = name end return names", 0) == [b"clock"]
    assert client.call("EVAL", "return {loadstring('\\27LJ\\2')}", 0) == []
    assert client.call("EVAL", "return {pcall(string.dump, function() end)}", 0) != [1]


def test_the_collector_is_everybodys(client):
    client.call("SCRIPT", "FLUSH")  # a new machine, without what others have left
    client.call("EVAL", "collectgarbage('stop') collectgarbage('setpause', 100000) return 1", 0)
    assert client.call("EVAL", "for i = 1, 200000 do local t = {i} end return collectgarbage('count') < 20000", 0) == 1


# ---- the cache ----


def digest(script):
    return hashlib.sha1(script.encode()).hexdigest()


def test_scripts_of_eval_are_evicted_and_loaded_ones_are_not(client):
    client.call("SCRIPT", "FLUSH")
    loaded = client.call("SCRIPT", "LOAD", "return 'loaded'")
    client.call("EVAL", "return 'oldest'", 0)
    for i in range(505):
        client.call("EVAL", f"return {i}", 0)
    assert client.call("SCRIPT", "EXISTS", loaded, digest("return 'oldest'"), digest("return 504")) == [1, 0, 1]
    assert client.error("EVALSHA", digest("return 'oldest'"), 0) == "NOSCRIPT No matching script."
    assert client.call("EVALSHA", loaded, 0) == b"loaded"
    client.call("SCRIPT", "FLUSH")
    assert client.error("EVALSHA", loaded, 0) == "NOSCRIPT No matching script."


def test_one_workers_script_is_known_to_all():
    with servers.strata("--workers", 4) as server:
        clients = [server.client() for _ in range(8)]
        sha = clients[0].call("SCRIPT", "LOAD", "return redis.call('INCR', KEYS[1])")
        assert [client.call("EVALSHA", sha, 1, "n") for client in clients] == list(range(1, 9))
        clients[5].call("SCRIPT", "FLUSH")
        assert {client.error("EVALSHA", sha, 1, "n") for client in clients} == {"NOSCRIPT No matching script."}


# ---- commands ----


def test_keys_that_are_not_declared(client):
    assert client.call("EVAL", "redis.call('SET', 'other', 1) return redis.call('INCR', 'other')", 0) == 2
    assert client.call("EVAL", "redis.call('SET', KEYS[1], 1) redis.call('SET', 'b', 2) return redis.call('DBSIZE')", 1, "a") == 3
    assert sorted(client.call("EVAL", "return redis.call('KEYS', '*')", 0)) == [b"a", b"b", b"other"]


def test_a_script_in_a_transaction(client):
    client.call("MULTI")
    for command in (("SET", "n", 1), ("EVAL", "return redis.call('INCR', 'n')", 0), ("EVAL", "error('no')", 0), ("GET", "n")):
        client.call(*command)
    replies = client.raw("EXEC")
    assert b":2\r\n" in replies and b"-ERR user_script:1: no" in replies and replies.endswith(b"$1\r\n2\r\n")


def test_the_database_is_the_sessions(client):
    client.call("EVAL", "redis.call('SELECT', 3) redis.call('SET', 'x', 1)", 0)
    assert client.call("GET", "x") is None
    assert client.raw("EVAL", "redis.call('SELECT', 3) error('x')", 0).startswith(b"-ERR")
    assert client.call("GET", "x") is None
    client.call("SELECT", 3)
    assert client.call("GET", "x") == b"1"
    client.call("SELECT", 0)


def test_who_waits_is_served_after_a_script(client, server):
    with server.client() as waiter:
        waiter.send("BLPOP", "list", 5)
        time.sleep(0.05)
        client.call("EVAL", "redis.call('RPUSH', 'list', 'a', 'b') return redis.call('LLEN', 'list')", 0)
        assert waiter.read() == [b"list", b"a"]


def test_debugging_is_refused(client):
    assert client.call("SCRIPT", "DEBUG", "NO") == "OK"
    assert client.error("SCRIPT", "DEBUG", "YES") == "ERR Strata has no debugger of scripts"
    assert client.error("SCRIPT", "DEBUG", "maybe") == "ERR Use SCRIPT DEBUG YES/SYNC/NO"
