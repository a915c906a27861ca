# SPDX-License-Identifier: BSD-3-Clause
"""Is there an order in which a history of concurrent operations makes sense?

A history is linearizable when its operations can be put into one order that is possible by time (what ended before
another began comes before it) and in which each gives the result that a single-threaded model gives (Herlihy and Wing,
"Linearizability", 1990). The search is Wing and Gong's ("Testing and verifying concurrent objects", 1993) with Lowe's
memory of configurations that failed (2017). Each client runs one operation at a time, so a configuration is how far each
client has come, and the state of the model.
"""

import collections

Operation = collections.namedtuple("Operation", "begin end name arguments result")


def explain(histories, model, state):
    """None when the clients' histories (lists of Operation) are linearizable; else the farthest configuration.

    `model(state, name, arguments)` yields the pairs (state, result) that the operation may lead to."""
    start = tuple(0 for _ in histories)
    stack = [(start, state)]
    failed = {(start, state)}
    farthest, most = None, -1
    while stack:
        positions, state = stack.pop()
        heads = [history[at] if at < len(history) else None for history, at in zip(histories, positions)]
        waiting = [head for head in heads if head]
        if not waiting:
            return None
        if sum(positions) > most:
            farthest, most = (state, waiting), sum(positions)
        first_end = min(head.end for head in waiting)
        for client, head in enumerate(heads):
            if head is None or head.begin > first_end:
                continue
            for after, result in model(state, head.name, head.arguments):
                if result != head.result:
                    continue
                following = positions[:client] + (positions[client] + 1,) + positions[client + 1:]
                if (following, after) not in failed:
                    failed.add((following, after))
                    stack.append((following, after))
    return farthest


class Recorder:
    """Runs operations for one client and remembers when they began and ended, by a clock that all processes share."""

    def __init__(self, clock):
        self.clock = clock
        self.history = []

    def run(self, name, arguments, operation):
        begin = self.clock()
        result = operation()
        self.history.append(Operation(begin, self.clock(), name, arguments, result))
        return result
