# SPDX-License-Identifier: BSD-3-Clause
"""What a server that is no cluster, no replica and has no modules tells those who ask."""

import pytest

DISABLED = b"-ERR This instance has cluster support disabled\r\n"


@pytest.mark.parametrize("command", ["INFO", "NODES", "SLOTS", "SHARDS", "MYID", "LINKS", "HELP", "COUNTKEYSINSLOT 1",
                                     "MEET 127.0.0.1 7000", "ADDSLOTS 1", "RESET", "SLOT-STATS SLOTSRANGE 0 1"])
def test_there_is_no_cluster(client, command):
    assert client.raw("CLUSTER", *command.split()) == DISABLED


def test_replicas_and_slots_that_move(client):
    assert client.call("READONLY") == "OK" and client.call("READWRITE") == "OK"
    assert client.raw("ASKING") == DISABLED


@pytest.mark.parametrize("key, slot", [
    ("", 0), ("a", 15495), ("123456789", 12739), ("{user}x", 5474), ("{}x", 10595), ("x{", 3596), ("{a}{b}", 15495)])
def test_slots_of_keys(client, key, slot):
    assert client.call("CLUSTER", "KEYSLOT", key) == slot


@pytest.mark.parametrize("command", ["REPLICAOF", "SLAVEOF"])
def test_it_is_nobodys_replica(client, command):
    assert client.call(command, "No", "one") == "OK"
    assert client.error(command, "127.0.0.1", "7000") == "ERR Strata has no replication: it cannot be a replica"


@pytest.mark.parametrize("command", ["SYNC", "PSYNC ? -1", "REPLCONF listening-port 7000"])
def test_it_has_no_replicas(client, command):
    assert client.error(*command.split()) == "ERR Strata has no replication: it cannot have replicas"


def test_failovers(client):
    assert client.error("FAILOVER") == "ERR FAILOVER requires connected replicas."
    assert client.error("FAILOVER", "ABORT") == "ERR No failover in progress."


def test_modules(client):
    assert client.call("MODULE", "LIST") == []
    assert client.error("MODULE", "LOAD", "/lib/x.so") == "ERR Strata has no modules"
    assert client.error("MODULE", "X") == "ERR unknown subcommand 'X'. Try MODULE HELP."


def test_restoring_among_nodes(client):
    client.call("SET", "a", "b")
    assert client.call("RESTORE-ASKING", "c", 0, client.call("DUMP", "a")) == "OK"
    assert client.call("GET", "c") == b"b"
