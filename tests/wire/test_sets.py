# SPDX-License-Identifier: BSD-3-Clause
"""Sets: what is at random, and what large ones give back."""

import collections

import pytest


def set_of(client, key, count, prefix="m"):
    for start in range(0, count, 2000):
        client.call("SADD", key, *[f"{prefix}{i}" for i in range(start, min(count, start + 2000))])


@pytest.mark.parametrize("count, prefix", [(20, ""), (20, "m"), (600, "m")])
def test_members_at_random_are_all_as_likely(client, count, prefix):
    set_of(client, "s", count, prefix)
    drawn = collections.Counter(client.call("SRANDMEMBER", "s", -count * 200))
    assert len(drawn) == count
    assert max(abs(times - 200) for times in drawn.values()) < 6 * 200 ** 0.5


@pytest.mark.parametrize("count", [20, 500, 3000])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 1.5])
def test_what_is_popped_is_gone_and_the_rest_is_there(client, count, share):
    set_of(client, "s", count)
    popped = client.call("SPOP", "s", int(count * share))
    rest = client.call("SMEMBERS", "s")
    assert len(popped) == min(int(count * share), count)
    assert sorted(popped + rest) == sorted(f"m{i}".encode() for i in range(count))
    assert client.call("EXISTS", "s") == bool(rest)


@pytest.mark.parametrize("count", [20, 3000])
def test_different_members_are_different(client, count):
    set_of(client, "s", count)
    for wanted in [1, count // 10, count // 2, count - 1, count, count + 1]:
        found = client.call("SRANDMEMBER", "s", wanted)
        assert len(found) == len(set(found)) == min(wanted, count)


def test_a_large_set_gives_its_memory_back(client):
    set_of(client, "s", 50000)
    full = client.call("MEMORY", "USAGE", "s")
    assert len(client.call("SPOP", "s", 40000)) == 40000
    for _ in range(90):
        client.call("SPOP", "s", 100)
    assert client.call("SCARD", "s") == 1000
    assert client.call("MEMORY", "USAGE", "s") < full / 8


def test_an_absurd_number_of_random_members_is_refused(client):
    client.call("SADD", "s", "a")
    assert "out of range" in client.error("SRANDMEMBER", "s", -2**62)
    assert client.call("SRANDMEMBER", "s", 2**62) == [b"a"]


def test_large_sets_are_combined(client):
    set_of(client, "all", 20000)
    client.call("SADD", "few", *[f"m{i}" for i in range(0, 20000, 100)], "other")
    assert client.call("SINTERCARD", 2, "all", "few") == 200
    assert client.call("SDIFFSTORE", "d", "all", "few") == 19800
    assert client.call("SUNIONSTORE", "u", "d", "few") == 20001
    assert sorted(client.call("SDIFF", "u", "all")) == [b"other"]
    assert client.call("SDIFF", "few", "u") == []
