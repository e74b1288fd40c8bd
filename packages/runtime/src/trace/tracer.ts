import {
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  TraceFlags,
  createTraceState,
  type Context,
  type Link,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import type { TraceContext } from '@baton/core';
import { readTraceContext } from '@baton/protocols';
import { isError } from '../describe.ts';
import { taskErrorOf } from '../run/task-error.ts';

/** What spans of ours are made by; the name under which a back end lists them. */
const TRACER = '@baton/sdk';

/** Of every span, by the semantic conventions for messaging. */
export const MESSAGING = { 'messaging.system': 'baton' } as const;

type Delegating = { readonly getDelegateTracer?: (name: string) => Tracer | undefined };

/**
 * The tracer of this process; undefined where it has registered no provider, which costs a look at one field and makes
 * nothing. Asked anew each time: a provider may be registered at any moment, or be shut down.
 */
export const tracerNow = (): Tracer | undefined => {
  // The API hands out a stand-in, whether or not there is a provider behind it.
  const provider: ReturnType<typeof trace.getTracerProvider> & Delegating = trace.getTracerProvider();
  return provider.getDelegateTracer === undefined ? provider.getTracer(TRACER) : provider.getDelegateTracer(TRACER);
};

export const isTracing = (): boolean => tracerNow() !== undefined;

/** Longest time a process that ends waits for its exporter. */
const FLUSH_MS = 2_000;

type Flushing = { readonly getDelegate?: () => Flushing; readonly forceFlush?: () => Promise<void> };

/** Lets the provider export what it has, as the process ends. Never rejects; does nothing where there is none. */
export const flushTraces = async (): Promise<void> => {
  const provider: Flushing = trace.getTracerProvider() as Flushing;
  const behind = provider.getDelegate?.() ?? provider;
  if (behind.forceFlush === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, FLUSH_MS);
  });
  try {
    await Promise.race([behind.forceFlush(), late]);
  } catch {
    // The exporter has said so itself; there is nothing left to be done about it here.
  } finally {
    clearTimeout(timer);
  }
};

/** What others continue a trace from; undefined for a span of no trace. */
export const traceContextOf = (span: Span): TraceContext | undefined => {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  const flags = (traceFlags & 0xff).toString(16).padStart(2, '0');
  return readTraceContext(`00-${traceId}-${spanId}-${flags}`, traceState?.serialize());
};

/** The other way round; undefined for what is no trace context. */
export const spanContextOf = (of: Partial<TraceContext> | undefined): SpanContext | undefined => {
  if (of?.traceparent === undefined) return undefined;
  // Also from a record: whoever wrote it may not have looked.
  const read = readTraceContext(of.traceparent, of.tracestate);
  if (read === undefined) return undefined;
  const [, traceId = '', spanId = '', flags = '00'] = read.traceparent.split('-');
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED,
    isRemote: true,
    ...(read.tracestate === undefined ? {} : { traceState: createTraceState(read.tracestate) }),
  };
};

/** Where a span begins that comes from elsewhere; without one, a trace of its own. */
export const remoteContext = (from: SpanContext | undefined): Context =>
  from === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, from);

/** Where a span begins that a caller in this process is behind: his own span counts, and where he has none what he says. */
export const callersContext = (said: TraceContext | undefined): Context => {
  const active = context.active();
  const spanContext = trace.getSpanContext(active);
  if (spanContext !== undefined && isSpanContextValid(spanContext)) return active;
  const from = spanContextOf(said);
  return from === undefined ? active : trace.setSpanContext(active, from);
};

export const linksTo = (...traces: readonly (Partial<TraceContext> | undefined)[]): Link[] =>
  traces.flatMap((of) => {
    const linked = spanContextOf(of);
    return linked === undefined ? [] : [{ context: linked }];
  });

/** The span has come to nothing. `error.type` is the stable code, where there is one. */
export const failSpan = (span: Span, thrown: unknown): void => {
  const { message, type, stack } = taskErrorOf(thrown);
  const code = isError(thrown) && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : type;
  span.setAttribute('error.type', code);
  span.recordException({ message, name: type, ...(stack === undefined ? {} : { stack }) });
  span.setStatus({ code: SpanStatusCode.ERROR, message });
};
