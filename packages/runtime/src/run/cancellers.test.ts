import type { Fence, TaskRecord } from '@baton/core';
import { encodeData, type Address } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { Asked, Held, Kernel } from '../kernel.ts';
import { silentLog } from '../log.ts';
import type { Clock } from '../ports/environment.ts';
import { Cancellers } from './cancellers.ts';
import type { TaskDefinition } from './definition.ts';

const test = suite('cancellers of a process');

const fence: Fence = { epoch: 1, revision: 7 };
const ADDRESS = '00.job.x' as Address;
const record = {
  ...{ id: 'a', type: 'job', key: 'k', name: 'Job', status: 'in_progress', attempt: 1, cancelling: true },
  ...{ owner: { worker: 'w', fence, at: 0 }, cancelHandle: { data: encodeData('q1') }, history: [] },
} as unknown as TaskRecord;

test('G7 one that runs keeps its process busy, until what it came to is told: a drain waits for it', async () => {
  let told: (asked: Asked) => void = () => {};
  let called: () => void = () => {};
  const handles: unknown[] = [];
  const kernel = {
    load: (): Promise<Held> => Promise.resolve({ record, revision: 7 }),
    ask: () => new Promise<Asked>((resolve) => void (told = resolve)),
  } as unknown as Kernel;
  const clock = { now: () => 0, after: () => ({ cancel: () => {} }) } as unknown as Clock;
  let ends = 0;
  const cancellers = new Cancellers({ kernel, clock, log: silentLog, worker: 'w', ended: () => void ends++ });
  const canceller = (handle: unknown) => {
    handles.push(handle);
    return new Promise<void>((resolve) => void (called = resolve));
  };
  cancellers.add([{ type: 'job', canceller } as unknown as TaskDefinition]);
  assert.ok(cancellers.isIdle);
  const over = cancellers.poked(ADDRESS);
  await until(() => handles.length === 1);
  assert.equal([handles, cancellers.isIdle, ends], [['q1'], false, 0]);
  called();
  await new Promise(setImmediate);
  assert.equal([cancellers.isIdle, ends], [false, 0], 'it has not told what it came to');
  told({ kind: 'done', record: { ...record, status: 'pending' }, revision: 8 } as unknown as Asked);
  await over;
  assert.equal([cancellers.isIdle, ends], [true, 1]);
});

const until = async (holds: () => boolean): Promise<void> => {
  for (let turns = 0; !holds() && turns < 100; turns++) await new Promise(setImmediate);
};

test.run();
