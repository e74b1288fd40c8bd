// Not uvu's `equal`, which goes by what data says under the key `constructor`.
import { deepStrictEqual } from 'node:assert/strict';
import * as fc from 'fast-check';
import { Packr } from 'msgpackr';
import * as assert from 'uvu/assert';
import { suite } from '../../test/support/suite.ts';
import {
  DATA_DEPTH,
  DATA_NODES,
  decode,
  decodeData,
  DecodeError,
  decodeLargeData,
  encode,
  encodeData,
  EncodeError,
  RECORD_LIMIT,
} from './index.ts';

const test = suite('codec');

/** Thousands of runs, on a machine that may have other things to do. */
const SLOW = { limitMs: 120_000 };

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const times = (text: string, count: number): string => text.repeat(count);
const MEGABYTE = 1 << 20;

/** In processor time: a busy machine is not a slow codec. */
const atOnce = (began: NodeJS.CpuUsage): void => {
  const { user, system } = process.cpuUsage(began);
  assert.ok(user + system < 200_000, `it took ${user + system} µs`);
};

/** Decoding has to fail with DecodeError, at once. */
const refuses = (bytes: Uint8Array, reason?: RegExp, limit = RECORD_LIMIT): void => {
  const began = process.cpuUsage();
  try {
    decode(bytes, limit);
  } catch (error) {
    assert.instance(error, DecodeError);
    assert.is((error as DecodeError).code, 'DECODE_FAILED');
    if (reason !== undefined) assert.match((error as Error).message, reason);
    atOnce(began);
    return;
  }
  assert.unreachable(`${Buffer.from(bytes.subarray(0, 24)).toString('hex')} was decoded`);
};

/** Encoding has to fail with EncodeError, at once, and name the place. */
const cannotTravel = (value: unknown, reason: RegExp): void => {
  const began = process.cpuUsage();
  try {
    encodeData(value);
  } catch (error) {
    assert.instance(error, EncodeError);
    assert.instance(error, TypeError);
    assert.is((error as EncodeError).code, 'NOT_PLAIN_DATA');
    assert.match((error as Error).message, reason);
    atOnce(began);
    return;
  }
  assert.unreachable('it was encoded');
};

const again = (value: unknown): unknown => decodeData(encodeData(value), RECORD_LIMIT);

test('T26 lengths that are not there', () => {
  for (const bytes of [
    'dd ffffffff',
    'df ffffffff',
    'db 7fffffff',
    'c6 7fffffff',
    'dc ffff',
    'de ffff',
    'da ffff',
    'c5 ffff',
  ]) {
    refuses(hex(bytes));
  }
});

test('T27 lists that promise more than memory holds', () => {
  refuses(hex(times('dd02000000', 4)));
  refuses(hex(times('dcffff', 1_500)));
  refuses(hex(`${times('dcffff', 1_500)}${times('c0', 70_000)}`), /values|levels/);
});

test('T28 a million levels; 33 levels', () => {
  refuses(hex(`${times('91', 1_000_000)}c0`), /levels/, 2 * MEGABYTE);
  refuses(hex(`${times('91', DATA_DEPTH + 1)}c0`), /deeper than 32 levels/);
  refuses(hex(`${times('81a161', DATA_DEPTH + 1)}c0`), /deeper than 32 levels/);
  assert.ok(decode(hex(`${times('91', DATA_DEPTH)}c0`), RECORD_LIMIT));
});

test('T29 a million empty maps in one list', () => {
  refuses(hex(`dd000f4240${times('80', 1_000_000)}`), /more than 20000 values/, 2 * MEGABYTE);
  refuses(hex(`dc4e20${times('80', 20_000)}`), /more than 20000 values/);
  assert.is((decode(hex(`dc4e1f${times('80', DATA_NODES - 1)}`), RECORD_LIMIT) as unknown[]).length, DATA_NODES - 1);
});

test('T30 the pointer bomb of the structured clone extension', () => {
  let bomb: unknown = 'x'.repeat(8);
  for (let i = 0; i < 20; i++) bomb = [bomb, bomb];
  const bytes = new Packr({ structuredClone: true, useRecords: false }).pack(bomb);
  assert.ok(bytes.length < 400);
  refuses(bytes);
});

test('T31 a cycle, and a pointer to nowhere', () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  refuses(new Packr({ structuredClone: true, useRecords: false }).pack(cycle));
  refuses(hex('d670 00000009'));
  refuses(hex('91 d670 00000000'));
});

