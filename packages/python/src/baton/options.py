"""How tasks are run: what a type says of itself, and what a call says otherwise."""

from __future__ import annotations

import datetime
import enum
from dataclasses import asdict, dataclass
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
class TaskOptions:
    """What one call says of its task; it goes before what the type says."""

    task_key: str | None = None
    """What makes two submits the same work."""
    task_name: str | None = None
    """What people read."""
    timeout: Duration | None = None
    """0: none."""
    queue: str | None = None
    priority: Literal["high", "normal", "low"] | None = None
    max_attempts: int | None = None
    backoff: Backoff | None = None
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

    def fields(self) -> dict[str, Any]:
        """As a command has them."""
        return present(self)


def present(options: Any) -> dict[str, Any]:
    """The fields of a dataclass that are set."""
    return {name: _bare(value) for name, value in asdict(options).items() if value is not None}


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if item is not None}
    return value.value if isinstance(value, enum.Enum) else value
