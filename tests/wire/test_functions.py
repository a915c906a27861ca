# SPDX-License-Identifier: BSD-3-Clause
"""Functions: several workers, and payloads that travel to Valkey and back."""

import pytest
import servers

LIBRARY = ("#!lua name={0}\n"
           "local calls = 0\n"
           "server.register_function('{0}_add', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)\n"
           "server.register_function{{function_name='{0}_look', flags={{'no-writes'}}, description='Looks',\n"
           "    callback=function(keys) calls = calls + 1 return {{redis.call('GET', keys[1]), calls > 0}} end}}\n")


@pytest.fixture
def clients(by_workers):
    connections = [by_workers.client() for _ in range(6)]
    connections[0].call("FLUSHALL")
    connections[0].call("FUNCTION", "FLUSH")
    yield connections
    for connection in connections:
        connection.close()


def test_a_library_is_everybodys(clients):
    assert clients[0].call("FUNCTION", "LOAD", LIBRARY.format("lib")) == b"lib"
    assert [client.call("FCALL", "lib_add", 1, "n", 2) for client in clients] == [2, 4, 6, 8, 10, 12]
    assert all(client.call("FCALL_RO", "LIB_look", 1, "n") == [b"12", 1] for client in clients)
    assert clients[1].call("FUNCTION", "LOAD", "REPLACE", "#!lua name=lib\nserver.register_function('lib_add', function() return 'new' end)") == b"lib"
    assert {client.call("FCALL", "lib_add", 0) for client in clients} == {b"new"}
    assert {client.error("FCALL", "lib_look", 0) for client in clients} == {"ERR Function not found"}
    assert clients[2].call("FUNCTION", "DELETE", "lib") == "OK"
    assert {client.error("FCALL", "lib_add", 0) for client in clients} == {"ERR Function not found"}


def test_a_library_that_does_not_end_is_not_loaded(clients):
    code = "#!lua name=loop\nserver.register_function('f', function() end) while true do end"
    assert clients[0].error("FUNCTION", "LOAD", code) == "ERR Error registering functions: ERR FUNCTION LOAD timeout"
    assert clients[1].call("FUNCTION", "LIST") == []
    assert clients[0].call("FUNCTION", "LOAD", LIBRARY.format("after")) == b"after"


def test_payloads(clients):
    client = clients[0]
    for name in ("one", "two"):
        client.call("FUNCTION", "LOAD", LIBRARY.format(name))
    payload = client.call("FUNCTION", "DUMP")
    assert client.error("FUNCTION", "RESTORE", payload) == "ERR Library one already exists"
    client.call("FUNCTION", "DELETE", "one")
    assert client.error("FUNCTION", "RESTORE", payload) == "ERR Library two already exists"
    assert client.error("FCALL", "one_add", 1, "n", 1) == "ERR Function not found"
    assert client.call("FUNCTION", "RESTORE", payload, "REPLACE") == "OK"
    assert clients[1].call("FCALL", "one_add", 1, "n", 1) == 1
    client.call("FUNCTION", "LOAD", LIBRARY.format("three"))
    assert client.call("FUNCTION", "RESTORE", payload, "FLUSH") == "OK"
    assert {library[1] for library in client.call("FUNCTION", "LIST")} == {b"one", b"two"}
    client.call("FUNCTION", "FLUSH")
    client.call("FUNCTION", "LOAD", "#!lua name=other\nserver.register_function('one_add', function() end)")
    assert client.error("FUNCTION", "RESTORE", payload, "REPLACE") == "ERR Function one_add already exists"
    assert [library[1] for library in client.call("FUNCTION", "LIST")] == [b"other"]
    for at in range(len(payload)):
        broken = payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1:]
        assert client.error("FUNCTION", "RESTORE", broken) == "ERR DUMP payload version or checksum are wrong"


def test_payloads_travel(clients):
    with servers.valkey() as peer, peer.client() as valkey:
        clients[0].call("FUNCTION", "LOAD", LIBRARY.format("lib"))
        payload = clients[0].call("FUNCTION", "DUMP")
        assert valkey.call("FUNCTION", "RESTORE", payload) == "OK"
        assert valkey.call("FCALL", "lib_add", 1, "n", 3) == 3
        valkey.call("FUNCTION", "LOAD", LIBRARY.format("more"))
        clients[1].call("FUNCTION", "RESTORE", valkey.call("FUNCTION", "DUMP"), "FLUSH")
        assert clients[2].call("FCALL", "more_add", 1, "n", 4) == 4


def test_figures(clients):
    clients[0].call("FUNCTION", "LOAD", LIBRARY.format("lib"))
    info = clients[1].call("INFO", "memory").decode()
    assert "number_of_libraries:1\r\n" in info and "number_of_functions:2\r\n" in info
