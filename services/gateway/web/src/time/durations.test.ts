import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { durationText, relativeText, tickingText } from './durations.ts';

const test = suite('durations on the page');

test('C9 two units at most, from milliseconds to days', () => {
  const cases: [number, string][] = [
    [0, '0ms'],
    [0.0123, '12ms'],
    [0.9996, '1s'],
    [1.25, '1.3s'],
    [9.96, '10s'],
    [59.6, '1m'],
    [90, '1m 30s'],
    [3_600, '1h'],
    [3_661, '1h 1m'],
    [90_061, '1d 1h'],
    [86_400 * 3 + 59, '3d'],
    [-4, '0s'],
    [Number.NaN, '0s'],
  ];
  for (const [seconds, text] of cases) assert.is(durationText(seconds), text, String(seconds));
});

test('what ticks has whole seconds and never runs backwards through zero', () => {
  assert.is(tickingText(-0.4), '0s');
  assert.is(tickingText(0.9), '0s');
  assert.is(tickingText(61.9), '1m 1s');
});

test('relative times say when in plain words', () => {
  const now = Date.UTC(2030, 0, 10);
  assert.is(relativeText(now - 2_000, now), 'just now');
  assert.is(relativeText(now - 42_000, now), '42 sec. ago');
  assert.is(relativeText(now - 3 * 60_000, now), '3 min. ago');
  assert.is(relativeText(now + 2 * 3_600_000, now), 'in 2 hr.');
  assert.match(relativeText(now - 90 * 86_400_000, now), /2029/);
});

test.run();
