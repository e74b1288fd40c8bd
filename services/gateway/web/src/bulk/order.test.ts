import { bulkOrder, bulkShape } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { EVERYTHING, type ListQuery } from '../list/query.ts';
import { STATUSES } from '../task/task.ts';
import { filterFor, isNarrowed, OPERATIONS, type Operation, statusFor } from './order.ts';

const test = suite('orders of bulk operations');

const ADMIN = { user: 'admin', admin: true };

/** As the server reads what the page sends. */
const serverOrder = (operation: Operation, filter: object) =>
  bulkOrder(
    bulkShape.parse({ operation, filter, ...(operation === 'change_priority' ? { priority: 'low' } : {}) }),
    ADMIN,
  );

test('B1 every filter of the list narrows the operation, whatever signs it holds', () => {
  const query: ListQuery = {
    status: ['pending', 'in_progress'],
    type: ['mail.send', 'mail.digest'],
    scope: ['shared'],
    createdBy: ['O’Hara & Söhne <b>'],
    tag: ['tenant:acme, Ltd.', 'url:a=b&c'],
    text: ' 100 % "done"? ',
    sortBy: 'ended_at',
    descending: false,
  };
  const filter = {
    status: ['pending', 'in_progress'],
    type: ['mail.send', 'mail.digest'],
    scope: ['shared'],
    created_by: ['O’Hara & Söhne <b>'],
    tag: ['tenant:acme, Ltd.', 'url:a=b&c'],
    text: '100 % "done"?',
  };
  assert.equal(filterFor('cancel', query), filter);
  assert.equal(serverOrder('cancel', filter).filter, filter);
});

test('B1 a comma means two values, as in the list; in a tag it is a sign like any other', () => {
  const query = { ...EVERYTHING, createdBy: ['alice,bob'], type: ['a', 'b,c'], tag: ['tenant:acme, Ltd.' as const] };
  const { created_by: users, type, tag } = filterFor('cancel', query);
  assert.equal([users, type, tag], [['alice', 'bob'], ['a', 'b', 'c'], ['tenant:acme, Ltd.']]);
});

test('B1 the states are those the server adds by itself where the list asks for none, and says so', () => {
  for (const operation of OPERATIONS) {
    const { status } = filterFor(operation, EVERYTHING);
    const added = serverOrder(operation, { type: ['x'] }).filter.status ?? [];
    assert.equal([...status].toSorted(), [...added].toSorted(), operation);
  }
});

test('B1 of the states of the list those that the server takes for an operation, and no others', () => {
  for (const operation of OPERATIONS) {
    for (const status of STATUSES) {
      const { status: taken, dropped } = statusFor(operation, { status: [status] });
      const isTaken = taken.length === 1;
      assert.equal([...taken, ...dropped], [status], `${operation} ${status}`);
      const ask = () => serverOrder(operation, { status: [status] });
      if (isTaken) ask();
      else assert.throws(ask, /filter\.status/, `${operation} ${status}`);
    }
  }
  const mixed = statusFor('cancel', { status: ['success', 'pending', 'aborting'] });
  assert.equal(mixed, { status: ['pending', 'aborting'], dropped: ['success'] });
});

test('B1 without a filter, or with blanks alone, there is nothing to do it to; an order of rows is none', () => {
  assert.not.ok(isNarrowed(EVERYTHING));
  assert.not.ok(isNarrowed({ ...EVERYTHING, text: '  ', sortBy: 'status', descending: false }));
  const one: readonly Partial<ListQuery>[] = [
    { status: ['success'] },
    { type: ['x'] },
    { scope: ['private'] },
    { createdBy: ['bob'] },
    { tag: ['a:1'] },
    { text: 'x' },
  ];
  for (const fields of one) assert.ok(isNarrowed({ ...EVERYTHING, ...fields }), JSON.stringify(fields));
});

test.run();
