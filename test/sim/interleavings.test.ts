// Two commands at one task, in every order of their reads and writes: whoever comes first, exactly one end, and each is
// told what came of his own.
import type { Command, Fence, TaskRecord, TaskSpec } from '@baton/core';
import { isTerminal } from '@baton/core';
import { addressOf } from '@baton/protocols';
import { createKernel, recordOf, type Asked, type Held, type Kernel, type RecordStore } from '@baton/runtime';
import {
  checkLife,
  createMemoryWorld,
  createVirtualClock,
  describeReport,
  recordedOf,
  type MemoryWorld,
  type VirtualClock,
} from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';

const test = suite('interleavings');

const address = addressOf({ scope: 'shared', type: 'job', key: 'k' });
const ID = 'task';

const spec = (id: string, user: string): TaskSpec => ({
  ...{
    id,
    type: 'job',
    key: 'k',
    name: 'k',
    creator: user,
    queue: 'default',
    policy: { timeoutMs: 1_000, maxAttempts: 2 },
  },
  ...({ scope: 'shared', priority: 'normal', mode: 'async' } as const),
});

type Make = (held: Held | undefined, fence: Fence, at: number) => Command;

const submit =
  (id: string, user: string): Make =>
  (_held, _fence, at) => ({
    ...{ kind: 'submit', at, actor: { user, admin: false }, spec: spec(id, user), whenAborting: 'queue' },
  });
const cancel =
  (user: string): Make =>
  (_held, _fence, at) => ({ kind: 'cancel', at, actor: { user, admin: false }, id: ID, force: false });
const claim: Make = (held, { epoch }, at) => ({
  ...{ kind: 'claim', at, id: held?.record.id ?? '', worker: 'w2', epoch, revision: held?.revision ?? 0 },
  offered: held?.revision ?? 0,
});
const finish =
  (body: 'returned' | 'threw', abortHandled = false): Make =>
  (_held, fence, at) => ({
    ...({ kind: 'finish', at, fence, handlerErrors: [], abortHandled, random: 0 } as const),
    body: body === 'returned' ? { kind: 'returned' } : { kind: 'threw', error: { message: 'no', type: 'Error' } },
  });

/** What may be said to a running, abortable task of alice. */
const COMMANDS: Readonly<Record<string, Make>> = {
  cancel: cancel('alice'),
  'time-out': (_held, fence, at) => ({ kind: 'time-out', at, by: 'supervisor:s', fence }),
  rescue: (_held, fence, at) => ({ kind: 'rescue', at, by: 'supervisor:s', id: ID, worker: 'w1', fence }),
  'give-back': (_held, fence, at) => ({ kind: 'give-back', at, fence, why: 'drain' }),
  'mark-finishing': (_held, fence, at) => ({ kind: 'mark-finishing', at, fence }),
  return: finish('returned'),
  retry: finish('threw'),
  progress: (_held, fence, at) => ({ kind: 'progress', at, fence, progress: { count: 1 } }),
  join: submit('other', 'bob'),
  claim,
};

type Outcome = {
  readonly first: Asked;
  readonly second: Asked;
  /** The task that was spoken about, as it stood last: its key may have another one since. */
  readonly record: TaskRecord;
  readonly world: MemoryWorld;
  /** How many could have gone on, at each step. */
  readonly choices: readonly number[];
};

/** A store that does nothing before it is told to. */
const gated = (store: RecordStore, wait: () => Promise<void>): RecordStore => ({
  epoch: store.epoch,
  shortage: store.shortage,
  load: async (...args) => {
    await wait();
    return store.load(...args);
  },
  write: async (...args) => {
    await wait();
    return store.write(...args);
  },
});

const running = async (clock: VirtualClock, kernel: Kernel, epoch: number): Promise<Fence> => {
  const ask = (make: (held: Held | undefined) => Command) => clock.settle(kernel.ask(address, make));
  const none: Fence = { epoch, revision: 0 };
  await ask((held) => submit(ID, 'alice')(held, none, clock.now()));
  const claimed = await ask((held) => ({
    ...({ kind: 'claim', at: clock.now(), id: ID, worker: 'w1', epoch } as const),
    ...{ revision: held?.revision ?? 0, offered: held?.revision ?? 0 },
  }));
  const fence = claimed.kind === 'done' ? (claimed.record.owner?.fence ?? none) : none;
  await ask(() => ({ kind: 'make-abortable', at: clock.now(), fence }));
  return fence;
};

/** Longer than the kernel pauses between two turns. */
const STEP_MS = 60;

