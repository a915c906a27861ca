# SPDX-License-Identifier: BSD-3-Clause
"""SORT of many elements, which goes by ranks first; of few it is compared with Valkey's in tests/differential."""

import random

import pytest

COUNT = 2000


def shown(client, *arguments):
    return [element.decode() for element in client.call("SORT", "list", *arguments)]


@pytest.mark.parametrize("make", [lambda i: f"{random.uniform(-1e6, 1e6):.4f}", lambda i: str(random.randint(-40, 40)),
                                  lambda i: ["0", "-0", "inf", "-inf", "1e300", "-1e-300", "7"][i % 7]])
def test_numbers(client, make):
    random.seed(1)
    elements = [make(i) for i in range(COUNT)]
    client.call("RPUSH", "list", *elements)
    rising = sorted(elements, key=lambda text: (float(text), text))
    falling = sorted(elements, key=lambda text: (float(text), text), reverse=True)
    assert shown(client) == rising
    assert shown(client, "DESC") == falling
    for first, count in ((0, 10), (COUNT // 2, 30), (COUNT - 5, 100), (COUNT, 1)):
        assert shown(client, "LIMIT", first, count) == rising[first:first + count]
        assert shown(client, "DESC", "LIMIT", first, count) == falling[first:first + count]


@pytest.mark.parametrize("prefix", ["", "x", "a prefix of more than eight bytes:"])
def test_texts(client, prefix):
    random.seed(2)
    elements = [prefix + random.choice("abc") * random.randrange(12) for _ in range(COUNT)]
    client.call("RPUSH", "list", *elements)
    assert shown(client, "ALPHA") == sorted(elements)
    assert shown(client, "ALPHA", "DESC", "LIMIT", 100, 50) == sorted(elements, reverse=True)[100:150]


def test_weights(client):
    elements = [str(i) for i in range(COUNT)]
    client.call("RPUSH", "list", *elements)
    client.call("MSET", *(word for i in range(COUNT) for word in (f"weight:{i}", (i * 7919) % COUNT)))
    assert shown(client, "BY", "weight:*") == sorted(elements, key=lambda text: int(text) * 7919 % COUNT)
