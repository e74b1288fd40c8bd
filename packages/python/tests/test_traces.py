"""Traces: the context in commands, records and claims, and the spans around them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from conftest import Serve
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import baton

_exporter = InMemorySpanExporter()


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(_exporter))
        trace.set_tracer_provider(provider)
    _exporter.clear()
    return _exporter


async def test_without_a_provider_a_record_says_nothing_of_a_trace(client: baton.Client, name: str) -> None:
    # The first test of this file: a provider cannot be taken away again.
    handle = await client.submit(name)
    record, _ = await client.record_of(handle.address, handle.uuid)
    assert not [field for field in record if "race" in field]
    await handle.cancel()


async def test_one_trace_over_submit_and_attempts(
    client: baton.Client, serve: Serve, name: str, exporter: InMemorySpanExporter
) -> None:
    @baton.task(name=name, max_attempts=2, backoff=baton.Backoff(initial=0.01))
    async def flaky() -> int:
        with trace.get_tracer("the tasks").start_as_current_span("working"):
            if baton.get_context().attempt == 1:
                raise RuntimeError("not at first")
        return baton.get_context().attempt

    @baton.task(name=f"{name}.plain")
    def plain() -> None:
        trace.get_tracer("the tasks").start_span("in a thread").end()

    await serve(flaky, plain)
    with trace.get_tracer("the service").start_as_current_span("request") as request:
        handle = await client.join(flaky, timeout=20)
        await client.join(plain, timeout=20)
    assert handle.result == 2

    record, _ = await client.record_of(handle.address, handle.uuid)
    spans = exporter.get_finished_spans()
    submit, second_submit = _named(spans, f"submit {name}") + _named(spans, f"submit {name}.plain")
    assert _parent(submit) == request.get_span_context().span_id
    assert record["traceparent"].startswith(f"00-{submit.context.trace_id:032x}-{submit.context.span_id:016x}-")
    runs = _named(spans, f"run {name}")
    assert [_parent(run) for run in runs] == [submit.context.span_id] * 2
    assert [dict(run.attributes or {})["baton.run.outcome"] for run in runs] == ["failure", "success"]
    assert runs[0].status.status_code is trace.StatusCode.ERROR
    assert [_parent(each) for each in _named(spans, "working")] == [run.context.span_id for run in runs]
    plain_run = _named(spans, f"run {name}.plain")[0]
    assert _parent(plain_run) == second_submit.context.span_id
    assert _parent(_named(spans, "in a thread")[0]) == plain_run.context.span_id
    assert {span.context.trace_id for span in spans} == {request.get_span_context().trace_id}


def test_without_opentelemetry_all_is_as_before() -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "import baton; from baton import _traces\n"
        "with _traces.submitting('t') as submit: assert submit.headers == {}; submit.submitted({}, 'created')\n"
        "with _traces.running({}, 'w') as run, _traces.finishing(): run.ended('failure')\n"
        "print('as before')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert ran.stdout.strip() == "as before", ran.stderr


def _named(spans: tuple[ReadableSpan, ...], name: str) -> list[ReadableSpan]:
    return [span for span in spans if span.name == name]


def _parent(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id
