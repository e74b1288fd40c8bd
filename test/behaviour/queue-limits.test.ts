// limit: 300s
// Q5 to Q8: what is set for queues, over three workers and two supervisors that are killed.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { TaskRecord } from '@baton/core';
import { namesOf } from '@baton/protocols';
import { task, type TaskHandle } from '@baton/sdk';
import { connect } from '@nats-io/transport-node';
import * as assert from 'uvu/assert';
import { firstAbove, mostAtOnce, startsOf } from '../support/counted-runs.ts';
import { eventually } from '../support/eventually.ts';
import { approval, double, flaky, joined } from '../support/fixture-tasks.ts';
import { stagedSuite, thrownBy, until, type Stage } from '../support/stage.ts';
import { natsWork, WorkClient, type WorkTask } from '../support/work-client.ts';

const QUEUES = ['default', 'paused', 'limited', 'kills', 'grouped', 'keyed', 'rated', 'full'];

const test = stagedSuite('queue limits', {
  supervisors: 2,
  workers: 3,
  projectors: 0,
  env: { BATON_QUEUES: QUEUES.join(','), BATON_CONCURRENCY: '8' },
});

let count = 0;

/** Tasks that take so long, milliseconds. */
const sleepers = (
  { baton }: Stage,
  queue: string,
  times: readonly number[],
  options: (i: number) => { readonly group?: string; readonly taskKey?: string; readonly units?: number } = () => ({}),
): Promise<readonly TaskHandle[]> =>
  baton.within(() =>
    Promise.all(
      times.map((ms, i) => joined.with({ queue, taskKey: `${queue} ${++count}`, ...options(i) }).schedule(ms)),
    ),
  );

const ends = (handles: readonly TaskHandle[], seconds = 60): Promise<unknown> =>
  Promise.all(handles.map((handle) => handle.wait({ timeout: seconds })));

/** A task of another queue has run from its submit to its end: whatever could start meanwhile has. */
const othersRun = async ({ baton }: Stage): Promise<void> => {
  for (let i = 0; i < 3; i++) await (await baton.within(() => double.schedule(i))).wait({ timeout: '90s' });
};

const pending = async (handles: readonly TaskHandle[]): Promise<void> => {
  for (const handle of handles) {
    await handle.refresh();
    assert.is(handle.status, 'pending');
  }
};

const settled = async (stage: Stage): Promise<void> => {
  await stage.ports.wire.nc.flush();
};

test('Q8 only an admin sets something, and what cannot be meant is refused', async (stage) => {
  const { queues } = stage.as('bob');
  assert.is((await thrownBy(() => queues.pause('paused'))).code, 'PERMISSION_DENIED');
  const { admin } = stage;
  for (const wrong of [
    () => admin.queues.pause('no name'),
    () => admin.queues.pause('paused', { type: 'a', group: 'b' }),
    () => admin.queues.pause('paused', { typ: 'a' } as never),
    () => admin.queues.limit('paused', { of: 'queue', concurrency: 0 }),
    () => admin.queues.limit('paused', { of: 'queue', name: 'x', concurrency: 1 }),
    () => admin.queues.limit('paused', { of: 'type', concurrency: 1, whenFull: 'cancel_newest' }),
    () => admin.queues.limit('paused', { of: 'type', rate: { units: 1, window: '2d' } }),
    () => admin.queues.weigh('paused', 'a', 0),
  ])
    assert.is((await thrownBy(wrong)).code, 'INVALID_ARGUMENT');
  assert.equal((await admin.queues.get('paused')).pauses, []);
});

test(
  'Q8 pause of a queue, a type, a group: what runs goes on, nothing starts, also after a restart; resume starts it',
  async (stage) => {
    const { admin } = stage;
    const [runs] = await sleepers(stage, 'paused', [3_000]);
    await until(runs as TaskHandle, ({ status }) => status === 'in_progress');
    await admin.queues.pause('paused', { why: 'the warehouse is moved' });
    const queued = await sleepers(stage, 'paused', [1, 1, 1]);
    await othersRun(stage);
    await pending(queued);
    for (const each of stage.supervisors) await each.kill();
    for (const each of stage.supervisors) await each.start();
    await othersRun(stage);
    await pending(queued);
    await (runs as TaskHandle).wait({ timeout: '60s' });
    assert.is((runs as TaskHandle).status, 'success');
    const { pauses, changes } = await admin.queues.get('paused');
    assert.equal(
      pauses.map(({ by, why }) => ({ by, why })),
      [{ by: 'user:root', why: 'the warehouse is moved' }],
    );
    assert.is(changes.at(-1)?.what, 'pause queue');
    await admin.queues.pause('paused', { group: 'a' });
    await admin.queues.pause('paused', { type: 'fx.double' });
    await admin.queues.resume('paused');
    await ends(queued);
    const ofGroup = await sleepers(stage, 'paused', [1, 1], () => ({ group: 'a' }));
    const ofOther = await sleepers(stage, 'paused', [1, 1], () => ({ group: 'b' }));
    const ofType = await stage.baton.within(() => double.with({ queue: 'paused' }).schedule(1));
    await ends(ofOther);
    await othersRun(stage);
    await pending([...ofGroup, ofType]);
    await admin.queues.resume('paused', { group: 'a' });
    await ends(ofGroup);
    await pending([ofType]);
    await admin.queues.resume('paused', { type: 'fx.double' });
    await ends([ofType]);
  },
  { limitMs: 60_000 },
);

