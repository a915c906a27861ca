#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Keyspace notifications: the same commands run on both servers; each must make the same events, in the same order.

    tests/differential/events.py --family string --commands 20000 --seed 1
    tests/differential/events.py --directed
"""

import sys

import run
import servers
from pair import SCANS, Pair

END = b"end of the command"


def in_any_order(ours, theirs):
    return sorted(ours.split(b" ")) == sorted(theirs.split(b" "))


def missed_once(ours, theirs):
    """Valkey's XREAD misses a key twice."""
    words = theirs.split(b" ")
    kept = [word for i, word in enumerate(words) if i < 2 or b"keymiss" not in word or word != words[i - 2]]
    return ours.split(b" ") == kept


def nothing(ours, theirs):
    return not ours and b"=keymiss" in theirs


RULES = {
    "mset": in_any_order,  # keys that have expired all go before the first is stored
    "msetex": in_any_order,
    "sort": in_any_order,  # of sorted sets
    "sort_ro": in_any_order,
    "xautoclaim": nothing,  # where arguments are wrong
    "eval": missed_once,
    "exec": missed_once,
    "xread": missed_once,
}


class EventPair(Pair):
    """A Pair that compares the events of a step, and not its reply."""

    def __init__(self, _rules):
        # Messages of several workers would arrive in any order.
        super().__init__(RULES, ours=servers.strata("--enable-debug-command", "yes", "--workers", "1"))
        self.listeners = {}

    def reset(self):
        super().reset()
        for side in (self.ours, self.theirs):
            side.client(2).call("CONFIG", "SET", "notify-keyspace-events", "AKEmn")
            side.client(2).call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
            if side in self.listeners:
                self.listeners[side].close()
            self.listeners[side] = side.server.client(2)
            self.listeners[side].call("PSUBSCRIBE", "*")

    def close(self):
        for listener in self.listeners.values():
            listener.close()
        super().close()

    def answers(self, side, batch, resp):
        if str(batch[0][0]) in SCANS or str(batch[0][0]) == "!sleep":
            super().answers(side, batch, resp)
            return [b""]
        return [self.events(side, step, resp) for step in batch]

    def events(self, side, step, resp):
        """What is heard of one step."""
        super().answers(side, [step], resp)
        side.client(2, "the end").call("PUBLISH", "end", END)
        heard = []
        while True:
            _, _, channel, message = self.listeners[side].read()
            if message == END:
                return b" ".join(heard)
            heard.append(channel + b"=" + message)


if __name__ == "__main__":
    sys.exit(run.main(EventPair))
