import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import {
  compareFences,
  decide,
  fold,
  isTerminal,
  type Actor,
  type Command,
  type Fence,
  type TaskRecord,
} from './index.ts';
import { ALICE, BOB, CAROL, EPOCH, spec, T0 } from './testing/make.ts';

/**
 * Two workers, a supervisor and three users around one key, each working from what it last saw, with a store that
 * refuses all but one of those who decided on the same revision. One seed is one run, to the last step.
 */
const test = suite('simulation of one actor');

/** Thousands of runs, on a machine that may have other things to do. */
const SLOW = { limitMs: 120_000 };

type Held = { readonly record: TaskRecord; readonly revision: number };

class Store {
  held: Held | undefined;
  revision = 0;
  readonly log: TaskRecord[] = [];

  write(expected: number, record: TaskRecord): boolean {
    if ((this.held?.revision ?? 0) !== expected) return false;
    this.revision++;
    this.held = { record, revision: this.revision };
    this.log.push(record);
    return true;
  }
}

/** A small generator of even numbers (Mulberry32), so that a seed says everything. */
const dice = (seed: number) => {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
};

type World = {
  readonly store: Store;
  readonly roll: () => number;
  at: number;
  ids: number;
  readonly created: Set<string>;
};
type Part = { readonly step: (world: World) => void };

/** One turn on a view that may be old. */
const turn = (world: World, view: Held | undefined, command: Command): Held | undefined => {
  const decision = decide(view?.record, command);
  if (!decision.ok) return undefined;
  if (decision.events.length === 0) return view;
  const record = fold(view?.record, decision);
  assert.ok(record);
  if (!world.store.write(view?.revision ?? 0, record)) return undefined;
  if (decision.answer.kind === 'created') world.created.add(decision.answer.id);
  return world.store.held;
};

const user = (actor: Actor): Part => {
  let view: Held | undefined;
  return {
    step: (world) => {
      const { roll, store, at } = world;
      if (roll() < 0.6) view = store.held;
      if (roll() < 0.6) {
        const id = `t-${String(world.ids++).padStart(4, '0')}`;
        const policy = { maxAttempts: 3, timeoutMs: 5 };
        const whenAborting = roll() < 0.7 ? 'queue' : 'join';
        turn(world, view, {
          kind: 'submit',
          at,
          actor,
          spec: spec({ id, scope: 'shared', creator: actor.user ?? '', policy }),
          whenAborting,
        });
      } else {
        const waiting = view?.record.successor?.spec.id;
        const id = (roll() < 0.3 ? waiting : undefined) ?? view?.record.id ?? 'none';
        turn(world, view, { kind: 'cancel', at, actor, id, force: false });
      }
    },
  };
};

/** Runs what it claimed for some steps; sometimes it sleeps through its own death and goes on as if nothing had been. */
const worker = (name: string, dead: Set<string>): Part => {
  let fence: Fence | undefined;
  return {
    step: (world) => {
      const { roll, store, at } = world;
      if (roll() < 0.1) return void dead.add(name);
      if (roll() < 0.5) dead.delete(name);
      const view = store.held;
      if (view === undefined) return;
      if (fence === undefined) {
        const { revision, record } = view;
        const claimed = turn(world, view, {
          kind: 'claim',
          at,
          id: record.id,
          worker: name,
          epoch: EPOCH,
          revision,
          offered: revision,
        });
        fence = claimed?.record.owner?.fence;
        return;
      }
      const mine = fence;
      if (roll() < 0.3) return void turn(world, view, { kind: 'make-abortable', at, fence: mine });
      if (roll() < 0.3)
        return void turn(world, view, {
          kind: 'progress',
          at,
          fence: mine,
          progress: { count: Math.floor(roll() * 9) },
        });
      if (roll() < 0.2) return void turn(world, view, { kind: 'time-out', at, by: `worker:${name}`, fence: mine });
      fence = undefined;
      if (roll() < 0.2) return void turn(world, view, { kind: 'give-back', at, fence: mine, why: 'drain' });
      const error = { message: 'x', type: 'Error' };
      const body = roll() < 0.5 ? ({ kind: 'returned' } as const) : ({ kind: 'threw', error } as const);
      turn(world, view, {
        kind: 'finish',
        at,
        fence: mine,
        body,
        handlerErrors: [],
        abortHandled: true,
        random: roll(),
      });
    },
  };
};

