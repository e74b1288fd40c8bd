// S: who sees a task and what he may do, on the surfaces of the SDK and in what lists read from MongoDB. The routes of
// the gateway have tests of their own.
import type { Status } from '@baton/core';
import { createTaskViews } from '@baton/mongo';
import { getContext, PermissionDeniedError, task, TaskNotFoundError, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { aborted, gate, stagedSuite, thrownBy, until, type Stage } from '../support/stage.ts';

const test = stagedSuite('scopes');

const waitsPrivate = task({ name: 's.private', scope: 'private' }, () => 1);
const waitsShared = task({ name: 's.shared', scope: 'shared' }, () => 1);
const waitsSystem = task({ name: 's.system', scope: 'system' }, () => 1);

/** Whether a user meets the task on every surface there is, or on none. */
const sees = async (stage: Stage, user: string, admin: boolean, handle: TaskHandle): Promise<boolean> => {
  const client = stage.baton.as({ id: user, admin });
  const views = createTaskViews(stage.mongo);
  await stage.document(handle.uuid, ({ rev }) => rev >= handle.revision);
  const filter = admin ? {} : { visibleTo: user };
  const listed = (await views.list({ ...filter, type: [handle.type] }, { size: 100 })).documents;
  const searched = (await views.list({ ...filter, text: handle.uuid }, { size: 10 })).documents;
  const counted = Object.values(await views.counts({ ...filter, text: handle.uuid })) as readonly number[];
  const opened = await client.open(handle).then(
    () => true,
    (error: unknown) => {
      assert.instance(error, TaskNotFoundError);
      return false;
    },
  );
  const answers = [
    opened,
    listed.some(({ _id }) => _id === handle.uuid),
    searched.length === 1,
    counted.reduce((sum, n) => sum + n, 0) === 1,
  ];
  assert.is(new Set(answers).size, 1, `${user} sees ${handle.scope} in some places only: ${answers.join(' ')}`);
  return opened;
};

test('S1 private is the default: seen by its creator and admins, a cancel aborts', async (stage) => {
  const plain = task({ name: 's1.default' }, () => 1);
  const handle = await stage.as('alice').within(() => plain.schedule());
  assert.is(handle.scope, 'private');
  assert.equal(
    [
      await sees(stage, 'alice', false, handle),
      await sees(stage, 'bob', false, handle),
      await sees(stage, 'root', true, handle),
    ],
    [true, false, true],
  );
  assert.is((await handle.cancel()).action, 'aborted');
});

test('S2 shared: seen by subscribers, the creator first, and admins; the last one aborts, others leave', async (stage) => {
  const body = waitsShared.with({ taskKey: 's2' });
  const alice = await stage.as('alice').within(() => body.schedule());
  assert.is(await sees(stage, 'bob', false, alice), false, 'not before he has joined');
  const bob = await stage.as('bob').within(() => body.schedule());
  assert.equal(
    bob.subscribers.map(({ user }) => user),
    ['alice', 'bob'],
  );
  for (const user of ['alice', 'bob']) assert.ok(await sees(stage, user, false, bob));
  assert.ok(await sees(stage, 'root', true, bob));
  assert.is((await alice.cancel()).action, 'unsubscribed');
  const now = await bob.refresh();
  assert.is(await sees(stage, 'alice', false, now), false, 'who has left sees it no more');
  assert.is((await bob.cancel()).action, 'aborted');
});

test('S3 system: seen, submitted and cancelled by admins only', async (stage) => {
  const refused = await thrownBy(() => stage.as('alice').within(() => waitsSystem.schedule()));
  assert.instance(refused, PermissionDeniedError);
  assert.is(refused.code, 'PERMISSION_DENIED');
  const handle = await stage.admin.within(() => waitsSystem.schedule());
  assert.equal(
    [
      await sees(stage, 'alice', false, handle),
      await sees(stage, 'root', false, handle),
      await sees(stage, 'other', true, handle),
    ],
    [false, false, true],
  );
  assert.is((await handle.cancel()).action, 'aborted');
});

test('S4 errors, results and events are for the same eyes', async (stage, context) => {
  const fails = task({ name: 's4.fails', scope: 'shared' }, () => {
    throw new Error('a secret of the task');
  });
  await stage.serve(context, [fails]);
  const handle = await stage.as('alice').within(() => fails.with({ taskKey: 's4' }).schedule());
  await handle.wait({ timeout: '30s' });
  assert.ok(await sees(stage, 'alice', false, handle));
  const bob = await thrownBy(() => stage.as('bob').open(handle));
  assert.instance(bob, TaskNotFoundError);
  assert.not.match(bob.message, 'secret');
  const { documents } = await createTaskViews(stage.mongo).list({ visibleTo: 'bob', text: 'secret' }, { size: 10 });
  assert.equal(documents, []);
});

test('S4 who leaves while he waits, follows or listens is told nothing more', async (stage, context) => {
  const hold = gate();
  const body = task({ name: 's4.leaves', scope: 'shared' }, async () => {
    getContext().updateTask({ progress: [1, 2] }, { immediate: true });
    await hold.passed;
    await aborted(getContext().signal);
  }).with({ taskKey: 's4' });
  await stage.serve(context, [body]);
  const alice = await stage.as('alice').within(() => body.schedule());
  const bob = await stage.as('bob').within(() => body.schedule());
  await until(bob, ({ progress }) => progress !== undefined);
  const seen: Status[] = [];
  const following = thrownBy(async () => {
    for await (const { status } of alice.events()) seen.push(status);
  });
  const waiting = thrownBy(() => alice.wait({ timeout: '30s' }));
  assert.is((await alice.cancel()).action, 'unsubscribed');
  for (const told of [await following, await waiting]) assert.instance(told, TaskNotFoundError);
  assert.instance(await thrownBy(() => alice.onProgress(() => undefined)), TaskNotFoundError);
  hold.open();
  await until(bob, ({ isAbortable }) => isAbortable);
  await bob.cancel();
  await bob.wait({ timeout: '30s' });
  assert.not(seen.includes('aborted'));
});

test('S4 an answer to a submit betrays nothing of the tasks of others', async (stage) => {
  const key = { taskKey: 'the same key' };
  const secret = await stage.as('alice').within(() => waitsPrivate.with(key).schedule());
  const mine = await stage.as('bob').within(() => waitsPrivate.with(key).schedule());
  assert.equal([mine.outcome, mine.differs], ['created', false]);
  assert.is.not(mine.uuid, secret.uuid);
  assert.equal(
    mine.subscribers.map(({ user }) => user),
    ['bob'],
  );
  const hidden = await stage.admin.within(() => waitsSystem.with(key).schedule());
  const refused = await thrownBy(() => stage.as('bob').within(() => waitsSystem.with(key).schedule()));
  const other = await thrownBy(() =>
    stage.as('bob').within(() => waitsSystem.with({ taskKey: 'a free key' }).schedule()),
  );
  assert.is(refused.message, other.message, 'whether there is one or not');
  assert.not.match(refused.message, hidden.uuid);
});

test.run();
