# SPDX-License-Identifier: BSD-3-Clause
"""A load of any commands: the same bytes sent over and over on several connections. Written for what the load generator
does not know; it is slower, which the processor time of the server does not show."""

import socket

END = b"=the end="


def encoded(*words):
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


class Connection:
    def __init__(self, port, wrap=lambda s: s):
        self.socket = wrap(socket.create_connection(("127.0.0.1", port), timeout=60))

    def send(self, *commands):
        """Commands whose replies are read by `finish`."""
        self.socket.sendall(b"".join(commands) + encoded("ECHO", END))

    def finish(self):
        """Reads all replies, and fails when one of them begins as an error does."""
        received = b""
        wanted = b"$%d\r\n%s\r\n" % (len(END), END)
        while not received.endswith(wanted):
            more = self.socket.recv(1 << 16)
            if not more:
                raise ConnectionError("the server closed a connection")
            received += more
        if received.startswith(b"-") or b"\r\n-" in received:
            raise RuntimeError(f"an error was answered: {received[:200]!r}")
        return received

    def run(self, *commands):
        self.send(*commands)
        return self.finish()

    def close(self):
        self.socket.close()


def repeat(server, batches, rounds, commands, port=None, wrap=lambda s: s):
    """Sends each batch on a connection of its own, `rounds` times. Returns the server's microseconds of processor time
    for each command; a batch counts for `commands`."""
    connections = [Connection(port or server.port, wrap) for _ in batches]
    try:
        before = 0
        for number in range(rounds + 1):
            if number == 1:  # the first round warms up
                before = server.cpu_seconds()
            for connection, batch in zip(connections, batches):
                connection.send(batch)
            for connection in connections:
                connection.finish()
        return (server.cpu_seconds() - before) * 1e6 / (rounds * len(batches) * commands)
    finally:
        for connection in connections:
            connection.close()
