# SPDX-License-Identifier: BSD-3-Clause
"""Strings and bitmaps: what must hold whatever a peer answers. The replies themselves are compared with Valkey's in
tests/differential."""

import random

import pytest

MIB = 1 << 20


@pytest.mark.parametrize("size", [0, 1, 43, 44, 45, 252, 253, 254, 255, 256, 257, 4000, 4096, 65535, 65536, 5 * MIB])
def test_values_of_all_sizes_come_back(client, size):
    value = random.Random(size).randbytes(size)
    assert client.call("SET", "k", value) == "OK"
    assert client.call("GET", "k") == value
    assert client.call("STRLEN", "k") == size


@pytest.mark.parametrize("size", [1, 254, 255, 256, 10000, MIB])
def test_keys_of_all_sizes_are_found(client, size):
    key = bytes(size)
    client.call("SET", key, "v", "EX", 1000)
    assert client.call("GET", key) == b"v"
    assert client.call("APPEND", key, "w") == 2
    assert client.call("GETDEL", key) == b"vw"
    assert client.call("EXISTS", key) == 0


def test_a_value_grows_and_shrinks_in_place(client):
    chance = random.Random(1)
    for _ in range(300):
        value = bytes([chance.randrange(256)]) * chance.choice([0, 3, 100, 254, 255, 300, 5000, 70000])
        expiry = chance.choice([[], ["EX", 1000], ["KEEPTTL"]])
        client.call("SET", "k", value, *expiry)
        assert client.call("GET", "k") == value


def test_appending_builds_the_whole(client):
    parts = [bytes([i % 256]) * (i % 97) for i in range(2000)]
    replies = client.raw_pipeline([["APPEND", "k", part] for part in parts])
    whole = b"".join(parts)
    assert replies[-1] == b":%d\r\n" % len(whole)
    assert client.call("GET", "k") == whole


def test_writing_far_behind_the_end_fills_with_zeros(client):
    assert client.call("SETRANGE", "k", 3 * MIB, "x") == 3 * MIB + 1
    value = client.call("GET", "k")
    assert value == bytes(3 * MIB) + b"x"
    assert client.call("SETBIT", "bits", 8 * MIB - 1, 1) == 0
    assert client.call("BITPOS", "bits", 1) == 8 * MIB - 1
    assert client.call("BITCOUNT", "bits") == 1


def test_a_string_may_not_outgrow_its_limit(client):
    limit = client.call("CONFIG", "GET", "proto-max-bulk-len")
    limit = int(dict(limit)[b"proto-max-bulk-len"] if client.resp == 3 else limit[1])
    too_large = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
    assert client.error("SETRANGE", "k", limit, "x") == too_large
    assert client.call("EXISTS", "k") == 0
    try:
        client.call("CONFIG", "SET", "proto-max-bulk-len", MIB)
        client.call("SETRANGE", "k", MIB - 1, "x")
        assert client.error("APPEND", "k", "x") == too_large
        assert client.error("SETBIT", "k", 8 * MIB, "1") == "ERR bit offset is not an integer or out of range"
        assert client.call("STRLEN", "k") == MIB
        # Sizes have 32 bits.
        client.call("CONFIG", "SET", "proto-max-bulk-len", "8gb")
        assert client.error("SETRANGE", "k", 1 << 32, "x") == too_large
        assert client.error("SETBIT", "k", 1 << 35, "1") == "ERR bit offset is not an integer or out of range"
    finally:
        client.call("CONFIG", "SET", "proto-max-bulk-len", limit)


@pytest.mark.parametrize("operation,combine", [
    ("AND", lambda a, b: a & b), ("OR", lambda a, b: a | b), ("XOR", lambda a, b: a ^ b)])
def test_bitop_of_large_strings(client, operation, combine):
    chance = random.Random(2)
    one, other = chance.randbytes(MIB + 13), chance.randbytes(MIB // 2 + 5)
    client.call("SET", "one", one)
    client.call("SET", "other", other)
    assert client.call("BITOP", operation, "result", "one", "other") == len(one)
    a, b = int.from_bytes(one, "big"), int.from_bytes(other.ljust(len(one), b"\0"), "big")
    assert client.call("GET", "result") == combine(a, b).to_bytes(len(one), "big")
    assert client.call("BITCOUNT", "one") == bin(a).count("1")


def test_a_destination_may_be_a_source(client):
    client.call("SET", "k", "\x0f")
    assert client.call("BITOP", "NOT", "k", "k") == 1
    assert client.call("GET", "k") == b"\xf0"


def test_counters_count_every_increment(server, client):
    others = [server.client() for _ in range(4)]
    for _ in range(50):
        for other in others:
            other.send("INCRBY", "n", 3)
    for other in others:
        for _ in range(50):
            other.read()
        other.close()
    assert client.call("GET", "n") == b"600"


def test_mset_is_seen_whole(server, client):
    writer = server.client()
    for i in range(200):
        writer.send("MSET", "a", i, "b", i, "c", i)
    for _ in range(200):
        a, b, c = client.call("MGET", "a", "b", "c")
        assert a == b == c
    for _ in range(200):
        writer.read()
    writer.close()


def test_lcs_matches_what_it_says(client):
    chance = random.Random(3)
    one, other = bytes(chance.choices(b"abcd", k=3000)), bytes(chance.choices(b"abcd", k=2500))
    client.call("MSET", "one", one, "other", other)
    text = client.call("LCS", "one", "other")
    assert client.call("LCS", "one", "other", "LEN") == len(text)
    reply = client.call("LCS", "one", "other", "IDX", "WITHMATCHLEN")
    fields = dict(reply) if client.resp == 3 else dict(zip(reply[::2], reply[1::2]))
    parts = []
    for (a_first, a_last), (b_first, b_last), length in reversed(fields[b"matches"]):
        part = one[a_first:a_last + 1]
        assert part == other[b_first:b_last + 1] and len(part) == length
        parts.append(part)
    assert b"".join(parts) == text and fields[b"len"] == len(text)


def test_an_error_leaves_the_key_alone(client):
    client.call("SET", "k", "v", "EX", 1000)
    replies = client.raw_pipeline([
        ["INCR", "k"], ["INCRBYFLOAT", "k", "1"], ["SET", "k", "w", "EX", "0"], ["SETRANGE", "k", "-1", "x"],
        ["SETBIT", "k", "0", "2"], ["BITFIELD", "k", "SET", "u8", "0", "1", "GET", "u99", "0"]])
    assert all(reply.startswith(b"-ERR") for reply in replies)
    assert client.call("GET", "k") == b"v"
    assert client.call("TTL", "k") > 990
