# SPDX-License-Identifier: BSD-3-Clause
"""Publish and subscribe, by one worker and by several."""

import threading
import time

import pytest
from resp import Disconnected, encode


@pytest.fixture
def publisher(by_workers):
    with by_workers.client() as connection:
        yield connection


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def listener(by_workers, request):
    with by_workers.client(request.param) as connection:
        connection.resp = request.param
        yield connection


def subscribe(client, command, *names):
    client.send(command, *names)
    return [client.read() for _ in names]


def settle(client):
    """All that was published before has arrived at other workers."""
    time.sleep(0.05)
    client.call("PING")


def test_messages_arrive(publisher, listener):
    assert subscribe(listener, "SUBSCRIBE", "a", "b", "a") == [
        [b"subscribe", b"a", 1], [b"subscribe", b"b", 2], [b"subscribe", b"a", 2]]
    assert subscribe(listener, "PSUBSCRIBE", "?") == [[b"psubscribe", b"?", 3]]
    assert subscribe(listener, "SSUBSCRIBE", "a") == [[b"ssubscribe", b"a", 1]]
    assert publisher.call("PUBLISH", "a", "one") == 2
    assert listener.read() == [b"message", b"a", b"one"]
    assert listener.read() == [b"pmessage", b"?", b"a", b"one"]
    assert publisher.call("SPUBLISH", "a", "two") == 1
    assert listener.read() == [b"smessage", b"a", b"two"]
    assert publisher.call("PUBLISH", "nobody", "listens") == 0


def test_messages_are_pushes_in_resp3_alone(publisher, listener):
    subscribe(listener, "SUBSCRIBE", "kind")
    publisher.call("PUBLISH", "kind", "x")
    assert listener.read_raw().startswith(b">3" if listener.resp == 3 else b"*3")


def test_unsubscribing(publisher, listener):
    subscribe(listener, "SUBSCRIBE", "a", "b")
    assert subscribe(listener, "UNSUBSCRIBE", "none") == [[b"unsubscribe", b"none", 2]]
    listener.send("UNSUBSCRIBE")
    assert [listener.read(), listener.read()] == [[b"unsubscribe", b"a", 1], [b"unsubscribe", b"b", 0]]
    assert listener.call("UNSUBSCRIBE") == [b"unsubscribe", None, 0]
    assert listener.call("PUNSUBSCRIBE") == [b"punsubscribe", None, 0]
    assert listener.call("SUNSUBSCRIBE") == [b"sunsubscribe", None, 0]
    assert publisher.call("PUBLISH", "a", "x") == 0
    assert listener.call("GET", "k") is None


def test_what_a_subscriber_may_do(by_workers, publisher):
    with by_workers.client() as listener:
        subscribe(listener, "SUBSCRIBE", "a")
        assert listener.error("GET", "k") == (
            "ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in "
            "this context")
        assert "'client|list'" in listener.error("CLIENT", "LIST")
        assert listener.call("PING") == [b"pong", b""]
        assert listener.call("PING", "text") == [b"pong", b"text"]
        assert listener.call("RESET") == "RESET"
        assert listener.call("PING") == "PONG"
        assert publisher.call("PUBLISH", "a", "x") == 0
        subscribe(listener, "SUBSCRIBE", "a")
        assert listener.call("QUIT") == "OK"


def test_resp3_may_do_everything_and_hears_itself_after_the_reply(by_workers):
    with by_workers.client(3) as client:
        subscribe(client, "SUBSCRIBE", "me")
        assert client.call("PING") == "PONG"
        assert client.call("PUBLISH", "me", "x") == 1
        assert client.read() == [b"message", b"me", b"x"]
        replies = client.raw_pipeline([("PUBLISH", "me", "1"), ("GET", "k"), ("PUBLISH", "me", "2")])
        replies += [client.read_raw(), client.read_raw()]
        assert [reply[:1] for reply in replies] == [b":", b">", b"_", b":", b">"]


def test_messages_are_not_silenced(publisher, by_workers):
    with by_workers.client(3) as client:
        client.send("CLIENT", "REPLY", "OFF")
        assert subscribe(client, "SUBSCRIBE", "loud") == [[b"subscribe", b"loud", 1]]
        publisher.call("PUBLISH", "loud", "x")
        assert client.read() == [b"message", b"loud", b"x"]


