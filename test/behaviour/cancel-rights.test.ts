// A6 to A12: cancel by subscribers, admins and strangers; its proof and its answers.
import { getContext, PermissionDeniedError, task, TaskNotFoundError, type Baton, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { openCuttableLink } from '../support/cuttable-link.ts';
import { aborted, CLOCKS_MS, gate, stagedSuite, thrownBy, until, type Stage } from '../support/stage.ts';

const test = stagedSuite('who may cancel');

/** Tasks nobody serves: they wait. */
const waitsPrivate = task({ name: 'a.waits' }, () => 1);
const waitsShared = task({ name: 'a.waits_shared', scope: 'shared' }, () => 1);
const waitsSystem = task({ name: 'a.waits_system', scope: 'system' }, () => 1);

/** Handlers that run until they are told to stop, and ones that cannot be told. */
const stoppable = (name: string, scope: 'private' | 'shared' | 'system' = 'private') =>
  task({ name, scope }, async () => {
    await aborted(getContext().signal);
  });

const deaf = (name: string, hold: Promise<void>, scope: 'private' | 'shared' | 'system' = 'private') =>
  task({ name, scope }, () => hold);

const isRunning = ({ status }: TaskHandle): boolean => status === 'in_progress';
const canBeStopped = ({ isAbortable }: TaskHandle): boolean => isAbortable;

/** The same task in the hands of other users, each of whom has joined it. */
const joinedBy = async (stage: Stage, users: readonly string[], submit: () => Promise<TaskHandle>) => {
  const handles: TaskHandle[] = [];
  for (const user of users) handles.push(await stage.as(user).within(submit));
  return handles as [TaskHandle, ...TaskHandle[]];
};

test('A6 shared with others: the user is unsubscribed and the task runs on', async (stage, context) => {
  const body = stoppable('a6.body', 'shared');
  await stage.serve(context, [body]);
  const [alice, bob, carol] = await joinedBy(stage, ['alice', 'bob', 'carol'], () =>
    body.with({ taskKey: 'a6' }).schedule(),
  );
  await until(alice, canBeStopped);
  assert.is((await alice.cancel()).action, 'unsubscribed');
  assert.is((await bob?.cancel())?.action, 'unsubscribed');
  const left = await stage.admin.open(alice);
  assert.is(left.status, 'in_progress');
  assert.equal(
    left.subscribers.map(({ user }) => user),
    ['carol'],
  );
  const document = await stage.document(alice.uuid, ({ subscriber_ids }) => subscriber_ids.length === 1);
  assert.equal(document.subscriber_ids, ['carol']);
  assert.is((await carol?.cancel())?.action, 'aborted', 'the last one stops it');
  await left.wait({ timeout: '30s' });
  assert.is(left.status, 'aborted');
});

test('A7 the last subscriber may leave what cannot be stopped; it runs on with none', async (stage, context) => {
  const hold = gate();
  const body = deaf('a7.body', hold.passed, 'shared');
  await stage.serve(context, [body]);
  const [alice, bob] = await joinedBy(stage, ['alice', 'bob'], () => body.with({ taskKey: 'a7' }).schedule());
  await until(alice, isRunning);
  assert.is((await alice.cancel()).action, 'unsubscribed');
  assert.is((await bob?.cancel())?.action, 'unsubscribed');
  const left = await stage.admin.open(alice);
  assert.equal([left.status, left.subscribers], ['in_progress', []]);
  hold.open();
  await left.wait({ timeout: '30s' });
  assert.is(left.status, 'success');
});

test('A8 an admin with force aborts for everyone; force is for admins; without it others are asked for', async (stage, context) => {
  const body = stoppable('a8.body', 'shared');
  await stage.serve(context, [body]);
  const [alice] = await joinedBy(stage, ['alice', 'bob'], () => body.with({ taskKey: 'a8' }).schedule());
  await until(alice, canBeStopped);
  const forbidden = await thrownBy(() => alice.cancel({ force: true }));
  assert.instance(forbidden, PermissionDeniedError);
  assert.is(forbidden.code, 'PERMISSION_DENIED');
  const theirs = await stage.admin.open(alice);
  const required = await thrownBy(() => theirs.cancel());
  assert.instance(required, PermissionDeniedError);
  assert.is(required.code, 'FORCE_REQUIRED');
  await theirs.refresh();
  assert.equal([theirs.status, theirs.subscribers.length], ['in_progress', 2], 'nothing happened yet');
  assert.is((await theirs.cancel({ force: true })).action, 'aborted');
  await alice.wait({ timeout: '30s' });
  assert.equal([alice.status, alice.record.abort?.by], ['aborted', 'user:root']);
  // One who waits for it himself is a subscriber like any other.
  const [adminsOwn] = [await stage.admin.within(() => waitsShared.with({ taskKey: 'a8' }).schedule())];
  await stage.as('bob').within(() => waitsShared.with({ taskKey: 'a8' }).schedule());
  assert.is((await adminsOwn.cancel()).action, 'unsubscribed');
  const single = await stage.as('alice').within(() => waitsShared.with({ taskKey: 'a8 single' }).schedule());
  assert.is((await (await stage.admin.open(single)).cancel()).action, 'aborted', 'one subscriber: no force needed');
});

test('A9 a system task is cancelled by admins only, to others it is not there', async (stage) => {
  const handle = await stage.admin.within(() => waitsSystem.schedule());
  assert.instance(await thrownBy(() => stage.as('alice').open(handle)), TaskNotFoundError);
  const demoted = await thrownBy(() => stage.as('root').open(handle));
  assert.instance(demoted, TaskNotFoundError, 'not by name, by right');
  const other: Baton = stage.baton.as({ id: 'other admin', admin: true });
  assert.is((await (await other.open(handle)).cancel()).action, 'aborted');
});

test('A10 what is not to be seen, unknown or malformed is answered alike, also with force', async (stage) => {
  const secret = await stage.as('alice').within(() => waitsPrivate.schedule());
  const { address, uuid } = secret;
  const bob = stage.as('bob');
  const [leaver] = await joinedBy(stage, ['bob', 'alice'], () => waitsShared.with({ taskKey: 'a10' }).schedule());
  await leaver.cancel();
  const unknownId = '01890000-0000-7000-8000-000000000000';
  const answers = [
    await thrownBy(() => bob.open(secret)),
    await thrownBy(() => bob.open({ address, uuid: unknownId })),
    await thrownBy(() => bob.open({ address, uuid: 'no id' })),
    await thrownBy(() => bob.open({ address: 'no address', uuid })),
    await thrownBy(() => bob.open({ address: `00.a=waits.${'0'.repeat(32)}`, uuid })),
    await thrownBy(() => stage.admin.open({ address, uuid: unknownId })),
    await thrownBy(() => leaver.cancel()),
    await thrownBy(() => leaver.cancel({ force: true })),
    await thrownBy(() => leaver.refresh()),
  ];
  for (const answer of answers) {
    assert.instance(answer, TaskNotFoundError);
    assert.equal([answer.code, answer.message], ['TASK_NOT_FOUND', answers[0]?.message]);
  }
  assert.is((await secret.refresh()).status, 'pending', 'nothing happened to it');
});

test('A11 the proof: asked, delivered, observed, stopped, by whom and when, in the record and in MongoDB', async (stage, context) => {
  const body = stoppable('a11.body');
  await stage.serve(context, [body]);
  const handle = await stage.as('alice').within(() => body.schedule());
  await until(handle, canBeStopped);
  const before = Date.now();
  await handle.cancel();
  await handle.wait({ timeout: '30s' });
  const {
    by,
    at,
    deliveredAt = 0,
    observedAt = 0,
    stoppedAt = 0,
    cause,
  } = handle.record.abort ?? { by: '', at: 0, cause: '' };
  assert.equal([cause, by], ['cancel', 'user:alice']);
  // Theirs are of the server's clock, as each process reckons it: it may be some milliseconds beside ours.
  const times = [before - CLOCKS_MS, at, deliveredAt, observedAt, stoppedAt, Date.now() + CLOCKS_MS];
  assert.ok(
    times.every((time, i) => time >= (times[i - 1] ?? 0)),
    times.join(' '),
  );
  const { abort } = await stage.document(handle.uuid, ({ terminal }) => terminal);
  assert.equal(abort, {
    cause: 'cancel',
    requested_by: 'user:alice',
    requested_at: new Date(at),
    delivered_at: new Date(deliveredAt),
    observed_at: new Date(observedAt),
    stopped_at: new Date(stoppedAt),
    forced: false,
  });
});

test(
  'A12 a cancel whose answer is lost says that it is unknown, and the record tells what came of it',
  async (stage, context) => {
    const link = await openCuttableLink(stage.natsUrl);
    context.defer(() => link.close());
    const own = await stage.client(context, { servers: `nats://${link.address}`, user: { id: 'alice' } });
    const handle = await own.within(() => waitsPrivate.schedule());
    const answer = thrownBy(async () => {
      link.mute();
      await handle.cancel();
    });
    const failure = await answer;
    assert.ok(['OUTCOME_UNKNOWN', 'NOT_CONNECTED', 'STORE_TIMEOUT'].includes(failure.code ?? ''), failure.code);
    link.mend();
    const mine = await stage.as('alice').open(handle);
    // What is reported as not done does not take effect later; unknown may be either.
    if (failure.code !== 'OUTCOME_UNKNOWN') assert.is(mine.status, 'pending');
    else assert.ok(['pending', 'aborted'].includes(mine.status));
  },
  { limitMs: 30_000 },
);

test('A12 many cancels of one task at once: each gets its one answer', async (stage, context) => {
  const body = stoppable('a12.body', 'shared');
  await stage.serve(context, [body]);
  const users = Array.from({ length: 20 }, (_, i) => `user ${i}`);
  const handles = await joinedBy(stage, users, () => body.with({ taskKey: 'a12' }).schedule());
  const watcher = await stage.admin.open(handles[0]);
  await until(watcher, canBeStopped);
  const answers = await Promise.all(
    handles.flatMap((handle) =>
      [0, 1].map(() =>
        handle.cancel().then(
          ({ action }) => action,
          (error: { code?: string }) => error.code,
        ),
      ),
    ),
  );
  await watcher.wait({ timeout: '30s' });
  assert.is(watcher.status, 'aborted');
  const count = (what: string): number => answers.filter((answer) => answer === what).length;
  // One stopped it; the others left; a second cancel of who has left finds nothing, one of who stays finds it aborting.
  assert.is(count('unsubscribed'), users.length - 1, answers.join(' '));
  assert.ok(count('aborted') >= 1 && count('aborted') <= 2, answers.join(' '));
  assert.is(
    count('aborted') + count('unsubscribed') + count('TASK_NOT_FOUND') + count('TASK_ABORT_FAILED'),
    answers.length,
  );
});

test.run();
