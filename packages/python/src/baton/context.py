"""What a task sees of its run."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ._checks import TAGS_LIMIT, tag_fault
from ._data import copied
from .errors import TaskStoppedError, WaitRefusedError
from .options import Duration

Handler = Callable[[], Any]
H = TypeVar("H", bound=Handler)
TagValue = str | int | float | bool
Progress = tuple[int, int] | float | int
"""``(3, 100)``, a fraction from 0 to 1, or a count."""

PAYLOAD_LIMIT = 64 * 1024

_current: contextvars.ContextVar[TaskContext | None] = contextvars.ContextVar("baton_context", default=None)
_log = logging.getLogger("baton.task")


class Waits(Protocol):
    """Who answers the waits of a run."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    def wait(self, name: str, timeout: Duration | None) -> Coroutine[Any, Any, Any]: ...


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
        self.tags: dict[str, TagValue] = dict(task.get("tags", {}))
        """What the task is found by, with what was said of them here."""
        self.dependencies: list[dict[str, Any]] = task.get("dependencies", [])
        """The tasks this one waited for: id, name, status, payload, result, error of each."""
        about = {"task": self.task_id, "type": self.task_type, "attempt": self.attempt, **_trace_of(task)}
        self.log = logging.LoggerAdapter(_log, about)
        self.aborts: list[Handler] = []
        self.cleanups: list[Handler] = []
        self._news: dict[str, Any] = {}
        self._telling = threading.Lock()
        self.stop_reason: str | None = None
        """Why the body is to stop: "cancel", "timeout", "drain" or "lease_lost"; None while it is not."""
        self.waits: Waits | None = None
        self._changed = changed

    async def wait_for_signal(self, name: str, timeout: Duration | None = None) -> Any:
        """
        What the signal brings, which ``handle.signal(name, data)`` sends; for an ``async def``. Where it is not there yet this run ends
        here, and its slot is free: an exception that is no ``Exception`` passes through the body. When the signal is there the body
        runs again **from its start**, by any worker and as the same attempt, and finds the answer at once. Keep in the payload what is
        not to be done twice. Raises SignalTimeoutError when none comes in time, TaskStoppedError when the task is to stop.
        """
        return await self._waiting(name, timeout)

    def wait_for_signal_sync(self, name: str, timeout: Duration | None = None) -> Any:
        """The same, for a plain function."""
        return asyncio.run_coroutine_threadsafe(self._waiting(name, timeout), self._waits().loop).result()

    def _waiting(self, name: str, timeout: Duration | None) -> Coroutine[Any, Any, Any]:
        return self._waits().wait(name, timeout)

    def _waits(self) -> Waits:
        if self.waits is None:
            raise WaitRefusedError("WAIT_UNSUPPORTED", "this task does not run in a worker")
        return self.waits

    @property
    def should_stop(self) -> bool:
        """For bodies that look now and then. One that returns has succeeded, whatever it left undone: see `raise_if_stopped`."""
        return self.stop_reason is not None

    def raise_if_stopped(self) -> None:
        """
        Raises TaskStoppedError where the body is to stop: a task that is drained is run again by another worker, one that is cancelled
        ends as such.
        """
        if self.stop_reason is not None:
            raise TaskStoppedError(self.stop_reason)

    def get_dependency_payloads(self) -> list[Any]:
        """The last payloads of the tasks this one waited for, in the order in which its submit named them."""
        return [dependency["payload"] for dependency in self.dependencies]

    def get_dependency_results(self) -> list[Any]:
        """Their results, likewise."""
        return [dependency["result"] for dependency in self.dependencies]

    def update_task(
        self,
        progress: Progress | None = None,
        payload: Any = None,
        tags: dict[str, TagValue | None] | None = None,
    ) -> None:
        """Says how far the task is. What makes no sense is left out with a warning, and the task goes on.

        ``tags`` are set beside those the task has; None takes one away.
        """
        if progress is not None:
            fault = _progress_fault(progress)
            if fault is None:
                self._tell("progress", _as_told(progress))
            else:
                self.log.warning("progress was not understood and is left out: %s", fault)
        if payload is not None:
            try:
                kept, packed = copied(payload)
                if len(packed) > PAYLOAD_LIMIT:
                    raise TypeError(f"{len(packed)} bytes, at most {PAYLOAD_LIMIT} are allowed")
                self._tell("payload", kept)
            except TypeError as error:
                self.log.warning("a payload could not be stored and is left out: %s", error)
        if tags is not None:
            self._set_tags(tags)
        self._changed()

    def _set_tags(self, tags: Any) -> None:
        if not isinstance(tags, dict):
            self.log.warning(_TAGS_LEFT_OUT, f"{tags!r} is no dict")
            return
        changes = {}
        for name, value in tags.items():
            fault = tag_fault(name, 0 if value is None else value)
            if fault is None:
                changes[name] = value
            else:
                self.log.warning(_TAGS_LEFT_OUT, fault)
        with self._telling:
            after = {name: value for name, value in {**self.tags, **changes}.items() if value is not None}
            if len(after) <= TAGS_LIMIT:
                self.tags = after
                self._news["tags"] = {**self._news.get("tags", {}), **changes}
                return
        self.log.warning(_TAGS_LEFT_OUT, f"there are more than {TAGS_LIMIT}")

    def _tell(self, name: str, value: Any) -> None:
        with self._telling:
            self._news[name] = value

    def take_news(self) -> dict[str, Any]:
        """What was told since it was asked last, for whoever passes it on."""
        with self._telling:
            news, self._news = self._news, {}
        return news

    def on_abort(self, handler: H) -> H:
        """Runs when the task is cancelled or times out; makes it abortable. The last one registered runs first."""
        _require_callable("on_abort", handler)
        self.aborts.append(handler)
        self._changed()
        return handler

    def on_cleanup(self, handler: H) -> H:
        """Runs when the body has ended, however it did. The last one registered runs first."""
        _require_callable("on_cleanup", handler)
        self.cleanups.append(handler)
        return handler


def _require_callable(what: str, handler: Any) -> None:
    if not callable(handler):
        raise TypeError(f"{what} takes a function: {handler!r} is none")


def get_context() -> TaskContext:
    """The context of the task that runs here. Raises RuntimeError outside of one."""
    context = _current.get()
    if context is None:
        raise RuntimeError("get_context() was called outside of a task")
    return context


def enter(context: TaskContext) -> None:
    """From here on, in this context of execution, the task is the one that runs."""
    _current.set(context)


def _trace_of(task: dict[str, Any]) -> dict[str, str]:
    """By which the lines about the task are found together with its spans."""
    _, trace_id, *_ = [*str(task.get("traceparent", "")).split("-"), "", ""]
    return {"trace_id": trace_id} if trace_id else {}


def _as_told(progress: Any) -> Any:
    """A fraction says so: 1.0 arrives as 1, and that is a count."""
    if isinstance(progress, float):
        return {"fraction": progress}
    return list(progress) if isinstance(progress, tuple) else progress


_TAGS_LEFT_OUT = "tags were not understood and are left out: %s"


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
