# SPDX-License-Identifier: BSD-3-Clause
"""Scripts that take too long, and what others get meanwhile."""

import threading
import time

BUSY = "BUSY Valkey is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."


class Running:
    """A script that another client runs; `result` is its reply."""

    def __init__(self, server, *command):
        self.client = server.client()
        self.result = None
        self.thread = threading.Thread(target=self.run, args=command)
        self.thread.start()

    def run(self, *command):
        self.result = self.client.raw(*command)

    def wait(self):
        self.thread.join(20)
        assert not self.thread.is_alive()
        self.client.close()
        return self.result


def until_busy(client, *command):
    """What the command answers once the server is busy."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        reply = client.raw(*command)
        if reply.startswith(b"-BUSY"):
            return reply.decode()[1:-2]
        time.sleep(0.01)
    raise AssertionError("it did not become busy")
