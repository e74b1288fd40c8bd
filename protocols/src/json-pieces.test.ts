// Not uvu's `equal`, which goes by what data says under the key `constructor`.
import { deepStrictEqual } from 'node:assert/strict';
import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../test/support/suite.ts';
import { decodeLargeData, DecodeError, encode, encodeSized, jsonPieces } from './index.ts';

const test = suite('large data as pieces of JSON');

/** The same, built first and written then. */
const viewOf = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return { $base64: Buffer.from(value).toString('base64') };
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(viewOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, viewOf(member)]));
};

const written = (value: unknown): string => [...jsonPieces(encodeSized(value).bytes)].join('');

test('whatever data says comes out as JSON says it', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 12 });
  const leaf = fc.oneof(
    fc.constantFrom(null, true, false, 0, -1, 127, 128, -32, -33, 255, 256, 65_535, 65_536, 2 ** 32, -(2 ** 31) - 1),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    text,
    fc.uint8Array({ maxLength: 40 }),
    fc.date({ noInvalidDate: true, min: new Date(-8.6e12), max: new Date(8.6e14) }),
  );
  const data = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('value'), { maxLength: 20 }),
      fc.dictionary(
        text.filter((key) => key !== '__proto__'),
        tie('value'),
        { maxKeys: 18 },
      ),
    ),
  })).value;
  fc.assert(
    fc.property(data, (value) => {
      const again = viewOf(decodeLargeData(encodeSized(value).bytes));
      deepStrictEqual(JSON.parse(written(value)), JSON.parse(JSON.stringify(again)));
    }),
    { numRuns: 1_000 },
  );
});

test('long text, long bytes and long lists come in small pieces, and no character is cut', () => {
  const value = {
    text: 'aé€😀\u2028"\\\n'.repeat(60_000),
    bytes: new Uint8Array(400_001).fill(7),
    list: Array.from({ length: 100_000 }, (_, i) => i * 1_000),
    empty: [{}, [], ''],
  };
  const pieces = [...jsonPieces(encodeSized(value).bytes)];
  assert.ok(pieces.length > 20, String(pieces.length));
  assert.ok(Math.max(...pieces.map(({ length }) => length)) < 300_000);
  assert.equal(JSON.parse(pieces.join('')), JSON.parse(JSON.stringify(viewOf(value))));
});

test('what is no plain data is refused before the first piece', () => {
  for (const bytes of [new Uint8Array(), Uint8Array.of(0xc1), Uint8Array.of(0x92, 1), encode(Array(500_000).fill(1))]) {
    assert.throws(
      () => jsonPieces(bytes),
      (error: unknown) => error instanceof DecodeError,
    );
  }
});

test.run();
