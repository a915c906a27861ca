# SPDX-License-Identifier: BSD-3-Clause
"""MULTI, EXEC, DISCARD, WATCH and UNWATCH. Valkey runs the same tests: what they expect is what it does."""

import time

import pytest

from resp import Disconnected, Failure, encode

ABORTED = "EXECABORT Transaction discarded because of previous errors."
OOM = "OOM command not allowed when used memory > 'maxmemory'."


@pytest.fixture
def a(world):
    return world()


@pytest.fixture
def b(world):
    return world()


def transaction(client, *commands):
    """EXEC's reply to these commands."""
    client.call("MULTI")
    for command in commands:
        assert client.call(*command) == "QUEUED"
    return client.call("EXEC")


def field(client, section, name):
    info = client.call("INFO", section).decode()
    return info.split(f"\r\n{name}:")[1].split("\r\n")[0]


def described(observer, client_id):
    line = observer.call("CLIENT", "LIST", "ID", client_id).decode().strip()
    return dict(word.partition("=")[::2] for word in line.split(" "))


# ---- queueing ----


def test_commands_are_queued_and_run(a, b):
    a.call("MULTI")
    assert a.call("SET", "x", 1) == "QUEUED"
    assert a.call("INCR", "x") == "QUEUED"
    assert b.call("GET", "x") is None
    assert a.call("EXEC") == ["OK", 2]
    assert b.call("GET", "x") == b"2"


def test_empty_transaction(a):
    assert transaction(a) == []


def test_pipelined_in_one_piece(a):
    commands = [("MULTI",), *[("RPUSH", f"list:{i % 7}", i) for i in range(100)], ("EXEC",), ("LLEN", "list:3")]
    replies = a.raw_pipeline(commands)
    assert replies[0] == b"+OK\r\n" and set(replies[1:101]) == {b"+QUEUED\r\n"}
    assert replies[101].startswith(b"*100\r\n:1\r\n")
    assert replies[102] == b":14\r\n"


def test_queued_arguments_are_kept(a):
    large = b"x" * 100000
    assert transaction(a, ("SET", "", ""), ("SET", "large", large), ("GET", "large"), ("GET", "")) == ["OK", "OK", large, b""]


def test_a_long_queue(a):
    count = 20000
    a.socket.sendall(encode("MULTI") + b"".join(encode("INCR", f"counter:{i % 100}") for i in range(count)) + encode("EXEC"))
    for _ in range(count + 1):
        a.read()
    assert a.read()[-1] == count // 100


def test_discard(a):
    a.call("MULTI")
    a.call("SET", "x", 1)
    assert a.call("DISCARD") == "OK"
    assert a.call("GET", "x") is None
    assert a.error("EXEC") == "ERR EXEC without MULTI"
    assert a.error("DISCARD") == "ERR DISCARD without MULTI"


def test_select_inside(a):
    assert transaction(a, ("SELECT", 1), ("SET", "x", 1), ("SELECT", 2), ("GET", "x")) == ["OK", "OK", "OK", None]
    assert a.call("GET", "x") is None
    a.call("SELECT", 1)
    assert a.call("GET", "x") == b"1"


def test_errors_inside_stop_nothing(a):
    a.call("SET", "text", "abc")
    replies = transaction(a, ("LPUSH", "text", 1), ("INCR", "text"), ("SET", "x", 1))
    assert str(replies[0]).startswith("WRONGTYPE") and isinstance(replies[1], Failure)
    assert replies[2] == "OK" and a.call("GET", "x") == b"1"


def test_blocking_commands_find_nothing(a):
    commands = [("BLPOP", "l", 0), ("BRPOP", "l", 0), ("BLMOVE", "l", "m", "LEFT", "LEFT", 0), ("BLMPOP", 0, 1, "l", "LEFT"),
                ("BZPOPMIN", "z", 0), ("XREAD", "BLOCK", 0, "STREAMS", "s", "$")]
    assert transaction(a, *commands) == [None] * 6


