# SPDX-License-Identifier: BSD-3-Clause
"""Reads directed lists: directed/FAMILY.txt.

A line is a command, quoted as in redis-cli ("..." knows \\n \\r \\t \\xHH). `== title` starts a case, with an empty
server. `#` starts a comment line. `!sleep` and `!scan` are steps as in pair.py. `?` before a command runs it and does
not compare the replies; a comment says why. `@needs COMMAND` skips the case as long as Strata lacks the command.
"""

import pathlib
import re
import typing

FOLDER = pathlib.Path(__file__).resolve().parent / "directed"
ARGUMENT = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|\'([^\']*)\'|(\S+))(?=\s|$)')
ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|(.))")
NAMED = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b"}


def unescape(text):
    return ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else NAMED.get(m[2], m[2]), text)


def split(line):
    """A line as arguments: text, or bytes where quotes were."""
    arguments, at = [], 0
    while at < len(line.rstrip()):
        match = ARGUMENT.match(line, at)
        if not match:
            raise ValueError(f"unbalanced quotes: {line}")
        double, single, plain = match.groups()
        if plain is not None:
            arguments.append(plain)
        else:
            arguments.append((unescape(double) if double is not None else single).encode("latin-1"))
        at = match.end()
    return arguments


class Case(typing.NamedTuple):
    title: str
    steps: list
    needs: list  # names of commands


def cases(family):
    found = []
    for line in (FOLDER / f"{family}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            found.append(Case(line[3:], [], []))
        elif line.startswith("@needs "):
            found[-1].needs.extend(line.split()[1:])
        elif line.strip() and not line.startswith("#"):
            found[-1].steps.append(split(line))
    return found


def families():
    return sorted(path.stem for path in FOLDER.glob("*.txt"))
