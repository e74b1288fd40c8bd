import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { batchLines, headerBlock, headerLines } from './header-bytes.ts';

const test = suite('header bytes');

const textOf = (lines: string): string =>
  Buffer.from((headerBlock(lines) as unknown as { encode(): Uint8Array }).encode()).toString();

test('a compare-and-set', () => {
  assert.is(textOf(headerLines({ expected: 0 })), 'NATS/1.0\r\nNats-Expected-Last-Subject-Sequence: 0\r\n\r\n');
});

test('a time to live is in whole seconds, never shorter than asked for', () => {
  for (const [ttlMs, seconds] of [
    [1, 1],
    [1_000, 1],
    [1_001, 2],
    [60_000, 60],
  ] as const) {
    assert.is(headerLines({ ttlMs }), `Nats-TTL: ${seconds}s\r\n`);
  }
});

test("headers of one's own, and the place in a batch", () => {
  const lines =
    headerLines({ headers: { 'Baton-Revision': '7', 'Baton-Address': 'a.b' }, expected: 7 }) +
    batchLines('id', 2, true);
  assert.is(
    textOf(lines),
    'NATS/1.0\r\nNats-Expected-Last-Subject-Sequence: 7\r\nBaton-Revision: 7\r\nBaton-Address: a.b\r\n' +
      'Nats-Batch-Id: id\r\nNats-Batch-Sequence: 2\r\nNats-Batch-Commit: 1\r\n\r\n',
  );
  assert.not.match(batchLines('id', 1, false), 'Commit');
});

test('nothing gives no lines', () => assert.is(headerLines({}), ''));

test.run();
