import { gunzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { gzipParts } from './gzip-parts.ts';

const test = suite('gateway: packed lists');

test('comes out as it went in', () => {
  for (const parts of [[], [''], ['a'], ['a', '', 'b'], ['é😀'.repeat(5_000), 'x'.repeat(100_000), '{}']]) {
    assert.is(gunzipSync(gzipParts(parts)).toString(), parts.join(''));
  }
});

test('no part is shorter for what stands in another one', () => {
  const secret = '{"task_name":"takeover of Example Inc by Sample Ltd, 14 million"}';
  const lengthOf = (...parts: readonly string[]): number => gzipParts(parts).length;
  const alone = lengthOf(secret) - lengthOf();
  for (const guess of [secret, 'takeover of Example Inc', 'takeover of Nobody', 'zzz']) {
    assert.is(lengthOf(guess, secret) - lengthOf(guess), alone, guess);
    assert.is(lengthOf(secret, guess) - lengthOf(secret), lengthOf(guess) - lengthOf(), guess);
  }
});

test('rows become much shorter all the same', () => {
  const row = JSON.stringify(
    Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [`a_field_with_a_name_${i}`, i % 3 === 0 ? null : `value ${i}`]),
    ),
  );
  const rows = Array.from({ length: 25 }, () => row);
  assert.ok(gzipParts(rows).length < rows.join('').length / 3);
});

test.run();
