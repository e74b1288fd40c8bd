"""Tasks of a process that exports its spans into a file, a line each, as `test/support/span-lines.ts` does."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

import baton


class _Lines(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        with open(os.environ["BATON_TEST_SPANS"], "a", encoding="utf-8") as file:
            for span in spans:
                file.write(json.dumps(_line(span)) + "\n")
        return SpanExportResult.SUCCESS


def _line(span: ReadableSpan) -> dict[str, object]:
    return {
        "name": span.name,
        "kind": span.kind.name,
        "traceId": f"{span.context.trace_id:032x}",
        "spanId": f"{span.context.span_id:016x}",
        "parent": None if span.parent is None else f"{span.parent.span_id:016x}",
        "links": [f"{link.context.span_id:016x}" for link in span.links],
        "status": span.status.status_code.name,
        "attributes": dict(span.attributes or {}),
        "pid": os.getpid(),
    }


provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(_Lines()))
trace.set_tracer_provider(provider)


@baton.task(name="traced.mortal")
def mortal() -> int:
    """Runs until its process is killed, at first; its fellow in TypeScript does the same."""
    attempt = baton.get_context().attempt
    if attempt == 1:
        time.sleep(600)
    return attempt
