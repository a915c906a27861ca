# SPDX-License-Identifier: BSD-3-Clause
"""What a server that is no cluster tells those who ask."""

import pytest

DISABLED = b"-ERR This instance has cluster support disabled\r\n"


@pytest.mark.parametrize("command", ["INFO", "NODES", "SLOTS", "SHARDS", "MYID", "LINKS", "HELP", "COUNTKEYSINSLOT 1"])
def test_there_is_no_cluster(client, command):
    assert client.raw("CLUSTER", *command.split()) == DISABLED


def test_replicas_and_slots_that_move(client):
    assert client.call("READONLY") == "OK" and client.call("READWRITE") == "OK"
    assert client.raw("ASKING") == DISABLED


@pytest.mark.parametrize("key, slot", [
    ("", 0), ("a", 15495), ("123456789", 12739), ("{user}x", 5474), ("{}x", 10595), ("x{", 3596), ("{a}{b}", 15495)])
def test_slots_of_keys(client, key, slot):
    assert client.call("CLUSTER", "KEYSLOT", key) == slot
