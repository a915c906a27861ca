# SPDX-License-Identifier: BSD-3-Clause
"""SCRIPT KILL of scripts that have written: everything is as it was before."""


import ask
import pytest
import servers
from long_scripts import BUSY, Running, until_busy

OPTIONS = ("--busy-reply-threshold", 100, "--enable-debug-command", "yes")
FOR_EVER = " while true do end"
UNKILLABLE = ("UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the "
              "script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.")
LATER = 4000000000000


@pytest.fixture(scope="module", params=[1, 4], ids=["one worker", "four workers"])
def busy_server(request):
    with servers.strata("--workers", request.param, *OPTIONS) as running:
        yield running


def fill(client):
    """Values of every type, small and large, some with an expiry, in two databases."""
    for db in (0, 1):
        client.call("SELECT", db)
        client.call("FLUSHDB")
        for name, size in (("small", 5), ("large", 300)):
            items = [f"item {i}" for i in range(size)]
            client.call("SET", f"string {name}", "x" * size)
            client.call("RPUSH", f"list {name}", *(item * 3 for item in items))
            client.call("SADD", f"set {name}", *items)
            client.call("SADD", f"integers {name}", *range(size))
            client.call("ZADD", f"zset {name}", *(word for i, item in enumerate(items) for word in (i, item)))
            client.call("HSET", f"hash {name}", *(word for item in items for word in (item, item)))
            client.call("HSET", f"timed {name}", *(word for item in items for word in (item, item)))
            client.call("HPEXPIREAT", f"timed {name}", LATER, "FIELDS", 2, "item 1", "item 2")
            for i in range(1, size + 1):
                client.call("XADD", f"stream {name}", f"{i}-1", "field", i)
            client.call("XGROUP", "CREATE", f"stream {name}", "group", "0")
            client.call("XREADGROUP", "GROUP", "group", "reader", "COUNT", 3, "STREAMS", f"stream {name}", ">")
        client.call("RPUSH", "list huge", *(f"element {i} of a list of many nodes" for i in range(2000)))
        client.call("SET", "volatile", "v", "PXAT", LATER)
        client.call("PEXPIREAT", "set large", LATER)
    client.call("SELECT", 0)


def look(client):
    """All that a client can see of the data."""
    seen = [client.call("DEBUG", "DIGEST"), client.call("INFO", "keyspace")]
    for db in (0, 1):
        client.call("SELECT", db)
        for key in sorted(client.call("KEYS", "*")):
            kind = client.call("TYPE", key)
            seen.append((db, key, client.call("PEXPIRETIME", key), client.call("OBJECT", "ENCODING", key)))
            if kind == "stream":
                # How long ago a consumer was seen is in the answer, too.
                seen.append(client.call("XPENDING", key, "group", "-", "+", 1000)[0][:2])
                seen.append(client.call("XINFO", "GROUPS", key))
            if kind == "hash":
                seen.append(sorted(zip(client.call("HKEYS", key), client.call(
                    "HPEXPIRETIME", key, "FIELDS", client.call("HLEN", key), *client.call("HKEYS", key)))))
            if kind == "list":
                seen.append(client.call("LRANGE", key, 0, -1))
    client.call("SELECT", 0)
    seen.append(ask.info(client, "persistence").get("rdb_changes_since_last_save"))
    return seen


def kill(server, client, script, *arguments, command="EVAL"):
    """Runs what never ends, and kills it."""
    running = Running(server, command, script, *arguments)
    assert until_busy(client, "GET", "x") == BUSY
    assert client.call("SCRIPT", "KILL") == "OK"
    reply = running.wait()
    assert b"killed by user with SCRIPT KILL" in reply, reply
    return reply


