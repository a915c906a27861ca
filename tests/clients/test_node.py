# SPDX-License-Identifier: BSD-3-Clause
"""The clients of Node.js: each file of node/ is a test, which prints its own cases when it fails."""

import pathlib
import subprocess

import pytest

NODE = pathlib.Path(__file__).resolve().parent / "node"


@pytest.fixture(scope="module", autouse=True)
def modules():
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--silent"],
        cwd=NODE,
        check=True,
        timeout=300,
    )


@pytest.mark.parametrize("name", sorted(path.name for path in NODE.glob("*.test.js")))
def test_node(program, name):
    program(["node", "--test", NODE / name], timeout=120)
