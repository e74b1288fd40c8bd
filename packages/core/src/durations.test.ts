import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { decide, fold } from './decide.ts';
import { durationMs, queuedMs } from './durations.ts';
import type { TaskRecord } from './task.ts';
import { submit } from './testing/make.ts';

const test = suite('durations');

const at = (more: Partial<TaskRecord>): TaskRecord => {
  const decision = decide(undefined, submit({}, { at: 1_000 }));
  const record = decision.ok ? fold(undefined, decision) : undefined;
  if (record === undefined) throw new Error('not submitted');
  return { ...record, ...more };
};

test('L14 an attempt lasts until its end, or until now', () => {
  assert.is(durationMs(at({ status: 'pending' }), 5_000), undefined);
  assert.is(durationMs(at({ status: 'in_progress', startedAt: 2_000 }), 5_000), 3_000);
  assert.is(durationMs(at({ status: 'success', startedAt: 2_000, endedAt: 2_500 }), 5_000), 500);
  assert.is(durationMs(at({ status: 'aborted', endedAt: 2_500 }), 5_000), undefined);
  assert.is(durationMs(at({ status: 'in_progress', startedAt: 6_000 }), 5_000), 0, 'clocks differ');
});

test('L14 between two attempts the last one is over', () => {
  const history = [{ status: 'pending', at: 2_700, by: 'worker:w', attempt: 1 }] as const;
  assert.is(durationMs(at({ status: 'pending', startedAt: 2_000, changedAt: 4_000, history }), 5_000), 700);
});

test('L14 delay and back-off are no wait, nor is a run before', () => {
  const run = (status: TaskRecord['status'], more: Partial<TaskRecord>) =>
    queuedMs(at({ status, owner: { worker: 'w', fence: { epoch: 1, revision: 1 }, at: 0 }, ...more }), 99_000);
  assert.is(run('success', { readyAt: 6_000, startedAt: 6_019, endedAt: 9_000 }), 19);
  assert.is(run('in_progress', { readyAt: 6_000, startedAt: 5_990 }), 0, 'clocks differ');
  const waiting = { readyAt: 6_000, startedAt: 2_000 };
  assert.is(queuedMs(at({ status: 'pending', ...waiting }), 7_000), 1_000);
  assert.is(queuedMs(at({ status: 'aborted', endedAt: 6_500, ...waiting }), 9_000), 500, 'between two attempts');
});

test('L14 the wait goes from when it could begin to the start, the end or now', () => {
  assert.is(queuedMs(at({ status: 'pending' }), 5_000), 4_000);
  assert.is(queuedMs(at({ status: 'pending', runAt: 4_500 }), 5_000), 500);
  assert.is(queuedMs(at({ status: 'pending', runAt: 9_000 }), 5_000), 0);
  const owner = { worker: 'w', fence: { epoch: 1, revision: 1 }, at: 1_200 };
  assert.is(queuedMs(at({ status: 'in_progress', startedAt: 1_200, owner }), 5_000), 200);
  assert.is(queuedMs(at({ status: 'aborted', endedAt: 1_300 }), 5_000), 300);
});

test.run();