CHANGES = {
    "nothing": "redis.call('DEL', 'absent')",
    "create": """for _, type in ipairs({'string', 'new'}) do redis.call('SET', type .. ' 2', 'x') end
                 redis.call('RPUSH', 'list 2', 'a') redis.call('SADD', 'set 2', 'a') redis.call('ZADD', 'zset 2', 1, 'a')
                 redis.call('HSET', 'hash 2', 'a', 'b') redis.call('XADD', 'stream 2', '*', 'a', 'b')""",
    "overwrite": "each(function(key) redis.call('SET', key, 'other') end)",
    "overwrite and keep the expiry": "redis.call('SET', 'volatile', 'other', 'KEEPTTL')",
    "overwrite many": "redis.call('MSET', 'string small', 1, 'new', 2, 'zset large', 3, 'volatile', 4)",
    "delete": "each(function(key) redis.call('DEL', key) end)",
    "delete and create again": """each(function(key) redis.call('UNLINK', key) redis.call('RPUSH', key, 'other') end)""",
    "create and delete": "redis.call('SET', 'new', 1) redis.call('DEL', 'new')",
    "expire": "each(function(key) redis.call('PEXPIREAT', key, 3000000000000) end)",
    "expire at once": "each(function(key) redis.call('PEXPIREAT', key, 1) end)",
    "persist": "redis.call('PERSIST', 'volatile') redis.call('PERSIST', 'set large')",
    "getdel and getex": "redis.call('GETDEL', 'string small') redis.call('GETEX', 'string large', 'EX', 100)",
    "rename": "each(function(key) redis.call('RENAME', key, 'was ' .. key) end)",
    "rename onto another": """redis.call('RENAME', 'hash large', 'zset large')
                              redis.call('RENAME', 'zset large', 'string small')
                              redis.call('HSET', 'string small', 'item 1', 'edited', 'new', 1)
                              redis.call('DEL', 'string small')""",
    "exchange": """redis.call('RENAME', 'list large', 'x') redis.call('RENAME', 'stream large', 'list large')
                   redis.call('RENAME', 'x', 'stream large') redis.call('LPOP', 'stream large')
                   redis.call('XADD', 'list large', '*', 'a', 'b')""",
    "copy": """redis.call('COPY', 'zset large', 'hash small', 'REPLACE') redis.call('COPY', 'list large', 'new')
               redis.call('COPY', 'hash large', 'list large', 'DB', 1, 'REPLACE') redis.call('ZADD', 'hash small', 1, 'a')""",
    "move": """redis.call('DEL', 'string small') redis.call('SELECT', 1) redis.call('MOVE', 'string small', 0)
               redis.call('DEL', 'hash large') redis.call('SELECT', 0) redis.call('MOVE', 'hash large', 1)""",
    "another database": """redis.call('SELECT', 1) redis.call('LPUSH', 'list small', 'x') redis.call('DEL', 'set large')
                           redis.call('SELECT', 5) redis.call('SET', 'new', 1)
                           redis.call('SELECT', 0) redis.call('DEL', 'set large')""",
    "strings": """redis.call('APPEND', 'string large', 'x') redis.call('SETRANGE', 'string small', 2, 'abc')
                  redis.call('SETBIT', 'volatile', 3, 1) redis.call('INCR', 'number') redis.call('INCR', 'number')
                  redis.call('PFADD', 'hll', 'a', 'b') redis.call('BITFIELD', 'bits', 'SET', 'u8', 0, 7)""",
    "lists": """lists(function(key)
                    redis.call('LPOP', key) redis.call('RPOP', key, 2) redis.call('LPUSH', key, 'a', 'b')
                    redis.call('LSET', key, 2, ('x'):rep(5000)) redis.call('LINSERT', key, 'BEFORE', 'a', 'c')
                    redis.call('LREM', key, 0, 'b') redis.call('LMOVE', key, 'other', 'LEFT', 'RIGHT')
                    redis.call('LTRIM', key, 1, -3)
                end)""",
    "lists to nothing": "lists(function(key) while redis.call('LPOP', key) do end end)",
    "the middle of lists": """lists(function(key)
                                  local middle = math.floor(redis.call('LLEN', key) / 2)
                                  local there = redis.call('LINDEX', key, middle)
                                  for i = 1, 300 do redis.call('LINSERT', key, 'BEFORE', there, ('x'):rep(i)) end
                                  redis.call('LREM', key, 7, ('x'):rep(9)) redis.call('LREM', key, -2, there)
                                  redis.call('LSET', key, middle, ('x'):rep(9000)) redis.call('LSET', key, middle, 'x')
                                  redis.call('LTRIM', key, 7, -20)
                                  for i = 1, 100 do redis.call('LPUSH', key, redis.call('RPOP', key)) end
                              end)""",
    "a list anew": """lists(function(key)
                          while redis.call('LLEN', key) > 1 do redis.call('LPOP', key, 2) redis.call('RPUSH', key, 1) end
                          for i = 1, 50 do redis.call('RPUSH', key, ('x'):rep(500)) end
                          redis.call('RENAME', key, 'moved') redis.call('LPOP', 'moved') redis.call('DEL', 'moved')
                      end)""",
    "sets": """both('set', function(key)
                   redis.call('SADD', key, 'a', 'item 1') redis.call('SREM', key, 'item 2', 'item 3')
                   redis.call('SPOP', key) redis.call('SMOVE', key, 'other', 'item 4')
               end)
               both('integers', function(key) redis.call('SADD', key, 10000) redis.call('SREM', key, 3)
                                              redis.call('SADD', key, 'text') end)
               redis.call('SUNIONSTORE', 'set small', 'set large', 'integers small')""",
    "sorted sets": """both('zset', function(key)
                          redis.call('ZADD', key, -5, 'item 2', 5.5, 'new') redis.call('ZINCRBY', key, 3, 'item 1')
                          redis.call('ZREM', key, 'item 3') redis.call('ZPOPMIN', key) redis.call('ZPOPMAX', key)
                          redis.call('ZREMRANGEBYRANK', key, 0, 1) redis.call('ZADD', key, 1, 'item 3')
                      end)
                      redis.call('ZRANGESTORE', 'zset small', 'zset large', 5, 20)
                      redis.call('ZREMRANGEBYSCORE', 'zset large', 20, 1000)""",
    "hashes": """both('hash', function(key)
                     redis.call('HSET', key, 'item 1', ('x'):rep(500), 'new', 1) redis.call('HDEL', key, 'item 2')
                     redis.call('HINCRBY', key, 'number', 5) redis.call('HSETNX', key, 'item 2', 'again')
                     redis.call('HPEXPIREAT', key, 3000000000000, 'FIELDS', 1, 'item 3')
                 end)""",
    "fields that expire": """both('timed', function(key)
                                 redis.call('HPERSIST', key, 'FIELDS', 1, 'item 1')
                                 redis.call('HPEXPIREAT', key, 3000000000000, 'FIELDS', 2, 'item 2', 'item 3')
                                 redis.call('HPEXPIREAT', key, 1, 'FIELDS', 1, 'item 4')
                                 redis.call('HDEL', key, 'item 1') redis.call('HSET', key, 'item 2', 'plain')
                             end)""",
    "streams": """both('stream', function(key)
                      redis.call('XADD', key, '*', 'a', 'b') redis.call('XDEL', key, '2-1')
                      redis.call('XTRIM', key, 'MAXLEN', 2) redis.call('XSETID', key, '9999999999999-1')
                  end)""",
    "groups": """both('stream', function(key)
                     redis.call('XACK', key, 'group', '1-1') redis.call('XGROUP', 'CREATE', key, 'other', '$')
                     redis.call('XREADGROUP', 'GROUP', 'group', 'another', 'COUNT', 1, 'STREAMS', key, '>')
                     redis.call('XCLAIM', key, 'group', 'another', 0, '2-1')
                     redis.call('XGROUP', 'DELCONSUMER', key, 'group', 'reader')
                     redis.call('XGROUP', 'SETID', key, 'group', '0')
                 end)""",
    "no groups": "both('stream', function(key) redis.call('XGROUP', 'DESTROY', key, 'group') end)",
    "one type by another": """redis.call('DEL', 'set small') redis.call('SET', 'set small', 'x')
                              redis.call('SORT', 'list large', 'ALPHA', 'STORE', 'zset small')
                              redis.call('RESTORE', 'new', 0, redis.call('DUMP', 'hash large'))
                              redis.call('RESTORE', 'zset large', 0, redis.call('DUMP', 'set small'), 'REPLACE')""",
    "messages": "redis.call('PUBLISH', 'channel', 'message')",
}
TOOLS = """
    local function each(fn) for _, key in ipairs(redis.call('KEYS', '*')) do fn(key) end end
    local function both(type, fn) fn(type .. ' small') fn(type .. ' large') end
    local function lists(fn) both('list', fn) fn('list huge') end
"""


