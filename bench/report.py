# SPDX-License-Identifier: BSD-3-Clause
"""What a benchmark found, as a table in Markdown."""

import dataclasses
import os
import pathlib
import re


@dataclasses.dataclass
class Row:
    """One claim: what was measured, for Strata and for what it is compared with, and whether it reached its goal."""
    what: str
    strata: str
    other: str
    result: str
    goal: str = ""
    met: bool = True


def print_table(title, other, rows, with_goals):
    """`other` heads the column of what Strata is compared with."""
    heads = ["", "Strata", other, ""]
    cells = [[row.what, row.strata, row.other, row.result] for row in rows]
    if with_goals:
        heads.append("goal")
        cells = [line + [f"{row.goal}: {'met' if row.met else 'MISSED'}" if row.goal else ""]
                 for line, row in zip(cells, rows)]
    widths = [max(len(line[i]) for line in [heads, *cells]) for i in range(len(heads))]
    print(f"\n{title}\n")
    for line in [heads, ["-" * width for width in widths], *cells]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")


def machine():
    """The processor and the kernel, in one line."""
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return f"{os.cpu_count()} cores of {cpu.group(1) if cpu else os.uname().machine}, Linux {os.uname().release}"
