"""Spans, where the API of OpenTelemetry is installed (the extra `traces`); elsewhere nothing is made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

try:
    from opentelemetry import trace
    from opentelemetry.context import Context
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
        if self._span is None:
            return
        self._span.set_attributes(_about(task["id"], task["queue"]) | {"baton.submit.outcome": outcome})
        if outcome != "created":
            # A task that was there belongs to the trace it was submitted in.
            _link(self._span, task.get("traceparent"))


@contextlib.contextmanager
def submitting(type_name: str, said: dict[str, str]) -> Iterator[Submitting]:
    """``said``: the context the caller names, which counts where no span is active here."""
    if not _INSTALLED:
        yield Submitting()
        return
    attributes = _kind("submit", "send", type_name)
    is_active = trace.get_current_span().get_span_context().is_valid
    context = None if is_active or not said else _propagator.extract(said)
    with _tracer().start_as_current_span(
        f"submit {type_name}", context=context, kind=trace.SpanKind.PRODUCER, attributes=attributes
    ) as span:
        headers: dict[str, str] = {}
        _propagator.inject(headers)
        with _failing(span):
            yield Submitting(span, headers)


class Waiting:
    """The span of a wait for the end of a task."""

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def waited(self, status: str, *linked: str | None) -> None:
        """``linked``: ``traceparent`` of the submit, and of the last run."""
        if self._span is None:
            return
        self._span.set_attribute("baton.task.status", status)
        for each in linked:
            _link(self._span, each)


@contextlib.contextmanager
def waiting(type_name: str, id: str, queue: str) -> Iterator[Waiting]:
    if not _INSTALLED:
        yield Waiting()
        return
    attributes = _kind("wait", None, type_name) | _about(id, queue)
    with _tracer().start_as_current_span(f"wait {type_name}", kind=trace.SpanKind.CLIENT, attributes=attributes) as span:
        with _failing(span):
            yield Waiting(span)


class Running:
    """The span of one run."""

    def __init__(self, span: Any = None) -> None:
        self._span = span

    @property
    def traceparent(self) -> str | None:
        """What the record keeps for the run after it; None where nobody records this one."""
        if self._span is None or not self._span.get_span_context().trace_flags.sampled:
            return None
        carrier: dict[str, str] = {}
        _propagator.inject(carrier, trace.set_span_in_context(self._span))
        return carrier.get("traceparent")

    def threw(self, error: dict[str, Any]) -> None:
        """What the body raised."""
        if self._span is None:
            return
        exception = {
            "exception.type": error["type"],
            "exception.message": error["message"],
            "exception.stacktrace": error.get("stack", ""),
        }
        self._span.add_event("exception", exception)

    def ended(self, outcome: str, error: dict[str, Any] | None = None) -> None:
        """``outcome``: the state the task ended in, or "retry", "given_back", "suspended", "lost"."""
        if self._span is None:
            return
        self._span.set_attribute("baton.run.outcome", outcome)
        if outcome in ("failure", "retry"):
            self._span.set_attribute("error.type", "Error" if error is None else error.get("type", "Error"))
            self._span.set_status(trace.Status(trace.StatusCode.ERROR, None if error is None else error["message"]))
        elif outcome == "lost":
            self._span.set_status(trace.Status(trace.StatusCode.ERROR, "taken over or ended elsewhere"))


@contextlib.contextmanager
def running(claimed: dict[str, Any], worker: str) -> Iterator[Running]:
    """Continues the trace the task was submitted in, linked to the run before; body and handlers are called below this."""
    if not _INSTALLED:
        yield Running()
        return
    carrier = {name: claimed[name] for name in ("traceparent", "tracestate") if isinstance(claimed.get(name), str)}
    attributes = _kind("run", "process", claimed["type"]) | _about(claimed["id"], claimed["queue"])
    former = _context_of(claimed.get("former"))
    with _tracer().start_as_current_span(
        f"run {claimed['type']}",
        context=_propagator.extract(carrier),
        kind=trace.SpanKind.CONSUMER,
        attributes=attributes | {"messaging.client.id": worker, "baton.task.attempt": claimed["attempt"]},
        links=[] if former is None else [trace.Link(former)],
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


@contextlib.contextmanager
def _failing(span: Any) -> Iterator[None]:
    """The span itself tells what was raised; ``error.type`` is its stable code, where it has one."""
    try:
        yield
    except Exception as error:
        span.set_attribute("error.type", str(getattr(error, "code", type(error).__name__)))
        raise


def _link(span: Any, traceparent: str | None) -> None:
    linked = _context_of(traceparent)
    if linked is not None:
        span.add_link(linked)


def _context_of(traceparent: Any) -> Any:
    """None for what is no trace context."""
    if not isinstance(traceparent, str):
        return None
    found = trace.get_current_span(_propagator.extract({"traceparent": traceparent}, Context())).get_span_context()
    return found if found.is_valid else None


def _kind(name: str, operation: str | None, type_name: str | None = None) -> dict[str, Any]:
    kind = {} if operation is None else {"messaging.operation.type": operation}
    task = {} if type_name is None else {"baton.task.type": type_name}
    return _MESSAGING | {"messaging.operation.name": name} | kind | task


def _about(id: str, queue: str) -> dict[str, Any]:
    return {"messaging.message.id": id, "messaging.destination.name": queue}
