import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { Problem } from '../http/problem.ts';
import { chosenColumns } from './columns.ts';
import { sinceText } from './gtf-json.ts';
import { valuesQueryOf } from './list-query.ts';

const test = suite('gateway: names and types of the GTF interface');

test('how long ago, in words', () => {
  const [minute, hour, day] = [60, 3_600, 86_400];
  const table: readonly (readonly [seconds: number, text: string])[] = [
    [-5, 'now'],
    [0.9, 'now'],
    [1, 'a second ago'],
    [59, '59 seconds ago'],
    [minute, 'a minute ago'],
    [59 * minute + 59, '59 minutes ago'],
    [hour, 'an hour ago'],
    [2 * hour, '2 hours ago'],
    [day - 1, '23 hours ago'],
    [day, 'a day ago'],
    [30 * day, '30 days ago'],
    [31 * day, 'a month ago'],
    [61 * day, '2 months ago'],
    [364 * day, '11 months ago'],
    [365 * day, 'a year ago'],
    [366 * day, '1 year, 1 day ago'],
    [367 * day, '1 year, 2 days ago'],
    [400 * day, '1 year, 1 month ago'],
    [500 * day, '1 year, 4 months ago'],
    [800 * day, '2 years ago'],
  ];
  for (const [seconds, text] of table) assert.is(sinceText(seconds * 1_000), text, String(seconds));
});

test("columns that are asked for, also of a field's own, and none that is not there", () => {
  const rows = [
    { uuid: 'u', status: 'pending', created_by: 'alice', changed_by: { id: 'a', first_name: 'A' }, x: null },
  ];
  const known = Object.keys(rows[0] ?? {});
  const chosen = (...columns: readonly string[]) => chosenColumns(rows, columns, known);
  assert.equal(chosenColumns(rows, undefined, known), rows);
  assert.equal(chosen('uuid', 'status'), [{ uuid: 'u', status: 'pending' }]);
  assert.equal(chosen('changed_by.first_name', 'changed_by.id'), [{ changed_by: { first_name: 'A', id: 'a' } }]);
  assert.equal(chosen('changed_by.nick', 'created_by.id', 'x.y'), [
    { changed_by: { nick: null }, created_by: 'alice', x: null },
  ]);
  for (const name of ['secret', '__proto__', 'constructor.name', '']) {
    assert.throws(
      () => chosen('uuid', name),
      (error: unknown) => error instanceof Problem && error.statusCode === 400,
    );
  }
});

test('values are asked for by text or by Rison', () => {
  const plain = { text: 'al', size: 25, skip: 0, include: [] };
  assert.equal(valuesQueryOf({ q: 'al' }), plain);
  assert.equal(valuesQueryOf({ q: '(filter:al)' }), plain);
  assert.equal(valuesQueryOf({}), { ...plain, text: '' });
  assert.equal(valuesQueryOf({ q: "(filter:'',page:0,page_size:100)" }), { ...plain, text: '', size: 100 });
  assert.equal(valuesQueryOf({ q: '(filter:7,page:2,page_size:10,include_ids:!(bob,7))' }), {
    text: '7',
    size: 10,
    skip: 20,
    include: ['bob', '7'],
  });
  for (const q of ['(', '(draft', 'a)', 'al('.repeat(3)]) assert.is(valuesQueryOf({ q }).text, q);
  for (const q of ['(a b)', '(where:x)', '(page:1000000)', '(page_size:1000)', 'x'.repeat(201)]) {
    assert.throws(
      () => valuesQueryOf({ q }),
      (error: unknown) => error instanceof Problem && error.statusCode === 400,
      q,
    );
  }
});

test.run();
