import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { describeDuration, describeProgress, etaMs, fractionOf, parseProgress, type Progress } from './index.ts';

const test = suite('progress');

const parsed = (input: unknown): Progress | string => {
  const result = parseProgress(input);
  return result.ok ? result.progress : 'refused';
};

test('C1 pairs, fractions and counts, bare and as objects', () => {
  assert.equal(parsed([3, 100]), { current: 3, total: 100 });
  assert.equal(parsed([0, 0]), { current: 0, total: 0 });
  assert.equal(parsed({ current: 3, total: 3 }), { current: 3, total: 3 });
  assert.equal(parsed(0.5), { fraction: 0.5 });
  assert.equal([{ fraction: 0 }, { fraction: 1 }].map(parsed), [{ fraction: 0 }, { fraction: 1 }]);
  assert.equal([0, 1, 42].map(parsed), [{ count: 0 }, { count: 1 }, { count: 42 }]);
  assert.equal(parsed({ count: 7 }), { count: 7 });
});

test('C2 everything else is refused', () => {
  const wrong: readonly unknown[] = [
    ...[NaN, Infinity, -Infinity, -1, -0.5, 1.5, 2 ** 53, true, false, '3', null, undefined, Symbol('x'), 5n, () => 1],
    ...[[], [1], [1, 2, 3], [3, 2], [-1, 2], [1.5, 2], [1, NaN], [1, Infinity], ['1', 2], [true, 2]],
    ...[{}, { fraction: 1.1 }, { fraction: -0.1 }, { fraction: NaN }, { fraction: '1' }, { count: 1.5 }, { count: -1 }],
    ...[{ current: 1 }, { total: 1 }, { current: 2, total: 1 }, { current: 1, total: null }],
  ];
  for (const input of wrong) assert.is(parsed(input), 'refused', `${String(input)} ${typeof input}`);
});

test('C1 in words', () => {
  assert.is(describeProgress({ current: 3, total: 100 }), '3 of 100 (3%)');
  assert.is(describeProgress({ current: 0, total: 0 }), '0 of 0');
  assert.is(describeProgress({ fraction: 0.5 }), '50%');
  assert.is(describeProgress({ count: 42 }), '42 processed');
  assert.is(describeProgress({ current: 999, total: 1_000 }), '999 of 1000 (99%)');
});

test('C1 every whole percent is shown as itself', () => {
  for (let i = 0; i <= 100; i++) {
    assert.is(describeProgress({ current: i, total: 100 }), `${i} of 100 (${i}%)`);
    assert.is(describeProgress({ fraction: i / 100 }), `${i}%`);
  }
});

test('C9 the time left is what has passed, carried on', () => {
  assert.is(etaMs({ fraction: 0.25 }, 10_000), 30_000);
  assert.is(etaMs({ current: 3, total: 4 }, 9_000), 3_000);
  assert.is(fractionOf({ current: 1, total: 4 }), 0.25);
});

test('C9 and is hidden where there is nothing to tell', () => {
  for (const progress of [
    { fraction: 0 },
    { fraction: 1 },
    { count: 5 },
    { current: 0, total: 0 },
    { current: 0, total: 9 },
  ]) {
    assert.is(etaMs(progress, 10_000), undefined);
  }
  assert.is(etaMs({ fraction: 0.5 }, 24 * 3_600_000), 24 * 3_600_000);
  assert.is(etaMs({ fraction: 0.5 }, 24 * 3_600_000 + 1), undefined);
});

test('C9 two units at most', () => {
  const shown = [0, 400, 1_000, 59_400, 60_000, 90_000, 3_600_000, 3_605_000, 86_400_000, 90_061_000, -5];
  assert.equal(shown.map(describeDuration), ['0s', '0s', '1s', '59s', '1m', '1m 30s', '1h', '1h', '1d', '1d 1h', '0s']);
});

test.run();
