"""Log lines as the services of Baton write them: one JSON object each."""

from __future__ import annotations

import datetime
import json
import logging
import os
from typing import Any

_LEVELS = {"DEBUG": "debug", "INFO": "info", "WARNING": "warn", "ERROR": "error", "CRITICAL": "fatal"}
# What every record has; what stands beside it was given as `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_MESSAGE_LENGTH = 8_192
_STACK_LENGTH = 16_384


class JsonFormatter(logging.Formatter):
    """
    ``time`` (UTC), ``level`` (debug, info, warn, error, fatal), ``service``, ``pid``, ``logger``, ``msg``; what was given as
    ``extra``, of lines about a task ``task``, ``type``, ``attempt`` and ``trace_id``; ``err`` with ``type``, ``message`` and
    ``stack`` where an exception is told.
    """

    def __init__(self, service: str = "worker") -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc)
        line: dict[str, Any] = {
            "level": _LEVELS.get(record.levelname, record.levelname.lower()),
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "service": self._service,
            "pid": os.getpid(),
            "logger": record.name,
        }
        for name, value in vars(record).items():
            if name not in _OWN and name not in line:
                line[name] = value
        if record.exc_info is not None and record.exc_info[1] is not None:
            error = record.exc_info[1]
            stack = self.formatException(record.exc_info)[-_STACK_LENGTH:]
            line["err"] = {"type": type(error).__name__, "message": _shown(error)[:_MESSAGE_LENGTH], "stack": stack}
        line["msg"] = record.getMessage()[:_MESSAGE_LENGTH]
        return _dumped(line)


def _dumped(line: dict[str, Any]) -> str:
    try:
        # What is no number in JSON is none here either.
        return json.dumps(line, default=_shown, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return json.dumps({name: value if type(value) in (str, int) else _shown(value) for name, value in line.items()})


def _shown(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - whatever is told of, the line is written
        return f"<{type(value).__name__}>"
