# SPDX-License-Identifier: BSD-3-Clause
"""Makes a failing sequence short: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE
28 (2002)."""

import time


def shrink(steps, fails, seconds=60):
    """The shortest sequence found, in that time, for which fails(steps) is still true."""
    deadline = time.monotonic() + seconds

    def still_fails(candidate):
        return time.monotonic() < deadline and fails(candidate)

    return shorten_arguments(drop_steps(steps, still_fails), still_fails)


def drop_steps(steps, fails):
    parts = 2
    while len(steps) > 1:
        size = max(1, len(steps) // parts)
        for start in range(0, len(steps), size):
            candidate = steps[:start] + steps[start + size:]
            if candidate and fails(candidate):
                steps, parts = candidate, max(parts - 1, 2)
                break
        else:
            if size == 1:
                break
            parts = min(parts * 2, len(steps))
    return steps


def shorten_arguments(steps, fails):
    for i, step in enumerate(steps):
        for j, argument in enumerate(step):
            while isinstance(argument, bytes) and len(argument) > 4:
                argument = argument[:len(argument) // 2]
                candidate = [*steps[:i], [*steps[i][:j], argument, *steps[i][j + 1:]], *steps[i + 1:]]
                if not fails(candidate):
                    break
                steps = candidate
    return steps
