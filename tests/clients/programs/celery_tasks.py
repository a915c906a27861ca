# SPDX-License-Identifier: BSD-3-Clause
"""The tasks that tests/clients/test_celery.py has its workers run."""

import os

from celery import Celery

url = f"redis://127.0.0.1:{os.environ['STRATA_PORT']}"
app = Celery("tasks", broker=f"{url}/0", backend=f"{url}/1")
app.conf.task_acks_late = True
app.conf.broker_transport_options = {"visibility_timeout": 30}


@app.task
def add(a, b):
    return a + b


@app.task
def total(numbers):
    return sum(numbers)


@app.task(bind=True, max_retries=3)
def third_time_lucky(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return self.request.retries


@app.task
def fails():
    raise ValueError("on purpose")
