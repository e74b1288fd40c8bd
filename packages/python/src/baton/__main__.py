"""``python -m baton worker MODULE...``"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import os
import sys
import traceback
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from ._checks import NAME, is_ip
from ._connection import Server
from .errors import BatonError
from .logs import JsonFormatter
from .tasks import Task
from .worker import Worker

_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "silent": logging.CRITICAL + 1,
}

_HELP = """\
NATS is found by NATS_URL, NATS_USER, NATS_PASSWORD, NATS_CREDS, NATS_CA, NATS_CERT, NATS_KEY, NATS_INBOX_PREFIX and
BATON_NAMESPACE; BATON_QUEUES and BATON_CONCURRENCY stand for the options of that name; BATON_LOG_LEVEL is trace, debug,
info, warn, error, fatal or silent. BATON_METRICS_PORT is the port of /healthz, /readyz and /metrics, on BATON_METRICS_HOST,
which is 127.0.0.1 when not set. BATON_GATEWAY_URL is a gateway for results beyond 700 KiB.

Exit codes: 0 stopped as asked, 1 failed, 2 settings or tasks cannot be used, 3 nats-server does not let it in
"""


class _Unusable(Exception):
    """Said in one line, and the program ends with 2."""


class _Format(logging.Formatter):
    """What is said of a task says of which."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        about = [f"{name}={getattr(record, name)}" for name in ("task", "type", "attempt") if hasattr(record, name)]
        return f"{line} ({' '.join(about)})" if about else line


def tasks_in(modules: list[str]) -> list[Task[..., Any]]:
    """Every task that stands in a module by a name of its own."""
    found: dict[int, Task[..., Any]] = {}
    for name in modules:
        here = [value for value in vars(_imported(name)).values() if isinstance(value, Task)]
        if not here:
            raise _Unusable(f"the module {name} has no task: `from baton import task`, and `@task` before a function")
        found.update({id(each): each for each in here})
    return list(found.values())


def _imported(name: str) -> Any:
    if name.endswith(".py") or "/" in name:
        raise _Unusable(f"there is no module {name}: a module is named as in `import`, without .py and folders")
    try:
        return importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 - whatever a module raises is told
        if isinstance(error, ModuleNotFoundError) and error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise _Unusable(f"there is no module {name} here or on PYTHONPATH") from None
        place = _place(error) if isinstance(error, BatonError) else None
        if place is not None:
            raise _Unusable(f"{place}: {error}") from None
        raise _Unusable(f"the module {name} cannot be imported:\n{traceback.format_exc().rstrip()}") from None


def _place(error: BaseException) -> str | None:
    """Where a module said what cannot be: its last line before this package."""
    ours = os.path.dirname(__file__)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if os.path.isabs(frame.filename) and not frame.filename.startswith(ours):
            return f"{os.path.relpath(frame.filename)}, line {frame.lineno}"
    return None


