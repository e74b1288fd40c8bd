"""How tasks are run: what a type says of itself, and what a call says otherwise."""

from __future__ import annotations

import datetime
import enum
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

Duration = float | str
"""Seconds, or text such as "90s" or "5m"."""


SubmitMode = Literal["join", "reject", "replace", "coalesce", "debounce", "throttle"]


class TaskScope(str, enum.Enum):
    """Who may see and cancel a task."""

    PRIVATE = "private"
    SHARED = "shared"
    SYSTEM = "system"


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Delays between attempts."""

    initial: Duration | None = None
    factor: float | None = None
    max: Duration | None = None
    jitter: float | None = None


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Units that start in any window of this length."""

    units: int
    window: Duration


@dataclass(frozen=True, kw_only=True)
class Most:
    """How many run at once, or start in a time."""

    concurrency: int | None = None
    rate: Rate | None = None
    when_full: Literal["wait", "cancel_newest", "cancel_running"] | None = None
    """What becomes of those that find all slots taken; "wait" when not set."""


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """What one call says of its task; it goes before what the type says."""

    task_key: str | None = None
    """What makes two submits the same work."""
    task_name: str | None = None
    """What people read."""
    timeout: Duration | None = None
    """0: none."""
    scope: TaskScope | None = None
    """Another one than the type's takes an admin."""
    queue: str | None = None
    priority: Literal["high", "normal", "low"] | None = None
    group: str | None = None
    """Whose task it is, of those that share the queue."""
    limit_key: str | None = None
    """What it shares with others that are limited together."""
    units: int | None = None
    """How much of a rate it takes; 1 when not set."""
    tags: dict[str, str | int | float | bool] | None = None
    """What it is found by: 32 names at most, beside those of its type."""
    max_attempts: int | None = None
    backoff: Backoff | None = None
    max_rescues: int | None = None
    on_orphan: Literal["retry", "fail"] | None = None
    abort_grace: Duration | None = None
    strict: bool | None = None
    """Refuse a type no worker has ever served, instead of waiting for one."""
    run_at: datetime.datetime | None = None
    delay: Duration | None = None
    operation_id: str | None = None
    """Makes a submit safe to repeat for a day; one is made for every call that has none."""
    when_aborting: Literal["queue", "join", "reject"] | None = None
    mode: SubmitMode | None = None
    """What becomes of the submit where its key has a task already; "join" when not set."""
    window: Duration | None = None
    """Of "debounce" and "throttle"."""
    max_wait: Duration | None = None
    """Of "debounce": the start is put off no longer than this; ten windows when not set."""
    expires: Duration | None = None
    """Not started this long after it could be, the task ends "aborted". 0: never."""
    expires_at: datetime.datetime | None = None

    depends_on: list[Any] | None = None
    """
    Tasks that have to end before this one begins: handles, ids, or `{"task": handle or id, "on_failure": "fail", "continue" or
    "ignore"}`.
    """

    trace: dict[str, str] | None = None
    """`{"traceparent": ..., "tracestate": ...}` of the caller, as W3C headers write it; a span that is active here counts first."""

    def fields(self) -> dict[str, Any]:
        """As a command has them."""
        said = {name: value for name, value in present(self).items() if name != "trace"}
        if isinstance(self.depends_on, (list, tuple)):
            said["depends_on"] = [_edge(each) for each in self.depends_on]
        return said


def _edge(named: Any) -> Any:
    """As commands have it: a handle knows where its task is, which saves a search."""
    if isinstance(named, dict) and "task" in named:
        edge = _edge(named["task"])
        return {**named, **(edge if isinstance(edge, dict) else {"task": edge})}
    is_handle = hasattr(named, "uuid") and hasattr(named, "address")
    return {"task": named.uuid, "address": named.address} if is_handle else named


def present(options: Any) -> dict[str, Any]:
    """The fields of a dataclass that are set, and theirs."""
    named = ((each.name, getattr(options, each.name)) for each in fields(options))
    return {name: _bare(value) for name, value in named if value is not None}


def _bare(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return present(value)
    return value.value if isinstance(value, enum.Enum) else value
