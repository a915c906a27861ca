# SPDX-License-Identifier: BSD-3-Clause
"""Scripts are atomic, whichever keys they declare and whichever they reach, on several workers."""

import hashlib

import pytest
import resp

ACCOUNTS = 12
EACH = 1000

INSERT = b"""
local packed = redis.call('HGET', KEYS[1], ARGV[1])
local list = packed and cmsgpack.unpack(packed) or {}
table.insert(list, cmsgpack.unpack(ARGV[2]))
redis.call('HSET', KEYS[1], ARGV[1], cmsgpack.pack(list))
return #list
"""


def packed(text):
    """A short string as MessagePack."""
    return bytes([0xa0 | len(text)]) + text.encode()


def unpacked_list(raw):
    """An array of short strings."""
    at, items = {0xdc: 3, 0xdd: 5}.get(raw[0], 1), []
    while at < len(raw):
        length = raw[at] & 0x1f
        items.append(raw[at + 1:at + 1 + length].decode())
        at += 1 + length
    return items


def evalsha(client, script, *arguments):
    """As clients do it: by the digest, and when that is not known the script is loaded first."""
    digest = hashlib.sha1(script).hexdigest()
    try:
        return client.call("EVALSHA", digest, *arguments)
    except resp.Failure as failure:
        assert str(failure).startswith("NOSCRIPT")
    assert client.call("SCRIPT", "LOAD", script).decode() == digest
    return client.call("EVALSHA", digest, *arguments)


def test_no_packed_element_is_lost(crowd):
    def insert(actor):
        sent = []
        while actor.running():
            name, field = f"{actor.number}-{len(sent)}", f"field:{actor.random.randrange(4)}"
            key = f"hash:{actor.random.randrange(3)}"
            evalsha(actor.client, INSERT, 1, key, field, packed(name))
            sent.append((key, field, name))
        return sent

    sent = sum(crowd.run(*[insert] * 5), [])
    with crowd.server.client() as client:
        for key, field in {(key, field) for key, field, _ in sent}:
            stored = unpacked_list(client.call("HGET", key, field))
            assert sorted(stored) == sorted(name for k, f, name in sent if (k, f) == (key, field))


# How a script that moves money tells of its keys: it declares both, none, or only the one that it changes first, so that
# it finds itself in the middle of its work when it needs more.
DECLARED = {
    "both": (2, "KEYS[1]", "KEYS[2]"),
    "none": (0, "ARGV[1]", "ARGV[2]"),
    "first": (1, "KEYS[1]", "ARGV[1]"),
}


def transfer(kind, mark):
    """The mark makes a script that nobody has run before."""
    count, source, target = DECLARED[kind]
    return count, (f"-- {mark}\n"
                   f"local have = tonumber(redis.call('GET', {source}))\n"
                   f"if have < 5 then return 0 end\n"
                   f"redis.call('SET', {source}, have - 5)\n"
                   f"redis.call('INCRBY', {target}, 5)\n"
                   f"return 5")


TOTAL = f"local sum = 0 for i = 0, {ACCOUNTS - 1} do sum = sum + redis.call('GET', 'account:' .. i) end return sum"


@pytest.mark.parametrize("fresh", [False, True], ids=["known", "never seen before"])
def test_money_moves_and_does_not_vanish(crowd, fresh):
    names = [f"account:{i}" for i in range(ACCOUNTS)]
    with crowd.server.client() as client:
        for name in names:
            client.call("SET", name, EACH)

    def move(actor):
        count = 0
        while actor.running():
            kind = actor.random.choice(list(DECLARED))
            declared, script = transfer(kind, f"{actor.number}-{count}" if fresh else kind)
            actor.client.call("EVAL", script, declared, *actor.random.sample(names, 2))
            count += 1
        return count

    def move_in_transaction(actor):
        while actor.running():
            source, target = actor.random.sample(names, 2)
            declared, script = transfer(actor.random.choice(list(DECLARED)), "transaction")
            client = actor.client
            client.raw_pipeline([("MULTI",), ("INCRBY", target, 3), ("EVAL", script, declared, source, target),
                                 ("DECRBY", target, 3), ("EXEC",)])

    def look(actor):
        sums = set()
        while actor.running():
            sums.add(actor.client.call("EVAL", TOTAL, 0))
            sums.add(sum(map(int, actor.client.call("MGET", *names))))
        return sums

    results = crowd.run(move, move, move, move_in_transaction, look)
    assert results[4] == {ACCOUNTS * EACH}
    with crowd.server.client() as client:
        assert sum(map(int, client.call("MGET", *names))) == ACCOUNTS * EACH


def test_functions_of_several_workers(crowd):
    library = ("#!lua name=counter\n"
               "server.register_function('count', function(keys, args) return redis.call('INCR', keys[1]) end)")
    with crowd.server.client() as client:
        client.call("FUNCTION", "LOAD", "REPLACE", library)

    def count(actor):
        calls = 0
        while actor.running():
            actor.client.call("FCALL", "count", 1, "n")
            calls += 1
        return calls

    def load_others(actor):
        while actor.running():
            name = f"other{actor.random.randrange(3)}"
            code = f"#!lua name={name}\nserver.register_function('{name}', function() return 1 end)"
            actor.client.call("FUNCTION", "LOAD", "REPLACE", code)
            actor.client.call("SCRIPT", "FLUSH")
            actor.client.raw("FUNCTION", "DELETE", name)

    results = crowd.run(count, count, count, load_others)
    with crowd.server.client() as client:
        assert int(client.call("GET", "n")) == sum(results[:3])