def test_waiters_are_served_after_the_whole_transaction(a, b, world):
    b.send("BLPOP", "l", 0)
    while field(a, "clients", "blocked_clients") != "1":
        time.sleep(0.005)
    assert transaction(a, ("RPUSH", "l", 1), ("RPUSH", "l", 2), ("LPOP", "l"), ("LLEN", "l")) == [1, 2, b"1", 1]
    assert b.read() == [b"l", b"2"]
    b.send("BLPOP", "l", 0)
    while field(a, "clients", "blocked_clients") != "1":
        time.sleep(0.005)
    assert transaction(a, ("RPUSH", "l", 1), ("DEL", "l")) == [1, 1]
    a.call("RPUSH", "l", 3)
    assert b.read() == [b"l", b"3"]


@pytest.mark.parametrize("resp", [2, 3])
def test_subscribing_inside(world, resp, b):
    c = world(resp)
    replies = transaction(c, ("SUBSCRIBE", "news"), ("SET", "x", 1), ("PUBLISH", "news", "from myself"))
    assert replies == [[b"subscribe", b"news", 1], "OK", 1]
    assert c.read() == [b"message", b"news", b"from myself"]
    b.call("PUBLISH", "news", "hello")
    assert c.read() == [b"message", b"news", b"hello"]


def test_protocol_may_change_inside(a):
    replies = transaction(a, ("HELLO", 3), ("HGETALL", "none"), ("GET", "none"))
    assert replies[1:] == [[], None]
    assert a.raw("GET", "none") == b"_\r\n"


def test_everything_may_be_needed(a):
    """Commands that need more than their keys' partitions."""
    a.call("MSET", "x", 1, "y", 2)
    assert transaction(a, ("DBSIZE",), ("FLUSHALL",), ("SET", "z", 1), ("KEYS", "*"), ("SCAN", 0, "COUNT", 100), ("RANDOMKEY",),
                       ("SWAPDB", 0, 1), ("DBSIZE",)) == [2, "OK", "OK", [b"z"], [b"0", [b"z"]], b"z", "OK", 0]


def test_scripts_inside(a, b):
    undeclared = "redis.call('INCR', 'n'); redis.call('RPUSH', 'l', ARGV[1]); return redis.call('GET', 'n')"
    assert transaction(a, ("EVAL", undeclared, 0, "x"), ("INCR", "n"), ("EVAL", undeclared, 1, "n", "y"),
                       ("EVAL", "return redis.call('BLPOP', KEYS[1], 0)[2]", 1, "l"),
                       ("EVAL", "return redis.call('BLPOP', KEYS[1], 0)", 1, "none"),
                       ("LRANGE", "l", 0, -1)) == [b"1", 2, b"3", b"x", None, [b"y"]]
    replies = transaction(a, ("EVAL", "redis.call('SET', KEYS[1], 1); return redis.call('LPUSH', KEYS[1], 1)", 1, "s"), ("GET", "s"))
    assert str(replies[0]).startswith("WRONGTYPE") and replies[1] == b"1"
    assert a.error("EVAL", "return redis.call('MULTI')", 0).startswith("ERR This Valkey command is not allowed from script")


def test_scripts_break_watches(a, b):
    a.call("WATCH", "k")
    b.call("EVAL", "return redis.call('GET', 'k')", 0)
    assert transaction(a, ("PING",)) == ["PONG"]
    a.call("WATCH", "k")
    b.call("EVAL", "return redis.call('SET', 'k', 1)", 0)
    assert transaction(a, ("PING",)) is None


def test_script_waiters_are_served_after_the_whole_transaction(a, b):
    b.send("BLPOP", "l", 0)
    while field(a, "clients", "blocked_clients") != "1":
        time.sleep(0.005)
    script = "redis.call('RPUSH', KEYS[1], 1, 2); return redis.call('LPOP', KEYS[1])"
    assert transaction(a, ("EVAL", script, 1, "l"), ("LPUSH", "l", 0), ("LLEN", "l")) == [b"1", 2, 2]
    assert b.read() == [b"l", b"0"]


# ---- what goes wrong while queueing ----


@pytest.mark.parametrize("command,error", [
    (("NOSUCH", "x"), "ERR unknown command 'NOSUCH', with args beginning with: 'x' "),
    (("SET", "x"), "ERR wrong number of arguments for 'set' command"),
    (("MULTI",), "ERR Command 'multi' not allowed inside a transaction"),
    (("WATCH", "x"), "ERR Command 'watch' not allowed inside a transaction"),
    (("SHUTDOWN",), "ERR Command 'shutdown' not allowed inside a transaction"),
    (("CLIENT", "REPLY", "OFF"), "ERR Command 'client|reply' not allowed inside a transaction"),
    (("CONFIG", "NOSUCH"), "ERR unknown subcommand 'NOSUCH'. Try CONFIG HELP."),
    (("DISCARD", "x"), "ERR wrong number of arguments for 'discard' command"),
])
def test_errors_abort(a, command, error):
    a.call("MULTI")
    assert a.error(*command) == error
    assert a.call("SET", "x", 1) == "QUEUED"
    assert a.error("EXEC") == ABORTED
    assert a.call("GET", "x") is None
    assert transaction(a, ("SET", "x", 2)) == ["OK"]