test('T32 a map with __proto__ is refused, and nothing is polluted', () => {
  refuses(hex('81 a9 5f5f70726f746f5f5f 81 a7 697341646d696e c3'), /__proto__/);
  refuses(hex('81 d909 5f5f70726f746f5f5f 81 a7 697341646d696e c3'), /__proto__/);
  assert.is(({} as { isAdmin?: unknown }).isAdmin, undefined);
  const hostile = { constructor: { prototype: { isAdmin: true } }, __proto_: 1 };
  assert.is(JSON.stringify(again(hostile)), JSON.stringify(hostile));
  assert.is(({} as { isAdmin?: unknown }).isAdmin, undefined);
});

test('T33 T34 regular expressions, errors, sets, typed arrays', () => {
  refuses(hex('d478 0092 a6 28612b292b24 a0'));
  const packr = new Packr({ moreTypes: true, structuredClone: true, useRecords: false });
  for (const value of [/(a+)+$/, new Error('x'), new Set([1]), new Float64Array(2), new Map([[1, 2]]), 2n ** 70n]) {
    refuses(packr.pack([value]));
  }
});

test('T35 integers beyond 2^53 are refused, smaller ones are numbers whatever their width', () => {
  refuses(hex('cf ffffffffffffffff'), /2\^53/);
  refuses(hex('cf 0020000000000000'), /2\^53/);
  refuses(hex('d3 8000000000000000'), /2\^53/);
  refuses(hex('d3 ffe0000000000000'), /2\^53/);
  assert.is(decode(hex('cf 001fffffffffffff'), 99), Number.MAX_SAFE_INTEGER);
  assert.is(decode(hex('d3 ffe0000000000001'), 99), Number.MIN_SAFE_INTEGER);
  assert.is(decode(hex('d3 ffffffffffffffff'), 99), -1);
  assert.is(decode(hex('cf 0000000000000005'), 99), 5);
});

test('T36 text that is not UTF-8, as a key and as a value', () => {
  refuses(hex('82 a1ff 01 a1fe 02'), /UTF-8/);
  refuses(hex('a1 ff'), /UTF-8/);
  refuses(hex('a3 eda080'), /UTF-8/);
  refuses(hex(`d964 ${times('61', 99)}ff`), /UTF-8/);
  assert.is(again('\ufffd'), '\ufffd');
});

test('T37 of two equal keys the last one stands', () => {
  assert.equal(decode(hex('82 a161 01 a161 02'), 99), { a: 2 });
});

test('T38 cut, empty, with a tail, reserved, unknown extensions, records', () => {
  for (const bytes of [
    '',
    'c1',
    '91',
    '81a161',
    'a3 6161',
    'cb 00',
    'c4 05 00',
    '01 02',
    'd4 05 00',
    'c7 01 41 00',
    'd6 ff 00',
  ]) {
    refuses(hex(bytes));
  }
  for (const bytes of [
    'd4 72 40 91 a161 01',
    'd4 00 00',
    'd8 ff 00000000000000000000000000000000',
    'c8 0001 ff 00',
    '81 01 02',
    '81 c0 c0',
  ]) {
    refuses(hex(bytes));
  }
  const whole = encodeData({ a: [1, 'two', new Uint8Array([3]), new Date(4), null, { b: 5.5 }] });
  for (let length = 0; length < whole.length; length++) refuses(whole.subarray(0, length));
  refuses(Uint8Array.from([...whole, 0]), /too many/);
});

test('T39 numbers that are not finite are refused on both sides; -0 travels as 0', () => {
  for (const bytes of [
    'cb 7ff8000000000000',
    'cb 7ff0000000000000',
    'cb fff0000000000000',
    'ca 7fc00000',
    'ca 7f800000',
    'ca ff800000',
  ]) {
    refuses(hex(bytes), /finite/);
  }
  cannotTravel(Number.NaN, /NaN at \$/);
  cannotTravel({ a: [1, Infinity] }, /Infinity at \$\.a\[1\]/);
  assert.ok(Object.is(again(-0), 0));
  assert.is(decode(hex('ca 3fc00000'), 99), 1.5);
  assert.equal(again([1e308, 5e-324, -1e308, 0.1]), [1e308, 5e-324, -1e308, 0.1]);
});

test('T40 a body with __proto__ and constructor in it', () => {
  cannotTravel(JSON.parse('{"__proto__":{"isAdmin":true}}'), /__proto__/);
  cannotTravel(JSON.parse('{"a":[{"__proto__":1}]}'), /at \$\.a\[0\]/);
  assert.is(({} as { isAdmin?: unknown }).isAdmin, undefined);
});

