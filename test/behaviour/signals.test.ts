// limit: 240s
// G4 and G5 over real processes: tasks that wait while their worker and the supervisor that watches them are killed.
import { readFileSync } from 'node:fs';
import { connect, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { ALICE, ask, namesFor } from '../support/command-client.ts';
import { eventually } from '../support/eventually.ts';
import { approval, double } from '../support/fixture-tasks.ts';
import { stagedSuite, thrownBy, until, type Stage } from '../support/stage.ts';

const test = stagedSuite('signals', { supervisors: 2, workers: 2, env: { BATON_CONCURRENCY: '2' } });

let count = 0;

const approvals = ({ baton }: Stage, tasks: number, signals = 1, timeout?: string): Promise<readonly TaskHandle[]> =>
  baton.within(() =>
    Promise.all(
      Array.from({ length: tasks }, () =>
        approval.with({ taskKey: `g4 ${++count}` }).schedule(signals, ...(timeout === undefined ? [] : [timeout])),
      ),
    ),
  );

const suspended = (handle: TaskHandle): Promise<TaskHandle> =>
  until(handle, ({ record }) => record.waiting !== undefined, 15_000);

type Told = { readonly data: readonly unknown[]; readonly attempt: number; readonly pid: number };

test(
  'G4 more wait than there are slots, and others run meanwhile; each goes on when its signal is there',
  async (stage) => {
    const jobs = await approvals(stage, 12);
    for (const job of jobs) await suspended(job);
    const other = await stage.baton.within(() => double.schedule(2));
    await other.wait({ timeout: '30s' });
    await Promise.all(jobs.map((job, i) => job.signal('approved', i)));
    await Promise.all(jobs.map((job) => job.wait({ timeout: '60s' })));
    for (const [i, job] of jobs.entries()) {
      const { data, attempt } = job.result as Told;
      assert.equal([data, attempt, job.attempt], [[i], 1, 1]);
    }
    const lines = readFileSync(stage.effectsPath, 'utf8').split('\n');
    const starts = ({ uuid }: TaskHandle) => lines.filter((line) => line.includes('"start"') && line.includes(uuid));
    for (const job of jobs) assert.is(starts(job).length, 2, 'run twice, from its start');
    const history = jobs[0]?.record.history ?? [];
    assert.equal(
      history.map(({ status }) => status),
      ['pending', 'in_progress', 'pending', 'in_progress', 'success'],
    );
    const document = await stage.document(jobs[0]?.uuid ?? '', ({ terminal }) => terminal);
    assert.equal(
      [document.waiting_for, document.signals?.length, document.signals?.[0]?.sent_by],
      [null, 1, 'user:alice'],
    );
  },
  { limitMs: 60_000 },
);

test(
  'G4, G5 kill -9 of its worker and of every supervisor while it waits: it goes on elsewhere, by a signal or by its time',
  async (stage) => {
    const [first, second] = stage.workers;
    const told = await approvals(stage, 3, 2);
    const timed = await approvals(stage, 1, 1, '9s');
    for (const job of [...told, ...timed]) await suspended(job);
    // Sent while nobody is there to hear of it.
    for (const each of [...stage.supervisors, first]) await each?.kill();
    await Promise.all(told.map((job) => job.signal('approved', 'one', { operationId: `${job.uuid} one` })));
    await Promise.all(told.map((job) => job.signal('approved', 'one', { operationId: `${job.uuid} one` })));
    for (const each of stage.supervisors) await each.start();
    for (const job of told) {
      await until(job, ({ record }) => record.waiting !== undefined && record.signals?.length === 1, 20_000);
    }
    await first?.start();
    await second?.kill();
    await Promise.all(told.map((job) => job.signal('approved', 'two')));
    await Promise.all([...told, ...timed].map((job) => job.wait({ timeout: '25s' })));
    for (const job of told) {
      assert.equal((job.result as Told).data, ['one', 'two']);
      assert.is(job.attempt, 1 + (job.record.rescues ?? 0));
    }
    const [late] = timed;
    assert.equal([late?.status, late?.error?.type], ['failure', 'SignalTimeoutError']);
    await second?.start();
  },
  { limitMs: 90_000 },
);

test(
  'G4 kill -9 of a worker at any moment around the wait: every task comes to its end, with each signal once',
  async (stage) => {
    const [worker] = stage.workers;
    const jobs = await approvals(stage, 8, 2);
    for (const round of [1, 2]) {
      await Promise.all(jobs.map((job) => job.signal('approved', round, { operationId: `${job.uuid} ${round}` })));
      await worker?.kill();
      await worker?.start();
    }
    await Promise.all(jobs.map((job) => job.wait({ timeout: '40s' })));
    for (const job of jobs) {
      assert.equal((job.result as Told).data, [1, 2]);
      assert.is(job.record.signals?.length, 2);
    }
  },
  { limitMs: 90_000 },
);

test('G4, A1 a cancel of what waits ends it at once, with no worker there', async (stage) => {
  const [job] = (await approvals(stage, 1)) as [TaskHandle];
  await suspended(job);
  for (const each of stage.workers) await each.kill();
  assert.equal(await job.cancel(), { action: 'aborted' });
  await job.refresh();
  assert.equal([job.status, job.record.waiting, job.record.runAt], ['aborted', undefined, undefined]);
  for (const each of stage.workers) await each.start();
});

test('G5 by a command in any language, and by a publisher; scoped as a cancel, and never twice', async (stage, context) => {
  const names = namesFor(stage);
  const [job] = (await approvals(stage, 2)) as [TaskHandle];
  await suspended(job);
  const to = { id: job.uuid, name: 'approved', user: ALICE };
  const send = (body: object) => ask(stage, names.signalCommandSubject, body);
  assert.is((await send({ ...to, user: { id: 'mallory' } })).code, 'TASK_NOT_FOUND');
  assert.is((await send({ ...to, user: undefined })).code, 'TASK_NOT_FOUND');
  for (const wrong of [{ name: 'two words' }, { name: undefined }, { colour: 'red' }, { operation_id: '' }]) {
    assert.is((await send({ ...to, ...wrong })).code, 'INVALID_ARGUMENT', JSON.stringify(wrong));
  }
  assert.is((await send({ ...to, data: 'x'.repeat(70_000) })).code, 'PAYLOAD_TOO_LARGE');
  const sent = await send({ ...to, data: { by: 'eve' }, operation_id: 'once' });
  assert.equal([sent.ok, sent.outcome], [true, 'delivered']);
  await job.wait({ timeout: '45s' });
  assert.equal((job.result as Told).data, [{ by: 'eve' }]);
  const again = await send({ ...to, operation_id: 'once', address: job.address });
  assert.is(again.outcome, 'delivered', 'told what became of it, also after the end');
  assert.is((await send({ ...to, address: job.address })).code, 'TASK_ENDED');

  const publisher = await connect({
    ...{ servers: stage.natsUrl, namespace: stage.namespace, user: { id: 'alice' }, role: 'publisher' as const },
  });
  context.defer(() => publisher.close());
  const [next] = (await approvals(stage, 1)) as [TaskHandle];
  const open = await publisher.open(next);
  assert.is((await thrownBy(() => open.signal('no name'))).code, 'INVALID_ARGUMENT');
  const { outcome } = await open.signal('approved', [1, 2], { operationId: 'by publisher' });
  assert.ok(outcome === 'delivered' || outcome === 'kept');
  await stage.baton.signal(next, 'approved', 'the same', { operationId: 'by publisher' });
  await next.wait({ timeout: '45s' });
  assert.equal((next.result as Told).data, [[1, 2]]);
  await eventually(async () => {
    const { signals } = await stage.document(next.uuid, ({ terminal }) => terminal);
    assert.is(signals?.length, 1);
  });
});

test.run();
