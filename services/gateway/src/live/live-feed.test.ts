import { decide, fold, type Command, type TaskRecord } from '@baton/core';
import { addressOf, encodeRecord } from '@baton/protocols';
import { NotConnectedError, silentLog, type FeedListener } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { sampleId, sampleRecord } from '../../../../test/support/sample-records.ts';
import { suite } from '../../../../test/support/suite.ts';
import { LiveFeed } from './live-feed.ts';
import { Overlay } from './overlay.ts';

const test = suite('live feed');

const address = addressOf({ scope: 'shared', type: 'job', key: 'k' });

/** A feed whose reader the test is, behind the one record that was there. */
const scene = async (before: TaskRecord) => {
  let at = 0;
  const clock = { now: () => at, monotonic: () => at, after: () => ({ cancel: () => undefined }) };
  let reader: FeedListener | undefined;
  let revision = 0;
  const feed = new LiveFeed({
    feed: {
      follow: async (_, listener) => {
        reader = listener;
        give('entry', before);
        listener.caughtUp();
        return { close: () => undefined, sync: async () => true };
      },
      followActor: () => Promise.reject(new Error('nobody follows one')),
    },
    epoch: 1,
    clock,
    log: silentLog,
    overlay: new Overlay({ count: 100, bytes: 1_000_000 }),
  });
  const give = (how: 'entry' | 'outcome', record: TaskRecord): void =>
    reader?.[how]?.({ address, revision: ++revision, bytes: encodeRecord(record) });
  await feed.start();
  const told: string[] = [];
  feed.listen({
    change: ({ kind, task }) => told.push(`${kind} ${task.record.status} ${task.id === before.id ? 'first' : 'other'}`),
    live: (isLive) => told.push(isLive ? 'live' : 'behind'),
    restarted: () => told.push('restarted'),
  });
  const pass = (ms: number): void => void (at += ms);
  const stalled = (isStalled: boolean, silentMs?: number) => reader?.stalled?.(isStalled, silentMs);
  /** A write of this process, or a read of the leader: it is known before the feed tells of it. */
  const put = (record: TaskRecord): void => feed.put({ address, revision: revision + 1 }, record);
  return { pass, told, give, stalled, put };
};

const after = (record: TaskRecord, command: Command): TaskRecord => {
  const decision = decide(record, command);
  const next = decision.ok ? fold(record, decision) : undefined;
  if (next === undefined) throw new Error(`${command.kind} was refused`);
  return { ...next, nonce: command.kind };
};

const pending = { ...sampleRecord('k'), nonce: 'submit' };
const { id } = pending;
const actor = { user: 'alice', admin: false };
const aborted = after(pending, { kind: 'cancel', at: 1_700_000_001_000, actor, id, force: false });
const archived = after(aborted, { kind: 'archive', at: 1_700_000_002_000, id });

test('E2 an end is told once, and its archive mark is not', async () => {
  const { told, give } = await scene(pending);
  give('entry', aborted);
  give('entry', archived);
  assert.equal(told, ['status aborted first']);
});

test('E2 an end that was archived before its own version was read is told by that', async () => {
  const { told, give, stalled } = await scene(pending);
  stalled(true);
  give('entry', archived);
  stalled(false);
  assert.equal(told, ['behind', 'status aborted first', 'live']);
});

test('E2 an end whose key was used anew before its own version was read is told by what was kept of it', async () => {
  const { told, give } = await scene(pending);
  give('outcome', aborted);
  give('entry', { ...sampleRecord('k'), id: sampleId('next'), nonce: 'next' });
  give('outcome', archived);
  assert.equal(told, ['status aborted first', 'created pending other']);
});

test('E2 an end that was told is not told again when it is kept', async () => {
  const { told, give } = await scene(pending);
  give('entry', aborted);
  give('outcome', aborted);
  give('outcome', archived);
  assert.equal(told, ['status aborted first']);
});

test('E2 after a silence in which ended tasks may have been forgotten, everything is to be read anew', async () => {
  const { pass, told, stalled } = await scene(pending);
  stalled(true);
  pass(29_000);
  stalled(false);
  stalled(true);
  pass(31_000);
  stalled(false);
  assert.equal(told, ['behind', 'live', 'behind', 'restarted']);
});

test('E2 a process that stood still may have missed ends that are forgotten by now', async () => {
  const { pass, told, stalled } = await scene(pending);
  stalled(true, 600_000);
  pass(1_500);
  stalled(false);
  assert.equal(told, ['behind', 'restarted']);
});

test('E2 what this process has written or read itself is told as it is to all others', async () => {
  const { told, give, put } = await scene(pending);
  put(aborted);
  give('entry', aborted);
  assert.equal(told, ['status aborted first']);
});

test('the feed has begun when one of its readers has caught up, whichever that is', async () => {
  let readers = 0;
  const begins = (): void => {};
  const feed = new LiveFeed({
    feed: {
      follow: async (_, listener) => {
        if (++readers === 1) queueMicrotask(() => listener.lost(new NotConnectedError('gone')));
        else queueMicrotask(() => listener.caughtUp());
        return { close: () => undefined, sync: async () => true };
      },
      followActor: () => Promise.reject(new Error('nobody follows one')),
    },
    epoch: 1,
    clock: {
      now: () => 0,
      monotonic: () => 0,
      after: (_ms, call) => {
        queueMicrotask(call);
        return { cancel: begins };
      },
    },
    log: silentLog,
    overlay: new Overlay({ count: 1, bytes: 1 }),
  });
  await feed.start();
  assert.equal([readers, feed.isLive], [2, true]);
});

test.run();
