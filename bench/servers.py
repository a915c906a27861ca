# SPDX-License-Identifier: BSD-3-Clause
"""The servers that a benchmark compares: starting them, asking them, and what the kernel says about them."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "script/lib"))
import peer  # noqa: E402  (found through the line above)

TICKS = os.sysconf("SC_CLK_TCK")
SERVER_CORE, LOAD_CORE = "1", "0"


def pinned(cores):
    """The start of a command line that keeps a program to these cores, where there is a choice."""
    has_choice = cores and os.cpu_count() > 1 and shutil.which("taskset")
    return ["taskset", "-c", cores] if has_choice else []


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ServerError(Exception):
    pass


class Server:
    """A running server; leaving the `with` block stops it."""

    def __init__(self, name, arguments, port, cores=SERVER_CORE):
        self.name, self.port = name, port
        self.process = subprocess.Popen([*pinned(cores), *arguments], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, cwd="/tmp")
        self.socket = self.replies = None
        self.wait_until_it_answers()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.socket:
            self.replies.close()
            self.socket.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait_until_it_answers(self, seconds=10):
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=300)
                self.replies = self.socket.makefile("rb")
                return
            except ConnectionRefusedError:
                time.sleep(0.02)
        self.__exit__()
        raise ServerError(f"{self.name} did not start")

    def command(self, *words):
        """One command and its reply: int, str, None or list; an error is raised."""
        encoded = [str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in encoded))
        return self.read_reply()

    def read_reply(self):
        line = self.replies.readline()
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else self.replies.read(size + 2)[:-2].decode()
        if kind == b"*":
            return [self.read_reply() for _ in range(int(rest))]
        raise ServerError(f"{self.name}: {rest or 'connection lost'}")

    def info(self, section, field):
        """A field of INFO as text, or None."""
        match = re.search(rf"^{field}:(.*?)\r?$", self.command("INFO", section), re.MULTILINE)
        return match.group(1) if match else None

    def cpu_seconds(self):
        """Processor time of all its threads, user and system."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024

    def settled_resident_bytes(self):
        """Resident memory once it has stopped changing by more than 0.1 % in two seconds."""
        last = 0
        for _ in range(15):
            now = self.resident_bytes()
            if abs(now - last) < now / 1000:
                break
            last = now
            time.sleep(2)
        return self.resident_bytes()


class Servers:
    """Starts the servers of a run of the benchmark, each on a port of its own."""

    def __init__(self, strata):
        self.strata_path = strata

    def strata(self, *arguments, workers=1, cores=SERVER_CORE):
        port = free_port()
        return Server("Strata", [self.strata_path, "serve", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                                 "--home", "", "--workers", str(workers), *arguments], port, cores)

    def valkey(self, *arguments, cores=SERVER_CORE):
        port = free_port()
        return Server("Valkey", peer.command("valkey-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
                                             *arguments), port, cores)

    def floor(self, reply, *file, cores=SERVER_CORE):
        port = free_port()
        return Server("floor", [tool("floor"), str(port), reply, *file], port, cores)


def tool(name):
    return str(ROOT / "build/bench" / name)
