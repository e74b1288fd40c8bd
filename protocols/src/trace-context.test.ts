import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../test/support/suite.ts';
import { readTraceContext, traceContextIn, TRACE_STATE_LENGTH } from './index.ts';

const test = suite('trace context');

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

test('of other kinds than text nothing is read', () => {
  for (const value of [undefined, null, 7, true, {}, [PARENT], new Uint8Array(3)]) {
    assert.is(readTraceContext(value), undefined);
    assert.equal(readTraceContext(PARENT, value), { traceparent: PARENT });
  }
});

test('whatever comes is read or dropped, and what was read is read the same again', () => {
  const state = fc.string({ unit: fc.constantFrom('a', 'b', '=', ',', ' ', '@', '1', '~', '\u00e9'), maxLength: 60 });
  fc.assert(
    fc.property(fc.oneof(fc.constant(PARENT), fc.string()), state, (parent, vendors) => {
      const read = readTraceContext(parent, vendors);
      if (read === undefined) return;
      assert.is(read.traceparent.length, 55);
      deepStrictEqual(readTraceContext(read.traceparent, read.tracestate), read);
    }),
  );
});

test('a long tracestate loses its last members', () => {
  const member = (name: string) => `${name}=${'x'.repeat(200)}`;
  const read = readTraceContext(PARENT, ['a', 'b', 'c', 'd'].map(member).join(','));
  assert.is(read?.tracestate, [member('a'), member('b')].join(','));
  assert.ok((read?.tracestate?.length ?? 0) <= TRACE_STATE_LENGTH);
  assert.is(readTraceContext(PARENT, `a=${'x'.repeat(257)}`)?.tracestate, undefined);
  assert.is(readTraceContext(PARENT, Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(','))?.tracestate, undefined);
});

test('headers in any case, several of tracestate as one list', () => {
  assert.equal(traceContextIn({ TraceParent: [PARENT], tracestate: ['a=1', 'b=2'], other: ['x'] }), {
    traceparent: PARENT,
    tracestate: 'a=1,b=2',
  });
  assert.equal(traceContextIn({ traceparent: PARENT }), { traceparent: PARENT });
  assert.is(traceContextIn({ traceparent: 'nonsense', tracestate: 'a=1' }), undefined);
  assert.is(traceContextIn({}), undefined);
});

test.run();
