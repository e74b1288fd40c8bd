import type { TaskRecord } from '@baton/core';
import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { dutiesOf, isSameRun } from './duties.ts';
import { actFor, planFor } from './plan.ts';
import type { Sight, Watched } from './task-index.ts';
import { SUPERVISOR_TIMINGS as timings } from '../timings.ts';

const test = suite('supervisor: duties');

const fence = { epoch: 1, revision: 7 };
const owner = { worker: 'w', fence, at: 1_000 };
const base: TaskRecord = {
  v: 1,
  id: 't',
  type: 'job',
  key: 'k',
  name: 'n',
  scope: 'shared',
  queue: 'q',
  priority: 'low',
  mode: 'async',
  policy: {},
  status: 'pending',
  subscribers: [],
  createdAt: 0,
  changedAt: 0,
  attempt: 0,
  history: [],
};
const lane = { queue: 'q', priority: 'low', type: 'job' } as const;
const running: TaskRecord = { ...base, status: 'in_progress', owner, startedAt: 1_000, policy: { timeoutMs: 500 } };
const aborting: TaskRecord = { ...running, status: 'aborting', abort: { cause: 'cancel', by: 'user:a', at: 1_200 } };
const successor = { spec: base, subscribers: [], createdAt: 0 };

const watchedOf = (record: TaskRecord, limitAt?: number): Watched => {
  const duties = dutiesOf(record);
  if (duties === undefined) throw new Error('it has no duties');
  const watched = {
    address: 'a',
    revision: 1,
    generation: 1,
    duties,
    since: 0,
    dispatches: 0,
    busy: false,
    failures: 0,
  };
  return Object.assign(watched, {
    timer: limitAt === undefined ? undefined : { dueAt: limitAt, heapAt: 0, limitAt, watched },
  }) as unknown as Watched;
};
const sight: Sight = { revision: 1, generation: 1, at: 10_000, wall: 50_000, live: true };
const limitFor = (record: TaskRecord, former?: TaskRecord, limitAt?: number) => {
  const before = former === undefined ? undefined : dutiesOf(former);
  return planFor(
    watchedOf(record).duties,
    sight,
    before === undefined ? undefined : { duties: before, limitAt },
    timings,
  );
};

test('each state has its duties', () => {
  assert.equal(dutiesOf(base), { stage: 'waiting', lane });
  assert.equal(dutiesOf({ ...base, runAt: 9 }), { stage: 'delayed', lane, runAt: 9 });
  assert.equal(dutiesOf({ ...base, mode: 'sync', host: 'h', runAt: 9 }), { stage: 'hosted', holder: 'h' });
  assert.equal(dutiesOf(running), { stage: 'running', holder: 'w', fence, startedAt: 1_000, timeoutMs: 500 });
  assert.equal(dutiesOf(aborting), {
    stage: 'aborting',
    holder: 'w',
    fence,
    graceMs: 60_000,
    observed: false,
    notStopping: false,
  });
});

test('no timeout where the body has returned or nothing can be stopped', () => {
  const unenforced = dutiesOf({ ...running, timeoutUnenforced: true });
  assert.equal(unenforced, { stage: 'running', holder: 'w', fence, startedAt: 1_000 });
  const finishing = dutiesOf({ ...running, finishing: true });
  assert.equal(finishing, { stage: 'finishing', holder: 'w', fence, graceMs: 60_000, notStopping: false });
});

test('L3 cleanup handlers have the grace of an abort, from when they were seen to run', () => {
  const finishing = { ...running, finishing: true, policy: { ...running.policy, abortGraceMs: 700 } } as const;
  assert.is(limitFor(finishing, running)?.limitAt, 10_000 + 700, 'and not the timeout of the body');
  assert.is(limitFor({ ...finishing, progress: { count: 1 } }, finishing, 10_100)?.limitAt, 10_100);
  assert.is(limitFor({ ...finishing, notStopping: true }, finishing), undefined);
});

