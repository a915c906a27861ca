# SPDX-License-Identifier: BSD-3-Clause
"""What tests ask a server again and again."""

import time


def info(client, *sections):
    """The fields of these sections of INFO, as text."""
    text = client.call("INFO", *sections).decode()
    return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)


def wait_until(condition, seconds=20):
    """It becomes true, and soon on any but a slow machine."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it has not become true"
        time.sleep(0.01)
