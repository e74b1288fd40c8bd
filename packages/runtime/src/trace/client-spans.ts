import { context, SpanKind, trace, type Attributes, type Span, type Tracer } from '@opentelemetry/api';
import type { TaskRecord, TraceContext } from '@baton/core';
import { callersContext, failSpan, linksTo, MESSAGING, traceContextOf, tracerNow } from './tracer.ts';

/** Spans of those who submit tasks and wait for them. */

/** What a submit came to, as far as its span tells of it. */
type Submitted = {
  readonly kind: string;
  readonly outcome?: string;
  readonly reason?: string;
  readonly cause?: unknown;
  readonly view?: { readonly record: TaskRecord };
};

export type TracedSubmit = {
  readonly type: string;
  /** Of the caller, where no span of his is active. */
  readonly trace?: TraceContext;
  /** `traceparent` of what this repeats. */
  readonly repeats?: string;
};

/**
 * Submits under a span of the producer, which the task remembers. Without a provider nothing is made, and what the caller
 * said of his trace goes along as it is.
 */
export const traceSubmit = <Done extends Submitted>(
  submit: TracedSubmit,
  carryOut: (trace: TraceContext | undefined) => Promise<Done>,
): Promise<Done> => {
  const tracer = tracerNow();
  return tracer === undefined ? carryOut(submit.trace) : underSpan(tracer, submit, carryOut);
};

const underSpan = async <Done extends Submitted>(
  tracer: Tracer,
  { type, trace: said, repeats }: TracedSubmit,
  carryOut: (trace: TraceContext | undefined) => Promise<Done>,
): Promise<Done> => {
  const parent = callersContext(said);
  const attributes = {
    ...MESSAGING,
    'messaging.operation.name': 'submit',
    'messaging.operation.type': 'send',
    'baton.task.type': type,
  };
  const links = linksTo(repeats === undefined ? undefined : { traceparent: repeats });
  const span = tracer.startSpan(`submit ${type}`, { kind: SpanKind.PRODUCER, attributes, links }, parent);
  try {
    const done = await context.with(trace.setSpan(parent, span), carryOut, undefined, traceContextOf(span) ?? said);
    tellSubmitted(span, done);
    return done;
  } catch (error) {
    failSpan(span, error);
    throw error;
  } finally {
    span.end();
  }
};

const tellSubmitted = (span: Span, { kind, outcome, reason, cause, view }: Submitted): void => {
  if (view !== undefined) span.setAttributes(taskAttributes(view.record));
  if (outcome !== undefined) span.setAttribute('baton.submit.outcome', outcome);
  // A task that was there belongs to the trace it was submitted in, also where this submit has changed it.
  if (outcome !== undefined && outcome !== 'created') for (const link of linksTo(view?.record)) span.addLink(link);
  if (reason !== undefined) span.setAttribute('baton.refusal', reason);
  if (kind === 'failed' || kind === 'unknown') failSpan(span, cause);
};

export const taskAttributes = ({ id, queue, type }: TaskRecord): Attributes => ({
  'messaging.message.id': id,
  'messaging.destination.name': queue,
  'baton.task.type': type,
});

/** Waits under a span of its own, which is linked to the task and to its last run. */
export const traceWait = <Held extends { readonly record: TaskRecord }>(wait: () => Promise<Held>): Promise<Held> => {
  const tracer = tracerNow();
  return tracer === undefined ? wait() : waitUnderSpan(tracer, wait);
};

const waitUnderSpan = async <Held extends { readonly record: TaskRecord }>(
  tracer: Tracer,
  wait: () => Promise<Held>,
): Promise<Held> => {
  const attributes = { ...MESSAGING, 'messaging.operation.name': 'wait' };
  const span = tracer.startSpan('wait', { kind: SpanKind.CLIENT, attributes });
  try {
    const held = await wait();
    const { record } = held;
    span.updateName(`wait ${record.type}`);
    span.setAttributes({ ...taskAttributes(record), 'baton.task.status': record.status });
    const run = record.runTrace === undefined ? undefined : { traceparent: record.runTrace };
    for (const link of linksTo(record, run)) span.addLink(link);
    return held;
  } catch (error) {
    failSpan(span, error);
    throw error;
  } finally {
    span.end();
  }
};
