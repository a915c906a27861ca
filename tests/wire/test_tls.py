# SPDX-License-Identifier: BSD-3-Clause
"""TLS as clients of Python's ssl and redis-py see it, and as the operator does who changes certificates."""

import contextlib
import os
import pathlib
import re
import resource
import shutil
import socket
import ssl
import subprocess
import time

import pytest
from ask import info
import servers
from resp import Client, Disconnected, Failure

FAILED = "ERR CONFIG SET failed (possibly related to argument '%s') - "
UNABLE = "Unable to update TLS configuration. Check server logs."


def spare_port():
    """Not the one that servers.free_port() gives to the server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Files:
    """An authority and certificates that it signs, in a directory."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self["ca.key"], "-out", self["ca.crt"],
                "-days", "2", "-subj", "/CN=authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        for name in ("server", "other", "default", "nobody"):
            self.sign(name)

    def __getitem__(self, name):
        return str(self.directory / name)

    def sign(self, name):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", self[name + ".key"], "-out", self[name + ".csr"],
                "-subj", "/CN=" + name)
        with open(self["extensions"], "w", encoding="ascii") as out:
            out.write(f"subjectAltName=DNS:localhost,IP:127.0.0.1,URI:urn:x,URI:{name}\n"
                      "authorityKeyIdentifier=keyid\n")
        openssl("x509", "-req", "-in", self[name + ".csr"], "-CA", self["ca.crt"], "-CAkey", self["ca.key"],
                "-CAcreateserial", "-days", "2", "-out", self[name + ".crt"], "-extfile", self["extensions"])

    def context(self, name=None):
        context = ssl.create_default_context(cafile=self["ca.crt"])
        if name:
            context.load_cert_chain(self[name + ".crt"], self[name + ".key"])
        return context

    def options(self, name="server"):
        return ["--tls-cert-file", self[name + ".crt"], "--tls-key-file", self[name + ".key"],
                "--tls-ca-cert-file", self["ca.crt"]]


