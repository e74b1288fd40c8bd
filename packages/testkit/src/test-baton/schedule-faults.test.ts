import { encodeSchedule, scheduleAddressOf } from '@baton/protocols';
import { createBaton, getContext, task, type ScheduleInfo } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { createTestBaton, type TestBaton } from './test-baton.ts';

const test = suite('test kit: schedules where something goes wrong');

const skipped = ({ history }: ScheduleInfo) =>
  history.flatMap((entry) => (entry.kind === 'skipped' ? [entry.why.split(':')[0]] : []));

const get = (t: TestBaton): Promise<ScheduleInfo> => t.run(() => t.baton.schedules.get('s'));

/** As a supervisor that died so long ago has left it. */
const turnBack = async (t: TestBaton, ms: number): Promise<void> => {
  const { store } = t.world.ports('operator').schedules;
  const address = scheduleAddressOf('s');
  const { record } = await get(t);
  await t.run(async () => {
    const entry = await store.load(address);
    const { createdAt, anchor, cursor } = record;
    const left = { ...record, createdAt: createdAt - ms, anchor: anchor - ms, cursor: cursor - ms };
    assert.is((await store.write(address, encodeSchedule(left), entry?.revision ?? 0)).kind, 'written');
  });
};

test('H3 cancel_other: a fire whose answer was lost does not stop its own task', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  let aborted = 0;
  const slow = task({ name: 'slow' }, async () => {
    const { signal } = getContext();
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    aborted++;
  });
  await t.startWorker({ tasks: [slow] });
  await t.run(() => t.baton.schedule('s', { every: '1d', overlap: 'cancel_other', task: slow }));
  // The task is made, and that cannot be stored: the fire is begun again.
  t.world.inject({ op: 'schedule.write', fault: 'refused', node: 'supervisor', times: 1 });
  await t.run(() => t.baton.schedules.trigger('s', { id: 'a' }));
  await t.advance('20s');
  const info = await get(t);
  assert.equal([aborted, info.started, info.waiting], [0, 1, 0]);
});

test('H2 a fire that was skipped and is asked for again holds up no other', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  let ran = 0;
  const slow = task({ name: 'slow' }, async () => {
    ran++;
    await t.sleep('10s');
  });
  await t.startWorker({ tasks: [slow] });
  const trigger = (id: string) => t.run(() => t.baton.schedules.trigger('s', { id }));
  await t.run(() => t.baton.schedule('s', { every: '1d', task: slow }));
  await trigger('a');
  await t.advance('1s');
  await trigger('b');
  await t.advance('15s');
  await trigger('c');
  await t.advance('15s');
  await trigger('b');
  await t.advance('1s');
  await trigger('d');
  await t.advance('30s');
  const info = await get(t);
  assert.equal([ran, info.started, info.waiting], [3, 3, 0]);
  assert.equal(skipped(info), ['overlap', 'nobody can tell any more whether it was started']);
});

test('H3 times that run beside each other do not wait for a backfill that goes one by one', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  const slow = task({ name: 'slow' }, () => t.sleep('1h'));
  await t.startWorker({ tasks: [slow] });
  await t.run(() => t.baton.schedule('s', { every: '1m', overlap: 'allow', task: slow }));
  const now = t.now().getTime();
  const range = { from: new Date(now + 86_400_000), to: new Date(now + 86_400_000 + 300_000) };
  await t.run(() => t.baton.schedules.backfill('s', range));
  await t.advance('310s');
  const info = await get(t);
  assert.equal([info.started, info.waiting], [6, 4]);
});

test('H4, H6 jitter makes no fire one that was missed', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  await t.startWorker({ tasks: [task({ name: 'job' }, () => 1)] });
  await t.run(() =>
    t.baton.schedule('s', { every: '2m', catchUp: 'none', jitter: '100s', overlap: 'allow', task: 'job' }),
  );
  await t.advance('700s');
  const info = await get(t);
  assert.equal([info.started, info.skipped], [5, 0]);
});

