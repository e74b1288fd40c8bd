import {
  context,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import type { TaskRecord } from '@baton/core';
import type { BodyEnd } from '../run/body-end.ts';
import type { RunEnd } from '../run/run-finish.ts';
import type { Suspended } from '../run/suspended.ts';
import { taskAttributes } from './client-spans.ts';
import { linksTo, MESSAGING, remoteContext, spanContextOf, traceContextOf, tracerNow } from './tracer.ts';

/**
 * The span of one run, from its claim to the end of the attempt. It continues the trace the task was submitted in, and is
 * linked to the run before it: of a retry, or of a worker that died.
 */
export class RunSpan {
  private readonly tracer: Tracer;
  private readonly span: Span;
  private readonly own: Context;
  private over = false;

  /** Undefined where this process traces nothing. `task`: as it waits, or as it was claimed without a span. */
  static start(task: TaskRecord, worker: string): RunSpan | undefined {
    const tracer = tracerNow();
    return tracer === undefined ? undefined : new RunSpan(tracer, task, worker);
  }

  constructor(tracer: Tracer, task: TaskRecord, worker: string) {
    const attributes = {
      ...MESSAGING,
      ...taskAttributes(task),
      'messaging.operation.name': 'run',
      'messaging.operation.type': 'process',
      'messaging.client.id': worker,
    };
    const links = linksTo(task.runTrace === undefined ? undefined : { traceparent: task.runTrace });
    const parent = remoteContext(spanContextOf(task));
    this.tracer = tracer;
    this.span = tracer.startSpan(`run ${task.type}`, { kind: SpanKind.CONSUMER, attributes, links }, parent);
    // What a caller of an inline task keeps in his context is kept.
    this.own = trace.setSpan(context.active(), this.span);
  }

  /** What the record keeps for the run after it; undefined where nobody records this one. */
  get traceparent(): string | undefined {
    const { traceFlags } = this.span.spanContext();
    return (traceFlags & TraceFlags.SAMPLED) === 0 ? undefined : traceContextOf(this.span)?.traceparent;
  }

  /** What handlers and body do stands below this span. */
  readonly within = <T>(run: () => T): T => context.with(this.own, run);

  /** The body has ended: how, and that handlers and the write of the outcome come now. Ends the span of these. */
  finishing(body: BodyEnd | Suspended): () => void {
    if (body.kind === 'threw') {
      const { message, type, stack } = body.error;
      this.span.recordException({ message, name: type, ...(stack === undefined ? {} : { stack }) });
    }
    const attributes = {
      ...MESSAGING,
      'messaging.operation.name': 'finish',
      'messaging.operation.type': 'settle',
    };
    const span = this.tracer.startSpan('finish', { kind: SpanKind.CLIENT, attributes }, this.own);
    return () => span.end();
  }

  /** `body`: absent where it runs on and counts for nothing. */
  end(end: RunEnd, body: BodyEnd | Suspended | undefined): void {
    if (this.over) return;
    this.over = true;
    const { span } = this;
    const outcome = end.kind === 'lost' ? 'lost' : outcomeOf(end.held.record, body);
    span.setAttribute('baton.run.outcome', outcome);
    if (end.kind === 'left') span.setAttribute('baton.task.attempt', end.held.record.attempt);
    if (outcome === 'failure' || outcome === 'retry') {
      const error = end.kind === 'left' ? end.held.record.error : undefined;
      span.setAttribute('error.type', error?.type ?? 'Error');
      span.setStatus({ code: SpanStatusCode.ERROR, ...(error === undefined ? {} : { message: error.message }) });
    } else if (outcome === 'lost')
      span.setStatus({ code: SpanStatusCode.ERROR, message: 'taken over or ended elsewhere' });
    span.end();
  }
}

/** How the attempt ended, which of a task that waits again is not its state. */
const outcomeOf = ({ status, runAt }: TaskRecord, body: BodyEnd | Suspended | undefined): string => {
  if (status !== 'pending') return status;
  if (body?.kind === 'suspended') return 'suspended';
  return body?.kind === 'threw' && runAt !== undefined ? 'retry' : 'given_back';
};

/**
 * For a body in another thread: below the span of its run, whose context it was told. Undefined where there is none, or
 * nothing is traced in this thread.
 */
export const withinTrace = (traceparent: string | undefined): (<T>(run: () => T) => T) | undefined => {
  if (traceparent === undefined || tracerNow() === undefined) return undefined;
  const own = remoteContext(spanContextOf({ traceparent }));
  return (run) => context.with(own, run);
};
