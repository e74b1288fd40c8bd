import * as assert from 'uvu/assert';
import { addressOf } from '@baton/protocols';
import { sampleRecord } from '../../../../test/support/sample-records.ts';
import { suite } from '../../../../test/support/suite.ts';
import type { EventStream } from './event-stream.ts';
import { ListEvents } from './list-events.ts';
import { liveTaskIn } from './live-task.ts';
import type { Change } from './recent-changes.ts';

const test = suite('events of a list');

const record = sampleRecord('k');
const address = addressOf({ scope: 'private', type: 'job', key: 'k', user: 'alice' });
const task = liveTaskIn(record, record.id, { address, revision: 2, epoch: 1, size: 1, seenAt: 0 });
if (task === undefined) throw new Error('it is not in its own record');
const change: Change = { revision: 2, kind: 'update', left: [], task };

test('E2 what comes behind the first page waits until that is read: it may be larger than what may lie unread', async () => {
  const told: string[] = [];
  let isRead = (): void => undefined;
  const stream = {
    isOpen: true,
    write: (text: string) => void told.push(/^event: (\w+)/m.exec(text)?.[1] ?? text),
    ready: () =>
      told.length > 1 ? Promise.resolve(true) : new Promise<boolean>((done) => (isRead = () => done(true))),
    reset: (reason: string) => void told.push(`reset ${reason}`),
  } as unknown as EventStream;
  const actor = { user: 'alice', admin: false };
  const events = new ListEvents({
    identity: { ...actor, isAmbient: false },
    filter: {},
    feed: { since: () => undefined, revision: 1, epoch: 1, isLive: true },
    firstPage: async () => ({ shown: [], cursor: null }),
    looking: () => ({ actor, now: 0, showStack: false, isServed: () => true }),
    progressOf: [],
    progress: { changed: () => undefined } as never,
  });
  const begun = events.begin(stream, undefined);
  await new Promise((resolve) => setImmediate(resolve));
  events.changed(change);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(told, ['snapshot']);
  isRead();
  await begun;
  assert.is(told.length, 2);
  assert.not.match(told[1] ?? '', 'reset');
});

test.run();
