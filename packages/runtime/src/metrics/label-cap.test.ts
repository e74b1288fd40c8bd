import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { Histogram } from './histogram.ts';
import { LabelCap, OTHER } from './label-cap.ts';

const test = suite('metrics: what is counted');

const names = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);

test('ten thousand made-up names take a hundred places, and what is served has its own all the same', () => {
  const cap = new LabelCap({ isKnown: (name) => name.startsWith('served') });
  const made = new Set(names('made-up', 10_000).map((name) => cap.labelOf(name)));
  assert.is(made.size, 101);
  assert.ok(made.has(OTHER));
  for (const name of names('served', 100)) assert.is(cap.labelOf(name), name);
  assert.is(cap.labelOf('served-too-late'), OTHER);
  assert.is(cap.labelOf('made-up0'), 'made-up0', 'who has a place keeps it');
});

test('a name that becomes known gets a place then', () => {
  const known = new Set<string>();
  const cap = new LabelCap({ limit: 10, strangers: 1, isKnown: (name) => known.has(name) });
  cap.labelOf('first');
  assert.is(cap.labelOf('report'), OTHER);
  known.add('report');
  assert.is(cap.labelOf('report'), 'report');
  assert.equal([...cap.known], ['first', 'report']);
});

test('a histogram has every value in the bucket whose bound it does not exceed', () => {
  const histogram = new Histogram([1, 10]);
  for (const value of [0, 1, 1.5, 10, 11, 1e9]) histogram.observe(value);
  assert.equal(histogram.counts, [2, 2, 2]);
  assert.is(histogram.sum, 1e9 + 23.5);
});

test.run();
