import { getHeapStatistics } from 'node:v8';
import { trace, TraceFlags } from '@opentelemetry/api';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { failSpan, isTracing, linksTo, remoteContext, spanContextOf, traceContextOf, tracerNow } from './tracer.ts';
import { withinTrace } from './run-span.ts';

const test = suite('tracer');

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

test('without a provider there is no tracer, and asking for one makes nothing', () => {
  assert.is(tracerNow(), undefined);
  assert.is(withinTrace(PARENT), undefined);
  const ask = (times: number): number => {
    let traced = 0;
    for (let i = 0; i < times; i++) if (isTracing()) traced++;
    return traced;
  };
  ask(20_000);
  const before = getHeapStatistics().used_heap_size;
  const began = performance.now();
  // Half as many of the smallest objects there are would be 1.2 MB.
  assert.is(ask(100_000), 0);
  const tookMs = performance.now() - began;
  assert.ok(getHeapStatistics().used_heap_size - before < 600_000);
  // Some 2 ms; a machine that does other things is allowed much more.
  assert.ok(tookMs < 500, `${tookMs} ms`);
});

test('a trace context becomes that of a span and back; what is none becomes nothing', () => {
  const context = spanContextOf({ traceparent: PARENT, tracestate: 'a=1' });
  assert.is(context?.traceFlags, TraceFlags.SAMPLED);
  assert.is(context?.isRemote, true);
  const span = trace.getSpan(remoteContext(context));
  assert.ok(span !== undefined);
  assert.equal(traceContextOf(span), { traceparent: PARENT, tracestate: 'a=1' });
  assert.is(spanContextOf({ traceparent: 'nonsense' }), undefined);
  assert.is(spanContextOf({}), undefined);
  assert.is(spanContextOf(undefined), undefined);
  assert.equal(
    linksTo({ traceparent: PARENT }, undefined, { traceparent: '' }).map((link) => link.context.spanId),
    ['b7ad6b7169203331'],
  );
});

test('whatever was thrown is told of', () => {
  const told: [string, unknown][] = [];
  const span = {
    setAttribute: (name: string, value: unknown) => void told.push([name, value]),
    recordException: ({ name }: { readonly name: string }) => void told.push(['exception', name]),
    setStatus: ({ message }: { readonly message: string }) => void told.push(['status', message]),
  } as unknown as Parameters<typeof failSpan>[0];
  failSpan(span, Object.assign(new RangeError('no'), { code: 'X_Y' }));
  failSpan(span, 'text');
  assert.equal(told.slice(0, 3), [
    ['error.type', 'X_Y'],
    ['exception', 'RangeError'],
    ['status', 'no'],
  ]);
  assert.is(told.length, 6);
});

test.run();