@pytest.mark.parametrize("busy_server", [4], indirect=True)
@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES.keys())
def test_changes_are_taken_back(busy_server, changes):
    with busy_server.client() as client:
        fill(client)
        before = look(client)
        kill(busy_server, client, TOOLS + changes + FOR_EVER, 0)
        assert look(client) == before
        # What has been put back can be changed again.
        client.call("EVAL", TOOLS + changes, 0)


RANDOM_CHANGES = """
    math.randomseed(tonumber(ARGV[1]))
    local pick = math.random
    local keys = redis.call('KEYS', '*')
    for _, key in ipairs({'a', 'b', 'c', 'd'}) do table.insert(keys, key) end
    local function item() return 'item ' .. pick(0, 400) end
    local function any() return keys[pick(#keys)] end
    local changes = {
        function() return 'SET', any(), item() end,
        function() return 'DEL', any() end,
        function() return 'RENAME', any(), any() end,
        function() return 'COPY', any(), any(), 'REPLACE' end,
        function() return 'PEXPIREAT', any(), pick(3000000000000, 3000000001000) end,
        function() return 'PERSIST', any() end,
        function() return 'APPEND', any(), item() end,
        function() return 'RPUSH', any(), item(), item() end,
        function() return 'LPOP', any(), pick(30) end,
        function() return 'LINSERT', any(), 'AFTER', 'item 3', item() end,
        function() return 'LMOVE', any(), any(), 'LEFT', 'RIGHT' end,
        function() return 'LREM', any(), 0, item() end,
        function() return 'SADD', any(), item(), item() end,
        function() return 'SREM', any(), item(), item() end,
        function() return 'SPOP', any(), pick(10) end,
        function() return 'SINTERSTORE', any(), any(), any() end,
        function() return 'ZADD', any(), pick(-9, 400), item(), pick(), item() end,
        function() return 'ZREM', any(), item(), item() end,
        function() return 'ZREMRANGEBYRANK', any(), pick(50), pick(60) end,
        function() return 'ZPOPMAX', any(), pick(9) end,
        function() return 'ZUNIONSTORE', any(), 2, any(), any() end,
        function() return 'HSET', any(), item(), item(), item(), item() end,
        function() return 'HDEL', any(), item(), item() end,
        function() return 'HPEXPIREAT', any(), 3000000000000, 'FIELDS', 1, item() end,
        function() return 'HPERSIST', any(), 'FIELDS', 1, item() end,
        function() return 'XADD', any(), 'MAXLEN', 290, '*', 'a', item() end,
        function() return 'XDEL', any(), pick(300) .. '-1' end,
        function() return 'XREADGROUP', 'GROUP', 'group', item(), 'COUNT', pick(5), 'STREAMS', any(), '>' end,
        function() return 'XACK', any(), 'group', pick(10) .. '-1' end,
        function() return 'XGROUP', 'DESTROY', any(), 'group' end,
        function() return 'MOVE', any(), pick(0, 1) end,
        function() return 'SELECT', pick(0, 1) end,
        function() return 'RESTORE', any(), 0, redis.call('DUMP', any()) or '', 'REPLACE' end,
    }
    for _ = 1, tonumber(ARGV[2]) do redis.pcall(changes[pick(#changes)]()) end
"""


