// Q7 over simulated processes that are killed, frozen and cut off: whoever is displaced is so because its group had as many as may
// be, nobody else is, and everybody's outcome says so.
import { isTerminal, type TaskRecord, type WhenFull } from '@baton/core';
import { recordOf } from '@baton/runtime';
import { createBaton, getContext, task, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { createSimRoom } from '../support/sim-room.ts';
import { seeds } from '../support/seeds.ts';
import { suite } from '../support/suite.ts';

const test = suite('displacement under kills');

const MOST = 2;

/** Between the look at those that fill a group and the write, one of them may end. */
const RACE_MS = 100;
const EVENTS = 20;

const scene = async (seed: number, whenFull: WhenFull) => {
  const { clock, world, chance, start, harm, end: allEnd } = createSimRoom(seed);
  const faults: string[] = [];
  const begun = new Set<string>();
  const now = new Map<string, TaskRecord>();
  const endedAt = new Map<string, number>();
  const count = (): void => {
    const running = [...now.values()].filter(
      ({ status, id, owner }) =>
        (status === 'in_progress' || status === 'aborting') && begun.has(`${id} ${owner?.fence.revision}`),
    );
    for (const group of ['g0', 'g1'])
      if (running.filter((record) => record.group === group).length > MOST) faults.push(`too many of ${group}`);
  };
  world.onWrite((stored) => {
    const before = now.get(stored.address);
    const record = recordOf(stored);
    const isThere = (address: string, { status }: TaskRecord): boolean =>
      !isTerminal(status) || clock.now() - (endedAt.get(address) ?? 0) < RACE_MS;
    const others = [...now].filter(
      ([address, each]) => address !== stored.address && each.group === record.group && isThere(address, each),
    );
    now.set(stored.address, record);
    if (isTerminal(record.status) && before !== undefined && !isTerminal(before.status))
      endedAt.set(stored.address, clock.now());
    const isNew = record.abort?.cause === 'displaced' && before?.abort === undefined;
    if (isNew && others.length < MOST) faults.push(`${record.key} was displaced beside ${others.length} others`);
    count();
  });
  const perGroup = { concurrency: MOST, whenFull };
  const nap = task({ name: 'nap', scope: 'shared', maxRescues: 1_000, perGroup }, async (ms: number) => {
    const { taskId, fence, signal } = getContext();
    begun.add(`${taskId} ${fence.revision}`);
    count();
    await new Promise<void>((resolve) => {
      clock.after(ms, resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  });
  const client = createBaton({ ports: world.ports('client'), user: { id: 'alice' } });
  const handles: TaskHandle[] = [];
  const submit = async (group: string, ms: number): Promise<TaskHandle> => {
    const options = { taskKey: `k${handles.length}`, group };
    const handle = await clock.settle(client.schedule(nap, [ms], options));
    handles.push(handle);
    return handle;
  };
  await start({ supervisors: 2, workers: 3 }, () => ({ tasks: [nap], concurrency: 5 }));
  await clock.advance(5_000);
  const end = async (): Promise<readonly TaskRecord[]> => {
    const left = () => [...now.values()].filter(({ status }) => !isTerminal(status));
    await allEnd(() => left().map(({ key, status }) => `${key} ${status}`));
    for (const { status, abort, history } of now.values()) {
      const isDisplaced = abort?.cause === 'displaced';
      assert.ok(status === 'success' || (status === 'aborted' && isDisplaced), `${status} ${abort?.cause}`);
      if (isDisplaced)
        assert.ok(history.some(({ why }) => /^displaced: each group|^displaced: group g/.test(why ?? '')));
    }
    assert.equal(faults, []);
    return [...now.values()];
  };
  const harmOne = () => harm({ supervisors: 0.6, crash: 0.5, freeze: 0.3, freezeMs: 10_000 });
  return { clock, chance, submit, harm: harmOne, end, handles, world };
};

for (const seed of seeds(3)) {
  test(
    `Q7 cancel_newest: only who finds its group full is cancelled: seed ${seed}`,
    async () => {
      const { clock, chance, submit, harm, end, world } = await scene(seed, 'cancel_newest');
      for (let i = 0; i < EVENTS; i++) {
        for (let k = 0; k < 3; k++) await submit(`g${i % 2}`, 500 + chance.random() * 4_000);
        await clock.advance(500 + chance.random() * 6_000);
        await harm();
      }
      const ended = await end();
      const displaced = ended.filter(({ abort }) => abort?.cause === 'displaced');
      assert.ok(displaced.length > 0 && displaced.length < ended.length - EVENTS / 2, `${displaced.length}`);
      assert.ok(displaced.every(({ attempt }) => attempt === 0));
      world.close();
    },
    { limitMs: 60_000 },
  );
  test(
    `Q7 cancel_running: the newest of each group run to their end: seed ${seed}`,
    async () => {
      const { clock, chance, submit, harm, end, handles, world } = await scene(seed, 'cancel_running');
      for (let i = 0; i < EVENTS; i++) {
        for (let k = 0; k < 2; k++) await submit(`g${i % 2}`, 30_000);
        await clock.advance(500 + chance.random() * 6_000);
        await harm();
      }
      const ended = await end();
      const byKey = new Map(ended.map((record) => [record.key, record.status]));
      for (const group of ['g0', 'g1']) {
        const mine = handles.filter(({ record }) => record.group === group);
        for (const { key } of mine.slice(-MOST)) assert.is(byKey.get(key), 'success', `${key} was among the last`);
      }
      const stopped = ended.filter(({ abort, attempt }) => abort?.cause === 'displaced' && attempt > 0);
      assert.ok(stopped.length > 0, 'some were stopped while they ran');
      world.close();
    },
    { limitMs: 60_000 },
  );
}

test.run();
