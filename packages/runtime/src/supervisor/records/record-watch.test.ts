import type { Address } from '@baton/protocols';
import { createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { silentLog } from '../../log.ts';
import type { FeedListener } from '../../ports/feed.ts';
import type { Entry } from '../../ports/store.ts';
import { TaskIndex } from '../tasks/task-index.ts';
import { SUPERVISOR_TIMINGS } from '../timings.ts';
import { RecordWatch } from './record-watch.ts';

const test = suite('record watch');

const A = '00.a' as Address;
const B = '00.b' as Address;
const C = '00.c' as Address;

/** A reader that is not in sync is asked again within this. */
const AGAIN_MS = 300;

/** A watch of one partition whose readers and bucket are in the hands of the test; each entry is a task that waits. */
const scene = () => {
  const clock = createVirtualClock({ seed: 1 });
  const readers: FeedListener[] = [];
  const stored = new Map<Address, Entry | 'unknown'>();
  const left: string[] = [];
  let syncs = true;
  const completed: boolean[] = [];
  const index = new TaskIndex({
    ready: () => undefined,
    gone: ({ address }, _, how) => void left.push(`${address} ${how}`),
    held: () => undefined,
    freed: () => undefined,
    removed: () => undefined,
  });
  const lane = { queue: 'q', priority: 'normal', type: 'job' } as const;
  const intake = {
    take: ({ address, revision, bytes }: Entry, generation: number) =>
      index.apply(address, { revision, generation, at: 0, wall: 0, live: true, bytes }, { stage: 'waiting', lane }),
    drain: () => undefined,
    clear: () => undefined,
  };
  const watch: RecordWatch = new RecordWatch({
    feed: {
      follow: async (_: unknown, listener: FeedListener) => {
        readers.push(listener);
        return { close: () => undefined, sync: async () => syncs };
      },
    } as never,
    store: {
      load: async (address) => {
        const found = stored.get(address);
        if (found === 'unknown') throw new Error('nobody answers');
        return found;
      },
    },
    link: { connected: true, onReconnect: () => ({ close: () => undefined }) } as never,
    chance: { random: () => 0.5 } as never,
    ...{
      clock,
      index,
      intake: intake as never,
      timings: SUPERVISOR_TIMINGS,
      log: silentLog,
      complete: () => void completed.push(watch.isComplete),
    },
  });
  const entry = (address: Address, revision: number): Entry => ({ address, revision, bytes: new Uint8Array() });
  return {
    ...{ clock, watch, readers, stored, left, index, entry, completed },
    known: () => [...index.all()].map(({ address, revision }) => `${address} ${revision}`),
    sync: (isIn: boolean) => (syncs = isIn),
  };
};

test('of what a reader that is opened anew has not given only what is gone is dropped', async () => {
  const { clock, watch, readers, stored, left, entry, known } = scene();
  watch.follow(['00']);
  for (const [i, address] of [A, B, C].entries()) readers[0]?.entry(entry(address, i + 1));
  readers[0]?.caughtUp();
  watch.follow(['00']);
  // Its version was written over while it was read: the next one is on its way. Of the others one is gone, one not known.
  stored.set(A, entry(A, 4));
  stored.set(C, 'unknown');
  readers[1]?.caughtUp();
  await clock.advance(AGAIN_MS);
  assert.equal([left, known()], [[`${B} over`], [`${A} 1`, `${C} 3`]]);
  readers[1]?.entry(entry(A, 4));
  assert.equal(known(), [`${A} 4`, `${C} 3`]);
});

test('what comes while a missing task is looked for is not dropped', async () => {
  const { clock, watch, readers, entry, known } = scene();
  watch.follow(['00']);
  readers[0]?.entry(entry(A, 1));
  readers[0]?.caughtUp();
  watch.follow(['00']);
  readers[1]?.caughtUp();
  readers[1]?.entry(entry(A, 2));
  await clock.advance(AGAIN_MS);
  assert.equal(known(), [`${A} 2`]);
});

test('what it watches is complete when also what was passed by has come, and not before', async () => {
  const { clock, watch, readers, sync, completed } = scene();
  sync(false);
  watch.follow(['00']);
  readers[0]?.caughtUp();
  await clock.advance(AGAIN_MS);
  assert.equal([watch.ready, watch.isComplete, completed], [true, false, []]);
  sync(true);
  await clock.advance(AGAIN_MS);
  assert.equal([watch.isComplete, completed], [true, [true]]);
  watch.follow(['00']);
  assert.not.ok(watch.isComplete, 'it is read anew');
  watch.stop();
});

test('what an earlier reader has given says nothing of what the next one has', () => {
  const { watch, readers, entry } = scene();
  watch.follow(['00']);
  readers[0]?.entry(entry(A, 2));
  assert.equal([watch.ownWrites.isGiven(1), watch.ownWrites.isGiven(3)], [true, false]);
  watch.follow(['00', '01']);
  assert.not.ok(watch.ownWrites.isGiven(1));
  watch.stop();
});

test('it is in sync when its reader is, and not while none is open', async () => {
  const { clock, watch, readers, sync } = scene();
  assert.ok(await watch.sync(), 'it has nothing to watch');
  watch.follow(['00']);
  await clock.advance(0);
  assert.not.ok(await watch.sync(), 'it has not read what is there');
  readers[0]?.caughtUp();
  assert.not.ok(await watch.sync(), 'nor all of it');
  await clock.advance(AGAIN_MS);
  assert.ok(await watch.sync());
  sync(false);
  assert.not.ok(await watch.sync());
  sync(true);
  const asked = watch.sync();
  watch.follow(['00']);
  await clock.advance(0);
  readers[1]?.caughtUp();
  assert.not.ok(await asked, 'another reader has taken its place');
  watch.stop();
});

test.run();
