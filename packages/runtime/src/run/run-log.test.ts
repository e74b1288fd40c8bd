import type { TaskRecord } from '@baton/core';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { rescueBefore } from './run-log.ts';

const test = suite('what a worker says of a run');

const begun = (why: string | undefined, rescues: number | undefined) => {
  const entry = { at: 1, by: 'supervisor:s1', attempt: 1 } as const;
  const history: TaskRecord['history'] = [
    { ...entry, status: 'pending' },
    { ...entry, status: 'in_progress' },
    { ...entry, status: 'pending', ...(why === undefined ? {} : { why }) },
    { ...entry, status: 'in_progress' },
  ];
  return rescueBefore({ history, ...(rescues === undefined ? {} : { rescues }) });
};

test('a run is told that the one before it lost its worker, and no other run is', () => {
  assert.is(begun('worker w1 died', 1), 'worker w1 died');
  assert.is(begun('worker w1 ended abnormally: a stray error', 1), 'worker w1 ended abnormally: a stray error');
  assert.is(begun('its worker died; its canceller has run', 2), 'its worker died; its canceller has run');
  assert.is(begun('retry after Error: worker busy', 1), undefined);
  assert.is(begun('waits for signal approved', 1), undefined);
  assert.is(begun('worker w1 died', undefined), undefined);
});

test.run();