test(
  'Q5 concurrency of a queue, a type, a group is never exceeded, and is used',
  async (stage) => {
    const { admin } = stage;
    await admin.queues.limit('limited', { of: 'queue', concurrency: 6 });
    await admin.queues.limit('limited', { of: 'type', name: 'fx.joined', concurrency: 5 });
    await admin.queues.limit('limited', { of: 'group', concurrency: 2 });
    await admin.queues.limit('limited', { of: 'group', name: 'g0', concurrency: 1 });
    const began = performance.now();
    const handles = await sleepers(
      stage,
      'limited',
      Array.from({ length: 80 }, (_, i) => 20 + (i % 7) * 10),
      (i) => ({ group: `g${i % 4}` }),
    );
    const others = await stage.baton.within(() =>
      Promise.all(Array.from({ length: 30 }, (_, i) => double.with({ queue: 'limited' }).schedule(i))),
    );
    await ends([...handles, ...others]);
    console.log(`110 limited tasks took ${Math.round(performance.now() - began)} ms`);
    await settled(stage);
    const inQueue = mostAtOnce(stage.heard, ({ queue }) => (queue === 'limited' ? queue : undefined));
    assert.ok((inQueue.get('limited') ?? 0) <= 6 && (inQueue.get('limited') ?? 0) >= 4, `${inQueue.get('limited')}`);
    const ofType = mostAtOnce(stage.heard, ({ queue, type }) => (queue === 'limited' ? type : undefined));
    assert.ok((ofType.get('fx.joined') ?? 0) <= 5, `${ofType.get('fx.joined')}`);
    const ofGroup = mostAtOnce(stage.heard, ({ queue, group }) => (queue === 'limited' ? group : undefined));
    for (const [group, most] of ofGroup) assert.ok(most <= (group === 'g0' ? 1 : 2), `${group}: ${most}`);
  },
  { limitMs: 60_000 },
);

test(
  'Q7 one task of a group waits for no more than one task a slot of another group that has many; weights give more turns',
  async (stage, context) => {
    const { admin } = stage;
    const queues = ['turns'];
    const starts: string[] = [];
    const nap = task({ name: 'turns.nap', queue: 'turns' }, async (group: string) => {
      starts.push(group);
      await pause(20);
    });
    await admin.queues.limit('turns', { of: 'queue', concurrency: 2 });
    await admin.queues.weigh('turns', 'heavy', 3);
    await admin.queues.pause('turns');
    // One worker, so that tasks begin in the order in which they were offered, however slow the machine is.
    await stage.serve(context, [nap], { queues });
    const submit = (group: string, many: number) =>
      stage.baton.within(() =>
        Promise.all(Array.from({ length: many }, () => nap.with({ group, taskKey: randomUUID() }).schedule(group))),
      );
    const first = await submit('flood', 1);
    // Recorded is not yet heard of: neither the pause nor the tasks by the queue, which lets nobody wait for what it does not know.
    const waits = async (handle: TaskHandle): Promise<void> => {
      await eventually(async () =>
        assert.equal(
          (await handle.why()).reasons.map(({ kind }) => kind),
          ['paused'],
        ),
      );
    };
    await waits(first[0] as TaskHandle);
    const handles = [...(await submit('flood', 59)), ...(await submit('single', 1)), ...(await submit('heavy', 12))];
    await Promise.all(handles.map(waits));
    assert.equal(starts, []);
    await admin.queues.resume('turns');
    await ends([...first, ...handles]);
    const before = (end: number, group: string) => starts.slice(0, end).filter((each) => each === group).length;
    const single = starts.indexOf('single');
    assert.ok(before(single, 'flood') <= 2 && before(single, 'heavy') <= 6, starts.slice(0, single + 1).join(' '));
    const ofFlood = before(starts.lastIndexOf('heavy'), 'flood');
    assert.ok(ofFlood <= 6, `${ofFlood} of the others before the last of three to one`);
  },
  { limitMs: 60_000 },
);