const supervisor = (dead: Set<string>): Part => {
  let view: Held | undefined;
  return {
    step: (world) => {
      const { roll, store, at } = world;
      if (roll() < 0.7) view = store.held;
      if (view === undefined) return;
      const { record } = view;
      const by = 'supervisor:s1';
      const holder = record.owner?.worker;
      if (isTerminal(record.status))
        turn(world, view, { kind: record.successor ? 'promote' : 'archive', at, by, id: record.id });
      else if (holder !== undefined && dead.has(holder))
        turn(world, view, { kind: 'rescue', at, by, id: record.id, worker: holder });
      else if (record.owner && roll() < 0.2) turn(world, view, { kind: 'time-out', at, by, fence: record.owner.fence });
    },
  };
};

const run = (seed: number): { readonly log: readonly TaskRecord[]; readonly created: ReadonlySet<string> } => {
  const roll = dice(seed);
  const world: World = { store: new Store(), roll, at: T0, ids: 0, created: new Set() };
  const dead = new Set<string>();
  const parts = [
    user(ALICE),
    user(BOB),
    user(CAROL),
    worker('w1', dead),
    worker('w2', dead),
    worker('w1', dead),
    supervisor(dead),
  ];
  for (let i = 0; i < 400; i++) {
    world.at += Math.floor(roll() * 10);
    parts[Math.floor(roll() * parts.length)]?.step(world);
  }
  settle(world);
  return { log: world.store.log, created: world.created };
};

/** Everybody calms down: what runs is rescued until it is given up or ends, what waits is promoted and cancelled. */
const settle = (world: World): void => {
  for (let i = 0; i < 50; i++) {
    const { held } = world.store;
    if (held === undefined) return;
    const { id, status, owner, successor } = held.record;
    const at = ++world.at;
    if (isTerminal(status) && successor === undefined) return;
    if (isTerminal(status)) turn(world, held, { kind: 'promote', at, by: 'supervisor:s1', id });
    else if (status === 'pending')
      turn(world, held, { kind: 'cancel', at, actor: { user: 'root', admin: true }, id, force: true });
    else turn(world, held, { kind: 'rescue', at, by: 'supervisor:s1', id, worker: owner?.worker ?? '' });
  }
  assert.unreachable('it does not come to an end');
};

test(
  'two workers, a supervisor and three users: one end a task, nobody lost, fences only grow',
  () => {
    let ended = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const { log, created } = run(seed);
      const ends = new Map<string, TaskRecord>();
      let fence: Fence = { epoch: 0, revision: 0 };
      for (const [i, record] of log.entries()) {
        const said = `seed ${seed}, write ${i}`;
        const former = ends.get(record.id);
        if (former !== undefined) {
          assert.is(record.status, former.status, said);
          assert.equal(record.error, former.error, said);
        }
        if (isTerminal(record.status)) ends.set(record.id, record);
        if (
          record.owner !== undefined &&
          record.owner !== log[i - 1]?.owner &&
          compareFences(record.owner.fence, fence) !== 0
        ) {
          assert.ok(compareFences(record.owner.fence, fence) > 0, said);
          fence = record.owner.fence;
        }
      }
      assert.equal([...ends.keys()].toSorted(), [...created].toSorted(), `seed ${seed}`);
      ended += ends.size;
    }
    assert.ok(ended > 1_000);
  },
  SLOW,
);

test('one seed is one run', () => {
  assert.equal(run(7).log, run(7).log);
});

test.run();
