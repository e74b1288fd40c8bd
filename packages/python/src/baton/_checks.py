"""What may be said of tasks and of programs, checked where it is said: early, and by the name it has there."""

from __future__ import annotations

import datetime
import ipaddress
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from .errors import InvalidArgumentError

Rule = tuple[str, Callable[[Any], bool]]
"""How it is said what a value is, and whether one is that. The same as `protocols/schemas` has; the tests compare them."""

TAGS_LIMIT = 32
_DURATION_LIMIT = 366 * 86_400
_DURATION = re.compile(r"\s*(\d{1,9}(?:\.\d{1,3})?)\s?(ms|s|m|h|d)\s*")
_DURATION_TEXT = 20
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_TAG_TEXT_LENGTH = 256
_RATE_WINDOW = (0.1, 24 * 3_600)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _length(text: str) -> int:
    """Characters as JavaScript counts them."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def is_text(value: Any, most: int) -> bool:
    return isinstance(value, str) and 0 < _length(value) <= most and re.search("[\ud800-\udfff]", value) is None


def seconds_of(value: Any) -> float | None:
    """None: no duration, or too long a one."""
    if isinstance(value, str):
        found = _DURATION.fullmatch(value) if len(value) <= _DURATION_TEXT else None
        value = None if found is None else float(found[1]) * _UNITS[found[2]]
    if not _is_number(value) or not 0 <= value <= _DURATION_LIMIT:
        return None
    return float(value)


def text(most: int) -> Rule:
    return f"is text of 1 to {most} characters, well-formed Unicode", lambda value: is_text(value, most)


def whole(least: int, most: int) -> Rule:
    return (
        f"is a whole number, {least} to {most}",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most,
    )


def _between(least: float, most: float) -> Rule:
    return f"is a number, {least} to {most}", lambda value: _is_number(value) and least <= value <= most


def _one_of(*values: str) -> Rule:
    return f"is one of {', '.join(values)}", lambda value: isinstance(value, str) and value in values


NAME: Rule = (
    "is 1 to 100 letters, digits, _ . and -, the first a letter or a digit",
    lambda value: isinstance(value, str) and _NAME.fullmatch(value) is not None,
)
DURATION: Rule = (
    'is a number of seconds or text like "90s" or "5m", up to 366 days',
    lambda value: seconds_of(value) is not None,
)


def tag_fault(name: Any, value: Any) -> str | None:
    if not isinstance(name, str) or not _TAG_NAME.fullmatch(name):
        return f"{name!r} is no name: 1 to 64 letters, digits, _ and -, the first a letter"
    if not _is_tag_value(value):
        return f"{name} is text of 1 to {_TAG_TEXT_LENGTH} characters, a number, true or false"
    return None


def _is_tag_value(value: Any) -> bool:
    if isinstance(value, str):
        return is_text(value, _TAG_TEXT_LENGTH) and "\0" not in value
    return isinstance(value, bool) or _is_number(value)


TAGS: Rule = (
    f"is up to {TAGS_LIMIT} tags by name: a name is 1 to 64 letters, digits, _ and -, the first a letter, a value is text of 1 to "
    f"{_TAG_TEXT_LENGTH} characters, a number, true or false",
    lambda value: (
        isinstance(value, Mapping)
        and len(value) <= TAGS_LIMIT
        and all(tag_fault(name, each) is None for name, each in value.items())
    ),
)
_RATE: Mapping[str, Any] = {"units": whole(1, 1_000_000), "window": DURATION}
_MOST: Mapping[str, Any] = {
    "concurrency": whole(1, 1_000_000),
    "rate": _RATE,
    "when_full": _one_of("wait", "cancel_newest", "cancel_running"),
}

DEFINITION: Mapping[str, Any] = {
    "scope": _one_of("private", "shared", "system"),
    "queue": NAME,
    "priority": _one_of("high", "normal", "low"),
    "group": text(256),
    "limit_key": text(256),
    "units": whole(1, 10_000),
    "tags": TAGS,
    "timeout": DURATION,
    "max_attempts": whole(1, 1_000),
    "backoff": {"initial": DURATION, "factor": _between(1, 100), "max": DURATION, "jitter": _between(0, 1)},
    "max_rescues": whole(0, 1_000),
    "on_orphan": _one_of("retry", "fail"),
    "abort_grace": DURATION,
    "mode": _one_of("join", "reject", "replace", "coalesce", "debounce", "throttle"),
    "window": DURATION,
    "max_wait": DURATION,
    "expires": DURATION,
    "concurrency": whole(1, 1_000_000),
    "rate": _RATE,
    "per_group": _MOST,
    "per_key": _MOST,
    "title": text(100),
    "description": text(4_000),
    "args_schema": ("is a JSON Schema: a dict of what JSON has", lambda value: isinstance(value, dict) and _is_json(value)),
}
"""Of a task type: the fields of its definition, and what each is."""

_RUN = ("scope", "queue", "priority", "group", "limit_key", "units", "tags", "timeout", "max_attempts", "backoff", "max_rescues")
_MODES = ("on_orphan", "abort_grace", "mode", "window", "max_wait", "expires")
_TIME: Rule = ("is a datetime", lambda value: isinstance(value, datetime.datetime))
_FLAG: Rule = ("is true or false", lambda value: isinstance(value, bool))

SUBMIT: Mapping[str, Any] = {
    **{name: DEFINITION[name] for name in (*_RUN, *_MODES)},
    "task_key": text(256),
    "task_name": text(256),
    "strict": _FLAG,
    "run_at": _TIME,
    "delay": DURATION,
    "operation_id": text(256),
    "when_aborting": _one_of("queue", "join", "reject"),
    "expires_at": _TIME,
    "depends_on": (
        "is a list of up to 100 tasks: handles, ids, or dicts of task and on_failure",
        lambda value: isinstance(value, (list, tuple)) and len(value) <= 100 and all(map(_is_edge, value)),
    ),
}
"""Of one submit, likewise."""


def _is_edge(value: Any) -> bool:
    if isinstance(value, dict):
        known = value.keys() <= {"task", "address", "on_failure"}
        return known and is_text(value.get("task"), 200) and value.get("on_failure", "fail") in _ON_FAILURE
    return is_text(value, 200)


_ON_FAILURE = ("fail", "continue", "ignore")


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
        return True
    except (TypeError, ValueError, RecursionError):
        return False


def invalid(fault: str) -> InvalidArgumentError:
    return InvalidArgumentError("INVALID_ARGUMENT", fault)


def is_ip(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(ipaddress.ip_address(value))
    except ValueError:
        return False


def check(field: str, value: Any, rule: Any) -> None:
    """Raises InvalidArgumentError."""
    says, holds = rule
    if not holds(value):
        raise invalid(f"{field}: {says}")


def check_submit(fields: Mapping[str, Any]) -> None:
    """Raises InvalidArgumentError, by the name of the option."""
    _check_all("", fields, SUBMIT)


def timeout_of(value: Any) -> float | None:
    """Seconds to wait; None: without end. Raises InvalidArgumentError."""
    if value is None:
        return None
    check("timeout", value, DURATION)
    return seconds_of(value)


def check_definition(type_name: str, fields: Mapping[str, Any]) -> None:
    """Raises InvalidArgumentError, by the name of the task and of what it says."""
    try:
        _check_all("", fields, DEFINITION)
        _check_mode(fields)
        for where in ("", "per_group.", "per_key."):
            _check_most(where, fields.get(where.rstrip("."), {}) if where else fields)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(error.code, f"task {type_name!r}: {error}") from None


def _check_all(where: str, fields: Mapping[str, Any], rules: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        field, rule = f"{where}{name}", rules.get(name)
        if isinstance(rule, Mapping):
            _require(field, isinstance(value, Mapping), f"has {', '.join(rule)}")
            _check_all(f"{field}.", value, rule)
        else:
            _require(field, rule is not None, f"is none of {', '.join(rules)}")
            check(field, value, rule)
    if rules is _RATE:
        _require(where.rstrip("."), fields.keys() == rules.keys(), f"needs {' and '.join(rules)}")


def _check_mode(fields: Mapping[str, Any]) -> None:
    mode, window, longest = fields.get("mode", "join"), fields.get("window"), fields.get("max_wait")
    has_window = mode in ("debounce", "throttle")
    _require("window", window is None or has_window, "belongs to mode debounce or throttle")
    _require("max_wait", longest is None or mode == "debounce", "belongs to mode debounce")
    length = seconds_of(window) or 0
    _require("window", not has_window or window is not None, f'mode {mode} needs one, such as "5s"')
    _require("window", not has_window or length > 0, 'is longer than 0, such as "5s"')
    _require("max_wait", longest is None or (seconds_of(longest) or 0) >= length, "is not shorter than the window")


def _check_most(where: str, fields: Mapping[str, Any]) -> None:
    full = fields.get("when_full", "wait") == "wait" or "concurrency" in fields
    _require(f"{where}when_full", full, "needs a concurrency that can be full")
    rate = fields.get("rate")
    if rate is not None:
        least, most = _RATE_WINDOW
        window = seconds_of(rate["window"]) or 0
        _require(f"{where}rate.window", least <= window <= most, f"is {least} s to {most // 3_600} h")


def _require(field: str, holds: bool, says: str) -> None:
    if not holds:
        raise invalid(f"{field}: {says}")