def test_exec_of_wrong_arity_ends_it(a):
    a.call("MULTI")
    error = "EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command"
    assert a.error("EXEC", "x") == error
    assert a.error("EXEC") == "ERR EXEC without MULTI"
    assert a.error("EXEC", "x") == error


def test_memory(a, b):
    try:
        a.call("MULTI")
        b.call("CONFIG", "SET", "maxmemory", 1)
        assert a.error("SET", "x", 1) == OOM
        assert a.call("GET", "x") == "QUEUED"
        b.call("CONFIG", "SET", "maxmemory", 0)
        assert a.error("EXEC") == ABORTED
        a.call("MULTI")
        a.call("SET", "x", 1)
        b.call("CONFIG", "SET", "maxmemory", 1)
        assert a.error("EXEC") == "EXECABORT Transaction discarded because of: " + OOM
        assert a.error("EXEC") == "ERR EXEC without MULTI"
        assert transaction(a, ("GET", "x"), ("DEL", "x")) == [None, 0]
    finally:
        b.call("CONFIG", "SET", "maxmemory", 0)


def test_the_queue_counts_as_input(a, b):
    b.call("CONFIG", "SET", "client-query-buffer-limit", 1 << 20)
    try:
        a.call("MULTI")
        with pytest.raises((Disconnected, OSError)):
            for _ in range(100):
                a.call("SET", "x", b"x" * 20000)
        assert b.call("GET", "x") is None
        assert field(b, "stats", "client_query_buffer_limit_disconnections") == "1"
    finally:
        b.call("CONFIG", "SET", "client-query-buffer-limit", 1 << 30)


def test_authentication(several):
    with several.client() as admin:
        admin.call("CONFIG", "SET", "requirepass", "secret")
        try:
            with several.client() as client:
                assert client.error("MULTI").startswith("NOAUTH")
                client.call("AUTH", "secret")
                assert transaction(client, ("AUTH", "wrong"), ("GET", "x"))[1] is None
        finally:
            admin.call("CONFIG", "SET", "requirepass", "")


# ---- pauses ----


def test_paused_writes_wait_in_the_queue_too(a, b):
    a.call("MULTI")
    a.call("SET", "x", 1)
    b.call("CLIENT", "PAUSE", 100000, "WRITE")
    assert b.call("GET", "x") is None
    assert transaction(b, ("GET", "x")) == [None]
    a.send("EXEC")
    a.socket.settimeout(0.15)
    with pytest.raises(TimeoutError):
        a.socket.recv(1)
    a.socket.settimeout(10)
    assert b.call("GET", "x") is None
    b.call("CLIENT", "UNPAUSE")
    assert a.socket.recv(100) == b"*1\r\n+OK\r\n"


# ---- replies that are not wanted ----


def test_replies_off(a, b):
    a.send("CLIENT", "REPLY", "OFF")
    for command in [("MULTI",), ("INCR", "x"), ("NOSUCH",), ("EXEC",), ("MULTI",), ("INCR", "y"), ("EXEC",)]:
        a.send(*command)
    a.send("CLIENT", "REPLY", "ON")
    assert a.read() == "OK"
    assert b.call("MGET", "x", "y") == [None, b"1"]


def test_replies_skipped(a):
    a.call("MULTI")
    a.call("INCR", "x")
    assert a.error("CLIENT", "REPLY", "SKIP").startswith("ERR Command")
    a.call("DISCARD")
    a.send("CLIENT", "REPLY", "SKIP")
    a.send("MULTI")
    assert a.call("INCR", "x") == "QUEUED"
    assert a.call("EXEC") == [1]


# ---- WATCH ----


