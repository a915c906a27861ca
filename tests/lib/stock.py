# SPDX-License-Identifier: BSD-3-Clause
"""Large values that many tests of a server begin with: made once, and copied for each."""

DATABASE = 15


def take(client, key, make):
    """Puts what `make(client)` stores under the key into database 0."""
    client.call("SELECT", DATABASE)
    if not client.call("EXISTS", key):
        make(client)
    assert client.call("COPY", key, key, "DB", 0, "REPLACE") == 1
    client.call("SELECT", 0)
