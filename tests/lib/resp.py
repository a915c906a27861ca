# SPDX-License-Identifier: BSD-3-Clause
"""A client that keeps replies as the bytes they came in, for tests that compare them, and decodes on demand."""

import socket


class Disconnected(Exception):
    """The server closed the connection, or sent what is not RESP."""


class Failure(Exception):
    """A decoded error reply."""


def encode(*arguments):
    """A request as an array of bulk strings; arguments are bytes, text or numbers."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        raw = argument if isinstance(argument, bytes) else str(argument).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(raw), raw))
    return b"".join(parts)


class Client:
    """One connection. call() gives the decoded reply, raw() its bytes."""

    def __init__(self, port, resp=2, host="127.0.0.1", timeout=30):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = self.socket.makefile("rb", buffering=1 << 16)
        if resp == 3:
            self.call("HELLO", "3")

    def close(self):
        self.input.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *arguments):
        self.socket.sendall(encode(*arguments))

    def raw(self, *arguments):
        self.send(*arguments)
        return self.read_raw()

    def raw_pipeline(self, commands):
        """The replies to all commands, sent in one piece."""
        self.socket.sendall(b"".join(encode(*command) for command in commands))
        return [self.read_raw() for _ in commands]

    def call(self, *arguments):
        """The reply as Python values; an error reply is raised as Failure."""
        reply = decode(self.raw(*arguments))
        if isinstance(reply, Failure):
            raise reply
        return reply

    def error(self, *arguments):
        """The text of the error that must be the reply."""
        reply = decode(self.raw(*arguments))
        assert isinstance(reply, Failure), f"{arguments} was answered with {reply!r}"
        return str(reply)

    def read_raw(self):
        parts = []
        self._collect(parts)
        return b"".join(parts)

    def read(self):
        return decode(self.read_raw())

    def _collect(self, parts):
        left = 1
        while left:
            left -= 1
            line = self.input.readline()
            if not line.endswith(b"\r\n"):
                raise Disconnected(f"after {line!r}")
            parts.append(line)
            kind, size = line[:1], line[1:-2]
            if kind in b"$=!" and size != b"-1":
                data = self.input.read(int(size) + 2)
                if len(data) != int(size) + 2:
                    raise Disconnected(f"in the middle of {line!r}")
                parts.append(data)
            elif kind in b"*~>":
                left += max(int(size), 0)
            elif kind == b"%":
                left += 2 * int(size)
            elif kind == b"|":  # an attribute goes before the reply it belongs to
                left += 2 * int(size) + 1
            elif kind not in b"+-:_#,($=!":
                raise Disconnected(f"not RESP: {line!r}")


def decode(raw):
    """One reply as Python values: bytes, int, float, bool, None, list, dict (as a list of pairs), Failure."""
    value, rest = _decode(raw, 0)
    assert rest == len(raw)
    return value


def _decode(raw, at):
    end = raw.index(b"\r\n", at)
    kind, text, at = raw[at:at + 1], raw[at + 1:end], end + 2
    if kind in b"$=!":
        if text == b"-1":
            return None, at
        data, at = raw[at:at + int(text)], at + int(text) + 2
        return (Failure(data.decode()) if kind == b"!" else data[4:] if kind == b"=" else data), at
    if kind in b"*~>":
        return _decode_items(raw, at, int(text))
    if kind == b"%":
        items, at = _decode_items(raw, at, 2 * int(text))
        return list(zip(items[::2], items[1::2])), at
    if kind == b"|":
        return _decode(raw, _decode_items(raw, at, 2 * int(text))[1])
    return _SCALARS[kind](text), at


def _decode_items(raw, at, count):
    if count < 0:
        return None, at
    items = []
    for _ in range(count):
        item, at = _decode(raw, at)
        items.append(item)
    return items, at


_SCALARS = {
    b"+": lambda text: text.decode(),
    b"-": lambda text: Failure(text.decode()),
    b":": int,
    b"(": int,
    b",": float,
    b"#": lambda text: text == b"t",
    b"_": lambda text: None,
}
