# SPDX-License-Identifier: BSD-3-Clause
"""Scripts, transactions, messages, tracking, TLS and connections: processor time and memory."""

import contextlib
import hashlib
import pathlib
import resource
import selectors
import socket
import ssl
import subprocess
import tempfile
import threading

import load
import peer
import pipeline
from pipeline import Connection, encoded
from report import Row
from servers import free_port

CONNECTIONS = 50

TOKEN_BUCKET = b"""
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'time')
local capacity, rate, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tokens = tonumber(bucket[1]) or capacity
local passed = math.max(0, now - (tonumber(bucket[2]) or now))
tokens = math.min(capacity, tokens + passed * rate)
local allowed = tokens >= 1
if allowed then tokens = tokens - 1 end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'time', now)
redis.call('EXPIRE', KEYS[1], 60)
return { allowed and 1 or 0, tostring(tokens) }
"""

PACKED_INSERT = b"""
local packed = redis.call('HGET', KEYS[1], ARGV[1])
local list = packed and cmsgpack.unpack(packed) or {}
table.insert(list, 1, cmsgpack.unpack(ARGV[2]))
while #list > 20 do table.remove(list) end
redis.call('HSET', KEYS[1], ARGV[1], cmsgpack.pack(list))
return #list
"""
PACKED_ELEMENT = b"\x83\xa2id\xcd\x30\x39\xa4name\xa6strata\xa2at\xce\x65\x00\x00\x00"


def script_batches(script, arguments, depth):
    digest = hashlib.sha1(script).hexdigest()
    return [b"".join(encoded("EVALSHA", digest, 1, f"bucket:{(n * depth + i) % 1000}", *arguments) for i in range(depth))
            for n in range(CONNECTIONS)]


def transaction_batches(depth):
    def one(n):
        key = f"key:{n % 1000}"
        return b"".join([encoded("MULTI"), encoded("SET", key, "value"), encoded("GET", key), encoded("INCR", f"n:{n % 1000}"),
                         encoded("HSET", f"h:{n % 1000}", "field", "value"), encoded("EXPIRE", key, 100), encoded("EXEC")])
    return [b"".join(one(c * depth + i) for i in range(depth)) for c in range(CONNECTIONS)]


def compare(name, both, options, measure, goal):
    found = load.alternate(both, options.rounds, lambda server: {"us": measure(server)})
    ours, theirs = found["strata"]["us"], found["valkey"]["us"]
    return Row(name, f"{ours:.2f} us CPU", f"{theirs:.2f} us CPU", f"{theirs / ours:.2f} times less CPU", f"{goal}",
               theirs / ours >= goal)


def loaded(server, script):
    server.command("SCRIPT", "LOAD", script.decode())


def scripts_and_messages(servers, options):
    with servers.strata() as strata, servers.valkey() as valkey:
        both = {"strata": strata, "valkey": valkey}
        for server in both.values():
            loaded(server, TOKEN_BUCKET)
            loaded(server, PACKED_INSERT)
        rounds = options.scaled(200)
        bucket = script_batches(TOKEN_BUCKET, (100, 10, 1700000000), 16)
        insert = script_batches(PACKED_INSERT, ("field", PACKED_ELEMENT), 16)
        multi = transaction_batches(16)
        yield compare("EVALSHA of a token bucket, pipeline of 16", both, options,
                      lambda server: pipeline.repeat(server, bucket, rounds, 16), 1.8)
        yield compare("EVALSHA that inserts into 20 packed elements, pipeline of 16", both, options,
                      lambda server: pipeline.repeat(server, insert, rounds, 16), 1.8)
        yield compare("MULTI, 5 commands, EXEC, pipelined", both, options,
                      lambda server: pipeline.repeat(server, multi, rounds, 16), 2)
        yield compare("PUBLISH to 100 subscribers, pipeline of 16", both, options,
                      lambda server: publish(server, rounds), 1.5)


@contextlib.contextmanager
def subscribers(server, count):
    """Connections that read all that is published, in a thread of their own."""
    connections = [Connection(server.port) for _ in range(count)]
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            connection.socket.sendall(encoded("SUBSCRIBE", "channel"))
            selector.register(connection.socket, selectors.EVENT_READ)
        ends = threading.Event()

        def drain():
            while not ends.is_set():
                for key, _ in selector.select(0.05):
                    key.fileobj.recv(1 << 18)

        thread = threading.Thread(target=drain)
        thread.start()
        yield
        ends.set()
        thread.join()
    for connection in connections:
        connection.close()


