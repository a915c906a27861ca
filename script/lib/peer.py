# SPDX-License-Identifier: BSD-3-Clause
"""The command lines of the peers' programs (Valkey, Redis), for tests and benchmarks; script/peers installs them."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def directory():
    """Where the peers are installed."""
    return pathlib.Path(os.environ.get("STRATA_PEERS", ROOT / ".peers/sid"))


def is_installed(program="valkey-server"):
    return (directory() / "usr/bin" / program).exists()


def command(program, *arguments):
    """The command line that runs a peer's program. The process it starts becomes the program, so its pid is the
    program's."""
    enter = ["chroot"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "chroot"]
    return [*enter, str(directory()), program, *map(str, arguments)]
