# SPDX-License-Identifier: BSD-3-Clause
"""The jobs that tests/clients/test_rq.py has its workers run."""


def square(n):
    return n * n


def fails():
    raise ValueError("on purpose")