def test_the_empty_channel_matches_no_pattern_but_the_empty_one(publisher, listener):
    subscribe(listener, "PSUBSCRIBE", "*", "?*")
    assert publisher.call("PUBLISH", "", "x") == 0
    subscribe(listener, "PSUBSCRIBE", "")
    assert publisher.call("PUBLISH", "", "x") == 1
    assert listener.read() == [b"pmessage", b"", b"", b"x"]


def test_who_listens_to_what(publisher, listener):
    assert publisher.call("PUBSUB", "CHANNELS") == []
    subscribe(listener, "SUBSCRIBE", "ca", "cb")
    subscribe(listener, "PSUBSCRIBE", "p*")
    subscribe(listener, "SSUBSCRIBE", "shard")
    assert sorted(publisher.call("PUBSUB", "CHANNELS")) == [b"ca", b"cb"]
    assert publisher.call("PUBSUB", "CHANNELS", "*b") == [b"cb"]
    assert publisher.call("PUBSUB", "NUMSUB", "ca", "x") == [b"ca", 1, b"x", 0]
    assert publisher.call("PUBSUB", "NUMSUB") == []
    assert publisher.call("PUBSUB", "NUMPAT") == 1
    assert publisher.call("PUBSUB", "SHARDCHANNELS") == [b"shard"]
    assert publisher.call("PUBSUB", "SHARDNUMSUB", "shard", "ca") == [b"shard", 1, b"ca", 0]
    assert publisher.error("PUBSUB", "CHANNELS", "a", "b") == (
        "ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.")
    line = publisher.call("CLIENT", "LIST", "TYPE", "PUBSUB").decode()
    assert line.count("\n") == 1 and " flags=P " in line and " sub=2 psub=1 ssub=1 " in line
    info = publisher.call("INFO", "everything").decode()
    for field in "pubsub_channels:2", "pubsub_patterns:1", "pubsubshard_channels:1", "pubsub_clients:1":
        assert field + "\r\n" in info
    listener.close()
    settle(publisher)
    assert publisher.call("PUBSUB", "CHANNELS") == publisher.call("PUBSUB", "SHARDCHANNELS") == []
    assert publisher.call("PUBSUB", "NUMPAT") == 0


def test_messages_keep_the_order_of_their_publisher(by_workers):
    publishers, messages = 3, 2000
    listeners = [by_workers.client(2 + i % 2, timeout=20) for i in range(6)]
    for listener in listeners:
        subscribe(listener, "SUBSCRIBE", "stream")

    def publish(name):
        with by_workers.client() as client:
            client.socket.sendall(b"".join(encode("PUBLISH", "stream", f"{name} {i}") for i in range(messages)))
            for _ in range(messages):
                assert client.read() == len(listeners)

    threads = [threading.Thread(target=publish, args=(name,)) for name in range(publishers)]
    for thread in threads:
        thread.start()
    for listener in listeners:
        next_of = [0] * publishers
        for _ in range(publishers * messages):
            name, number = map(int, listener.read()[2].split())
            assert number == next_of[name]
            next_of[name] += 1
        listener.close()
    for thread in threads:
        thread.join()


def test_coming_and_going_while_others_publish(by_workers):
    stop = threading.Event()

    def publish():
        with by_workers.client() as client:
            while not stop.is_set():
                client.raw_pipeline([("PUBLISH", f"c{i % 3}", "x") for i in range(50)])

    threads = [threading.Thread(target=publish) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(60):
        with by_workers.client(3) as client:
            client.send("SUBSCRIBE", "c0", "c1")
            client.send("PSUBSCRIBE", "c?")
            for _ in range(turn):
                client.read()
    stop.set()
    for thread in threads:
        thread.join()


def test_a_slow_listener_is_closed(by_workers, publisher):
    publisher.call("CONFIG", "SET", "client-output-buffer-limit", "pubsub 4mb 0 0")
    with by_workers.client() as listener:
        subscribe(listener, "SUBSCRIBE", "big")
        for _ in range(60):
            publisher.call("PUBLISH", "big", "x" * 500_000)
        settle(publisher)
        assert publisher.call("PUBLISH", "big", "x") == 0
        with pytest.raises((Disconnected, ConnectionError)):
            while True:
                listener.read()
