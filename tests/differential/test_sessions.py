# SPDX-License-Identifier: BSD-3-Clause
"""Several connections do the same in the same order on both servers, and all that each of them is sent must be the
same: replies, messages, invalidations, and what monitors see.

sessions/NAME.txt: `== title` starts a case, with an empty server. A line is `CONNECTION: COMMAND ;; COMMAND`, quoted as
in directed lists and sent in one piece; `CONNECTION: !close` closes it, `!sleep MS` waits. A connection whose name ends
in 3 speaks RESP3. `@CONNECTION` as an argument is that connection's id. `#` starts a comment line.
"""

import pathlib
import re
import select
import sys
import time
import typing

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import directed  # noqa: E402
from pair import servers  # noqa: E402
from resp import encode  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parent / "sessions"
QUIET_SECONDS = 0.015  # after which nothing more is expected
PATIENCE_SECONDS = 3  # for two servers that have not been sent the same yet
# Of what is sent: times and addresses.
HIDDEN = [(re.compile(rb"\+\d{9,}\.\d{6} "), b"+TIME "), (re.compile(rb"127\.0\.0\.1:\d+"), b"ADDRESS")]


class Case(typing.NamedTuple):
    title: str
    lines: list


def cases():
    for path in sorted(FOLDER.glob("*.txt")):
        found = []
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("== "):
                found.append(Case(line[3:], []))
            elif line.strip() and not line.startswith("#"):
                found[-1].lines.append(line)
        yield from (pytest.param(case, id=f"{path.stem}-{case.title}") for case in found)


class Side:
    """One of the two servers, its connections, and what they have been sent in this step."""

    def __init__(self, server):
        self.server = server
        self.open = {}
        self.ids = {}
        self.received = {}
        with server.client() as client:
            client.call("FLUSHALL")
            client.call("CONFIG", "SET", "tracking-table-max-keys", "1000000")

    def connect(self, name):
        if name not in self.open:
            self.open[name] = self.server.client(3 if name.endswith("3") else 2)
            self.ids[name] = self.open[name].call("CLIENT", "ID")
        return self.open[name]

    def send(self, name, commands):
        self.received = {}
        if commands == [["!close"]]:
            self.open.pop(name).close()
            return
        words = [[self.word(word) for word in command] for command in commands]
        self.connect(name).socket.sendall(b"".join(encode(*command) for command in words))

    def word(self, word):
        if not isinstance(word, str) or not word.startswith("@"):
            return word
        self.connect(word[1:])
        return self.ids[word[1:]]

    def receive(self):
        """Takes what there is until nothing more comes for a while."""
        names = {client.socket: name for name, client in self.open.items()}
        while names:
            ready, _, _ = select.select(list(names), [], [], QUIET_SECONDS)
            if not ready:
                return
            for socket in ready:
                name = names[socket]
                data = socket.recv(1 << 16)
                self.received[name] = self.received.get(name, b"") + (data or b"CLOSED")
                if not data:
                    del names[socket]
                    self.open.pop(name).close()

    def shown(self):
        """What was sent, without what cannot be the same."""
        return {name: self.hide(data) for name, data in self.received.items()}

    def hide(self, data):
        for pattern, text in HIDDEN:
            data = pattern.sub(text, data)
        if b"redir" in data:
            for name, identity in self.ids.items():
                data = data.replace(b":%d\r\n" % identity, b":@%b\r\n" % name.encode())
        return data

    def close(self):
        for client in self.open.values():
            client.close()


@pytest.fixture(scope="module", params=[1, 3], ids=["one worker", "three workers"])
def strata(request):
    with servers.strata("--workers", request.param) as server:
        yield server


@pytest.fixture(scope="module")
def valkey():
    with servers.valkey() as server:
        yield server


def step(sides, line):
    if line.startswith("!sleep"):
        time.sleep(int(line.split()[1]) / 1000)
        for side in sides:
            side.received = {}
    else:
        name, _, text = line.partition(":")
        commands = [directed.split(command) for command in text.split(";;")]
        for side in sides:
            side.send(name, commands)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        for side in sides:
            side.receive()
        if sides[0].shown() == sides[1].shown() or time.monotonic() > deadline:
            return


@pytest.mark.parametrize("case", cases())
def test_sessions(strata, valkey, case):
    sides = [Side(strata), Side(valkey)]
    try:
        for number, line in enumerate(case.lines):
            step(sides, line)
            ours, theirs = (side.shown() for side in sides)
            assert ours == theirs, f"line {number}, {line}:\n  Strata {ours!r}\n  Valkey {theirs!r}"
    finally:
        for side in sides:
            side.close()
