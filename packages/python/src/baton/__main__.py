"""``python -m baton worker MODULE...``"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import os
import sys
from typing import Any

from .tasks import Task
from .worker import Worker


def tasks_in(modules: list[str]) -> list[Task[..., Any]]:
    """Every task that stands in a module by a name of its own."""
    found: dict[str, Task[..., Any]] = {}
    for name in modules:
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, Task):
                found[value.type] = value
    return list(found.values())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m baton")
    commands = parser.add_subparsers(required=True)
    worker = commands.add_parser("worker", help="serves the tasks of modules until SIGTERM, which drains")
    worker.add_argument("modules", nargs="+")
    worker.add_argument("--queue", action="append", dest="queues")
    worker.add_argument("--concurrency", type=int, default=8)
    worker.add_argument("--name")
    worker.add_argument("--grace", type=float, default=30.0, help="seconds running tasks are given to end on a drain")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    sys.path.insert(0, "")
    serving = Worker(
        tasks_in(options.modules),
        queues=options.queues or ["default"],
        concurrency=options.concurrency,
        name=options.name,
    )
    asyncio.run(serving.run(options.grace))
    # A plain function that did not stop still runs in its thread, which nobody can end, and Python would wait for it. Its
    # task was given back.
    logging.shutdown()
    os._exit(0)


if __name__ == "__main__":
    main()