def publish(server, rounds):
    batch = encoded("PUBLISH", "channel", "a message of some length, as they are") * 16
    with subscribers(server, 100):
        return pipeline.repeat(server, [batch], 5 * rounds, 16)


def everything(servers, options):
    return list(scripts_and_messages(servers, options))


# ---- client-side caching ----

def tracking(servers, options):
    """What a table of tracked keys costs those who do not track: the same load with and without it."""
    clients = 1000 if options.quick else 10_000
    raise_file_limit(clients + 100)
    with servers.strata("--maxclients", str(clients + 100)) as off, servers.strata("--maxclients", str(clients + 100)) as on:
        both = {"off": off, "on": on}
        for server in both.values():
            load.run(server, "fill", depth=64)
        idle = [Connection(on.port) for _ in range(clients)]
        for number, connection in enumerate(idle):
            reads = b"".join(encoded("GET", key) for key in (f"tracked:{number}:{i}" for i in range(10)))
            connection.run(encoded("HELLO", 3), encoded("CLIENT", "TRACKING", "ON"), reads)
        found = load.alternate(both, options.rounds, lambda server: load.run(
            server, "mixed", depth=16, requests=options.scaled(2_000_000)))
        for connection in idle:
            connection.close()
    times = found["on"]["cpu_us"] / found["off"]["cpu_us"]
    return [Row(f"SET and GET while {clients:,} clients track 10 keys each", f"{found['on']['cpu_us']:.3f} us CPU",
                f"{found['off']['cpu_us']:.3f} us CPU", f"{times:.2f} times", "1.15", times <= 1.15)]


# ---- connections ----

def raise_file_limit(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 100:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(count + 100, soft), max(hard, count + 100)))


def idle_connections(servers, options):
    count = 2000 if options.quick else 10_000
    raise_file_limit(count)
    sizes = {}
    limit = ("--maxclients", str(count + 100))
    for name, start in (("strata", servers.strata), ("valkey", servers.valkey)):
        with start(*limit) as server:
            server.command("PING")
            before = server.settled_resident_bytes()
            connections = [Connection(server.port) for _ in range(count)]
            for connection in connections:
                connection.run(encoded("PING"))
            sizes[name] = (server.settled_resident_bytes() - before) / count
            for connection in connections:
                connection.close()
    share = sizes["strata"] / sizes["valkey"]
    return [Row(f"an idle connection, of {count:,}", f"{sizes['strata']:,.0f} bytes", f"{sizes['valkey']:,.0f} bytes",
                f"{share:.0%} of the memory", "60 %", share <= 0.6)]


# ---- TLS ----

def tls_options(port, directory):
    return ["--tls-port", str(port), "--tls-cert-file", f"{directory}/cert.pem", "--tls-key-file", f"{directory}/key.pem",
            "--tls-auth-clients", "no"]


def make_certificate(directory):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-keyout", f"{directory}/key.pem", "-out",
                    f"{directory}/cert.pem"], check=True, stderr=subprocess.DEVNULL)
    pathlib.Path(directory, "key.pem").chmod(0o644)  # Valkey may run as another user


def handshakes(server, port, context, count):
    before = server.cpu_seconds()
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain) as tls:
            tls.sendall(encoded("PING"))
            tls.recv(100)
    return (server.cpu_seconds() - before) * 1e6 / count


def tls(servers, options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    ports = {"strata": free_port(), "valkey": free_port()}
    # Valkey's root is another directory, so the certificate lies below that.
    with tempfile.TemporaryDirectory(dir=peer.directory() / "tmp") as outside:
        inside = "/tmp/" + pathlib.Path(outside).name
        pathlib.Path(outside).chmod(0o755)
        make_certificate(outside)
        with servers.strata(*tls_options(ports["strata"], outside)) as strata, \
                servers.valkey(*tls_options(ports["valkey"], inside)) as valkey:
            both = {"strata": strata, "valkey": valkey}

            def get(server):
                return pipeline.repeat(server, batches, options.scaled(500), 16, ports[server.name.lower()],
                                       context.wrap_socket)

            for server in both.values():
                load.run(server, "fill", depth=64)
            batches = [b"".join(encoded("GET", f"key:{c * 16 + i:012}") for i in range(16)) for c in range(CONNECTIONS)]
            return [
                compare("GET over TLS, pipeline of 16", both, options, get, 1.3),
                compare("a TLS handshake", both, options, lambda server: handshakes(
                    server, ports[server.name.lower()], context, options.scaled(2000)), 1.0),
            ]
