// What counting costs a task: next to nothing beside the two hundred microseconds that its life takes.
import type { Command } from '@baton/core';
import { addressOf, encodeData, type Address } from '@baton/protocols';
import {
  createKernel,
  systemChance,
  systemClock,
  TaskMeter,
  type RecordStore,
  type StoredListener,
} from '@baton/runtime';
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';

const test = suite('metrics: cost');

const AT = 1_700_000_000_000;
const LIVES = 4_000;
const ROUNDS = 20;
/** Most that counting one whole life may cost, microseconds; measured are some tenths. */
const MOST_US = 4;

/** A store that takes every write at once: what is measured is ours alone. */
const instantStore = (): RecordStore => {
  let revision = 0;
  return {
    epoch: AT,
    shortage: undefined,
    load: async () => undefined,
    write: async () => ({ kind: 'written', revision: ++revision }),
  };
};

const commandsOf = (id: string, key: string, fence: { readonly epoch: number; readonly revision: number }) => {
  const spec = {
    ...({ id, type: 'report', key, name: key, scope: 'private', creator: 'alice', queue: 'default' } as const),
    ...({ priority: 'normal', mode: 'async', policy: {}, args: encodeData([1]) } as const),
  };
  const submit: Command = {
    kind: 'submit',
    at: AT,
    actor: { user: 'alice', admin: false },
    spec,
    whenAborting: 'queue',
  };
  const claim: Command = { kind: 'claim', at: AT + 5, id, worker: 'w1', ...fence, offered: fence.revision };
  const finish: Command = {
    ...({ kind: 'finish', at: AT + 9, fence, body: { kind: 'returned' } } as const),
    ...({ handlerErrors: [], abortHandled: true, random: 0.5 } as const),
  };
  return { submit, claim, finish };
};

/** Lives one after the other through the kernel; every transition is told to `counted`. */
const live = async (count: number, counted: StoredListener | undefined): Promise<void> => {
  const ports = {
    store: instantStore(),
    clock: systemClock,
    chance: systemChance(),
    signals: { record: () => undefined },
  };
  const kernel = createKernel(ports, counted);
  const address: Address = addressOf({ scope: 'private', type: 'report', key: 'k', user: 'alice' });
  for (let i = 0; i < count; i++) {
    const { submit } = commandsOf(`t${i}`, 'k', { epoch: AT, revision: 0 });
    const made = await kernel.ask(address, () => submit, { from: 'absent' });
    if (made.kind !== 'done') throw new Error(made.kind);
    const { claim, finish } = commandsOf(`t${i}`, 'k', { epoch: AT, revision: made.revision });
    const claimed = await kernel.ask(address, () => claim, { from: made });
    if (claimed.kind !== 'done') throw new Error(claimed.kind);
    const ended = await kernel.ask(address, () => finish, { from: claimed });
    if (ended.kind !== 'done' || ended.record.status !== 'success') throw new Error(ended.kind);
  }
};

const microseconds = async (count: number, run: () => void | Promise<void>): Promise<number> => {
  const began = performance.now();
  await run();
  return ((performance.now() - began) * 1_000) / count;
};

/** The least of many short rounds: whatever else the machine does strikes only some of them. */
const least = async (rounds: number, measure: () => Promise<number>): Promise<number> => {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) best = Math.min(best, await measure());
  return best;
};

test(
  'counting a whole life costs less than some hundredths of it',
  async () => {
    const transitions: Parameters<StoredListener>[] = [];
    await live(1, (before, after) => void transitions.push([before, after]));
    assert.is(transitions.length, 3, 'submitted, claimed, finished');

    const meter = new TaskMeter();
    const count = (): void => {
      for (let i = 0; i < LIVES; i++) for (const [before, after] of transitions) meter.stored(before, after);
    };
    const counting = await least(ROUNDS, () => microseconds(LIVES, count));
    const living = await least(ROUNDS, () => microseconds(LIVES / 10, () => live(LIVES / 10, undefined)));
    const ns = Math.round(counting * 1_000);
    console.log(`a life through the kernel: ${living.toFixed(1)} µs without a store; counting it: ${ns} ns`);
    assert.is(meter.types.get('report')?.ended.success, LIVES * ROUNDS);
    assert.ok(counting < MOST_US, `counting costs ${counting} µs a task`);
  },
  { limitMs: 60_000 },
);

test.run();
