import type { Fence, TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { Held } from '../kernel.ts';
import { RemoteRun, type RemoteRunParts } from './remote-run.ts';

const test = suite('runs of remote workers');

const fence: Fence = { epoch: 1, revision: 7 };
const heldAs = (status: TaskRecord['status'], revision: number): Held => ({
  record: { id: 'a', status, attempt: 1, owner: { worker: 'w', fence, at: 0 } } as unknown as TaskRecord,
  revision,
});

/** Its record is read when the test says so. */
const open = () => {
  const reads: ((held: Held) => void)[] = [];
  const log = { child: () => log, warn: () => {}, debug: () => {} };
  const parts = {
    ports: { clock: { monotonic: () => 0, now: () => 0 }, chance: {}, signals: {}, data: {} },
    kernel: { load: () => new Promise<Held>((resolve) => reads.push(resolve)) },
    log,
    once: { say: () => {} },
    worker: 'w',
    isClaimed: true,
    throttleMs: 0,
  } as unknown as RemoteRunParts;
  return { reads, run: new RemoteRun(parts, '00.job.x' as Address, heldAs('in_progress', 7), fence) };
};

test('O1 what comes into the record while it is being read is looked at, too', async () => {
  const { reads, run } = open();
  const first = run.look();
  const second = Promise.all([run.look(), run.look()]);
  assert.is(reads.length, 1);
  // As it was before whoever asked for the second look had written.
  reads[0]?.(heldAs('in_progress', 7));
  await first;
  assert.is(run.verdict, 'running');
  await Promise.resolve();
  reads[1]?.(heldAs('aborting', 8));
  await second;
  assert.equal([run.verdict, reads.length], ['abort', 2]);
});

test.run();