def test_unchanged_keys(a, b):
    a.call("SET", "x", 1)
    assert a.call("WATCH", "x", "y", "x") == "OK"
    assert b.call("GET", "x") == b"1"
    b.call("SET", "other", 1)
    b.call("DEL", "y")
    b.call("SADD", "set", 1)
    assert transaction(a, ("SET", "x", 2)) == ["OK"]


CHANGES = [
    (("SET", "k", 0), ("SET", "k", 1)),
    (("SET", "k", 1), ("SET", "k", 1)),
    (None, ("SET", "k", 1)),
    (("SET", "k", 1), ("DEL", "k")),
    (("SET", "k", 1), ("UNLINK", "k")),
    (("SET", "k", 1), ("GETDEL", "k")),
    (("SET", "k", 1), ("EXPIRE", "k", 100)),
    (("SET", "k", 1, "EX", 100), ("PERSIST", "k")),
    (("SET", "k", 1), ("GETEX", "k", "EX", 10)),
    (("SET", "k", 1), ("SETRANGE", "k", 5, "x")),
    (("SET", "k", 1), ("SETBIT", "k", 5, 1)),
    (("SET", "k", 1), ("APPEND", "k", "x")),
    (("SET", "k", 1), ("RENAME", "k", "other")),
    (("SET", "from", 1), ("RENAME", "from", "k")),
    (("SET", "from", 1), ("COPY", "from", "k")),
    (("SET", "k", 1), ("MOVE", "k", 1)),
    (("RPUSH", "k", 1), ("LPOP", "k")),
    (("RPUSH", "k", 1), ("LSET", "k", 0, 1)),
    (("RPUSH", "from", 1), ("RPOPLPUSH", "from", "k")),
    (("SADD", "k", 1), ("SREM", "k", 1)),
    (("SADD", "from", 1), ("SMOVE", "from", "k", 1)),
    (("SADD", "from", 1), ("SUNIONSTORE", "k", "from")),
    (("HSET", "k", "f", 1), ("HSET", "k", "f", 1)),
    (("HSET", "k", "f", 1), ("HEXPIRE", "k", 100, "FIELDS", 1, "f")),
    (("ZADD", "k", 1, "m"), ("ZINCRBY", "k", 1, "m")),
    (("ZADD", "k", 1, "m"), ("ZPOPMIN", "k")),
    (("XADD", "k", "1-1", "f", "v"), ("XADD", "k", "1-2", "f", "v")),
    (("PFADD", "k", 1), ("PFADD", "k", 2)),
    (("GEOADD", "k", 1, 1, "m"), ("GEOADD", "k", 2, 2, "n")),
    (("RPUSH", "from", 2, 1), ("SORT", "from", "STORE", "k")),
    (("SET", "k", 1), ("FLUSHALL",)),
    (("SET", "k", 1), ("FLUSHDB", "ASYNC")),
    (("SET", "k", 1), ("SWAPDB", 0, 1)),
]


@pytest.mark.parametrize("before,change", CHANGES, ids=[" ".join(map(str, change)) for _, change in CHANGES])
def test_changes_abort(a, b, before, change):
    if before:
        a.call(*before)
    a.call("WATCH", "quiet", "k")
    b.call(*change)
    assert transaction(a, ("SET", "x", 1)) is None
    assert a.call("GET", "x") is None
    assert transaction(a, ("SET", "x", 1)) == ["OK"]


NO_CHANGES = [
    (None, ("FLUSHALL",)),
    (None, ("SWAPDB", 0, 1)),
    (None, ("DEL", "k")),
    (("SADD", "k", 1), ("SADD", "k", 1)),
    (("SADD", "k", 1), ("SREM", "k", 2)),
    (("ZADD", "k", 1, "m"), ("ZADD", "k", 1, "m")),
    (("HSET", "k", "f", 1), ("HDEL", "k", "g")),
    (("HSET", "k", "f", 1), ("HSETNX", "k", "f", 2)),
    (("SET", "k", 1), ("SETNX", "k", 2)),
    (("SET", "k", 1), ("PERSIST", "k")),
    (("RPUSH", "k", 1), ("LREM", "k", 0, 2)),
    (("RPUSH", "k", 1), ("LPUSHX", "none", 2)),
    (("SET", "k", 1), ("GETEX", "k")),
    (("SET", "k", 1), ("TOUCH", "k")),
    (("SET", "k", 1), ("APPEND", "other", 1)),
    (("SET", "k", 1), ("FLUSHDB", "in 1")),
]


