# SPDX-License-Identifier: BSD-3-Clause
"""php-redis, with its session handler and the locks of that."""

import pathlib

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"


def test_phpredis(program):
    assert program(["php", "-d", "session.use_cookies=0", "-d", "session.cache_limiter=", PROGRAMS / "phpredis.php"]) == "ok\n"
