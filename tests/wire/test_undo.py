# SPDX-License-Identifier: BSD-3-Clause
"""SCRIPT KILL of scripts that have written: everything is as it was before."""

import random

import ask
import pytest
import servers
from long_scripts import BUSY, Running, until_busy

OPTIONS = ("--busy-reply-threshold", 100, "--enable-debug-command", "yes")
FOR_EVER = " while true do end"
KILLED = b"-ERR Error running script: on @user_script"
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
    "lists": """both('list', function(key)
                    redis.call('LPOP', key) redis.call('RPOP', key, 2) redis.call('LPUSH', key, 'a', 'b')
                    redis.call('LSET', key, 2, ('x'):rep(5000)) redis.call('LINSERT', key, 'BEFORE', 'a', 'c')
                    redis.call('LREM', key, 0, 'b') redis.call('LMOVE', key, 'other', 'LEFT', 'RIGHT')
                    redis.call('LTRIM', key, 1, 1)
                end)""",
    "lists to nothing": "both('list', function(key) while redis.call('LPOP', key) do end end)",
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
"""


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES.keys())
def test_changes_are_taken_back(busy_server, changes):
    with busy_server.client() as client:
        fill(client)
        before = look(client)
        kill(busy_server, client, TOOLS + changes + FOR_EVER, 0)
        assert look(client) == before
        # What has been put back can be changed again.
        client.call("EVAL", TOOLS + changes, 0)
