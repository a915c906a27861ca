# SPDX-License-Identifier: BSD-3-Clause
"""Many clients at once: processes, since threads of Python would take turns, each with several connections."""

import multiprocessing
import random
import time
import traceback

CONNECTIONS = 4  # of each process, so that it speaks to several workers
PATIENCE = 60  # seconds for a process to notice that its time is over


class Actor:
    """What a task gets: its number, its connections, a generator of its own, and the time that it has."""

    def __init__(self, server, number, seconds):
        self.server = server
        self.number = number
        self.random = random.Random(number)
        self.deadline = time.monotonic() + seconds
        self._clients = []

    def running(self):
        return time.monotonic() < self.deadline

    @property
    def client(self):
        """One of its connections, a different one each time."""
        if len(self._clients) < CONNECTIONS:
            self._clients.append(self.server.client())
            return self._clients[-1]
        return self.random.choice(self._clients)

    def close(self):
        for client in self._clients:
            client.close()


def _play(server, number, seconds, task, pipe):
    actor = Actor(server, number, seconds)
    try:
        pipe.send((True, task(actor)))
    except BaseException:  # the parent shows it
        pipe.send((False, traceback.format_exc()))
    finally:
        actor.close()


class Crowd:
    def __init__(self, server):
        self.server = server

    def run(self, *tasks, seconds=1.2):
        """Runs the tasks at the same time, each in a process, and gives their results in order."""
        context = multiprocessing.get_context("fork")
        players = []
        for number, task in enumerate(tasks):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_play, args=(self.server, number, seconds, task, theirs))
            process.start()
            theirs.close()
            players.append((process, ours))
        outcomes = [self._outcome(process, pipe, seconds) for process, pipe in players]
        failures = [outcome for good, outcome in outcomes if not good]
        assert not failures, "\n".join(failures) + self.server.log_text()
        return [outcome for _, outcome in outcomes]

    @staticmethod
    def _outcome(process, pipe, seconds):
        try:
            result = pipe.recv() if pipe.poll(seconds + PATIENCE) else (False, "a client waits for ever\n")
        except EOFError:
            result = (False, "a client died\n")
        process.join(1)
        if process.is_alive():
            process.kill()
        return result
