"""What a task sees of its run."""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ._data import pack

Handler = Callable[[], Any]
H = TypeVar("H", bound=Handler)
Progress = tuple[int, int] | float | int
"""``(3, 100)``, a fraction from 0 to 1, or a count."""

PAYLOAD_LIMIT = 64 * 1024

_current: contextvars.ContextVar[TaskContext | None] = contextvars.ContextVar("baton_context", default=None)
_log = logging.getLogger("baton.task")


@dataclass(frozen=True)
class Previous:
    """What the former attempt stored last: resume from there."""

    progress: Any
    payload: Any


class TaskContext:
    """The run of the task that is under way here. Its methods may be called from any thread."""

    def __init__(self, task: dict[str, Any], changed: Callable[[], None]) -> None:
        self.task_id: str = task["id"]
        self.task_key: str = task["key"]
        self.task_type: str = task["type"]
        self.attempt: int = task["attempt"]
        self.fence: dict[str, int] = task["fence"]
        self.idempotency_key: str = task["idempotency_key"]
        """The same for all attempts of the task, and for no other one."""
        self.user: str | None = task["user"]
        self.previous = Previous(task["previous"]["progress"], task["previous"]["payload"])
        self.log = logging.LoggerAdapter(_log, {"task": self.task_id, "type": self.task_type, "attempt": self.attempt})
        self.aborts: list[Handler] = []
        self.cleanups: list[Handler] = []
        self.news: dict[str, Any] = {}
        self.stop_reason: str | None = None
        """Why the body is to stop: "cancel", "timeout", "drain" or "lease_lost"; None while it is not."""
        self._changed = changed

    @property
    def should_stop(self) -> bool:
        """For bodies that look now and then."""
        return self.stop_reason is not None

    def update_task(self, progress: Progress | None = None, payload: Any = None) -> None:
        """Says how far the task is. What makes no sense is left out with a warning, and the task goes on."""
        if progress is not None:
            fault = _progress_fault(progress)
            if fault is None:
                self.news["progress"] = list(progress) if isinstance(progress, tuple) else progress
            else:
                self.log.warning("progress was not understood and is left out: %s", fault)
        if payload is not None:
            try:
                size = len(pack(payload))
                if size > PAYLOAD_LIMIT:
                    raise TypeError(f"{size} bytes, at most {PAYLOAD_LIMIT} are allowed")
                self.news["payload"] = payload
            except TypeError as error:
                self.log.warning("a payload could not be stored and is left out: %s", error)
        self._changed()

    def on_abort(self, handler: H) -> H:
        """Runs when the task is cancelled or times out; makes it abortable. The last one registered runs first."""
        self.aborts.append(handler)
        self._changed()
        return handler

    def on_cleanup(self, handler: H) -> H:
        """Runs when the body has ended, however it did. The last one registered runs first."""
        self.cleanups.append(handler)
        return handler


def get_context() -> TaskContext:
    """The context of the task that runs here. Raises RuntimeError outside of one."""
    context = _current.get()
    if context is None:
        raise RuntimeError("get_context() was called outside of a task")
    return context


def enter(context: TaskContext) -> None:
    """From here on, in this context of execution, the task is the one that runs."""
    _current.set(context)


def _progress_fault(progress: Any) -> str | None:
    if isinstance(progress, bool):
        return "true and false are no progress"
    if isinstance(progress, int):
        return None if progress >= 0 else "a count is 0 or more"
    if isinstance(progress, float):
        return None if 0 <= progress <= 1 else "a fraction is 0 to 1"
    if isinstance(progress, (tuple, list)) and len(progress) == 2:
        current, total = progress
        whole = all(isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in (current, total))
        if not whole:
            return "current and total are whole numbers, 0 or more"
        return None if current <= total else "current is greater than total"
    return f"{progress!r} is no (current, total), fraction or count"
