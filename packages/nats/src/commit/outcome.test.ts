import type { WriteResult } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { isThrottled, resultOf } from './outcome.ts';

const test = suite('outcome of a write');

const said = (apiCode: number, status: number, text: string): WriteResult =>
  resultOf({ kind: 'error', apiCode, status, text }, 'a.b');

const codeOf = (result: WriteResult): string =>
  result.kind === 'failed' || result.kind === 'unknown' ? result.cause.code : '';

test('stored is written, with the sequence as revision', () => {
  assert.equal(resultOf({ kind: 'stored', sequence: 7, count: 1 }, 'a.b'), { kind: 'written', revision: 7 });
});

test('a lost race is a conflict, also against a write that is under way', () => {
  assert.equal(said(10_071, 400, 'wrong last sequence: 3'), { kind: 'conflict' });
  assert.equal(said(10_164, 400, 'wrong last sequence'), { kind: 'conflict' });
});

test('a full store fails for certain, with its code', () => {
  const full: readonly (readonly [number, number, string])[] = [
    [10_002, 400, 'resource limits exceeded for account'],
    [10_047, 500, 'insufficient storage resources available'],
    [10_023, 503, 'insufficient resources'],
    [10_028, 500, 'insufficient memory resources available'],
    [10_077, 503, 'maximum bytes exceeded'],
    [10_122, 400, 'stream max bytes exceeds account limit max stream bytes'],
  ];
  for (const [apiCode, status, text] of full) {
    const result = said(apiCode, status, text);
    assert.is(result.kind, 'failed');
    assert.is(codeOf(result), 'STORE_FULL');
  }
});

test('a message that is too large for its stream is told as one that is too large for the server', () => {
  const result = said(10_054, 400, 'message size exceeds maximum allowed');
  assert.equal([result.kind, codeOf(result)], ['failed', 'PAYLOAD_TOO_LARGE']);
});

test('a store that failed while it stored leaves it unknown', () => {
  const result = said(10_077, 503, 'write /data/1.blk: input/output error');
  assert.is(result.kind, 'unknown');
  assert.is(codeOf(result), 'OUTCOME_UNKNOWN');
});

test('too many requests stored nothing', () => {
  for (const [apiCode, text] of [
    [10_167, 'too many requests'],
    [10_210, 'atomic publish too many inflight'],
  ] as const) {
    assert.ok(isThrottled({ kind: 'error', apiCode, status: 429, text }));
    assert.is(codeOf(said(apiCode, 429, text)), 'STORE_BUSY');
  }
});

test('any other refusal names the subject, the reason and the code', () => {
  const result = said(10_166, 400, 'per-message TTL is disabled');
  assert.is(codeOf(result), 'STORE_REFUSED');
  assert.match(result.kind === 'failed' ? result.cause.message : '', /a\.b: per-message TTL is disabled \(10166\)/);
});

test('an answer that cannot be read leaves it unknown', () => {
  assert.is(resultOf({ kind: 'unreadable', text: '?' }, 'a.b').kind, 'unknown');
});

test.run();
