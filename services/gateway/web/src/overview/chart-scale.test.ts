import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { labelEvery, pathOf, scaleFor } from './chart-scale.ts';

const test = suite('chart scale');

test('the top is never below the value, lines are whole, few and evenly apart', () => {
  for (const value of [0, 1, 3, 7, 10, 11, 42, 99, 100, 101, 2_500, 9_999, 123_456]) {
    const { top, lines } = scaleFor(value);
    assert.ok(top >= value, String(value));
    assert.ok(top <= Math.max(2, value * 2.5), `${value} -> ${top}`);
    assert.ok(lines.length >= 2 && lines.length <= 6, `${value} -> ${lines.join()}`);
    assert.is(lines[0], 0);
    assert.is(lines.at(-1), top);
    for (const line of lines) assert.ok(Number.isInteger(line));
  }
});

test('paths and labels', () => {
  assert.is(
    pathOf([
      [0, 1],
      [2.345, 3],
    ]),
    'M0.0 1.0L2.3 3.0',
  );
  assert.is(pathOf([]), '');
  assert.is(labelEvery(60, 6), 10);
  assert.is(labelEvery(3, 6), 1);
});

test.run();
