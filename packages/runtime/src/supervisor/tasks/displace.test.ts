import type { Command, Displacement, TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { silentLog } from '../../log.ts';
import { displace, type DisplaceParts } from './displace.ts';

const test = suite('supervisor: a task that makes room');

const ADDRESS = '00.job.0123456789abcdef0123456789abcdef' as Address;

/** What is asked of the record as it is stored, and whether it is to be told again; `reason`: the record refuses. */
const told = async (
  displacement: Pick<Displacement<Address>, 'revision' | 'since'>,
  stored: { readonly revision: number; readonly record: Partial<TaskRecord> } | undefined,
  reason = 'not_pending',
): Promise<{ readonly command: Command; readonly isSettled: boolean }> => {
  const asked: Command[] = [];
  const parts = {
    kernel: {
      ask: async (_: Address, make: (held: unknown) => Command) => {
        asked.push(make(stored));
        return { kind: 'refused', reason, held: undefined };
      },
    },
    ...{ clock: { now: () => 5 }, by: 'supervisor:s', log: silentLog, learned: () => {} },
  } as unknown as DisplaceParts;
  const isSettled = await displace(parts, { ...displacement, address: ADDRESS, why: 'full', beside: [], most: 0 });
  return { command: asked[0] as Command, isSettled };
};

test('Q7 only what was seen is meant: a version that waits, a run by its fence', async () => {
  const base = { kind: 'displace', at: 5, by: 'supervisor:s', why: 'full' };
  const waiting = { revision: 7, record: { id: 'a' } };
  assert.equal((await told({ revision: 7 }, waiting)).command, { ...base, id: 'a' });
  assert.equal((await told({ revision: 6 }, waiting)).command, { ...base, id: '' }, 'it was changed since');
  assert.equal((await told({ revision: 6 }, undefined)).command, { ...base, id: '' });
  const fence = { epoch: 3, revision: 4 };
  const runs = { revision: 9, record: { id: 'a', owner: { worker: 'w', fence, at: 1 } } };
  assert.equal((await told({ revision: 8, since: 4 }, runs)).command, { ...base, id: 'a', fence });
  const other = (await told({ revision: 8, since: 3 }, runs)).command;
  assert.equal(other, { ...base, id: 'a', fence: { epoch: 0, revision: 0 } }, 'another run of it');
});

test('Q7 what cannot be told to stop yet is told again, and nothing else', async () => {
  assert.is((await told({ revision: 1, since: 1 }, undefined, 'not_abortable')).isSettled, false);
  assert.is((await told({ revision: 1, since: 1 }, undefined, 'not_running')).isSettled, true);
});

test.run();
