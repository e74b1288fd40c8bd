import type { TaskRecord } from '@baton/core';
import { addressOf } from '@baton/protocols';
import { BatonError, createKernel, type FeedListener, type Kernel, type RecordFeed } from '@baton/runtime';
import { createMemoryWorld, createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { TaskWatch, waitForEnd, type Watching } from './watch.ts';

const test = suite('task watch');

const address = addressOf({ scope: 'shared', type: 'job', key: 'k' });

const scene = () => {
  const clock = createVirtualClock();
  const world = createMemoryWorld({ clock });
  const ports = world.ports('client');
  const kernel = createKernel(ports);
  const actor = { user: 'alice', admin: false };
  const submit = async (id: string, user = 'alice', args = new Uint8Array()): Promise<number> => {
    const spec = {
      args,
      ...{ id, type: 'job', key: 'k', name: 'k', queue: 'default', creator: 'alice', policy: {} },
      ...({ scope: 'shared', priority: 'normal', mode: 'async' } as const),
    };
    const asked = await kernel.ask(address, () => ({
      kind: 'submit',
      at: clock.now(),
      actor: { user, admin: false },
      spec,
      whenAborting: 'queue',
    }));
    assert.is(asked.kind, 'done');
    return asked.kind === 'done' ? asked.revision : 0;
  };
  const cancel = async (id: string) =>
    kernel.ask(address, () => ({ kind: 'cancel', at: clock.now(), actor, id, force: false }));
  const sees = (_record: TaskRecord): boolean => true;
  return { clock, submit, cancel, settings: { ports, kernel, sees } };
};

test('the end of a task is told though its key has gone to one with a smaller id since', async () => {
  const { clock, submit, cancel, settings } = scene();
  // Ids are made before the submit: b was made later and came first.
  const revision = await clock.settle(submit('b'));
  await clock.settle(cancel('b'));
  await clock.settle(submit('a'));
  const waiting = clock.settle(
    waitForEnd(settings, address, 'b', revision, undefined).then(
      ({ record }) => record.status,
      (error: unknown) => error,
    ),
    { limitMs: 5_000 },
  );
  assert.is(await waiting, 'aborted');
});

test('what is older than what is known is not told', async () => {
  const { clock, submit, cancel, settings } = scene();
  await clock.settle(submit('a'));
  await clock.settle(cancel('a'));
  const revision = await clock.settle(submit('b'));
  const watch = new TaskWatch(settings, address, 'b', revision - 1, 'every');
  await clock.settle(watch.open());
  assert.is((await clock.settle(watch.next()))?.revision, revision);
  await clock.settle(cancel('b'));
  assert.is((await clock.settle(watch.next()))?.record.status, 'aborted');
  assert.is(await clock.settle(watch.next()), undefined);
  watch.close();
});

test('E2 what is not read is dropped but for the newest, which says so', async () => {
  const { clock, submit, settings } = scene();
  const revision = await clock.settle(submit('a', 'alice', new Uint8Array(60_000)));
  const watch = new TaskWatch(settings, address, 'a', revision - 1, 'every');
  await clock.settle(watch.open());
  for (let i = 0; i < 40; i++) await clock.settle(submit(`other ${i}`, `user ${i}`));
  const told = [];
  while (told.at(-1)?.record.subscribers.length !== 41) {
    const seen = await clock.settle(watch.next());
    assert.ok(seen !== undefined);
    told.push(seen);
  }
  assert.ok(told.length < 40, `${told.length} were kept`);
  assert.equal([told[0]?.reset, told.slice(1).some(({ reset }) => reset)], [true, false]);
  watch.close();
});

test('E2 what is written right behind the look, before the reader has given anything, is told', async () => {
  const { clock, submit, cancel, settings } = scene();
  const revision = await clock.settle(submit('a'));
  let listener: FeedListener | undefined;
  const feed: RecordFeed = {
    ...settings.ports.feed,
    followActor: async (_address, of) => {
      listener = of;
      return { close: () => undefined };
    },
  };
  const watch = new TaskWatch({ ...settings, ports: { ...settings.ports, feed } }, address, 'a', revision - 1, 'every');
  await clock.settle(watch.open());
  assert.is((await clock.settle(watch.next()))?.revision, revision);
  await clock.settle(cancel('a'));
  const entry = await clock.settle(settings.ports.store.load(address));
  if (entry !== undefined) listener?.entry(entry);
  listener?.caughtUp();
  const seen = await clock.settle(watch.next(), { limitMs: 1_000 });
  assert.equal([seen?.record.status, seen?.reset], ['aborted', true], 'there may have been more of it');
  watch.close();
});

test('E2 whoever goes on after an end is told at once that it is over', async () => {
  const { clock, submit, cancel, settings } = scene();
  await clock.settle(submit('a'));
  await clock.settle(cancel('a'));
  const { revision = 0 } = (await clock.settle(settings.kernel.load(address))) ?? {};
  const watch = new TaskWatch(settings, address, 'a', revision, 'every');
  await clock.settle(watch.open());
  assert.is(await clock.settle(watch.next()), undefined);
  watch.close();
});

test('R8 a look that the store refuses for a moment when a task begins to be followed is made again', async () => {
  const { clock, submit, settings } = scene();
  const revision = await clock.settle(submit('a'));
  const opened = async (code: string, watching: Watching): Promise<string> => {
    let isFirst = true;
    const load: Kernel['load'] = async (at) => {
      if (!isFirst) return settings.kernel.load(at);
      isFirst = false;
      throw new BatonError(code, 'not now');
    };
    const kernel: Kernel = { ask: settings.kernel.ask, load };
    const watch = new TaskWatch({ ...settings, kernel }, address, 'a', revision - 1, watching);
    const told = watch
      .open()
      .then(() => watch.next())
      .then((seen) => seen?.record.status ?? 'over')
      .catch((error) => error.code);
    const came = await clock.settle(told);
    watch.close();
    return came;
  };
  for (const watching of ['end', 'every'] as const) {
    for (const code of ['NOT_CONNECTED', 'STORE_TIMEOUT', 'STORE_REFUSED', 'STORE_BUSY', 'STORE_MISSING'])
      assert.is(await opened(code, watching), 'pending', `${watching} ${code}`);
    // Asked again this program gets the same answer.
    for (const code of ['EPOCH_CHANGED', 'RECORD_NEWER', 'PERMISSION_DENIED'])
      assert.is(await opened(code, watching), code, `${watching} ${code}`);
  }
});

test.run();
