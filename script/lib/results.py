# SPDX-License-Identifier: BSD-3-Clause
"""Adds up what test runners counted: prints "PASSED FAILED SKIPPED" for the JUnit files named as arguments.

Both Meson and pytest write JUnit XML. A file that is missing or broken counts as one failure.
"""

import sys
import xml.etree.ElementTree as xml


def count(path):
    passed = failed = skipped = 0
    for case in xml.parse(path).getroot().iter("testcase"):
        outcomes = {child.tag for child in case}
        if outcomes & {"failure", "error"}:
            failed += 1
        elif "skipped" in outcomes:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def main(paths):
    totals = [0, 0, 0]
    for path in paths:
        try:
            counts = count(path)
        except (OSError, xml.ParseError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            counts = 0, 1, 0
        totals = [total + one for total, one in zip(totals, counts)]
    print(*totals)


main(sys.argv[1:])
