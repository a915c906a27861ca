# SPDX-License-Identifier: BSD-3-Clause
"""Sorted sets that lose most of their elements at once; all else is compared with Valkey's in tests/differential."""

import pytest

COUNT = 20000


@pytest.fixture
def large(client):
    client.call("ZADD", "set", *(word for i in range(COUNT) for word in (i // 3, f"member:{i:05}")))
    return client


def members(*numbers):
    return [b"member:%05d" % number for number in numbers]


@pytest.mark.parametrize("command", [["ZREMRANGEBYRANK", "set", 2, -3],
                                     ["ZREMRANGEBYSCORE", "set", "(0", f"({(COUNT - 1) // 3}"]])
def test_a_range_that_leaves_little(large, command):
    removed = large.call(*command)
    left = large.call("ZRANGE", "set", 0, -1)
    assert removed == COUNT - len(left)
    assert left[:2] == members(0, 1) and left[-2:] == members(COUNT - 2, COUNT - 1)
    assert large.call("ZRANK", "set", left[-1]) == len(left) - 1
    assert large.call("ZSCORE", "set", "member:00100") is None
    assert large.call("ZADD", "set", 1, "member:00100", 0, "member:00000") == 1
    assert large.call("ZREM", "set", left[0], "member:00100") == 2
    assert large.call("OBJECT", "ENCODING", "set") == b"skiplist"


def test_popping_most_of_them(large):
    assert len(large.call("ZPOPMIN", "set", COUNT - 2)) in (COUNT - 2, 2 * (COUNT - 2))
    assert large.call("ZRANGE", "set", 0, -1) == members(COUNT - 2, COUNT - 1)
