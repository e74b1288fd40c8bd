import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { readAck, type Ack } from './ack.ts';

const test = suite('ack');

const read = (text: string): Ack => readAck(new TextEncoder().encode(text));

test('the plain answer, by its number', () => {
  for (const sequence of [1, 9, 10, 123_456_789, Number.MAX_SAFE_INTEGER]) {
    assert.equal(read(`{"stream":"KV_BATON_TASKS","seq":${sequence}}`), { kind: 'stored', sequence, count: 1 });
  }
});

test('the same with more fields, in another order, with spaces', () => {
  const stored = { kind: 'stored', sequence: 12, count: 1 };
  assert.equal(read('{"stream":"S","domain":"hub","seq":12}'), stored);
  assert.equal(read('{"stream":"S","seq":12,"duplicate":true}'), stored);
  assert.equal(read('{"seq":12,"stream":"S"}'), stored);
  assert.equal(read('{ "stream": "S", "seq": 12 }'), stored);
});

test('a batch answers with its last sequence and its size', () => {
  assert.equal(read('{"stream":"S","seq":512,"batch":"b1","count":100}'), {
    kind: 'stored',
    sequence: 512,
    count: 100,
  });
});

test('an error is none of these, also when its text looks like one', () => {
  assert.equal(
    read('{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 2"},"stream":"S","seq":0}'),
    {
      kind: 'error',
      apiCode: 10_071,
      status: 400,
      text: 'wrong last sequence: 2',
    },
  );
  assert.is(read('{"error":{"code":400,"err_code":10071,"description":"x"},"seq":12}').kind, 'error');
  assert.equal(read('{"error":{}}'), { kind: 'error', apiCode: 0, status: 0, text: 'no description' });
});

test('anything else says nothing about the write', () => {
  const strange = [
    '',
    '{',
    '{}',
    'null',
    '12',
    '"seq":12}',
    '{"stream":"S","seq":}',
    '{"stream":"S","seq":0}',
    '{"stream":"S","seq":-3}',
    '{"stream":"S","seq":1.5}',
    '{"stream":"S","seq":"12"}',
    '{"stream":"S","seq":99999999999999999999}',
  ];
  for (const text of strange) assert.is(read(text).kind, 'unreadable', text);
});

test.run();