@pytest.mark.parametrize("before,change", NO_CHANGES, ids=[" ".join(map(str, change)) for _, change in NO_CHANGES])
def test_what_changes_nothing(a, b, before, change):
    if before:
        a.call(*before)
    a.call("WATCH", "k")
    if change == ("FLUSHDB", "in 1"):
        b.call("SELECT", 1)
        change = ("FLUSHDB",)
    b.call(*change)
    assert transaction(a, ("SET", "x", 1)) == ["OK"]


def test_a_database_that_brings_the_key(a, b):
    b.call("SELECT", 1)
    b.call("SET", "k", 1)
    a.call("WATCH", "k")
    b.call("SWAPDB", 0, 1)
    assert transaction(a, ("PING",)) is None
    a.call("WATCH", "none")
    b.call("SWAPDB", 0, 1)
    assert transaction(a, ("PING",)) == ["PONG"]


def test_databases_are_told_apart(a, b):
    a.call("WATCH", "k")
    b.call("SELECT", 1)
    b.call("SET", "k", 1)
    assert transaction(a, ("PING",)) == ["PONG"]
    a.call("WATCH", "k")
    a.call("SELECT", 1)
    a.call("WATCH", "k")
    b.call("SET", "k", 2)
    assert transaction(a, ("PING",)) is None


def test_own_changes_count(a):
    a.call("WATCH", "k")
    a.call("SET", "k", 1)
    assert transaction(a, ("PING",)) is None
    a.call("WATCH", "k")
    assert transaction(a, ("SET", "k", 2), ("GET", "k")) == ["OK", b"2"]


def test_keys_that_expire(a):
    a.call("SET", "k", 1, "PX", 300)
    a.call("WATCH", "k")
    time.sleep(0.35)
    assert transaction(a, ("PING",)) is None


def test_everybody_hears_of_a_watched_key_that_expires(a, b):
    b.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    b.call("CONFIG", "SET", "notify-keyspace-events", "Ex")
    try:
        name = b"k" * 100  # long enough not to survive in memory that is free
        a.call("SET", name, 1, "PX", 300)
        a.call("WATCH", name)
        time.sleep(0.35)
        b.call("SUBSCRIBE", "__keyevent@0__:expired")
        assert transaction(a, ("PING",)) is None
        assert a.call("EXISTS", name) == 0
        assert b.read() == [b"message", b"__keyevent@0__:expired", name]
    finally:
        a.call("CONFIG", "SET", "notify-keyspace-events", "")
        a.call("DEBUG", "SET-ACTIVE-EXPIRE", 1)


def test_keys_that_expire_unseen(a, b):
    b.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    try:
        a.call("SET", "k", 1, "PX", 300)
        a.call("WATCH", "k")
        time.sleep(0.35)
        assert transaction(a, ("PING",)) is None
        a.call("WATCH", "k")
        assert b.call("GET", "k") is None
        assert transaction(a, ("PING",)) == ["PONG"]
        a.call("SET", "k", 1, "PX", 20)
        time.sleep(0.05)
        a.call("WATCH", "k")
        b.call("SET", "k", 2)
        assert transaction(a, ("PING",)) is None
    finally:
        b.call("DEBUG", "SET-ACTIVE-EXPIRE", 1)


def test_keys_that_are_evicted(a, b):
    b.call("SET", "k", "x" * 1000)
    a.call("WATCH", "k")
    b.call("CONFIG", "SET", "maxmemory-policy", "allkeys-random", "maxmemory", 1)
    try:
        while b.call("EXISTS", "k"):
            b.raw("SET", "filler", 1)
    finally:
        b.call("CONFIG", "SET", "maxmemory", 0, "maxmemory-policy", "noeviction")
    assert transaction(a, ("PING",)) is None


def test_unwatch(a, b):
    a.call("WATCH", "k")
    b.call("SET", "k", 1)
    assert a.call("UNWATCH") == "OK"
    assert transaction(a, ("PING",)) == ["PONG"]
    a.call("WATCH", "k")
    a.call("MULTI")
    assert a.call("UNWATCH") == "QUEUED"
    b.call("SET", "k", 1)
    assert a.call("EXEC") is None


