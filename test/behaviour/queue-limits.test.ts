// limit: 240s
// Q5 to Q8: what is set for queues, over three workers and two supervisors that are killed.
import type { TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { mostAtOnce, startsOf } from '../support/counted-runs.ts';
import { eventually } from '../support/eventually.ts';
import { double, joined } from '../support/fixture-tasks.ts';
import { stagedSuite, thrownBy, until, type Stage } from '../support/stage.ts';

const QUEUES = ['default', 'paused', 'limited', 'kills', 'grouped', 'keyed', 'rated', 'turns', 'full'];

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
  for (let i = 0; i < 3; i++) await (await baton.within(() => double.schedule(i))).wait({ timeout: '30s' });
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
    () => admin.queues.limit('paused', { of: 'type', concurrency: 1, whenFull: 'wait' } as never),
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
    await (runs as TaskHandle).wait({ timeout: '20s' });
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
  'Q6 no more units start in any window, and one group that is full holds up no other',
  async (stage) => {
    const { admin } = stage;
    const windowMs = 1_000;
    await admin.queues.limit('rated', { of: 'group', rate: { units: 4, window: windowMs / 1_000 } });
    const many = await sleepers(
      stage,
      'rated',
      Array.from({ length: 12 }, () => 1),
      (i) => ({ group: 'many', ...(i % 3 === 0 ? { units: 2 } : {}) }),
    );
    const [other] = await sleepers(stage, 'rated', [1], () => ({ group: 'other' }));
    await other?.wait({ timeout: '20s' });
    await ends(many);
    await settled(stage);
    const starts = startsOf(stage.heard).filter(({ record }) => record.queue === 'rated' && record.group === 'many');
    assert.is(starts.length, 12);
    for (const [i, first] of starts.entries()) {
      const units = starts
        .slice(i)
        .filter(({ at }) => at - first.at < windowMs)
        .reduce((sum, { record }) => sum + (record.units ?? 1), 0);
      assert.ok(units <= 4, `${units} units in one window`);
    }
    const otherAt = startsOf(stage.heard).find(({ record }) => record.id === other?.uuid)?.at ?? Number.NaN;
    assert.ok(otherAt < (starts.at(-1)?.at ?? 0), 'it did not wait for the others');
  },
  { limitMs: 60_000 },
);

test(
  'Q7 one task of a group waits for no more than one task a slot of another group that has many; weights give more turns',
  async (stage) => {
    const { admin } = stage;
    await admin.queues.limit('turns', { of: 'queue', concurrency: 2 });
    await admin.queues.weigh('turns', 'heavy', 3);
    await admin.queues.pause('turns');
    const flood = await sleepers(
      stage,
      'turns',
      Array.from({ length: 60 }, () => 30),
      () => ({ group: 'flood' }),
    );
    const [single] = await sleepers(stage, 'turns', [1], () => ({ group: 'single' }));
    const heavy = await sleepers(
      stage,
      'turns',
      Array.from({ length: 12 }, () => 30),
      () => ({ group: 'heavy' }),
    );
    await admin.queues.resume('turns');
    await ends([...flood, ...heavy]);
    await settled(stage);
    const order = startsOf(stage.heard)
      .filter(({ record }) => record.queue === 'turns')
      .map(({ record }) => record.group);
    assert.ok(order.indexOf('single') <= 4, `it was number ${order.indexOf('single') + 1}`);
    assert.is(single?.type, 'fx.joined');
    const lastHeavy = order.lastIndexOf('heavy');
    const floodBefore = order.slice(0, lastHeavy).filter((group) => group === 'flood').length;
    assert.ok(floodBefore <= 8, `${floodBefore} of the others before the last of three to one`);
  },
  { limitMs: 60_000 },
);

test(
  'Q5 a limit holds through kills of supervisors and workers, and heals by itself',
  async (stage) => {
    const { admin } = stage;
    await admin.queues.limit('kills', { of: 'queue', concurrency: 5 });
    await admin.queues.limit('kills', { of: 'group', concurrency: 2 });
    const handles = await sleepers(
      stage,
      'kills',
      Array.from({ length: 90 }, (_, i) => 100 + (i % 5) * 100),
      (i) => ({ group: `g${i % 4}` }),
    );
    const [first, second] = stage.supervisors;
    const victims = [first, stage.workers[0], second, stage.workers[1], first, second];
    let left = handles.length;
    const all = Promise.all(handles.map(async (handle) => (await handle.wait({ timeout: '120s' }), left--)));
    for (const [i, victim] of victims.entries()) {
      // So that some have run since the last one, and there is something to be counted wrong.
      const goal = Math.max(0, Math.min(left, handles.length - 8 * (i + 1)));
      await eventually(() => assert.ok(left <= goal, `${left} are left`), { limitMs: 30_000, everyMs: 20 });
      await victim?.kill();
      await victim?.start();
    }
    await all;
    await settled(stage);
    const inQueue = mostAtOnce(stage.heard, ({ queue }) => (queue === 'kills' ? queue : undefined)).get('kills') ?? 0;
    assert.ok(inQueue <= 5 && inQueue >= 4, `${inQueue} at once`);
    for (const [group, most] of mostAtOnce(stage.heard, ({ queue, group }) => (queue === 'kills' ? group : undefined)))
      assert.ok(most <= 2, `${group}: ${most}`);
    // No slot was lost on the way.
    const again = await sleepers(stage, 'kills', [600, 600, 600, 600, 600], (i) => ({ group: `h${i}` }));
    await eventually(
      async () => {
        for (const handle of again) await handle.refresh();
        assert.ok(again.every(({ status }) => status === 'in_progress'));
      },
      { limitMs: 20_000, everyMs: 20 },
    );
    await ends(again);
  },
  { limitMs: 170_000 },
);

test.run();
