# SPDX-License-Identifier: BSD-3-Clause
"""redis-py, as applications use it."""

import asyncio
import threading
import time

import pytest
import redis
import redis.asyncio


@pytest.fixture
def r(server):
    with redis.Redis(port=server.port, decode_responses=True) as client:
        yield client


def test_pipeline_is_a_transaction(r):
    with r.pipeline() as pipe:
        pipe.set("a", 1).incr("a").lpush("l", "x", "y").lrange("l", 0, -1)
        assert pipe.execute() == [True, 2, 2, ["y", "x"]]
    with r.pipeline(transaction=False) as pipe:
        pipe.get("a").hset("h", mapping={"f": 1, "g": 2}).hgetall("h")
        assert pipe.execute() == ["2", 2, {"f": "1", "g": "2"}]


def test_an_error_in_a_pipeline_names_its_command(r):
    with r.pipeline() as pipe:
        pipe.set("s", "x").lpush("s", 1).set("t", "y")
        with pytest.raises(redis.ResponseError, match="Command # 2"):
            pipe.execute()
    assert r.get("t") == "y"


def test_optimistic_locking_retries_until_nobody_interferes(r):
    r.set("counter", 0)

    def increment():
        mine = redis.Redis(port=r.connection_pool.connection_kwargs["port"])
        for _ in range(10):
            mine.transaction(lambda p: step(p), "counter")

    def step(pipe):
        value = int(pipe.get("counter"))
        pipe.multi()
        pipe.set("counter", value + 1)

    threads = [threading.Thread(target=increment) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert r.get("counter") == "30"


def test_a_watched_key_that_changed_aborts(r):
    with r.pipeline() as pipe:
        pipe.watch("k")
        r.set("k", "other")
        pipe.multi()
        pipe.set("k", "mine")
        with pytest.raises(redis.WatchError):
            pipe.execute()
    assert r.get("k") == "other"


def test_lock_excludes_and_expires(r):
    lock = r.lock("resource", timeout=5)
    assert lock.acquire(blocking=False)
    other = r.lock("resource", timeout=5)
    assert not other.acquire(blocking_timeout=0.1)
    lock.extend(5)
    assert r.pttl("resource") > 5000
    lock.reacquire()
    lock.release()
    assert other.acquire(blocking=False)
    other.release()
    with pytest.raises(redis.exceptions.LockError):
        other.release()


def test_registered_scripts_load_themselves(r):
    script = r.register_script("return {KEYS[1], ARGV[1], redis.call('INCRBY', KEYS[1], ARGV[1])}")
    assert script(keys=["n"], args=[5]) == ["n", "5", 5]
    r.script_flush()
    assert script(keys=["n"], args=[5]) == ["n", "5", 10]
    with r.pipeline() as pipe:
        script(keys=["n"], args=[1], client=pipe)
        pipe.get("n")
        assert pipe.execute() == [["n", "1", 11], "11"]


def test_pubsub_with_patterns_in_a_thread(r):
    got = []
    listener = r.pubsub(ignore_subscribe_messages=True)
    listener.subscribe(**{"news": lambda m: got.append(("news", m["data"]))})
    listener.psubscribe(**{"n*": lambda m: got.append((m["channel"], m["data"]))})
    thread = listener.run_in_thread(sleep_time=0.01)
    time.sleep(0.1)
    assert r.publish("news", "one") == 2
    assert r.publish("other", "two") == 0
    deadline = time.monotonic() + 5
    while len(got) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    thread.stop()
    thread.join()
    assert sorted(got) == [("news", "one"), ("news", "one")]


def test_keyspace_notifications(r):
    r.config_set("notify-keyspace-events", "KEA")
    listener = r.pubsub(ignore_subscribe_messages=True)
    listener.psubscribe("__keyevent@0__:*")
    listener.get_message(timeout=1)
    r.set("k", "v")
    r.delete("k")
    events = []
    deadline = time.monotonic() + 5
    while len(events) < 2 and time.monotonic() < deadline:
        message = listener.get_message(timeout=1)
        if message:
            events.append((message["channel"], message["data"]))
    assert events == [("__keyevent@0__:set", "k"), ("__keyevent@0__:del", "k")]
    r.config_set("notify-keyspace-events", "")


def test_scan_iterators(r):
    with r.pipeline(transaction=False) as pipe:
        for i in range(3000):
            pipe.set(f"user:{i}", i)
            pipe.hset("hash", f"f{i}", i)
            pipe.sadd("set", i)
            pipe.zadd("zset", {f"m{i}": i})
        pipe.execute()
    assert {key for key in r.scan_iter("user:*", count=500)} == {f"user:{i}" for i in range(3000)}
    assert len(dict(r.hscan_iter("hash"))) == 3000
    assert len(set(r.sscan_iter("set"))) == 3000
    assert len(dict(r.zscan_iter("zset"))) == 3000


def test_a_stream_with_a_consumer_group(r):
    r.xgroup_create("events", "group", mkstream=True)
    ids = [r.xadd("events", {"n": n}) for n in range(10)]
    first = r.xreadgroup("group", "one", {"events": ">"}, count=6)[0][1]
    second = r.xreadgroup("group", "two", {"events": ">"})[0][1]
    assert [m[0] for m in first + second] == ids
    assert r.xack("events", "group", *ids[:6]) == 6
    assert r.xpending("events", "group")["pending"] == 4
    assert len(r.xautoclaim("events", "group", "one", 0)[1]) == 4


def test_blocking_pops_hand_over(r, server):
    def push():
        time.sleep(0.2)
        redis.Redis(port=server.port).lpush("queue", "job")

    thread = threading.Thread(target=push)
    thread.start()
    assert r.blpop(["other", "queue"], timeout=5) == ("queue", "job")
    thread.join()
    assert r.brpop("queue", timeout=1) is None


def test_asyncio(server):
    async def work():
        client = redis.asyncio.Redis(port=server.port, decode_responses=True)
        await asyncio.gather(*(client.incr("n") for _ in range(50)))
        assert await client.get("n") == "50"
        async with client.pipeline(transaction=True) as pipe:
            assert await pipe.set("a", 1).get("a").execute() == [True, "1"]
        async with client.lock("lock", timeout=5):
            assert await client.exists("lock")
        async with client.pubsub() as listener:
            await listener.subscribe("channel")
            await listener.get_message(timeout=2)
            await client.publish("channel", "hello")
            message = await listener.get_message(ignore_subscribe_messages=True, timeout=5)
            assert message["data"] == "hello"
        await client.close()

    asyncio.run(work())


def test_acl_users(r, server):
    r.acl_setuser("reader", enabled=True, passwords=["+secret"], keys=["data:*"], commands=["+@read"])
    reader = redis.Redis(port=server.port, username="reader", password="secret", decode_responses=True)
    r.set("data:1", "x")
    assert reader.get("data:1") == "x"
    with pytest.raises(redis.exceptions.NoPermissionError):
        reader.set("data:1", "y")
    with pytest.raises(redis.exceptions.NoPermissionError):
        reader.get("other")
    r.acl_deluser("reader")


def test_functions(r):
    r.function_load("#!lua name=lib\nredis.register_function('double', function(k, a) return a[1] * 2 end)", replace=True)
    assert r.fcall("double", 0, 21) == 42
    assert r.function_list()[0][1] == "lib"
    r.function_delete("lib")