def _whole(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:9]) <= 10_000:
        raise argparse.ArgumentTypeError("a whole number, 1 to 10000")
    return int(text)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 86_400:
        raise argparse.ArgumentTypeError("seconds, 0 to 86400")
    return number


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m baton")
    commands = parser.add_subparsers(required=True, metavar="worker")
    worker = commands.add_parser(
        "worker",
        help="serves the tasks of modules until SIGTERM, which drains",
        epilog=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    worker.add_argument("modules", nargs="+", help="modules whose tasks are served, as in `import`")
    worker.add_argument("--queue", action="append", dest="queues", help="a queue it serves, may be given again; BATON_QUEUES, or `default`")
    worker.add_argument("--concurrency", type=_whole, help="tasks it runs at once; BATON_CONCURRENCY, or 8")
    worker.add_argument("--name", help="what it is called, up to 80 letters, digits, - and _")
    worker.add_argument(
        "--grace", type=_seconds, default=30.0, help="seconds running tasks are given to end on a drain; 30"
    )
    worker.add_argument(
        "--log", choices=("text", "json"), default="text", help="lines for people, or as services write them; text"
    )
    code = _serve(parser.parse_args())
    # A plain function that did not stop still runs in its thread, which nobody can end, and Python would wait for it. Its
    # task was given back.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


def _serve(options: argparse.Namespace) -> int:
    sys.path.insert(0, "")
    try:
        settings = _Settings()
        logging.basicConfig(level=settings.level, handlers=[_handler(options.log)])
        for variable, meant in misspelt(os.environ):
            logging.getLogger("baton.worker").warning("%s is read by nobody: is %s meant?", variable, meant)
        serving = _worker(options, settings)
    except (_Unusable, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    try:
        asyncio.run(serving.run(options.grace))
        return 0
    except BatonError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 2 if error.code in ("CONFIG_INVALID", "INVALID_ARGUMENT", "PORT_TAKEN", "VERSION_UNSUPPORTED") else 3


def _worker(options: argparse.Namespace, settings: _Settings) -> Worker:
    return Worker(
        tasks_in(options.modules),
        queues=options.queues or settings.queues or ["default"],
        concurrency=options.concurrency or settings.concurrency or 8,
        name=options.name,
        server=settings.server,
        metrics_port=settings.metrics_port,
        metrics_host=settings.metrics_host,
    )


def misspelt(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Variables that nobody reads, each with the one that is read, is not set, and is written nearly so."""
    unset = [name for name in _VARIABLES if not environment.get(name)]
    others = [name for name, value in environment.items() if value and name not in _VARIABLES and name.isupper()]
    near = ((name, get_close_matches(name, unset, 1, _NEARLY)) for name in sorted(others))
    return [(name, meant) for name, found in near for meant in found]


# All that a worker reads, as docs and services know them.
_VARIABLES = (
    *("NATS_URL", "NATS_USER", "NATS_PASSWORD", "NATS_CREDS", "NATS_CA", "NATS_CERT", "NATS_KEY", "NATS_INBOX_PREFIX"),
    *("BATON_NAMESPACE", "BATON_GATEWAY_URL", "BATON_QUEUES", "BATON_CONCURRENCY", "BATON_LOG_LEVEL"),
    *("BATON_METRICS_PORT", "BATON_METRICS_HOST"),
)
# NATS_URI for NATS_URL, and not NATS_SERVER for NATS_USER.
_NEARLY = 0.86


class _Settings:
    """What the environment says. Raises _Unusable with all that cannot be, each on a line of its own."""

    def __init__(self) -> None:
        self.server = Server()
        self._faults = [f"CONFIG_INVALID: {fault}" for fault in self.server.faults()]
        self.level = self._level()
        self.queues = self._queues()
        self.concurrency = self._number("BATON_CONCURRENCY", os.environ.get("BATON_CONCURRENCY"), 1, 10_000)
        self.metrics_port = self._number("BATON_METRICS_PORT", os.environ.get("BATON_METRICS_PORT"), 0, 65_535)
        self.metrics_host = os.environ.get("BATON_METRICS_HOST") or "127.0.0.1"
        if self.metrics_host != "localhost" and not is_ip(self.metrics_host):
            self._faults.append("BATON_METRICS_HOST must be an IP address or localhost")
        if self._faults:
            raise _Unusable("\n".join(self._faults))

    def _number(self, variable: str, text: str | None, least: int, most: int) -> int | None:
        if not text:
            return None
        if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most:
            self._faults.append(f"{variable} must be a whole number from {least} to {most}")
            return None
        return int(text)

    def _queues(self) -> list[str]:
        text = os.environ.get("BATON_QUEUES") or ""
        names = [name.strip() for name in text.split(",") if name.strip()]
        if text and not (names and all(NAME[1](name) for name in names)):
            self._faults.append(
                "BATON_QUEUES must be queue names with commas between: letters, digits, _ . -, at most 100 characters"
            )
        return names

    def _level(self) -> int:
        name = os.environ.get("BATON_LOG_LEVEL") or "info"
        if name not in _LEVELS:
            self._faults.append(f"BATON_LOG_LEVEL must be one of {', '.join(_LEVELS)}")
        return _LEVELS.get(name, logging.INFO)


def _handler(form: str) -> logging.Handler:
    handler = logging.StreamHandler()
    text = _Format("%(asctime)s %(levelname)s %(name)s %(message)s")
    handler.setFormatter(JsonFormatter() if form == "json" else text)
    # Python's own, as warnings of Node in the services.
    logging.captureWarnings(True)
    return handler


if __name__ == "__main__":
    main()
