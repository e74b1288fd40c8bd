import type { TaskRecord } from '@baton/core';
import { addressOf } from '@baton/protocols';
import { createKernel } from '@baton/runtime';
import { createMemoryWorld, createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { TaskNotFoundError } from './errors.ts';
import { TaskWatch, waitForEnd } from './watch.ts';

const test = suite('task watch');

const address = addressOf({ scope: 'shared', type: 'job', key: 'k' });

const scene = () => {
  const clock = createVirtualClock();
  const world = createMemoryWorld({ clock });
  const ports = world.ports('client');
  const kernel = createKernel(ports);
  const actor = { user: 'alice', admin: false };
  const submit = async (id: string): Promise<number> => {
    const spec = {
      ...{ id, type: 'job', key: 'k', name: 'k', queue: 'default', creator: 'alice', policy: {} },
      ...({ scope: 'shared', priority: 'normal', mode: 'async' } as const),
    };
    const asked = await kernel.ask(address, () => ({
      kind: 'submit',
      at: clock.now(),
      actor,
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
      () => 'ended',
      (error: unknown) => error,
    ),
    { limitMs: 5_000 },
  );
  assert.instance(await waiting, TaskNotFoundError);
});

test('what is older than what is known is not told', async () => {
  const { clock, submit, cancel, settings } = scene();
  await clock.settle(submit('a'));
  await clock.settle(cancel('a'));
  const revision = await clock.settle(submit('b'));
  const watch = new TaskWatch(settings, address, 'b', revision);
  await clock.settle(watch.open());
  assert.is((await clock.settle(watch.next()))?.revision, revision);
  await clock.settle(cancel('b'));
  assert.is((await clock.settle(watch.next()))?.record.status, 'aborted');
  assert.is(await clock.settle(watch.next()), undefined);
  watch.close();
});

test.run();