test('an ended task is seen to only while a successor waits', () => {
  for (const status of ['success', 'failure', 'aborted', 'timed_out'] as const) {
    assert.is(dutiesOf({ ...base, status }), undefined);
    assert.equal(dutiesOf({ ...base, status, successor }), { stage: 'ended' });
  }
});

test('a timeout counts from when the run was seen, and goes on through progress', () => {
  assert.is(limitFor(running)?.limitAt, 10_000 + 500 + timings.timeoutGraceMs);
  assert.is(limitFor({ ...running, progress: { count: 1 } }, running, 10_100)?.limitAt, 10_100);
  const nextRun = { ...running, owner: { ...owner, fence: { epoch: 1, revision: 9 } } };
  assert.is(limitFor(nextRun, running, 10_100)?.limitAt, 10_000 + 500 + timings.timeoutGraceMs);
});

test('a timeout and the grace after it are two limits', () => {
  assert.is(limitFor(aborting, running, 10_100)?.limitAt, 10_000 + 60_000);
  assert.is(limitFor(aborting, aborting, 12_000)?.limitAt, 12_000);
  assert.is(limitFor(aborting)?.dueAt, 10_000 + timings.pokeMs);
});

test('a delayed start is due at its time, and one whose time has passed at once', () => {
  assert.is(limitFor({ ...base, runAt: 50_900 })?.dueAt, 10_900);
  assert.is(limitFor({ ...base, runAt: 3 })?.dueAt, 10_000);
});

test('nothing is done early', () => {
  const before = 99;
  assert.is(actFor(watchedOf(running, 100), before, false), undefined);
  assert.is(actFor(watchedOf(aborting, 100), before, false), 'poke');
  const after = 100;
  assert.is(actFor(watchedOf(running, 100), after, false), 'time-out');
  assert.is(actFor(watchedOf({ ...base, runAt: 100 }, 50), after, false), undefined, 'its queue starts it');
  assert.is(actFor(watchedOf(aborting, 100), after, false), 'mark-not-stopping');
});

test('an observed abort is not told again, and one shown as not stopping is not marked again', () => {
  const observed = { ...aborting, abort: { cause: 'cancel', by: 'user:a', at: 1, observedAt: 2 } } as const;
  assert.is(actFor(watchedOf(observed, 100), 50, false), undefined);
  assert.is(limitFor(observed)?.dueAt, 70_000);
  assert.is(limitFor({ ...observed, notStopping: true }), undefined);
  assert.is(actFor(watchedOf({ ...aborting, notStopping: true }, 100), 500, false), 'poke');
});

test('whatever a dead worker held is rescued', () => {
  for (const record of [running, aborting, { ...base, host: 'w' }]) {
    assert.is(actFor(watchedOf(record), 0, true), 'rescue');
  }
});

test('runs are told apart by their fence', () => {
  const [a, b] = [dutiesOf(running), dutiesOf(aborting)];
  const other = dutiesOf({ ...running, owner: { ...owner, fence: { epoch: 2, revision: 7 } } });
  assert.ok(a && b && other && isSameRun(a, b) && !isSameRun(a, other) && !isSameRun(undefined, a));
});

test('G1 a task that waits for others is in no line, and is looked at for its expiry alone; free again, it waits in its own', () => {
  const edge = { id: 'a', address: 'x', name: 'a' };
  const blocked: TaskRecord = { ...base, runAt: 60_000, dependsOn: [edge, { ...edge, id: 'b' }] };
  assert.equal(dutiesOf(blocked), { stage: 'blocked' });
  assert.is(limitFor(blocked), undefined);
  const expiring: TaskRecord = { ...blocked, expiresAt: 51_000 };
  assert.is(limitFor(expiring)?.dueAt, 11_000);
  assert.is(actFor(watchedOf(expiring, 11_000), 20_000, false), undefined);
  const end = { status: 'success', at: 1 } as const;
  const free: TaskRecord = { ...base, dependsOn: [{ ...edge, end }] };
  assert.equal(dutiesOf(free), { stage: 'waiting', lane });
  assert.equal(dutiesOf({ ...free, runAt: 60_000 }), { stage: 'delayed', lane, runAt: 60_000 });
});

test.run();
