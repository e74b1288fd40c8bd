import * as assert from 'uvu/assert';
import { countRows, rowsIn } from '../run.rows.mjs';
import { suite } from './suite.ts';

const test = suite('rows of behaviour');

test('a title begins with the ids of its rows, or has none', () => {
  assert.equal(rowsIn('A6 shared, other subscribers left'), ['A6']);
  assert.equal(rowsIn('D3, D4: rounds against the end'), ['D3', 'D4']);
  assert.equal(rowsIn('L5: thrown; L6 failing'), ['L5']);
  assert.equal(rowsIn('X10 newer'), ['X10']);
  assert.equal(rowsIn('10,000 tasks'), []);
  assert.equal(rowsIn('S4x is no row'), []);
});

test('a row counts what its tests said; tests of no row count nowhere', () => {
  const tests = [
    { title: 'A1 one', passed: true },
    { title: 'A1, A2 two', passed: false },
    { title: 'Z9 unknown', passed: true },
    { title: 'something else', passed: true },
  ];
  assert.equal(countRows({ A1: 'first', A2: 'second', A3: 'third' }, tests), [
    { id: 'A1', name: 'first', passed: 1, failed: 1 },
    { id: 'A2', name: 'second', passed: 0, failed: 1 },
    { id: 'A3', name: 'third', passed: 0, failed: 0 },
  ]);
});

test.run();
