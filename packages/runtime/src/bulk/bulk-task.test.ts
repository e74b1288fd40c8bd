import type { Actor } from '@baton/core';
import { documentOf, type TaskDocument } from '@baton/protocols';
import { createMemoryWorld, createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { cancelTask } from '../client/cancel.ts';
import { submitTask } from '../client/submit.ts';
import { Catalogue } from '../definitions/catalogue.ts';
import { operationHash } from '../client/operations.ts';
import { NotConnectedError, UnreadableRecordError } from '../errors.ts';
import { createKernel } from '../kernel.ts';
import { silentLog } from '../log.ts';
import { runBulk, type BulkContext, type BulkReport } from './bulk-task.ts';
import { bulkOrder, type BulkRequest } from './order.ts';
import type { BulkViews, FoundTask } from './views.ts';

const test = suite('bulk operations');

const ALICE: Actor = { user: 'alice', admin: false };
const ROOT: Actor = { user: 'root', admin: true };
const PAGE = 3;
/** Greater than every id that is made here: the operation comes after its tasks. */
const OPERATION = 'ffffffff-0000-7000-8000-000000000001';

const stage = (pageSize = PAGE) => {
  const clock = createVirtualClock({ seed: 1, startAt: Date.UTC(2030, 0, 1) });
  const ports = createMemoryWorld({ clock, seed: 1 }).ports('main');
  const log = silentLog;
  const catalogue = new Catalogue({ definitions: ports.definitions, clock, log });
  const kernel = createKernel(ports);
  const client = { ports, kernel, log, catalogue, unknownTypes: 'accept' as const };
  const documents = new Map<string, TaskDocument>();
  const asked: string[] = [];
  const state = { behind: 0, floor: 0, last: 1 };
  const views: BulkViews = {
    // Smaller pages than are asked for: what there is after the last one is what the operation sees to.
    page: async (_filter, _user, _limit, after) => {
      asked.push(after);
      const there = [...documents.values()].filter(({ _id }) => _id < after);
      const sorted = there.toSorted((a, b) => (a._id < b._id ? 1 : -1)).slice(0, pageSize);
      const tasks = sorted.map(({ _id: id, address }) => ({
        id,
        address: address as NonNullable<FoundTask['address']>,
      }));
      const last = sorted.length < pageSize ? undefined : sorted.at(-1)?._id;
      return { tasks, ...(last === undefined ? {} : { next: last }) };
    },
    count: async () => documents.size,
    get: async (id) => documents.get(id),
    objectsOf: async (ids) => ids.map((id) => `object of ${id}`),
    forget: async (ids) => ids.filter((id) => documents.get(id)?.status === 'aborted' && documents.delete(id)).length,
    there: async (ids) => ids.filter((id) => documents.has(id)),
  };
  const projections = { progress: async () => ({ ...state }) };
  const parts = { ...client, views, projections };

  const project = async (id: string, address: Parameters<typeof kernel.load>[0]): Promise<void> => {
    const held = await clock.settle(kernel.load(address));
    if (held === undefined) throw new Error('no record');
    const { record, revision } = held;
    documents.set(id, documentOf(record, { address, revision, epoch: 1 }));
  };
  const submit = async (key: string, user = ALICE) => {
    const made = await clock.settle(submitTask(client, user, { type: 'job', key, overrides: {} }));
    if (made.kind !== 'done') throw new Error(`not made: ${made.kind}`);
    await project(made.id, made.address);
    return { id: made.id, address: made.address };
  };
  const end = async (task: Awaited<ReturnType<typeof submit>>, user = ALICE): Promise<void> => {
    await clock.settle(cancelTask(client, user, task.address, { id: task.id, force: false }));
    await project(task.id, task.address);
  };
  /** Of whatever task is there now. */
  const recordsOf = async (tasks: readonly Awaited<ReturnType<typeof submit>>[]) => {
    const held = await clock.settle(Promise.all(tasks.map(({ address }) => kernel.load(address))));
    return held.map((each) => each?.record);
  };
  const statusesOf = async (tasks: readonly Awaited<ReturnType<typeof submit>>[]) =>
    (await recordsOf(tasks)).map((record) => record?.status);

  /** One run of an operation. `steps`: what runs of it before this one have kept. */
  const run = (
    request: Partial<BulkRequest>,
    { actor = ALICE, steps = new Map<string, unknown>(), id = OPERATION, ...more }: RunOptions = {},
  ) => {
    const stop = new AbortController();
    const told: BulkReport[] = [];
    const ctx: BulkContext = {
      taskId: id,
      user: { id: actor.user ?? '' },
      signal: stop.signal,
      step: async (name, make) => {
        if (steps.has(name)) return steps.get(name) as never;
        const made = await make();
        steps.set(name, structuredClone(made));
        return made;
      },
      updateTask: ({ payload }) => {
        told.push(payload as BulkReport);
        more.onTold?.(told.length, stop);
      },
    };
    const order = bulkOrder({ operation: 'cancel', filter: { type: ['job'] }, ...request }, actor);
    return { told, done: clock.settle(runBulk({ ...parts, ...more.parts }, order, ctx)) };
  };
  return { clock, parts, ports, documents, asked, state, submit, end, recordsOf, statusesOf, run };
};

type RunOptions = {
  readonly actor?: Actor;
  readonly steps?: Map<string, unknown>;
  readonly id?: string;
  readonly onTold?: (times: number, stop: AbortController) => void;
  readonly parts?: object;
};

const isWrong = (made: BulkReport): never => {
  throw new Error(`it came to an end: ${JSON.stringify(made)}`);
};

const seven = (made: ReturnType<typeof stage>) => several(made, 7);

const several = async ({ submit }: ReturnType<typeof stage>, count: number) => {
  const tasks = [];
  for (let n = 0; n < count; n++) tasks.push(await submit(`key ${n}`));
  return tasks;
};

const report = (more: Partial<BulkReport>): BulkReport => ({
  ...{ operation: 'cancel', dry_run: false, matched: 0, done: 0, unsubscribed: 0, refused: {}, complete: true },
  ...more,
});

test('B1 page by page, the newest first, and each once', async () => {
  const made = stage();
  const tasks = await seven(made);
  const { told, done } = made.run({});
  assert.equal(await done, report({ matched: 7, done: 7 }));
  assert.equal(made.asked, [OPERATION, tasks[4]?.id, tasks[1]?.id]);
  assert.equal(new Set(await made.statusesOf(tasks)), new Set(['aborted']));
  assert.equal(
    told.map((each) => each.done),
    [1, 2, 3, 3, 4, 5, 6, 6, 7, 7],
    'after each task, and after each page',
  );
});

test('B1 a dry run says the same and does nothing', async () => {
  const made = stage();
  const tasks = await seven(made);
  await made.end(tasks[0] as (typeof tasks)[0]);
  const { done } = made.run({ dry_run: true });
  assert.equal(await done, report({ dry_run: true, matched: 7, done: 6, refused: { TASK_ABORT_FAILED: 1 } }));
  assert.is((await made.statusesOf(tasks)).at(-1), 'pending');
});

test('B1 told to stop it stops between two tasks, and says how far it came', async () => {
  const made = stage(100);
  const tasks = await several(made, 60);
  const { told, done } = made.run({}, { onTold: (times, stop) => times === 5 && stop.abort(new Error('cancelled')) });
  await done.then(isWrong, (error: Error) => assert.is(error.message, 'cancelled'));
  const states = await made.statusesOf(tasks);
  const ended = states.filter((status) => status === 'aborted').length;
  assert.ok(ended >= 5 && ended < 30, `${ended} ended`);
  assert.is(told.at(-1)?.done, ended);
  assert.is(told.at(-1)?.complete, false);
});

test('B1 a run that was broken off in the middle of a page goes on there: nothing is counted twice or left out', async () => {
  const made = stage();
  const tasks = await seven(made);
  const steps = new Map<string, unknown>();
  let calls = 0;
  const { kernel } = made.parts;
  const cut = {
    ...kernel,
    ask: async (...args: Parameters<typeof kernel.ask>) => {
      if (++calls === 5) throw new NotConnectedError('cut off');
      return kernel.ask(...args);
    },
  };
  const first = made.run({}, { steps, parts: { kernel: Object.assign(Object.create(kernel), cut) } });
  await first.done.then(isWrong, (error: Error) => assert.match(error.message, 'cut off'));
  assert.equal([...steps.keys()], ['count', 'find 1', 'do 1', 'find 2']);
  const before = (await made.statusesOf(tasks)).filter((status) => status === 'aborted').length;
  assert.ok(before > 3, 'some of the second page are done');
  assert.equal(await made.run({}, { steps }).done, report({ matched: 7, done: 7 }));
});

test('B1 nothing is looked for before the documents are where the tasks are, and nothing is done without them', async () => {
  const made = stage();
  const tasks = await seven(made);
  Object.assign(made.state, { behind: 5, floor: 10, last: 15 });
  const { done } = made.run({});
  const outcome = done.then(
    () => 'done',
    (error: { readonly code?: string }) => error.code,
  );
  assert.is(await outcome, 'PROJECTIONS_BEHIND');
  assert.equal(made.asked, []);
  assert.equal(new Set(await made.statusesOf(tasks)), new Set(['pending']));
  // What comes while it waits is not waited for.
  made.clock.after(1_000, () => Object.assign(made.state, { behind: 5, floor: 15, last: 20 }));
  assert.equal(await made.run({}).done, report({ matched: 7, done: 7 }));
});

test('B1 what an operation of its user has run again within the day is not run again', async () => {
  const made = stage();
  const tasks = [await made.submit('a'), await made.submit('b')];
  for (const each of tasks) await made.end(each);
  const again: Partial<BulkRequest> = { operation: 'retry', filter: { status: ['aborted'] } };
  const steps = new Map<string, unknown>();
  const retried = (more: Partial<BulkReport>) => report({ operation: 'retry', matched: 2, ...more });
  assert.equal(await made.run(again, { steps }).done, retried({ done: 2 }));
  const ids = (await made.recordsOf(tasks)).map((record) => record?.id);
  // The page is repeated after a crash: it knows which were its own.
  steps.delete('do 1');
  assert.equal(await made.run(again, { steps }).done, retried({ done: 2 }));
  const next = { id: OPERATION.replace(/1$/, '2') };
  assert.equal(await made.run(again, next).done, retried({ refused: { ALREADY_RETRIED: 2 } }));
  assert.equal(
    await made.run({ ...again, dry_run: true }, next).done,
    retried({ dry_run: true, refused: { ALREADY_RETRIED: 2 } }),
  );
  assert.equal(
    (await made.recordsOf(tasks)).map((record) => record?.id),
    ids,
  );
  // Another user's operation is another one: it meets the tasks that are there.
  assert.equal(await made.run(again, { ...next, actor: ROOT }).done, retried({ done: 2 }));
});

test('B1 of the failures of one key the last is run again, whatever page the others are on', async () => {
  const made = stage();
  const failures = [];
  for (let n = 0; n < 5; n++) {
    const each = await made.submit('k');
    await made.end(each);
    failures.push(each);
  }
  const again: Partial<BulkRequest> = { operation: 'retry', filter: { status: ['aborted'] } };
  // Each page ends before the next one begins, and so may what it runs again.
  const counted = report({ operation: 'retry', matched: 5, done: 1, refused: { SUPERSEDED: 4 } });
  assert.equal(await made.run({ ...again, dry_run: true }, { id: OPERATION }).done, { ...counted, dry_run: true });
  assert.equal(await made.run(again).done, counted);
  const [record] = await made.recordsOf(failures.slice(0, 1));
  assert.is(record?.retriedFrom, failures.at(-1)?.id);
});

test('B1 two operations that find the same at once run it again once, and count it once', async () => {
  const made = stage();
  const tasks = [await made.submit('a'), await made.submit('b')];
  for (const each of tasks) await made.end(each);
  const again: Partial<BulkRequest> = { operation: 'retry', filter: { status: ['aborted'] } };
  await made.run(again).done;
  // This one looked before the other one had noted anything.
  const { operations } = made.ports;
  let looks = 0;
  const load: typeof operations.load = async (hash) => (++looks <= tasks.length ? undefined : operations.load(hash));
  const write: typeof operations.write = (...args) => operations.write(...args);
  const parts = { ports: { ...made.ports, operations: { load, write } } };
  assert.equal(
    await made.run(again, { id: OPERATION.replace(/1$/, '2'), parts }).done,
    report({ operation: 'retry', matched: 2, refused: { ALREADY_RETRIED: 2 } }),
  );
});

test('B1 a note that cannot be read is met by its task alone', async () => {
  const made = stage();
  const tasks = [await made.submit('a'), await made.submit('b')];
  for (const each of tasks) await made.end(each);
  const { operations } = made.ports;
  const damaged = operationHash(ALICE, `bulk retry ${tasks[0]?.id}`);
  const unreadable = new UnreadableRecordError('RECORD_CORRUPT', 'no note');
  const load: typeof operations.load = (hash) =>
    hash === damaged ? Promise.reject(unreadable) : operations.load(hash);
  const write: typeof operations.write = (hash, ...rest) =>
    hash === damaged ? Promise.resolve({ kind: 'failed', cause: unreadable }) : operations.write(hash, ...rest);
  const parts = { ports: { ...made.ports, operations: { load, write } } };
  assert.equal(
    await made.run({ operation: 'retry', filter: { status: ['aborted'] } }, { parts }).done,
    report({ operation: 'retry', matched: 2, done: 1, refused: { RECORD_CORRUPT: 1 } }),
  );
});

test('B1 deleted are those that have ended, their data first, and what is not is counted', async () => {
  const made = stage();
  const tasks = await seven(made);
  for (const each of tasks.slice(0, 5)) await made.end(each);
  const removed: string[] = [];
  const data = {
    remove: async (name: string) => {
      assert.ok(made.documents.has(name.replace('object of ', '')), 'its document is still there');
      removed.push(name);
    },
  };
  const ports = { ...made.ports, data };
  const { done } = made.run({ operation: 'delete' }, { actor: ROOT, parts: { ports } });
  assert.equal(await done, report({ operation: 'delete', matched: 7, done: 5, refused: { TASK_NOT_TERMINAL: 2 } }));
  assert.is(removed.length, 7);
  assert.equal(new Set(made.documents.keys()), new Set(tasks.slice(5).map(({ id }) => id)));
});

test.run();