test('H4 of many thousand times that were missed the last is made up for, and no other', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  await t.startWorker({ tasks: [task({ name: 'job' }, () => 1)] });
  await t.run(() => t.baton.schedule('s', { every: '10s', overlap: 'allow', task: 'job' }));
  await turnBack(t, 10 * 3_600_000 + 5_000);
  await t.advance('1s');
  const info = await get(t);
  assert.equal([info.started, info.skipped], [4, 3_596], 'the last of those, and what is not late');
});

test('H4 another argument loses no time that has come and waits for its jitter', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  await t.startWorker({ tasks: [task({ name: 'job' }, () => 1)] });
  const options = { every: '1m', jitter: '54s', overlap: 'allow', task: 'job' } as const;
  await t.run(() => t.baton.schedule('s', { ...options, args: [0] }));
  await t.advance('1m');
  for (let i = 1; i < 10; i++) {
    await t.advance('6s');
    await t.run(() => t.baton.schedule('s', { ...options, args: [i] }));
  }
  await t.advance('5s');
  const info = await get(t);
  assert.equal([info.started, info.skipped], [1, 0]);
});

test('H1 workers without a user say schedules of shared tasks, each that starts', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  const job = task({ name: 'job', scope: 'shared', schedule: { every: '1m' } }, () => 1);
  for (const name of ['one', 'two']) {
    const baton = createBaton({ ports: t.world.ports(name) });
    await t.run(() => baton.startWorker({ tasks: [job], handleStrayErrors: false }));
    defer(() => t.run(() => baton.close()));
  }
  await t.advance('70s');
  const service = createBaton({ ports: t.world.ports('three') });
  const info = await t.run(() => service.schedules.get('job'));
  assert.equal([info.started, info.history.map(({ kind }) => kind)], [1, ['set', 'started']]);
  const error = await t.run(() => t.baton.schedules.get('job').catch((thrown: { code?: string }) => thrown));
  assert.is((error as { code?: string }).code, 'SCHEDULE_NOT_FOUND', 'who has a user is no service');
});

test('H6 a backfill by a policy that is none is refused, and harms nothing', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  await t.run(() => t.baton.schedule('s', { every: '10m', task: 'job' }));
  const now = t.now().getTime();
  const range = { from: new Date(now), to: new Date(now + 1_200_000), overlap: 'maybe' as 'skip' };
  const error = await t.run(() =>
    t.baton.schedules.backfill('s', range).then(
      () => undefined,
      (thrown: { code?: string }) => thrown,
    ),
  );
  assert.is(error?.code, 'INVALID_ARGUMENT');
  await get(t);
});

test('S1 tasks of a system type are made for admins alone, however they are scheduled', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  let ran = 0;
  const sys = task({ name: 'sys', scope: 'system' }, () => void ran++);
  // Nobody has served it yet: that it is a system type is found out when it fires.
  await t.run(() => t.baton.schedule('s', { every: '1m', task: 'sys' }));
  await t.startWorker({ tasks: [sys] });
  const said = { every: '1m', scope: 'system', task: 'sys' } as const;
  for (const options of [said, { every: '1m', task: 'sys' } as const]) {
    const error = await t.run(() => t.baton.schedule('t', options).catch((thrown: { code?: string }) => thrown));
    assert.is((error as { code?: string }).code, 'PERMISSION_DENIED');
  }
  await t.advance('61s');
  const info = await get(t);
  assert.equal([ran, info.started, info.skipped, skipped(info)], [0, 0, 1, ['only an admin may submit a system task']]);
  const root = { user: { id: 'root', admin: true } };
  await t.run(() => t.baton.as(root.user).schedule('r', said));
  await t.advance('61s');
  assert.is(ran, 1);
});

test('H6 times that waited for their jitter when it was paused are counted when it is resumed', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  await t.startWorker({ tasks: [task({ name: 'job' }, () => 1)] });
  await t.run(() => t.baton.schedule('s', { every: '1m', jitter: '54s', overlap: 'allow', task: 'job' }));
  await t.advance('61s');
  assert.is((await get(t)).started, 0, 'its jitter is longer');
  await t.run(() => t.baton.schedules.pause('s'));
  await t.advance('1m');
  await t.run(() => t.baton.schedules.resume('s'));
  const info = await get(t);
  assert.equal([info.started, info.skipped], [0, 2]);
});