test(
  'Q6 no more units start in any window, also when the owner of the queue is killed in one, and a full group holds up no other',
  async (stage) => {
    const { admin, supervisors } = stage;
    const windowMs = 1_000;
    await admin.queues.limit('rated', { of: 'group', rate: { units: 4, window: windowMs / 1_000 } });
    const many = await sleepers(
      stage,
      'rated',
      Array.from({ length: 12 }, () => 1),
      (i) => ({ group: 'many', ...(i % 3 === 0 ? { units: 2 } : {}) }),
    );
    const [other] = await sleepers(stage, 'rated', [1], () => ({ group: 'other' }));
    await other?.wait({ timeout: '60s' });
    // One of them is the owner of the queue, and nobody knows what has started in its last window.
    for (const each of supervisors) {
      await each.kill();
      await each.start();
    }
    await ends(many);
    await settled(stage);
    const starts = startsOf(stage.heard).filter(({ record }) => record.queue === 'rated' && record.group === 'many');
    assert.is(starts.length, 12);
    for (const [i, first] of starts.entries()) {
      const units = starts
        .slice(i)
        .filter(({ at }) => at - first.at < windowMs)
        .reduce((sum, { record }) => sum + (record.units ?? 1), 0);
      const text = (): string => starts.map(({ at, record }) => `${at - first.at}:${record.units ?? 1}`).join(' ');
      assert.ok(units <= 4, `${units} units in one window: ${text()}`);
    }
    const otherAt = startsOf(stage.heard).find(({ record }) => record.id === other?.uuid)?.at ?? Number.NaN;
    assert.ok(otherAt < (starts.at(-1)?.at ?? 0), 'it did not wait for the others');
  },
  { limitMs: 60_000 },
);

test(
  'Q5 limits hold through twenty kills of supervisors and workers, with groups, keys, retries and waits, and heal by themselves',
  async (stage) => {
    const { admin } = stage;
    await admin.queues.limit('kills', { of: 'queue', concurrency: 5 });
    await admin.queues.limit('kills', { of: 'group', concurrency: 2 });
    await admin.queues.limit('kills', { of: 'key', concurrency: 1 });
    const group = (i: number) => ({ group: `g${i % 4}`, limitKey: `dock ${i % 11}` });
    const naps = await sleepers(
      stage,
      'kills',
      Array.from({ length: 70 }, (_, i) => 100 + (i % 5) * 100),
      group,
    );
    // Some fail the first time, and some wait for a signal, in nobody's slot, and go on.
    const others = await stage.baton.within(() =>
      Promise.all(
        Array.from({ length: 20 }, (_, i) => {
          const options = { queue: 'kills', taskKey: `kills other ${i}`, maxRescues: 1_000, ...group(i) };
          return i % 2 === 0
            ? flaky.with({ ...options, retry: { maxAttempts: 3, backoff: { initial: '100ms' } } }).schedule(1)
            : approval.with(options).schedule(1);
        }),
      ),
    );
    const handles: TaskHandle[] = [...naps, ...others];
    const approve = async (): Promise<void> => {
      for (const handle of others.filter((_, i) => i % 2 === 1)) await handle.signal('approved');
    };
    let left = handles.length;
    const all = Promise.all(handles.map(async (handle) => (await handle.wait({ timeout: '150s' }), left--)));
    const [w0, w1, w2] = stage.workers;
    for (const round of [0, 1, 2, 3]) {
      // So that some have run since the last one, and there is something to be counted wrong.
      const goal = Math.max(0, handles.length - 12 - 14 * (round + 1));
      await eventually(() => assert.ok(left <= Math.max(goal, 20), `${left} are left`), {
        limitMs: 40_000,
        everyMs: 20,
      });
      // One of the two is the owner of the queue, and both have their turns.
      const supervisor = stage.supervisors[round % 2];
      await supervisor?.kill();
      for (const worker of [w0, w1, w2, w0]) {
        await worker?.kill();
        await worker?.start();
      }
      await supervisor?.start();
      if (round === 2) await approve();
    }
    await all;
    await settled(stage);
    const ofQueue = ({ queue }: TaskRecord) => (queue === 'kills' ? queue : undefined);
    const inQueue = mostAtOnce(stage.heard, ofQueue).get('kills') ?? 0;
    assert.ok(inQueue >= 4, `${inQueue} at once`);
    assert.ok(inQueue <= 5, firstAbove(stage.heard, ofQueue, 'kills', 5));
    const most = (of: (record: TaskRecord) => string | undefined) =>
      Math.max(...mostAtOnce(stage.heard, (record) => (record.queue === 'kills' ? of(record) : undefined)).values());
    assert.is(
      most((record) => record.group),
      2,
    );
    assert.is(
      most((record) => record.limitKey),
      1,
    );
    assert.ok(others.every(({ status }) => status === 'success'));
    // No slot was lost on the way: as many run at once as may, as soon as it is known what became of all that was cut off.
    const ids = new Set<string>();
    const atOnce = (): number | undefined =>
      mostAtOnce(stage.heard, ({ id }) => (ids.has(id) ? 'again' : undefined)).get('again');
    for (let turn = 0; turn < 4 && atOnce() !== 5; turn++) {
      const again = await sleepers(stage, 'kills', [3_000, 3_000, 3_000, 3_000, 3_000], (i) => ({ group: `h${i}` }));
      for (const { uuid } of again) ids.add(uuid);
      await ends(again);
      await settled(stage);
    }
    assert.is(atOnce(), 5);
  },
  { limitMs: 170_000 },
);

