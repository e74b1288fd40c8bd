"""Spans, where the API of OpenTelemetry is installed (``pip install baton-tasks[traces]``); elsewhere nothing is made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

try:
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError:  # pragma: no cover - tested in a process of its own
    _INSTALLED = False
else:
    _INSTALLED = True
    _propagator = TraceContextTextMapPropagator()

_MESSAGING = {"messaging.system": "baton"}


class Submitting:
    """The span of a submit, and the headers that carry it."""

    def __init__(self, span: Any = None, headers: dict[str, str] | None = None) -> None:
        self.headers = headers or {}
        self._span = span

    def submitted(self, task: dict[str, Any], outcome: str) -> None:
        if self._span is not None:
            self._span.set_attributes(_about(task["id"], task["queue"]) | {"baton.submit.outcome": outcome})


@contextlib.contextmanager
def submitting(type_name: str) -> Iterator[Submitting]:
    if not _INSTALLED:
        yield Submitting()
        return
    attributes = _kind("submit", "send", type_name)
    with _tracer().start_as_current_span(f"submit {type_name}", kind=trace.SpanKind.PRODUCER, attributes=attributes) as span:
        headers: dict[str, str] = {}
        _propagator.inject(headers)
        yield Submitting(span, headers)


class Running:
    """The span of one run."""

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def ended(self, outcome: str, error: dict[str, Any] | None = None) -> None:
        """``outcome`` as the worker protocol has it."""
        if self._span is None:
            return
        self._span.set_attribute("baton.run.outcome", outcome)
        if error is not None:
            exception = {
                "exception.type": error["type"],
                "exception.message": error["message"],
                "exception.stacktrace": error.get("stack", ""),
            }
            self._span.add_event("exception", exception)
        if outcome == "failure":
            self._span.set_attribute("error.type", "Error" if error is None else error["type"])
            self._span.set_status(trace.Status(trace.StatusCode.ERROR, None if error is None else error["message"]))


@contextlib.contextmanager
def running(claimed: dict[str, Any], worker: str) -> Iterator[Running]:
    """Continues the trace the task was submitted in; body and handlers are called below this."""
    if not _INSTALLED:
        yield Running()
        return
    carrier = {name: claimed[name] for name in ("traceparent", "tracestate") if isinstance(claimed.get(name), str)}
    attributes = _kind("run", "process", claimed["type"]) | _about(claimed["id"], claimed["queue"])
    with _tracer().start_as_current_span(
        f"run {claimed['type']}",
        context=_propagator.extract(carrier),
        kind=trace.SpanKind.CONSUMER,
        attributes=attributes | {"messaging.client.id": worker, "baton.task.attempt": claimed["attempt"]},
    ) as span:
        yield Running(span)


@contextlib.contextmanager
def finishing() -> Iterator[None]:
    """Handlers, and the telling of the end."""
    if not _INSTALLED:
        yield
        return
    attributes = _kind("finish", "settle")
    with _tracer().start_as_current_span("finish", kind=trace.SpanKind.CLIENT, attributes=attributes):
        yield


def _tracer() -> Any:
    return trace.get_tracer("baton")


def _kind(name: str, operation: str, type_name: str | None = None) -> dict[str, Any]:
    task = {} if type_name is None else {"baton.task.type": type_name}
    return _MESSAGING | {"messaging.operation.name": name, "messaging.operation.type": operation} | task


def _about(id: str, queue: str) -> dict[str, Any]:
    return {"messaging.message.id": id, "messaging.destination.name": queue}
