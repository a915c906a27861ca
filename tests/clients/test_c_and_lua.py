# SPDX-License-Identifier: BSD-3-Clause
"""hiredis from C, and redis-lua."""

import pathlib

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"


def test_hiredis(program, tmp_path):
    program(["cc", "-o", tmp_path / "client", PROGRAMS / "hiredis.c", "-lhiredis"])
    assert program([tmp_path / "client"]) == "ok\n"


def test_redis_lua(program):
    assert program(["lua5.1", PROGRAMS / "redis_lua.lua"]) == "ok\n"
