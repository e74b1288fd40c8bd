import * as assert from 'uvu/assert';
import { suite } from '../../test/support/suite.ts';
import { DATA_DEPTH, decodeData, encodeData, EncodeError, RECORD_LIMIT } from './index.ts';

const test = suite('what can travel');

/** In processor time: a busy machine is not a slow codec. */
const atOnce = (began: NodeJS.CpuUsage): void => {
  const { user, system } = process.cpuUsage(began);
  assert.ok(user + system < 200_000, `it took ${user + system} µs`);
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

test('X4 what cannot travel is refused, also at the top', () => {
  class Point {
    readonly x = 1;
  }
  const all: readonly (readonly [unknown, RegExp])[] = [
    [() => 1, /a function/],
    [Symbol('x'), /a symbol/],
    [1n, /a bigint/],
    [new Point(), /a Point object/],
    [new Map(), /a Map object/],
    [new Set(), /a Set object/],
    [/x/, /a RegExp object/],
    [new Error('x'), /an? Error object/],
    [new Float32Array(1), /a Float32Array object/],
    [new ArrayBuffer(1), /a ArrayBuffer object/],
    [Promise.resolve(), /a Promise object/],
    ['\ud800', /lone surrogate/],
    [{ '\udc00': 1 }, /key with a lone surrogate/],
  ];
  for (const [value, reason] of all) {
    cannotTravel(value, reason);
    if (typeof value === 'object' || typeof value === 'function')
      cannotTravel({ deep: [0, { it: value }] }, /deep\[1\]\.it|lone/);
  }
});

test('X4 cycles, also wide ones, depth and number are refused at once', () => {
  const self: Record<string, unknown> = {};
  self['self'] = self;
  cannotTravel(self, /cycle/);
  const wide: unknown[] = Array.from({ length: 10_000 }, (_, i) => i);
  wide.fill(wide);
  cannotTravel(wide, /cycle/);
  const tail: unknown[] = Array.from({ length: 9_999 }, (_, i) => ({ i }));
  tail.push(tail);
  cannotTravel(tail, /cycle/);
  const sparse: unknown[] = [];
  sparse.length = 4_294_967_295;
  cannotTravel(sparse, /more than 20000/);
  cannotTravel(
    Array.from({ length: 200 }, () => Array.from({ length: 200 }, () => 0)),
    /more than 20000/,
  );
  let deep: unknown = 1;
  for (let i = 0; i < DATA_DEPTH; i++) deep = [deep];
  assert.ok(encodeData(deep));
  cannotTravel([deep], /deeper than 32/);
});

test('X4 getters and proxies that throw, lie or encode something themselves', () => {
  const thrower = {
    get x(): never {
      throw new Error('no');
    },
  };
  cannotTravel(thrower, /no/);
  let asked = 0;
  const liar = {
    get x() {
      return asked++ === 0 ? 1 : Number.NaN;
    },
  };
  assert.equal([again(liar), asked], [{ x: 1 }, 1], 'what is checked is what is sent');
  const busy = {
    a: 'before',
    get b() {
      return [again({ c: 'x'.repeat(70_000) }), encodeData({ d: [1, 2] }).length];
    },
    get e() {
      cannotTravel(thrower, /no/);
      return 'behind';
    },
  };
  assert.equal(again(busy), { a: 'before', b: [{ c: 'x'.repeat(70_000) }, 6], e: 'behind' });
  cannotTravel(
    new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('hidden');
        },
      },
    ),
    /hidden/,
  );
});

test('X4 undefined members are left out, in lists it is null, alone it is null', () => {
  assert.equal(again({ a: undefined, b: 1, c: { d: undefined } }), { b: 1, c: {} });
  assert.equal(again([undefined, 1, [undefined]]), [null, 1, [null]]);
  // oxlint-disable-next-line no-sparse-arrays
  assert.equal(again([, 1]), [null, 1]);
  assert.is(again(undefined), null);
  const given = { a: undefined };
  encodeData(given);
  assert.ok('a' in given);
});

test('X4 members with names of methods are data', () => {
  const value = { toJSON: 'x', constructor: 'y', hasOwnProperty: 1, valueOf: 3, length: 4, toString: null };
  assert.equal(Object.entries(again(value) as object), Object.entries(value));
  assert.equal(again(Object.assign(Object.create(null), { a: 1 })), { a: 1 });
});

test.run();
