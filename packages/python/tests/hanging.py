"""Served by a worker of its own in tests: a task that does not end."""

import os
import time

from baton import task


@task(name=os.environ["TEST_TYPE"])
def hangs(_what: str) -> None:
    while True:
        time.sleep(0.1)
