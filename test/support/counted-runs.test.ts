import { encodeRecord } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { CLAIMED_TOO_LATE } from '@baton/runtime';
import { firstAbove, mostAtOnce, startsOf } from './counted-runs.ts';
import { sampleAddress, sampleRecord } from './sample-records.ts';
import { suite } from './suite.ts';
import type { Heard } from './system-fixture.ts';

const test = suite('counted runs');

const version = (key: string, revision: number, status: 'pending' | 'in_progress', why?: string): Heard => {
  const record = sampleRecord(key);
  const owner = { worker: `worker of ${key}`, fence: { epoch: 1, revision }, at: 1 };
  // By the clock of who claimed it, which is not that of who stored it.
  const changed = status === 'pending' ? record : { ...record, status, owner, startedAt: 7, attempt: 1 };
  const history = why === undefined ? record.history : [{ status, at: 1, by: 'system', attempt: 1, why } as const];
  const begun = why === undefined ? {} : { startedAt: 7, attempt: 1 };
  const bytes = encodeRecord({ ...changed, ...begun, history });
  return { address: sampleAddress(key), revision, storedAt: 100 * revision, bytes };
};

const all = (): string => 'all';

test('runs are counted in the order of revisions, and what ran when there were too many is said', () => {
  const heard = [
    version('b', 4, 'in_progress'),
    version('a', 1, 'pending'),
    version('a', 2, 'in_progress'),
    version('b', 3, 'pending'),
    version('a', 6, 'pending'),
    version('c', 7, 'in_progress'),
  ];
  assert.equal([...mostAtOnce(heard, all)], [['all', 2]]);
  const told = firstAbove(heard, all, 'all', 1);
  assert.match(told, '2 at revision 4');
  for (const worker of ['worker of a', 'worker of b']) assert.match(told, worker);
  assert.not.match(told, 'worker of c');
  assert.is(firstAbove(heard, all, 'all', 2), 'never more than 2');
});

test('a claim that came too late is no start: its body never began', () => {
  const heard = [
    version('a', 2, 'in_progress'),
    version('b', 3, 'in_progress'),
    version('b', 4, 'pending', CLAIMED_TOO_LATE),
    version('c', 5, 'in_progress'),
    version('c', 6, 'pending', 'its worker died'),
  ];
  assert.equal([...mostAtOnce(heard, all)], [['all', 2]]);
  assert.equal(
    startsOf(heard).map(({ at }) => at),
    [200, 500],
  );
});

test.run();