test('H1 a task has the group, the queue and the limits its schedule says', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  const options = { every: '1d', task: 'job', group: 'acme', units: 3, queue: 'slow', expires: '1h' } as const;
  const made = await t.run(() => t.baton.schedule('s', { ...options, timeout: '5m', retry: { maxAttempts: 2 } }));
  const { group, units, policy } = made.record.spec.task;
  assert.equal([group, units, policy], ['acme', 3, { timeoutMs: 300_000, maxAttempts: 2 }]);
  await t.run(() => t.baton.schedules.trigger('s'));
  await t.advance('5s');
  const [fire] = (await get(t)).history.flatMap((entry) => (entry.kind === 'started' ? [entry] : []));
  const { record } = await t.run(() => t.baton.open({ uuid: fire!.task, address: fire!.address }));
  assert.equal([record.group, record.units, record.queue, record.name], ['acme', 3, 'slow', 's']);
  assert.equal([record.policy.timeoutMs, record.policy.maxAttempts], [300_000, 2]);
  assert.is(record.expiresAt! - record.createdAt, 3_600_000);
});

test('H2 what one that is removed had begun is nothing to another of its name', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  let ran = 0;
  await t.startWorker({ tasks: [task({ name: 'job' }, () => void ran++)] });
  for (let i = 1; i <= 2; i++) {
    await t.run(() => t.baton.schedule('s', { every: '1d', task: 'job' }));
    await t.run(() => t.baton.schedules.trigger('s', { id: 'same' }));
    await t.advance('5s');
    assert.equal([ran, (await get(t)).started], [i, 1]);
    await t.run(() => t.baton.schedules.remove('s'));
  }
  await t.run(() => t.baton.schedule('s', { every: '1m', task: 'job' }));
  await t.run(() => t.baton.schedules.remove('s'));
  await t.advance('2m');
  assert.is(ran, 2, 'one that was removed fires no more');
});

test('H2 what somebody else may have begun more than a day ago is begun by nobody again', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  let ran = 0;
  await t.startWorker({ tasks: [task({ name: 'job' }, () => void ran++)] });
  await t.run(() => t.baton.schedule('s', { every: '1d', task: 'job' }));
  const { store } = t.world.ports('operator').schedules;
  const address = scheduleAddressOf('s');
  const { record } = await get(t);
  const decidedAt = t.now().getTime() - 86_400_000;
  const fire = { kind: 'trigger', at: decidedAt, decidedAt, by: 'user:alice', overlap: 'skip' } as const;
  await t.run(async () => {
    const entry = await store.load(address);
    const left = { ...record, waiting: [{ id: 'trigger:old', ...fire }] };
    assert.is((await store.write(address, encodeSchedule(left), entry?.revision ?? 0)).kind, 'written');
  });
  await t.advance('5s');
  const info = await get(t);
  assert.equal([ran, info.waiting], [0, 0]);
  assert.equal(skipped(info), ['nobody can tell any more whether it was started']);
});

test('H2 one that was removed while its supervisor heard of nothing fires no more', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  let ran = 0;
  const slow = task({ name: 'slow' }, async () => {
    ran++;
    await t.sleep('30s');
  });
  await t.startWorker({ tasks: [slow] });
  await t.run(() => t.baton.schedule('s', { every: '1d', overlap: 'buffer_all', task: slow }));
  for (const id of ['a', 'b']) await t.run(() => t.baton.schedules.trigger('s', { id }));
  await t.advance('5s');
  assert.equal([ran, (await get(t)).waiting], [1, 1]);
  const supervisor = t.world.node('supervisor');
  supervisor.disconnect();
  await t.run(() => t.baton.schedules.remove('s'));
  await t.advance('2m');
  supervisor.reconnect();
  await t.advance('2m');
  assert.is(ran, 1);
});

test.run();
