import type { Actor } from '@baton/core';
import type { TaskDocument } from '@baton/protocols';
import { createMemoryWorld, createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { submitTask } from '../client/submit.ts';
import { Catalogue } from '../definitions/catalogue.ts';
import { createKernel } from '../kernel.ts';
import { silentLog } from '../log.ts';
import { bulkWhy, isWorthRepeating, oneTask, type BulkRun } from './one-task.ts';
import { bulkOrder, type BulkRequest } from './order.ts';
import { NotConnectedError, StoreRefusedError } from '../errors.ts';

const test = suite('one task of a bulk operation');

const ROOT: Actor = { user: 'root', admin: true };
const BOB: Actor = { user: 'bob', admin: false };

const stage = () => {
  const clock = createVirtualClock({ seed: 1, startAt: Date.UTC(2030, 0, 1) });
  const ports = createMemoryWorld({ clock, seed: 1 }).ports('main');
  const log = silentLog;
  const catalogue = new Catalogue({ definitions: ports.definitions, clock, log });
  const parts = {
    ...{ ports, kernel: createKernel(ports), log, catalogue, unknownTypes: 'accept' as const },
    views: { get: async (): Promise<TaskDocument | undefined> => undefined },
  };
  const submit = async (actor: Actor, scope: 'private' | 'shared') => {
    const made = await clock.settle(submitTask(parts, actor, { type: 'job', key: 'k', overrides: { scope } }));
    if (made.kind !== 'done') throw new Error(`not made: ${made.kind}`);
    return { id: made.id, address: made.address };
  };
  const record = async (at: { readonly address: Awaited<ReturnType<typeof submit>>['address'] }) =>
    (await clock.settle(parts.kernel.load(at.address)))?.record;
  const one = (run: BulkRun, found: Parameters<typeof oneTask>[2]) => clock.settle(oneTask(parts, run, found));
  return { parts, submit, record, one, clock };
};

const runOf = (request: Partial<BulkRequest>, actor = ROOT, isRepeat = false): BulkRun => ({
  order: bulkOrder({ operation: 'cancel', filter: { type: ['job'] }, ...request }, actor),
  ...{ actor, id: 'bulk-1', isRepeat },
});

test('B1 a shared task its user has left in a run that was broken off goes on for those who stayed', async () => {
  const { submit, record, one } = stage();
  await submit(ROOT, 'shared');
  const found = { ...(await submit(BOB, 'shared')), subscribed: true } as const;
  assert.equal(await one(runOf({}), found), { kind: 'unsubscribed' });
  assert.equal(await one(runOf({}, ROOT, true), found), { kind: 'unsubscribed' });
  const left = await record(found);
  assert.equal([left?.status, left?.subscribers.map(({ user }) => user)], ['pending', ['bob']]);
  // Found anew by another operation it is a task one other waits for, and an admin's to end.
  assert.equal(await one(runOf({}), { id: found.id, address: found.address }), { kind: 'done' });
});

test('B1 what it has cancelled before is done, and what others have is not', async () => {
  const { submit, record, one } = stage();
  const found = await submit(BOB, 'private');
  assert.equal(await one(runOf({ dry_run: true }), found), { kind: 'done' });
  assert.is((await record(found))?.status, 'pending');
  assert.equal(await one(runOf({}), found), { kind: 'done' });
  assert.is((await record(found))?.history.at(-1)?.why, bulkWhy('bulk-1'));
  assert.equal(await one(runOf({}, ROOT, true), found), { kind: 'done' });
  assert.equal(await one({ ...runOf({}, ROOT, true), id: 'bulk-2' }, found), {
    ...{ kind: 'refused', code: 'TASK_ABORT_FAILED' },
  });
  assert.equal(await one(runOf({ operation: 'change_priority', priority: 'low' }), found), {
    ...{ kind: 'refused', code: 'TASK_NOT_PENDING' },
  });
});

test('B1 one that cannot be found ends no operation, and only what all tasks meet is waited for', async () => {
  const { one } = stage();
  assert.equal(await one(runOf({}), { id: 'x' }), { kind: 'refused', code: 'RECORD_CORRUPT' });
  for (const [error, expected] of [
    [new NotConnectedError('away'), true],
    [new StoreRefusedError('STORE_FULL', 'full'), true],
    [new StoreRefusedError('STORE_CONTENDED', 'busy'), false],
    [new StoreRefusedError('STORE_REFUSED', 'too large'), false],
    [new TypeError('a fault of ours'), false],
  ] as const)
    assert.is(isWorthRepeating(error), expected, error.message);
});

test.run();
