import { addressOf } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { sampleRecord } from '../../../../test/support/sample-records.ts';
import { suite } from '../../../../test/support/suite.ts';
import type { EventStream } from './event-stream.ts';
import { liveTaskIn } from './live-task.ts';
import type { Change } from './recent-changes.ts';
import { TaskEvents } from './task-events.ts';

const test = suite('events of a task');

const record = sampleRecord('k');
const address = addressOf({ scope: 'private', type: 'job', key: 'k', user: 'alice' });
const SIZE = 800 * 1024;

const changeAt = (revision: number): Change => {
  const task = liveTaskIn(record, record.id, { address, revision, epoch: 1, size: SIZE, seenAt: 0 });
  if (task === undefined) throw new Error('it is not in its own record');
  return { revision, kind: 'update', left: [], task };
};

/** A client that has missed one change, and reads when it is told to. */
const follower = () => {
  const told: string[] = [];
  let read = (): void => undefined;
  const stream = {
    isOpen: true,
    write: (text: string) => void told.push(/^event: (\w+)/m.exec(text)?.[1] ?? text),
    ready: () => new Promise<boolean>((done) => (read = () => done(true))),
    reset: (reason: string) => void told.push(`reset ${reason}`),
  };
  const actor = { user: 'alice', admin: false };
  const events = new TaskEvents({
    identity: { ...actor, isAmbient: false },
    taskId: record.id,
    feed: { since: () => [changeAt(2)], epoch: 1, isLive: true },
    load: () => Promise.reject(new Error('not asked')),
    followProgress: async () => ({ close: () => undefined }),
    looking: () => ({ actor, now: 0, showStack: false, isServed: () => true }),
  });
  const { document } = changeAt(2).task;
  const begun = events.begin(stream as unknown as EventStream, { document, address }, '1-1');
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const readOn = async (): Promise<void> => {
    read();
    await turn();
  };
  return { events, told, begun, readOn, turn };
};

test('E2 what comes while a client reads is told when it has read on', async () => {
  const { events, told, begun, readOn, turn } = follower();
  await turn();
  for (let revision = 3; revision < 30; revision++) {
    events.changed(changeAt(revision));
    await readOn();
  }
  await readOn();
  await readOn();
  await begun;
  assert.equal(
    told,
    Array.from({ length: 28 }, () => 'task'),
  );
});

test('E2 a client that reads more slowly than large records change is dropped', async () => {
  const { events, told, turn } = follower();
  await turn();
  for (let revision = 3; revision < 10; revision++) events.changed(changeAt(revision));
  assert.equal(told, ['task']);
  for (let revision = 10; revision < 20; revision++) events.changed(changeAt(revision));
  assert.is(told.at(-1), 'reset slow');
});

test.run();
