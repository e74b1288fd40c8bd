"""Traces: the context in commands, records and claims, and the spans around them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import pytest
from conftest import Serve, until
from opentelemetry import context, trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import baton
from baton import _traces

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

    # A task has ended before the worker is told that its end is stored, with which the span of the run ends.
    async def all_there() -> bool:
        return len([span for span in exporter.get_finished_spans() if span.name.startswith("run ")]) == 3

    await until(all_there)
    spans = exporter.get_finished_spans()
    submit, second_submit = _named(spans, f"submit {name}") + _named(spans, f"submit {name}.plain")
    assert _parent(submit) == request.get_span_context().span_id
    assert record["traceparent"].startswith(f"00-{submit.context.trace_id:032x}-{submit.context.span_id:016x}-")
    runs = _named(spans, f"run {name}")
    assert [_parent(run) for run in runs] == [submit.context.span_id] * 2
    assert [_attributes(run)["baton.run.outcome"] for run in runs] == ["retry", "success"]
    assert runs[0].status.status_code is trace.StatusCode.ERROR
    assert _attributes(runs[0])["error.type"] == "RuntimeError"
    assert [_links(run) for run in runs] == [[], [runs[0].context.span_id]]
    assert record["runTrace"].startswith(f"00-{submit.context.trace_id:032x}-{runs[1].context.span_id:016x}-")
    (wait,) = _named(spans, f"wait {name}")
    assert _parent(wait) == request.get_span_context().span_id
    assert wait.kind is trace.SpanKind.CLIENT
    assert _links(wait) == [submit.context.span_id, runs[1].context.span_id]
    about = [_attributes(wait)[f"messaging.{name}"] for name in ("system", "operation.name", "message.id")]
    assert about == ["baton", "wait", handle.uuid]
    assert _attributes(wait)["baton.task.status"] == "success"
    assert [_parent(each) for each in _named(spans, "working")] == [run.context.span_id for run in runs]
    plain_run = _named(spans, f"run {name}.plain")[0]
    assert _parent(plain_run) == second_submit.context.span_id
    assert _parent(_named(spans, "in a thread")[0]) == plain_run.context.span_id
    assert {span.context.trace_id for span in spans} == {request.get_span_context().trace_id}


async def test_every_way_a_run_ends_links_the_next_one_to_it(
    client: baton.Client, serve: Serve, name: str, exporter: InMemorySpanExporter
) -> None:
    @baton.task(name=name)
    async def waits() -> str:
        approved: str = await baton.get_context().wait_for_signal("go", timeout=20)
        return approved

    worker = await serve(waits)
    handle = await client.submit(name)
    await until(lambda: _waits(client, handle))
    await handle.signal("go", "yes")
    await handle.wait(10)
    assert handle.result == "yes"

    async def both() -> bool:
        return len(_named(exporter.get_finished_spans(), f"run {name}")) == 2

    await until(both)
    first, second = _named(exporter.get_finished_spans(), f"run {name}")
    assert [_attributes(run)["baton.run.outcome"] for run in (first, second)] == ["suspended", "success"]
    assert _links(second) == [first.context.span_id]
    assert _attributes(second)["messaging.client.id"] == worker.name


async def test_who_comes_to_a_task_that_is_there_is_linked_to_it(
    client: baton.Client, name: str, exporter: InMemorySpanExporter
) -> None:
    options = baton.TaskOptions(task_key="one", queue="nobody")
    first = await client.submit(name, options=options)
    second = await client.submit(name, options=options)
    assert (second.uuid, second.outcome) == (first.uuid, "joined")
    made, joined = _named(exporter.get_finished_spans(), f"submit {name}")
    assert (_links(made), _links(joined)) == ([], [made.context.span_id])
    assert _attributes(joined)["baton.submit.outcome"] == "joined"
    with pytest.raises(baton.WaitTimeoutError):
        await second.wait(0.1)
    (wait,) = _named(exporter.get_finished_spans(), f"wait {name}")
    assert wait.status.status_code is trace.StatusCode.ERROR
    assert _attributes(wait)["error.type"] == baton.WaitTimeoutError("").code
    await first.cancel()


async def test_what_is_not_sampled_is_not_kept_of_a_run(
    client: baton.Client, serve: Serve, name: str, exporter: InMemorySpanExporter
) -> None:
    @baton.task(name=name)
    async def quiet() -> None: ...

    await serve(quiet)
    unsampled = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}
    with _attached(unsampled):
        handle = await client.join(name, timeout=10)
    record, _ = await client.record_of(handle.address, handle.uuid)
    assert record["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")
    assert "runTrace" not in record
    # It is not even sent.
    claimed = {"id": "i", "type": name, "queue": "q", "attempt": 1}
    with _traces.running({**claimed, **unsampled}, "w") as quietly, _traces.running(claimed, "w") as loudly:
        assert (quietly.traceparent, loudly.traceparent is None) == (None, False)
    assert len(exporter.get_finished_spans()) == 1


def test_a_submit_without_asyncio_belongs_to_the_span_of_its_caller(name: str, exporter: InMemorySpanExporter) -> None:
    with baton.sync.Client(user="alice") as client:
        with trace.get_tracer("the service").start_as_current_span("request") as request:
            client.submit(name).cancel()
    (submit,) = _named(exporter.get_finished_spans(), f"submit {name}")
    assert _parent(submit) == request.get_span_context().span_id


async def test_the_context_a_caller_names_counts_where_no_span_is_active(
    client: baton.Client, exporter: InMemorySpanExporter, name: str
) -> None:
    named = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    await client.submit(name, options=baton.TaskOptions(trace=named))
    (submit,) = _named(exporter.get_finished_spans(), f"submit {name}")
    assert f"{submit.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"


def test_without_opentelemetry_all_is_as_before() -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "import baton; from baton import _traces\n"
        "with _traces.submitting('t', {}) as submit: assert submit.headers == {}; submit.submitted({}, 'created')\n"
        "with _traces.waiting('t', 'i', 'q') as wait: wait.waited('success', None)\n"
        "with _traces.running({}, 'w') as run, _traces.finishing(): run.threw({}); run.ended('failure')\n"
        "assert run.traceparent is None\n"
        "print('as before')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert ran.stdout.strip() == "as before", ran.stderr


def _named(spans: tuple[ReadableSpan, ...], name: str) -> list[ReadableSpan]:
    return [span for span in spans if span.name == name]


def _parent(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def _links(span: ReadableSpan) -> list[int]:
    return [link.context.span_id for link in span.links]


def _attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


@contextlib.contextmanager
def _attached(carrier: dict[str, str]) -> Iterator[None]:
    token = context.attach(TraceContextTextMapPropagator().extract(carrier))
    try:
        yield
    finally:
        context.detach(token)


async def _waits(client: baton.Client, handle: baton.TaskHandle) -> bool:
    record, _ = await client.record_of(handle.address, handle.uuid)
    return "waiting" in record