class TlsClient(Client):
    def __init__(self, port, context, timeout=30, session=None):
        plain = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname="localhost", session=session)
        self.input = self.socket.makefile("rb", buffering=1 << 16)

    def common_name(self):
        return dict(pair[0] for pair in self.socket.getpeercert()["subject"])["commonName"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return Files(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def server(files):
    port = spare_port()
    with servers.strata("--tls-port", port, "--tls-auth-clients", "optional", "--workers", "2",
                        *files.options()) as running:
        running.tls_port = port
        yield running


def config_set(client, *words):
    """The error, without what all have in common; "" = none."""
    try:
        return "" if client.call("CONFIG", "SET", *words) == "OK" else "?"
    except Failure as failure:
        return str(failure)


# ---- bytes ----


def test_requests_and_replies(server, files):
    with TlsClient(server.tls_port, files.context()) as client:
        assert client.call("SET", "key", "value") == "OK"
        assert client.call("GET", "key") == b"value"
        big = os.urandom(3_000_000)
        assert client.call("SET", "big", big) == "OK"
        assert client.call("GET", "big") == big
        assert client.call("APPEND", "big", big) == 6_000_000
        line = client.call("CLIENT", "INFO").decode()
        assert f"laddr=127.0.0.1:{server.tls_port} " in line and "flags=N " in line


def test_pipelines(server, files):
    with TlsClient(server.tls_port, files.context()) as client:
        count = 20000
        replies = client.raw_pipeline([("SET", f"key:{i}", "x" * (i % 300)) for i in range(count)])
        assert replies == [b"+OK\r\n"] * count
        replies = client.raw_pipeline([("STRLEN", f"key:{i}") for i in range(count)])
        assert replies == [b":%d\r\n" % (i % 300) for i in range(count)]


def test_both_versions_and_resumption(server, files):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = files.context()
        context.minimum_version = context.maximum_version = version
        with TlsClient(server.tls_port, context) as client:
            assert client.call("PING") == "PONG"
            session = client.socket.session
        with TlsClient(server.tls_port, context, session=session) as client:
            assert client.call("PING") == "PONG"
            assert client.socket.session_reused
    with server.client() as plain:
        plain.call("CONFIG", "SET", "tls-session-caching", "no")
    with TlsClient(server.tls_port, context, session=session) as client:
        assert client.call("PING") == "PONG"
        assert not client.socket.session_reused


def test_only_tls(files):
    tls_port = spare_port()
    with subprocess.Popen([servers.strata_binary(), "--port", "0", "--tls-port", str(tls_port), "--tls-auth-clients",
                           "no", "--bind", "127.0.0.1", "-::1", *files.options()],
                          stdout=subprocess.DEVNULL) as process:
        for _ in range(100):
            try:
                with TlsClient(tls_port, files.context()) as client:
                    server = info(client, "server")
                break
            except OSError:
                time.sleep(0.05)
        process.terminate()
    assert server["tcp_port"] == str(tls_port)
    assert server["listener2"] == f"name=tls,bind=127.0.0.1,bind=-::1,port={tls_port}"
    assert "listener0" not in server and process.returncode == 0


def test_redis_py(server, files):
    redis = pytest.importorskip("redis")
    client = redis.Redis(port=server.tls_port, ssl=True, ssl_ca_certs=files["ca.crt"], ssl_certfile=files["other.crt"],
                         ssl_keyfile=files["other.key"])
    pipeline = client.pipeline(transaction=False)
    for i in range(1000):
        pipeline.rpush("list", i)
    assert pipeline.execute() == list(range(1, 1001))
    subscriber = client.pubsub()
    subscriber.subscribe("channel")
    assert subscriber.get_message(timeout=5)["type"] == "subscribe"
    client.publish("channel", "message")
    assert subscriber.get_message(timeout=5)["data"] == b"message"


def import_lines(port, *options):
    done = subprocess.run([servers.strata_binary(), "import", "--port", str(port), *options, "-"], timeout=60,
                          input=b"".join(b"key%d %d\n" % (i, i) for i in range(50000)), capture_output=True, check=False)
    return done.returncode, done.stderr.decode()


def test_import(server, files, tmp_path):
    with server.client() as plain:
        plain.call("CONFIG", "SET", "tls-auth-clients", "yes")
        show = ["--cert", files["other.crt"], "--key", files["other.key"]]
        assert import_lines(server.tls_port, "--cacert", files["ca.crt"], *show) == (0, "")
        assert plain.call("DBSIZE") == 50000 and plain.call("GET", "key49999") == b"49999"
        assert import_lines(server.tls_port, "--tls", "--insecure", *show) == (0, "")
        for options in ([], ["--cacert", "/none"], ["--cert", "/none"], ["--cacertdir", str(tmp_path)]):
            status, error = import_lines(server.tls_port, "--tls", *options)
            assert status == 2 and "TLS: " in error
        assert import_lines(server.tls_port, "--insecure")[0] == 2  # shows no certificate
        status, error = import_lines(server.tls_port, "--host", "127.0.0.2", "--cacert", files["ca.crt"], *show)
        assert status == 2 and "IP address mismatch" in error
        assert import_lines(server.port, "--insecure", "--socket", "/none")[0] == 2


# ---- who does not speak TLS, or not to the end ----


def test_what_is_not_tls(server, files):
    for junk in (b"PING\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xff" * 600, os.urandom(5000), b""):
        with socket.create_connection(("127.0.0.1", server.tls_port), timeout=10) as peer:
            peer.sendall(junk)
            try:
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(4096):
                    pass
            except OSError:  # reset, or gone already
                pass
    with pytest.raises((ssl.SSLError, OSError)):
        TlsClient(server.port, files.context(), timeout=1)  # TLS to the plain port
    with TlsClient(server.tls_port, files.context()) as client:
        assert info(client, "clients")["connected_clients"] == "1"


def test_half_a_handshake_ends(server):
    begun = time.monotonic()
    peers = [socket.create_connection(("127.0.0.1", server.tls_port), timeout=30) for _ in range(20)]
    for peer in peers:
        peer.sendall(b"\x16\x03\x01\x02\x00\x01")
    with server.client() as client:
        assert client.call("PING") == "PONG"
    for peer in peers:
        assert peer.recv(1) == b""
        peer.close()
    assert 9 < time.monotonic() - begun < 25


def test_too_many_half_handshakes(files):
    """The oldest give way, and who shakes hands to the end gets in."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    port = spare_port()
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        stack.enter_context(servers.strata("--tls-port", port, "--tls-auth-clients", "no", "--workers", "1",
                                           *files.options()))
        peers = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5)) for _ in range(1100)]
        assert [peer.recv(1) for peer in peers[:76]] == [b""] * 76
        with TlsClient(port, files.context()) as client:
            assert client.call("PING") == "PONG"
        peers[-1].settimeout(0.1)
        with pytest.raises(TimeoutError):
            peers[-1].recv(1)


def test_who_comes_while_a_script_runs(files):
    port = spare_port()
    with servers.strata("--tls-port", port, "--tls-auth-clients", "no", "--workers", "1", "--busy-reply-threshold", "50",
                        *files.options()) as server, server.client() as busy:
        busy.send("EVAL", "while true do end", 0)
        time.sleep(0.2)
        with TlsClient(port, files.context(), timeout=5) as client:
            assert client.error("GET", "k").startswith("BUSY")
            assert client.call("SCRIPT", "KILL") == "OK"
        assert "killed" in str(busy.read())


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        secure.do_handshake()
    return outgoing.read()


def test_a_storm_of_handshakes_starves_nobody(files):
    """Each of these hellos makes the server sign something, which is the dear part of a handshake."""
    hello = client_hello()
    port = spare_port()
    with servers.strata("--tls-port", port, "--tls-auth-clients", "no", "--workers", "1", *files.options()) as server:
        with server.client() as client:
            peers = [socket.create_connection(("127.0.0.1", port)) for _ in range(500)]
            for peer in peers:
                peer.sendall(hello)
            pings, silent = 0, list(peers)
            while silent:
                assert client.call("PING") == "PONG"
                pings += 1
                silent[0].settimeout(0.001)
                try:
                    assert silent[0].recv(1)
                    silent.pop(0)
                except TimeoutError:
                    pass
            assert pings > 100
            for peer in peers:
                peer.close()


# ---- certificates of clients ----


def test_clients_must_show_certificates(server, files):
    with server.client() as plain:
        assert config_set(plain, "tls-auth-clients", "yes") == ""
        for name in ("other", None):
            try:
                with TlsClient(server.tls_port, files.context(name)) as client:
                    answer = client.call("PING")
            except (ssl.SSLError, OSError, Disconnected):
                answer = None
            assert answer == ("PONG" if name else None)
        assert config_set(plain, "tls-auth-clients", "no") == ""
        with TlsClient(server.tls_port, files.context()) as client:
            assert client.call("PING") == "PONG"


@pytest.mark.parametrize("field", ["CN", "URI"])
def test_users_from_certificates(server, files, field):
    with server.client() as plain:
        plain.call("CONFIG", "SET", "requirepass", "secret")
        plain.call("AUTH", "secret")
        with TlsClient(server.tls_port, files.context("default")) as client:
            assert client.error("GET", "key").startswith("NOAUTH")
        plain.call("CONFIG", "SET", "tls-auth-clients-user", field)
        with TlsClient(server.tls_port, files.context("default")) as client:
            assert client.call("GET", "key") is None
        plain.call("ACL", "SETUSER", "other", "on", "+get", "+acl", "~key")
        plain.call("ACL", "SETUSER", "nobody", "off")
        with TlsClient(server.tls_port, files.context("other")) as client:
            assert client.call("ACL", "WHOAMI") == b"other" and client.call("GET", "key") is None
            assert client.error("GET", "another").startswith("NOPERM")
        for name in ("nobody", None):
            with TlsClient(server.tls_port, files.context(name)) as client:
                assert client.error("GET", "key").startswith("NOAUTH")
        assert info(plain, "stats")["acl_access_denied_tls_cert"] == "1"
        denial = plain.call("ACL", "LOG")[0]
        assert denial[:10] == [b"count", 1, b"reason", b"tls-cert", b"context", b"toplevel", b"object", b"", b"username",
                               b"nobody"]


# ---- changing certificates ----


def serial(files, name):
    done = subprocess.run(["openssl", "x509", "-in", files[name + ".crt"], "-noout", "-serial"], capture_output=True,
                          check=True)
    return done.stdout.decode().strip().split("=")[1]


def test_info(server, files):
    with server.client() as plain:
        fields = info(plain, "tls")
        assert list(fields) == [f"tls_{name}_cert_{what}" for name in ("server", "client", "ca")
                                for what in ("serial", "expires_in_seconds")]
        assert fields["tls_server_cert_serial"] == serial(files, "server")
        assert fields["tls_ca_cert_serial"] == serial(files, "ca")
        assert fields["tls_client_cert_serial"] == "none" and fields["tls_client_cert_expires_in_seconds"] == "0"
        assert 100_000 < int(fields["tls_server_cert_expires_in_seconds"]) <= 2 * 86400
        assert "tls_server_cert_serial" not in info(plain, "default")
        assert "tls_server_cert_serial" in info(plain, "everything")


def test_certificates_change(server, files):
    context = files.context()
    with server.client() as plain, TlsClient(server.tls_port, context) as before:
        assert before.common_name() == "server"
        assert config_set(plain, "tls-cert-file", files["other.crt"], "tls-key-file", files["other.key"]) == ""
        with TlsClient(server.tls_port, context) as after:
            assert after.common_name() == "other"
        assert before.call("PING") == "PONG"
        assert info(plain, "tls")["tls_server_cert_serial"] == serial(files, "other")


@pytest.mark.parametrize("directive, value", [
    ("tls-cert-file", "/none"), ("tls-cert-file", ""), ("tls-cert-file", "server.key"), ("tls-cert-file", "other.crt"),
    ("tls-key-file", "/none"), ("tls-key-file", "other.key"), ("tls-ca-cert-file", "/none"), ("tls-ca-cert-file", ""),
    ("tls-ca-cert-file", "server.key"), ("tls-protocols", "SSLv3"), ("tls-ciphers", "none"),
    ("tls-ciphersuites", "none"), ("tls-dh-params-file", "/none")])
def test_bad_values_change_nothing(server, files, directive, value):
    if "." in value:
        value = files[value]
    with server.client() as plain:
        before = plain.call("CONFIG", "GET", directive)
        assert config_set(plain, directive, value) == FAILED % directive + UNABLE
        assert plain.call("CONFIG", "GET", directive) == before
        assert f"TLS stays as it was: {directive}" in server.log_text() or "TLS needs" in server.log_text() or \
            "tls-key-file" in server.log_text()
    with TlsClient(server.tls_port, files.context()) as client:
        assert client.common_name() == "server"


def test_keys_with_passwords(server, files, tmp_path):
    key = str(tmp_path / "key")
    openssl("rsa", "-aes256", "-passout", "pass:secret", "-in", files["other.key"], "-out", key)
    both = ("tls-cert-file", files["other.crt"], "tls-key-file", key)
    with server.client() as plain:
        assert config_set(plain, *both) == FAILED % "tls-cert-file" + UNABLE
        assert config_set(plain, *both, "tls-key-file-pass", "wrong") == FAILED % "tls-cert-file" + UNABLE
        assert config_set(plain, *both, "tls-key-file-pass", "secret") == ""
        assert "secret" not in server.log_text()
    with TlsClient(server.tls_port, files.context()) as client:
        assert client.common_name() == "other"


def test_same_path_loads_again(server, files, tmp_path):
    paths = [str(tmp_path / "crt"), str(tmp_path / "key")]
    setting = ["tls-cert-file", paths[0], "tls-key-file", paths[1]]
    with server.client() as plain:
        for name in ("server", "other"):
            shutil.copy(files[name + ".crt"], paths[0])
            shutil.copy(files[name + ".key"], paths[1])
            assert config_set(plain, *setting) == ""
            with TlsClient(server.tls_port, files.context()) as client:
                assert client.common_name() == name


def test_auto_reload(server, files, tmp_path):
    paths = [str(tmp_path / "crt"), str(tmp_path / "key")]

    def put(name):
        shutil.copy(files[name + ".crt"], paths[0])
        shutil.copy(files[name + ".key"], paths[1])

    def common_name():
        with TlsClient(server.tls_port, files.context()) as client:
            return client.common_name()

    put("server")
    with server.client() as plain:
        plain.call("CONFIG", "SET", "tls-cert-file", paths[0], "tls-key-file", paths[1])
        plain.call("CONFIG", "SET", "tls-auto-reload-interval", "1")
        put("other")
        deadline = time.monotonic() + 10
        while common_name() != "other":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        shutil.copy(files["server.key"], paths[1])  # does not fit
        while "TLS stays as it was" not in server.log_text():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert common_name() == "other"


def test_ports_change(server, files):
    with server.client() as plain:
        assert config_set(plain, "tls-port", server.port) == \
            FAILED % "tls-port" + "Unable to listen on this port. Check server logs."
        new = spare_port()
        with TlsClient(server.tls_port, files.context()) as before:
            assert config_set(plain, "tls-port", new) == ""
            with TlsClient(new, files.context()) as after:
                assert after.call("PING") == before.call("PING") == "PONG"
            with pytest.raises(ConnectionRefusedError):
                TlsClient(server.tls_port, files.context())
            assert config_set(plain, "tls-port", "0") == ""
            with pytest.raises(ConnectionRefusedError):
                TlsClient(new, files.context())
            assert before.call("PING") == "PONG"


def test_tls_begins_while_serving(files):
    with servers.strata() as server, server.client() as plain:
        port = spare_port()
        assert info(plain, "tls")["tls_server_cert_serial"] == "none"
        assert config_set(plain, "tls-cert-file", "/none") == ""
        assert config_set(plain, "tls-port", port) == FAILED % "tls-port" + UNABLE
        assert config_set(plain, *[word.removeprefix("--") for word in files.options()], "tls-port", port) == ""
        with TlsClient(port, files.context("other")) as client:
            assert client.call("PING") == "PONG"


@pytest.mark.parametrize("arguments, message", [
    ([], "TLS needs tls-cert-file"),
    (["--tls-cert-file", "{server.crt}"], "TLS needs tls-key-file"),
    (["--tls-cert-file", "{server.crt}", "--tls-key-file", "{server.key}"], "TLS needs tls-ca-cert-file or"),
    (["--tls-cert-file", "{server.crt}", "--tls-key-file", "{other.key}", "--tls-auth-clients", "no"],
     "tls-key-file .*: key values mismatch"),
])
def test_it_does_not_start_without(files, arguments, message):
    arguments = [files[word[1:-1]] if word.startswith("{") else word for word in arguments]
    done = subprocess.run([servers.strata_binary(), "--port", "0", "--tls-port", str(spare_port()), *arguments],
                          capture_output=True, timeout=20, check=False)
    assert done.returncode == 1 and re.search(message, done.stderr.decode())
