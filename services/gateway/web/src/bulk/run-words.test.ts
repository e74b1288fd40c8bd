import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { sampleTask } from '../task/sample-task.ts';
import type { TaskDetail } from '../task/task.ts';
import { foundBy, hasEnded, type RunState } from './run.ts';
import { runFault, runText } from './run-words.ts';

const test = suite('words of a bulk operation on its way');

const payload = (fields: object = {}) => ({
  ...{ operation: 'cancel', dry_run: false, matched: 3, done: 2, unsubscribed: 0, refused: { TASK_NOT_ABORTABLE: 1 } },
  ...{ complete: false, ...fields },
});

const made = (fields: Partial<TaskDetail>, fault?: string): RunState => ({
  ...{ kind: 'made', uuid: 'u', fault },
  // Only what is looked at.
  task: { ...sampleTask({ type: 'baton.bulk' }), ...fields } as TaskDetail,
});

const NOTHING: RunState = { kind: 'made', uuid: 'u', task: undefined, fault: undefined };

test('B1 every state has a sentence, and an end tells what was done by then', () => {
  const work = (state: RunState): string => runText(state, 'cancel', false);
  assert.is(work({ kind: 'asking' }), 'Asking the server…');
  assert.is(work({ kind: 'refused', fault: 'x' }), 'It was refused.');
  assert.is(work(NOTHING), 'Waiting to begin…');
  assert.is(work(made({ status: 'pending' })), 'Waiting to begin…');
  assert.is(work(made({ status: 'in_progress' })), 'Cancelling…');
  assert.is(work(made({ status: 'aborting', payload: payload() })), 'Stopping…');
  assert.is(work(made({ status: 'aborted', payload: payload() })), 'Stopped. 2 tasks cancelled.');
  assert.is(work(made({ status: 'aborted' })), 'Stopped. Nothing was done.');
  assert.is(work(made({ status: 'failure', payload: payload() })), 'It failed before its end. 2 tasks cancelled.');
  assert.is(work(made({ status: 'success', payload: payload() })), 'Cancelling…', 'its result is still to come');
  assert.is(work(made({ status: 'success', result: payload({ complete: true }) })), '2 tasks cancelled.');
});

test('B1 a count is found only when all of it has been said; what has failed is no count', () => {
  const result = payload({ dry_run: true, complete: true });
  const counted = made({ status: 'success', result });
  assert.is(foundBy(counted)?.done, 2);
  assert.is(runText(counted, 'cancel', true), '2 of the 3 tasks that match will be cancelled.');
  for (const state of [
    ...[NOTHING, made({ status: 'in_progress', payload: result }), made({ status: 'success', payload: payload() })],
    ...[made({ status: 'aborted', payload: result }), made({ status: 'failure', payload: result })],
  ])
    assert.is(foundBy(state), undefined, JSON.stringify(state));
  assert.is(runText(NOTHING, 'cancel', true), 'Counting what matches…');
  assert.is(runText(made({ status: 'failure' }), 'cancel', true), 'It was not counted to its end.');
  assert.ok(hasEnded(made({ status: 'failure' })));
  assert.not.ok(hasEnded(NOTHING));
});

test('B1 without an answer nobody is told that nothing happened', () => {
  const silent: RunState = { kind: 'unanswered', fault: undefined };
  const full: RunState = { kind: 'unanswered', fault: 'The store is full.' };
  assert.is(runText(silent, 'cancel', false), 'No answer came.');
  assert.is(runText(full, 'cancel', false), 'The server cannot say.');
  assert.match(runFault(silent, false) ?? '', /^It may have begun all the same/);
  assert.match(runFault(full, false) ?? '', /^The store is full\. It may have begun all the same/);
  assert.is(runFault(full, true), 'The store is full.', 'a count has begun nothing');
  assert.is(runFault(silent, true), undefined);
  assert.match(runFault({ ...NOTHING, fault: 'no' }, false) ?? '', /^How far it is cannot be told: no$/);
  assert.is(runFault(made({ status: 'failure', errorMessage: 'full' }), false), 'full');
});

test.run();
