# SPDX-License-Identifier: BSD-3-Clause
"""maxmemory with collections: resident memory stays at the limit, and no more goes than has to."""

import pytest

from ask import info, wait_until
import servers

LIMIT_MIB = 96
FIELDS = 5000


@pytest.fixture
def limited():
    with servers.strata("--maxmemory", f"{LIMIT_MIB}mb", "--maxmemory-policy", "allkeys-lru") as server:
        with server.client() as client:
            yield client


def memory(client, field):
    text = client.call("INFO", "memory").decode()
    return next(int(line.split(":")[1]) for line in text.splitlines() if line.startswith(field + ":"))


def is_counted(client):
    return b"jemalloc" in client.call("INFO", "memory")


def fill(client, number):
    client.call("HSET", f"hash:{number}", *(word for i in range(FIELDS) for word in (f"field:{i}", f"value:{i:032}")))


def test_large_hashes_are_evicted_one_by_one(limited):
    if not is_counted(limited):
        pytest.skip("the allocator does not tell what it holds")
    number = 0
    while limited.call("DBSIZE") == number:
        fill(limited, number)
        number += 1
    most = number
    for number in range(most, most + 200):
        fill(limited, number)
        assert limited.call("DBSIZE") > 0.8 * most
        assert limited.call("EXISTS", f"hash:{number}")
    assert memory(limited, "used_memory_rss") < 1.15 * LIMIT_MIB * 2**20


def test_memory_of_collections_is_data(limited):
    before = memory(limited, "used_memory_dataset")
    for number in range(20):
        fill(limited, number)
    grown = memory(limited, "used_memory_dataset") - before
    if is_counted(limited):
        assert grown > 20 * FIELDS * 45


def test_a_lower_limit_evicts_though_nobody_writes(limited):
    for number in range(20):
        fill(limited, number)
    limited.call("CONFIG", "SET", "maxmemory", 1)
    wait_until(lambda: limited.call("DBSIZE") == 0)
    assert int(info(limited, "stats")["evicted_keys"]) == 20
