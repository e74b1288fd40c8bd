// Not uvu's `equal`, which goes by what data says under the key `constructor`.
import { deepStrictEqual } from 'node:assert/strict';
import type { Data } from '@baton/core';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../test/support/suite.ts';
import { decodeLargeData, encodeData } from './codec.ts';
import { readDataText, textOfData, viewOfDataText } from './data-text.ts';

const test = suite('data as text');

const back = (data: Data): Data => {
  const reading = readDataText(textOfData(data));
  if (reading.kind === 'lost') throw new Error(reading.reason);
  return reading.data;
};

const key = fc.oneof(fc.string(), fc.constantFrom('$date', '$base64', '$object', '$unreadable', '$$date', '$'));
const leaf = fc.oneof(
  fc.string(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
  fc.boolean(),
  fc.constant(null),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array(),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(key, tie('value'))),
}));

test('R7 what a document holds is what the record held, whatever it is', () => {
  fc.assert(
    fc.property(value, (data) => {
      if (JSON.stringify(data)?.includes('"__proto__"')) return;
      const bytes = encodeData(data);
      const again = back(bytes);
      assert.ok(again instanceof Uint8Array);
      deepStrictEqual(decodeLargeData(again), decodeLargeData(bytes));
    }),
  );
});

test('a reference comes back whole, and data that looks like one stays data', () => {
  const reference = { object: 'a/b/args', size: 100_000, digest: 'ff' };
  assert.equal(back(reference), reference);
  const forged = { $object: 'somebody/else/result-1-1', size: 9, digest: 'ff' };
  const bytes = encodeData(forged);
  assert.is(textOfData(bytes), '{"$$object":"somebody/else/result-1-1","size":9,"digest":"ff"}');
  assert.equal(decodeLargeData(back(bytes) as Uint8Array), forged);
});

test('what was unreadable, and what is no such text, is lost with a reason', () => {
  const unreadable = readDataText(textOfData(new Uint8Array([0xc1])));
  assert.is(unreadable.kind, 'lost');
  for (const text of ['', '{', '[1,', 'nonsense']) assert.is(readDataText(text).kind, 'lost', text);
});

test('for people: times are text, keys are as they were', () => {
  const at = new Date(1_700_000_000_000);
  const text = textOfData(encodeData({ at, $set: { n: 1 }, bytes: new Uint8Array([1]) }));
  assert.equal(viewOfDataText(text), { at: at.toISOString(), $set: { n: 1 }, bytes: { $base64: 'AQ==' } });
});

test.run();
