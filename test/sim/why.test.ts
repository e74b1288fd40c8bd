// Q9 over simulated processes: stories of groups, keys, limits, rates, pauses, dependencies, delays, waits and successors, in
// which workers come and go and processes are killed, frozen and cut off. All that wait are asked why, again and again: each
// has a reason, none begins while what it was said to wait for holds, and once nothing changes what is said is what is so.
import { LOWER_SHARE, type WaitReason } from '@baton/core';
import { createBaton, getContext, task, type CallOptions, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { createSimRoom } from '../support/sim-room.ts';
import { createWhyStory } from '../support/sim-why-story.ts';
import { liesOf } from '../support/sim-why.ts';
import { seeds } from '../support/seeds.ts';
import { suite } from '../support/suite.ts';

const test = suite('why tasks wait, under kills');

const SEEDS = seeds(40);
const MOST_SEEDS = 60;
const TURNS = 40;
const SETTLED_EVERY = 5;

/** Nine in ten start so near to where it was said; others are the one in twenty that goes before higher priorities. */
const TURNS_OFF = 5;

/** A takeover of a limited queue, and the rescue of what a dead worker ran, are over by then. */
const SETTLE_MS = 25_000;

/** Milliseconds until it is to open; 0 of what is no rate. */
const rateOpensIn = (reason: WaitReason): number => (reason.kind === 'limit' ? (reason.rate?.opensInMs ?? 0) : 0);

const seen = new Set<string>();

const play = async (seed: number): Promise<void> => {
  const { clock, chance, world, acts, ask, truth, faults, said, letLostGo, letAllGo, reread } =
    await createWhyStory(seed);
  const lies = async (knowsRates = false) => (await ask()).flatMap((why) => liesOf(truth(), why, knowsRates));
  /** A rate may have opened, or a delay have ended, this very moment. */
  const lasting = async (knowsRates = false) => {
    let found = await lies(knowsRates);
    for (let again = 0; again < 3 && found.length > 0; again++) {
      await clock.advance(1_500);
      found = await lies(knowsRates);
    }
    return found;
  };
  for (let turn = 1; turn <= TURNS; turn++) {
    await acts[Math.floor(chance.random() * acts.length)]?.();
    await clock.advance(chance.random() * 1_500);
    await ask();
    if (turn % SETTLED_EVERY > 0) continue;
    await clock.advance(SETTLE_MS);
    letLostGo();
    await clock.advance(1_000);
    await reread();
    const found = await lasting();
    assert.equal([...found, ...faults], []);
    const opens = (await ask()).flatMap(({ reasons }) => reasons.map((reason) => rateOpensIn(reason)));
    if (Math.max(0, ...opens) === 0) continue;
    letAllGo();
    await clock.advance(Math.max(...opens) + 1_500);
    assert.equal([...(await lasting(true)), ...faults], [], 'once its rates have opened');
  }
  for (const each of said) seen.add(each);
  world.close();
};

for (const seed of SEEDS)
  test(`Q9 every task that waits says why, and it is so: seed ${seed}`, () => play(seed), { limitMs: 90_000 });

test(
  'Q9 of all that may be in the way each was seen',
  async () => {
    const expected = [
      ...['behind', 'delay', 'depends_on', 'no_worker', 'retry', 'signal', 'taken_over', 'workers_busy'],
      ...['group', 'queue', 'type'].map((of) => `pause of ${of}`),
      ...['group', 'key', 'queue', 'type'].map((of) => `limit of ${of}`),
      ...['group', 'key', 'queue'].map((of) => `rate of ${of}`),
    ];
    const missing = () => expected.filter((each) => !seen.has(each));
    // What a story comes to is chance, and another one with every change of the code: more of them are told until all was.
    for (let seed = SEEDS.length + 1; missing().length > 0 && seed <= MOST_SEEDS; seed++) await play(seed);
    assert.equal(missing(), []);
  },
  { limitMs: 90_000 },
);

/** Tasks that run until one of them is let go, the last started first. */
const lines = async (seed: number) => {
  const room = createSimRoom(seed);
  const { clock, world } = room;
  const order: string[] = [];
  const goOn: (() => void)[] = [];
  const body = async (ms = 0): Promise<void> => {
    order.push(getContext().taskKey ?? '');
    if (ms > 0) await room.pause(ms);
    else await new Promise<void>((resolve) => goOn.push(resolve));
  };
  const tasks = [task({ name: 'one', scope: 'shared' }, body), task({ name: 'other', scope: 'shared' }, body)];
  await room.start({ supervisors: 2, workers: 2 }, () => ({ tasks, concurrency: 3 }));
  const admin = createBaton({ ports: world.ports('admin'), user: { id: 'root', admin: true } });
  const handles: TaskHandle[] = [];
  const submit = async (options: CallOptions & { readonly which?: number; readonly ms?: number } = {}) => {
    const { which = 0, ms = 0, ...more } = options;
    const handle = await clock.settle(admin.schedule(tasks[which]!, [ms], { taskKey: `k${handles.length}`, ...more }));
    handles.push(handle);
  };
  /** Of those that wait, in the order in which they are to start. */
  const ask = async () => {
    const whys = await clock.settle(Promise.all(handles.map(async (handle) => ({ handle, why: await handle.why() }))));
    return whys.filter(({ why }) => why.waits).toSorted((a, b) => (a.why.position ?? 0) - (b.why.position ?? 0));
  };
  const letOneGo = async (): Promise<void> => {
    goOn.shift()?.();
    await clock.advance(300);
  };
  return { ...room, admin, order, submit, ask, letOneGo };
};

for (const seed of [1, 2, 3]) {
  test(`Q9 in a queue of one type without groups they start in the order that was said: seed ${seed}`, async () => {
    const { clock, chance, world, harm, order, submit, ask, letOneGo } = await lines(seed);
    for (let i = 0; i < 24; i++) await submit();
    await clock.advance(1_000);
    let left = await ask();
    assert.is(left.length, 18);
    while (left.length > 0) {
      assert.equal(
        left.map(({ why }) => why.position),
        left.map((_, i) => i + 1),
      );
      const next = left.slice(0, 2).map(({ handle }) => handle.key);
      // Another host of the queue, and who comes meanwhile, change nothing of it.
      if (chance.random() < 0.2) await harm({ supervisors: 1, crash: 1, freeze: 0, freezeMs: 0 });
      if (chance.random() < 0.3) await submit();
      await clock.advance(15_000);
      for (let i = 0; i < next.length; i++) await letOneGo();
      assert.equal(order.slice(-next.length), next);
      left = await ask();
    }
    world.close();
  });

  test(`Q9 where groups, types and priorities take turns about as many start before it as was said: seed ${seed}`, async () => {
    const { chance, clock, world, admin, order, submit, ask, letOneGo } = await lines(seed);
    await clock.settle(admin.queues.weigh('default', 'g0', 2));
    for (let i = 0; i < 60; i++) {
      const group = `g${Math.floor(chance.random() * 3)}`;
      const priority = chance.random() < 0.5 ? 'high' : 'normal';
      await submit({ group, priority, which: Math.floor(chance.random() * 2) });
    }
    await clock.advance(1_000);
    const said = await ask();
    const before = order.length;
    for (let i = 0; i < 100 && order.length < 60; i++) await letOneGo();
    const off = said.map(({ handle, why }) => Math.abs(order.indexOf(handle.key) - before - (why.ahead ?? -99)));
    const isNear = (starts: number): boolean => starts <= TURNS_OFF;
    assert.ok(off.filter(isNear).length >= 0.9 * said.length && Math.max(...off) <= LOWER_SHARE, off.join());
    world.close();
  });

  test(`Q9 the start that is expected of a steady queue is when it starts: seed ${seed}`, async () => {
    const { clock, world, submit, ask } = await lines(seed);
    for (let i = 0; i < 90; i++) await submit({ ms: 1_500 });
    await clock.advance(8_000);
    const said = await ask();
    const off: number[] = [];
    for (let i = 0; i < 60; i++) await clock.advance(1_000);
    for (const { handle, why } of said) {
      await clock.settle(handle.refresh());
      const { startedAt = Number.NaN } = handle.record;
      off.push(Math.abs(startedAt - (why.expectedStart ?? Number.NaN)));
    }
    assert.ok(said.length > 30 && off.every((ms) => ms < 3_000), off.join());
    world.close();
  });
}

test.run();