test(
  'Q5 a worker in another language is held to a limit, too, and still is when all supervisors were killed',
  async (stage, { defer }) => {
    const { admin, natsUrl, namespace } = stage;
    await admin.queues.limit('remote', { of: 'queue', concurrency: 3 });
    const nc = await connect({ servers: natsUrl });
    defer(() => nc.close());
    const clientOf = (name: string) => new WorkClient(natsWork(nc, namesOf(namespace)), name);
    const [first, second] = [clientOf('first'), clientOf('second')];
    const type = 'fx.afar';
    const afar = task({ name: type }, () => undefined);
    const handles = await stage.baton.within(() =>
      Promise.all(Array.from({ length: 7 }, (_, i) => afar.with({ queue: 'remote', taskKey: `${i}` }).schedule())),
    );
    const held = new Map<WorkClient, WorkTask[]>([
      [first, []],
      [second, []],
    ]);
    const runningOf = (client: WorkClient): WorkTask[] => held.get(client) ?? [];
    // What is not listed for a lease is taken away: neither may lose what it has while the other is waited for.
    let open = true;
    const beats = [first, second].map(async (client) => {
      while (open) {
        const running = runningOf(client).map(({ address, fence }) => ({ address, fence }));
        await client.ask('beat', { running }, { timeoutMs: 1_000 });
        await pause(500);
      }
    });
    defer(async () => {
      open = false;
      await Promise.all(beats);
    });
    const claim = async (client: WorkClient): Promise<number> => {
      const request = randomUUID();
      const body = { request, queues: ['remote'], types: [type], max: 5, wait: 1 };
      const answer = await eventually(
        async () => {
          const given = await client.ask('claim', body, { timeoutMs: 3_000 });
          assert.is(given?.ok, true, JSON.stringify(given));
          return given;
        },
        { limitMs: 30_000 },
      );
      const tasks = answer?.tasks ?? [];
      runningOf(client).push(...tasks);
      return tasks.length;
    };
    const finish = async (client: WorkClient): Promise<void> => {
      const done = runningOf(client).shift();
      if (done === undefined) throw new Error('it runs nothing');
      const body = { request: randomUUID(), address: done.address, fence: done.fence, outcome: 'success' };
      await eventually(
        async () => assert.is((await client.ask('finish', body, { timeoutMs: 3_000 }))?.status, 'success'),
        { limitMs: 30_000 },
      );
    };
    const claimed = (client: WorkClient, most: number): Promise<void> =>
      eventually(
        async () => {
          await claim(client);
          assert.is(runningOf(client).length, most);
        },
        { limitMs: 40_000 },
      );
    await claimed(first, 3);
    assert.equal(await Promise.all([claim(first), claim(second)]), [0, 0], 'three run');
    await finish(first);
    await claimed(second, 1);
    for (const each of stage.supervisors) await each.kill();
    for (const each of stage.supervisors) await each.start();
    await finish(second);
    await claimed(second, 1);
    assert.is(runningOf(first).length, 2);
    while (runningOf(first).length > 0) await finish(first);
    await finish(second);
    await claimed(second, 2);
    while (runningOf(second).length > 0) await finish(second);
    await ends(handles);
    await settled(stage);
    assert.is(mostAtOnce(stage.heard, ({ queue }) => (queue === 'remote' ? queue : undefined)).get('remote'), 3);
  },
  { limitMs: 100_000 },
);

test.run();
