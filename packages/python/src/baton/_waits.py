"""Waits of a body for signals (see "Waiting for a signal" in ``docs/writing-tasks.md``)."""

from __future__ import annotations

from typing import Any

from .errors import SignalTimeoutError


class Left(BaseException):
    """Passes through the body that waits: its run ends there. Not for ``except Exception``, as a cancel is not."""


class Signals:
    """What the waits of one run are answered with: the nth wait for a name by the nth signal of that name."""

    def __init__(self, known: list[dict[str, Any]]) -> None:
        self._known = known
        self._numbers: dict[str, int] = {}

    def next(self, name: str) -> tuple[int, dict[str, Any] | None]:
        """The number of the wait, and its answer where it is known."""
        number = self._numbers.get(name, 0) + 1
        known = [each for each in self._known if each["name"] == name]
        return number, known[number - 1] if number <= len(known) else None

    def answered(self, name: str, entry: dict[str, Any]) -> Any:
        """Raises SignalTimeoutError where none came in time."""
        self._numbers[name] = self._numbers.get(name, 0) + 1
        if entry.get("timed_out"):
            raise SignalTimeoutError(name)
        return entry.get("data")
