import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { dataOf } from './signal-data.ts';

const test = suite('page: data of a signal');

test('nothing, JSON, and what is neither', () => {
  assert.equal(dataOf(''), { data: undefined });
  assert.equal(dataOf(' \n '), { data: undefined });
  assert.equal(dataOf('null'), { data: null });
  assert.equal(dataOf('{ "by": "eve" }'), { data: { by: 'eve' } });
  assert.equal(dataOf('yes'), { fault: 'This is no JSON. A text stands in quotes: "yes".' });
  assert.ok('fault' in dataOf('12345678901234567890'));
});

test.run();