@pytest.mark.parametrize("seed", range(6))
def test_random_changes_are_taken_back(busy_server, seed):
    with busy_server.client() as client:
        fill(client)
        before = look(client)
        for count in (50, 1000):
            kill(busy_server, client, RANDOM_CHANGES + FOR_EVER, 0, seed, count)
            assert look(client) == before
        client.call("EVAL", RANDOM_CHANGES, 0, seed, 1000)
        assert client.call("DEBUG", "DIGEST") != before[0]


# ---- what cannot be taken back ----


TOO_MUCH = {
    "FLUSHALL": "redis.call('FLUSHALL')",
    "FLUSHDB of another database": "redis.call('SELECT', 3) redis.call('FLUSHDB') redis.call('SELECT', 0)",
    "SWAPDB": "redis.call('SWAPDB', 0, 1)",
    "MIGRATE": "redis.pcall('MIGRATE', '127.0.0.1', 1, 'string small', 0, 10)",
    "many keys": "local long = ('x'):rep(15000) for i = 1, 600 do redis.call('SET', long .. i, 'value') end",
    "many elements": "local long = ('x'):rep(15000) for i = 1, 600 do redis.call('HSET', 'hash large', long .. i, 1) end",
    "a long string": "redis.call('SETBIT', 'long', 0, 1)",
    "a long stream": "redis.call('XADD', 'long stream', '*', 'a', 'b')",
    "many elements of a list": "redis.call('LTRIM', 'long list', 5, 10)",
    "a list that rotates": "for i = 1, 900 do redis.call('LMOVE', 'long list', 'long list', 'LEFT', 'RIGHT') end",
}