@pytest.mark.parametrize("ending", [("EXEC",), ("DISCARD",), ("RESET",), ("EXEC", "x")])
def test_the_end_forgets_watches(a, b, ending):
    a.call("WATCH", "k", "l", "m")
    assert field(b, "clients", "watching_clients") == "1"
    a.call("MULTI")
    a.raw(*ending)
    assert field(b, "clients", "watching_clients") == "0"
    assert field(b, "clients", "total_watched_keys") == "0"
    b.call("SET", "k", 1)
    assert transaction(a, ("PING",)) == ["PONG"]


def test_reset_ends_the_transaction(a):
    a.call("MULTI")
    a.call("SET", "x", 1)
    assert a.call("RESET") == "RESET"
    assert a.error("EXEC") == "ERR EXEC without MULTI"
    assert a.call("GET", "x") is None


def test_quit_inside(a, b):
    a.call("MULTI")
    a.call("SET", "x", 1)
    assert a.call("QUIT") == "OK"
    with pytest.raises(Disconnected):
        a.read()
    assert b.call("GET", "x") is None


def test_closing_forgets_watches(world, b):
    for ending in ("close", "kill"):
        client = world()
        client.call("WATCH", *range(100))
        client.call("MULTI")
        client.call("SET", "x", 1)
        assert field(b, "clients", "total_watched_keys") == "100"
        if ending == "close":
            client.close()
        else:
            b.call("CLIENT", "KILL", "SKIPME", "yes")
        deadline = time.monotonic() + 5
        while field(b, "clients", "total_watched_keys") != "0":
            assert time.monotonic() < deadline
            time.sleep(0.01)
    b.call("SET", 1, 1)


def test_several_who_watch(world, b):
    watchers = [world() for _ in range(5)]
    for i, client in enumerate(watchers):
        client.call("WATCH", "k", f"own:{i}")
    assert field(b, "clients", "watching_clients") == "5"
    assert field(b, "clients", "total_watched_keys") == "6"
    b.call("SET", "own:3", 1)
    assert field(b, "clients", "watching_clients") == "4"
    assert field(b, "clients", "total_watched_keys") == "5"
    replies = [transaction(client, ("INCR", "k")) for client in watchers]
    assert replies == [[1], None, None, None, None]
    assert field(b, "clients", "watching_clients") == "0"
    assert field(b, "clients", "total_watched_keys") == "0"


# ---- what is told ----


def test_client_list(a, b):
    number = a.call("CLIENT", "ID")
    shown = described(b, number)
    assert (shown["flags"], shown["multi"], shown["watch"], shown["multi-mem"]) == ("N", "-1", "0", "0")
    a.call("WATCH", "x", "y")
    assert described(b, number)["watch"] == "2"
    a.call("MULTI")
    assert described(b, number)["multi"] == "0"
    a.call("SET", "z", "v" * 1000)
    shown = described(b, number)
    assert (shown["flags"], shown["multi"], shown["watch"], shown["cmd"]) == ("x", "1", "2", "set")
    assert int(shown["multi-mem"]) >= 1000 and int(shown["tot-mem"]) >= 1000
    b.call("SET", "x", 1)
    shown = described(b, number)
    assert (shown["flags"], shown["watch"]) == ("xd", "0")
    a.call("EXEC")
    assert described(b, number)["multi"] == "0"
    a.call("RESET")
    assert described(b, number)["multi"] == "0"
    assert described(b, number)["flags"] == "N"


def test_statistics(a, b):
    a.call("CONFIG", "RESETSTAT")
    transaction(a, ("SET", "x", "text"), ("INCR", "x"), ("GET", "x"))
    stats = b.call("INFO", "commandstats").decode()
    for line, failed in (("multi", 0), ("set", 0), ("incr", 1), ("get", 0), ("exec", 0)):
        shown = stats.split(f"cmdstat_{line}:")[1].split("\r\n")[0]
        assert shown.startswith("calls=1,") and shown.endswith(f"rejected_calls=0,failed_calls={failed}"), line
    assert "errorstat_ERR:count=1" in b.call("INFO", "errorstats").decode()
    a.call("MULTI")
    a.error("SET", "x")
    a.error("EXEC")
    stats = b.call("INFO", "commandstats").decode()
    assert stats.split("cmdstat_set:")[1].split("\r\n")[0].endswith("rejected_calls=1,failed_calls=0")
    errors = b.call("INFO", "errorstats").decode()
    assert "errorstat_EXECABORT:count=1" in errors and "errorstat_ERR:count=2" in errors