test('times: those a Date can hold, and no others', () => {
  for (const ms of [0, -1, 1, 1_700_000_000_123, 8.64e15, -8.64e15, 2 ** 34 * 1_000 + 1])
    assert.equal(again(new Date(ms)), new Date(ms));
  refuses(hex('c70cff 00000000 000007dba8218001'), /time/);
  refuses(hex('c70cff 3b9aca00 0000000000000000'), /time/);
  refuses(hex('d7ff ffffffff 00000000'), /time/);
  cannotTravel([new Date(Number.NaN)], /invalid Date at \$\[0\]/);
});

test('bytes come back as Uint8Array, from a Buffer as from a Uint8Array, and nothing is written on what is read', () => {
  const value = { bytes: Buffer.from('abc'), more: [new Uint8Array([1])] };
  for (const bytes of [encodeData(value), Buffer.from(encodeData(value))]) {
    const { bytes: read } = decodeData(bytes, 999) as { bytes: Uint8Array };
    assert.is(Object.getPrototypeOf(read), Uint8Array.prototype);
    assert.equal([...read], [97, 98, 99]);
    assert.is('dataView' in bytes, false);
  }
});

test('the size is looked at first', () => {
  refuses(new Uint8Array(11), /11 bytes, at most 10/, 10);
  refuses(new Uint8Array(0), /no bytes/);
});

test(
  'random bytes are decoded or refused, never anything else',
  () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          const value = decode(bytes, 64);
          JSON.stringify(value);
          encodeData(value);
        } catch (error) {
          assert.instance(error, DecodeError);
        }
      }),
      { numRuns: 8_000 },
    );
  },
  SLOW,
);

test(
  'valid bytes with one byte changed are decoded or refused',
  () => {
    const whole = encodeData({
      a: [1, 'zwölf', new Uint8Array(3), new Date(4), null, true, { b: 5.5, c: -70_000 }],
      d: 'x'.repeat(60),
    });
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
        const changed = Uint8Array.from(whole);
        changed[at] = byte;
        try {
          encodeData(decode(changed, 999));
        } catch (error) {
          assert.instance(error, DecodeError);
        }
      }),
      { numRuns: 5_000 },
    );
  },
  SLOW,
);

const leaf = fc.oneof(
  fc.string({ unit: 'binary' }).map((s) => s.toWellFormed()),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (n === 0 ? 0 : n)),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array(),
  fc.date({ noInvalidDate: true }),
);
const key = fc
  .string()
  .filter((k) => k !== '__proto__')
  .map((k) => k.toWellFormed());
const { value: plain } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    leaf,
    fc.array(tie('value')),
    fc.dictionary(key, tie('value'), { noNullPrototype: true }),
  ),
}));

test(
  'plain data comes back as it went',
  () => {
    fc.assert(
      fc.property(plain, (value) => deepStrictEqual(again(value), value)),
      { numRuns: 800 },
    );
  },
  SLOW,
);

test('what this code makes itself is read as well', () => {
  assert.equal(decode(encode({ at: 1, progress: { count: 3 } }), 99), { at: 1, progress: { count: 3 } });
});

test('bytes in data are whose who asked for them: changed or transferred, nothing else is', () => {
  const stored = encodeData({ image: new Uint8Array([1, 2, 3]) });
  const large = encodeData([new Uint8Array(300).fill(7)]);
  const { image } = decodeData(stored, RECORD_LIMIT) as { image: Uint8Array<ArrayBuffer> };
  const [more] = decodeLargeData(large) as [Uint8Array<ArrayBuffer>];
  image.fill(9);
  more.fill(9);
  assert.equal((decodeData(stored, RECORD_LIMIT) as { image: Uint8Array }).image, new Uint8Array([1, 2, 3]));
  assert.equal((decodeLargeData(large) as [Uint8Array])[0], new Uint8Array(300).fill(7));
  structuredClone([image, more], { transfer: [image.buffer, more.buffer] });
  assert.equal(decodeData(encodeData('goes on'), RECORD_LIMIT), 'goes on');
  assert.is(large.length, 304);
});

test('memory that somebody has transferred is not written to', () => {
  const raw = encodeData('a view of what is shared') as Uint8Array<ArrayBuffer>;
  structuredClone(raw, { transfer: [raw.buffer] });
  assert.equal(decodeData(encodeData('goes on'), RECORD_LIMIT), 'goes on');
});

test.run();
