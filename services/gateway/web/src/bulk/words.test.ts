import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import type { Operation } from './order.ts';
import type { BulkReport } from './report.ts';
import { confirmText, countLines, doneText, filterLines, foundText, refusalText, statusNote } from './words.ts';

const test = suite('words of bulk operations');

const report = (fields: Partial<BulkReport>): BulkReport => ({
  ...{ operation: 'cancel', isDry: true, matched: 0, done: 0, unsubscribed: 0, refused: {}, complete: true },
  ...fields,
});

test('B1 the button says how many there are, and which are only left', () => {
  const cases: readonly (readonly [Operation, number | undefined, number, string])[] = [
    ['cancel', 12, 0, 'Cancel 12 tasks'],
    ['cancel', 1, 0, 'Cancel 1 task'],
    ['cancel', 1_200, 3, 'Cancel 1,200 tasks and leave 3'],
    ['cancel', 0, 1, 'Leave 1 task'],
    ['cancel', undefined, 0, 'Cancel tasks'],
    ['retry', 4, 0, 'Retry 4 tasks'],
    ['change_priority', 2, 0, 'Change the priority of 2 tasks'],
    ['delete', 1, 0, 'Delete 1 task'],
  ];
  for (const [operation, done, unsubscribed, words] of cases)
    assert.is(confirmText({ operation, done, unsubscribed }), words);
});

test('B1 what a count has found: all, some, none that can be, none at all, or more than could be counted', () => {
  const cases: readonly (readonly [Partial<BulkReport>, string])[] = [
    [{}, 'No task matches.'],
    [{ matched: 3, done: 3 }, 'All 3 tasks that match will be cancelled.'],
    [{ matched: 1, done: 1 }, 'The one task that matches will be cancelled.'],
    [{ matched: 3, done: 1, refused: { FORCE_REQUIRED: 2 } }, '1 of the 3 tasks that match will be cancelled.'],
    [{ matched: 3, refused: { FORCE_REQUIRED: 3 } }, 'None of the 3 tasks that match can be cancelled.'],
    [{ matched: 1, refused: { FORCE_REQUIRED: 1 } }, 'The one task that matches cannot be cancelled.'],
    [{ matched: 3, done: 1, unsubscribed: 2 }, 'All 3 tasks that match will be cancelled or left.'],
    [{ matched: 2, unsubscribed: 2 }, 'All 2 tasks that match will be left.'],
    [{ matched: 3, done: 3, complete: false }, '3 tasks and more will be cancelled: there are too many to count.'],
    [{ operation: 'retry', matched: 2, refused: { X: 2 } }, 'None of the 2 tasks that match can run again.'],
  ];
  for (const [fields, words] of cases) assert.is(foundText(report(fields)), words);
});

test('B1 what has become of it, also where it ended before it had seen all', () => {
  assert.is(doneText(report({ matched: 2, done: 2 })), '2 tasks cancelled.');
  assert.is(doneText(report({})), 'No task matched any more.');
  assert.is(
    doneText(report({ operation: 'change_priority', matched: 1, done: 1 })),
    'The priority of 1 task is changed.',
  );
  assert.match(doneText(report({ matched: 2, done: 2, complete: false })), /^2 tasks cancelled\. It ended before/);
});

test('B1 each number has its meaning, the reasons by how many they are of', () => {
  const refused = { TASK_NOT_ABORTABLE: 1, FORCE_REQUIRED: 2, SOMETHING_NEW: 1 };
  const lines = countLines(report({ matched: 7, done: 2, unsubscribed: 1, refused }));
  assert.equal(
    lines.map(({ kind, count, text }) => `${kind} ${count} ${text}`),
    [
      'done 2 will be cancelled',
      'left 1 you will only leave: others wait for it, too',
      'refused 2 will not: others wait for it, and only an admin can force it',
      'refused 1 will not: running without an abort handler',
      'refused 1 will not: SOMETHING_NEW',
    ],
  );
  const [only] = countLines(report({ isDry: false, matched: 1, refused: { FORCE_REQUIRED: 1 } }));
  assert.equal([only?.count, only?.text], [0, 'cancelled'], 'what was meant is told also where it is none');
});

test('B1 a right that is missing is told as what it is of; a code that is a name of JavaScript is a code', () => {
  assert.match(refusalText('change_priority', 'PERMISSION_DENIED'), /only an admin may change its priority/);
  assert.match(refusalText('retry', 'PERMISSION_DENIED'), /only an admin may run it again/);
  assert.is(refusalText('cancel', 'constructor'), 'constructor');
});

test('B1 filters in words: one of the values, tags one of each name, nothing that turns text around', () => {
  const filter = {
    status: ['pending', 'in_progress'],
    type: ['a', 'b'],
    tag: ['tenant:acme', 'order:17', 'tenant:other'],
    text: 'evil\u202etxt',
    subscriber: undefined,
    later: ['x'],
  };
  assert.equal(filterLines(filter), [
    { name: 'Status', value: 'Pending or In Progress' },
    { name: 'Type', value: 'a or b' },
    { name: 'Tag', value: 'tenant:acme or tenant:other and order:17' },
    { name: 'Search', value: 'evil\ufffdtxt' },
    { name: 'later', value: 'x' },
  ]);
});

test('B1 states: why these where the list asks for none, and which of the list are left out', () => {
  const chosen = { status: ['pending'], dropped: ['success', 'failure'] } as const;
  assert.is(statusNote('cancel', { status: ['pending'], dropped: [] }, false), 'what has not ended');
  assert.match(statusNote('cancel', chosen, true) ?? '', /^without Success and Failed: what has ended/);
  assert.is(statusNote('cancel', { status: ['pending'], dropped: [] }, true), undefined);
});

test.run();
