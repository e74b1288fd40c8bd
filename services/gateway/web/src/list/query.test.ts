import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { EVERYTHING, isFiltered, parseQuery, searchOf } from './query.ts';

const test = suite('the address of the list');

test('a filter survives the way into the address and back, whatever signs it holds', () => {
  const query = {
    status: ['pending', 'in_progress'],
    type: ['a.b', 'x,y&z=1'],
    scope: ['shared'],
    createdBy: ['O’Hara & Söhne <b>'],
    tag: ['tenant:acme, Ltd.', 'url:a=b&c'],
    text: '100 % "done"?',
    sortBy: 'ended_at',
    descending: false,
  } as const;
  assert.equal(parseQuery(searchOf(query)), query);
});

test('no filter is an empty address', () => {
  assert.is(searchOf(EVERYTHING), '');
  assert.equal(parseQuery(''), EVERYTHING);
  assert.not.ok(isFiltered({ ...EVERYTHING, descending: false }));
  assert.ok(isFiltered({ ...EVERYTHING, text: 'x' }));
});

test('what is not understood is left out', () => {
  assert.equal(parseQuery('?tag=no&tag=$a:1&status=success&scope=__proto__&order_by=payload&order_direction=up'), {
    ...EVERYTHING,
    status: ['success'],
  });
});

test.run();
