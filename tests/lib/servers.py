# SPDX-License-Identifier: BSD-3-Clause
"""Servers for tests: Strata, and the peers to compare it with."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "script/lib"))

import peer  # noqa: E402
from resp import Client, Disconnected  # noqa: E402

START_SECONDS = 20


def strata_binary():
    return os.environ.get("STRATA_BIN", str(ROOT / "build/strata"))


def free_port():
    """A port that nobody listens on: of the range in STRATA_TEST_PORTS ("17000-17099"), or any."""
    first, _, last = os.environ.get("STRATA_TEST_PORTS", "0-0").partition("-")
    for port in range(int(first), int(last) + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise RuntimeError("no free port in STRATA_TEST_PORTS")


class Server:
    """A process that answers PING, in a directory of its own. Usable in `with`."""

    def __init__(self, name, command, arguments=(), sees_host_files=True):
        self.name = name
        self.command = command
        self.arguments = list(arguments)
        # A peer lives in a root directory of its own, where only /tmp is sure to exist.
        self.directory = tempfile.mkdtemp(prefix="strata-test-") if sees_host_files else None
        self.process = None
        self.port = 0
        self.log = tempfile.TemporaryFile("a+b")
        self.start()

    def start(self):
        # Somebody else may take a port after it was found to be free.
        for _ in range(5):
            if self.start_at(free_port()):
                return
        raise RuntimeError(f"{self.name} found no free port")

    def start_at(self, port):
        """False: the port is taken."""
        self.port = port
        before = self.log.seek(0, os.SEEK_END)
        options = ["--port", self.port, "--dir", self.directory or "/tmp", *self.arguments]
        self.process = subprocess.Popen([*self.command, *map(str, options)], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers() or not self.is_running():
            if not self.is_running() or time.monotonic() > deadline:
                self.stop()
                if "Address already in use" in self.log_text(self.log.seek(0, os.SEEK_END) - before):
                    return False
                raise RuntimeError(f"{self.name} did not start:\n{self.log_text()}")
            time.sleep(0.02)
        return True

    def answers(self):
        try:
            with self.client(timeout=1) as client:
                return client.raw("PING").startswith((b"+PONG", b"-NOAUTH"))
        except (OSError, Disconnected):
            return False

    def client(self, resp=2, timeout=30):
        return Client(self.port, resp=resp, timeout=timeout)

    def is_running(self):
        return self.process.poll() is None

    def log_text(self, most=8000):
        """The end of what it wrote to its standard output and error."""
        size = self.log.seek(0, os.SEEK_END)
        self.log.seek(max(0, size - most))
        return self.log.read().decode(errors="replace")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def kill(self):
        """As a crash would end it: nothing is written any more."""
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        self.stop()
        self.log.close()
        if self.directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class World:
    """Makes connections to a server, which are closed at the end of `with`."""

    def __init__(self, server):
        self.server = server
        self.connections = contextlib.ExitStack()

    def __call__(self, resp=2, timeout=10):
        return self.connections.enter_context(self.server.client(resp, timeout=timeout))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connections.close()


def strata(*arguments):
    return Server("Strata", [strata_binary()], ["--save", "", "--home", "", "--enable-debug-command", "yes", *arguments])


# The peers' directory is shared: nobody starts with what another one has saved there.
PEER_OPTIONS = ["--save", "", "--appendonly", "no", "--dbfilename", f"none-{os.getpid()}.rdb",
                "--enable-debug-command", "yes"]


def valkey(*arguments):
    options = [*PEER_OPTIONS, *arguments]
    return Server("Valkey", peer.command("valkey-server"), options, sees_host_files=False)


def redis(*arguments):
    options = [*PEER_OPTIONS, *arguments]
    return Server("Redis", peer.command("redis-server"), options, sees_host_files=False)
