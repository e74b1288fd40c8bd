import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { hasAllSaid, orderIn, reportIn, reportOf } from './report.ts';

const test = suite('reports of bulk operations');

const WIRE = {
  ...{ operation: 'cancel', dry_run: false, matched: 5, done: 2, unsubscribed: 1, complete: true },
  refused: { FORCE_REQUIRED: 2 },
};

test('B1 a report is read as the server writes it; what is none is none, and does not break the page', () => {
  const { dry_run: _dry, ...same } = WIRE;
  assert.equal(reportIn(WIRE), { ...same, isDry: false });
  assert.is(reportIn({ ...WIRE, dry_run: true })?.isDry, true);
  assert.equal(reportIn({ ...WIRE, refused: undefined })?.refused, {});
  for (const bad of [
    ...[undefined, null, 'cancel', [WIRE], {}, { ...WIRE, operation: 'burn' }, { ...WIRE, matched: '5' }],
    ...[
      { ...WIRE, done: -1 },
      { ...WIRE, unsubscribed: 1.5 },
      { ...WIRE, refused: { X: 'many' } },
    ],
  ])
    assert.is(reportIn(bad), undefined, JSON.stringify(bad));
});

test('B1 the result is the last word; until then it is what was said on the way', () => {
  const way = { ...WIRE, matched: 3, refused: {}, complete: false };
  assert.is(reportOf({ result: undefined, payload: way })?.matched, 3);
  assert.is(reportOf({ result: WIRE, payload: way })?.matched, 5);
  assert.is(reportOf({ result: undefined, payload: undefined }), undefined);
  const said = (status: 'success' | 'aborted' | 'in_progress', payload: unknown, result?: unknown) =>
    hasAllSaid({ status, payload, result });
  assert.not.ok(said('in_progress', WIRE), 'it runs');
  assert.not.ok(said('success', way), 'its result is still to come');
  assert.ok(said('success', WIRE));
  assert.ok(said('success', way, { ...WIRE, complete: false }));
  assert.ok(said('aborted', way), 'it has no result');
});

test('B1 an order is read as its task keeps it, also with filters that the list does not have', () => {
  const filter = { status: ['pending'], name: 'x', subscriber: ['bob'] };
  assert.equal(orderIn([{ operation: 'cancel', filter, force: true, admin: true }]), {
    ...{ operation: 'cancel', isDry: false, priority: undefined, force: true, admin: true },
    filter: { status: ['pending'], name: ['x'], subscriber: ['bob'] },
  });
  const dry = orderIn([{ operation: 'change_priority', filter: {}, priority: 'low', dry_run: true, admin: false }]);
  assert.equal([dry?.priority, dry?.isDry, dry?.admin], ['low', true, false]);
  for (const bad of [undefined, [], [1], [{ operation: 'burn' }]]) assert.is(orderIn(bad), undefined);
});

test.run();