/** Plays the two once; `order` says who goes on at each step, the first one where it is silent. */
const play = async (one: Make, other: Make, order: readonly number[]): Promise<Outcome> => {
  const clock = createVirtualClock();
  const world = createMemoryWorld({ clock });
  const ports = world.ports('process');
  const fence = await running(clock, createKernel(ports), ports.store.epoch);
  const waiting = new Map<number, () => void>();
  const answers = [one, other].map((make, who) => {
    const wait = (): Promise<void> => new Promise((resolve) => waiting.set(who, resolve));
    const kernel = createKernel({ ...ports, store: gated(ports.store, wait) });
    return kernel.ask(address, (held) => make(held, fence, clock.now()));
  });
  const choices: number[] = [];
  for (await clock.advance(STEP_MS); waiting.size > 0; await clock.advance(STEP_MS)) {
    const ready = [...waiting.keys()].toSorted((a, b) => a - b);
    const who = ready[order[choices.length] ?? 0] ?? 0;
    choices.push(ready.length);
    const go = waiting.get(who);
    waiting.delete(who);
    go?.();
  }
  const [first, second] = await clock.settle(Promise.all(answers));
  const record = world
    .history()
    .map((entry) => recordOf(entry))
    .findLast(({ id }) => id === ID);
  assert.ok(first !== undefined && second !== undefined && record !== undefined);
  return { first, second, record, world, choices };
};

/** Every order there is, one after the other: the last step with another choice left takes it. */
async function* everyOrder(one: Make, other: Make): AsyncGenerator<Outcome> {
  let order: number[] = [];
  for (;;) {
    const outcome = await play(one, other, order);
    yield outcome;
    const taken = outcome.choices.map((_, i) => order[i] ?? 0);
    let last = taken.length - 1;
    while (last >= 0 && (taken[last] ?? 0) + 1 >= (outcome.choices[last] ?? 0)) last--;
    if (last < 0) return;
    order = [...taken.slice(0, last), (taken[last] ?? 0) + 1];
  }
}

const told = (asked: Asked): string => {
  if (asked.kind === 'done') return asked.answer.kind;
  return asked.kind === 'refused' ? asked.reason : asked.kind;
};

const check = (name: string, { first, second, record, world }: Outcome): void => {
  const stored = world.history().map((each) => recordedOf(each, world.epoch()));
  const report = checkLife(stored.filter((each) => each.record.id === ID));
  assert.ok(report.ok, `${name}: ${describeReport(report)}`);
  const ends = record.history.filter(({ status }) => isTerminal(status)).length;
  assert.ok(ends <= 1, `${name}: ended ${ends} times`);
  const [a, b] = name.split(' | ');
  const answers = new Map([
    [a, told(first)],
    [b, told(second)],
  ]);
  for (const answer of answers.values()) assert.not(['unknown', 'failed'].includes(answer), `${name}: ${answer}`);
  const by = answers.get('cancel');
  const returned = answers.get('return');
  if (by === 'aborted') assert.ok(['aborting', 'aborted'].includes(record.status) || record.abort !== undefined, name);
  if (returned === 'done') assert.is(record.status, 'success', name);
  if (record.status === 'success') assert.is(returned, 'done', name);
  if (by === 'aborted' && returned !== undefined) assert.is(returned, 'aborting', name);
  if (answers.get('rescue') === 'done' && record.status === 'pending') assert.is(record.rescues, 1, name);
  if (answers.get('join') === 'joined') {
    assert.ok(
      record.subscribers.some(({ user }) => user === 'bob') || record.successor !== undefined,
      `${name}: bob is lost`,
    );
  }
};

const names = Object.keys(COMMANDS);
const COUNT = (names.length * (names.length + 1)) / 2;

test(
  `A5, A12, D2, L13 ${COUNT} pairs of commands in every order of their reads and writes`,
  async () => {
    let orders = 0;
    const answers = new Set<string>();
    for (const [i, a] of names.entries()) {
      for (const b of names.slice(i)) {
        const [one, other] = [COMMANDS[a], COMMANDS[b]];
        assert.ok(one !== undefined && other !== undefined);
        for await (const outcome of everyOrder(one, other)) {
          orders++;
          if (a !== b) check(`${a} | ${b}`, outcome);
          answers.add(`${a} ${told(outcome.first)}, ${b} ${told(outcome.second)}`);
          outcome.world.close();
        }
      }
    }
    console.log(`${orders} orders, ${answers.size} pairs of answers`);
    // Both ways round were met where they differ.
    for (const pair of [
      'cancel aborted, return aborting',
      'cancel too_late, return done',
      'time-out done, return aborting',
      'rescue done, return fenced',
      'rescue not_running, return done',
      'cancel aborted, join created',
      'cancel unsubscribed, join joined',
    ]) {
      assert.ok(
        answers.has(pair),
        `not met: ${pair}; met: ${[...answers].filter((each) => each.startsWith(pair.split(' ')[0] ?? '')).join('; ')}`,
      );
    }
  },
  { limitMs: 60_000 },
);

test.run();
