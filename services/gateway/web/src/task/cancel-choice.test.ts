import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { cancelChoice } from './cancel-choice.ts';
import { sampleTask } from './sample-task.ts';
import { STATUSES } from './task.ts';

const test = suite('what the cancel button means');

const refused = { mayCancel: false, cancelAction: undefined } as const;

test('A1 A2 a cancel that aborts', () => {
  assert.equal(cancelChoice(sampleTask()), {
    kind: 'abort',
    sentence: 'This will cancel the task.',
    force: { kind: 'no' },
  });
});

test('A3 running without an abort handler: disabled, with the reason', () => {
  const task = sampleTask({ status: 'in_progress', ...refused, cancelReason: 'not_abortable' });
  assert.equal(cancelChoice(task), {
    kind: 'blocked',
    reason: 'Cancellation not available due to missing abort handler',
  });
});

test('A4 A5 no button at the end; too late while finishing; said already while aborting', () => {
  for (const status of STATUSES.slice(3)) assert.is(cancelChoice(sampleTask({ status })).kind, 'none');
  const finishing = cancelChoice(sampleTask({ status: 'in_progress', ...refused, cancelReason: 'finishing' }));
  assert.match(JSON.stringify(finishing), /"blocked".*too late/);
  const hangs = { status: 'in_progress', finishing: true, notStopping: true, ...refused } as const;
  assert.match(JSON.stringify(cancelChoice(sampleTask(hangs))), /"blocked".*cleanup handler.*admin/);
  assert.match(JSON.stringify(cancelChoice(sampleTask({ ...hangs, mayForce: true }))), /"must".*cleanup handler/);
  assert.match(JSON.stringify(cancelChoice(sampleTask({ status: 'aborting', mayForce: true }))), /already/);
});

test('A6 shared with others: leaves it; A8 an admin may abort for all', () => {
  const shared = sampleTask({ scope: 'shared', subscribers: ['alice', 'bob', 'admin'], cancelAction: 'unsubscribe' });
  assert.equal(cancelChoice(shared), {
    kind: 'unsubscribe',
    sentence: "You'll be removed from this task. It will continue running for 2 other subscribers.",
    force: { kind: 'no' },
  });
  const { force } = cancelChoice({ ...shared, mayForce: true }) as { force: unknown };
  assert.equal(force, { kind: 'may', sentence: 'This will abort (stop) the task for all 3 subscribers.' });
});

test('A6 one other is one subscriber', () => {
  const shared = sampleTask({ scope: 'shared', subscribers: ['alice', 'bob'], cancelAction: 'unsubscribe' });
  assert.match(JSON.stringify(cancelChoice(shared)), /for 1 other subscriber\./);
});

test('A7 the last subscriber of what cannot be stopped may leave, and is told what that means', () => {
  const task = sampleTask({ scope: 'shared', status: 'in_progress', cancelAction: 'unsubscribe', mayForce: true });
  const choice = cancelChoice(task);
  assert.is(choice.kind, 'unsubscribe');
  assert.match(JSON.stringify(choice), /cannot be stopped.*"kind":"no"/);
});

test('A8 an admin who is not subscribed must force; who is none reads why', () => {
  const task = sampleTask({
    scope: 'shared',
    subscribers: ['alice', 'bob'],
    ...refused,
    cancelReason: 'force_required',
  });
  assert.match(JSON.stringify(cancelChoice({ ...task, mayForce: true })), /"must".*all 2 subscribers/);
  assert.is(cancelChoice(task).kind, 'blocked');
});

test('T6 what does not stop: an admin ends it by force, others read that one can', () => {
  const task = sampleTask({ status: 'aborting', notStopping: true });
  assert.match(JSON.stringify(cancelChoice({ ...task, mayForce: true })), /"must".*by force/);
  assert.match(JSON.stringify(cancelChoice(task)), /admin can end the task by force/);
});

test.run();
