import { encodeRecord } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { firstAbove, mostAtOnce } from './counted-runs.ts';
import { sampleAddress, sampleRecord } from './sample-records.ts';
import { suite } from './suite.ts';
import type { Heard } from './system-fixture.ts';

const test = suite('counted runs');

const version = (key: string, revision: number, status: 'pending' | 'in_progress'): Heard => {
  const record = sampleRecord(key);
  const owner = { worker: `worker of ${key}`, fence: { epoch: 1, revision }, at: 1 };
  const changed = status === 'pending' ? record : { ...record, status, owner };
  return { address: sampleAddress(key), revision, bytes: encodeRecord(changed) };
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

test.run();
