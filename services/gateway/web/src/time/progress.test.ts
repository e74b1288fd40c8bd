import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { etaSeconds, etaText, fractionOf, progressText } from './progress.ts';

const test = suite('progress on the page');

test('C1 the words of the three kinds of progress', () => {
  assert.is(progressText({ current: 3, total: 100 }), '3 of 100 (3%)');
  assert.is(progressText({ current: 12_345, total: 100_000 }), '12,345 of 100,000 (12%)');
  assert.is(progressText({ fraction: 0.5 }), '50%');
  assert.is(progressText({ count: 42 }), '42 processed');
  assert.is(progressText({ current: 0, total: 0 }), '0 of 0');
});

test('C1 nothing is done before it is: 99.9% is not 100%', () => {
  assert.is(progressText({ current: 999, total: 1_000 }), '999 of 1,000 (99%)');
  assert.is(progressText({ fraction: 0.999 }), '99%');
  assert.is(fractionOf({ count: 4 }), undefined);
  assert.is(fractionOf({ current: 0, total: 0 }), undefined);
});

test('C9 the ETA is elapsed / p * (1 - p), hidden at 0, at 1, and beyond a day', () => {
  assert.is(etaSeconds(0.25, 30), 90);
  assert.is(etaText(90), 'ETA: 1m 30s');
  assert.is(etaText(0.2), 'ETA: 1s');
  for (const fraction of [0, 1, undefined]) assert.is(etaSeconds(fraction, 30), undefined);
  assert.is(etaSeconds(0.001, 100), undefined);
  assert.is(etaSeconds(0.5, 86_400), 86_400);
});

test.run();