LONG = """
    for i = 1, 1000 do redis.call('HSET', 'hash large', i, 'value') end
    for i = 1, 2000 do redis.call('XADD', 'long stream', '*', 'field', ('x'):rep(50)) end
    for i = 1, 800 do redis.call('RPUSH', 'long list', ('x'):rep(12000)) end
    redis.call('SET', 'long', ('x'):rep(100000))
"""


@pytest.mark.parametrize("busy_server", [1], indirect=True)
@pytest.mark.parametrize("changes", TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_too_much_stays(busy_server, changes):
    script = changes + " local start = os.clock() while os.clock() - start < 0.5 do end return redis.call('INCR', 'done')"
    with busy_server.client() as client:
        client.call("FLUSHALL")
        client.call("EVAL", LONG, 0)
        running = Running(busy_server, "EVAL", script, 0)
        assert until_busy(client, "GET", "x") == BUSY
        assert client.error("SCRIPT", "KILL") == UNKILLABLE
        assert running.wait() == b":1\r\n"
        assert client.call("GET", "done") == b"1"


def test_what_is_new_may_be_large(busy_server):
    """Only what was there before takes memory to be put back."""
    with busy_server.client() as client:
        client.call("FLUSHALL")
        client.call("ZADD", "large", *(word for i in range(50000) for word in (i, i)))
        before = look(client)
        kill(busy_server, client, """for i = 1, 200000 do redis.call('RPUSH', 'list', 'element') end
                                     redis.call('SET', 'long', ('x'):rep(1e6)) redis.call('APPEND', 'long', 'y')
                                     redis.call('RENAME', 'large', 'larger') redis.call('ZADD', 'larger', 5, 'new', -1, '7')
                                     redis.call('DEL', 'larger')""" + FOR_EVER, 0)
        assert look(client) == before
        assert client.call("ZSCORE", "large", "7") == b"7"


def test_the_server_can_be_stopped_when_nothing_can_be_taken_back(tmp_path):
    home = ("--home", f"dir:{tmp_path}/home", "--durability", "always", "--workers", 2, *OPTIONS)
    with servers.strata(*home) as server, server.client() as client, server.client() as writer:
        client.call("SET", "kept", 1)
        writer.send("EVAL", "redis.call('FLUSHALL')" + FOR_EVER, 0)
        until_busy(client, "GET", "kept")
        assert client.error("SCRIPT", "KILL") == UNKILLABLE
        client.send("SHUTDOWN", "NOSAVE")
        server.process.wait(timeout=20)
        server.start()
        with server.client() as again:
            assert again.call("GET", "kept") == b"1"


def test_an_error_takes_nothing_back(busy_server):
    with busy_server.client() as client:
        client.call("FLUSHALL")
        assert "the end" in client.error("EVAL", "redis.call('SET', 'key', 1) error('the end')", 0)
        assert client.call("GET", "key") == b"1"


# ---- who looks at it from elsewhere ----


def test_functions(busy_server):
    library = "#!lua name=slow\nserver.register_function('forever', function(keys) redis.call('SET', keys[1], 1) while true do end end)"
    with busy_server.client() as client:
        client.call("FLUSHALL")
        client.call("FUNCTION", "LOAD", "REPLACE", library)
        running = Running(busy_server, "FCALL", "forever", 1, "key")
        until_busy(client, "GET", "x")
        assert client.call("FUNCTION", "KILL") == "OK"
        assert b"killed by user with FUNCTION KILL" in running.wait()
        assert client.call("EXISTS", "key") == 0


def test_in_a_transaction_the_other_commands_stand(busy_server):
    with busy_server.client() as client, busy_server.client() as other:
        client.call("FLUSHALL")
        client.call("SET", "key", "before")
        for command in (("MULTI",), ("SET", "key", "mine"), ("INCR", "number"),
                        ("EVAL", "redis.call('SET', 'key', 'its') redis.call('INCR', 'number')" + FOR_EVER, 0),
                        ("APPEND", "key", "!")):
            client.call(*command)
        client.send("EXEC")
        until_busy(other, "GET", "x")
        assert other.call("SCRIPT", "KILL") == "OK"
        replies = client.read()
        assert replies[:2] == ["OK", 1] and "killed by user" in str(replies[2]) and replies[3] == 5
        assert other.call("MGET", "key", "number") == [b"mine!", b"1"]


def test_watched_keys_have_been_touched(busy_server):
    with busy_server.client() as client, busy_server.client() as watcher:
        client.call("FLUSHALL")
        for key, broken in (("key", True), ("elsewhere", False)):
            watcher.call("WATCH", key)
            kill(busy_server, client, "redis.call('SET', 'key', 1)" + FOR_EVER, 0)
            watcher.call("MULTI")
            watcher.call("SET", "result", key)
            assert watcher.call("EXEC") == (None if broken else ["OK"])


@pytest.mark.parametrize("broadcast", [False, True])
def test_caches_are_invalidated(busy_server, broadcast):
    with busy_server.client() as client, busy_server.client(3) as reader:
        client.call("FLUSHALL")
        client.call("SET", "key", "value")
        reader.call("CLIENT", "TRACKING", "ON", *(["BCAST"] if broadcast else []))
        assert reader.call("GET", "key") == b"value"
        kill(busy_server, client, "redis.call('DEL', 'key') redis.call('SET', 'new', 1)" + FOR_EVER, 0)
        told = reader.read()
        assert told[0] == b"invalidate" and b"key" in told[1]
        if broadcast:
            assert set(told[1]) == {b"key", b"new"}
        assert reader.call("GET", "key") == b"value"


def test_events_tell_the_way_back(busy_server):
    with busy_server.client() as client, busy_server.client() as listener:
        client.call("FLUSHALL")
        client.call("SET", "key", "value")
        client.call("CONFIG", "SET", "notify-keyspace-events", "KA")
        listener.call("PSUBSCRIBE", "__keyspace@*__:*")
        kill(busy_server, client, "redis.call('DEL', 'key') redis.call('SET', 'new', 1)" + FOR_EVER, 0)
        client.call("CONFIG", "SET", "notify-keyspace-events", "")
        events = [listener.read()[2:] for _ in range(4)]
        assert events[:2] == [[b"__keyspace@0__:key", b"del"], [b"__keyspace@0__:new", b"set"]]
        assert sorted(events[2:]) == [[b"__keyspace@0__:key", b"restore"], [b"__keyspace@0__:new", b"del"]]


def test_clients_that_wait_go_on_waiting(busy_server):
    with busy_server.client() as client, busy_server.client() as popper, busy_server.client() as reader:
        client.call("FLUSHALL")
        client.call("XGROUP", "CREATE", "stream", "group", "$", "MKSTREAM")
        popper.send("BLPOP", "list", 0)
        reader.send("XREADGROUP", "GROUP", "group", "me", "BLOCK", 0, "STREAMS", "stream", ">")
        ask.wait_until(lambda: ask.info(client, "clients")["blocked_clients"] == "2")
        kill(busy_server, client, "redis.call('RPUSH', 'list', 'its') redis.call('XGROUP', 'DESTROY', 'stream', 'group')" +
             FOR_EVER, 0)
        assert ask.info(client, "clients")["blocked_clients"] == "2"
        client.call("RPUSH", "list", "mine")
        client.call("XADD", "stream", "1-1", "a", "b")
        assert popper.read() == [b"list", b"mine"]
        assert reader.read() == [[b"stream", [[b"1-1", [b"a", b"b"]]]]]


def test_what_expires_meanwhile_is_as_good_as_gone(busy_server):
    with busy_server.client() as client:
        client.call("FLUSHALL")
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
        client.call("SET", "key", "value", "PX", 1)
        kill(busy_server, client, "redis.call('SET', 'other', 1) redis.call('GET', 'key') redis.call('SET', 'key', 1)" + FOR_EVER, 0)
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", 1)
        assert client.call("EXISTS", "key", "other") == 0


def test_memory_is_given_back(busy_server):
    with busy_server.client() as client:
        client.call("FLUSHALL")
        client.call("EVAL", "for i = 1, 20000 do redis.call('SET', 'key ' .. i, ('x'):rep(100)) end", 0)
        used = [int(ask.info(client, "memory")["used_memory"])]
        for _ in range(3):
            kill(busy_server, client, "for i = 1, 20000 do redis.call('DEL', 'key ' .. i) end" + FOR_EVER, 0)
            used.append(int(ask.info(client, "memory")["used_memory"]))
        assert client.call("DBSIZE") == 20000
        assert used[-1] < used[0] + 2 * 1024 * 1024, used


# ---- what is durable ----


@pytest.mark.parametrize("workers", [1, 2])
def test_the_journal_has_nothing_of_it(tmp_path, workers):
    home = ("--home", f"dir:{tmp_path}/home", "--durability", "always", "--workers", workers, *OPTIONS)
    with servers.strata(*home) as server:
        with server.client() as client:
            fill(client)
            client.call("BGSAVE")
            ask.wait_until(lambda: ask.info(client, "persistence")["rdb_bgsave_in_progress"] == "0")
            before = look(client)[:-1]
            for changes in (CHANGES["delete"], CHANGES["exchange"], CHANGES["another database"], CHANGES["hashes"]):
                kill(server, client, TOOLS + changes + FOR_EVER, 0)
            client.call("SET", "after", 1)
            client.call("DEL", "after")
        server.kill()
        server.start()
        with server.client() as client:
            assert look(client)[:-1] == before


@pytest.mark.parametrize("workers", [1, 2])
def test_while_a_snapshot_is_taken(tmp_path, workers):
    home = ("--home", f"dir:{tmp_path}/home", "--durability", "none", "--workers", workers, "--save", "", *OPTIONS)
    with servers.strata(*home) as server:
        with server.client() as client:
            fill(client)
            client.call("EVAL", "for i = 1, 100000 do redis.call('SET', 'key ' .. i, ('x'):rep(50)) end", 0)
            before = client.call("DEBUG", "DIGEST")
            for _ in range(2):
                client.call("BGSAVE")
                kill(server, client, """for i = 1, 20000, 3 do redis.call('DEL', 'key ' .. i) end
                                        for i = 2, 20000, 3 do redis.call('SET', 'key ' .. i, 'other') end
                                        redis.call('RENAME', 'zset large', 'hash large')
                                        redis.call('ZADD', 'hash large', 1, 'x')
                                        redis.call('RPUSH', 'list large', 'x')""" + FOR_EVER, 0)
                assert client.call("DEBUG", "DIGEST") == before
                ask.wait_until(lambda: ask.info(client, "persistence")["rdb_bgsave_in_progress"] == "0")
                assert ask.info(client, "persistence")["rdb_last_bgsave_status"] == "ok"
        server.kill()
        server.start()
        with server.client() as client:
            ask.wait_until(lambda: client.raw("PING") == b"+PONG\r\n" and client.raw("DBSIZE")[:1] == b":")
            assert client.call("DEBUG", "DIGEST") == before
